//! One turn, measured by a client.

/// One turn as the client saw it, in Unix seconds.
#[derive(Debug)]
pub(super) struct Turn {
    pub(super) sent_at: f64,
    /// When the client had its first chunk.
    pub(super) first_at: f64,
    pub(super) text: String,
}
