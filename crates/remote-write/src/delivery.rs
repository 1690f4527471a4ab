//! One call of [`Client::write`]: requests made of entries, sent until each entry's fate is known.

mod search;

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;

use crate::answer::{Answer, Obstacle, Rejection, Sent};
use crate::{Client, Refusal};
use samples::{Entry, Protocol, Timestamp};

/// How long one call goes on trying.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// Tries of each request, at least 1.
    pub tries: u32,
    /// Nothing is begun or waited for beyond this.
    pub until: Option<Instant>,
    /// Some receivers answer 500 to a bad sample, for ever. When a request gets 500 at its last try,
    /// look for the sample that causes it: it is given up if others are taken meanwhile. To be set
    /// only when the same samples have failed for a while.
    pub isolate: bool,
}

impl Default for Patience {
    fn default() -> Self {
        Self { tries: 10, until: None, isolate: false }
    }
}

/// What became of what was to be sent.
#[derive(Debug, Default)]
pub struct Outcome {
    /// One for each entry, in their order.
    pub fates: Vec<Fate>,
    /// Why some are [`Fate::Unsent`]; `None` when none is.
    pub held_up: Option<HeldUp>,
    /// So many of the written are not stored, says a 2.0 receiver that does not say which.
    pub unaccounted: usize,
    pub requests: usize,
    /// Bodies as sent, repeats included.
    pub wire_bytes: usize,
}

/// What became of one entry.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Fate {
    /// Not taken yet; to be sent again before anything later.
    #[default]
    Unsent,
    Written,
    /// Never sent, since it could only do harm.
    Refused(Refusal),
    /// Sent, and the receiver will never take it.
    Rejected(Arc<Rejection>),
}

/// Why a call ended before everything was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldUp {
    /// The last answer, or what happened to the connection.
    pub cause: String,
    /// `None` when there was no answer.
    pub status: Option<u16>,
    /// Let the receiver be for this long.
    pub wait: Duration,
}

impl Outcome {
    /// Number of entries with such a fate.
    pub fn count(&self, is: impl Fn(&Fate) -> bool) -> usize {
        self.fates.iter().filter(|fate| is(fate)).count()
    }
}

pub(crate) struct Delivery<'a> {
    client: &'a mut Client,
    entries: &'a [Entry],
    patience: Patience,
    now: Timestamp,
    began: Instant,
    outcome: Outcome,
}

impl<'a> Delivery<'a> {
    pub(crate) fn new(
        client: &'a mut Client,
        entries: &'a [Entry],
        now: Timestamp,
        patience: Patience,
    ) -> Self {
        let fates = vec![Fate::Unsent; entries.len()];
        let outcome = Outcome { fates, ..Outcome::default() };
        Self { client, entries, patience, now, began: Instant::now(), outcome }
    }

    pub(crate) async fn run(mut self) -> Outcome {
        self.check();
        let places: Vec<u32> = (0..).take(self.entries.len()).collect();
        let places = self.open(&places);
        // What is to be sent next is on top.
        let mut ranges: Vec<Range<usize>> = self.requests(&places);
        ranges.reverse();
        while let Some(range) = ranges.pop() {
            let part = self.open(&places[range.clone()]);
            let obstacle = match self.send(&part, self.patience.tries).await {
                Answer::Taken { unaccounted } => {
                    self.written(&part, unaccounted);
                    None
                }
                Answer::OtherProtocol => {
                    self.fall_back();
                    ranges.push(range);
                    None
                }
                Answer::Never(rejection) if is_divisible(&rejection) && range.len() > 1 => {
                    let middle = range.start + range.len() / 2;
                    ranges.push(middle..range.end);
                    ranges.push(range.start..middle);
                    None
                }
                Answer::Never(rejection) => {
                    self.rejected(&part, rejection);
                    None
                }
                Answer::Partly { refused, rejection } => {
                    self.sort_out(&part, refused, &rejection).await
                }
                Answer::Later(obstacle)
                    if obstacle.status == Some(500) && self.patience.isolate =>
                {
                    self.isolate(part, obstacle).await
                }
                Answer::Later(obstacle) => Some(obstacle),
            };
            if let Some(obstacle) = obstacle {
                let wait = self.client.wait(&obstacle);
                let (cause, status) = (obstacle.to_string(), obstacle.status);
                self.outcome.held_up = Some(HeldUp { cause, status, wait });
                break;
            }
        }
        self.outcome
    }

