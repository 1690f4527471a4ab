//! Scenarios that start every program that they need. They run before those of the environment, whose probes
//! have short time limits.

mod archive;
mod pages;
mod parameters;
mod report_page;
mod serve;
mod status_page;

use std::pin::Pin;
use std::sync::Arc;

use harness::packages;
use libtest_mimic::{Completion, Failed, Trial};
use tokio::runtime::Runtime;

use crate::list::STANDALONE;
use crate::sequence::{Sequence, Turns};

type Check = fn() -> Pin<Box<dyn Future<Output = anyhow::Result<Completion>>>>;

/// The scenarios of a lane run one after the other; the lanes run side by side. The first one takes as long as the
/// others together.
const LANES: [&[(&str, Check)]; 2] = [
    &[("archive_is_deployed_without_a_compiler", || Box::pin(archive::check()))],
    &[
        ("parameters_survive_the_parser_of_sam", || Box::pin(parameters::check())),
        ("outage_and_recovery_are_mailed_over_a_kill", || Box::pin(serve::check())),
        ("report_page_runs_no_script_of_a_reply", || Box::pin(report_page::check())),
        ("status_page_has_no_serious_finding_of_axe", || Box::pin(status_page::check())),
        ("pages_are_stored_as_by_prometheus", || Box::pin(pages::check())),
    ],
];

/// The result of a scenario that lacks a program.
fn skipped(error: &anyhow::Error) -> anyhow::Result<Completion> {
    Ok(Completion::ignored_with(packages::skip(format!("{error:#}"))?))
}

/// Their trials, in the order in which they run.
pub(super) fn trials(sequence: &Sequence) -> Vec<Trial> {
    LANES.into_iter().flat_map(|lane| trials_of(lane, sequence)).collect()
}

fn trials_of(lane: &'static [(&str, Check)], sequence: &Sequence) -> impl Iterator<Item = Trial> {
    let turns = Arc::new(Turns::new());
    lane.iter().enumerate().map(move |(number, (name, check))| {
        let places = (sequence.order.reserve(STANDALONE), turns.reserve(number));
        let turns = Arc::clone(&turns);
        Trial::ignorable_test(*name, move || {
            let result = Runtime::new()?.block_on(async {
                turns.wait_for(number).await;
                check().await
            });
            drop(places);
            result.map_err(|error| Failed::from(format!("{error:#}")))
        })
    })
}
