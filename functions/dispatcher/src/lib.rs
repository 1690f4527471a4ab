//! Every minute: which probes and scrapes are due in the next one, on to the queue.
//!
//! Holds no state. The plan depends on the scheduled minute and the probes alone, so a schedule
//! that fires twice orders the same runs twice, and the prober's claim makes each of them once.

mod alarms;
mod config;
pub mod probes;
mod queue;

use std::sync::Arc;

use aws_sdk_cloudwatch::Client as CloudWatch;
use aws_sdk_sqs::Client as Sqs;
use domain::Probe;
use domain::figures::Unit;
use domain::schedule::{minute_after, plan};
use domain::smoke;
use jiff::Timestamp;
use lambda_kit::chain;
use lambda_runtime::Diagnostic;
use serde::{Deserialize, Serialize};
use tracing::{error, info, warn};

use alarms::Alarms;
pub use config::Config;
use probes::Source;
use queue::SendError;

/// What the function is invoked with.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(untagged)]
pub enum Event {
    Fired(Fired),
    /// By `vigie smoke`.
    Asked(smoke::Asked),
}

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
    #[error("the answer could not be written")]
    Answer { source: serde_json::Error },
}

impl From<DispatchError> for Diagnostic {
    fn from(error: DispatchError) -> Self {
        let error_type = match error {
            DispatchError::Probes { .. } => "Probes",
            DispatchError::Unsent { .. } => "Unsent",
            DispatchError::Answer { .. } => "Answer",
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
    /// `None`: the probes are to have none.
    alarms: Option<Alarms>,
}

impl Dispatcher {
    #[must_use]
    pub fn new(config: Config, source: Source, sqs: Sqs, cloudwatch: CloudWatch) -> Self {
        let alarms =
            config.alarms.then(|| Alarms::new(cloudwatch.clone(), config.environment.clone()));
        Self { config, source, sqs, cloudwatch, alarms }
    }

    /// Answers either event, in JSON.
    ///
    /// # Errors
    /// When the probes can't be read or an order did not reach the queue.
    pub async fn answer(&self, event: Event) -> Result<serde_json::Value, DispatchError> {
        let answer = match event {
            // Boxed, since the future of a whole minute is deeper than the compiler likes to look.
            Event::Fired(fired) => serde_json::to_value(Box::pin(self.handle(fired)).await?),
            Event::Asked(asked) => {
                let loaded = self.load().await?;
                let environment = &self.config.environment;
                let due = asked.smoke_run_due;
                serde_json::to_value(smoke::Told::of(
                    &loaded.probes,
                    environment,
                    due,
                    loaded.problems.clone(),
                ))
            }
        };
        answer.map_err(|source| DispatchError::Answer { source })
    }

    async fn load(&self) -> Result<Arc<probes::Loaded>, DispatchError> {
        self.source.load().await.map_err(|source| DispatchError::Probes { source })
    }

    /// Orders what is due in the minute after the one the schedule fired for.
    ///
    /// # Errors
    /// When the probes can't be read or an order did not reach the queue.
    pub async fn handle(&self, fired: Fired) -> Result<Ordered, DispatchError> {
        let loaded = self.load().await?;
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
        for orders in &planned {
            let runs: Vec<&str> = orders.runs.iter().map(|run| run.id.as_str()).collect();
            let scrapes = orders.scrapes.len();
            info!(due = %orders.due, runs = runs.join(" "), scrapes, "ordered");
        }
        let sent =
            queue::send(&self.sqs, &self.config.runs_queue_url, &planned, Timestamp::now).await;
        let dispatched = sent.as_ref().map_or_else(|unsent| unsent.runs_sent, |()| ordered.runs);
        let unwatched = self.unwatched(&loaded.probes, minute).await;
        self.publish(minute, dispatched, loaded.problems.len(), unwatched).await;
        info!(%minute, runs = ordered.runs, scrapes = ordered.scrapes, messages = ordered.messages, "minute ordered");
        sent.map(|()| ordered).map_err(|unsent| DispatchError::Unsent {
            missing: unsent.missing,
            all: planned.len(),
            source: unsent.source,
        })
    }

    /// How many probes have no alarm that could rise; each is told.
    async fn unwatched(&self, probes: &[Probe], minute: Timestamp) -> usize {
        let Some(alarms) = &self.alarms else { return 0 };
        let missing = alarms.missing(probes, minute).await;
        for probe in &missing {
            warn!(probe = %probe.name, "a probe has no alarm; run `vigie render` and deploy");
        }
        missing.len()
    }

    /// The watch on ourselves. Figures that don't arrive raise the alarm on silence, so a failure
    /// here is told and no more.
    async fn publish(&self, minute: Timestamp, runs: usize, problems: usize, unwatched: usize) {
        let own = |name, value: usize| {
            let value = f64::from(u32::try_from(value).unwrap_or(u32::MAX));
            cloudwatch::own(name, &self.config.environment, value, Unit::Count, minute)
        };
        let mut figures = vec![own("RunsDispatched", runs)];
        if problems > 0 {
            figures.push(own("RunErrors", problems));
        }
        if unwatched > 0 {
            figures.push(own("ProbesWithoutAlarm", unwatched));
        }
        if let Err(error) = cloudwatch::put(&self.cloudwatch, figures).await {
            error!(error = chain(&error), "the dispatcher's own figures were not published");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_config::{BehaviorVersion, SdkConfig};
    use aws_sdk_cloudwatch::operation::put_metric_data::PutMetricDataOutput;
    use aws_sdk_sqs::operation::send_message_batch::{
        SendMessageBatchInput, SendMessageBatchOutput,
    };
    use aws_sdk_sqs::types::{BatchResultErrorEntry, SendMessageBatchResultEntry};
    use aws_smithy_mocks::{Rule, RuleMode, mock, mock_client};
    use domain::message::Orders;

    const MINUTE: &str = r#"{"scheduled_time":"2026-11-22T10:00:00Z"}"#;

    fn dispatcher(variables: &str, sqs: &[&Rule], put: &Rule) -> Dispatcher {
        let look_up = |name: &str| match name {
            "VIGIE_ENVIRONMENT" => Some("local".to_owned()),
            "RUNS_QUEUE_URL" => Some("http://queue".to_owned()),
            "PROBE_VARIABLES" => Some(variables.to_owned()),
            "PROBE_ALARMS" => Some("off".to_owned()),
            _ => None,
        };
        let config = Config::from_env(&look_up).unwrap();
        let aws = SdkConfig::builder().behavior_version(BehaviorVersion::latest()).build();
        let source = Source::new(&config, &aws);
        let sqs = mock_client!(aws_sdk_sqs, RuleMode::MatchAny, sqs);
        let cloudwatch = mock_client!(aws_sdk_cloudwatch, RuleMode::MatchAny, [put]);
        Dispatcher::new(config, source, sqs, cloudwatch)
    }

    fn fired() -> Fired {
        serde_json::from_str(MINUTE).unwrap()
    }

    /// Takes every figure and remembers none.
    fn any_figure() -> Rule {
        mock!(CloudWatch::put_metric_data).then_output(|| PutMetricDataOutput::builder().build())
    }

    fn runs(request: &SendMessageBatchInput) -> usize {
        let bodies =
            request.entries().iter().map(|entry| Orders::read(entry.message_body()).unwrap());
        bodies.map(|orders| orders.runs.len()).sum()
    }

    fn taken() -> SendMessageBatchOutput {
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
    async fn a_ten_second_probe_is_ordered_six_times_a_minute() {
        let sent = mock!(Sqs::send_message_batch)
            .match_requests(|request| {
                request.queue_url() == Some("http://queue") && runs(request) <= 10
            })
            .then_output(taken);
        let figure = mock!(CloudWatch::put_metric_data)
            .match_requests(|request| {
                let [datum] = request.metric_data() else { return false };
                datum.metric_name() == Some("RunsDispatched") && datum.value() == Some(6.0)
            })
            .then_output(|| PutMetricDataOutput::builder().build());
        let dispatcher = dispatcher("DEMO_BOT_URL=http://127.0.0.1:7860", &[&sent], &figure);
        assert_eq!(dispatcher.handle(fired()).await.unwrap().runs, 6);
        assert_eq!(figure.num_calls(), 1);
    }

    #[tokio::test]
    async fn a_probe_whose_variable_is_not_set_is_counted_and_stops_no_other() {
        let figure = mock!(CloudWatch::put_metric_data)
            .match_requests(|request| {
                let named = |datum: &aws_sdk_cloudwatch::types::MetricDatum| {
                    datum.metric_name() == Some("RunErrors")
                };
                request.metric_data().iter().any(named)
            })
            .then_output(|| PutMetricDataOutput::builder().build());
        let ordered = dispatcher("", &[], &figure).handle(fired()).await.unwrap();
        assert_eq!(ordered, Ordered { runs: 0, scrapes: 0, messages: 0 });
        assert_eq!(figure.num_calls(), 1);
    }

    #[tokio::test]
    async fn a_smoke_run_is_told_what_to_visit_and_nothing_is_sent() {
        let event: Event =
            serde_json::from_str(r#"{"smoke_run_due":"2026-11-22T10:00:07Z"}"#).unwrap();
        let ask = async |variables| {
            let answer = dispatcher(variables, &[], &any_figure()).answer(event).await.unwrap();
            serde_json::from_value::<smoke::Told>(answer).unwrap()
        };
        let told = ask("DEMO_BOT_URL=http://127.0.0.1:7860").await;
        let [run] = &told.orders.runs[..] else { panic!("{told:?}") };
        assert_eq!((run.probe.name.as_str(), told.orders.due.as_second() % 60), ("demo", 7));
        assert!(told.problems.is_empty(), "{:?}", told.problems);

        let told = ask("").await;
        assert!(told.orders.runs.is_empty());
        assert!(told.problems[0].contains("DEMO_BOT_URL"), "{:?}", told.problems);
    }

    /// Six runs and six scrapes a minute.
    const BATCHES: usize = 2;

    /// The first message of a batch is refused.
    fn refused(ours: bool) -> SendMessageBatchOutput {
        let entry = BatchResultErrorEntry::builder()
            .id("0")
            .code("Throttled")
            .message("slow down")
            .sender_fault(ours);
        let refused = SendMessageBatchOutput::builder().set_successful(Some(vec![]));
        refused.set_failed(Some(vec![entry.build().unwrap()])).build().unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn a_message_that_the_queue_refuses_once_is_sent_again_by_itself() {
        let is_second = |request: &SendMessageBatchInput| matches!(request.entries(), [only] if only.id() == "0");
        let first = mock!(Sqs::send_message_batch)
            .match_requests(move |request| !is_second(request))
            .then_output(|| refused(false));
        let second = mock!(Sqs::send_message_batch).match_requests(is_second).then_output(taken);
        let dispatcher =
            dispatcher("DEMO_BOT_URL=http://127.0.0.1:7860", &[&first, &second], &any_figure());
        dispatcher.handle(fired()).await.unwrap();
        assert_eq!((first.num_calls(), second.num_calls()), (BATCHES, BATCHES));
    }

    #[tokio::test(start_paused = true)]
    async fn a_message_that_the_queue_goes_on_refusing_is_an_error() {
        for (ours, calls) in [(false, 2 * BATCHES), (true, BATCHES)] {
            let sent = mock!(Sqs::send_message_batch).then_output(move || refused(ours));
            let dispatcher =
                dispatcher("DEMO_BOT_URL=http://127.0.0.1:7860", &[&sent], &any_figure());
            let error = dispatcher.handle(fired()).await.unwrap_err();
            let told = Diagnostic::from(error);
            assert_eq!((told.error_type.as_str(), sent.num_calls()), ("Unsent", calls));
            assert!(
                told.error_message.ends_with("the queue refused a message: Throttled: slow down"),
                "{}",
                told.error_message
            );
        }
    }
}
