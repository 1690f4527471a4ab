//! Plans the runs and scrapes of the next minute, every minute, and sends them to the queue of runs.
//!
//! The dispatcher has no state. The plan depends only on the scheduled minute and the probes, so a
//! schedule that fires twice sends the same run requests twice, and the prober's claim makes each run
//! happen once.

mod alarms;
mod config;
mod destinations;
mod metrics;
pub mod probes;
mod queue;

use std::sync::Arc;
use std::time::Duration;

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
pub use config::{Config, Locations};
pub use destinations::Destination;
use destinations::unknown_locations;
use metrics::Unpublished;
use probes::Source;
use queue::{SendError, Unsent};
use request_signing::{SignError, SignedRequest, Signer, SigningKey};

/// Time to send the run requests of a location other than the home one.
const LOCATION_TIMEOUT: Duration = Duration::from_secs(15);

/// The event that invokes the function.
#[derive(Clone, Copy, Debug, Deserialize)]
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
}

impl Dispatcher {
    #[must_use]
    pub fn new(
        config: Config,
        s3: S3,
        destinations: Vec<Destination>,
        cloudwatch: CloudWatch,
    ) -> Self {
        let source = Source::new(&config, s3.clone());
        let signer = Signer::new(s3, config.report_bucket.clone());
        let alarms =
            config.alarms.then(|| Alarms::new(cloudwatch.clone(), config.environment.clone()));
        let metrics = Mutex::default();
        Self { config, source, destinations, signer, cloudwatch, metrics, alarms }
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
        let (environment, due) = (&self.config.environment, request.smoke_run_due);
        let plan = SmokePlan::new(&loaded.probes, environment, due, loaded.problems.clone());
        let text = serde_json::to_string(&plan.run_request)?;
        let run_request = self.signer.key().await?.signed(text);
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
        let key = self.signer.key().await?;
        // Boxed: the nested future is too deep for the compiler's type-length limit.
        let sending = self.destinations.iter();
        let sending = sending.map(|one| Box::pin(self.send(one, key, &loaded.probes, minute)));
        let sent = join_all(sending).await;

        let planned = sent.iter().map(|sent| sent.planned).reduce(Dispatched::with);
        let planned = planned.unwrap_or_default();
        let runs_sent = sent.iter().map(Sent::runs).sum();
        let without_alarm = self.count_without_alarm(&loaded.probes, minute).await;
        let timeout = longest_timeout(&loaded.probes, &self.config.environment);
        let problems = loaded.problems.len() + unknown.len();
        let counts = Counts { runs: runs_sent, problems, without_alarm, timeout };
        self.publish(minute, &counts).await;
        let Dispatched { scrapes, messages, .. } = planned;
        info!(%minute, runs = runs_sent, scrapes, messages, "Minute dispatched");
        sent.into_iter().try_for_each(Sent::check).map(|()| planned)
    }

