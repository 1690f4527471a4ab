//! The list of differences, `differences.txt`.
//!
//! ```text
//! # The reason, on one line.
//! prometheus-2 NAME-OF-THE-PAGE
//!   0 -a 1
//! ```
//!
//! A reason is that of all pages up to the next reason.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;

use anyhow::{Context as _, bail, ensure};
use deploy::run;

use super::compare::Differences;

const UNKNOWN: &str = "TODO";

type Key = (String, String);

#[derive(Default)]
struct List {
    entries: BTreeMap<Key, (String, Vec<String>)>,
}

fn file() -> PathBuf {
    run::root().join("tests/e2e/tests/scenarios/standalone/pages/differences.txt")
}

impl List {
    fn read(text: &str) -> anyhow::Result<Self> {
        let (mut list, mut reason, mut key) = (Self::default(), String::new(), None);
        for line in text.lines().filter(|line| !line.is_empty()) {
            if let Some(text) = line.strip_prefix("# ") {
                text.clone_into(&mut reason);
            } else if let Some(sample) = line.strip_prefix("  ") {
                let key: &Key = key.as_ref().context("a sample without a page")?;
                list.entries.entry(key.clone()).or_default().1.push(sample.to_owned());
            } else {
                let (sender, page) = line.split_once(' ').context("a line without a page")?;
                let new = (sender.to_owned(), page.to_owned());
                list.entries.insert(new.clone(), (reason.clone(), Vec::new()));
                key = Some(new);
            }
        }
        Ok(list)
    }

    /// The found differences with the reasons of this list.
    fn updated(&self, found: &Differences) -> Self {
        let entries = found.iter().map(|((sender, page), samples)| {
            let key = ((*sender).to_owned(), page.clone());
            let known = self.entries.get(&key).map(|(reason, _)| reason.clone());
            (key, (known.unwrap_or_else(|| UNKNOWN.to_owned()), samples.clone()))
        });
        Self { entries: entries.collect() }
    }

    fn written(&self) -> String {
        let mut by_reason: BTreeMap<&str, Vec<(&Key, &Vec<String>)>> = BTreeMap::new();
        for (key, (reason, samples)) in &self.entries {
            by_reason.entry(reason).or_default().push((key, samples));
        }
        let mut text = String::new();
        for (reason, pages) in by_reason {
            let _ = writeln!(text, "# {reason}");
            for ((sender, page), samples) in pages {
                let _ = writeln!(text, "{sender} {page}");
                for sample in samples {
                    let _ = writeln!(text, "  {sample}");
                }
            }
            text.push('\n');
        }
        text
    }
}

/// Compares the found differences with the list.
pub(crate) fn check(found: &Differences) -> anyhow::Result<()> {
    let list = List::read(&std::fs::read_to_string(file()).unwrap_or_default())?;
    let now = list.updated(found);
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(file(), now.written())?;
    } else {
        ensure_same(&list, &now)?;
    }
    let unknown = now.entries.values().filter(|(reason, _)| reason == UNKNOWN).count();
    ensure!(unknown == 0, "{unknown} differences have no reason in `{}`", file().display());
    Ok(())
}

fn ensure_same(list: &List, now: &List) -> anyhow::Result<()> {
    let mut text = String::new();
    for key in list.entries.keys().chain(now.entries.keys()) {
        let samples = |list: &List| list.entries.get(key).map(|(_, samples)| samples.clone());
        let (listed, found) = (samples(list), samples(now));
        if listed != found {
            let _ = writeln!(text, "{} {}: listed {listed:?}, found {found:?}", key.0, key.1);
        }
    }
    if !text.is_empty() {
        bail!("differences that are not those of `{}`:\n{text}", file().display());
    }
    Ok(())
}
