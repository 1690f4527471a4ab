//! Every minute: which probes and scrapes are due in the next one, on to the queue.
//!
//! Holds no state. The plan depends on the scheduled minute and the probes alone, so a schedule
//! that fires twice orders the same runs twice, and the prober's claim makes each of them once.

mod config;
pub mod probes;
mod queue;

use aws_sdk_cloudwatch::Client as CloudWatch;
use aws_sdk_sqs::Client as Sqs;
use domain::figures::Unit;
use domain::schedule::{minute_after, plan};
use jiff::Timestamp;
use lambda_kit::chain;
use lambda_runtime::Diagnostic;
use serde::{Deserialize, Serialize};
use tracing::{error, info};

pub use config::Config;
use probes::Source;
use queue::SendError;

/// What EventBridge Scheduler hands over: the minute it fires for, whenever it really fires.
#[derive(Clone, Copy, Debug, Deserialize)]
pub struct Fired {
    pub scheduled_time: Timestamp,
}

/// What was ordered, for whoever invokes the function by hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Ordered {
    pub runs: usize,
    pub scrapes: usize,
    pub messages: usize,
}

/// Why a minute was not ordered as planned. Ordering it again does no harm.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DispatchError {
    #[error("the probes could not be read")]
    Probes { source: probes::SourceError },
    #[error("{missing} of {all} messages did not reach the queue of runs")]
    Unsent { missing: usize, all: usize, source: SendError },
}

impl From<DispatchError> for Diagnostic {
    fn from(error: DispatchError) -> Self {
        let error_type = match error {
            DispatchError::Probes { .. } => "Probes",
            DispatchError::Unsent { .. } => "Unsent",
        };
        Self { error_type: error_type.into(), error_message: chain(&error) }
    }
}

/// Plans minutes.
pub struct Dispatcher {
    config: Config,
    source: Source,
    sqs: Sqs,
    cloudwatch: CloudWatch,
}

impl Dispatcher {
    #[must_use]
    pub fn new(config: Config, source: Source, sqs: Sqs, cloudwatch: CloudWatch) -> Self {
        Self { config, source, sqs, cloudwatch }
    }

    /// Orders what is due in the minute after the one the schedule fired for.
    ///
    /// # Errors
    /// When the probes can't be read or an order did not reach the queue.
    pub async fn handle(&self, fired: Fired) -> Result<Ordered, DispatchError> {
        let loaded = self.source.load().await.map_err(|source| DispatchError::Probes { source })?;
        for problem in &loaded.problems {
            error!(problem, "a probe is left out");
        }
        let minute = minute_after(fired.scheduled_time);
        let planned = plan(&loaded.probes, &self.config.environment, minute);
        let ordered = Ordered {
            runs: planned.iter().map(|orders| orders.runs.len()).sum(),
            scrapes: planned.iter().map(|orders| orders.scrapes.len()).sum(),
            messages: planned.len(),
        };
        let sent =
            queue::send(&self.sqs, &self.config.runs_queue_url, &planned, Timestamp::now).await;
        let dispatched = sent.as_ref().map_or_else(|unsent| unsent.runs_sent, |()| ordered.runs);
        self.publish(minute, dispatched, loaded.problems.len()).await;
        info!(%minute, runs = ordered.runs, scrapes = ordered.scrapes, messages = ordered.messages, "minute ordered");
        sent.map(|()| ordered).map_err(|unsent| DispatchError::Unsent {
            missing: unsent.missing,
            all: planned.len(),
            source: unsent.source,
        })
    }

    /// The watch on ourselves. Figures that don't arrive raise the alarm on silence, so a failure
    /// here is told and no more.
    async fn publish(&self, minute: Timestamp, runs: usize, problems: usize) {
        let own = |name, value: usize| {
            let value = f64::from(u32::try_from(value).unwrap_or(u32::MAX));
            cloudwatch::own(name, &self.config.environment, value, Unit::Count, minute)
        };
        let mut figures = vec![own("RunsDispatched", runs)];
        if problems > 0 {
            figures.push(own("RunErrors", problems));
        }
        if let Err(error) = cloudwatch::put(&self.cloudwatch, figures).await {
            error!(error = chain(&error), "the dispatcher's own figures were not published");
        }
    }
}
