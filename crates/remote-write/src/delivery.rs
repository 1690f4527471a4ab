//! One call of [`Client::write`]: requests made of entries, sent until the outcome of each entry is
//! known.

mod divide;
mod isolate;
mod locate;
mod metadata;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use samples::{Entry, Protocol, Series, Timestamp};
use tokio::time::Instant;

use crate::answer::{Answer, Rejection, Sent, TemporaryFailure};
use crate::{Client, Refusal};

/// A receiver that accepted something this recently works: a 500 is then about the samples.
const RECENT: Duration = Duration::from_secs(10);

/// A receiver that answered 500 to everything is not searched again for this long.
const SEARCH_AGAIN: Duration = Duration::from_secs(60);

/// How long one call of [`Client::write`] tries.
#[derive(Clone, Copy, Debug)]
pub struct SendPolicy {
    /// Attempts of each request, at least 1.
    pub attempts: u32,
    /// No request and no wait goes beyond this.
    pub until: Option<Instant>,
    /// Divide a request that the receiver rejects, or always answers with 500, to find the samples at
    /// fault. Without it the call ends there, [`Blocked::is_about_samples`].
    pub divide: bool,
}

impl Default for SendPolicy {
    fn default() -> Self {
        Self { attempts: 10, until: None, divide: true }
    }
}

/// The result of [`Client::write`].
#[derive(Debug, Default)]
pub struct Outcome {
    /// One for each entry, in their order.
    pub entries: Vec<EntryOutcome>,
    /// Why some are [`EntryOutcome::Unsent`]; `None` when none is.
    pub blocked: Option<Blocked>,
    /// This many of the written entries are not stored: a 2.0 receiver counted fewer and it is not
    /// known which.
    pub unaccounted: usize,
    pub requests: usize,
    /// Bytes of all request bodies, retries included.
    pub wire_bytes: usize,
}

/// What became of one entry.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum EntryOutcome {
    /// Not accepted yet. Send it again before any later entry of its series.
    #[default]
    Unsent,
    Written,
    /// Never sent, since a check failed.
    Refused(Refusal),
    /// The receiver rejects it permanently.
    Rejected(Arc<Rejection>),
}

/// Why a call ended before everything was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blocked {
    /// The last answer, or the transport error.
    pub cause: String,
    /// `None` when there was no answer.
    pub status: Option<u16>,
    /// Wait this long before the next request.
    pub wait: Duration,
    /// The receiver works, or may work, for other samples.
    pub is_about_samples: bool,
    /// [`SendPolicy::until`] was reached before the next request.
    pub out_of_time: bool,
}

impl Outcome {
    /// Number of entries with such an outcome.
    pub fn count(&self, is: impl Fn(&EntryOutcome) -> bool) -> usize {
        self.entries.iter().filter(|entry| is(entry)).count()
    }
}

impl Client {
    /// Sends `entries` in their order and returns the outcome of each.
    ///
    /// `now` is the time at the call. Once an entry could not be sent, no later entry of its series is
    /// sent.
    pub async fn write(
        &mut self,
        entries: &[Entry],
        now: Timestamp,
        policy: SendPolicy,
    ) -> Outcome {
        let mut outcome = Outcome::default();
        self.write_into(entries, now, policy, &mut outcome).await;
        outcome
    }

    /// As [`Client::write`]. If the call is cancelled, `outcome` has what was decided until then.
    pub async fn write_into(
        &mut self,
        entries: &[Entry],
        now: Timestamp,
        policy: SendPolicy,
        outcome: &mut Outcome,
    ) {
        Delivery::new(self, entries, now, policy, outcome).run().await;
    }
}

struct Delivery<'a> {
    client: &'a mut Client,
    entries: &'a [Entry],
    policy: SendPolicy,
    now: Timestamp,
    began: Instant,
    /// Filled as the call proceeds, so that a caller that cancels the call keeps what is decided.
    outcome: &'a mut Outcome,
}

impl<'a> Delivery<'a> {
    fn new(
        client: &'a mut Client,
        entries: &'a [Entry],
        now: Timestamp,
        policy: SendPolicy,
        outcome: &'a mut Outcome,
    ) -> Self {
        *outcome =
            Outcome { entries: vec![EntryOutcome::Unsent; entries.len()], ..Outcome::default() };
        Self { client, entries, policy, now, began: Instant::now(), outcome }
    }

    async fn run(mut self) {
        self.check();
        let all: Vec<u32> = (0..).take(self.entries.len()).collect();
        let is_suspect = |index: &u32| self.client.suspects.contains(self.series(*index));
        let (suspects, others): (Vec<u32>, Vec<u32>) =
            self.open(&all).into_iter().partition(is_suspect);
        let blocked = match self.send_all(&others).await {
            None => self.send_suspects(&suspects).await,
            blocked => blocked,
        };
        if blocked.is_none() {
            self.send_metadata().await;
        }
        self.outcome.blocked = blocked;
    }

