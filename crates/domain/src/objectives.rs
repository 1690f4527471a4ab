//! Objectives of latency and speed.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::wire;

/// What a turn must reach to be in time; `None` means no objective. The exact value is enough.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Objectives {
    /// Prompt sent to first chunk of the reply.
    #[serde(default, with = "wire::optional_seconds", rename = "first_chunk_seconds")]
    pub first_chunk: Option<Duration>,
    /// Prompt sent to end of reply.
    #[serde(default, with = "wire::optional_seconds", rename = "reply_seconds")]
    pub reply: Option<Duration>,
    /// Longest gap between two chunks.
    #[serde(
        default,
        with = "wire::optional_seconds",
        rename = "inter_chunk_seconds",
        skip_serializing_if = "Option::is_none"
    )]
    pub inter_chunk: Option<Duration>,
    /// Lowest speed of the reply, from its first text to its end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub characters_per_second: Option<u32>,
}

impl Objectives {
    /// These objectives, and those of `general` that are not set here.
    #[must_use]
    pub fn or(self, general: Self) -> Self {
        Self {
            first_chunk: self.first_chunk.or(general.first_chunk),
            reply: self.reply.or(general.reply),
            inter_chunk: self.inter_chunk.or(general.inter_chunk),
            characters_per_second: self.characters_per_second.or(general.characters_per_second),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn turn_objective_overrides_that_of_the_probe() {
        let general = Objectives {
            first_chunk: Some(Duration::from_secs(3)),
            reply: Some(Duration::from_secs(20)),
            ..Objectives::default()
        };
        let own = Objectives { first_chunk: Some(Duration::from_secs(5)), ..Objectives::default() };
        assert_eq!(
            own.or(general),
            Objectives { first_chunk: Some(Duration::from_secs(5)), ..general }
        );
    }
}
