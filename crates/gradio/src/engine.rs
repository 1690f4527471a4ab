//! Runs functions as the page does: those of an event at once, then what each of them triggers.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::future::{BoxFuture, FutureExt, join_all, try_join_all};
use futures_util::stream::FuturesUnordered;
use serde_json::{Map, Value};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::Instant;

use crate::app::App;
use crate::arguments::Values;
use crate::call::Call;
use crate::config::{Id, seconds};
use crate::endpoint::Graph;
use crate::failure::{Failure, Fault};
use crate::http::Http;
use crate::rendered;
use crate::side::SideFunctions;
use crate::signs::Signs;
use crate::step::{Outcome, Step};
use crate::transport::{self, Streams};
use crate::turn::{Change, Turn};
use crate::value_limit::size_of_value;

/// The functions of one event, and what they share.
pub(crate) struct Engine<'e, 'a> {
    pub(crate) http: &'e Arc<Http>,
    pub(crate) app: &'e App,
    pub(crate) session: &'e str,
    pub(crate) graph: &'e Graph<'e>,
    /// Functions to run; others that are triggered are left out.
    pub(crate) steps: BTreeSet<usize>,
    /// Functions that run beside those; they cannot end the turn.
    pub(crate) side: SideFunctions,
    pub(crate) values: &'e Mutex<Values>,
    pub(crate) turn: &'e Mutex<Turn<'a>>,
    pub(crate) streams: &'e Streams,
    pub(crate) updates: &'e Mutex<Updates>,
    pub(crate) progress: Mutex<State>,
    /// Time after which a function that still streams counts as complete.
    pub(crate) longest_stream: Option<Duration>,
    /// Whether functions go on when another one fails, as they do in the page.
    pub(crate) goes_on: bool,
}

/// Updates of component settings, such as `visible`, in the order in which they arrived.
pub(crate) type Updates = Vec<(Id, Map<String, Value>)>;

/// The results of the functions.
#[derive(Default)]
pub(crate) struct State {
    /// How often each function was started.
    started: BTreeMap<usize, usize>,
    /// First error of a function whose followers run nevertheless.
    pub(crate) error: Option<Fault>,
    /// When a function that brings the reply has failed.
    pub(crate) reply_failed: Option<Instant>,
    /// Errors without a toast, with the components that show them.
    pub(crate) signs: Signs,
    /// Components and functions that `gr.render` functions returned.
    pub(crate) rendered: Vec<Value>,
}

impl State {
    /// Counts the start of a function. The limit ends a cycle of `change` events.
    fn may_start(&mut self, at: usize) -> bool {
        /// An agent that continues with each change of the chat needs no more.
        const MAX_STARTS: usize = 32;
        let count = self.started.entry(at).or_default();
        *count += 1;
        *count <= MAX_STARTS
    }
}