    /// Sends entries in their order. `None` when the outcome of each is decided.
    async fn send_all(&mut self, indices: &[u32]) -> Option<Blocked> {
        // The next request is on top.
        let mut requests = self.requests(indices);
        requests.reverse();
        while let Some(request) = requests.pop() {
            let request = self.open(&request);
            let failure = match self.send(&request, self.policy.attempts).await {
                Answer::Accepted { unaccounted } => {
                    self.written(&request, unaccounted);
                    None
                }
                Answer::OtherProtocol => {
                    self.fall_back();
                    requests.push(request);
                    None
                }
                Answer::Rejected(rejection) if rejection.is_divisible() && request.len() > 1 => {
                    if !self.policy.divide {
                        return Some(self.blocked(&rejection.into(), true));
                    }
                    self.divide(request, rejection).await
                }
                Answer::Rejected(rejection) | Answer::NoneWritten(rejection) => {
                    self.rejected(&request, rejection);
                    None
                }
                Answer::PartlyAccepted { rejected, rejection } => {
                    self.locate(&request, rejected, &rejection).await
                }
                Answer::Later(failure) if failure.only_500 && self.may_search() => {
                    if !self.policy.divide {
                        return Some(self.blocked(&failure, true));
                    }
                    self.isolate(request, failure).await
                }
                Answer::Later(failure) => Some(failure),
            };
            if let Some(failure) = failure {
                let is_about_samples = failure.only_500;
                return Some(self.blocked(&failure, is_about_samples));
            }
        }
        None
    }

    /// Sends the entries of series that the receiver rejected before, apart from the others: if it
    /// still rejects all of them and one of them alone, no further request is made.
    async fn send_suspects(&mut self, indices: &[u32]) -> Option<Blocked> {
        for request in self.requests(indices) {
            let request = self.open(&request);
            let (whole, failure) = match self.try_suspects(&request).await {
                Verdict::Decided => continue,
                Verdict::Rejected(rejection, failure) => (rejection, failure),
                Verdict::Blocked(failure) => return Some(self.blocked(&failure, false)),
            };
            if request.len() == 1 || self.client.rejects_all == Some(whole.status) {
                self.rejected(&request, whole);
                continue;
            }
            self.client.suspect_round = self.client.suspect_round.wrapping_add(1);
            let one = request[self.client.suspect_round % request.len()];
            let one = self.first_of_series(&request, one);
            match self.try_suspects(&[one]).await {
                Verdict::Rejected(rejection, _) => {
                    self.rejected(&[one], rejection);
                    self.rejected(&request, whole);
                }
                Verdict::Blocked(failure) => return Some(self.blocked(&failure, false)),
                Verdict::Decided => {
                    let rest = self.open(&request);
                    let blocked = match failure {
                        None => self.divide(rest, whole).await,
                        Some(failure) => self.isolate(rest, failure).await,
                    };
                    if let Some(failure) = blocked {
                        return Some(self.blocked(&failure, failure.only_500));
                    }
                }
            }
        }
        None
    }

    async fn try_suspects(&mut self, request: &[u32]) -> Verdict {
        match self.send(request, 1).await {
            Answer::Accepted { unaccounted } => {
                self.written(request, unaccounted);
                for index in request {
                    self.client.suspects.remove(&self.entries[*index as usize].series);
                }
                Verdict::Decided
            }
            Answer::NoneWritten(rejection) | Answer::Rejected(rejection) => {
                Verdict::Rejected(rejection, None)
            }
            Answer::PartlyAccepted { rejected, rejection } => {
                match self.locate(request, rejected, &rejection).await {
                    None => Verdict::Decided,
                    Some(failure) => Verdict::Blocked(failure),
                }
            }
            Answer::Later(failure) if failure.only_500 && self.client.accepted_within(RECENT) => {
                let rejection = Rejection { status: 500, body: failure.detail.clone() };
                Verdict::Rejected(rejection, Some(failure))
            }
            Answer::Later(failure) => Verdict::Blocked(failure),
            Answer::OtherProtocol => {
                self.fall_back();
                Verdict::Blocked(TemporaryFailure::unanswered(
                    "the protocol version changed".to_owned(),
                ))
            }
        }
    }

    fn blocked(&self, failure: &TemporaryFailure, is_about_samples: bool) -> Blocked {
        let wait = self.client.wait(failure);
        Blocked {
            cause: failure.to_string(),
            status: failure.status,
            wait,
            is_about_samples,
            out_of_time: failure.out_of_time,
        }
    }

    /// Whether to search for samples at fault after 500s.
    fn may_search(&self) -> bool {
        self.client.search_failed_at.is_none_or(|at| at.elapsed() >= SEARCH_AGAIN)
    }

    fn now(&self) -> Timestamp {
        self.now + self.began.elapsed()
    }

    /// Refuses what must not be sent over the current protocol.
    fn check(&mut self) {
        let (now, protocol) = (self.now(), self.client.protocol);
        let checks = &self.client.settings.checks;
        for (entry, outcome) in self.entries.iter().zip(&mut self.outcome.entries) {
            if *outcome == EntryOutcome::Unsent
                && let Some(refusal) = checks.refusal(entry, now, protocol)
            {
                *outcome = EntryOutcome::Refused(refusal);
            }
        }
    }

