//! The tables of `docs/checks.md` are true: each reply is held to its check as written there.

#![expect(clippy::unwrap_used, reason = "the helpers of a test fail like the test")]

use conversation::checks::carry_out;
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

fn held(requirement: Requirement, reply: &str) -> CheckReport {
    carry_out(&Check { requirement, ignore_case: false }, reply).unwrap()
}

#[test]
fn languages_are_told_as_documented() {
    let rows = rows("language");
    assert!(rows.len() >= 8, "{rows:?}");
    let (mut seen, mut expected) = (Vec::new(), Vec::new());
    for row in rows {
        let [code, reply, outcome, ..] = &row[..] else { panic!("{row:?}") };
        let report = held(Requirement::Language(code.clone()), reply);
        let found = report.found.split(':').next().unwrap_or_default();
        let told = if report.passed { "passes".to_owned() } else { format!("fails: {found}") };
        expected.push((reply.clone(), outcome.clone()));
        seen.push((reply.clone(), told));
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
        // More than 1 is never reached, so that the finding tells the similarity.
        let requirement = Requirement::SimilarTo { text: Template::literal(text), at_least: 1.1 };
        let found = held(requirement, reply).found;
        expected.push((reply.clone(), format!("similarity {similarity}")));
        seen.push((reply.clone(), found.split(':').next().unwrap_or_default().to_owned()));
    }
    assert_eq!(seen, expected);
}
