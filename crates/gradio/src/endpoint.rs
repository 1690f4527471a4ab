//! Finds the chat among an app's functions.

use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::str::FromStr;

use crate::config::{AppConfig, Dependency, Id};
use crate::failure::{Failure, Fault};

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
    /// An event on the page and the functions that follow it, up to a chatbot.
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

/// One call of a turn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Step {
    /// Position in [`AppConfig::dependencies`].
    pub(crate) position: usize,
    /// Index of the output with the reply, if this step returns it.
    pub(crate) reply: Option<usize>,
}

/// The calls of a turn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Plan {
    pub(crate) how: How,
    /// In order; the first one takes the message.
    pub(crate) steps: Vec<Step>,
    /// The component that holds the message.
    pub(crate) message: Id,
}

impl Plan {
    /// The function that takes the message.
    pub(crate) fn start<'a>(&self, config: &'a AppConfig) -> &'a Dependency {
        &config.dependencies[self.steps[0].position]
    }
}

/// Component types that take a message, and types that can hold a reply, the best first.
const MESSAGE_KINDS: [&str; 2] = ["textbox", "multimodaltextbox"];
const REPLY_KINDS: [&str; 6] = ["chatbot", "json", "textbox", "markdown", "html", "label"];

/// Limits against hostile descriptions, far above any real app: functions, components of one
/// function, steps of one turn.
const MAX_FUNCTIONS: usize = 2_000;
const MAX_COMPONENTS: usize = 1_000;
const MAX_STEPS: usize = 64;

/// Every way to chat with the app, the best first.
pub(crate) fn candidates(config: &AppConfig, named: &BTreeSet<Id>) -> Vec<Plan> {
    let app = App::new(config);
    let mut plans: Vec<Plan> = (0..config.dependencies.len().min(MAX_FUNCTIONS))
        .filter(|&at| has_typing_event(&config.dependencies[at]) || is_chat_api(config, at))
        .filter_map(|at| app.plan(at, named))
        .collect();
    // Prefer `submit` to a button that reads the same box.
    plans.sort_by_key(|plan| (plan.how, !has_event(plan.start(config), "submit")));
    plans
}

/// The configured chat, or the best one.
pub(crate) fn choose(
    config: &AppConfig,
    choice: Option<&EndpointChoice>,
    named: &BTreeSet<Id>,
) -> Result<Plan, Fault> {
    let missing = |prose: String| Fault::new(Failure::EndpointMissing, prose);
    let Some(choice) = choice else {
        return candidates(config, named).into_iter().next().ok_or_else(|| {
            missing(format!(
                "no chat among the app's {} functions: none takes a text box and leads to a \
                 chatbot or a text",
                config.dependencies.len()
            ))
        });
    };
    let chosen = config.dependencies.iter().position(|one| match choice {
        EndpointChoice::Name(name) => one.api_name.as_deref() == Some(name),
        EndpointChoice::Id(id) => one.id() == *id,
    });
    let at = chosen.ok_or_else(|| {
        missing(format!("the app has no endpoint {choice}; it has {}", names(config)))
    })?;
    App::new(config).plan(at, named).ok_or_else(|| {
        missing(format!(
            "endpoint {choice} has no text box as input, or no output that can hold a reply"
        ))
    })
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

/// An app with an index of the functions that follow each function.
struct App<'a> {
    config: &'a AppConfig,
    all: &'a [Dependency],
    /// Positions of the functions that follow a function, by its id.
    after: HashMap<Id, Vec<usize>>,
}

impl<'a> App<'a> {
    fn new(config: &'a AppConfig) -> Self {
        let mut after: HashMap<Id, Vec<usize>> = HashMap::new();
        for (at, one) in config.dependencies.iter().enumerate() {
            if let Some(before) = one.trigger_after {
                after.entry(before).or_default().push(at);
            }
        }
        Self { config, all: &config.dependencies, after }
    }

    /// The plan that starts with this function; `None` when there is none.
    fn plan(&self, at: usize, named: &BTreeSet<Id>) -> Option<Plan> {
        let start = &self.all[at];
        if !start.runs_on_server() {
            return None;
        }
        let message = message_box(self.config, start, named)?;
        let alone = |how| {
            let reply = reply_output(self.config, start, (how != How::Api).then_some(message))?;
            Some(Plan { how, steps: vec![Step { position: at, reply: Some(reply) }], message })
        };
        if is_chat_api(self.config, at) {
            return alone(How::Api);
        }
        let steps = self.chain(at, message);
        if steps.iter().any(|step| step.reply.is_some()) {
            return Some(Plan { how: How::Chain, steps, message });
        }
        alone(How::Plain).or_else(|| self.plain_chain(at, message))
    }

