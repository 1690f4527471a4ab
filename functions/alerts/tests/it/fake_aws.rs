//! AWS in memory: mocks of the SDK receive the real requests.

mod mocks;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::iter::repeat_n;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use alerts::{Alerts, Config};
use aws_lambda_events::sqs::{SqsEvent, SqsMessage};
use aws_sdk_cloudwatch::types::StateValue;
use aws_sdk_dynamodb::types::AttributeValue;
use domain::{Outcome, Reason, Report};
use jiff::Timestamp;
use notification_store::NotificationStore;
use notify::Acknowledgement;
use notify::record::AlarmRecord;
use run_record::time::day_of;
use run_record::{RunRecord, Summary};
use run_table::RunTable;
use serde_json::{Value, json};

use mocks::clients;

/// A part of AWS that can fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Part {
    Table,
    /// Only its reads are answered.
    TableWrites,
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

pub(crate) struct FakeAws {
    state: Arc<Mutex<State>>,
    config: Config,
    function: Alerts,
    count: usize,
}

pub(crate) fn at(time: &str) -> Timestamp {
    format!("2026-11-22T{time}Z").parse().unwrap()
}

impl FakeAws {
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
