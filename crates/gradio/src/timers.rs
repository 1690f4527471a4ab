//! Functions that the page calls at an interval: those of a `gr.Timer`, and those with `every`.
//!
//! In some apps the event of the message only starts the work, and a timer fetches the answer. The
//! answer is complete when it no longer changes.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::future::try_join;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

use crate::engine::Engine;
use crate::failure::{Failure, Fault};

/// Limits of the time without a change after which an answer is complete.
const MIN_QUIET: Duration = Duration::from_secs(1);
const MAX_QUIET: Duration = Duration::from_secs(10);

/// The functions of the event, whose end the timers wait for.
#[derive(Default)]
struct EventEnd {
    reached: AtomicBool,
    notify: Notify,
}

/// Runs the functions of an event, and at the same time those of the timers until the answer is
/// complete.
pub(crate) async fn run(
    event: &Engine<'_, '_>,
    starts: Vec<usize>,
    timers: &Engine<'_, '_>,
    functions: &[usize],
    until: Instant,
) -> Result<(), Fault> {
    let end = EventEnd::default();
    let run_event = async {
        event.run(starts).await?;
        end.reached.store(true, Ordering::Relaxed);
        end.notify.notify_one();
        Ok(())
    };
    try_join(run_event, tick(timers, functions, until, &end)).await?;
    Ok(())
}

async fn tick(
    timers: &Engine<'_, '_>,
    functions: &[usize],
    until: Instant,
    event: &EventEnd,
) -> Result<(), Fault> {
    loop {
        let Some(interval) = timers.interval(functions) else {
            if event.reached.load(Ordering::Relaxed) {
                return Ok(());
            }
            // A function of the event may start a timer.
            event.notify.notified().await;
            continue;
        };
        let next = Instant::now() + interval;
        sleep_until(next.min(until)).await;
        if next >= until {
            return Err(timed_out(timers.turn().is_silent()));
        }
        timers.start_again();
        timers.run(functions.to_vec()).await?;
        let quiet = (interval * 2).clamp(MIN_QUIET, MAX_QUIET);
        if event.reached.load(Ordering::Relaxed) && timers.turn().is_unchanged_for(quiet) {
            return Ok(());
        }
    }
}

fn timed_out(silent: bool) -> Fault {
    let (failure, what) = if silent {
        (Failure::FirstChunkTimeout, "the timer of the page brought no answer")
    } else {
        (Failure::Timeout, "the answer, which a timer of the page brings, still changed")
    };
    Fault::new(failure, format!("{what} before the time limit of the conversation"))
}
