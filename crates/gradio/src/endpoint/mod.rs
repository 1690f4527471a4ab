//! Finds the chat among an app's functions.

mod graph;
pub(crate) mod kinds;
mod planner;
mod typing;

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use crate::config::{AppConfig, Dependency, Id};
use crate::failure::{Failure, Fault};

pub(crate) use graph::Graph;
use kinds::{is_chat, shown, takes_text};
use planner::Planner;
pub(crate) use typing::ENTERING;

/// An endpoint that the user configured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EndpointChoice {
    /// By its API name, without the leading slash.
    Name(String),
    /// By the id of the function, which private functions have too.
    Id(Id),
}

impl FromStr for EndpointChoice {
    type Err = std::convert::Infallible;

    /// Digits are an id; any other text is a name, with or without a leading slash.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let name = text.trim().trim_start_matches('/');
        Ok(name.parse().map_or_else(|_| Self::Name(name.to_owned()), Self::Id))
    }
}

impl fmt::Display for EndpointChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => write!(f, "/{name}"),
            Self::Id(id) => write!(f, "function {id}"),
        }
    }
}

/// In which way a function is a chat, the best way first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum How {
    /// The API of `ChatInterface`: one call, history kept by the server.
    Api,
    /// An event on the page and the functions that it triggers, up to a chatbot.
    Chain,
    /// Text in, text out.
    Plain,
}

impl How {
    /// `api`, `chain` or `plain`.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Api => "api",
            Self::Chain => "chain",
            Self::Plain => "plain",
        }
    }
}

/// The user's settings for the chat.
#[derive(Clone, Debug, Default)]
pub(crate) struct Choice {
    pub(crate) endpoint: Option<EndpointChoice>,
    /// The message box: its label, element id or component id.
    pub(crate) message: Option<String>,
    /// The outputs with the reply, in the same way.
    pub(crate) replies: Vec<String>,
    /// Page of a multi-page app, without slashes.
    pub(crate) page: Option<String>,
    /// Components that have a configured value, so that they are not the message box.
    pub(crate) named: BTreeSet<Id>,
    /// Whether users open the page, so that the conversation must be that of the page.
    pub(crate) has_page: bool,
}

/// The calls of a turn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Plan {
    pub(crate) how: How,
    /// Positions in [`AppConfig::dependencies`] of the functions that the event triggers.
    pub(crate) starts: Vec<usize>,
    /// Positions of all functions of a turn, in the order in which they are triggered.
    pub(crate) steps: Vec<usize>,
    /// Positions of the other functions that the event triggers. They change nothing that the turn
    /// needs, but their errors are shown on the page.
    pub(crate) side: Vec<usize>,
    /// Positions of the functions of timers that bring the reply, and of what they trigger.
    pub(crate) timers: Vec<usize>,
    pub(crate) timer_steps: Vec<usize>,
    /// Positions of the functions that clicking into the message box and typing trigger, as far as the turn
    /// needs them.
    pub(crate) typing: Vec<usize>,
    /// Positions of the other functions that these events trigger first.
    pub(crate) typing_beside: Vec<usize>,
    /// The components that send the message, such as a button or the message box; empty for an API.
    pub(crate) triggers: Vec<Id>,
    /// The component that holds the message.
    pub(crate) message: Id,
    /// The components that show the reply.
    pub(crate) replies: Vec<Id>,
}

impl Plan {
    /// The function that takes the message.
    pub(crate) fn start<'a>(&self, config: &'a AppConfig) -> &'a Dependency {
        let functions = || self.steps.iter().map(|&at| &config.dependencies[at]);
        let takes_message = functions().find(|one| one.inputs.contains(&self.message));
        takes_message.unwrap_or(&config.dependencies[self.starts[0]])
    }

    /// The function whose parameters have the names that users know: the API of a `ChatInterface`,
    /// because the functions of its page are not in the description of the API.
    pub(crate) fn api<'a>(&self, config: &'a AppConfig) -> &'a Dependency {
        let start = self.start(config);
        let mut all = config.dependencies.iter();
        all.find(|one| planner::is_chat_api(config, one)).unwrap_or(start)
    }

    /// Functions of a turn that run on the server, in order.
    pub(crate) fn functions<'a>(
        &'a self,
        config: &'a AppConfig,
    ) -> impl DoubleEndedIterator<Item = &'a Dependency> {
        let functions = self.steps.iter().chain(&self.timer_steps);
        let functions = functions.map(|&at| &config.dependencies[at]);
        functions.filter(|one| one.runs_on_server())
    }
}

