//! AWS in memory: mocks of the SDK receive the real requests.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::iter::repeat_n;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use alerts::{Alerts, Clients, Config, ReceiverClients};
use aws_lambda_events::sqs::{SqsEvent, SqsMessage};
use aws_sdk_cloudwatch::operation::describe_alarms::{DescribeAlarmsError, DescribeAlarmsOutput};
use aws_sdk_cloudwatch::operation::get_metric_data::{GetMetricDataError, GetMetricDataOutput};
use aws_sdk_cloudwatch::operation::list_alarm_mute_rules::{
    ListAlarmMuteRulesError, ListAlarmMuteRulesOutput,
};
use aws_sdk_cloudwatch::operation::put_metric_data::PutMetricDataOutput;
use aws_sdk_cloudwatch::primitives::DateTime;
use aws_sdk_cloudwatch::types::{
    AlarmMuteRuleStatus, AlarmMuteRuleSummary, MetricAlarm, MetricDataResult, StateValue,
};
use aws_sdk_dynamodb::operation::get_item::{GetItemError, GetItemOutput};
use aws_sdk_dynamodb::operation::put_item::{PutItemError, PutItemInput, PutItemOutput};
use aws_sdk_dynamodb::operation::query::{QueryError, QueryOutput};
use aws_sdk_dynamodb::types::AttributeValue;
use aws_sdk_dynamodb::types::error::ConditionalCheckFailedException;
use aws_sdk_s3::operation::get_object::{GetObjectError, GetObjectOutput};
use aws_sdk_s3::operation::list_objects_v2::{ListObjectsV2Error, ListObjectsV2Output};
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::Object;
use aws_sdk_s3::types::error::NoSuchKey;
use aws_sdk_secretsmanager::operation::get_secret_value::{
    GetSecretValueError, GetSecretValueOutput,
};
use aws_sdk_sns::operation::list_subscriptions_by_topic::{
    ListSubscriptionsByTopicError, ListSubscriptionsByTopicOutput,
};
use aws_sdk_sns::operation::publish::{PublishError, PublishOutput};
use aws_sdk_sns::types::Subscription;
use aws_sdk_sqs::operation::send_message::{SendMessageError, SendMessageOutput};
use aws_smithy_mocks::{
    MockResponse, MockResponseInterceptor, RuleMode, create_mock_http_client, mock,
};
use domain::{Outcome, Reason, Report};
use jiff::Timestamp;
use notification_store::NotificationStore;
use notify::Acknowledgement;
use notify::record::AlarmRecord;
use receivers::{RetryPolicy, Sender};
use run_record::time::day_of;
use run_record::{RunRecord, Summary};
use run_table::RunTable;
use secrets::{ParameterStore, Secrets};
use serde_json::{Value, json};

/// A client of `$sdk` that answers by `$rules`.
macro_rules! client {
    ($sdk:ident, $($rule:expr),+) => {{
        let interceptor = MockResponseInterceptor::new().rule_mode(RuleMode::MatchAny)
            $(.with_rule(&$rule))+;
        $sdk::Client::from_conf(
            $sdk::Config::builder()
                .behavior_version($sdk::config::BehaviorVersion::latest())
                .region($sdk::config::Region::new("eu-west-1"))
                .credentials_provider($sdk::config::Credentials::new("id", "key", None, None, "test"))
                .retry_config($sdk::config::retry::RetryConfig::disabled())
                .http_client(create_mock_http_client())
                .interceptor(interceptor)
                .build(),
        )
    }};
}

/// A part of AWS that can fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Part {
    Table,
    Bucket,
    Metrics,
    Topics,
    Queue,
    /// Mute rules; the emulator of the end-to-end tests has none.
    Mutes,
    Alarms,
}

#[derive(Clone, Debug)]
pub(crate) struct Published {
    pub(crate) topic: String,
    pub(crate) subject: String,
    pub(crate) body: String,
    pub(crate) attributes: BTreeMap<String, String>,
}

/// The topic of the recorded events.
pub(crate) const ALARMS_TOPIC: &str = "arn:aws:sns:eu-west-1:123456789012:vigie-prod-alarms";

type Item = HashMap<String, AttributeValue>;

