//! What a public status page may show of a probe.

use serde::{Deserialize, Serialize};

/// What everyone may see beside state, availability and latency. Nothing by default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Disclosure {
    /// Why runs failed.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub reasons: bool,
    /// The address of the app.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub address: bool,
    /// Prompts, replies and checks.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub conversation: bool,
}

impl Disclosure {
    /// The words of the probe file.
    pub const WORDS: [&'static str; 3] = ["reasons", "address", "conversation"];

    /// Whether nothing is disclosed.
    #[must_use]
    pub fn is_nothing(&self) -> bool {
        *self == Self::default()
    }

    /// Whether reports may be shown: they contain all three.
    #[must_use]
    pub fn reports(&self) -> bool {
        self.reasons && self.address && self.conversation
    }

    /// Allows what `word` names; `false` for another word than [`Self::WORDS`].
    pub fn allow(&mut self, word: &str) -> bool {
        let allowed = match word {
            "reasons" => &mut self.reasons,
            "address" => &mut self.address,
            "conversation" => &mut self.conversation,
            _ => return false,
        };
        *allowed = true;
        true
    }
}
