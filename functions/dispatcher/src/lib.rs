//! Plans the runs and scrapes of the next minute, every minute, and sends them to the queue of runs.
//!
//! The plan depends only on the scheduled minute and the probes, so a schedule that fires twice sends the same run
//! requests twice, and the prober's claim makes each run happen once. The dispatcher stores the probes, for the case that
//! one of their files has an error when it starts again.

mod alarms;
mod config;
mod dead_letters;
mod destinations;
mod metrics;
pub mod probes;
mod queue;
mod status;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use aws_sdk_cloudwatch::Client as CloudWatch;
use aws_sdk_s3::Client as S3;
use cloudwatch::OwnMetric;
use domain::schedule::{Planned, minute_after};
use domain::smoke::{SmokePlan, SmokeRequest};
use domain::{EnvironmentName, Probe};
use futures_util::future::join_all;
use jiff::Timestamp;
use lambda_kit::chain;
use lambda_runtime::Diagnostic;
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;
use tracing::{error, info, warn};

use alarms::Alarms;
pub use config::{Config, Locations, StatusPage};
pub use destinations::Destination;
use destinations::unknown_locations;
use metrics::Unpublished;
use probes::Source;
use queue::{SendError, Unsent};
use request_signing::{SignError, SignedRequest, Signer, SigningKey};
use status_site::StatusSite;

/// Time to send the run requests of a location other than the home one.
const LOCATION_TIMEOUT: Duration = Duration::from_secs(15);

/// The event that invokes the function.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub enum Event {
    Schedule(ScheduleEvent),
    /// From `vigie smoke`.
    Smoke(SmokeRequest),
}

/// Event from EventBridge Scheduler. It may arrive at any time within the minute that it names.
#[derive(Clone, Copy, Debug, Deserialize)]
pub struct ScheduleEvent {
    pub scheduled_time: Timestamp,
}

/// The runs and scrapes requested for a minute; the response of the function.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Dispatched {
    pub runs: usize,
    pub scrapes: usize,
    pub messages: usize,
}