    /// The function and its followers that lead to a chatbot or write state that such a step reads in
    /// a later turn. Steps that only update the page are left out.
    fn chain(&self, at: usize, message: Id) -> Vec<Step> {
        let order = self.followers(at);
        let mut kept = BTreeSet::from([at]);
        for &one in order.iter().filter(|&&one| self.shows_chat(one)) {
            kept.extend(self.way(&order, one));
        }
        while let Some(keeper) = order.iter().find(|&&one| self.keeps_state(one, &kept)) {
            kept.insert(*keeper);
        }
        let steps = order.into_iter().filter(|at| kept.contains(at));
        steps
            .filter(|&at| self.all[at].runs_on_server())
            .map(|position| {
                let reply = self.shows_chat(position);
                let reply =
                    reply.then(|| reply_output(self.config, &self.all[position], Some(message)));
                Step { position, reply: reply.flatten() }
            })
            .collect()
    }

    /// A chain that ends in a text instead of a chatbot.
    fn plain_chain(&self, at: usize, message: Id) -> Option<Plan> {
        let order = self.followers(at);
        let read = |one: usize| {
            let one = &self.all[one];
            one.runs_on_server().then(|| reply_output(self.config, one, Some(message))).flatten()
        };
        let answer = order.iter().rposition(|&one| read(one).is_some())?;
        let way = self.way(&order[..=answer], order[answer]);
        let steps = order[..=answer].iter().filter(|one| way.contains(one));
        let steps = steps.filter(|&&one| self.all[one].runs_on_server()).map(|&position| {
            let reply = (position == order[answer]).then(|| read(position)).flatten();
            Step { position, reply }
        });
        Some(Plan { how: How::Plain, steps: steps.collect(), message })
    }

    fn shows_chat(&self, at: usize) -> bool {
        self.all[at].outputs.iter().any(|&id| self.config.kind(id) == "chatbot")
    }

    /// The steps from the first of `order` to `end`, both included.
    fn way(&self, order: &[usize], end: usize) -> BTreeSet<usize> {
        let mut way = BTreeSet::new();
        let mut here = Some(end);
        while let Some(at) = here.filter(|&at| way.insert(at)) {
            let before = self.all[at].trigger_after;
            here = order.iter().copied().find(|&at| Some(self.all[at].id()) == before);
        }
        way
    }

    /// Whether a direct follower of the kept steps writes state that one of them reads.
    fn keeps_state(&self, at: usize, kept: &BTreeSet<usize>) -> bool {
        let behind = self.all[at].trigger_after;
        !kept.contains(&at)
            && kept.iter().any(|&before| Some(self.all[before].id()) == behind)
            && self.all[at].outputs.iter().any(|id| {
                matches!(self.config.kind(*id), "state" | "browserstate")
                    && kept.iter().any(|&reader| self.all[reader].inputs.contains(id))
            })
    }

    /// The function and all that follow it by `.then` and `.success`, in the order they run.
    fn followers(&self, at: usize) -> Vec<usize> {
        let mut order = vec![at];
        let mut next = 0;
        while let Some(&before) = order.get(next) {
            let after = self.after.get(&self.all[before].id());
            for &at in after.into_iter().flatten() {
                // A description may contain a cycle.
                if order.len() < MAX_STEPS && !order.contains(&at) {
                    order.push(at);
                }
            }
            next += 1;
        }
        order
    }
}

/// Whether this is the API endpoint of a `ChatInterface`. Its name is `chat` before 6.0 and the name
/// of the user's function since, so the name does not identify it.
fn is_chat_api(config: &AppConfig, at: usize) -> bool {
    let one = &config.dependencies[at];
    let has_state = |ids: &[Id]| ids.iter().any(|&id| config.kind(id) == "state");
    config.mode == "chat_interface"
        && one.is_public()
        && one.runs_on_server()
        && one.inputs.first().is_some_and(|&id| MESSAGE_KINDS.contains(&config.kind(id)))
        && has_state(&one.inputs)
        && has_state(&one.outputs)
        && !one.outputs.iter().any(|&id| config.kind(id) == "chatbot")
}

fn has_event(one: &Dependency, event: &str) -> bool {
    one.targets().any(|(_, name)| name == event)
}

fn has_typing_event(one: &Dependency) -> bool {
    has_event(one, "submit") || has_event(one, "click")
}

/// The message box: the one whose event it is, else the first text box without a configured value.
fn message_box(config: &AppConfig, one: &Dependency, named: &BTreeSet<Id>) -> Option<Id> {
    if one.inputs.len() > MAX_COMPONENTS || one.outputs.len() > MAX_COMPONENTS {
        return None;
    }
    let boxes = || {
        let free = one.inputs.iter().copied().filter(|id| !named.contains(id));
        free.filter(|&id| MESSAGE_KINDS.contains(&config.kind(id)))
    };
    let own = boxes().find(|&id| one.targets().any(|(target, _)| target == Some(id)));
    own.or_else(|| boxes().next())
}

/// The output to read: by type, the best first, except the message box. Only the API of old
/// `ChatInterface`s replies there.
fn reply_output(config: &AppConfig, one: &Dependency, message: Option<Id>) -> Option<usize> {
    let rank = |id: Id| REPLY_KINDS.iter().position(|&kind| kind == config.kind(id));
    let outputs = one.outputs.iter().enumerate().filter(|&(_, &id)| Some(id) != message);
    outputs.filter_map(|(at, &id)| Some((rank(id)?, at))).min().map(|(_, at)| at)
}

#[cfg(test)]
#[path = "endpoint_tests.rs"]
mod tests;
