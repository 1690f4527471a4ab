//! One environment for all scenarios of this process.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, anyhow};
use deploy::progress::Progress;
use deploy::run;
use harness::environment::{LocalEnvironment, Options};
use harness::packages;
use libtest_mimic::{Completion, Failed, Trial};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::OnceCell;

use crate::list::{self, Scenario};
use crate::secrecy;
use crate::sequence::{Places, Sequence};

/// A scenario that cannot run on this machine; it is ignored, or fails where tools are required.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct Skipped(pub(super) String);

pub(super) struct Suite {
    runtime: Runtime,
    environment: OnceCell<Arc<LocalEnvironment>>,
    sequence: Sequence,
    /// Scenarios that have run; others may need their results.
    done: Mutex<HashMap<&'static str, Done>>,
}

type Done = Arc<OnceCell<Result<(), Failure>>>;

#[derive(Clone, Debug)]
enum Failure {
    Skipped(String),
    Failed(String),
}

impl Suite {
    pub(super) fn new() -> Self {
        let runtime = Builder::new_multi_thread().enable_all().build();
        Self {
            runtime: runtime.expect("a runtime needs threads and file descriptors only"),
            environment: OnceCell::new(),
            sequence: Sequence::new(),
            done: Mutex::default(),
        }
    }

    /// The trials, in the order in which they run. Filtered trials release their places.
    pub(super) fn trials(self: &Arc<Self>) -> Vec<Trial> {
        let trial = |scenario: Scenario| {
            let suite = Arc::clone(self);
            let places = self.sequence.reserve(&scenario);
            Trial::ignorable_test(scenario.name, move || suite.run(&scenario, places))
        };
        list::all().into_iter().map(trial).collect()
    }

    pub(super) fn sequence(&self) -> &Sequence {
        &self.sequence
    }

    /// Ends everything that the environment started.
    pub(super) fn stop(&self) {
        if let Some(environment) = self.environment.get() {
            environment.processes.end_all();
        }
    }

    fn run(&self, scenario: &Scenario, places: Places) -> Result<Completion, Failed> {
        match self.runtime.block_on(self.outcome(scenario, Some(places))) {
            Ok(()) => Ok(Completion::Completed),
            Err(Failure::Skipped(reason)) => Ok(Completion::ignored_with(packages::skip(reason)?)),
            Err(Failure::Failed(error)) => Err(error.into()),
        }
    }

    /// Runs a scenario once, after those whose results it reads.
    async fn outcome(&self, scenario: &Scenario, places: Option<Places>) -> Result<(), Failure> {
        if places.is_some() {
            self.sequence.order.wait_for(scenario.order).await;
        }
        for name in scenario.needs {
            let needed =
                list::find(name).ok_or_else(|| failed(&anyhow!("no scenario `{name}`")))?;
            Box::pin(self.outcome(&needed, None)).await?;
        }
        let cell = {
            let mut done = self.done.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(done.entry(scenario.name).or_default())
        };
        let work = async {
            let environment = self.environment().await.map_err(|error| failed(&error))?;
            let outcome = (scenario.run)(&environment, &self.sequence).await;
            drop(places);
            outcome.map_err(|error| match error.downcast_ref::<Skipped>() {
                Some(Skipped(reason)) => Failure::Skipped(reason.clone()),
                None => failed(&error),
            })
        };
        cell.get_or_init(|| work).await.clone()
    }

    async fn environment(&self) -> anyhow::Result<Arc<LocalEnvironment>> {
        let started = self.environment.get_or_try_init(async || {
            let options = Options {
                name: "e2e",
                probes: Some("scenarios"),
                bots: &[
                    "steady",
                    "failing",
                    "hanging",
                    "forgetful",
                    "slow",
                    "silent",
                    "located",
                    secrecy::BEARER,
                    secrecy::HEADER,
                ],
                bot_variable: "BOT_URL",
                faults: true,
            };
            let progress = Progress::default();
            let environment = LocalEnvironment::start(run::root(), &options, &progress).await;
            let environment = environment.context("the environment did not start")?;
            run::end_on_interrupt(environment.processes.clone());
            anyhow::Ok(Arc::new(environment))
        });
        started.await.cloned()
    }
}

fn failed(error: &anyhow::Error) -> Failure {
    Failure::Failed(format!("{error:#}"))
}
