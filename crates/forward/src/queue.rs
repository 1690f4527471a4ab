//! Samples that wait to be sent: a bounded queue in memory.
//!
//! When it is full the oldest samples make room, counted: a receiver that comes back after a long
//! time wants to know how things are now, and a queue that drops the newest would tell it last.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use remote_write::Entry;
use tokio::sync::Notify;
use tokio::time::Instant;

/// Where samples are put; clones put into the same queue.
#[derive(Clone)]
pub struct Queue(Arc<Shared>);

struct Shared {
    state: Mutex<State>,
    changed: Notify,
    capacity: usize,
}

#[derive(Default)]
struct State {
    entries: VecDeque<Entry>,
    /// When they came: so many entries each, the oldest first. `None`: they waited long enough.
    arrivals: VecDeque<(Option<Instant>, usize)>,
    counts: Counts,
}

/// What became of samples so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub received: usize,
    pub sent: usize,
    /// Never sent, or never taken by the receiver: by reason.
    pub refused: BTreeMap<String, usize>,
    /// Made room for newer ones.
    pub dropped: usize,
    /// Waiting now.
    pub queued: usize,
    /// Requests made.
    pub requests: usize,
    /// Bodies as sent, repeats included.
    pub wire_bytes: usize,
}

impl Queue {
    /// An empty queue for at most `capacity` samples.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        let (state, changed) = (Mutex::default(), Notify::new());
        Self(Arc::new(Shared { state, changed, capacity }))
    }

    /// Puts samples in, in their order; returns how many of the oldest made room.
    #[expect(clippy::must_use_candidate, reason = "the queue counts them too")]
    pub fn push(&self, entries: Vec<Entry>) -> usize {
        if entries.is_empty() {
            return 0;
        }
        let mut state = self.state();
        state.counts.received += entries.len();
        state.arrivals.push_back((Some(Instant::now()), entries.len()));
        state.entries.extend(entries);
        let dropped = state.shrink(self.0.capacity);
        drop(state);
        self.0.changed.notify_one();
        dropped
    }

    /// What became of samples so far.
    #[must_use]
    pub fn counts(&self) -> Counts {
        let state = self.state();
        Counts { queued: state.entries.len(), ..state.counts.clone() }
    }

    /// Puts back what was taken and not sent, before all else.
    pub(crate) fn put_back(&self, entries: Vec<Entry>) {
        if entries.is_empty() {
            return;
        }
        let mut state = self.state();
        state.arrivals.push_front((None, entries.len()));
        for entry in entries.into_iter().rev() {
            state.entries.push_front(entry);
        }
        state.shrink(self.0.capacity);
    }

    /// Up to `most` samples from the front.
    pub(crate) fn take(&self, most: usize) -> Vec<Entry> {
        let mut state = self.state();
        let count = most.min(state.entries.len());
        state.forget_arrivals(count);
        state.entries.drain(..count).collect()
    }

    /// Waits until `enough` samples are there, or the oldest has waited for `deadline`.
    pub(crate) async fn ready(&self, enough: usize, deadline: Duration) {
        loop {
            let changed = self.0.changed.notified();
            let oldest = {
                let state = self.state();
                if state.entries.len() >= enough {
                    return;
                }
                state.arrivals.front().map(|(since, _)| *since)
            };
            match oldest {
                None => changed.await,
                Some(None) => return,
                Some(Some(since)) => {
                    let waited = tokio::time::timeout_at(since + deadline, changed).await;
                    if waited.is_err() {
                        return;
                    }
                }
            }
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.state().entries.is_empty()
    }

    pub(crate) fn count(&self, count: impl FnOnce(&mut Counts)) {
        count(&mut self.state().counts);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing panics while it holds the lock.
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn shrink(&mut self, capacity: usize) -> usize {
        let dropped = self.entries.len().saturating_sub(capacity);
        if dropped > 0 {
            self.forget_arrivals(dropped);
            self.entries.drain(..dropped);
            self.counts.dropped += dropped;
        }
        dropped
    }

    fn forget_arrivals(&mut self, mut count: usize) {
        while let Some((_, here)) = self.arrivals.front_mut() {
            if count < *here {
                *here -= count;
                return;
            }
            count -= *here;
            self.arrivals.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use remote_write::{Sample, Series, Timestamp};

    use super::*;

    fn entries(times: std::ops::Range<i64>) -> Vec<Entry> {
        let series = Series::new("m", []).unwrap();
        times
            .map(|at| Entry::new(series.clone(), Sample::new(1.0, Timestamp::from_millis(at))))
            .collect()
    }

    fn times(entries: &[Entry]) -> Vec<i64> {
        entries.iter().map(|entry| entry.at().as_millis()).collect()
    }

    #[tokio::test]
    async fn the_oldest_make_room_and_are_counted() {
        let queue = Queue::new(5);
        assert_eq!(queue.push(entries(0..4)), 0);
        assert_eq!(queue.push(entries(4..7)), 2);
        let taken = queue.take(3);
        assert_eq!(times(&taken), [2, 3, 4]);
        queue.put_back(taken);
        assert_eq!(queue.push(entries(7..8)), 1);
        assert_eq!(times(&queue.take(9)), [3, 4, 5, 6, 7]);
        assert_eq!((queue.counts().received, queue.counts().dropped), (8, 3));
    }

    #[tokio::test(start_paused = true)]
    async fn a_batch_is_ready_when_it_is_full_or_the_oldest_has_waited() {
        let queue = Queue::new(100);
        let start = Instant::now();
        let deadline = Duration::from_secs(5);
        queue.push(entries(0..3));
        tokio::time::advance(Duration::from_secs(2)).await;
        queue.push(entries(3..4));
        queue.ready(10, deadline).await;
        assert_eq!(start.elapsed().as_secs(), 5, "the first has waited for five seconds");

        queue.take(3);
        queue.ready(10, deadline).await;
        assert_eq!(start.elapsed().as_secs(), 7, "the one that came two seconds later");

        queue.push(entries(4..20));
        queue.ready(10, deadline).await;
        assert_eq!(start.elapsed().as_secs(), 7, "enough");
    }
}
