//! `vigie render`: the alarms of all probes as the nested stack `infra/alarms.yaml`.
//!
//! The file is committed like a lock file, so that every alarm can be read in a diff, and
//! `--check` fails when it is not what the probe files say.
//!
//! A stack holds 500 resources. Up to some 240 probes fit into one file; beyond, `--shards` spreads
//! them over several stacks of which `alarms.yaml` is then the list. A stable hash of its name
//! alone says which stack a probe is in: an alarm has a fixed name, and one that moved between two
//! stacks would be created by the one before the other had deleted it, and fail the deploy. For the
//! same reason the number of shards is written into the file and kept until it is given anew.

mod alarm;
mod condition;
mod stack;

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use domain::report::stable_hash;
use domain::{AlarmKind, MOfN, ProbeName, ProbeSpec};

/// The file that the template names; the others are shards beside it.
pub const ALARMS_FILE: &str = "alarms.yaml";

/// Into how many stacks the alarms are spread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shards(u32);

impl Shards {
    /// All alarms in `alarms.yaml` itself.
    pub const ONE: Self = Self(1);

    /// `None` unless 1, 4, 8 or 16: the dashboard takes the alarms in four parts, and sixteen
    /// stacks hold thousands of probes.
    #[must_use]
    pub const fn new(count: u32) -> Option<Self> {
        if matches!(count, 1 | 4 | 8 | 16) { Some(Self(count)) } else { None }
    }

    #[must_use]
    pub const fn count(self) -> u32 {
        self.0
    }

    /// As many as the rendered file says; `None` when it does not say so.
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
    /// Beside the template: `alarms.yaml`, or `alarms-03.yaml` for a shard.
    pub name: String,
    pub text: String,
}

/// Why alarms can't be rendered: CloudWatch or CloudFormation would refuse them at the deploy.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RenderError {
    #[error("two probe files name the probe `{probe}`; expected a name for each")]
    SameName { probe: ProbeName },
    #[error(
        "probe `{probe}`: alarm `{}: {rule}` every {every_seconds} s looks back {} s; \
         CloudWatch takes at most {} s with a period {}\n\
         hint: fewer periods, or a shorter `every`",
        kind.as_str(), looks_back(*rule, *every_seconds), most(*every_seconds), class(*every_seconds)
    )]
    LooksBackTooFar { probe: ProbeName, kind: AlarmKind, rule: MOfN, every_seconds: u64 },
    #[error(
        "probe `{probe}`: the description of its alarm has {characters} characters; \
         CloudWatch takes 1024\nhint: shorten `labels` or `runbook`"
    )]
    DescriptionTooLong { probe: ProbeName, characters: usize },
    #[error(
        "`{file}` has {resources} resources; CloudFormation takes 500 a stack\n\
         hint: `vigie render --shards {suggested}`; alarms change stacks by that, so deploy once \
         without the probes' alarms first (`ProbeAlarms=off`)"
    )]
    TooManyResources { file: String, resources: usize, suggested: u32 },
}

fn looks_back(rule: MOfN, every_seconds: u64) -> u64 {
    u64::from(rule.n()) * every_seconds
}

/// The longest stretch that an alarm may look back, in seconds; `PutMetricAlarm`, `Period`.
fn most(every_seconds: u64) -> u64 {
    if every_seconds < 3_600 { 86_400 } else { 604_800 }
}

fn class(every_seconds: u64) -> &'static str {
    if every_seconds < 3_600 { "of less than an hour" } else { "of an hour and more" }
}

/// The files of the nested stack for `probes`, in the order of their names.
///
/// # Errors
/// With every reason why the deploy would fail.
pub fn render(probes: &[ProbeSpec], shards: Shards) -> Result<Vec<RenderedFile>, Vec<RenderError>> {
    let mut by_name: BTreeMap<&ProbeName, &ProbeSpec> = BTreeMap::new();
    let mut errors = Vec::new();
    for probe in probes {
        if by_name.insert(&probe.name, probe).is_some() {
            errors.push(RenderError::SameName { probe: probe.name.clone() });
        }
    }
    let enabled: Vec<&ProbeSpec> = by_name.into_values().filter(|probe| may_run(probe)).collect();
    errors.extend(enabled.iter().flat_map(|probe| alarm::refused(probe)));

    let files = if shards == Shards::ONE {
        vec![(stack::of_alarms(&enabled, stack::ONLY, shards), stack::resources(&enabled))]
    } else {
        sharded(&enabled, shards)
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

/// A probe that is switched off, or meant for no environment, has no alarms.
fn may_run(probe: &ProbeSpec) -> bool {
    probe.enabled && probe.environments.as_ref().is_none_or(|named| !named.is_empty())
}

/// The list of shards, then one file for each, also for an empty one: a stack that comes and goes
/// with its only probe would be one more thing to wonder about.
fn sharded(probes: &[&ProbeSpec], shards: Shards) -> Vec<(RenderedFile, usize)> {
    let files = (0..shards.count()).map(|shard| {
        let here: Vec<&ProbeSpec> =
            probes.iter().copied().filter(|probe| shards.of_probe(&probe.name) == shard).collect();
        (stack::of_alarms(&here, &stack::shard_file(shard), shards), stack::resources(&here))
    });
    std::iter::once((stack::of_shards(shards), 0)).chain(files).collect()
}

/// What became of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// It is as it should be.
    None,
    /// It is missing or differs.
    Written,
    /// It belongs to no shard any more.
    Removed,
}

/// Compares `files` with what is in `folder`, and unless `check` makes it so.
///
/// Returns a line for each file that was, or would be, changed: with `check`, any such line means
/// that `vigie render` has to be run.
///
/// # Errors
/// When the folder can't be read or written.
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
            (Change::Written, true) => Some("is not what the probe files say:"),
            (Change::Removed, true) => Some("is left over:"),
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
