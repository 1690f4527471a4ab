//! Servers from packages of other Debian releases, unpacked below `target/` and not installed.
//!
//! The packages of this Debian release are old. Newer receivers are tested with these. A separate apt
//! configuration does not change that of the machine and needs no root. Scenarios are skipped if the packages
//! are not available.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use tokio::process::Command;

use crate::packages::on_path;
use deploy::process::Processes;

/// A package of one Debian release.
#[derive(Clone, Copy, Debug)]
pub struct Package {
    pub name: &'static str,
    pub release: &'static str,
}

/// 2.42.
pub const PROMETHEUS_2: Package = Package { name: "prometheus", release: "bookworm" };
/// 3.5 or later: receives and sends remote write 2.0.
pub const PROMETHEUS_3: Package = Package { name: "prometheus", release: "forky" };
/// 1.79: `victoria-metrics` and `vmagent`.
pub const VICTORIA_METRICS: Package = Package { name: "victoria-metrics", release: "bookworm" };
/// 1.145 or later.
pub const VICTORIA_METRICS_NEW: Package = Package { name: "victoria-metrics", release: "forky" };

const MIRROR: &str = "http://deb.debian.org/debian";
const KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";

/// A package's files.
#[derive(Clone, Debug)]
pub struct Unpacked {
    folder: PathBuf,
    /// Such as `3.5.3+ds1-6`.
    pub version: String,
}

impl Unpacked {
    /// One of its programs.
    #[must_use]
    pub fn program(&self, name: &str) -> PathBuf {
        self.folder.join("usr/bin").join(name)
    }
}

impl Package {
    /// Its files below `target/debian/`, fetched once; an error has the reason why they are not available.
    pub async fn unpack(&self, root: &Path, processes: &Processes) -> anyhow::Result<Unpacked> {
        // Only one apt may use a folder of lists at a time.
        static ONCE: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());
        let _one_at_a_time = ONCE.lock().await;

        let release = root.join("target/debian").join(self.release);
        let folder = release.join(self.name);
        // Written last: a folder without it is incomplete.
        let stamp = release.join(format!("{}.version", self.name));
        if let Ok(version) = fs::read_to_string(&stamp) {
            return Ok(Unpacked { folder, version });
        }
        let package = self.fetch(&release, processes).await?;
        if folder.exists() {
            fs::remove_dir_all(&folder)?;
        }
        let log = self.log();
        let mut unpack = Command::new("dpkg-deb");
        unpack.arg("--extract").arg(&package).arg(&folder);
        processes.run(&log, &mut unpack).await?;
        let version = version(&package).context("a package's file name without a version")?;
        fs::remove_file(&package)?;
        fs::write(&stamp, &version)?;
        Ok(Unpacked { folder, version })
    }

    /// Downloads the package's file, checked against Debian's signature by apt.
    async fn fetch(&self, release: &Path, processes: &Processes) -> anyhow::Result<PathBuf> {
        for (tool, there) in [
            ("apt-get", on_path("apt-get").is_some()),
            ("dpkg-deb", on_path("dpkg-deb").is_some()),
            (KEYRING, Path::new(KEYRING).exists()),
        ] {
            if !there {
                bail!("`{tool}` is missing; Debian's packages are not available");
            }
        }
        let config = configure(release, self.release)?;
        let downloads = release.join("downloads");
        if downloads.exists() {
            fs::remove_dir_all(&downloads)?;
        }
        fs::create_dir_all(&downloads)?;
        for arguments in [&["update"][..], &["download", self.name]] {
            let mut apt = Command::new("apt-get");
            apt.arg("--quiet").args(arguments).env("APT_CONFIG", &config).current_dir(&downloads);
            processes.run(&self.log(), &mut apt).await?;
        }
        let found = fs::read_dir(&downloads)?.next().context("apt-get downloaded nothing")?;
        Ok(found?.path())
    }

    fn log(&self) -> String {
        format!("debian-{}-{}", self.release, self.name)
    }
}

/// Writes the apt configuration of one release; returns its path.
fn configure(folder: &Path, release: &str) -> anyhow::Result<PathBuf> {
    for each in ["state/lists/partial", "cache/archives/partial"] {
        fs::create_dir_all(folder.join(each))?;
    }
    fs::write(folder.join("state/status"), "")?;
    let sources = folder.join("sources.list");
    fs::write(&sources, format!("deb [signed-by={KEYRING}] {MIRROR} {release} main\n"))?;
    let path = |name: &str| folder.join(name).display().to_string();
    let config = folder.join("apt.conf");
    fs::write(
        &config,
        format!(
            "Dir::State \"{}\";\nDir::State::status \"{}\";\nDir::Cache \"{}\";\n\
             Dir::Etc::sourcelist \"{}\";\nDir::Etc::sourceparts \"-\";\n\
             Acquire::Languages \"none\";\n\
             Acquire::IndexTargets::deb::DEP-11::DefaultEnabled \"false\";\n",
            path("state"),
            path("state/status"),
            path("cache"),
            sources.display()
        ),
    )?;
    Ok(config)
}

/// `prometheus_3.5.3+ds1-6_amd64.deb` → `3.5.3+ds1-6`; apt writes an epoch's colon as `%3a`.
fn version(package: &Path) -> Option<String> {
    let name = package.file_name()?.to_str()?;
    name.split('_').nth(1).map(|version| version.replace("%3a", ":"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn version_is_read_from_the_file_name() {
        let of = |name: &str| version(Path::new(name));
        assert_eq!(of("/x/prometheus_3.5.3+ds1-6_amd64.deb").as_deref(), Some("3.5.3+ds1-6"));
        assert_eq!(of("bind_1%3a9.18_amd64.deb").as_deref(), Some("1:9.18"));
        assert_eq!(of("README"), None);
    }
}
