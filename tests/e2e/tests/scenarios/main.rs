//! End-to-end scenarios: the deployed system on the local AWS, with real bots and a real Prometheus.
//!
//! ```text
//! cargo test -p e2e --test scenarios                  # all scenarios
//! cargo test -p e2e --test scenarios -- mail          # those with `mail` in their name
//! cargo nextest run -p e2e -E 'test(mail)'            # each in its own environment, one at a time
//! ```
//!
//! The first scenario that needs the environment starts it; all scenarios of one process share it. Most run
//! at once, each with its own probe and bot. Those that check the whole run follow, then those that
//! disturb the others. Those of `standalone.rs` do not need it, and run before all. `OUTAGE_SECONDS` sets how
//! long receivers are away (40 s by default).

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
mod standalone;
mod status_page;
mod suite;

use std::process::ExitCode;
use std::sync::Arc;

use libtest_mimic::Arguments;

use suite::Suite;

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    let suite = Arc::new(Suite::new());
    let mut trials = standalone::trials(suite.sequence());
    trials.extend(suite.trials());
    // Most of them wait. A trial waits only for trials before it in this list, so that fewer threads do as well.
    arguments.test_threads.get_or_insert(trials.len());
    let conclusion = libtest_mimic::run(&arguments, trials);
    suite.stop();
    conclusion.exit_code()
}
