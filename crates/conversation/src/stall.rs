//! Measures how long this process could not run, so that its own slowness is not counted against the
//! bot.
//!
//! During a run a task sleeps for short intervals and adds up how late it wakes. That covers every
//! cause: a used-up CPU quota, other processes on the machine, and long work in this process. The
//! kernel's counter (`/proc/thread-self/schedstat`) sees only half of it, because Lambda enforces its
//! quota outside of the virtual machine.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::task::AbortHandle;
use tokio::time::Instant;

/// Interval while all is well. A shorter stall may be missed. One wake-up costs about 10 µs of CPU.
const LONG_INTERVAL: Duration = Duration::from_millis(20);
/// Interval after a late wake-up. Lambda counts its quota in slices of 20 ms.
const SHORT_INTERVAL: Duration = Duration::from_millis(5);
/// Number of short intervals after each late wake-up.
const SHORT_INTERVALS: u32 = 50;
/// Lateness of a timer on an idle machine: it counts in whole milliseconds and rounds up twice.
const TOLERANCE: Duration = Duration::from_millis(3);

/// Measures the time in which this process could not run. Shared by all runs of a process.
#[derive(Clone, Debug, Default)]
pub struct StallMonitor(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    counters: usize,
    task: Option<AbortHandle>,
    /// When the next wake-up is due; `None` without counters.
    due: Option<Instant>,
    short_intervals_left: u32,
    total: Duration,
}

/// Counts stalls until it is dropped.
///
/// Without counters the task does not run: Lambda freezes the process between two events, which would
/// look like a long stall.
#[derive(Debug)]
pub(crate) struct StallCounter<'a> {
    monitor: &'a StallMonitor,
    before: Duration,
}

impl StallMonitor {
    /// Starts to count. Must be called on a Tokio runtime.
    pub(crate) fn start(&self) -> StallCounter<'_> {
        let mut state = self.state();
        let now = Instant::now();
        state.counters += 1;
        if state.counters == 1 {
            state.due = Some(now + LONG_INTERVAL);
            state.task = Some(tokio::spawn(wake_repeatedly(self.clone())).abort_handle());
        }
        StallCounter { monitor: self, before: state.total_at(now) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl StallCounter<'_> {
    /// How long the process was stalled since this counter was started.
    pub(crate) fn total(&self) -> Duration {
        self.monitor.state().total_at(Instant::now()).saturating_sub(self.before)
    }
}

impl Drop for StallCounter<'_> {
    fn drop(&mut self) {
        let mut state = self.monitor.state();
        state.counters -= 1;
        if state.counters == 0 {
            state.due = None;
            state.task.take().inspect(AbortHandle::abort);
        }
    }
}

impl State {
    /// How late the next wake-up is; zero within the tolerance.
    fn lateness(&self, now: Instant) -> Duration {
        let late = self.due.map_or(Duration::ZERO, |due| now.saturating_duration_since(due));
        if late > TOLERANCE { late } else { Duration::ZERO }
    }

    /// All stalls, and the one that goes on at `now`: after a stall a run may be woken before the task.
    fn total_at(&self, now: Instant) -> Duration {
        self.total + self.lateness(now)
    }

    /// Adds the lateness of a wake-up and returns the time until the next one.
    fn wake(&mut self, now: Instant) -> Duration {
        let late = self.lateness(now);
        self.total += late;
        self.short_intervals_left = if late.is_zero() {
            self.short_intervals_left.saturating_sub(1)
        } else {
            SHORT_INTERVALS
        };
        let interval = if self.short_intervals_left > 0 { SHORT_INTERVAL } else { LONG_INTERVAL };
        self.due = Some(now + interval);
        interval
    }
}

async fn wake_repeatedly(monitor: StallMonitor) {
    loop {
        let interval = monitor.state().wake(Instant::now());
        tokio::time::sleep(interval).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Milliseconds after a start.
    struct Clock(Instant);

    impl Clock {
        fn at(&self, milliseconds: u64) -> Instant {
            self.0 + Duration::from_millis(milliseconds)
        }
    }

    #[test]
    fn late_wake_up_shortens_the_interval() {
        let clock = Clock(Instant::now());
        let mut state = State { due: Some(clock.at(20)), ..State::default() };
        assert_eq!(state.wake(clock.at(22)), LONG_INTERVAL, "within the tolerance");
        assert_eq!(state.total_at(clock.at(142)), Duration::from_millis(100), "still stalled");
        assert_eq!(state.wake(clock.at(142)), SHORT_INTERVAL);
        assert_eq!(state.total_at(clock.at(147)), Duration::from_millis(100));
    }

    #[test]
    fn interval_is_long_again_after_punctual_wake_ups() {
        let clock = Clock(Instant::now());
        let mut state = State { due: Some(clock.at(0)), ..State::default() };
        state.wake(clock.at(10));
        let mut now = 10;
        for _ in 1..SHORT_INTERVALS {
            now += 5;
            assert_eq!(state.wake(clock.at(now)), SHORT_INTERVAL);
        }
        assert_eq!(state.wake(clock.at(now + 5)), LONG_INTERVAL);
        assert_eq!(state.total, Duration::from_millis(10));
    }

    #[tokio::test]
    async fn monitor_runs_only_while_it_has_counters() {
        let monitor = StallMonitor::default();
        let (first, second) = (monitor.start(), monitor.start());
        drop(first);
        assert!(monitor.state().task.is_some() && monitor.state().due.is_some());
        drop(second);
        assert!(monitor.state().task.is_none() && monitor.state().due.is_none());
    }

    #[tokio::test]
    async fn counter_ignores_stalls_before_its_start() {
        let monitor = StallMonitor::default();
        monitor.state().total = Duration::from_secs(100);
        let counter = monitor.start();
        assert!(counter.total() < Duration::from_secs(100));
        monitor.state().total += Duration::from_secs(7);
        assert!(counter.total() >= Duration::from_secs(7));
    }
}
