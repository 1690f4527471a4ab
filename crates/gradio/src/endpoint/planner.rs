//! Makes the plans of an app: for each event of the page, the functions of a turn, the message box
//! and the outputs with the reply.

use std::collections::BTreeSet;

use super::graph::{Graph, MAX_FUNCTIONS, Reachable};
use super::kinds::{
    LAST_REPLY_RANK, answer_rank, asks_for_search, asks_for_secret, asks_for_setting, is_chat,
    is_message, is_named, is_password, reply_rank, takes_media, takes_text,
};
use super::typing::{TYPING, Typing, boxes_copied_to};
use super::{Choice, How, Plan};
use crate::config::{AppConfig, Dependency, Id};

/// Events by which a user sends a message.
const SENDING: [&str; 6] = ["submit", "click", "press_enter", "send", "key_down", "keydown"];

pub(super) struct Planner<'a> {
    config: &'a AppConfig,
    choice: &'a Choice,
    graph: Graph<'a>,
    /// Components that a `load` function writes, which may show or enable them.
    loaded: BTreeSet<Id>,
}

impl<'a> Planner<'a> {
    pub(super) fn new(config: &'a AppConfig, choice: &'a Choice) -> Self {
        let loads = config.dependencies.iter().filter(|one| one.has_event("load"));
        let loaded = loads.flat_map(|one| one.outputs.iter().copied()).collect();
        Self { config, choice, graph: Graph::new(config), loaded }
    }

    /// The plans of all events and of the API of a `ChatInterface`, the best first.
    pub(super) fn plans(&self) -> Vec<Plan> {
        let count = self.config.dependencies.len().min(MAX_FUNCTIONS);
        let apis = (0..count).filter(|&at| self.is_chat_api(at)).filter_map(|at| self.api_plan(at));
        let by_events = |names: &[&str]| {
            let events = self.events(names).into_iter();
            events.filter_map(|(triggers, starts)| self.event_plan(starts, triggers))
        };
        let mut plans: Vec<Plan> = apis.chain(by_events(&SENDING)).collect();
        if plans.is_empty() {
            // The page may answer while the user types, without a way to send.
            plans = by_events(&TYPING).filter(|plan| plan.triggers == [plan.message]).collect();
        }
        // The page shows a value otherwise than the API returns it, or rejects it, and the page runs
        // validators.
        if self.choice.has_page && plans.iter().any(|plan| plan.how == How::Chain) {
            plans.retain(|plan| plan.how != How::Api);
        }
        plans.sort_by_cached_key(|plan| self.rank(plan));
        plans
    }

    /// The plan that starts with this function; `None` when there is none.
    pub(super) fn plan(&self, at: usize) -> Option<Plan> {
        if self.is_chat_api(at) {
            return self.api_plan(at);
        }
        let targets = self.config.dependencies[at].targets().filter_map(|(component, _)| component);
        self.event_plan(vec![at], targets.collect())
    }

    /// The ways to send a message: the components that a user can use, and the functions that they
    /// trigger.
    fn events(&self, names: &[&str]) -> Vec<(Vec<Id>, Vec<usize>)> {
        // Component and event.
        type Event<'e> = (Option<Id>, &'e str);
        let mut events: Vec<(Event<'_>, Vec<usize>)> = Vec::new();
        for (at, one) in self.config.dependencies.iter().enumerate().take(MAX_FUNCTIONS) {
            if self.is_chat_api(at) {
                continue;
            }
            for event in one.targets().filter(|(_, event)| names.contains(event)) {
                match events.iter_mut().find(|(known, _)| *known == event) {
                    Some((_, starts)) => starts.push(at),
                    None => events.push((event, vec![at])),
                }
            }
        }
        // Most events trigger the same functions: the box's Enter key and the button beside it.
        let mut plans: Vec<(Vec<Id>, Vec<usize>)> = Vec::new();
        for ((target, _), starts) in events {
            match plans.iter_mut().find(|(_, known)| *known == starts) {
                Some((targets, _)) => targets.extend(target),
                None => plans.push((target.into_iter().collect(), starts)),
            }
        }
        plans
    }

    fn api_plan(&self, at: usize) -> Option<Plan> {
        let one = &self.config.dependencies[at];
        let reply = |id: &&Id| reply_rank(self.config.kind(**id)).is_some();
        let replies = match self.named_replies(&[at]) {
            named if named.is_empty() => vec![*one.outputs.iter().find(reply)?],
            named => named,
        };
        let message = *one.inputs.first()?;
        Some(Plan {
            how: How::Api,
            starts: vec![at],
            steps: vec![at],
            side: Vec::new(),
            timers: Vec::new(),
            timer_steps: Vec::new(),
            typing: Vec::new(),
            typing_beside: Vec::new(),
            triggers: Vec::new(),
            message,
            replies,
        })
    }

