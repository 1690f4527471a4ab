//! Runs functions that the page runs apart from a turn: when it loads, and while the user types.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::app::App;
use crate::arguments::Values;
use crate::endpoint::Graph;
use crate::engine::{Engine, State};
use crate::failure::{Failure, Fault};
use crate::http::Http;
use crate::side::SideFunctions;
use crate::transport::Streams;
use crate::turn::Turn;

/// A stream that still sends values after this time counts as complete: some show the time of day.
const LONGEST_STREAM: Duration = Duration::from_secs(5);

/// The page of one session.
pub(crate) struct PageFunctions<'p> {
    pub(crate) http: &'p Arc<Http>,
    pub(crate) app: &'p mut App,
    pub(crate) session: &'p str,
    pub(crate) values: &'p mut Values,
}

impl PageFunctions<'_> {
    /// Runs these functions, of which those start that the page runs when it loads. Returns whether a function
    /// changed the components and functions of the app.
    pub(crate) async fn load(
        &mut self,
        functions: &BTreeSet<usize>,
        until: Instant,
    ) -> Result<bool, Fault> {
        let config = &self.app.config;
        let at_load = |at: &usize| config.runs_at_load(&config.dependencies[*at]);
        let starts = functions.iter().copied().filter(at_load).collect();
        self.run(functions, starts, until).await
    }

    /// Runs these functions, of which `starts` start. A function that fails shows an error on the
    /// page; the chat may work nevertheless.
    pub(crate) async fn run(
        &mut self,
        functions: &BTreeSet<usize>,
        starts: Vec<usize>,
        until: Instant,
    ) -> Result<bool, Fault> {
        if functions.is_empty() {
            return Ok(false);
        }
        let limits = &self.http.settings.limits;
        let mut progress = |_| {};
        let protocol = self.app.config.protocol;
        let turn = Turn::begin(limits, protocol, None, until, Vec::new(), &mut progress);
        let turn = Mutex::new(turn);
        let values = Mutex::new(std::mem::take(self.values));
        let (streams, updates) = (Streams::default(), Mutex::default());
        let state = {
            let graph = Graph::new(&self.app.config);
            let engine = Engine {
                http: self.http,
                app: self.app,
                session: self.session,
                graph: &graph,
                steps: functions.clone(),
                side: SideFunctions::default(),
                values: &values,
                turn: &turn,
                streams: &streams,
                updates: &updates,
                progress: Mutex::default(),
                longest_stream: Some(LONGEST_STREAM),
                goes_on: true,
            };
            match engine.run(starts).await {
                Err(fault) if fault.failure != Failure::AppError => return Err(fault),
                Err(fault) => {
                    tracing::debug!(error = fault.prose, "A function of the page failed");
                }
                Ok(()) => {}
            }
            engine.progress.into_inner().unwrap_or_else(PoisonError::into_inner)
        };
        *self.values = values.into_inner().unwrap_or_else(PoisonError::into_inner);
        for (id, update) in updates.into_inner().unwrap_or_else(PoisonError::into_inner) {
            self.app.config.update(id, &update);
        }
        let State { rendered, .. } = state;
        let has_rendered = !rendered.is_empty();
        for rendered in rendered {
            self.app.config.add_rendered(rendered);
        }
        Ok(has_rendered)
    }
}
