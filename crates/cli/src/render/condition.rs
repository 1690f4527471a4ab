//! Conditions of the rendered stack: the environments in which a probe's alarms exist.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use domain::{EnvironmentName, ProbeSpec};

/// The environments a probe is limited to; `None` means all.
pub(super) type Environments = Option<BTreeSet<EnvironmentName>>;

pub(super) fn of_probe(probe: &ProbeSpec) -> Environments {
    probe.environments.as_ref().map(|named| named.iter().cloned().collect())
}

/// Names of the conditions, by set of environments.
#[derive(Default)]
pub(super) struct Conditions {
    names: BTreeMap<BTreeSet<EnvironmentName>, String>,
}

impl Conditions {
    /// `further`: sets in which only some properties or alarms of a probe exist.
    pub(super) fn of(
        probes: &[&ProbeSpec],
        further: impl IntoIterator<Item = BTreeSet<EnvironmentName>>,
    ) -> Self {
        let mut conditions = Self::default();
        let sets = probes.iter().filter_map(|probe| of_probe(probe));
        let sets: BTreeSet<_> = sets.chain(further).collect();
        for set in sets {
            let words: Vec<String> = set.iter().map(|name| capitalised(name.as_str())).collect();
            let name = format!("In{}", words.join("Or"));
            // Without hyphens, `a-b` and `ab` have the same name; a suffix makes it unique.
            let taken = |name: &String| conditions.names.values().any(|other| other == name);
            let name = std::iter::successors(Some(name), |name| Some(format!("{name}X")))
                .find(|name| !taken(name))
                .expect("the sequence of names has no end");
            conditions.names.insert(set, name);
        }
        conditions
    }

    /// `None` when the probe runs in every environment.
    pub(super) fn name(&self, environments: &Environments) -> Option<&str> {
        environments.as_ref().and_then(|set| self.names.get(set)).map(String::as_str)
    }

    /// The condition of a resource that the emulator does not have.
    pub(super) fn on_aws(&self, environments: &Environments) -> String {
        format!("OnAws{}", self.name(environments).unwrap_or_default())
    }

    /// The definitions of these conditions, for the probes with such a resource.
    pub(super) fn on_aws_definitions(&self, probes: &[&ProbeSpec]) -> String {
        let wanted = probes
            .iter()
            .filter(|probe| !probe.maintenance.is_empty() || probe.objective.is_some());
        let sets: BTreeSet<Environments> = wanted.map(|probe| of_probe(probe)).collect();
        if sets.is_empty() {
            return String::new();
        }
        let mut text = "  OnAws: !Equals [!Ref Platform, aws]\n".to_owned();
        for name in sets.iter().filter_map(|set| self.name(set)) {
            let _ = writeln!(text, "  OnAws{name}: !And [!Condition OnAws, !Condition {name}]");
        }
        text
    }

    /// The definitions, one per line.
    pub(super) fn definitions(&self) -> String {
        let mut text = String::new();
        for (set, name) in &self.names {
            let tests = set.iter().map(|name| format!("!Equals [!Ref Environment, \"{name}\"]"));
            let _ = writeln!(text, "  {name}: {}", any_of(tests.collect()));
        }
        text
    }
}

/// `!Or` over `tests`. It accepts two to ten values, so more are nested.
pub(super) fn any_of(mut tests: Vec<String>) -> String {
    while tests.len() > 10 {
        let first: Vec<String> = tests.drain(..10).collect();
        tests.push(format!("!Or [{}]", first.join(", ")));
    }
    match <[String; 1]>::try_from(tests) {
        Ok([only]) => only,
        Err(several) => format!("!Or [{}]", several.join(", ")),
    }
}

/// `support-bot` as `SupportBot`.
pub(super) fn capitalised(name: &str) -> String {
    let words = name.split('-').filter_map(|word| {
        let mut letters = word.chars();
        letters.next().map(|first| first.to_ascii_uppercase().to_string() + letters.as_str())
    });
    words.collect()
}
