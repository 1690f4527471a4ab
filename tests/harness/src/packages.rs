//! Programs from Debian's packages.

use std::fmt::Display;
use std::path::PathBuf;

use anyhow::{Context, bail};
use tokio::process::Command;
use tokio::sync::Mutex;

use deploy::process::Processes;

/// Set where every program must be installed, as in CI: a test that would be skipped without one fails.
const REQUIRED: &str = "VIGIE_REQUIRE_TOOLS";

/// The reason for which a test is skipped.
///
/// # Errors
/// With that reason, if `VIGIE_REQUIRE_TOOLS` is set.
pub fn skip(reason: impl Display) -> anyhow::Result<String> {
    skip_unless_required(reason, std::env::var_os(REQUIRED).is_some())
}

fn skip_unless_required(reason: impl Display, is_required: bool) -> anyhow::Result<String> {
    if is_required {
        bail!("skipped, although `{REQUIRED}` is set: {reason}");
    }
    Ok(reason.to_string())
}

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn skipped_test_fails_where_tools_are_required() {
        assert_eq!(skip_unless_required("no browser", false).unwrap(), "no browser");
        let error = skip_unless_required("no browser", true).unwrap_err().to_string();
        assert_eq!(error, "skipped, although `VIGIE_REQUIRE_TOOLS` is set: no browser");
    }
}