#[derive(Default)]
pub(crate) struct State {
    pub(crate) broken: BTreeSet<Part>,
    pub(crate) broken_topics: BTreeSet<String>,
    pub(crate) items: BTreeMap<(String, String), Item>,
    pub(crate) published: Vec<Published>,
    /// Body and delay in seconds.
    pub(crate) sent: Vec<(String, i32)>,
    /// The bucket, without the pages.
    pub(crate) reports: Vec<Report>,
    /// Reports that were read.
    pub(crate) read: usize,
    /// Each metric's value, by its name and statistic.
    pub(crate) metrics: BTreeMap<(String, String), f64>,
    /// CloudWatch's alarms by name: state and time of the last transition. Events update it.
    pub(crate) alarms: BTreeMap<String, (StateValue, Timestamp)>,
    /// Alarms that an active rule mutes, and how often the rules of single alarms were listed.
    pub(crate) muted: BTreeSet<String>,
    pub(crate) listed_mutes: usize,
    /// Each probe's passed and all runs of a week.
    pub(crate) week: BTreeMap<String, (f64, f64)>,
    /// Age of the values of self-monitoring, in seconds; `None` means 150.
    pub(crate) age: Option<i64>,
    /// Descriptions of alarms by name, beside those of messages.
    pub(crate) described: BTreeMap<String, String>,
    /// Address and ARN of each topic's subscriptions, or what SNS returns instead of an ARN.
    pub(crate) subscriptions: BTreeMap<String, Vec<(&'static str, &'static str)>>,
    /// Topics whose subscriptions SNS does not list.
    pub(crate) unseen: BTreeSet<String>,
    /// The URL of EventBridge.
    events: Option<String>,
    /// Secrets Manager.
    pub(crate) secrets: BTreeMap<String, String>,
    /// The metrics that were published.
    pub(crate) counts: Vec<(String, f64)>,
    /// The table when a notification was last published.
    at_publish: BTreeMap<(String, String), Item>,
}

impl State {
    /// Takes the state that a message reports, unless a newer one is known.
    fn transition(&mut self, message: &str) {
        let Ok(message) = serde_json::from_str::<Value>(message) else { return };
        let detail = &message["detail"];
        let (name, value, at) = match message["AlarmName"].as_str() {
            Some(_) if message.get("VigieTest").is_some() => return,
            Some(name) => (name, &message["NewStateValue"], &message["StateChangeTime"]),
            None => match detail["alarmName"].as_str() {
                Some(name) => (name, &detail["state"]["value"], &detail["state"]["timestamp"]),
                None => return,
            },
        };
        let (Some(value), Some(at)) = (value.as_str(), at.as_str()) else { return };
        let at: Timestamp = at.parse().unwrap();
        if self.alarms.get(name).is_none_or(|(_, known)| *known < at) {
            self.alarms.insert(name.to_owned(), (StateValue::from(value), at));
        }
    }
}

pub(crate) struct World {
    state: Arc<Mutex<State>>,
    config: Config,
    function: Alerts,
    count: usize,
}

pub(crate) fn at(time: &str) -> Timestamp {
    format!("2026-11-22T{time}Z").parse().unwrap()
}

impl World {
    pub(crate) fn new() -> Self {
        Self::with(&[])
    }

    pub(crate) fn with(settings: &[(&str, &str)]) -> Self {
        let own: HashMap<String, String> = settings
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        let config = Config::from_env(|name| {
            own.get(name).cloned().or_else(|| {
                Some(match name {
                    "VIGIE_ENVIRONMENT" => "prod".to_owned(),
                    "AWS_REGION" => "eu-west-1".to_owned(),
                    "ALARMS_TOPIC_ARN" => ALARMS_TOPIC.to_owned(),
                    "NOTIFICATIONS_TOPIC_ARN" => "notifications".to_owned(),
                    "TICKETS_TOPIC_ARN" => "tickets".to_owned(),
                    "ESCALATION_TOPIC_ARN" => "escalation".to_owned(),
                    "TABLE_NAME" => "table".to_owned(),
                    "REPORT_BUCKET" => "vigie-prod-reports".to_owned(),
                    "ALERTS_QUEUE_URL" => "https://queue.example.com/alerts".to_owned(),
                    "TIME_ZONE" => "Europe/Paris".to_owned(),
                    "DASHBOARD_NAME" => "vigie-prod".to_owned(),
                    _ => return None,
                })
            })
        });
        let state = Arc::new(Mutex::new(State::default()));
        let config = config.unwrap();
        let function = Alerts::new(config.clone(), clients(&state));
        Self { state, config, function, count: 0 }
    }