    fn event_plan(&self, starts: Vec<usize>, triggers: Vec<Id>) -> Option<Plan> {
        let reachable = self.graph.reachable(&starts);
        let message = self.message_box(&reachable, &triggers)?;
        let ticks = self.tick_functions();
        let plain = || self.plain_reply(&reachable, message).filter(|reply| *reply != message);
        let mut chats = self.chats(&reachable);
        let beside = plain().filter(|&reply| self.may_be_visible(reply));
        let beside = beside.filter(|_| !chats.iter().any(|&id| self.may_be_visible(id)));
        if chats.is_empty() && plain().is_none() {
            // The event may only start the work.
            chats = self.chats(&self.graph.reachable(&ticks));
        }
        if chats.is_empty() && plain().is_none() {
            chats = self.rendered(&reachable);
        }
        let all = reachable.order.iter().chain(&ticks).copied().collect::<Vec<_>>();
        let named = self.named_replies(&all);
        let how = if chats.is_empty() { How::Plain } else { How::Chain };
        let replies = match (named.is_empty(), chats.is_empty()) {
            (false, _) => named,
            // Users read the chatbot if the turn shows it, else the text beside it.
            (true, false) => chats.into_iter().chain(beside).collect(),
            (true, true) => vec![self.plain_reply(&reachable, message)?],
        };
        if !self.choice.replies.is_empty() && !self.are_named(&replies) {
            return None;
        }
        let mut steps = self.steps(&reachable, how, message, &replies);
        let timers: Vec<usize> =
            ticks.into_iter().filter(|&at| self.leads_to(at, &replies)).collect();
        let mut timer_steps = Vec::new();
        if !timers.is_empty() {
            // What the functions of the timer read may be anywhere on the server.
            steps.clone_from(&reachable.order);
            timer_steps = self.steps(&self.graph.reachable(&timers), how, message, &replies);
        }
        let all = &self.config.dependencies;
        let parents = triggers.iter().flat_map(|&id| self.config.chain_of_parents(id));
        let inputs = steps.iter().flat_map(|&at| all[at].inputs.iter().copied());
        let wanted = parents.chain(inputs).filter(|id| *id != message).collect();
        let typing = self.typing(message, &triggers).functions(&starts, &wanted);
        let needed: Vec<usize> = steps.iter().chain(&typing).copied().collect();
        let mut typing_beside = self.typing(message, &triggers).others(&starts, &needed);
        // What typing writes there is older than the answer.
        let answered: Vec<Id> = replies.iter().copied().chain([message]).collect();
        typing_beside.retain(|&at| !self.leads_to(at, &answered));
        let takes_message = |&at: &usize| all[at].inputs.contains(&message);
        let beside = self.graph.reachable(&typing_beside).order;
        let side = reachable.order.into_iter().chain(beside).filter(|at| !steps.contains(at));
        let side: BTreeSet<usize> = side.collect();
        steps.iter().chain(&typing).any(takes_message).then_some(Plan {
            how,
            starts,
            steps,
            side: side.into_iter().collect(),
            timers,
            timer_steps,
            typing,
            typing_beside,
            triggers,
            message,
            replies,
        })
    }

    /// Components that these functions write.
    fn written(&self, reachable: &Reachable) -> BTreeSet<Id> {
        let all = &self.config.dependencies;
        reachable.order.iter().flat_map(|&at| &all[at].outputs).copied().collect()
    }

    /// What the `gr.render` functions among these return.
    fn rendered(&self, reachable: &Reachable) -> Vec<Id> {
        let functions = reachable.order.iter().map(|&at| &self.config.dependencies[at]);
        functions.filter_map(Dependency::rendered).collect()
    }

    /// Functions that the page calls at an interval.
    fn tick_functions(&self) -> Vec<usize> {
        let all = self.config.dependencies.iter().enumerate().take(MAX_FUNCTIONS);
        let ticks = all.filter(|(_, one)| {
            one.has_event("tick") || (one.has_event("load") && one.interval().is_some())
        });
        ticks.map(|(at, _)| at).collect()
    }

    /// Whether a function or one that it triggers writes one of these components.
    fn leads_to(&self, at: usize, replies: &[Id]) -> bool {
        let reachable = self.graph.reachable(&[at]);
        let mut outputs =
            reachable.order.iter().flat_map(|&at| &self.config.dependencies[at].outputs);
        outputs.any(|id| replies.contains(id))
    }