impl<'a> Engine<'_, 'a> {
    /// Runs these functions in parallel, and then what they trigger.
    pub(crate) fn run(&self, functions: Vec<usize>) -> BoxFuture<'_, Result<(), Fault>> {
        async move {
            let functions: BTreeSet<usize> = functions.into_iter().collect();
            let (side, functions): (Vec<usize>, Vec<usize>) =
                functions.into_iter().partition(|at| self.side.contains(*at));
            let side: Vec<usize> =
                side.into_iter().filter(|&at| self.state().may_start(at)).collect();
            self.side.start(side);
            let functions = functions.into_iter().filter(|at| self.steps.contains(at));
            let new: Vec<usize> = functions.filter(|&at| self.state().may_start(at)).collect();
            let running = new.into_iter().map(|at| self.run_one(at));
            if self.goes_on {
                let outcomes = join_all(running).await;
                return outcomes.into_iter().collect::<Result<(), Fault>>();
            }
            try_join_all(running).await?;
            Ok(())
        }
        .boxed()
    }

    async fn run_one(&self, at: usize) -> Result<(), Fault> {
        let function = &self.app.config.dependencies[at];
        let followers = self.graph.followers(at).map(|at| (at, &self.app.config.dependencies[at]));
        if !function.runs_on_server() {
            let next = followers.filter(|(_, one)| !one.trigger_only_on_failure);
            return self.run(next.map(|(at, _)| at).collect()).await;
        }
        let next: Vec<usize> = match self.call(at).await {
            Ok(outcome) => {
                self.state().signs.clear(function.shows_errors_on());
                let changed = self.keep(at, outcome)?;
                let next = followers.filter(|(_, one)| !one.trigger_only_on_failure);
                let next = next.map(|(at, _)| at);
                next.chain(changed.into_iter().flat_map(|id| self.graph.triggered_by_change(id)))
                    .collect()
            }
            Err(fault) => {
                let config = &self.app.config;
                let next = followers.filter(|(_, one)| config.runs_after_error(one));
                let next: Vec<usize> = next.map(|(at, _)| at).collect();
                // With a timer, the turn would wait for an answer that does not come.
                if fault.has_no_toast && !self.turn().by_timer {
                    self.state().signs.add(fault, function.shows_errors_on());
                    return self.run(next).await;
                }
                let handled = next.iter().any(|at| self.steps.contains(at));
                if fault.failure != Failure::AppError || !handled {
                    return Err(fault);
                }
                if function.outputs.iter().any(|id| self.turn().is_reply(*id)) {
                    self.state().reply_failed = Some(Instant::now());
                }
                self.state().error.get_or_insert(fault);
                next
            }
        };
        self.run(next).await
    }

    /// Runs the functions beside those of the turn, until the turn and they have ended.
    pub(crate) async fn run_side(&self, mut started: UnboundedReceiver<usize>) {
        let mut running = FuturesUnordered::new();
        loop {
            tokio::select! {
                biased;
                Some(at) = started.recv() => running.push(self.run_side_one(at)),
                Some(()) = running.next(), if !running.is_empty() => {}
                () = self.side.turn_ended(), if running.is_empty() => break,
            }
        }
    }

    /// Runs one of them. The page shows an error of the app.
    async fn run_side_one(&self, at: usize) {
        if let Err(fault) = self.run_one(at).await {
            if fault.failure == Failure::AppError {
                self.state().error.get_or_insert(fault);
            } else {
                tracing::debug!(
                    error = fault.prose,
                    "A function that is not part of the reply failed"
                );
            }
        }
    }

    async fn call(&self, at: usize) -> Result<Outcome, Fault> {
        let config = &self.app.config;
        let function = &config.dependencies[at];
        let data = lock(self.values).arguments(config, function);
        let call = Call { app: self.app, function, session: self.session, data };
        let mut step = Step::new(self.turn, &function.outputs, config.is_queued(function));
        step.is_endless = function.interval().is_some();
        step.ends_at = self.longest_stream.map(|longest| Instant::now() + longest);
        let outcome = transport::make(self.http, self.streams, &call, &mut step).await;
        if outcome.is_err() {
            let partial = step.save_partial();
            lock(self.values).keep(config, function, partial);
        }
        if let (Ok(Outcome { rendered: Some(rendered), .. }), Some(id)) =
            (&outcome, function.rendered())
        {
            self.note_rendered(id, rendered::value(rendered))?;
        }
        outcome
    }

    /// Takes what a `gr.render` function returned, which may be the reply.
    fn note_rendered(&self, id: Id, value: Value) -> Result<(), Fault> {
        let mut turn = self.turn();
        if turn.is_reply(id) {
            let now = Instant::now();
            turn.note_value(id, Some(&value), Change::Replaced, now)?;
            turn.note_end(now);
        }
        lock(self.values).set(id, value);
        Ok(())
    }

    /// Stores the outputs of a function. Returns the components that changed.
    fn keep(&self, at: usize, outcome: Outcome) -> Result<Vec<Id>, Fault> {
        let config = &self.app.config;
        let function = &config.dependencies[at];
        self.state().rendered.extend(outcome.rendered);
        let mut updates = lock(self.updates);
        for (&id, value) in function.outputs.iter().zip(&outcome.values) {
            if let Some(update) = value.as_object().filter(|_| value["__type__"] == "update") {
                // The value is kept with those of the other components.
                let settings = update.iter().filter(|(name, _)| is_setting(name));
                let settings = settings.map(|(name, value)| (name.clone(), value.clone()));
                updates.push((id, settings.collect()));
            }
        }
        drop(updates);
        let mut values = lock(self.values);
        let mut changed = values.keep(config, function, outcome.values);
        changed.extend(outcome.changed_states);
        let kept = values.size() + self.state().rendered.iter().map(size_of_value).sum::<usize>();
        drop(values);
        self.turn().measure_kept(kept)?;
        Ok(changed)
    }

    pub(crate) fn turn(&self) -> MutexGuard<'_, Turn<'a>> {
        lock(self.turn)
    }

    /// Lets functions run that have run before.
    pub(crate) fn start_again(&self) {
        self.state().started.clear();
    }

    /// The shortest interval at which the page calls one of these functions; `None` when none of
    /// their timers is active.
    pub(crate) fn interval(&self, functions: &[usize]) -> Option<Duration> {
        let config = &self.app.config;
        let intervals = functions.iter().filter_map(|&at| {
            let one = &config.dependencies[at];
            let timers = one.targets().filter(|(_, event)| *event == "tick");
            let timers = timers.filter_map(|(id, _)| self.timer(id?));
            timers.chain(one.interval()).min()
        });
        intervals.min()
    }

    /// The interval of an active timer.
    fn timer(&self, id: Id) -> Option<Duration> {
        let config = &self.app.config;
        let updates = lock(self.updates);
        let mut updated = updates.iter().rev().filter(|(updated, _)| *updated == id);
        let updated = updated.find_map(|(_, update)| update.get("active")?.as_bool());
        let active = updated.or_else(|| config.props(id)?.active).unwrap_or(true);
        let interval = lock(self.values).get(config, id).as_f64().unwrap_or(1.0);
        seconds(interval).filter(|_| active)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.progress)
    }
}

/// Whether a setting in an update is used: [`AppConfig::update`](crate::config::AppConfig::update).
fn is_setting(name: &str) -> bool {
    matches!(name, "visible" | "interactive" | "active")
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Plain values stay consistent if a holder panics.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
