//! Reports as `JUnit` XML for CI systems: a suite for each probe, a case for the conversation, and a case
//! for each check.

use std::fmt::{self, Write as _};

use domain::Outcome;
use domain::report::Report;
use domain::text::entity;
use redact::is_hidden;

/// The document with all reports.
pub(crate) fn document(reports: &[Report]) -> String {
    let mut xml =
        String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"vigie\">\n");
    for report in reports {
        // Writing to a string does not fail.
        let _ = suite(report, &mut xml);
    }
    xml.push_str("</testsuites>\n");
    xml
}

fn suite(report: &Report, xml: &mut String) -> fmt::Result {
    let checks: Vec<_> = report
        .last()
        .into_iter()
        .flat_map(|attempt| attempt.turns.iter().enumerate())
        .flat_map(|(turn, report)| report.checks.iter().map(move |check| (turn + 1, check)))
        .collect();
    let failed = checks.iter().filter(|(_, check)| !check.passed).count();
    let held = report.last().is_some_and(|attempt| attempt.failure.is_none());
    let (broken, error) = match report.outcome {
        Outcome::RunError { .. } => (0, 1),
        _ => (usize::from(!held), 0),
    };
    let (name, seconds) = (Text(report.probe.as_str()), report.duration.as_secs_f64());
    writeln!(
        xml,
        "  <testsuite name=\"{name}\" tests=\"{}\" failures=\"{}\" errors=\"{error}\" time=\"{seconds:.3}\" timestamp=\"{}\">",
        checks.len() + 1,
        failed + broken,
        report.started.strftime("%Y-%m-%dT%H:%M:%S"),
    )?;
    write!(xml, "    <testcase classname=\"{name}\" name=\"conversation\" time=\"{seconds:.3}\">")?;
    let (word, detail) = (report.outcome.as_str(), Text(&report.detail));
    match report.outcome {
        Outcome::RunError { fault } => {
            write!(xml, "<error type=\"{}\" message=\"{detail}\"/>", fault.as_str())?;
        }
        Outcome::Down { reason } if !held => {
            write!(xml, "<failure type=\"{reason}\" message=\"{detail}\"/>")?;
        }
        _ if !report.detail.is_empty() => write!(xml, "<system-out>{word}: {detail}</system-out>")?,
        _ => {}
    }
    xml.push_str("</testcase>\n");
    for (turn, check) in checks {
        let expected = Text(&check.expected);
        write!(
            xml,
            "    <testcase classname=\"{name}\" name=\"turn {turn}: {expected}\" time=\"0\""
        )?;
        if check.passed {
            xml.push_str("/>\n");
        } else {
            let found = Text(&check.found);
            writeln!(
                xml,
                "><failure type=\"check_failed\" message=\"expected {expected}\">received {found}</failure></testcase>"
            )?;
        }
    }
    xml.push_str("  </testsuite>\n");
    Ok(())
}

/// Text escaped for XML 1.0, which cannot hold control characters even when escaped. Characters that hide
/// or reorder text are replaced too.
struct Text<'a>(&'a str);

impl fmt::Display for Text<'_> {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        for character in self.0.chars() {
            match character {
                '\n' => to.write_str("&#10;")?,
                '\t' => to.write_str("&#9;")?,
                '\u{fffe}' | '\u{ffff}' => to.write_char('\u{fffd}')?,
                character if is_hidden(character) => to.write_char('\u{fffd}')?,
                character => match entity(character) {
                    Some(entity) => to.write_str(entity)?,
                    None => to.write_char(character)?,
                },
            }
        }
        Ok(())
    }
}