    /// Plans the minute of a location and sends its run requests.
    async fn send(
        &self,
        to: &Destination,
        key: &SigningKey,
        probes: &[Probe],
        minute: Timestamp,
    ) -> Sent {
        let requests = to.plan(probes, &self.config, minute);
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

#[cfg(test)]
mod tests {
    use super::*;
    use aws_sdk_cloudwatch::operation::put_metric_data::PutMetricDataOutput;
    use aws_sdk_s3::operation::put_object::PutObjectOutput;
    use aws_sdk_sqs::Client as Sqs;
    use aws_sdk_sqs::operation::send_message_batch::{
        SendMessageBatchError, SendMessageBatchInput, SendMessageBatchOutput,
    };
    use aws_sdk_sqs::types::{
        BatchResultErrorEntry, SendMessageBatchRequestEntry, SendMessageBatchResultEntry,
    };
    use aws_smithy_mocks::{Rule, RuleMode, mock, mock_client};
    use domain::run_request::RunRequest;

    const MINUTE: &str = r#"{"scheduled_time":"2026-11-22T10:00:00Z"}"#;

    fn dispatcher(variables: &str, sqs: &[&Rule], put: &Rule) -> Dispatcher {
        dispatcher_at("", variables, sqs, put)
    }

    fn dispatcher_at(locations: &str, variables: &str, sqs: &[&Rule], put: &Rule) -> Dispatcher {
        let env = |name: &str| match name {
            "LOCATIONS" => Some(locations.to_owned()),
            "VIGIE_LOCATION" | "AWS_REGION" => Some("eu-west-3".to_owned()),
            "VIGIE_ENVIRONMENT" => Some("local".to_owned()),
            "RUNS_QUEUE_URL" => Some("http://queue/vigie-local-runs".to_owned()),
            "PROBE_VARIABLES" => Some(variables.to_owned()),
            "PROBES" => Some(concat!(env!("CARGO_MANIFEST_DIR"), "/../../probes").to_owned()),
            "PROBE_ALARMS" => Some("off".to_owned()),
            "REPORT_BUCKET" => Some("reports".to_owned()),
            _ => None,
        };
        let config = Config::from_env(env).unwrap();
        let key = mock!(S3::put_object).then_output(|| PutObjectOutput::builder().build());
        let s3 = mock_client!(aws_sdk_s3, RuleMode::MatchAny, [&key]);
        let destinations =
            Destination::all(&config, |_| mock_client!(aws_sdk_sqs, RuleMode::MatchAny, sqs));
        let cloudwatch = mock_client!(aws_sdk_cloudwatch, RuleMode::MatchAny, [put]);
        Dispatcher::new(config, s3, destinations, cloudwatch)
    }

    fn scheduled() -> ScheduleEvent {
        serde_json::from_str(MINUTE).unwrap()
    }

    /// Accepts every metric.
    fn any_metric() -> Rule {
        mock!(CloudWatch::put_metric_data).then_output(|| PutMetricDataOutput::builder().build())
    }

    fn read(body: &str) -> RunRequest {
        let signed = SignedRequest::read(body).unwrap();
        assert!(signed.signature.is_some(), "{body}");
        RunRequest::read(&signed.request).unwrap()
    }

    fn runs(request: &SendMessageBatchInput) -> usize {
        let requests = request.entries().iter().map(|entry| read(entry.message_body()));
        requests.map(|request| request.runs.len()).sum()
    }

    fn accepted() -> SendMessageBatchOutput {
        let entry = |id: usize| {
            SendMessageBatchResultEntry::builder()
                .id(id.to_string())
                .message_id("m")
                .md5_of_message_body("d")
                .build()
        };
        let entries = (0..10).map(|id| entry(id).unwrap()).collect();
        SendMessageBatchOutput::builder()
            .set_successful(Some(entries))
            .set_failed(Some(vec![]))
            .build()
            .unwrap()
    }

    #[tokio::test]
    async fn ten_second_probe_runs_six_times_a_minute() {
        let sent = mock!(Sqs::send_message_batch)
            .match_requests(|request| {
                request.queue_url() == Some("http://queue/vigie-local-runs") && runs(request) <= 10
            })
            .then_output(accepted);
        let metric = mock!(CloudWatch::put_metric_data)
            .match_requests(|request| {
                let [datum] = request.metric_data() else { return false };
                datum.metric_name() == Some("RunsDispatched") && datum.value() == Some(6.0)
            })
            .then_output(|| PutMetricDataOutput::builder().build());
        let dispatcher = dispatcher("DEMO_BOT_URL=http://127.0.0.1:7860", &[&sent], &metric);
        assert_eq!(dispatcher.dispatch(scheduled()).await.unwrap().runs, 6);
        assert_eq!(metric.num_calls(), 1);
    }

    #[test]
    fn longest_timeout_is_that_of_a_probe_that_runs_here() {
        let probe = |name: &str, timeout: u64, environment: &str| -> Probe {
            serde_json::from_value(serde_json::json!({
                "name": name, "every_seconds": 1_800, "enabled": true, "timeout_seconds": timeout,
                "environments": [environment], "target": { "url": "http://127.0.0.1:1" },
                "retry": { "attempts": 0, "wait_seconds": 1 }, "objectives": {},
                "conversation": [{ "say": "hi" }],
                "alarm": { "down": { "m": 2, "n": 3 }, "degraded": { "m": 3, "n": 5 }, "severity": "page" },
            }))
            .unwrap()
        };
        let probes = [probe("a", 60, "prod"), probe("b", 600, "prod"), probe("c", 900, "dev")];
        let longest = longest_timeout(&probes, &"prod".parse().unwrap());
        assert_eq!(longest, Duration::from_secs(600));
        assert_eq!(longest_timeout(&[], &"prod".parse().unwrap()), Duration::ZERO);
    }

    #[tokio::test]
    async fn each_location_gets_its_runs_although_one_fails() {
        let at = |url: &'static str, location: &'static str| {
            mock!(Sqs::send_message_batch).match_requests(move |request| {
                let bodies =
                    request.entries().iter().map(SendMessageBatchRequestEntry::message_body);
                let mut requests = bodies.map(read);
                request.queue_url() == Some(url)
                    && requests
                        .all(|one| one.location.as_ref().is_some_and(|at| at.as_str() == location))
            })
        };
        let home = at("http://queue/vigie-local-runs", "eu-west-3").then_output(accepted);
        let away = at("http://queue/vigie-local-of-eu-west-3-runs", "us-east-1")
            .then_error(|| SendMessageBatchError::unhandled("unreachable"));
        let office =
            at("http://queue/vigie-local-agent-office-runs", "office").then_output(accepted);
        let metric = mock!(CloudWatch::put_metric_data)
            .match_requests(|request| request.metric_data()[0].value() == Some(12.0))
            .then_output(|| PutMetricDataOutput::builder().build());
        let url = "DEMO_BOT_URL=http://127.0.0.1:7860";
        let locations = "eu-west-3,us-east-1,office";
        let dispatcher = dispatcher_at(locations, url, &[&home, &away, &office], &metric);
        let dispatched = dispatcher.dispatch(scheduled()).await.unwrap();
        assert_eq!((dispatched.runs, metric.num_calls()), (18, 1));
        assert!(home.num_calls() > office.num_calls(), "only the home location makes scrapes");
        assert!(office.num_calls() > 0 && away.num_calls() > 0);
    }

    #[tokio::test]
    async fn probe_with_unset_variable_is_counted_as_run_error() {
        let metric = mock!(CloudWatch::put_metric_data)
            .match_requests(|request| {
                let named = |datum: &aws_sdk_cloudwatch::types::MetricDatum| {
                    datum.metric_name() == Some("RunErrors")
                };
                request.metric_data().iter().any(named)
            })
            .then_output(|| PutMetricDataOutput::builder().build());
        let dispatched = dispatcher("", &[], &metric).dispatch(scheduled()).await.unwrap();
        assert_eq!(dispatched, Dispatched { runs: 0, scrapes: 0, messages: 0 });
        assert_eq!(metric.num_calls(), 1);
    }

    #[tokio::test]
    async fn smoke_request_returns_a_plan_and_sends_nothing() {
        let event: Event =
            serde_json::from_str(r#"{"smoke_run_due":"2026-11-22T10:00:07Z"}"#).unwrap();
        let plan_with = async |variables| {
            let answer = dispatcher(variables, &[], &any_metric()).handle(event).await.unwrap();
            let plan = serde_json::from_value::<SignedPlan>(answer).unwrap();
            assert!(plan.run_request.signature.is_some(), "{plan:?}");
            (RunRequest::read(&plan.run_request.request).unwrap(), plan)
        };
        let (request, plan) = plan_with("DEMO_BOT_URL=http://127.0.0.1:7860").await;
        let [run] = &request.runs[..] else { panic!("{plan:?}") };
        assert_eq!((run.probe.name.as_str(), request.due.as_second() % 60), ("demo", 7));
        assert!(plan.problems.is_empty(), "{:?}", plan.problems);

        let (request, plan) = plan_with("").await;
        assert!(request.runs.is_empty());
        assert!(plan.problems[0].contains("DEMO_BOT_URL"), "{:?}", plan.problems);
    }

    /// Six runs and six scrapes a minute.
    const BATCHES: usize = 2;

    /// The first message of a batch is rejected.
    fn rejected(is_sender_fault: bool) -> SendMessageBatchOutput {
        let entry = BatchResultErrorEntry::builder()
            .id("0")
            .code("Throttled")
            .message("slow down")
            .sender_fault(is_sender_fault);
        let output = SendMessageBatchOutput::builder().set_successful(Some(vec![]));
        output.set_failed(Some(vec![entry.build().unwrap()])).build().unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn message_rejected_once_is_sent_again_alone() {
        let is_second = |request: &SendMessageBatchInput| matches!(request.entries(), [only] if only.id() == "0");
        let first = mock!(Sqs::send_message_batch)
            .match_requests(move |request| !is_second(request))
            .then_output(|| rejected(false));
        let second = mock!(Sqs::send_message_batch).match_requests(is_second).then_output(accepted);
        let dispatcher =
            dispatcher("DEMO_BOT_URL=http://127.0.0.1:7860", &[&first, &second], &any_metric());
        dispatcher.dispatch(scheduled()).await.unwrap();
        assert_eq!((first.num_calls(), second.num_calls()), (BATCHES, BATCHES));
    }

    #[tokio::test(start_paused = true)]
    async fn message_rejected_twice_is_an_error() {
        for (is_sender_fault, calls) in [(false, 2 * BATCHES), (true, BATCHES)] {
            let sent =
                mock!(Sqs::send_message_batch).then_output(move || rejected(is_sender_fault));
            let dispatcher =
                dispatcher("DEMO_BOT_URL=http://127.0.0.1:7860", &[&sent], &any_metric());
            let error = dispatcher.dispatch(scheduled()).await.unwrap_err();
            let diagnostic = Diagnostic::from(error);
            assert_eq!((diagnostic.error_type.as_str(), sent.num_calls()), ("Send", calls));
            let message = &diagnostic.error_message;
            let expected = "SQS rejected a message with `Throttled`: slow down";
            assert!(message.ends_with(expected), "{message}");
        }
    }
}
