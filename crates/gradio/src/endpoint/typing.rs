//! What typing into the message box triggers before the message is sent.

use std::collections::BTreeSet;

use super::graph::Graph;
use crate::config::{AppConfig, Id};

/// Events of a box that a user types into.
pub(super) const TYPING: [&str; 2] = ["change", "input"];
/// Event of a box that a user clicks into before typing.
pub(crate) const ENTERING: &str = "focus";
/// Event of a box that a user leaves for a button.
const LEAVING: &str = "blur";

/// A box, and what sends its text.
#[derive(Clone, Copy)]
pub(super) struct Typing<'t> {
    pub(super) config: &'t AppConfig,
    pub(super) graph: &'t Graph<'t>,
    pub(super) message: Id,
    pub(super) triggers: &'t [Id],
}

impl Typing<'_> {
    /// Functions that typing triggers, as far as they lead to one of these components and do not send
    /// the message.
    pub(super) fn functions(self, sending: &[usize], wanted: &BTreeSet<Id>) -> Vec<usize> {
        let all = &self.config.dependencies;
        let mut found = BTreeSet::new();
        for start in self.starts().into_iter().filter(|start| !sending.contains(start)) {
            let reachable = self.graph.reachable(&[start]);
            let writes = |at: &usize| all[*at].outputs.iter().any(|id| wanted.contains(id));
            let writers = reachable.order.iter().copied().filter(writes);
            found.extend(writers.flat_map(|at| reachable.way_to(at)));
        }
        found.into_iter().collect()
    }

    /// The other functions that typing triggers first, without those that lead to one of these functions.
    pub(super) fn others(self, sending: &[usize], needed: &[usize]) -> Vec<usize> {
        let mut starts = self.starts();
        starts.retain(|start| {
            let reachable = self.graph.reachable(&[*start]);
            !reachable.order.iter().any(|at| sending.contains(at) || needed.contains(at))
        });
        starts
    }

    /// Components that typing may change, such as a button that it enables.
    pub(super) fn changes(self) -> BTreeSet<Id> {
        let reachable = self.graph.reachable(&self.starts());
        let functions = reachable.order.iter().map(|&at| &self.config.dependencies[at]);
        functions.flat_map(|one| one.outputs.iter().copied()).collect()
    }

    fn starts(self) -> Vec<usize> {
        let leaves = !self.triggers.contains(&self.message);
        let is_typing = |event: &str| {
            TYPING.contains(&event) || event == ENTERING || (leaves && event == LEAVING)
        };
        let all = self.config.dependencies.iter().enumerate();
        let starts = all.filter(|(_, one)| {
            one.targets().any(|(id, event)| id == Some(self.message) && is_typing(event))
        });
        starts.map(|(at, _)| at).collect()
    }
}

/// Boxes whose text a function of the page copies to one of these components while the user types.
pub(super) fn boxes_copied_to(config: &AppConfig, wanted: &BTreeSet<Id>) -> Vec<Id> {
    let all = config.dependencies.iter();
    let copying = all.filter(|one| one.outputs.iter().any(|id| wanted.contains(id)));
    let typed = copying.flat_map(|one| {
        let events = one.targets().filter(|(_, event)| TYPING.contains(event) || *event == LEAVING);
        events.filter_map(|(id, _)| id).filter(|id| one.inputs.contains(id)).collect::<Vec<_>>()
    });
    typed.collect()
}
