//! End-to-end scenarios: the deployed system on the local AWS, with real bots and a real Prometheus.
//!
//! ```text
//! cargo test -p e2e --test scenarios                  # all scenarios, one environment
//! cargo test -p e2e --test scenarios -- mail          # those with `mail` in their name
//! cargo nextest run -p e2e -E 'test(mail)'            # each in its own environment, one at a time
//! ```
//!
//! The first scenario that runs starts the environment; all scenarios of one process share it. Most run
//! at once, each with its own probe and bot. Those that check the whole run follow, then those that
//! disturb the others. `OUTAGE_SECONDS` sets how long receivers are away (40 s by default).

mod broken;
mod expressions;
mod list;
mod locations;
mod mails;
mod metric_stream;
mod metrics;
mod neighbour;
mod operator;
mod outage;
mod receivers;
mod secrecy;
mod senders;
mod sequence;
mod status_page;
mod suite;

use std::process::ExitCode;
use std::sync::Arc;

use libtest_mimic::{Arguments, Trial};

use suite::Suite;

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let suite = Arc::new(Suite::new());
    if arguments.list {
        let all = list::groups().into_iter().flat_map(|group| suite.trials(group)).collect();
        return libtest_mimic::run(&arguments, all).exit_code();
    }
    let groups = list::groups().map(|group| (group.threads, suite.trials(group)));
    let selected = groups.map(|(threads, trials)| {
        let selected = |trial: &Trial| !arguments.is_filtered_out(trial);
        (threads, trials.into_iter().filter(selected).collect::<Vec<_>>())
    });
    let mut failed = false;
    for (threads, trials) in selected {
        if !trials.is_empty() {
            let arguments = Arguments {
                test_threads: Some(arguments.test_threads.unwrap_or(threads)),
                ..arguments.clone()
            };
            failed |= libtest_mimic::run(&arguments, trials).has_failed();
        }
    }
    suite.stop();
    if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}