    /// The process ends, and with it its memory.
    pub(crate) fn end_process(&mut self) {
        self.function = Alerts::new(self.config.clone(), clients(&self.state));
    }

    /// As if the process had ended right after the last notification was published.
    pub(crate) fn end_process_at_publish(&mut self) {
        {
            let mut state = self.state();
            state.items = state.at_publish.clone();
        }
        self.end_process();
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// CloudWatch's alarm is in `state`; no event reports it.
    pub(crate) fn alarm_is(&self, name: &str, state: StateValue, since: Timestamp) {
        self.state().alarms.insert(name.to_owned(), (state, since));
    }

    /// Another invocation has claimed `what` until then.
    pub(crate) fn claimed(&self, what: &str, until: Timestamp) {
        let key = (format!("claim#{what}"), "claim".to_owned());
        let until = AttributeValue::N(until.as_millisecond().to_string());
        self.state().items.insert(key, HashMap::from([("until_ms".to_owned(), until)]));
    }

    /// EventBridge answers at `url`.
    pub(crate) fn event_bridge_is_at(&mut self, url: &str) {
        self.state().events = Some(url.to_owned());
        self.function = Alerts::new(self.config.clone(), clients(&self.state));
    }

    /// As the status page stores the totals of a day: runs that are up, and runs that are down.
    pub(crate) async fn store_day(&self, probe: &str, day: &str, up: usize, down: usize) {
        let start: Timestamp = format!("{day}T00:00:00Z").parse().unwrap();
        let failed = Outcome::Down { reason: Reason::Connect };
        let outcomes = repeat_n(Outcome::Up, up).chain(repeat_n(failed, down));
        let runs: Vec<RunRecord> =
            outcomes.map(|outcome| RunRecord::new(start, outcome, Duration::ZERO)).collect();
        let table = RunTable::new(clients(&self.state).dynamodb, "table");
        let (probe, day) = (probe.parse().unwrap(), day_of(start));
        table.put_day(&probe, day, &Summary::of(&runs)).await.unwrap();
    }

    /// As `vigie alerts ack` does.
    pub(crate) async fn acknowledge(&self, alarm: &str, by: &Acknowledgement) {
        let store = NotificationStore::new(clients(&self.state).dynamodb, "table".to_owned());
        let records = store.all().await.unwrap();
        let stored = records.into_iter().find(|one| one.record.alert.name == alarm).unwrap();
        let change = |record: Option<&AlarmRecord>| {
            Some(AlarmRecord { acknowledged: Some(by.clone()), ..record?.clone() })
        };
        store.update(&stored.record.alert.key, by.at, change).await.unwrap();
    }

    pub(crate) fn breaks(&self, part: Part) {
        self.state().broken.insert(part);
    }

    pub(crate) fn repair(&self, part: Part) {
        self.state().broken.remove(&part);
    }

    /// Gives bodies to the function as one batch; returns how many failed.
    pub(crate) async fn bodies(&mut self, bodies: Vec<String>, now: Timestamp) -> usize {
        let records = bodies.into_iter().map(|body| {
            self.count += 1;
            let mut message = SqsMessage::default();
            message.message_id = Some(format!("message-{}", self.count));
            message.body = Some(body);
            message
        });
        let mut event = SqsEvent::default();
        event.records = records.collect();
        self.function.handle(event, now).await.batch_item_failures.len()
    }

    /// Messages as SNS delivers them to the queue. CloudWatch's alarms have the state that they report.
    pub(crate) async fn messages(&mut self, messages: &[String], now: Timestamp) -> usize {
        for message in messages {
            self.state().transition(message);
        }
        let bodies = messages.iter().enumerate();
        let bodies = bodies.map(|(index, message)| envelope(message, self.count + index, now));
        self.bodies(bodies.collect(), now).await
    }

    pub(crate) async fn message(&mut self, message: &str, now: Timestamp) -> usize {
        self.messages(&[message.to_owned()], now).await
    }

    /// Delivers the scheduled flushes.
    pub(crate) async fn flush(&mut self, now: Timestamp) -> usize {
        let bodies = std::mem::take(&mut self.state().sent);
        self.bodies(bodies.into_iter().map(|(body, _)| body).collect(), now).await
    }

    /// A minute of the schedule.
    pub(crate) async fn tick(&mut self, now: Timestamp) -> usize {
        self.bodies(vec![json!({ "version": 1, "tick": now.to_string() }).to_string()], now).await
    }

    pub(crate) fn published(&self) -> Vec<Published> {
        self.state().published.clone()
    }

    pub(crate) fn subjects(&self) -> Vec<String> {
        self.published().into_iter().map(|mail| mail.subject).collect()
    }
}

pub(crate) fn envelope(message: &str, number: usize, now: Timestamp) -> String {
    json!({
        "Type": "Notification",
        "MessageId": format!("sns-{number}"),
        "TopicArn": "arn:aws:sns:eu-west-1:123456789012:vigie-prod-alarms",
        "Subject": "ALARM: \"vigie-prod-support-bot-down\" in EU (Ireland)",
        "Message": message,
        "Timestamp": now.strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string(),
        "SignatureVersion": "1",
        "Signature": "none",
        "SigningCertURL": "https://sns.eu-west-1.amazonaws.com/cert.pem",
        "UnsubscribeURL": "https://sns.eu-west-1.amazonaws.com/",
    })
    .to_string()
}

/// A recorded message.
pub(crate) fn event(name: &str) -> String {
    let path = format!("{}/../../tests/fixtures/events/{name}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// A recorded CloudWatch message, as if another probe's alarm had changed at another time.
pub(crate) fn alarm(name: &str, probe: &str, changed: Timestamp) -> String {
    let text = event(name).replace("support-bot", probe);
    let mut message: Value = serde_json::from_str(&text).unwrap();
    message["StateChangeTime"] = changed.strftime("%Y-%m-%dT%H:%M:%S.%3f+0000").to_string().into();
    message.to_string()
}

fn clients(state: &Arc<Mutex<State>>) -> Clients {
    Clients {
        regions: Mutex::default(),
        receivers: ReceiverClients {
            secrets: Secrets::new(
                client!(aws_sdk_secretsmanager, secret(state.clone())),
                ParameterStore::new(&aws_config::SdkConfig::builder().build()),
            ),
            events: events(state.lock().unwrap().events.as_deref()),
            sender: Sender::new(RetryPolicy { attempts: 1, ..RetryPolicy::default() }),
        },
        sns: client!(aws_sdk_sns, publish(state.clone()), subscriptions(state.clone())),
        sqs: client!(aws_sdk_sqs, send(state.clone())),
        s3: client!(aws_sdk_s3, object(state.clone()), objects(state.clone())),
        dynamodb: client!(
            aws_sdk_dynamodb,
            get_item(state.clone()),
            put_item(state.clone()),
            query(state.clone())
        ),
        cloudwatch: client!(
            aws_sdk_cloudwatch,
            metrics(state.clone()),
            counts(state.clone()),
            alarms(state.clone()),
            mutes(state.clone())
        ),
    }
}

fn broken(state: &Mutex<State>, part: Part) -> bool {
    state.lock().unwrap().broken.contains(&part)
}

fn publish(state: Arc<Mutex<State>>) -> aws_smithy_mocks::Rule {
    mock!(aws_sdk_sns::Client::publish).then_compute_response(move |request| {
        let topic = request.topic_arn().unwrap().to_owned();
        if broken(&state, Part::Topics) || state.lock().unwrap().broken_topics.contains(&topic) {
            return MockResponse::Error(PublishError::unhandled("topics are broken"));
        }
        let attributes = request.message_attributes().into_iter().flatten();
        let mut state = state.lock().unwrap();
        state.at_publish = state.items.clone();
        state.published.push(Published {
            topic: request.topic_arn().unwrap().to_owned(),
            subject: request.subject().unwrap().to_owned(),
            body: request.message().unwrap().to_owned(),
            attributes: attributes
                .map(|(name, value)| (name.clone(), value.string_value().unwrap().to_owned()))
                .collect(),
        });
        let id = format!("published-{}", state.published.len());
        MockResponse::Output(PublishOutput::builder().message_id(id).build())
    })
}

/// EventBridge is called without an SDK crate, so that it needs a server.
fn events(url: Option<&str>) -> aws_call::Client {
    let credentials = aws_sdk_sns::config::Credentials::new("id", "key", None, None, "test");
    let config = aws_config::SdkConfig::builder()
        .region(aws_sdk_sns::config::Region::new("eu-west-1"))
        .credentials_provider(aws_sdk_sns::config::SharedCredentialsProvider::new(credentials))
        .endpoint_url(url.unwrap_or("http://127.0.0.1:9"));
    aws_call::Client::new(&config.build())
}

fn secret(state: Arc<Mutex<State>>) -> aws_smithy_mocks::Rule {
    mock!(aws_sdk_secretsmanager::Client::get_secret_value).then_compute_response(move |request| {
        let secrets = &state.lock().unwrap().secrets;
        match secrets.get(request.secret_id().unwrap()) {
            Some(secret) => {
                let output = GetSecretValueOutput::builder().secret_string(secret);
                MockResponse::Output(output.build())
            }
            None => MockResponse::Error(GetSecretValueError::unhandled("there is no such secret")),
        }
    })
}

fn send(state: Arc<Mutex<State>>) -> aws_smithy_mocks::Rule {
    mock!(aws_sdk_sqs::Client::send_message).then_compute_response(move |request| {
        if broken(&state, Part::Queue) {
            return MockResponse::Error(SendMessageError::unhandled("the queue is broken"));
        }
        let body = request.message_body().unwrap().to_owned();
        state.lock().unwrap().sent.push((body, request.delay_seconds().unwrap_or(0)));
        MockResponse::Output(SendMessageOutput::builder().build())
    })
}

fn object(state: Arc<Mutex<State>>) -> aws_smithy_mocks::Rule {
    mock!(aws_sdk_s3::Client::get_object).then_compute_response(move |request| {
        if broken(&state, Part::Bucket) {
            return MockResponse::Error(GetObjectError::unhandled("the bucket is broken"));
        }
        assert_eq!(request.bucket(), Some("vigie-prod-reports"));
        let mut state = state.lock().unwrap();
        state.read += 1;
        let wanted =
            |report: &&Report| Some(format!("{}.json", report.key()).as_str()) == request.key();
        match state.reports.iter().find(wanted) {
            Some(report) => {
                let body = serde_json::to_vec(report).unwrap();
                let length = i64::try_from(body.len()).unwrap();
                let output = GetObjectOutput::builder().content_length(length);
                MockResponse::Output(output.body(ByteStream::from(body)).build())
            }
            None => MockResponse::Error(GetObjectError::NoSuchKey(NoSuchKey::builder().build())),
        }
    })
}

/// Twenty keys a page. Each report has its page, and there is a copy of the newest one.
fn objects(state: Arc<Mutex<State>>) -> aws_smithy_mocks::Rule {
    mock!(aws_sdk_s3::Client::list_objects_v2).then_compute_response(move |request| {
        if broken(&state, Part::Bucket) {
            return MockResponse::Error(ListObjectsV2Error::unhandled("the bucket is broken"));
        }
        let folder = request.prefix().unwrap();
        let after = request.continuation_token().or(request.start_after()).unwrap();
        let state = state.lock().unwrap();
        let keys = state.reports.iter().flat_map(|report| {
            let key = report.key();
            [format!("{key}.html"), format!("{key}.json"), Report::latest_key(&report.probe)]
        });
        let keys = keys.filter(|key| key.starts_with(folder) && after < key.as_str());
        let keys: Vec<String> = keys.collect::<BTreeSet<_>>().into_iter().collect();
        let page = keys.iter().take(20);
        let next = (20 < keys.len()).then(|| keys[19].clone());
        let output = ListObjectsV2Output::builder()
            .is_truncated(next.is_some())
            .set_next_continuation_token(next)
            .set_contents(Some(page.map(|key| Object::builder().key(key).build()).collect()));
        MockResponse::Output(output.build())
    })
}

fn metrics(state: Arc<Mutex<State>>) -> aws_smithy_mocks::Rule {
    mock!(aws_sdk_cloudwatch::Client::get_metric_data).then_compute_response(move |request| {
        if broken(&state, Part::Metrics) {
            return MockResponse::Error(GetMetricDataError::unhandled("metrics are broken"));
        }
        let state = state.lock().unwrap();
        let start = *request.start_time().unwrap();
        let end = request.end_time().unwrap().secs();
        let own = DateTime::from_secs(end - state.age.unwrap_or(150));
        let results = request.metric_data_queries().iter().flat_map(|query| {
            let is_own =
                query.metric_stat().and_then(aws_sdk_cloudwatch::types::MetricStat::period)
                    == Some(60);
            // Yesterday, for the daily values of the weekly mail.
            let yesterday = DateTime::from_secs(end - 86_400);
            let at = match query.expression() {
                Some(_) => yesterday,
                None if is_own => own,
                None => start,
            };
            let result = |label: &str, value: Option<f64>| {
                MetricDataResult::builder()
                    .id(query.id().unwrap())
                    .label(label)
                    .set_timestamps(Some(value.iter().map(|_| at).collect()))
                    .set_values(Some(value.into_iter().collect()))
                    .build()
            };
            let Some(stat) = query.metric_stat() else {
                if query.id().is_some_and(|id| id.starts_with("excluded")) {
                    return Vec::new();
                }
                let passed = query.id() == Some("passed");
                let value = |(p, all): &(f64, f64)| Some(if passed { *p } else { *all });
                let week = state.week.iter().map(|(probe, runs)| result(probe, value(runs)));
                return week.collect::<Vec<_>>();
            };
            let metric = stat.metric().unwrap();
            assert_eq!(metric.namespace(), Some("Vigie"));
            let name = metric.metric_name().unwrap().to_owned();
            let value = state.metrics.get(&(name, stat.stat().unwrap().to_owned()));
            vec![result("", value.copied())]
        });
        let results = Some(results.collect());
        MockResponse::Output(
            GetMetricDataOutput::builder().set_metric_data_results(results).build(),
        )
    })
}

fn subscriptions(state: Arc<Mutex<State>>) -> aws_smithy_mocks::Rule {
    mock!(aws_sdk_sns::Client::list_subscriptions_by_topic).then_compute_response(move |request| {
        let state = state.lock().unwrap();
        let topic = request.topic_arn().unwrap();
        if state.unseen.contains(topic) {
            let error = ListSubscriptionsByTopicError::unhandled("throttled");
            return MockResponse::Error(error);
        }
        let known = state.subscriptions.get(topic).into_iter().flatten();
        let list = known.map(|(address, arn)| {
            Subscription::builder().endpoint(*address).subscription_arn(*arn).build()
        });
        let list = Some(list.collect());
        let output = ListSubscriptionsByTopicOutput::builder().set_subscriptions(list);
        MockResponse::Output(output.build())
    })
}

fn alarms(state: Arc<Mutex<State>>) -> aws_smithy_mocks::Rule {
    mock!(aws_sdk_cloudwatch::Client::describe_alarms).then_compute_response(move |request| {
        if broken(&state, Part::Alarms) {
            return MockResponse::Error(DescribeAlarmsError::unhandled("throttled"));
        }
        let state = state.lock().unwrap();
        let names = request.alarm_names();
        let wanted = |name: &str| match request.action_prefix() {
            Some(topic) => topic == ALARMS_TOPIC,
            None => names.iter().any(|one| one == name),
        };
        let alarms = state.alarms.iter().filter(|(name, _)| wanted(name)).map(|(name, alarm)| {
            let (value, since) = alarm;
            let since = DateTime::from_millis(since.as_millisecond());
            MetricAlarm::builder()
                .alarm_name(name)
                .alarm_arn(format!("arn:aws:cloudwatch:eu-west-1:123456789012:alarm:{name}"))
                .alarm_actions(ALARMS_TOPIC)
                .set_alarm_description(state.described.get(name).cloned())
                .state_value(value.clone())
                .state_transitioned_timestamp(since)
                .build()
        });
        // The API returns 50 alarms a page unless the request asks for more.
        let alarms: Vec<MetricAlarm> = alarms.collect();
        let start: usize = request.next_token().map_or(0, |token| token.parse().unwrap());
        let most = usize::try_from(request.max_records().unwrap_or(50)).unwrap();
        let end = alarms.len().min(start + most);
        let output = DescribeAlarmsOutput::builder()
            .set_metric_alarms(Some(alarms[start..end].to_vec()))
            .set_next_token((end < alarms.len()).then(|| end.to_string()));
        MockResponse::Output(output.build())
    })
}

fn mutes(state: Arc<Mutex<State>>) -> aws_smithy_mocks::Rule {
    mock!(aws_sdk_cloudwatch::Client::list_alarm_mute_rules).then_compute_response(move |request| {
        if broken(&state, Part::Mutes) {
            return MockResponse::Error(ListAlarmMuteRulesError::unhandled("no such operation"));
        }
        assert_eq!(request.statuses(), [AlarmMuteRuleStatus::Active]);
        let mut state = state.lock().unwrap();
        state.listed_mutes += usize::from(request.alarm_name().is_some());
        let found = match request.alarm_name() {
            Some(name) => state.muted.contains(name),
            None => !state.muted.is_empty(),
        };
        let rule = AlarmMuteRuleSummary::builder().status(AlarmMuteRuleStatus::Active).build();
        let rules = found.then_some(rule).into_iter().collect();
        let output = ListAlarmMuteRulesOutput::builder();
        MockResponse::Output(output.set_alarm_mute_rule_summaries(Some(rules)).build())
    })
}

fn counts(state: Arc<Mutex<State>>) -> aws_smithy_mocks::Rule {
    mock!(aws_sdk_cloudwatch::Client::put_metric_data).then_compute_output(move |request| {
        assert_eq!(request.namespace(), Some("Vigie"));
        let data = request.metric_data().iter();
        let counts = data.map(|d| (d.metric_name().unwrap().to_owned(), d.value().unwrap()));
        state.lock().unwrap().counts.extend(counts);
        PutMetricDataOutput::builder().build()
    })
}

fn get_item(state: Arc<Mutex<State>>) -> aws_smithy_mocks::Rule {
    mock!(aws_sdk_dynamodb::Client::get_item).then_compute_response(move |request| {
        if broken(&state, Part::Table) {
            return MockResponse::Error(GetItemError::unhandled("the table is broken"));
        }
        let key = key(request.key().unwrap());
        let item = state.lock().unwrap().items.get(&key).cloned();
        MockResponse::Output(GetItemOutput::builder().set_item(item).build())
    })
}

fn put_item(state: Arc<Mutex<State>>) -> aws_smithy_mocks::Rule {
    mock!(aws_sdk_dynamodb::Client::put_item).then_compute_response(move |request| {
        if broken(&state, Part::Table) {
            return MockResponse::Error(PutItemError::unhandled("the table is broken"));
        }
        let item = request.item().unwrap();
        let key = key(item);
        let items = &mut state.lock().unwrap().items;
        if !allowed(request, items.get(&key)) {
            let refused = ConditionalCheckFailedException::builder().build();
            return MockResponse::Error(PutItemError::ConditionalCheckFailedException(refused));
        }
        items.insert(key, item.clone());
        MockResponse::Output(PutItemOutput::builder().build())
    })
}

/// The conditions that the function writes, and no others.
fn allowed(request: &PutItemInput, before: Option<&Item>) -> bool {
    let Some(condition) = request.condition_expression() else { return true };
    if condition == "attribute_not_exists(pk)" {
        return before.is_none();
    }
    let values = request.expression_attribute_values().unwrap();
    let known = |name: &str| before.map(|item| item[name].as_n().unwrap().parse::<i64>().unwrap());
    let value = |name: &str| values[name].as_n().unwrap().parse::<i64>().unwrap();
    match condition {
        "attribute_not_exists(pk) OR version <> :version" => {
            known("version").is_none_or(|version| version != value(":version"))
        }
        "revision = :over" => known("revision") == Some(value(":over")),
        "attribute_not_exists(pk) OR until_ms <= :now" => {
            known("until_ms").is_none_or(|until| until <= value(":now"))
        }
        other => panic!("unknown condition `{other}`"),
    }
}

fn query(state: Arc<Mutex<State>>) -> aws_smithy_mocks::Rule {
    mock!(aws_sdk_dynamodb::Client::query).then_compute_response(move |request| {
        if broken(&state, Part::Table) {
            return MockResponse::Error(QueryError::unhandled("the table is broken"));
        }
        let values = request.expression_attribute_values().unwrap();
        let text = |name: &str| values.get(name).map(|value| value.as_s().unwrap().as_str());
        let expected = match text(":first") {
            Some(_) => "pk = :pk AND sk BETWEEN :first AND :last",
            None => "pk = :pk",
        };
        assert_eq!(request.key_condition_expression(), Some(expected));
        let items = &state.lock().unwrap().items;
        let found = items.iter().filter(|((pk, sk), _)| {
            let sk = sk.as_str();
            let is_after = text(":first").is_none_or(|first| first <= sk);
            Some(pk.as_str()) == text(":pk")
                && is_after
                && text(":last").is_none_or(|last| sk <= last)
        });
        let found = Some(found.map(|(_, item)| item.clone()).collect());
        MockResponse::Output(QueryOutput::builder().set_items(found).build())
    })
}

fn key(item: &Item) -> (String, String) {
    (item["pk"].as_s().unwrap().clone(), item["sk"].as_s().unwrap().clone())
}
