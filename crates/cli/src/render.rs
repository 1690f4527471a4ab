//! Renders the alarms of all probes to the nested stack `infra/alarms.yaml`.
//!
//! The file is committed, so that every change of an alarm is visible in a diff.
//!
//! A stack holds 500 resources, which is enough for about 240 probes. `--shards` distributes more probes to
//! several stacks, which `alarms.yaml` then lists. The stack of a probe follows from a stable hash of its
//! name: an alarm that moved to another stack would be created there before the old stack deletes it, and
//! the deployment would fail. For the same reason the file records the number of shards.

mod alarm;
mod budget;
pub(crate) mod certificate;
mod condition;
mod located;
mod locations;
mod maintenance;
mod stack;

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use domain::report::stable_hash;
use domain::{AlarmKind, EnvironmentName, LocationName, MOfN, ProbeName, ProbeSpec};

pub use locations::DeployedLocations;

/// The file that the template names. Shards are in the same folder.
pub const ALARMS_FILE: &str = "alarms.yaml";

/// Number of stacks for the alarms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shards(u32);

impl Shards {
    /// All alarms in `alarms.yaml` itself.
    pub const ONE: Self = Self(1);

    /// `None` unless `count` is 1, 4, 8, 16 or 32: the dashboard reads the alarms in four parts, and 32 stacks hold
    /// thousands of probes.
    #[must_use]
    pub const fn new(count: u32) -> Option<Self> {
        if matches!(count, 1 | 4 | 8 | 16 | 32) { Some(Self(count)) } else { None }
    }

    #[must_use]
    pub const fn count(self) -> u32 {
        self.0
    }

    /// The number recorded in a rendered file, if any.
    #[must_use]
    pub fn of_rendered(text: &str) -> Option<Self> {
        let number = text.lines().find_map(|line| line.trim().strip_prefix("Shards: "))?;
        Self::new(number.trim().parse().ok()?)
    }

    fn of_probe(self, name: &ProbeName) -> u32 {
        let shard = stable_hash(name.as_str()) % u64::from(self.0);
        u32::try_from(shard).expect("a remainder of a u32 fits into one")
    }
}

/// One file of the nested stack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RenderedFile {
    /// `alarms.yaml`, or for example `alarms-03.yaml` for a shard.
    pub name: String,
    pub text: String,
}

/// Why the alarms are not rendered: CloudWatch or CloudFormation would reject them.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RenderError {
    #[error("probe `{probe}` is in two files; expected a unique name")]
    SameName { probe: ProbeName },
    #[error(
        "probe `{probe}`: alarm `{}: {rule}` with a period of {every_seconds} s evaluates {} s; \
         CloudWatch allows at most {} s for a period {}\n\
         hint: use fewer periods or a shorter `every`",
        kind.as_str(), evaluated(*rule, *every_seconds), longest(*every_seconds), class(*every_seconds)
    )]
    EvaluationTooLong { probe: ProbeName, kind: AlarmKind, rule: MOfN, every_seconds: u64 },
    #[error(
        "probe `{probe}`: the alarm's description has {characters} characters; \
         CloudWatch allows 1024\nhint: shorten `labels` or `runbook`"
    )]
    DescriptionTooLong { probe: ProbeName, characters: usize },
    #[error(
        "probe `{probe}`: location `{location}` is not in the parameter `Locations` of environment \
         `{environment}`"
    )]
    UnknownLocation { probe: ProbeName, location: LocationName, environment: EnvironmentName },
    #[error(
        "probe `{probe}` makes up to {attempts} attempts a day at {locations} locations; expected at most \
         {most}, its `max_runs_per_day`"
    )]
    TooManyRuns { probe: ProbeName, locations: usize, attempts: u64, most: u64 },
    #[error(
        "`{file}` has {resources} resources; CloudFormation allows 500 in a stack\n\
         hint: run `vigie render --shards {suggested}`; the alarms then move to other stacks, so first \
         deploy once with `ProbeAlarms=off`"
    )]
    TooManyResources { file: String, resources: usize, suggested: u32 },
}

fn evaluated(rule: MOfN, every_seconds: u64) -> u64 {
    u64::from(rule.n()) * every_seconds
}

/// Longest time that an alarm may evaluate, in seconds (`PutMetricAlarm`, `EvaluationPeriods`).
fn longest(every_seconds: u64) -> u64 {
    if every_seconds < 3_600 { 86_400 } else { 604_800 }
}

fn class(every_seconds: u64) -> &'static str {
    if every_seconds < 3_600 { "below one hour" } else { "of one hour or more" }
}