    /// Functions that lead to a reply, write what such a function reads, or lock and unlock the
    /// message box. Functions that only update other parts of the page are left out.
    fn steps(&self, reachable: &Reachable, how: How, message: Id, replies: &[Id]) -> Vec<usize> {
        let all = &self.config.dependencies;
        let writes_reply = |at: usize| {
            if all[at].rendered().is_some_and(|id| replies.contains(&id)) {
                return true;
            }
            let chat = |id: &Id| how == How::Chain && is_chat(self.config.kind(*id));
            all[at].outputs.iter().any(|id| replies.contains(id) || chat(id))
        };
        let message_box: Vec<Id> = self.config.chain_of_parents(message).collect();
        let writes_box = |at: usize| all[at].outputs.iter().any(|id| message_box.contains(id));
        let order = &reachable.order;
        let mut kept: BTreeSet<usize> = BTreeSet::new();
        for &at in order.iter().filter(|&&at| all[at].runs_on_server() && writes_reply(at)) {
            // Clearing the message box is not a reply, even if the box can hold one.
            if replies != [message] || all[at].inputs.contains(&message) {
                kept.extend(reachable.way_to(at));
            }
        }
        for &at in order.iter().filter(|&&at| all[at].runs_on_server() && writes_box(at)) {
            kept.extend(reachable.way_to(at));
        }
        loop {
            let read: BTreeSet<Id> = kept.iter().flat_map(|&at| &all[at].inputs).copied().collect();
            let writes =
                |at: usize| all[at].outputs.iter().any(|id| *id != message && read.contains(id));
            let writer = order
                .iter()
                .copied()
                .find(|&at| !kept.contains(&at) && all[at].runs_on_server() && writes(at));
            match writer {
                Some(at) => kept.extend(reachable.way_to(at)),
                None => break,
            }
        }
        order.iter().copied().filter(|at| kept.contains(at)).collect()
    }

    /// The box that the user types the message into.
    fn message_box(&self, reachable: &Reachable, triggers: &[Id]) -> Option<Id> {
        let all = &self.config.dependencies;
        let inputs = reachable.order.iter().filter(|&&at| all[at].runs_on_server());
        let inputs = inputs.flat_map(|&at| all[at].inputs.iter().copied());
        let inputs: Vec<Id> = inputs.collect();
        let has_media = inputs.iter().any(|&id| takes_media(self.config.kind(id)));
        let copied = boxes_copied_to(self.config, &inputs.iter().copied().collect());
        let mut seen = BTreeSet::new();
        let boxes = inputs.into_iter().chain(copied);
        let mut boxes = boxes.filter(|&id| takes_text(self.config.kind(id)) && seen.insert(id));
        if let Some(name) = &self.choice.message {
            return boxes.find(|&id| is_named(self.config, id, name));
        }
        let outputs = self.written(reachable);
        let free = boxes.filter(|id| !self.choice.named.contains(id));
        let free = free.filter(|&id| !is_password(self.config, id));
        let best = free.min_by_key(|&id| {
            (
                asks_for_secret(self.config, id),
                triggers.first() != Some(&id),
                !self.is_usable(id),
                asks_for_search(self.config, id),
                !outputs.contains(&id),
                asks_for_setting(self.config, id),
                !is_message(self.config, id),
                // A text that is there before the user types is a setting.
                self.has_text(id),
            )
        })?;
        // Users type a message into a box for a secret only if it is the one way into a chat.
        let has_chat = || !self.chats(reachable).is_empty() || !self.rendered(reachable).is_empty();
        let is_only_way = || !has_media && has_chat();
        (!asks_for_secret(self.config, best) || is_only_way()).then_some(best)
    }

    fn has_text(&self, id: Id) -> bool {
        let text = self.config.props(id).and_then(|props| props.value.as_str());
        text.is_some_and(|text| !text.is_empty())
    }

    /// The visible chatbots that the functions write; all of them if none is visible.
    fn chats(&self, reachable: &Reachable) -> Vec<Id> {
        let all = &self.config.dependencies;
        let functions = reachable.order.iter().filter(|&&at| all[at].runs_on_server());
        let outputs = functions.flat_map(|&at| all[at].outputs.iter().copied());
        let mut seen = BTreeSet::new();
        let chats: Vec<Id> =
            outputs.filter(|&id| is_chat(self.config.kind(id)) && seen.insert(id)).collect();
        let visible: Vec<Id> =
            chats.iter().copied().filter(|&id| self.may_be_visible(id)).collect();
        if visible.is_empty() { chats } else { visible }
    }

    /// Outputs of these functions that the user configured.
    fn named_replies(&self, functions: &[usize]) -> Vec<Id> {
        let outputs = functions.iter().flat_map(|&at| &self.config.dependencies[at].outputs);
        let mut seen = BTreeSet::new();
        let outputs: Vec<Id> = outputs.copied().filter(|id| seen.insert(*id)).collect();
        let names = self.choice.replies.iter();
        names
            .filter_map(|name| outputs.iter().copied().find(|&id| is_named(self.config, id, name)))
            .collect()
    }

