//! Every row of the tables in `docs/checks.md` has the documented outcome.

#![expect(clippy::unwrap_used, reason = "the helpers of a test fail like the test")]

use conversation::checks::{Answer, carry_out};
use domain::Template;
use domain::check::{Check, Requirement};
use domain::report::CheckReport;

/// The rows of the tables under a heading, their cells without backticks.
fn rows(heading: &str) -> Vec<Vec<String>> {
    let text = include_str!("../../../docs/checks.md");
    let (_, section) = text.split_once(&format!("\n## {heading}\n")).unwrap();
    let section = section.split("\n## ").next().unwrap();
    let cells = |line: &str| -> Vec<String> {
        let cells = line.trim_matches('|').split(" | ");
        cells.map(|cell| cell.trim().trim_matches('`').to_owned()).collect()
    };
    section.lines().filter(|line| line.starts_with("| `")).map(cells).collect()
}

fn run_check(requirement: Requirement, reply: &str) -> CheckReport {
    let answer = Answer { text: reply, ..Answer::default() };
    carry_out(&Check { requirement, ignore_case: false, exact: false }, &answer).unwrap()
}

#[test]
fn languages_are_decided_as_documented() {
    let rows = rows("language");
    assert!(rows.len() >= 8, "{rows:?}");
    let (mut seen, mut expected) = (Vec::new(), Vec::new());
    for row in rows {
        let [code, reply, documented, ..] = &row[..] else { panic!("{row:?}") };
        let report = run_check(Requirement::Language(code.clone()), reply);
        let found = report.found.split(':').next().unwrap_or_default();
        let outcome = if report.passed { "passes" } else { "fails" };
        expected.push((reply.clone(), documented.clone()));
        let colon = if found.is_empty() { "" } else { ": " };
        seen.push((reply.clone(), format!("{outcome}{colon}{found}")));
    }
    assert_eq!(seen, expected);
}

#[test]
fn similarities_are_as_documented() {
    let rows = rows("similar_to");
    assert!(rows.len() >= 6, "{rows:?}");
    let (mut seen, mut expected) = (Vec::new(), Vec::new());
    for row in rows {
        let [text, reply, similarity, ..] = &row[..] else { panic!("{row:?}") };
        // More than 1 is never reached, so that the check fails and the finding has the similarity.
        let requirement = Requirement::SimilarTo { text: Template::literal(text), at_least: 1.1 };
        let found = run_check(requirement, reply).found;
        expected.push((reply.clone(), format!("similarity {similarity}")));
        seen.push((reply.clone(), found.split(':').next().unwrap_or_default().to_owned()));
    }
    assert_eq!(seen, expected);
}
