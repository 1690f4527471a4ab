//! How long our own process stood still, so that our slowness is told and never booked on the bot.
//!
//! While a visit goes on, a task asks to be woken again and again and adds up how late it is. That
//! counts whatever kept us from running: a quota of CPU that is used up, neighbours on the machine,
//! work of our own for another conversation. The kernel's own count (`/proc/thread-self/schedstat`)
//! was tried first and sees only half of it: a Lambda runs in a virtual machine, and its quota is
//! enforced outside of it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::task::AbortHandle;

/// Between two looks while all is well: what is shorter may be missed, and a look costs some 10 µs of CPU.
const COARSE: Duration = Duration::from_millis(20);
/// Between two looks while we are held up; the quota of a Lambda is counted in slices of 20 ms.
const FINE: Duration = Duration::from_millis(5);
/// Looks at short intervals after each late one.
const ATTENTIVE: u32 = 50;
/// As late as a timer may be on an idle machine: it counts in whole milliseconds, rounded up, twice.
const SLACK: Duration = Duration::from_millis(3);

/// Counts the time in which our own process could not run. One for all visits that share a process.
#[derive(Clone, Debug, Default)]
pub struct Stalls(Arc<Mutex<Clock>>);

#[derive(Debug, Default)]
struct Clock {
    watchers: usize,
    task: Option<AbortHandle>,
    /// When the next look should be; `None` while nobody watches.
    due: Option<Instant>,
    attentive: u32,
    counted: Duration,
}

/// Somebody wants to know; dropped, no longer. Without watchers nothing ticks, since Lambda freezes
/// us between two events, which would look like the longest of all stalls.
#[derive(Debug)]
pub(crate) struct Watching<'a> {
    stalls: &'a Stalls,
    before: Duration,
}

impl Stalls {
    /// Watches from now on. To be called on a Tokio runtime.
    pub(crate) fn watch(&self) -> Watching<'_> {
        let mut clock = self.clock();
        let now = Instant::now();
        clock.watchers += 1;
        if clock.watchers == 1 {
            clock.due = Some(now + COARSE);
            clock.task = Some(tokio::spawn(tick(self.clone())).abort_handle());
        }
        Watching { stalls: self, before: clock.so_far(now) }
    }

    fn clock(&self) -> MutexGuard<'_, Clock> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Watching<'_> {
    /// How long we have stood still since the watch began.
    pub(crate) fn so_far(&self) -> Duration {
        self.stalls.clock().so_far(Instant::now()).saturating_sub(self.before)
    }
}

impl Drop for Watching<'_> {
    fn drop(&mut self) {
        let mut clock = self.stalls.clock();
        clock.watchers -= 1;
        if clock.watchers == 0 {
            // What is late at this moment was counted by whoever asked.
            clock.due = None;
            clock.task.take().inspect(AbortHandle::abort);
        }
    }
}

impl Clock {
    /// How late the next look is, beyond what is usual.
    fn late(&self, now: Instant) -> Duration {
        let late = self.due.map_or(Duration::ZERO, |due| now.saturating_duration_since(due));
        if late > SLACK { late } else { Duration::ZERO }
    }

    /// What was counted, and what is late right now: after a stall a visit may be woken before the
    /// clock is.
    fn so_far(&self, now: Instant) -> Duration {
        self.counted + self.late(now)
    }

    /// Takes a look, and says when to take the next one.
    fn look(&mut self, now: Instant) -> Duration {
        let late = self.late(now);
        self.counted += late;
        self.attentive = if late.is_zero() { self.attentive.saturating_sub(1) } else { ATTENTIVE };
        let pause = if self.attentive > 0 { FINE } else { COARSE };
        self.due = Some(now + pause);
        pause
    }
}

async fn tick(stalls: Stalls) {
    loop {
        let pause = stalls.clock().look(Instant::now());
        tokio::time::sleep(pause).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Keeps the only thread of a test from running anything else.
    fn stand_still(time: Duration) {
        let until = Instant::now() + time;
        while Instant::now() < until {
            std::hint::spin_loop();
        }
    }

    #[tokio::test]
    async fn a_standstill_is_counted_for_all_who_watch_and_for_nobody_who_comes_later() {
        let stalls = Stalls::default();
        let (first, second) = (stalls.watch(), stalls.watch());
        tokio::time::sleep(COARSE).await;
        stand_still(Duration::from_millis(300));
        let at_once = first.so_far();
        assert!(at_once >= Duration::from_millis(270), "{at_once:?}");
        tokio::time::sleep(COARSE).await;
        let counted = first.so_far();
        assert!(counted >= at_once && second.so_far() >= at_once, "{at_once:?} {counted:?}");
        let later = stalls.watch().so_far();
        assert!(later < Duration::from_millis(100), "{later:?}");
    }

    #[tokio::test]
    async fn nothing_is_counted_while_nobody_watches() {
        let stalls = Stalls::default();
        drop(stalls.watch());
        stand_still(Duration::from_millis(200));
        tokio::time::sleep(COARSE).await;
        let counted = stalls.watch().so_far();
        assert!(counted < Duration::from_millis(100), "{counted:?}");
    }

    #[test]
    fn the_clock_looks_closer_once_it_was_late() {
        let start = Instant::now();
        let at = |milliseconds| start + Duration::from_millis(milliseconds);
        let mut clock = Clock { due: Some(at(20)), ..Clock::default() };
        assert_eq!(clock.look(at(22)), COARSE, "as late as timers are");
        assert_eq!(clock.so_far(at(142)), Duration::from_millis(100), "not yet looked at");
        assert_eq!(clock.look(at(142)), FINE);
        assert_eq!(clock.so_far(at(147)), Duration::from_millis(100));
    }
}
