//! A quota of CPU, as a Lambda has by its memory, set by a control group.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, bail};

/// A function with so many MB has one whole vCPU; see "Configure Lambda function memory" of its guide.
pub(crate) const MEMORY_OF_A_VCPU: f64 = 1_769.0;

/// Lambda hands out CPU in slices of this length.
const PERIOD: Duration = Duration::from_millis(20);

/// A control group; its processes must have ended before it is dropped.
#[derive(Debug)]
pub(crate) struct Quota {
    group: PathBuf,
}

impl Quota {
    /// A group whose processes together get the share of one vCPU that a Lambda of so much memory has.
    ///
    /// # Errors
    /// Where control groups can't be made, such as in most containers.
    pub(crate) fn of_memory(megabytes: u32) -> anyhow::Result<Self> {
        let period = PERIOD.as_micros();
        #[expect(clippy::cast_precision_loss, reason = "20,000 is exact")]
        let quota = (f64::from(megabytes) / MEMORY_OF_A_VCPU * period as f64).round();
        let name = format!("vigie-bench-{}-{megabytes}", std::process::id());
        let mounts = fs::read_to_string("/proc/self/mounts")?;
        let mut mounts = mounts.lines().filter_map(|line| {
            let mut fields = line.split(' ').skip(1);
            Some((PathBuf::from(fields.next()?), fields.next()?, fields.next()?))
        });
        let version_1 = mounts.clone().find(|(_, kind, options)| {
            *kind == "cgroup" && options.split(',').any(|one| one == "cpu")
        });
        if let Some((mount, ..)) = version_1 {
            let group = Self::make(mount.join(name))?;
            group.write("cpu.cfs_period_us", &period.to_string())?;
            group.write("cpu.cfs_quota_us", &quota.to_string())?;
            return Ok(group);
        }
        let Some((mount, ..)) = mounts.find(|(_, kind, _)| *kind == "cgroup2") else {
            bail!("no control groups are mounted");
        };
        let group = Self::make(mount.join(name))?;
        group.write("cpu.max", &format!("{quota} {period}"))?;
        Ok(group)
    }

    fn make(group: PathBuf) -> anyhow::Result<Self> {
        fs::create_dir(&group).with_context(|| group.display().to_string())?;
        Ok(Self { group })
    }

    /// Adds a process and its future children.
    pub(crate) fn hold(&self, pid: i32) -> anyhow::Result<()> {
        self.write("cgroup.procs", &pid.to_string())
    }

    fn write(&self, file: &str, value: &str) -> anyhow::Result<()> {
        let path: &Path = &self.group.join(file);
        fs::write(path, value).with_context(|| format!("`{value}` into `{}`", path.display()))
    }
}

impl Drop for Quota {
    fn drop(&mut self) {
        // A killed process leaves its group a moment after it was reaped.
        for _ in 0..100 {
            if fs::remove_dir(&self.group).is_ok() {
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}
