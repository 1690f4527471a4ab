//! A bridge with the binary, settings and event source of the deployed one, but its own queue and receiver,
//! so that tests do not affect each other.

use std::collections::HashMap;
use std::fs;
use std::time::Duration;

use anyhow::{Context, ensure};
use aws_sdk_sqs::types::QueueAttributeName as Attribute;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use reqwest::Method;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;

use harness::environment::LocalEnvironment;
use harness::local_aws::{ACCOUNT, REGION};
use harness::net::http_client;

const DEPLOYED: &str = "vigie-local-bridge";
const DEPLOYED_QUEUE: &str = "vigie-local-samples.fifo";

/// Differences from the deployed bridge.
pub(super) struct Wanted<'a> {
    /// Part of the names of its environment, function and queues.
    pub(super) name: &'a str,
    pub(super) receiver: &'a str,
    /// `1.0` or `2.0`.
    pub(super) protocol: &'a str,
    /// Visibility timeout of the queue; as deployed when `None`.
    pub(super) visibility: Option<Duration>,
}

pub(super) struct Bridge {
    /// Its environment; that of the deployed bridge is `local`.
    pub(super) environment: String,
    function: String,
    pub(super) queue_url: String,
    dead_letters_url: String,
    /// The bucket for samples that are too old.
    pub(super) bucket: String,
    pub(super) sqs: aws_sdk_sqs::Client,
    endpoint: String,
}

/// One message of the dead-letter queue.
pub(super) struct DeadLetter {
    pub(super) reason: String,
    pub(super) body: String,
}

impl Bridge {
    pub(super) async fn beside(
        env: &LocalEnvironment,
        wanted: &Wanted<'_>,
    ) -> anyhow::Result<Self> {
        let sqs = aws_sdk_sqs::Client::new(&env.aws.config);
        let deployed = env.aws.lambda_get(&format!("/functions/{DEPLOYED}")).await?;
        let config = &deployed["Configuration"];
        let role = config["Role"].as_str().context("a function without a role")?;
        let code = deployed["Code"]["Location"].as_str().context("no code")?;
        let code = http_client()?.get(code).send().await?.error_for_status()?.bytes().await?;

        let environment = format!("outage-{}", wanted.name);
        let function = format!("vigie-{environment}-bridge");
        let dead =
            queue(&sqs, &format!("vigie-{environment}-samples-dead.fifo"), role, &[]).await?;
        let as_deployed = sqs.get_queue_url().queue_name(DEPLOYED_QUEUE).send().await?;
        let as_deployed = sqs
            .get_queue_attributes()
            .queue_url(as_deployed.queue_url().unwrap_or_default())
            .attribute_names(Attribute::All)
            .send()
            .await?;
        let as_deployed = as_deployed.attributes().context("a queue without attributes")?;
        let attribute = |name: Attribute| {
            as_deployed.get(&name).cloned().with_context(|| format!("the queue has no {name}"))
        };
        let mut redrive: serde_json::Value =
            serde_json::from_str(&attribute(Attribute::RedrivePolicy)?)?;
        redrive["deadLetterTargetArn"] = json!(arn(&dead));
        let visibility = match wanted.visibility {
            Some(visibility) => visibility.as_secs().to_string(),
            None => attribute(Attribute::VisibilityTimeout)?,
        };
        let attributes = [
            (Attribute::VisibilityTimeout, visibility),
            (Attribute::MessageRetentionPeriod, attribute(Attribute::MessageRetentionPeriod)?),
            (Attribute::RedrivePolicy, redrive.to_string()),
        ];
        let name = format!("vigie-{environment}-samples.fifo");
        let queue_url = queue(&sqs, &name, role, &attributes).await?;

        let mut variables: HashMap<String, String> =
            serde_json::from_value(config["Environment"]["Variables"].clone())?;
        let bucket = variables.get("REPORT_BUCKET").context("no bucket")?.clone();
        for (name, value) in [
            ("VIGIE_ENVIRONMENT", environment.as_str()),
            ("REMOTE_WRITE_URL", wanted.receiver),
            ("REMOTE_WRITE_PROTOCOL", wanted.protocol),
            ("SAMPLES_QUEUE_URL", &queue_url),
            ("SAMPLES_DEAD_LETTER_URL", &dead),
        ] {
            let there = variables.insert(name.to_owned(), value.to_owned());
            ensure!(there.is_some(), "the deployed bridge has no variable `{name}`");
        }
        let mut this = json!({
            "FunctionName": function,
            "Role": role,
            "Code": { "ZipFile": BASE64_STANDARD.encode(code) },
            "Environment": { "Variables": variables },
        });
        for same in ["Runtime", "Handler", "Timeout", "MemorySize", "Architectures"] {
            this[same] = config[same].clone();
        }
        env.aws.lambda(Method::POST, "/functions", &this).await.context("the function")?;

        let sources = format!("/event-source-mappings/?FunctionName={DEPLOYED}");
        let sources = env.aws.lambda_get(&sources).await?;
        let source = &sources["EventSourceMappings"][0];
        let this = json!({
            "FunctionName": function,
            "EventSourceArn": arn(&queue_url),
            "BatchSize": source["BatchSize"],
            "FunctionResponseTypes": source["FunctionResponseTypes"],
        });
        let mapping = env.aws.lambda(Method::POST, "/event-source-mappings/", &this).await;
        mapping.context("the event source")?;
        let endpoint = env.aws.endpoint.clone();
        Ok(Self { environment, function, queue_url, dead_letters_url: dead, bucket, sqs, endpoint })
    }

