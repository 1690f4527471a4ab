//! Scenarios that start all that they need by themselves. They run one after the other, beside those of the
//! environment, with a lower priority: those of the environment have probes with time limits.

mod archive;
mod pages;
mod parameters;
mod report_page;
mod serve;
mod status_page;

use std::pin::Pin;
use std::sync::Arc;

use anyhow::anyhow;
use libtest_mimic::{Completion, Failed, Trial};
use tokio::runtime::Runtime;

use crate::sequence::Turns;

/// Added to the nice value of the program.
const LOWER_PRIORITY: i32 = 5;

type Check = fn() -> Pin<Box<dyn Future<Output = anyhow::Result<Completion>>>>;

const ALL: [(&str, Check); 6] = [
    ("parameters_survive_the_parser_of_sam", || Box::pin(parameters::check())),
    ("archive_is_deployed_without_a_compiler", || Box::pin(archive::check())),
    ("outage_and_recovery_are_mailed_over_a_kill", || Box::pin(serve::check())),
    ("report_page_runs_no_script_of_a_reply", || Box::pin(report_page::check())),
    ("status_page_has_no_serious_finding_of_axe", || Box::pin(status_page::check())),
    ("pages_are_stored_as_by_prometheus", || Box::pin(pages::check())),
];

/// Their trials, in the order in which they run.
pub(super) fn trials() -> impl Iterator<Item = Trial> {
    let turns = Arc::new(Turns::new());
    ALL.into_iter().enumerate().map(move |(number, (name, check))| {
        let turns = Arc::clone(&turns);
        let place = turns.reserve(number);
        Trial::ignorable_test(name, move || {
            // On Linux a priority belongs to a thread; its threads and programs inherit it.
            let run = || {
                rustix::process::nice(LOWER_PRIORITY)?;
                Runtime::new()?.block_on(async {
                    turns.wait_for(number).await;
                    check().await
                })
            };
            let result = std::thread::scope(|scope| scope.spawn(run).join());
            drop(place);
            let result = result.unwrap_or_else(|_| Err(anyhow!("it panicked")));
            result.map_err(|error| Failed::from(format!("{error:#}")))
        })
    })
}
