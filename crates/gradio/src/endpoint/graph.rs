//! Which function triggers which: `.then`, `.success`, `.failure`, and `change` of an output.

use std::collections::{BTreeSet, HashMap};

use crate::config::{AppConfig, Dependency, Id};

/// Limits against hostile descriptions, far above any real app: functions, components of one
/// function, steps of one turn.
pub(super) const MAX_FUNCTIONS: usize = 2_000;
const MAX_COMPONENTS: usize = 1_000;
const MAX_STEPS: usize = 64;

/// An app's functions with an index of what they trigger.
pub(crate) struct Graph<'a> {
    all: &'a [Dependency],
    follows_javascript: bool,
    /// Positions of the functions that follow a function, by its id.
    after: HashMap<Id, Vec<usize>>,
    /// Positions of the functions that a change of a component triggers.
    on_change: HashMap<Id, Vec<usize>>,
}

/// The functions that an event triggers, directly and indirectly.
pub(crate) struct Reachable {
    /// In breadth-first order.
    pub(crate) order: Vec<usize>,
    /// The function that triggers each function.
    parents: HashMap<usize, usize>,
}

impl Reachable {
    /// The functions from a start to `end`, both included.
    pub(crate) fn way_to(&self, end: usize) -> impl Iterator<Item = usize> {
        std::iter::successors(Some(end), |at| self.parents.get(at).copied())
    }
}

impl<'a> Graph<'a> {
    pub(crate) fn new(config: &'a AppConfig) -> Self {
        let all = &config.dependencies[..config.dependencies.len().min(MAX_FUNCTIONS)];
        let mut graph = Self {
            all,
            follows_javascript: config.follows_javascript,
            after: HashMap::new(),
            on_change: HashMap::new(),
        };
        for (at, one) in all.iter().enumerate() {
            if one.inputs.len() > MAX_COMPONENTS || one.outputs.len() > MAX_COMPONENTS {
                continue;
            }
            if let Some(before) = one.trigger_after {
                graph.after.entry(before).or_default().push(at);
            }
            for (component, _) in one.targets().filter(|(_, event)| *event == "change") {
                graph.on_change.entry(component.unwrap_or_default()).or_default().push(at);
            }
        }
        graph
    }

    /// Functions that run after this one has ended.
    pub(crate) fn followers(&self, at: usize) -> impl Iterator<Item = usize> {
        let one = &self.all[at];
        let follows = one.runs_on_server() || self.follows_javascript;
        self.after.get(&one.id()).filter(|_| follows).into_iter().flatten().copied()
    }

    /// These functions and all that run after them.
    pub(crate) fn with_followers(&self, functions: BTreeSet<usize>) -> BTreeSet<usize> {
        let mut all = functions.clone();
        let mut new: Vec<usize> = functions.into_iter().collect();
        while let Some(at) = new.pop() {
            new.extend(self.followers(at).filter(|&follower| all.insert(follower)));
        }
        all
    }

    /// Functions that a change of this component triggers.
    pub(crate) fn triggered_by_change(&self, component: Id) -> impl Iterator<Item = usize> {
        self.on_change.get(&component).into_iter().flatten().copied()
    }

    /// What these functions trigger, themselves included. A change of `message` counts for nothing:
    /// the user makes it.
    pub(crate) fn reachable(&self, starts: &[usize]) -> Reachable {
        let mut order: Vec<usize> = starts.to_vec();
        let mut seen: BTreeSet<usize> = starts.iter().copied().collect();
        let mut parents = HashMap::new();
        let mut next = 0;
        while let Some(&at) = order.get(next) {
            // JavaScript is not run, so it changes nothing.
            let outputs = Some(&self.all[at]).filter(|one| one.runs_on_server());
            let outputs = outputs.into_iter().flat_map(|one| &one.outputs);
            let changes = outputs.take(MAX_COMPONENTS);
            let changes = changes.flat_map(|&id| self.triggered_by_change(id));
            let triggered: Vec<usize> = self.followers(at).chain(changes).collect();
            for one in triggered {
                if order.len() < MAX_STEPS && seen.insert(one) {
                    order.push(one);
                    parents.insert(one, at);
                }
            }
            next += 1;
        }
        Reachable { order, parents }
    }
}
