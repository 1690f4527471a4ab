//! Reads several files. The names of their probes must differ.

use std::collections::BTreeMap;

use domain::{ProbeName, ProbeSpec};

use crate::diagnostic::{Diagnostic, Diagnostics};

/// Reads files given as (name, text), in their order.
///
/// # Errors
/// The mistakes of every invalid file.
pub fn parse_all<'a>(
    files: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> Result<Vec<ProbeSpec>, Vec<Diagnostics>> {
    let mut probes: Vec<ProbeSpec> = Vec::new();
    let mut mistakes: Vec<Diagnostics> = Vec::new();
    let mut seen: BTreeMap<ProbeName, &str> = BTreeMap::new();
    for (file, text) in files {
        match crate::parse(text, file) {
            Ok(probe) => {
                if let Some(first) = seen.get(&probe.name) {
                    mistakes.push(same_name(file, text, &probe.name, first));
                } else {
                    seen.insert(probe.name.clone(), file);
                }
                probes.push(probe);
            }
            Err(found) => mistakes.push(found),
        }
    }
    if mistakes.is_empty() { Ok(probes) } else { Err(mistakes) }
}

fn same_name(file: &str, text: &str, name: &ProbeName, first: &str) -> Diagnostics {
    let tree = crate::node::read(text).ok();
    let at = tree.as_ref().and_then(|root| root.get("probe")).map_or(0..0, |node| node.at.clone());
    let message = format!("the name `{name}` is taken by `{first}`");
    let mistake = Diagnostic::new(&at, message, "expected another name");
    let hint = "metrics, alarms and reports have the name of their probe";
    Diagnostics::new(file, text, vec![mistake.hint(hint)])
}
