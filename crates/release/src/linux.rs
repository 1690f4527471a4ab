//! The archive of the command: program, completions, manual pages, systemd unit.

use std::path::Path;

use anyhow::Context;
use tokio::process::Command;

use crate::VERSION;
use crate::entry::{Entry, copy};

/// Shells with the file name of their completions.
pub(crate) const SHELLS: [(&str, &str); 3] =
    [("bash", "vigie.bash"), ("zsh", "_vigie"), ("fish", "vigie.fish")];

/// The name of the archive, which is also its folder.
#[must_use]
pub fn archive(architecture: &str) -> String {
    format!("vigie-{VERSION}-linux-{architecture}")
}

/// The entries of the archive. `vigie` is the program; `helper` is one that runs on this machine and writes the
/// completions and manual pages.
pub async fn entries(root: &Path, vigie: Vec<u8>, helper: &Path) -> anyhow::Result<Vec<Entry>> {
    let mut entries = vec![Entry::program("vigie", vigie)];
    for (shell, file) in SHELLS {
        let script = output(helper, &["completions", shell]).await?;
        entries.push(Entry::file(format!("completions/{file}"), script));
    }
    entries.extend(manual(root, helper).await?);
    let unit = copy(root, "packaging/systemd/vigie.service")?;
    entries.push(Entry { path: "systemd/vigie.service".to_owned(), ..unit });
    let readme = copy(root, "packaging/archive/README-linux.md")?;
    entries.push(Entry { path: "README.md".to_owned(), ..readme });
    for name in ["LICENSE", "CHANGELOG.md"] {
        entries.push(copy(root, name)?);
    }
    Ok(entries)
}

async fn manual(root: &Path, helper: &Path) -> anyhow::Result<Vec<Entry>> {
    let folder = root.join("target/release-files/man");
    let _ = std::fs::remove_dir_all(&folder);
    let path = folder.to_str().context("the path of the checkout is not UTF-8")?;
    output(helper, &["man", "--output", path]).await?;
    let mut entries = Vec::new();
    for page in std::fs::read_dir(&folder)? {
        let page = page?;
        let name = page.file_name().to_string_lossy().into_owned();
        entries.push(Entry::file(format!("man/{name}"), std::fs::read(page.path())?));
    }
    // The wheel lists them in this order.
    entries.sort_by(|one, other| one.path.cmp(&other.path));
    Ok(entries)
}

async fn output(program: &Path, arguments: &[&str]) -> anyhow::Result<Vec<u8>> {
    let output = Command::new(program).args(arguments).output().await;
    let output = output.with_context(|| format!("`{}`", program.display()))?;
    let errors = String::from_utf8_lossy(&output.stderr);
    anyhow::ensure!(output.status.success(), "`vigie {}` failed: {errors}", arguments.join(" "));
    Ok(output.stdout)
}