/// Every way to chat with the app, the best first.
pub(crate) fn candidates(config: &AppConfig, choice: &Choice) -> Vec<Plan> {
    Planner::new(config, choice).plans()
}

/// The configured chat, or the best one.
pub(crate) fn choose(config: &AppConfig, choice: &Choice) -> Result<Plan, Fault> {
    let chosen = choose_followed(config, choice);
    if chosen.is_err() && !config.follows_javascript {
        let mut following = config.clone();
        following.follows_javascript = true;
        if let Ok(plan) = choose_followed(&following, choice) {
            return Err(not_followed(config, &plan));
        }
    }
    chosen
}

fn not_followed(config: &AppConfig, plan: &Plan) -> Fault {
    let functions = plan.steps.iter().map(|&at| &config.dependencies[at]);
    let javascript = functions.filter(|one| !one.runs_on_server());
    let ids: Vec<_> = javascript.map(|one| one.id().to_string()).collect();
    let prose = format!(
        "the page of Gradio {} runs function {} in the browser only and starts no function after \
         it, so users get no answer",
        config.version,
        ids.join(", ")
    );
    Fault::new(Failure::Page, prose)
}

fn choose_followed(config: &AppConfig, choice: &Choice) -> Result<Plan, Fault> {
    let missing = |prose: String| Fault::new(Failure::EndpointMissing, prose);
    let planner = Planner::new(config, choice);
    let Some(endpoint) = &choice.endpoint else {
        return planner.plans().into_iter().next().ok_or_else(|| missing(nothing(config, choice)));
    };
    let chosen = config.dependencies.iter().position(|one| match endpoint {
        EndpointChoice::Name(name) => one.api_name.as_deref() == Some(name),
        EndpointChoice::Id(id) => one.id() == *id,
    });
    let at = chosen.ok_or_else(|| {
        missing(format!("the app has no endpoint {endpoint}; it has {}", names(config)))
    })?;
    planner.plan(at).ok_or_else(|| {
        missing(format!(
            "endpoint {endpoint} has no text box as input, or no output that can hold a reply"
        ))
    })
}

/// Why no chat was found, and a hint.
fn nothing(config: &AppConfig, choice: &Choice) -> String {
    let list = |accepts: fn(&str) -> bool| {
        let ids = config.components.keys().copied().filter(|&id| accepts(config.kind(id)));
        let ids: BTreeSet<Id> = ids.collect();
        let shown: Vec<_> = ids.iter().take(5).map(|&id| shown(config, id)).collect();
        if shown.is_empty() { "none".to_owned() } else { shown.join(", ") }
    };
    let (boxes, chats) = (list(takes_text), list(is_chat));
    let functions = config.dependencies.len();
    let configured = choice.message.is_some() || !choice.replies.is_empty();
    let help = if configured {
        "check `target.message` and `target.reply`"
    } else {
        "set `target.endpoint`, `target.message` or `target.reply`"
    };
    format!(
        "no chat among the app's {functions} functions: none takes a text box and leads to a \
         chatbot or a text (text boxes: {boxes}; chatbots: {chats}); {help}"
    )
}

/// The first public names, for an error text.
fn names(config: &AppConfig) -> String {
    let public = config.dependencies.iter().filter(|one| one.is_public());
    let names: Vec<_> = public
        .filter_map(|one| one.api_name.as_ref())
        .take(10)
        .map(|n| format!("`/{n}`"))
        .collect();
    if names.is_empty() { "no public endpoints".to_owned() } else { names.join(", ") }
}

#[cfg(test)]
mod tests;
