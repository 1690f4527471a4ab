//! One message of the samples queue, from its arrival until it is deleted or handed back.

use std::sync::Arc;

use aws_lambda_events::sqs::SqsMessage;
use remote_write::{EntryOutcome, Refusal, Rejection};
use samples::message::{Message, Unreadable, decode};
use samples::{Entry, Timestamp};

/// A message as it arrived, and what became of its samples.
pub(crate) struct QueuedMessage {
    pub(crate) id: String,
    pub(crate) receipt: String,
    pub(crate) group: String,
    /// How many times the queue has delivered it, from 1.
    pub(crate) deliveries: u32,
    /// When it was put into the queue.
    pub(crate) sent: Option<Timestamp>,
    pub(crate) body: String,
    pub(crate) content: Result<Message, Unreadable>,
    pub(crate) results: Results,
}

/// What became of the samples of a message.
#[derive(Clone, Debug, Default)]
pub(crate) struct Results {
    /// One for each sample: it needs no further request.
    pub(crate) decided: Vec<bool>,
    pub(crate) written: usize,
    /// Samples that the receiver will never accept, not yet in the dead-letter queue.
    pub(crate) rejected: Vec<(Cause, usize)>,
    /// Samples that are in the dead-letter queue.
    pub(crate) dead_lettered: usize,
    /// Indices of samples that are too old for the receiver.
    pub(crate) too_old: Vec<usize>,
    /// Samples that are in the bucket.
    pub(crate) archived: usize,
}

/// Why a sample will never be written.
#[derive(Clone, Debug)]
pub(crate) enum Cause {
    Refused(Refusal),
    Rejected(Arc<Rejection>),
    /// It is too old for the receiver, and the archive cannot contain it.
    TooOld,
}

impl Cause {
    /// A stable word, for counting.
    pub(crate) fn reason(&self) -> String {
        match self {
            Self::Refused(refusal) => refusal.as_str().to_owned(),
            Self::Rejected(rejection) => format!("receiver_{}", rejection.status),
            Self::TooOld => "too_old".to_owned(),
        }
    }

    /// For the reader of the dead letter.
    pub(crate) fn description(&self) -> String {
        match self {
            Self::Refused(refusal) => format!("not sent: {}", refusal.as_str()),
            Self::Rejected(rejection) => format!("the receiver answered {rejection}"),
            Self::TooOld => {
                "not sent: too old, and not archived because the archive has no histograms and no UTF-8 names".to_owned()
            }
        }
    }
}

/// Whether the archive can contain a sample. Native histograms cannot be written as text, and promtool does not read
/// UTF-8 names.
pub(crate) fn can_be_archived(entry: &Entry) -> bool {
    entry.series.is_legacy() && entry.sample().is_some()
}

impl QueuedMessage {
    /// `None` for a record without an id, which no queue sends.
    pub(crate) fn open(record: SqsMessage) -> Option<Self> {
        let number = |name: &str| record.attributes.get(name).and_then(|text| text.parse().ok());
        let deliveries = number("ApproximateReceiveCount").unwrap_or(1);
        let sent = number("SentTimestamp").map(Timestamp::from_millis);
        let group = record.attributes.get("MessageGroupId").cloned().unwrap_or_default();
        let body = record.body.unwrap_or_default();
        let content = decode(&body);
        let count = content.as_ref().map_or(0, |content| content.entries.len());
        Some(Self {
            id: record.message_id?,
            receipt: record.receipt_handle.unwrap_or_default(),
            group,
            deliveries: u32::try_from(deliveries).unwrap_or(1),
            sent,
            body,
            content,
            results: Results { decided: vec![false; count], ..Results::default() },
        })
    }

    /// The run whose samples these are, for logs.
    pub(crate) fn run(&self) -> &str {
        self.content.as_ref().map_or("", |content| &content.run)
    }

    pub(crate) fn entries(&self) -> &[Entry] {
        self.content.as_ref().map_or(&[], |content| &content.entries)
    }

