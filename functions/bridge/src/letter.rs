//! One message of the queue, from its arrival to what is to be done with it.

use std::sync::Arc;

use aws_lambda_events::sqs::SqsMessage;
use remote_write::{Fate, Rejection};
use samples::message::{Message, Unreadable, decode};
use samples::{Entry, Timestamp};

/// A message as it arrived.
pub(crate) struct Letter {
    pub(crate) id: String,
    pub(crate) receipt: String,
    pub(crate) group: String,
    /// How often the queue has given it to someone; 1 the first time.
    pub(crate) deliveries: u32,
    /// When it was put into the queue.
    pub(crate) posted: Option<Timestamp>,
    pub(crate) body: String,
    pub(crate) content: Result<Message, Unreadable>,
    pub(crate) findings: Findings,
}

/// What is known of a letter's samples once they were sent.
#[derive(Default)]
pub(crate) struct Findings {
    /// One for each sample: it is with the receiver.
    pub(crate) written: Vec<bool>,
    /// Some are not sent: the letter stays.
    pub(crate) unsent: usize,
    pub(crate) too_old: Vec<Entry>,
    pub(crate) hopeless: Vec<(Why, Entry)>,
}

/// Why a sample will never be written.
#[derive(Clone, Debug)]
pub(crate) enum Why {
    Refused(remote_write::Refusal),
    Rejected(Arc<Rejection>),
}

impl Why {
    /// A stable word, for counting.
    pub(crate) fn reason(&self) -> String {
        match self {
            Self::Refused(refusal) => refusal.as_str().to_owned(),
            Self::Rejected(rejection) => format!("receiver_{}", rejection.status),
        }
    }

    /// For whoever reads the dead letter.
    pub(crate) fn words(&self) -> String {
        match self {
            Self::Refused(refusal) => format!("not sent: {}", refusal.as_str()),
            Self::Rejected(rejection) => format!("the receiver answered {rejection}"),
        }
    }
}

impl Letter {
    /// `None` for what no queue sends: without an id nothing can be answered.
    pub(crate) fn open(message: SqsMessage) -> Option<Self> {
        let number = |name: &str| message.attributes.get(name).and_then(|text| text.parse().ok());
        let deliveries = number("ApproximateReceiveCount").unwrap_or(1);
        let posted = number("SentTimestamp").map(Timestamp::from_millis);
        let group = message.attributes.get("MessageGroupId").cloned().unwrap_or_default();
        let body = message.body.unwrap_or_default();
        let content = decode(&body);
        let count = content.as_ref().map_or(0, |content| content.entries.len());
        Some(Self {
            id: message.message_id?,
            receipt: message.receipt_handle.unwrap_or_default(),
            group,
            deliveries: u32::try_from(deliveries).unwrap_or(1),
            posted,
            body,
            content,
            findings: Findings { written: vec![false; count], ..Findings::default() },
        })
    }

    /// For the logs: the run whose samples these are.
    pub(crate) fn run(&self) -> &str {
        self.content.as_ref().map_or("", |content| &content.run)
    }

    pub(crate) fn entries(&self) -> &[Entry] {
        self.content.as_ref().map_or(&[], |content| &content.entries)
    }

    /// Notes what became of the sample at `place`.
    pub(crate) fn note(&mut self, place: usize, fate: &Fate) {
        let why = match fate {
            Fate::Written => {
                self.findings.written[place] = true;
                return;
            }
            Fate::Unsent => {
                self.findings.unsent += 1;
                return;
            }
            Fate::Refused(refusal) => Why::Refused(*refusal),
            Fate::Rejected(rejection) => Why::Rejected(Arc::clone(rejection)),
        };
        let entry = self.entries()[place].clone();
        self.findings.hopeless.push((why, entry));
    }
}