    fn now(&self) -> Timestamp {
        self.now + self.began.elapsed()
    }

    /// Refuses what must not be sent over the version spoken now.
    fn check(&mut self) {
        let (now, protocol) = (self.now(), self.client.spoken);
        let checks = &self.client.settings.checks;
        for (entry, fate) in self.entries.iter().zip(&mut self.outcome.fates) {
            if *fate == Fate::Unsent
                && let Some(refusal) = checks.refusal(entry, now, protocol)
            {
                *fate = Fate::Refused(refusal);
            }
        }
    }

    fn fall_back(&mut self) {
        tracing::warn!("the receiver does not know remote write 2.0; going on with 1.0");
        self.client.spoken = Protocol::V1;
        self.check();
    }

    /// Those of `places` whose fate is open.
    fn open(&self, places: &[u32]) -> Vec<u32> {
        let is_open = |place: &u32| self.outcome.fates[*place as usize] == Fate::Unsent;
        places.iter().copied().filter(is_open).collect()
    }

    /// Cuts `places` into requests within the limits, in their order.
    fn requests(&self, places: &[u32]) -> Vec<Range<usize>> {
        let settings = &self.client.settings;
        let mut ranges = Vec::new();
        let (mut start, mut bytes) = (0, 0);
        for (index, place) in places.iter().enumerate() {
            let length = self.entries[*place as usize].series.encoded_length() + 32;
            let full = index - start >= settings.max_samples.max(1)
                || bytes + length > settings.max_request_bytes;
            if full && index > start {
                ranges.push(start..index);
                (start, bytes) = (index, 0);
            }
            bytes += length;
        }
        if start < places.len() {
            ranges.push(start..places.len());
        }
        ranges
    }

    /// One request, the same bytes each time, until it is decided or patience ends.
    async fn send(&mut self, places: &[u32], tries: u32) -> Answer {
        let protocol = self.client.spoken;
        let encoded = self.client.encoder.encode(protocol, self.entries, places);
        for clash in encoded.clashes {
            self.outcome.fates[*clash as usize] = Fate::Refused(Refusal::SameTime);
        }
        let (samples, histograms) = (encoded.samples, encoded.histograms);
        if samples + histograms == 0 {
            return Answer::Taken { unaccounted: 0 };
        }
        let body = Bytes::copy_from_slice(encoded.body);
        let sent = Sent { protocol, samples, histograms, proven: false };
        let mut count = 0;
        loop {
            if self.patience.until.is_some_and(|until| until <= Instant::now()) {
                return Answer::Later(Obstacle::unanswered("no time left".to_owned()));
            }
            self.outcome.requests += 1;
            self.outcome.wire_bytes += body.len();
            let answer = self.client.once(&body, sent, self.now(), self.patience.until).await;
            count += 1;
            let Answer::Later(obstacle) = &answer else { return answer };
            let next = Instant::now() + self.client.wait(obstacle);
            if count >= tries
                || !obstacle.passes()
                || self.patience.until.is_some_and(|until| until <= next)
            {
                return answer;
            }
            tokio::time::sleep_until(next).await;
        }
    }

    fn written(&mut self, places: &[u32], unaccounted: usize) {
        for place in places {
            let fate = &mut self.outcome.fates[*place as usize];
            if *fate == Fate::Unsent {
                *fate = Fate::Written;
            }
        }
        if unaccounted > 0 {
            tracing::warn!(unaccounted, "the receiver wrote less than it took");
            self.outcome.unaccounted += unaccounted;
        }
    }

    fn rejected(&mut self, places: &[u32], rejection: Rejection) {
        let rejection = Arc::new(rejection);
        for place in places {
            let fate = &mut self.outcome.fates[*place as usize];
            if *fate == Fate::Unsent {
                *fate = Fate::Rejected(Arc::clone(&rejection));
            }
        }
    }
}

/// Whether part of such a request may be taken although the whole is not.
fn is_divisible(rejection: &Rejection) -> bool {
    matches!(rejection.status, 400 | 413 | 422)
}