impl Dispatched {
    fn of(requests: &[Planned<'_>]) -> Self {
        Self {
            runs: requests.iter().map(|request| request.runs.len()).sum(),
            scrapes: requests.iter().map(|request| request.scrapes.len()).sum(),
            messages: requests.len(),
        }
    }

    fn with(self, other: Self) -> Self {
        Self {
            runs: self.runs + other.runs,
            scrapes: self.scrapes + other.scrapes,
            messages: self.messages + other.messages,
        }
    }
}

/// The response to [`Event::Smoke`].
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SignedPlan {
    /// The event for the prober.
    pub run_request: SignedRequest,
    /// Number of enabled probes beyond the limit of one prober invocation.
    pub left_out: usize,
    /// One message for each probe file with an error.
    pub problems: Vec<String>,
}

/// Why a minute was not dispatched completely. A retry is safe.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DispatchError {
    #[error("could not read the probes")]
    Probes { source: probes::ListError },
    #[error("could not sign the run requests")]
    Sign(#[from] SignError),
    #[error("could not send {missing} of {all} messages to the queue of runs")]
    Send { missing: usize, all: usize, source: SendError },
    #[error("could not serialize the response")]
    Response(#[from] serde_json::Error),
}

impl From<DispatchError> for Diagnostic {
    fn from(error: DispatchError) -> Self {
        let error_type = match error {
            DispatchError::Probes { .. } => "Probes",
            DispatchError::Sign(_) => "Sign",
            DispatchError::Send { .. } => "Send",
            DispatchError::Response(_) => "Response",
        };
        Self { error_type: error_type.into(), error_message: chain(&error) }
    }
}

/// Plans minutes and sends their run requests.
pub struct Dispatcher {
    config: Config,
    source: Source,
    destinations: Vec<Destination>,
    signer: Signer,
    cloudwatch: CloudWatch,
    metrics: Mutex<Unpublished>,
    /// `None` when the probes of this environment have no alarms.
    alarms: Option<Alarms>,
    /// `None` without a status page.
    status: Option<StatusSite>,
}

impl Dispatcher {
    #[must_use]
    pub fn new(
        config: Config,
        s3: S3,
        destinations: Vec<Destination>,
        cloudwatch: CloudWatch,
        status: Option<StatusSite>,
    ) -> Self {
        let source = Source::new(&config, s3.clone());
        let signer = Signer::new(s3, config.report_bucket.clone());
        let alarms =
            config.alarms.then(|| Alarms::new(cloudwatch.clone(), config.environment.clone()));
        let metrics = Mutex::default();
        Self { config, source, destinations, signer, cloudwatch, metrics, alarms, status }
    }

    /// Handles an event and returns the response as JSON.
    ///
    /// # Errors
    /// When the probes could not be read or a run request was not sent.
    pub async fn handle(&self, event: Event) -> Result<serde_json::Value, DispatchError> {
        let response = match event {
            // Boxed: the nested future is too deep for the compiler's type-length limit.
            Event::Schedule(event) => serde_json::to_value(Box::pin(self.dispatch(event)).await?),
            Event::Smoke(request) => serde_json::to_value(self.plan_smoke_run(request).await?),
        };
        Ok(response?)
    }

    /// One signed run of each probe, for the caller to send to the prober.
    async fn plan_smoke_run(&self, request: SmokeRequest) -> Result<SignedPlan, DispatchError> {
        let loaded = self.load().await?;
        let (environment, problems) = (&self.config.environment, loaded.problems.clone());
        let plan = SmokePlan::new(&loaded.probes, environment, &request, problems);
        let text = serde_json::to_string(&plan.run_request)?;
        let run_request = self.signer.key(SystemTime::now()).await?.key.signed(text);
        Ok(SignedPlan { run_request, left_out: plan.left_out, problems: plan.problems })
    }

    async fn load(&self) -> Result<Arc<probes::Loaded>, DispatchError> {
        self.source.load().await.map_err(|source| DispatchError::Probes { source })
    }

    /// Sends the run requests of the minute after the scheduled one.
    ///
    /// # Errors
    /// When the probes could not be read or a run request was not sent.
    pub async fn dispatch(&self, event: ScheduleEvent) -> Result<Dispatched, DispatchError> {
        let loaded = self.load().await?;
        let unknown = unknown_locations(&loaded.probes, self.config.locations.as_ref());
        for problem in loaded.problems.iter().chain(&unknown) {
            error!(problem, "Probe file has an error");
        }
        let minute = minute_after(event.scheduled_time);
        let signing = self.signer.key(event.scheduled_time.into()).await?;
        if let Some(error) = &signing.not_renewed {
            error!(error = chain(error), "The signing key was not renewed; the last one is used");
        }
        let key = &*signing.key;
        // Boxed: the nested future is too deep for the compiler's type-length limit.
        let sending = self.destinations.iter();
        let sending = sending.map(|one| Box::pin(self.send(one, key, &loaded.probes, minute)));
        let sent = join_all(sending).await;

        let planned = sent.iter().map(|sent| sent.planned).reduce(Dispatched::with);
        let planned = planned.unwrap_or_default();
        let runs_sent = sent.iter().map(Sent::runs).sum();
        let without_alarm = self.count_without_alarm(&loaded.probes, minute).await;
        let timeout = longest_timeout(&loaded.probes, &self.config.environment);
        let renewal = usize::from(signing.not_renewed.is_some());
        let problems = loaded.problems.len() + unknown.len() + renewal;
        let counts = Counts { runs: runs_sent, problems, without_alarm, timeout };
        self.publish(minute, &counts).await;
        let Dispatched { scrapes, messages, .. } = planned;
        info!(%minute, runs = runs_sent, scrapes, messages, "Minute dispatched");
        let counting = self.count_dead_letters(minute);
        let storing = Box::pin(self.store_probes());
        tokio::join!(self.update_status_page(&loaded.probes), counting, storing);
        sent.into_iter().try_for_each(Sent::check).map(|()| planned)
    }

    /// Stores the probes after the run requests are sent, so that a bucket that does not respond delays no run.
    async fn store_probes(&self) {
        if let Err(error) = self.source.store(Timestamp::now()).await {
            error!(error = chain(&error), "Storing the last good probes failed");
            self.count(OwnMetric::RunErrors, 1).await;
        }
    }

    /// Plans the minute of a location and sends its run requests.
    async fn send(
        &self,
        to: &Destination,
        key: &SigningKey,
        probes: &[Probe],
        minute: Timestamp,
    ) -> Sent {
        let mut requests = to.plan(probes, &self.config, minute);
        for request in &mut requests {
            request.recorded = self.config.history;
        }
        log_planned(to, &requests);
        let sending = queue::send(to.sqs(), to.queue_url(), key, &requests, Timestamp::now);
        let planned = Dispatched::of(&requests);
        let unsent = if to.is_home() {
            sending.await.err()
        } else {
            // A location that does not respond must leave the others their time.
            let sent = tokio::time::timeout(LOCATION_TIMEOUT, sending).await;
            let timed_out = || Unsent::all(requests.len(), SendError::TimedOut);
            sent.map_or_else(|_| Some(timed_out()), Result::err)
        };
        if let Some(unsent) = unsent.as_ref().filter(|_| !to.is_home()) {
            let (location, missing) = (to.name(), unsent.missing);
            let error = chain(&unsent.source);
            error!(location, missing, error, "Sending run requests to a location failed");
        }
        Sent { planned, unsent, is_home: to.is_home() }
    }

    /// Logs each enabled probe without an alarm and returns their number.
    async fn count_without_alarm(&self, probes: &[Probe], minute: Timestamp) -> usize {
        let Some(alarms) = &self.alarms else { return 0 };
        let missing = alarms.missing(probes, minute).await;
        for probe in &missing {
            warn!(probe = %probe.name, "Probe has no alarm; run `vigie render` and deploy");
        }
        missing.len()
    }

    /// Publishes the self-monitoring metrics, or keeps them for the next minute. A failure is only logged: missing metrics raise an alarm.
    async fn publish(&self, minute: Timestamp, counts: &Counts) {
        let &Counts { runs, problems, without_alarm, timeout } = counts;
        let environment = &self.config.environment;
        let own = |name, value: usize| {
            let value = f64::from(u32::try_from(value).unwrap_or(u32::MAX));
            cloudwatch::own(name, environment, value, minute)
        };
        let mut metrics = vec![own(OwnMetric::RunsDispatched, runs)];
        if problems > 0 {
            metrics.push(own(OwnMetric::RunErrors, problems));
        }
        if timeout > SETTLED {
            let seconds = timeout.as_secs_f64();
            let metric = OwnMetric::LongestTimeout;
            metrics.push(cloudwatch::own(metric, environment, seconds, minute));
        }
        if without_alarm > 0 {
            metrics.push(own(OwnMetric::ProbesWithoutAlarm, without_alarm));
        }
        let metrics = self.metrics.lock().await.add(metrics);
        if metrics.is_empty() {
            return;
        }
        if let Err(error) = cloudwatch::put(&self.cloudwatch, metrics).await {
            error!(error = chain(&error), "Publishing the dispatcher's metrics failed");
        }
    }

    /// Publishes a count at once, unless it is zero. A failure is only logged: the next count is published again.
    async fn count(&self, metric: OwnMetric, count: usize) {
        if count == 0 {
            return;
        }
        let value = f64::from(u32::try_from(count).unwrap_or(u32::MAX));
        let datum = cloudwatch::own(metric, &self.config.environment, value, Timestamp::now());
        if let Err(error) = cloudwatch::put(&self.cloudwatch, vec![datum]).await {
            let metric = metric.info().name;
            warn!(metric, error = chain(&error), "Publishing a metric failed");
        }
    }
}

/// What the metrics of a minute count.
struct Counts {
    runs: usize,
    problems: usize,
    without_alarm: usize,
    timeout: Duration,
}

/// The heartbeat always waits this long for results; a longer timeout is published.
const SETTLED: Duration = Duration::from_secs(120);

fn longest_timeout(probes: &[Probe], environment: &EnvironmentName) -> Duration {
    let here = probes.iter().filter(|probe| {
        probe.enabled && probe.environments.as_ref().is_none_or(|named| named.contains(environment))
    });
    here.map(|probe| probe.timeout).max().unwrap_or_default()
}

fn log_planned(to: &Destination, requests: &[Planned<'_>]) {
    for request in requests {
        let runs: Vec<&str> = request.runs.iter().map(|run| run.id.as_str()).collect();
        let (runs, scrapes, location) = (runs.join(" "), request.scrapes.len(), to.name());
        info!(due = %request.due, location, runs, scrapes, "Run request planned");
    }
}

/// The result for one location.
struct Sent {
    planned: Dispatched,
    unsent: Option<Unsent>,
    is_home: bool,
}

impl Sent {
    fn runs(&self) -> usize {
        self.unsent.as_ref().map_or(self.planned.runs, |unsent| unsent.runs_sent)
    }

    /// An error for the home location only: a retry would repeat the requests of every location, and the
    /// missing data of the other one raises its own alarm.
    fn check(self) -> Result<(), DispatchError> {
        match self.unsent.filter(|_| self.is_home) {
            None => Ok(()),
            Some(Unsent { missing, source, .. }) => {
                Err(DispatchError::Send { missing, all: self.planned.messages, source })
            }
        }
    }
}
