//! A message to send.

/// A message to send.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Message {
    pub body: String,
    /// Group and deduplication id; `None` for a standard queue.
    pub fifo: Option<Fifo>,
    /// String attributes: name and value. Characters that SQS does not accept are removed.
    pub attributes: Vec<(&'static str, String)>,
    /// Seconds from 0 to 900 until the message becomes visible; only for a standard queue.
    pub delay_seconds: i32,
}

impl Message {
    /// A message for a FIFO queue.
    #[must_use]
    pub fn fifo(group: String, deduplication: String, body: String) -> Self {
        Self { body, fifo: Some(Fifo { group, deduplication }), ..Self::default() }
    }
}

/// The message group and the deduplication ID of a message for a FIFO queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fifo {
    pub group: String,
    pub deduplication: String,
}
