//! Fields in the description of a probe's alarm, from which a mail is routed and written.
//!
//! The message of a CloudWatch alarm has no labels, only a description. `vigie render` appends
//! [`Note::line`] to the description, and the alerts function parses it with [`Note::split`].

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{AvailabilityObjective, Severity};

/// The longest description that `PutMetricAlarm` takes, in characters.
pub const LONGEST_DESCRIPTION: usize = 1_024;

/// What begins the line.
const MARK: &str = "vigie: ";

/// The facts behind an alarm's description.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub severity: Option<Severity>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub runbook: Option<String>,
    /// The probe's labels, `team` among them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// The probe's objective of availability, for the weekly mail.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub objective: Option<AvailabilityObjective>,
}

impl Note {
    /// The last line of a description: `vigie: {"severity":"page","labels":{"team":"chat"}}`.
    #[must_use]
    pub fn line(&self) -> String {
        let json = serde_json::to_string(self).expect("texts and an enum are always JSON");
        format!("{MARK}{json}")
    }

    /// A description's prose, and the note in its last line; an empty note where there is none.
    #[must_use]
    pub fn split(description: &str) -> (&str, Self) {
        let (prose, last) = description.trim_end().rsplit_once('\n').unwrap_or(("", description));
        match last.trim().strip_prefix(MARK).and_then(|json| serde_json::from_str(json).ok()) {
            Some(note) => (prose.trim(), note),
            None => (description.trim(), Self::default()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn note_is_read_from_a_description() {
        let note = Note {
            severity: Some(Severity::Page),
            runbook: Some("https://example.com/runbook".to_owned()),
            labels: [("team".to_owned(), "chat \"A\"\nB".to_owned())].into(),
            objective: AvailabilityObjective::from_percent(99.5),
        };
        let description = format!("support-bot is down.\n{}", note.line());
        assert_eq!(Note::split(&description), ("support-bot is down.", note.clone()));
        assert_eq!(Note::split(&note.line()), ("", note));
    }

    #[test]
    fn description_without_a_note_is_returned_whole() {
        for prose in ["", "The disk is full.", "Two\nlines", "vigie: not json", "a\nvigie: [1]"] {
            assert_eq!(Note::split(prose), (prose, Note::default()), "{prose}");
        }
    }
}
