//! A bounded queue in memory with the samples that wait to be sent.
//!
//! When it is full the oldest samples are dropped and counted: after a long outage the present state is
//! worth more than the state before the outage.

use std::collections::{BTreeMap, VecDeque};
use std::iter::Take;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use std::vec;

use samples::Entry;
use tokio::sync::Notify;
use tokio::time::Instant;

/// The queue; clones share it.
#[derive(Clone)]
pub struct Queue(Arc<Shared>);

struct Shared {
    state: Mutex<State>,
    changed: Notify,
    capacity: usize,
}

#[derive(Default)]
struct State {
    /// In the order of arrival. The samples of a scrape stay in their vector, since a copy of a large
    /// scrape would double the memory for a moment.
    arrivals: VecDeque<Arrival>,
    counts: Counts,
}

struct Arrival {
    /// `None` when they are to be sent at once.
    since: Option<Instant>,
    /// Never empty.
    entries: vec::IntoIter<Entry>,
}

/// Counts of samples since the start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub received: usize,
    pub sent: usize,
    /// Not sent because a check failed, or rejected by the receiver: by reason.
    pub refused: BTreeMap<String, usize>,
    /// Dropped because the queue was full.
    pub dropped: usize,
    /// Waiting now.
    pub queued: usize,
    /// Requests, retries included.
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

    /// Adds samples in their order; returns how many of the oldest were dropped.
    #[expect(clippy::must_use_candidate, reason = "the queue also counts them")]
    pub fn push(&self, entries: Vec<Entry>) -> usize {
        if entries.is_empty() {
            return 0;
        }
        let mut state = self.state();
        state.counts.received += entries.len();
        state.counts.queued += entries.len();
        let since = Some(Instant::now());
        state.arrivals.push_back(Arrival { since, entries: entries.into_iter() });
        let dropped = state.shrink(self.0.capacity);
        drop(state);
        self.0.changed.notify_one();
        dropped
    }

    /// Counts of samples since the start.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.state().counts.clone()
    }

    /// Puts samples that were taken and not sent back to the front.
    pub(crate) fn put_back(&self, entries: Vec<Entry>) {
        if entries.is_empty() {
            return;
        }
        let mut state = self.state();
        state.counts.queued += entries.len();
        state.arrivals.push_front(Arrival { since: None, entries: entries.into_iter() });
        state.shrink(self.0.capacity);
    }

    /// Up to `most` samples from the front.
    ///
    /// A scrape that does not fit into what is left of a request begins the next one, so that the requests
    /// of a large scrape always have the same series.
    pub(crate) fn take(&self, most: usize) -> Vec<Entry> {
        let mut state = self.state();
        let mut taken = Vec::with_capacity(most.min(state.counts.queued));
        while let Some(arrival) = state.arrivals.front() {
            let (room, length) = (most - taken.len(), arrival.entries.len());
            if room == 0 || !taken.is_empty() && room < length {
                break;
            }
            state.remove(room.min(length), |entries| taken.extend(entries));
        }
        taken
    }

    /// Waits until the queue has `enough` samples, or the oldest has waited for `deadline`.
    pub(crate) async fn ready(&self, enough: usize, deadline: Duration) {
        loop {
            let changed = self.0.changed.notified();
            let oldest = {
                let state = self.state();
                if state.counts.queued >= enough {
                    return;
                }
                state.arrivals.front().map(|arrival| arrival.since)
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
        self.state().arrivals.is_empty()
    }

    pub(crate) fn count(&self, count: impl FnOnce(&mut Counts)) {
        count(&mut self.state().counts);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing panics while holding the lock.
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn shrink(&mut self, capacity: usize) -> usize {
        let dropped = self.counts.queued.saturating_sub(capacity);
        if dropped > 0 {
            self.remove(dropped, |entries| entries.for_each(drop));
            self.counts.dropped += dropped;
        }
        dropped
    }

    /// Passes up to `count` entries from the front to `to`.
    fn remove(&mut self, mut count: usize, mut to: impl FnMut(Take<&mut vec::IntoIter<Entry>>)) {
        while count > 0
            && let Some(Arrival { entries, .. }) = self.arrivals.front_mut()
        {
            let here = count.min(entries.len());
            to(entries.take(here));
            (count, self.counts.queued) = (count - here, self.counts.queued - here);
            if entries.len() == 0 {
                self.arrivals.pop_front();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use samples::{Sample, Series, Timestamp};

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
    async fn full_queue_drops_the_oldest_samples() {
        let queue = Queue::new(5);
        assert_eq!(queue.push(entries(0..4)), 0);
        assert_eq!(queue.push(entries(4..7)), 2);
        let taken = queue.take(3);
        assert_eq!(times(&taken), [2, 3], "the next three do not fit");
        queue.put_back(taken);
        assert_eq!(queue.push(entries(7..8)), 1);
        assert_eq!(times(&queue.take(9)), [3, 4, 5, 6, 7]);
        assert_eq!((queue.counts().received, queue.counts().dropped), (8, 3));
    }

    #[tokio::test(start_paused = true)]
    async fn batch_is_ready_when_full_or_after_the_deadline() {
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