    fn are_named(&self, replies: &[Id]) -> bool {
        self.choice.replies.len() == replies.len()
    }

    /// The output of an app without a chatbot that holds the reply. The message box is the last
    /// choice: a text completion replies there.
    fn plain_reply(&self, reachable: &Reachable, message: Id) -> Option<Id> {
        let all = &self.config.dependencies;
        let functions = reachable.order.iter().enumerate();
        let functions = functions.filter(|&(_, &at)| all[at].runs_on_server());
        let outputs = functions.flat_map(|(step, &at)| {
            let completes = all[at].inputs.contains(&message);
            let outputs = all[at].outputs.iter().copied();
            outputs.filter(move |&id| id != message || completes).map(move |id| (step, at, id))
        });
        let ranked = outputs.filter_map(|(step, at, id)| {
            let rank = reply_rank(self.config.kind(id))?;
            let hidden = !self.may_be_visible(id);
            let label = answer_rank(self.config, id);
            // A picture or a table is usually an addition to a text, unless its label names an answer.
            let label = if rank == LAST_REPLY_RANK && label > 0 { label.max(2) } else { label };
            // A function that reads nothing writes a status, and an answer may be streamed.
            let is_constant = all[at].inputs.is_empty();
            let is_whole = all[at].is_generator() != Some(true);
            let later = usize::MAX - step;
            Some(((id == message, hidden, label, is_constant, rank, is_whole, later), id))
        });
        ranked.min_by_key(|(key, _)| *key).map(|(_, id)| id)
    }

    /// Order of the plans, the best first.
    fn rank(&self, plan: &Plan) -> impl Ord + use<> {
        let all = &self.config.dependencies;
        let page = self.choice.page.as_deref().unwrap_or(&self.config.current_page);
        let elsewhere = self
            .config
            .pages
            .get(page)
            .is_some_and(|functions| !functions.contains(&all[plan.starts[0]].id()));
        let clears = plan.how != How::Api
            && self
                .graph
                .reachable(&plan.starts)
                .order
                .iter()
                .any(|&at| all[at].outputs.contains(&plan.message));
        (
            elsewhere,
            asks_for_secret(self.config, plan.message),
            !self.is_usable(plan.message),
            !self.can_send(plan.message, &plan.triggers),
            // Often the box is only cleared.
            plan.how == How::Plain && plan.replies == [plan.message],
            asks_for_search(self.config, plan.message),
            plan.how,
            !clears && plan.how == How::Chain,
            // Prefer `submit` to a button that reads the same box.
            !plan.starts.iter().any(|&at| all[at].has_event("submit")),
            plan.starts[0],
        )
    }

    fn typing<'t>(&'t self, message: Id, triggers: &'t [Id]) -> Typing<'t> {
        Typing { config: self.config, graph: &self.graph, message, triggers }
    }

    /// Whether a user can press a button, or may be able to after typing.
    fn can_send(&self, message: Id, triggers: &[Id]) -> bool {
        let typed = self.typing(message, triggers).changes();
        let enabled =
            |id: Id| self.config.chain_of_parents(id).any(|parent| typed.contains(&parent));
        triggers.is_empty() || triggers.iter().any(|&id| self.is_usable(id) || enabled(id))
    }

    /// Whether a user can type into a box, or may be able to after the `load` functions.
    fn is_usable(&self, id: Id) -> bool {
        let loaded = || self.config.chain_of_parents(id).any(|id| self.loaded.contains(&id));
        (self.config.is_visible(id) && self.config.is_interactive(id)) || loaded()
    }

    fn may_be_visible(&self, id: Id) -> bool {
        let loaded = || self.config.chain_of_parents(id).any(|id| self.loaded.contains(&id));
        self.config.is_visible(id) || loaded()
    }

    fn is_chat_api(&self, at: usize) -> bool {
        is_chat_api(self.config, &self.config.dependencies[at])
    }
}

/// Whether this is the API endpoint of a `ChatInterface`. Its name is `chat` before 6.0 and the name of
/// the user's function since, so the name does not identify it.
pub(super) fn is_chat_api(config: &AppConfig, one: &Dependency) -> bool {
    let has_state = |ids: &[Id]| ids.iter().any(|&id| config.kind(id) == "state");
    config.mode == "chat_interface"
        && one.is_public()
        && one.runs_on_server()
        && one.inputs.first().is_some_and(|&id| takes_text(config.kind(id)))
        && has_state(&one.inputs)
        && has_state(&one.outputs)
        && !one.outputs.iter().any(|&id| is_chat(config.kind(id)))
}
