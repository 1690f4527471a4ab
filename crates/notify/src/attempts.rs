//! Attempts to notify a receiver.
//!
//! An [`Attempt`] is stored before a notification is published and confirmed afterwards. If the process ends in
//! between, the receiver may know of the notification: its end is sent, and the notification is repeated with growing
//! pauses.

use jiff::Timestamp;

use crate::record::AlarmRecord;
use crate::sent::{Attempt, Outcome, Sent, SentState};

/// A receiver that does not answer is tried again every four minutes, without a limit: most likely it received nothing.
const TRIES_AFTER_TIMEOUT: u32 = 3;

impl AlarmRecord {
    /// What `receiver` was last sent. An unconfirmed attempt counts.
    #[must_use]
    pub fn last_sent(&self, receiver: &str) -> Option<Sent> {
        let attempt = self.attempts.get(receiver).map(|attempt| attempt.sent);
        attempt.or_else(|| self.sent.get(receiver).copied())
    }

    /// Notes that `sent` is about to be sent to `receiver`.
    pub(crate) fn begin_attempt(&mut self, receiver: &str, sent: Sent, now: Timestamp) {
        let tries = match self.attempts.remove(receiver) {
            Some(pending) if pending.sent.is_same(&sent) => pending.tries.saturating_add(1),
            Some(pending) => {
                // The receiver may know of an incident, so its end must be sent; and it may not know of an end, so the
                // end is sent again.
                if pending.sent.state != SentState::Resolved {
                    let unconfirmed = Sent { unconfirmed: true, ..pending.sent };
                    self.sent.insert(receiver.to_owned(), unconfirmed);
                }
                1
            }
            None => 1,
        };
        let retry_at = now.checked_add(Attempt::pause(tries)).unwrap_or(now);
        self.attempts.insert(
            receiver.to_owned(),
            Attempt { sent, tries, tried_at: now, ended: false, retry_at },
        );
    }

    /// Notes the outcome of the attempt for `receiver`.
    pub(crate) fn end_attempt(&mut self, receiver: &str, outcome: Outcome, now: Timestamp) {
        let Some(attempt) = self.attempts.get_mut(receiver) else { return };
        attempt.ended = true;
        match outcome {
            Outcome::Accepted => {
                self.sent.insert(receiver.to_owned(), attempt.sent);
                self.attempts.remove(receiver);
            }
            Outcome::Rejected if attempt.tries <= 1 => {
                self.attempts.remove(receiver);
            }
            Outcome::Rejected => {
                attempt.tries -= 1;
                attempt.retry_at = now;
            }
            Outcome::Unknown => {
                attempt.tries = attempt.tries.min(TRIES_AFTER_TIMEOUT);
                let pause = Attempt::pause(attempt.tries);
                attempt.retry_at = now.checked_add(pause).unwrap_or(now);
            }
        }
    }

    /// Takes over what another copy of the record knows about its receivers.
    pub(crate) fn merge_sent(&mut self, other: &Self) {
        for (receiver, sent) in &other.sent {
            let kept = self.sent.entry(receiver.clone()).or_insert(*sent);
            *kept = kept.merged(*sent);
        }
        for (receiver, attempt) in &other.attempts {
            let kept = self.attempts.entry(receiver.clone()).or_insert(*attempt);
            // Of one try, the copy that knows its end is newer, though it may count fewer tries.
            if (kept.tried_at, kept.ended) < (attempt.tried_at, attempt.ended) {
                *kept = *attempt;
            }
        }
        // One copy was stored before the notification was published, the other one afterwards.
        let sent = &self.sent;
        self.attempts.retain(|receiver, attempt| {
            sent.get(receiver).is_none_or(|sent| sent.last() < attempt.sent.last())
        });
    }
}

#[cfg(test)]
mod tests {
    use domain::Severity;