    fn fall_back(&mut self) {
        tracing::warn!("Receiver does not support remote write 2.0; using 1.0");
        self.client.protocol = Protocol::V1;
        self.check();
    }

    /// Those of `indices` that are not decided.
    fn open(&self, indices: &[u32]) -> Vec<u32> {
        let is_open = |index: &u32| self.outcome.entries[*index as usize] == EntryOutcome::Unsent;
        indices.iter().copied().filter(is_open).collect()
    }

    /// Splits `indices` into requests within the limits, in their order.
    fn requests(&self, indices: &[u32]) -> Vec<Vec<u32>> {
        let settings = &self.client.settings;
        let mut requests: Vec<Vec<u32>> = Vec::new();
        let mut bytes = 0;
        for index in indices {
            let length = self.series(*index).encoded_length() + 32;
            let fits = requests.last().is_some_and(|request| {
                request.len() < settings.max_samples && bytes + length <= settings.max_request_bytes
            });
            match requests.last_mut() {
                Some(request) if fits => request.push(*index),
                _ => {
                    requests.push(vec![*index]);
                    bytes = 0;
                }
            }
            bytes += length;
        }
        requests
    }

    /// One request, with the same bytes at each attempt, until it is decided or the policy ends it.
    async fn send(&mut self, indices: &[u32], attempts: u32) -> Answer {
        let protocol = self.client.protocol;
        let encoded = self.client.encoder.encode(protocol, self.entries, indices);
        for clash in encoded.clashes {
            self.outcome.entries[*clash as usize] = EntryOutcome::Refused(Refusal::SameTime);
        }
        let (samples, histograms) = (encoded.samples, encoded.histograms);
        if samples + histograms == 0 {
            return Answer::Accepted { unaccounted: 0 };
        }
        let body = Bytes::copy_from_slice(encoded.body);
        let sent = Sent { protocol, samples, histograms, proven: false };
        let (mut count, mut only_500, mut unanswered) = (0, true, 0);
        loop {
            if self.policy.until.is_some_and(|until| until <= Instant::now()) {
                return Answer::Later(TemporaryFailure::out_of_time());
            }
            self.outcome.requests += 1;
            self.outcome.wire_bytes += body.len();
            let answer = self.client.once(&body, sent, self.now(), self.policy.until).await;
            count += 1;
            let Answer::Later(mut failure) = answer else { return answer };
            only_500 &= failure.status == Some(500);
            failure.only_500 = only_500;
            unanswered = if failure.timed_out { unanswered + 1 } else { 0 };
            let next = Instant::now() + self.client.wait(&failure);
            if count >= attempts
                || unanswered >= 2
                || !failure.is_transient()
                || self.policy.until.is_some_and(|until| until <= next)
            {
                return Answer::Later(failure);
            }
            self.client.wait_until(next).await;
        }
    }

    fn written(&mut self, indices: &[u32], unaccounted: usize) {
        for index in indices {
            let outcome = &mut self.outcome.entries[*index as usize];
            if *outcome == EntryOutcome::Unsent {
                *outcome = EntryOutcome::Written;
            }
        }
        if unaccounted > 0 {
            tracing::warn!(unaccounted, "Receiver wrote fewer samples than it accepted");
            self.outcome.unaccounted += unaccounted;
        }
    }

    fn rejected(&mut self, indices: &[u32], rejection: Rejection) {
        let rejection = Arc::new(rejection);
        for index in indices {
            let outcome = &mut self.outcome.entries[*index as usize];
            if *outcome == EntryOutcome::Unsent {
                *outcome = EntryOutcome::Rejected(Arc::clone(&rejection));
                self.client.suspects.insert(&self.entries[*index as usize].series);
            }
        }
    }

    /// The first of `indices` with the series of `index` that is not decided: a sample that is tried
    /// alone must not overtake an earlier one.
    fn first_of_series(&self, indices: &[u32], index: u32) -> u32 {
        let is_first = |other: &&u32| {
            self.series(**other) == self.series(index)
                && self.outcome.entries[**other as usize] == EntryOutcome::Unsent
        };
        indices.iter().find(is_first).copied().unwrap_or(index)
    }

    fn series(&self, index: u32) -> &'a Series {
        &self.entries[index as usize].series
    }

    /// Sorts by series, and each series by time.
    fn sort_by_series(&self, indices: &mut [u32]) {
        let at = |index: &u32| self.entries[*index as usize].at();
        indices.sort_by(|a, b| {
            self.series(*a).cmp(self.series(*b)).then(at(a).cmp(&at(b))).then(a.cmp(b))
        });
    }
}

/// The answer to a request with suspects only.
enum Verdict {
    Decided,
    /// The failure is the 500 that counts as a rejection.
    Rejected(Rejection, Option<TemporaryFailure>),
    Blocked(TemporaryFailure),
}
