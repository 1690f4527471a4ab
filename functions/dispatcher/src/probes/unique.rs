//! Decides which probe of each file runs. The names of probes must be unique: metrics, alarms and reports have them.
//!
//! If two files have one name, the content of both is refused, and each keeps its last good version. So a new file
//! never replaces a probe that runs.

use std::collections::BTreeMap;

use domain::ProbeName;

use super::{Content, File};

/// Activates the content of every file that has no error and whose probe is in no other file.
pub(super) fn activate(files: &mut BTreeMap<String, File>) {
    for file in files.values_mut().filter(|file| file.content.is_some()) {
        file.problem = None;
    }
    loop {
        let refused = refused(files);
        if refused.is_empty() {
            break;
        }
        // A refused file keeps its last good version, whose name may be in another file.
        for (name, problem) in refused {
            if let Some(file) = files.get_mut(&name) {
                file.problem = Some(problem);
            }
        }
    }
    for file in files.values_mut() {
        if let (Some(content), None) = (&file.content, &file.problem) {
            file.active = content.probe.clone();
        }
    }
}

/// The files that are refused now and were not before, with the reason.
fn refused(files: &BTreeMap<String, File>) -> Vec<(String, String)> {
    let mut holders: BTreeMap<&ProbeName, Vec<&str>> = BTreeMap::new();
    for (file_name, file) in files {
        for probe in file.names() {
            holders.entry(probe).or_default().push(file_name);
        }
    }
    let accepted = files.iter().filter(|(_, file)| file.problem.is_none());
    let refused = accepted.filter_map(|(file_name, file)| {
        let Content { name: probe, .. } = file.content.as_ref()?;
        let other = holders.get(probe)?.iter().find(|other| **other != file_name.as_str())?;
        let problem = format!(
            "probe `{probe}` is in `{file_name}` and in `{other}`; expected a unique name, `{file_name}` is refused"
        );
        Some((file_name.clone(), problem))
    });
    refused.collect()
}

impl File {
    /// The names that no other file may have: of the content and, if that does not run, of what runs.
    fn names(&self) -> impl Iterator<Item = &ProbeName> {
        let content = self.content.as_ref().map(|content| &content.name);
        let active = self.active.as_ref().filter(|_| self.problem.is_some());
        let active = active.map(|probe| &probe.name).filter(|name| Some(*name) != content);
        content.into_iter().chain(active)
    }
}