    /// Messages in the queue, those that are hidden included.
    pub(super) async fn left(&self) -> anyhow::Result<usize> {
        let answer = self
            .sqs
            .get_queue_attributes()
            .queue_url(&self.queue_url)
            .attribute_names(Attribute::All)
            .send()
            .await?;
        let number = |attribute: Attribute| -> usize {
            let attributes = answer.attributes();
            attributes.and_then(|all| all.get(&attribute)?.parse().ok()).unwrap_or(0)
        };
        Ok(number(Attribute::ApproximateNumberOfMessages)
            + number(Attribute::ApproximateNumberOfMessagesNotVisible))
    }

    /// Waits until the queue is empty; returns how long that took.
    pub(super) async fn drained(
        &self,
        env: &LocalEnvironment,
        timeout: Duration,
    ) -> anyhow::Result<Duration> {
        let began = std::time::Instant::now();
        let what = format!("empty queue `{}`", self.queue_url);
        env.until(&what, timeout, async || Ok((self.left().await? == 0).then_some(()))).await?;
        Ok(began.elapsed())
    }

    /// Removes all messages from the dead-letter queue and returns them.
    pub(super) async fn dead_letters(&self) -> anyhow::Result<Vec<DeadLetter>> {
        let mut messages = Vec::new();
        loop {
            let answer = self
                .sqs
                .receive_message()
                .queue_url(&self.dead_letters_url)
                .max_number_of_messages(10)
                .message_attribute_names("All")
                .send()
                .await?;
            if answer.messages().is_empty() {
                return Ok(messages);
            }
            for message in answer.messages() {
                let reason = message.message_attributes().and_then(|all| all.get("Reason"));
                messages.push(DeadLetter {
                    reason: reason
                        .and_then(|reason| reason.string_value())
                        .unwrap_or_default()
                        .to_owned(),
                    body: message.body().unwrap_or_default().to_owned(),
                });
                self.sqs
                    .delete_message()
                    .queue_url(&self.dead_letters_url)
                    .receipt_handle(message.receipt_handle().unwrap_or_default())
                    .send()
                    .await?;
            }
        }
    }

    /// Kills the processes that run the function now; returns how many there were.
    pub(super) fn kill(&self) -> usize {
        let pids: Vec<Pid> = self.processes().collect();
        pids.into_iter().filter(|pid| kill_process(*pid, Signal::KILL).is_ok()).count()
    }

    /// Only those that this run's emulator started: another checkout may have functions of that name.
    fn processes(&self) -> impl Iterator<Item = Pid> {
        let function = format!("AWS_LAMBDA_FUNCTION_NAME={}", self.function);
        let port = self.endpoint.rsplit(':').next().unwrap_or_default();
        let emulator = format!("GATEWAY_PORT={port}");
        let folders = fs::read_dir("/proc").into_iter().flatten().flatten();
        folders.filter_map(move |folder| {
            let pid = folder.file_name().to_str()?.parse().ok().and_then(Pid::from_raw)?;
            let environment = fs::read(folder.path().join("environ")).ok()?;
            let has =
                |line: &str| environment.split(|byte| *byte == 0).any(|e| e == line.as_bytes());
            (has(&function) && has(&emulator)).then_some(pid)
        })
    }
}

/// A FIFO queue that the role may use.
async fn queue(
    sqs: &aws_sdk_sqs::Client,
    name: &str,
    role: &str,
    attributes: &[(Attribute, String)],
) -> anyhow::Result<String> {
    // The policy of the deployed role allows only the deployed queues.
    let policy = json!({"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow",
        "Principal": {"AWS": role},
        "Action": ["sqs:SendMessage", "sqs:ChangeMessageVisibility"],
        "Resource": format!("arn:aws:sqs:{REGION}:{ACCOUNT}:{name}"),
    }]});
    let mut request = sqs
        .create_queue()
        .queue_name(name)
        .attributes(Attribute::FifoQueue, "true")
        .attributes(Attribute::Policy, policy.to_string());
    for (attribute, value) in attributes {
        request = request.attributes(attribute.clone(), value);
    }
    let created = request.send().await.with_context(|| format!("the queue `{name}`"))?;
    Ok(created.queue_url().unwrap_or_default().to_owned())
}

fn arn(queue_url: &str) -> String {
    let name = queue_url.rsplit('/').next().unwrap_or_default();
    format!("arn:aws:sqs:{REGION}:{ACCOUNT}:{name}")
}