    /// Samples that are neither decided nor too old.
    pub(crate) fn unsent(&self) -> usize {
        let decided = self.results.decided.iter().filter(|decided| **decided).count();
        self.entries().len() - decided - self.results.too_old.len()
    }

    /// Continues where an earlier delivery ended.
    pub(crate) fn resume(&mut self, earlier: &Results) {
        if earlier.decided.len() == self.results.decided.len() {
            self.results = Results { too_old: Vec::new(), ..earlier.clone() };
        }
    }

    /// Marks the samples before `oldest`, which are not sent: they are archived, or dead-lettered if that is not possible.
    pub(crate) fn mark_too_old(&mut self, oldest: Timestamp) {
        let Ok(content) = &self.content else { return };
        let entries = content.entries.iter().zip(&self.results.decided).enumerate();
        let old = entries.filter(|(_, (entry, decided))| !**decided && entry.at() < oldest);
        let (archived, others): (Vec<_>, Vec<_>) =
            old.partition(|(_, (entry, _))| can_be_archived(entry));
        self.results.too_old = archived.into_iter().map(|(index, _)| index).collect();
        let others: Vec<usize> = others.into_iter().map(|(index, _)| index).collect();
        for index in others {
            self.results.decided[index] = true;
            self.results.rejected.push((Cause::TooOld, index));
        }
    }

    /// Indices of the samples to send.
    pub(crate) fn to_send(&self) -> Vec<usize> {
        let is_old = |index: &usize| self.results.too_old.binary_search(index).is_ok();
        let decided = self.results.decided.iter().enumerate();
        decided
            .filter(|(_, decided)| !**decided)
            .map(|(index, _)| index)
            .filter(|i| !is_old(i))
            .collect()
    }

    /// Records the outcome of the sample at `index`.
    pub(crate) fn record(&mut self, index: usize, outcome: &EntryOutcome) {
        let cause = match outcome {
            EntryOutcome::Unsent => return,
            EntryOutcome::Written => {
                self.results.decided[index] = true;
                self.results.written += 1;
                return;
            }
            EntryOutcome::Refused(refusal) => Cause::Refused(*refusal),
            EntryOutcome::Rejected(rejection) => Cause::Rejected(Arc::clone(rejection)),
        };
        self.results.decided[index] = true;
        self.results.rejected.push((cause, index));
    }
}

#[cfg(test)]
mod tests {
    use samples::{Histogram, Sample, Series};

    use super::*;

    #[test]
    fn old_samples_without_a_text_form_are_dead_lettered() {
        let at = Timestamp::from_millis;
        let entry = |name: &str, second: i64| {
            let series = Series::new(name, [("job", "b")]).unwrap();
            Entry::new(series, Sample::new(1.0, at(second * 1_000)))
        };
        let histogram = Histogram { timestamp: 2_000, ..Histogram::default() };
        let series = Series::new("seconds", [("job", "b")]).unwrap();
        let entries = vec![
            entry("up", 1),
            entry("dotted.name", 2),
            Entry::histogram(series, histogram),
            entry("dotted.name", 10),
        ];
        let mut record = SqsMessage::default();
        record.message_id = Some("m".to_owned());
        let mut message = QueuedMessage::open(record).unwrap();
        message.results.decided = vec![false; entries.len()];
        let (group, run) = ("g".to_owned(), "r".to_owned());
        message.content = Ok(Message { group, run, due: at(1_000), part: 1, parts: 1, entries });

        for _ in 0..2 {
            message.mark_too_old(at(5_000));
            assert_eq!(message.results.too_old, [0]);
            let rejected: Vec<_> =
                message.results.rejected.iter().map(|(cause, at)| (cause.reason(), *at)).collect();
            assert_eq!(rejected, [("too_old".to_owned(), 1), ("too_old".to_owned(), 2)]);
            assert_eq!(message.to_send(), [3]);
        }
    }
}
