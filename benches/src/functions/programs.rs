//! The five functions with settings as the template gives them, and an event for each.

use std::fs;
use std::path::Path;

use anyhow::Context;
use jiff::Timestamp;
use request_signing::SigningKey;
use samples::{Entry, message};
use serde_json::{Value, json};

use crate::lambda::Program;
use crate::scripted_aws;

/// Conversations in one order: as many as the dispatcher packs.
pub(super) const BATCH: usize = 10;

/// Addresses of the servers that the functions call, and the folder of this checkout.
pub(super) struct World<'a> {
    pub(super) root: &'a Path,
    /// `https://` of a scripted AWS.
    pub(super) aws: String,
    /// `https://` of a scripted chatbot.
    pub(super) bot: String,
    /// The authorities that the functions trust.
    pub(super) trusted: &'a Path,
}

impl World<'_> {
    pub(super) fn program(&self, name: &'static str) -> Program {
        let aws = &self.aws;
        let topic = |name| format!("arn:aws:sns:eu-west-1:123456789012:{name}");
        let own = match name {
            "dispatcher" => vec![
                ("RUNS_QUEUE_URL", format!("{aws}/1/runs")),
                ("REPORT_BUCKET", "reports".to_owned()),
                ("PROBES", concat!(env!("CARGO_MANIFEST_DIR"), "/../probes").to_owned()),
                ("PROBE_VARIABLES", format!("DEMO_BOT_URL={}", self.bot)),
            ],
            "prober" => vec![
                ("RUNS_QUEUE_URL", format!("{aws}/1/runs")),
                ("SAMPLES_QUEUE_URL", format!("{aws}/1/samples.fifo")),
                ("REPORT_BUCKET", "reports".to_owned()),
                ("TABLE_NAME", "state".to_owned()),
                ("METRICS", "full".to_owned()),
            ],
            "bridge" => vec![
                ("REMOTE_WRITE_URL", format!("{aws}/api/v1/write")),
                ("REPORT_BUCKET", "reports".to_owned()),
                ("SAMPLES_QUEUE_URL", format!("{aws}/1/samples.fifo")),
                ("SAMPLES_DEAD_LETTER_URL", format!("{aws}/1/samples-dead.fifo")),
            ],
            "ingest" => vec![("SAMPLES_QUEUE_URL", format!("{aws}/1/samples.fifo"))],
            _ => vec![
                ("ALARMS_TOPIC_ARN", topic("alarms")),
                ("NOTIFICATIONS_TOPIC_ARN", topic("notifications")),
                ("TICKETS_TOPIC_ARN", topic("tickets")),
                ("TABLE_NAME", "state".to_owned()),
                ("REPORT_BUCKET", "reports".to_owned()),
                ("ALERTS_QUEUE_URL", format!("{aws}/1/alerts")),
                ("TIME_ZONE", "Europe/Paris".to_owned()),
                // Output at once, so that one event is the whole work.
                ("GROUP_WINDOW_SECONDS", "0".to_owned()),
            ],
        };
        let shared = [
            ("VIGIE_ENVIRONMENT", "local".to_owned()),
            ("VIGIE_LOG", "info".to_owned()),
            ("AWS_REGION", "eu-west-1".to_owned()),
            ("AWS_ENDPOINT_URL", aws.clone()),
            ("SSL_CERT_FILE", self.trusted.display().to_string()),
        ];
        Program {
            name,
            binary: self.root.join("target/lambda").join(name).join("bootstrap"),
            environment: shared.into_iter().chain(own).collect(),
        }
    }

    pub(super) fn event(&self, name: &str) -> anyhow::Result<String> {
        let now = Timestamp::from_second(Timestamp::now().as_second())?;
        let event = match name {
            "dispatcher" => json!({ "scheduled_time": now }),
            "prober" => records([self.run_request(now)]),
            "bridge" => records((0..10).map(samples).collect::<Result<Vec<_>, _>>()?),
            "ingest" => self.firehose()?,
            _ => records([self.fixture("events/cloudwatch-down.json")?]),
        };
        Ok(event.to_string())
    }

    /// A run request with ten conversations of two turns, due now.
    fn run_request(&self, due: Timestamp) -> String {
        let run = |number: usize| {
            json!({ "id": format!("{number:016x}"), "probe": {
                "name": format!("bot-{number}"), "every_seconds": 60, "enabled": true,
                "timeout_seconds": 30, "target": { "url": self.bot },
                "retry": { "attempts": 0, "wait_seconds": 1 },
                "objectives": { "first_chunk_seconds": 3, "reply_seconds": 20 },
                "conversation": [
                    { "say": "Hello, my name is ${nonce}.",
                      "expect": [{ "min_length": 2 }, { "not_matches": "(?i)traceback" }] },
                    { "say": "What is my name?",
                      "expect": [{ "contains": "${nonce}" }, { "language": "en" }] },
                ],
                "alarm": { "down": { "m": 2, "n": 3 }, "degraded": { "m": 3, "n": 5 }, "severity": "page" },
            }})
        };
        let runs: Vec<Value> = (0..BATCH).map(run).collect();
        let request = json!({ "version": 1, "environment": "local", "due": due, "runs": runs });
        let key =
            SigningKey::new("0123456789abcdef", scripted_aws::KEY).expect("a key of 32 bytes");
        json!(key.signed(request.to_string())).to_string()
    }

    /// The recorded records of Firehose, in an event for its transformation function.
    fn firehose(&self) -> anyhow::Result<Value> {
        let delivery: Value =
            serde_json::from_str(&self.fixture("metric-stream/firehose_json.body")?)?;
        let records = delivery["records"].as_array().context("no records")?.iter().enumerate();
        let records: Vec<Value> = records
            .map(|(index, record)| json!({ "recordId": index.to_string(), "data": record["data"] }))
            .collect();
        Ok(json!({ "invocationId": "1", "region": "eu-west-1", "records": records }))
    }

    fn fixture(&self, name: &str) -> anyhow::Result<String> {
        fs::read_to_string(self.root.join("tests/fixtures").join(name))
            .with_context(|| name.to_owned())
    }
}

/// A run's samples as the prober queues them: some thirty of one probe.
fn samples(number: usize) -> anyhow::Result<String> {
    let now = std::time::SystemTime::now().into();
    let probe = format!("bot-{number}");
    let entries: Vec<_> = (0..30)
        .map(|turn| {
            let turn = turn.to_string();
            let labels = [
                ("probe", probe.as_str()),
                ("turn", turn.as_str()),
                ("instance", "bot:7860"),
                ("job", "gradio_chatbot"),
                ("environment", "local"),
                ("location", "eu-west-1"),
            ];
            Entry::of("probe_turn_first_chunk_seconds", labels, Some(0.25), now)
        })
        .collect::<Result<_, _>>()?;
    let messages = message::encode(&probe, &format!("run-{number}"), now, &entries).messages;
    Ok(messages.into_iter().next().context("no message")?.body)
}

/// An event of SQS with these bodies.
fn records(bodies: impl IntoIterator<Item = String>) -> Value {
    let record = |(index, body): (usize, String)| {
        let id = index.to_string();
        json!({
            "messageId": id, "receiptHandle": id, "body": body, "eventSource": "aws:sqs",
            "attributes": {
                "ApproximateReceiveCount": "1", "MessageGroupId": id,
                "SentTimestamp": Timestamp::now().as_millisecond().to_string(),
            },
        })
    };
    let records: Vec<Value> = bodies.into_iter().enumerate().map(record).collect();
    json!({ "Records": records })
}
