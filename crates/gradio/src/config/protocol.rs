//! The protocols of the queue.

/// Protocol of the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Protocol {
    /// 3.1 to 3.50: one WebSocket per event, whole values.
    Ws,
    /// 4.0 to 4.8: one event stream per event, data posted on request.
    Sse,
    /// 4.9 to 4.16: joined by POST, messages on an event stream.
    SseV1,
    /// 4.17 to 4.20: chunks after the first are differences.
    SseV2,
    /// 4.21.
    SseV21,
    /// 4.22 and later, and unknown newer versions.
    SseV3,
}

impl Protocol {
    pub(super) fn from_name(name: Option<&str>) -> Self {
        match name {
            None | Some("ws" | "") => Self::Ws,
            Some("sse") => Self::Sse,
            Some("sse_v1") => Self::SseV1,
            Some("sse_v2") => Self::SseV2,
            Some("sse_v2.1") => Self::SseV21,
            Some(_) => Self::SseV3,
        }
    }

    /// Name in Gradio.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Ws => "ws",
            Self::Sse => "sse",
            Self::SseV1 => "sse_v1",
            Self::SseV2 => "sse_v2",
            Self::SseV21 => "sse_v2.1",
            Self::SseV3 => "sse_v3",
        }
    }

    /// Whether chunks after the first are differences to the previous chunk.
    #[must_use]
    pub fn sends_diffs(self) -> bool {
        matches!(self, Self::SseV2 | Self::SseV21 | Self::SseV3)
    }
}
