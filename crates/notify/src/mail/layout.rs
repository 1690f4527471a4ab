//! Lines, rows and sections of a mail in plain text.

use std::fmt::Write as _;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::locale::Zone;
use crate::mail::language::Messages;
use crate::mail::text::padded;

/// Width of the first column of rows.
const COLUMN: usize = 11;

pub(crate) fn line(text: &mut String, sentence: &str) {
    text.push_str(sentence);
    text.push('\n');
}

pub(crate) fn row(text: &mut String, label: &str, value: &str) {
    let _ = writeln!(text, "  {}{value}", padded(label, COLUMN));
}

pub(crate) fn section(body: &mut String, heading: &str, text: &str) {
    let _ = write!(body, "\n{heading}\n{}\n", text.trim_end());
}

/// Numbered steps; a single one has no number.
pub(crate) fn numbered(steps: &[String]) -> String {
    match steps {
        [one] => one.clone(),
        steps => steps.iter().enumerate().fold(String::new(), |mut text, (index, step)| {
            let _ = writeln!(text, "{}. {step}", index + 1);
            text
        }),
    }
}

/// `2026-11-22 14:05 UTC (15:05 Europe/Paris)`; the date too if it differs in the zone.
pub(crate) fn moment(at: Timestamp, messages: &dyn Messages, zone: &Zone) -> String {
    let format = messages.date_format();
    let utc = at.strftime(format).to_string();
    if zone.name == "UTC" {
        return format!("{utc} UTC");
    }
    let there = at.to_zoned(zone.rules.clone());
    let same_day = there.date() == at.to_zoned(TimeZone::UTC).date();
    let there = there.strftime(if same_day { "%H:%M" } else { format });
    format!("{utc} UTC ({there} {})", zone.name)
}
