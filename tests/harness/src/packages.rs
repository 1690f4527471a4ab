//! Programs from Debian's packages.

use std::path::PathBuf;

use anyhow::{Context, bail};
use tokio::process::Command;
use tokio::sync::Mutex;

use deploy::process::Processes;

/// apt-get refuses to run twice at once.
static INSTALLS: Mutex<()> = Mutex::const_new(());

/// Installs Debian's `package` if `program` is missing and that is possible; returns the path of the
/// program. `hint` is shown if it is missing.
pub async fn install(
    processes: &Processes,
    program: &str,
    package: &str,
    hint: &str,
) -> anyhow::Result<PathBuf> {
    if let Some(path) = on_path(program) {
        return Ok(path);
    }
    if !rustix::process::geteuid().is_root() || on_path("apt-get").is_none() {
        bail!("`{program}` is not on the PATH, and only root can install it\n{hint}");
    }
    let _one_at_a_time = INSTALLS.lock().await;
    for arguments in [&["update"][..], &["install", "--yes", "--no-install-recommends", package]] {
        let mut command = Command::new("apt-get");
        command.args(arguments).env("DEBIAN_FRONTEND", "noninteractive");
        let log = format!("install-{package}");
        processes.run(&log, &mut command).await.with_context(|| hint.to_owned())?;
    }
    on_path(program).with_context(|| format!("`{program}` is not on the PATH\n{hint}"))
}

/// The first file of that name on the PATH.
#[must_use]
pub fn on_path(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(program)).find(|path| path.is_file())
}
