//! The shapes of `tests/apps/shapes.py`, and the expected description of each.

use gradio::How;
use serde_json::{Value, json};

use crate::version::Version;

/// One kind of app.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// A `ChatInterface` that streams.
    Stream,
    /// A `ChatInterface` that answers in one piece.
    Once,
    /// Blocks: a text box, and a chatbot by `.then`.
    Chain,
    /// The same, but not part of the app's API.
    Private,
    /// Text in, text out, memory in `gr.State`.
    State,
    /// `gr.Interface`, without memory.
    Plain,
    /// A `ChatInterface` that takes files too.
    Multimodal,
    /// A `ChatInterface` with additional inputs.
    Inputs,
    /// With Gradio's login.
    Login,
    /// Mounted below a path of another server.
    Mounted,
    /// One answer at a time, and one more may wait.
    Busy,
}

/// User and password of the login.
pub(super) const USERNAME: &str = "ada";
pub(super) const PASSWORD: &str = "secret";

impl Shape {
    /// All shapes, the slowest first.
    const ALL: [Self; 11] = [
        Self::Busy,
        Self::Stream,
        Self::Once,
        Self::Chain,
        Self::Private,
        Self::State,
        Self::Plain,
        Self::Multimodal,
        Self::Inputs,
        Self::Login,
        Self::Mounted,
    ];

    /// All shapes of a version.
    pub(super) fn of(version: &Version) -> impl Iterator<Item = Self> {
        let release = version.release();
        let since = |shape: &Self| match shape {
            Self::Plain => (3, 0),
            Self::Multimodal => (4, 29),
            _ => (3, 37),
        };
        Self::ALL.into_iter().filter(move |shape| since(shape) <= release)
    }

    /// Its name in `shapes.py`.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Stream => "stream",
            Self::Once => "once",
            Self::Chain => "chain",
            Self::Private => "private",
            Self::State => "state",
            Self::Plain => "plain",
            Self::Multimodal => "multimodal",
            Self::Inputs => "inputs",
            Self::Login => "login",
            Self::Mounted => "mounted",
            Self::Busy => "busy",
        }
    }

    pub(super) fn path(self) -> &'static str {
        if self == Self::Mounted { "/my/bot" } else { "" }
    }

    pub(super) fn how(self) -> How {
        match self {
            Self::State | Self::Plain => How::Plain,
            // Also of a `ChatInterface`, whose page is used instead of its API.
            _ => How::Chain,
        }
    }

    /// Whether it is a `ChatInterface`.
    pub(super) fn is_interface(self) -> bool {
        !matches!(self, Self::Chain | Self::Private | Self::State | Self::Plain)
    }

    /// Whether the endpoint is part of the app's API.
    pub(super) fn is_public(self, version: &Version) -> bool {
        self != Self::Private && !self.is_interface() && self.endpoint(version).is_some()
    }

    /// The fewest functions of one turn. The page of a `ChatInterface` has more since 5.0.
    pub(super) fn least_steps(self) -> usize {
        match self.how() {
            How::Chain if self.is_interface() => 3,
            How::Chain => 2,
            How::Api | How::Plain => 1,
        }
    }

    /// Whether a turn remembers the previous one.
    pub(super) fn remembers(self) -> bool {
        !matches!(self, Self::Plain | Self::Inputs | Self::Busy)
    }

    pub(super) fn streams(self) -> bool {
        !matches!(self, Self::Once | Self::Plain)
    }

    /// The name of the expected endpoint; `None` for one without a name.
    pub(super) fn endpoint(self, version: &Version) -> Option<&'static str> {
        let names_functions = (4, 0) <= version.release();
        match self {
            // Since 6.0 a private function also has a name.
            Self::Private => ((6, 0) <= version.release()).then_some("/ask"),
            Self::Chain => names_functions.then_some("/ask"),
            Self::State => names_functions.then_some("/talk"),
            // 3.40 has the function twice: for the button with a name, for the box without one.
            Self::Plain if version.release() < (3, 50) => None,
            Self::Plain if version.release() < (6, 0) => Some("/predict"),
            // From 6.0 on it is called after the user's function.
            Self::Plain => Some("/answer"),
            // The functions of the page of a `ChatInterface` have no names in 4.11, and have some in 4.19.
            _ => ((4, 19) <= version.release()).then_some("/_clear_and_save_textbox"),
        }
    }

    /// The label of the message box, where it has one.
    pub(super) fn message_label(self, version: &Version) -> Option<&'static str> {
        match self {
            Self::Chain | Self::Private | Self::State => Some("Say"),
            Self::Plain => Some("message"),
            // A ChatInterface has none any more, since some 5.x.
            _ => (version.release() < (5, 50)).then_some("Message"),
        }
    }

    /// The additional inputs of the app, as `vigie discover` prints it.
    pub(super) fn further_inputs(self) -> Value {
        if self != Self::Inputs {
            return json!([]);
        }
        json!([
            { "label": "System prompt", "kind": "textbox", "default": "Be kind." },
            { "label": "Temperature", "kind": "slider", "default": 0.7 },
        ])
    }
}
