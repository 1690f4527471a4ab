//! `vigie run` with every check that a probe file can hold, and with bots that fail.

use std::collections::BTreeSet;

use anyhow::{Context, ensure};
use domain::report::CheckReport;
use domain::{Outcome, Reason, Report};

use crate::apps::{Bot, expect};
use crate::vigie::Done;

/// The checks of a probe file, by their keys.
const ALL: [&str; 10] = [
    "contains",
    "equals",
    "json",
    "language",
    "matches",
    "max_length",
    "min_length",
    "not_contains",
    "not_matches",
    "similar_to",
];

/// The answer that `failing.yaml` expects.
const ANSWER: &str = "\"{\"answer\": \"Paris is the capital of France\", \"sources\": \
                      [{\"page\": 12}, {\"page\": 40}], \"sure\": true}\"";

pub(super) async fn passing(bot: &Bot<'_>) -> anyhow::Result<()> {
    let file = bot.root.join("tests/e2e/probes/checks/passing.yaml");
    let (done, report) = run_and_report(bot, file.to_str().context("no UTF-8")?).await?;
    done.ended_with(0)?;
    expect("the outcome", &report.outcome, &Outcome::Up)?;
    let checks = checks(&report);
    let failed: Vec<_> = checks.iter().filter(|check| !check.passed).collect();
    ensure!(failed.is_empty(), "failed although all is well: {failed:?}");
    expect("how many checks passed", &checks.len(), &26)?;
    each_kind(&checks)
}

/// A failed check is reported with the expected and the found text, as JSON and as text. Later turns are
/// not sent.
pub(super) async fn failing(bot: &Bot<'_>) -> anyhow::Result<()> {
    let file = bot.root.join("tests/e2e/probes/checks/failing.yaml");
    let file = file.to_str().context("no UTF-8")?;
    let (done, report) = run_and_report(bot, file).await?;
    done.ended_with(1)?;
    expect("the outcome", &report.outcome, &Outcome::Down { reason: Reason::CheckFailed })?;
    expect("turns that were begun", &report.last().map(|last| last.turns.len()), &Some(2))?;
    let similar = format!("similarity 0.30: {ANSWER}");
    let shouted = format!("similarity 0.05: {ANSWER}");
    let language = format!("language en: {ANSWER}");
    let expected = [
        ("contains \"London\"", ANSWER),
        ("contains \"LONDON\" (ignoring case)", ANSWER),
        ("not_contains \"France\"", "it contains \"France\""),
        ("not_contains \"FRANCE\" (ignoring case)", "it contains \"FRANCE\""),
        ("equals \"order 12\"", ANSWER),
        ("equals \"ORDER\" (ignoring case)", ANSWER),
        ("matches \"^Paris\"", ANSWER),
        ("matches \"^PARIS\" (ignoring case)", ANSWER),
        ("not_matches \"capital of \\w+\"", "it matches at \"capital of France\""),
        ("not_matches \"CAPITAL\" (ignoring case)", "it matches at \"capital\""),
        ("min_length 500", "99 characters"),
        ("max_length 20", "99 characters"),
        ("language fr", &language),
        ("similar_to \"Paris is the capital of France\" at least 0.9", &similar),
        ("similar_to \"PARIS\" at least 0.9 (ignoring case)", &shouted),
        ("json $.answer equals \"London\"", "$.answer is \"Paris is the capital of France\""),
        (
            "json $.answer equals \"LONDON\" (ignoring case)",
            "$.answer is \"Paris is the capital of France\"",
        ),
        ("json $.answer matches \"^London\"", "$.answer is \"Paris is the capital of France\""),
        ("json $.sure matches \"FALSE\" (ignoring case)", "$.sure is true"),
        ("json $.error exists", "nothing at $.error"),
        ("json $.sources[0].page does not exist", "$.sources[0].page is 12"),
    ];
    let checks = checks(&report);
    expect("how many checks were carried out", &checks.len(), &expected.len())?;
    let people = bot.vigie(&["run", file]).await?;
    people.ended_with(1)?;
    for (check, (expected, found)) in checks.iter().zip(expected) {
        let (expected, found) = (expected.to_owned(), found.to_owned());
        let line = format!("✗ {expected}, received {found}");
        people.contains_all([line.as_str()])?;
        expect("a failed check", *check, &CheckReport { expected, found, passed: false })?;
    }
    people.contains_all([
        "down (check_failed)",
        "  why turn 2: expected contains \"London\", received",
    ])?;
    each_kind(&checks)
}

pub(super) async fn app_error(bot: &Bot<'_>) -> anyhow::Result<()> {
    let file = bot.probe("failing", "please fail")?;
    let done = bot.vigie(&["run", &file]).await?;
    done.ended_with(1)?;
    done.contains_all([
        "down (app_error)",
        "✗ app_error the app reported `the model is overloaded`",
    ])
}

/// Five conversations at once; the app serves one, and one may wait.
pub(super) async fn full_queue(bot: &Bot<'_>) -> anyhow::Result<()> {
    let files: Vec<String> = ["a", "b", "c", "d", "e"]
        .into_iter()
        .map(|name| bot.probe(name, "hello"))
        .collect::<anyhow::Result<_>>()?;
    let files = files.iter().map(String::as_str);
    let arguments: Vec<&str> = ["run", "--output", "json"].into_iter().chain(files).collect();
    let done = bot.vigie(&arguments).await?;
    done.ended_with(1)?;
    let outcomes: Vec<Outcome> = reports(&done)?.iter().map(|report| report.outcome).collect();
    let full = Outcome::Down { reason: Reason::QueueFull };
    expect("how many reports there are", &outcomes.len(), &5)?;
    for (what, outcome) in [("served", Outcome::Up), ("turned away", full)] {
        ensure!(outcomes.contains(&outcome), "no conversation is {what}: {outcomes:?}");
    }
    let other = outcomes.iter().find(|one| **one != Outcome::Up && **one != full);
    expect("another outcome", &other, &None)
}

async fn run_and_report(bot: &Bot<'_>, file: &str) -> anyhow::Result<(Done, Report)> {
    let done = bot.vigie(&["run", "--output", "json", file]).await?;
    let report = reports(&done)?.into_iter().next();
    let report = report.with_context(|| format!("no report; {}", done.err))?;
    Ok((done, report))
}

fn reports(done: &Done) -> anyhow::Result<Vec<Report>> {
    done.json()?.into_iter().map(|report| Ok(serde_json::from_value(report)?)).collect()
}

fn checks(report: &Report) -> Vec<&CheckReport> {
    let turns = report.last().into_iter().flat_map(|attempt| &attempt.turns);
    turns.flat_map(|turn| &turn.checks).collect()
}

fn each_kind(checks: &[&CheckReport]) -> anyhow::Result<()> {
    let kinds = checks.iter().filter_map(|check| check.expected.split(' ').next());
    expect("the kinds of checks", &kinds.collect(), &BTreeSet::from(ALL))
}