/// The files of the nested stack for `probes`, in the order of their names.
///
/// # Errors
/// Every reason why the deployment would fail.
pub fn render(
    probes: &[ProbeSpec],
    deployed: &DeployedLocations,
    shards: Shards,
) -> Result<Vec<RenderedFile>, Vec<RenderError>> {
    let mut by_name: BTreeMap<&ProbeName, &ProbeSpec> = BTreeMap::new();
    let mut errors = Vec::new();
    for probe in probes {
        if by_name.insert(&probe.name, probe).is_some() {
            errors.push(RenderError::SameName { probe: probe.name.clone() });
        }
    }
    let enabled: Vec<&ProbeSpec> = by_name.into_values().filter(|probe| may_run(probe)).collect();
    errors.extend(enabled.iter().flat_map(|probe| {
        alarm::refused(probe, located::longest_description(probe, &deployed.groups(probe)))
    }));
    errors.extend(enabled.iter().flat_map(|probe| deployed.refused(probe)));

    let files = if shards == Shards::ONE {
        let file = stack::of_alarms(&enabled, deployed, stack::ONLY, shards);
        vec![(file, stack::resources(&enabled, deployed))]
    } else {
        sharded(&enabled, deployed, shards)
    };
    for (file, resources) in &files {
        if *resources > stack::MOST_RESOURCES {
            errors.push(RenderError::TooManyResources {
                file: file.name.clone(),
                resources: *resources,
                suggested: if shards == Shards::ONE { 4 } else { shards.count() * 2 },
            });
        }
    }
    if errors.is_empty() {
        Ok(files.into_iter().map(|(file, _)| file).collect())
    } else {
        Err(errors)
    }
}

/// A disabled probe, or one without an environment, has no alarms.
fn may_run(probe: &ProbeSpec) -> bool {
    probe.enabled && probe.environments.as_ref().is_none_or(|named| !named.is_empty())
}

/// The list of shards and the file of each shard. An empty shard has a file too, so that a stack does not
/// come and go with a single probe.
fn sharded(
    probes: &[&ProbeSpec],
    deployed: &DeployedLocations,
    shards: Shards,
) -> Vec<(RenderedFile, usize)> {
    let files = (0..shards.count()).map(|shard| {
        let here: Vec<&ProbeSpec> =
            probes.iter().copied().filter(|probe| shards.of_probe(&probe.name) == shard).collect();
        let file = stack::of_alarms(&here, deployed, &stack::shard_file(shard), shards);
        (file, stack::resources(&here, deployed))
    });
    std::iter::once((stack::of_shards(shards), 0)).chain(files).collect()
}

/// Change of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// The file is up to date.
    None,
    /// The file is missing or differs.
    Written,
    /// The file belongs to no shard.
    Removed,
}

/// Updates `folder` to `files`, or with `check` only compares. Writes a line for each change and returns
/// whether the folder was up to date.
///
/// # Errors
/// When the folder cannot be read or written.
pub fn apply(
    files: &[RenderedFile],
    folder: &Path,
    check: bool,
    out: &mut impl Write,
) -> io::Result<bool> {
    let mut up_to_date = true;
    for (path, change) in changes(files, folder)? {
        let Some(verb) = (match (change, check) {
            (Change::None, _) => None,
            (Change::Written, false) => Some("wrote"),
            (Change::Removed, false) => Some("removed"),
            (Change::Written, true) => Some("out of date:"),
            (Change::Removed, true) => Some("not needed:"),
        }) else {
            continue;
        };
        up_to_date = false;
        if !check {
            let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
            let text = files.iter().find(|file| Some(&file.name) == name.as_ref());
            match text {
                Some(file) => std::fs::write(&path, &file.text)?,
                None => std::fs::remove_file(&path)?,
            }
        }
        writeln!(out, "{verb} {}", path.display())?;
    }
    Ok(up_to_date)
}

fn changes(files: &[RenderedFile], folder: &Path) -> io::Result<Vec<(PathBuf, Change)>> {
    let mut changes = Vec::new();
    for file in files {
        let path = folder.join(&file.name);
        let same = match std::fs::read(&path) {
            Ok(bytes) => bytes == file.text.as_bytes(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => false,
            Err(error) => return Err(error),
        };
        changes.push((path, if same { Change::None } else { Change::Written }));
    }
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if stack::is_shard_file(&name) && !files.iter().any(|file| file.name == name) {
            changes.push((entry.path(), Change::Removed));
        }
    }
    changes.sort_by(|left, right| left.0.cmp(&right.0));
    Ok(changes)
}

#[cfg(test)]
mod tests;
#[cfg(test)]
mod vote_tests;