    use super::*;
    use crate::alert::{Alert, State, Subject};

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_795_305_600 + second).unwrap()
    }

    fn record() -> AlarmRecord {
        let subject = Subject::External { probe: None };
        let alert = Alert::new("k".to_owned(), subject, State::Alarm, at(0));
        AlarmRecord::new(&alert, Severity::Page)
    }

    fn sent(state: SentState, second: i64) -> Sent {
        let incident = Some(at(0));
        let (reminded_at, acknowledged, unconfirmed) = (None, false, false);
        Sent { state, at: at(second), incident, reminded_at, acknowledged, unconfirmed }
    }

    #[test]
    fn accepted_attempt_is_confirmed() {
        let mut record = record();
        record.begin_attempt("mail", sent(SentState::Alarm, 5), at(5));
        record.end_attempt("mail", Outcome::Accepted, at(5));
        assert_eq!(record.sent["mail"], sent(SentState::Alarm, 5));
        assert!(record.attempts.is_empty());
    }

    #[test]
    fn rejected_attempt_leaves_no_trace() {
        let mut record = record();
        let before = record.clone();
        record.begin_attempt("mail", sent(SentState::Alarm, 5), at(5));
        record.end_attempt("mail", Outcome::Rejected, at(5));
        assert_eq!(record, before);
    }

    /// The pauses in minutes between tries that end with `outcome`, or with the end of the process.
    fn pauses(tries: usize, outcome: Option<Outcome>) -> (AlarmRecord, Timestamp, Vec<i64>) {
        let (mut record, mut now, mut pauses) = (record(), at(0), Vec::new());
        for _ in 0..tries {
            record.begin_attempt("mail", sent(SentState::Alarm, 0), now);
            if let Some(outcome) = outcome {
                record.end_attempt("mail", outcome, now);
            }
            let retry_at = record.attempts["mail"].retry_at;
            assert!(record.attempts["mail"].is_due(retry_at));
            pauses.push(retry_at.duration_since(now).as_secs() / 60);
            now = retry_at;
        }
        (record, now, pauses)
    }

    #[test]
    fn pauses_grow_when_the_process_ends_each_time() {
        let (mut record, now, pauses) = pauses(9, None);
        assert_eq!(pauses, [1, 2, 4, 4, 4, 8, 16, 32, 60]);
        record.begin_attempt("mail", sent(SentState::Alarm, 0), now);
        let later = now.checked_add(std::time::Duration::from_secs(1_000_000)).unwrap();
        assert!(!record.attempts["mail"].is_due(later), "it counts as delivered");
    }

    #[test]
    fn receiver_without_an_answer_is_tried_without_end() {
        assert_eq!(pauses(12, Some(Outcome::Unknown)).2, [1, 2, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4]);
    }

    #[test]
    fn rejection_keeps_an_earlier_unknown_outcome() {
        let mut record = record();
        record.begin_attempt("mail", sent(SentState::Alarm, 0), at(0));
        record.begin_attempt("mail", sent(SentState::Alarm, 60), at(60));
        record.end_attempt("mail", Outcome::Rejected, at(60));
        assert_eq!(record.last_sent("mail").map(|sent| sent.state), Some(SentState::Alarm));
        assert!(record.attempts["mail"].is_due(at(60)), "it is sent again at once");
    }

    #[test]
    fn another_attempt_assumes_that_the_first_was_delivered() {
        let mut record = record();
        record.begin_attempt("mail", sent(SentState::Alarm, 0), at(0));
        record.begin_attempt("mail", sent(SentState::Resolved, 60), at(60));
        assert_eq!(record.sent["mail"].state, SentState::Alarm);
        assert_eq!(record.last_sent("mail").map(|sent| sent.state), Some(SentState::Resolved));
    }

    #[test]
    fn unconfirmed_end_is_not_assumed_to_be_delivered() {
        let mut record = record();
        record.begin_attempt("mail", sent(SentState::Alarm, 0), at(0));
        record.end_attempt("mail", Outcome::Accepted, at(0));
        record.begin_attempt("mail", sent(SentState::Resolved, 60), at(60));
        record.end_attempt("mail", Outcome::Unknown, at(60));
        record.begin_attempt("mail", sent(SentState::NoData, 120), at(120));
        record.end_attempt("mail", Outcome::Rejected, at(120));
        assert_eq!(record.last_sent("mail").map(|sent| sent.state), Some(SentState::Alarm));
    }

    #[test]
    fn copies_from_before_and_after_a_failed_try_merge() {
        for (outcome, tries) in [(Outcome::Rejected, 4), (Outcome::Unknown, 3)] {
            let mut before = record();
            for _ in 0..5 {
                before.begin_attempt("mail", sent(SentState::Alarm, 5), at(5));
            }
            let mut after = before.clone();
            after.end_attempt("mail", outcome, at(5));
            assert_eq!(after.attempts["mail"].tries, tries);
            for merged in
                [before.clone().merged(after.clone()), after.clone().merged(before.clone())]
            {
                assert_eq!(merged.attempts, after.attempts, "{outcome:?}");
            }
        }
    }

    /// Two execution environments sent different states without the table: which one arrived last is not known.
    #[test]
    fn states_sent_at_the_same_time_are_not_confirmed() {
        let state = |mine: Sent, other: Sent| {
            let merged = mine.merged(other);
            assert_eq!(other.merged(mine), merged);
            (merged.state, merged.unconfirmed)
        };
        let (flaps, ended) = (SentState::Flapping, SentState::Resolved);
        assert_eq!(state(sent(flaps, 5), sent(ended, 5)), (flaps, true));
        assert_eq!(state(sent(flaps, 5), sent(ended, 6)), (flaps, true));
        assert_eq!(state(sent(flaps, 5), sent(ended, 15)), (ended, false), "one after the other");
        assert_eq!(state(sent(flaps, 5), sent(flaps, 5)), (flaps, false));
        let acknowledged = Sent { acknowledged: true, ..sent(SentState::Alarm, 5) };
        assert_eq!(sent(SentState::Alarm, 5).merged(acknowledged), acknowledged);
    }

    #[test]
    fn copies_from_before_and_after_a_publish_merge_to_sent() {
        let mut before = record();
        before.begin_attempt("mail", sent(SentState::Alarm, 5), at(5));
        let mut after = before.clone();
        after.end_attempt("mail", Outcome::Accepted, at(5));
        for merged in [before.clone().merged(after.clone()), after.clone().merged(before.clone())] {
            assert_eq!(
                (merged.sent, merged.attempts),
                (after.sent.clone(), after.attempts.clone())
            );
        }
        let mut later = before.clone();
        later.begin_attempt("mail", sent(SentState::Resolved, 90), at(90));
        let merged = after.merged(later);
        assert_eq!(merged.attempts["mail"].sent.state, SentState::Resolved);
    }
}
