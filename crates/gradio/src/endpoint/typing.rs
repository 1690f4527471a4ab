//! What typing into the message box triggers before the message is sent, and whether the page lets a
//! user send it.

use std::collections::BTreeSet;

use super::planner::Planner;
use crate::config::Id;

/// Events of a box that a user types into and then leaves for a button.
pub(super) const TYPING: [&str; 2] = ["change", "input"];
const LEAVING: &str = "blur";

impl Planner<'_> {
    /// Functions that typing into the box triggers, as far as they lead to one of these components
    /// and do not send the message.
    pub(super) fn typing(
        &self,
        message: Id,
        (triggers, sending): (&[Id], &[usize]),
        wanted: &BTreeSet<Id>,
    ) -> Vec<usize> {
        let all = &self.config.dependencies;
        let mut found = BTreeSet::new();
        let starts = self.typing_starts(message, triggers).into_iter();
        for start in starts.filter(|start| !sending.contains(start)) {
            let reachable = self.graph.reachable(&[start]);
            let writes = |at: &usize| all[*at].outputs.iter().any(|id| wanted.contains(id));
            let writers = reachable.order.iter().copied().filter(writes);
            found.extend(writers.flat_map(|at| reachable.way_to(at)));
        }
        found.into_iter().collect()
    }

    fn typing_starts(&self, message: Id, triggers: &[Id]) -> Vec<usize> {
        let leaves = !triggers.contains(&message);
        let is_typing = |event: &str| TYPING.contains(&event) || (leaves && event == LEAVING);
        let all = self.config.dependencies.iter().enumerate();
        let starts = all.filter(|(_, one)| {
            one.targets().any(|(id, event)| id == Some(message) && is_typing(event))
        });
        starts.map(|(at, _)| at).collect()
    }

    /// Boxes whose text a function of the page copies to one of these components while the user types.
    pub(super) fn boxes_copied_to(&self, wanted: &BTreeSet<Id>) -> Vec<Id> {
        let all = self.config.dependencies.iter();
        let targets = all.filter(|one| one.outputs.iter().any(|id| wanted.contains(id)));
        let typed = targets.flat_map(|one| {
            let events =
                one.targets().filter(|(_, event)| TYPING.contains(event) || *event == LEAVING);
            events.filter_map(|(id, _)| id).filter(|id| one.inputs.contains(id)).collect::<Vec<_>>()
        });
        typed.collect()
    }

    /// Whether a user can press a button, or may be able to after typing.
    pub(super) fn can_send(&self, message: Id, triggers: &[Id]) -> bool {
        let typing = || {
            let starts = self.typing_starts(message, triggers);
            self.graph
                .reachable(&starts)
                .order
                .into_iter()
                .flat_map(|at| self.config.dependencies[at].outputs.clone())
        };
        let typed: BTreeSet<Id> = typing().collect();
        triggers.is_empty()
            || triggers.iter().any(|&id| {
                self.is_usable(id) || self.config.chain_of_parents(id).any(|id| typed.contains(&id))
            })
    }
}
