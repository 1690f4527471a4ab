//! After a deployment: follows a message along each path and names the edge at which it was lost.
//!
//! Queues and topics get a marked message. A schedule sends its own messages, so the first one after the start of the
//! check is followed. A function shows what it received by an item in the table or by a line in its log.

mod logged;
mod recorded;
#[cfg(test)]
mod tests;

use std::time::{Duration, Instant};

use anyhow::Context;
use aws_call::{Client, xml_texts};
use aws_config::SdkConfig;
use domain::run_request::VERSION;
use domain::{EnvironmentName, ProbeName};
use jiff::Timestamp;
use request_signing::SignedRequest;
use serde_json::json;

use super::test_alert;
use crate::style::{DIM, ERROR, GOOD};
use crate::{Exit, Io};

/// How long a message may take, and how often its result is read.
#[derive(Clone, Copy)]
pub(crate) struct WaitLimits {
    pub(crate) limit: Duration,
    /// The same for a schedule, which fires once a minute.
    pub(crate) schedule: Duration,
    pub(crate) interval: Duration,
}

impl Default for WaitLimits {
    fn default() -> Self {
        let (limit, schedule) = (Duration::from_secs(90), Duration::from_secs(150));
        Self { limit, schedule, interval: Duration::from_secs(1) }
    }
}

/// The account, and the environment that is checked.
struct Stack<'a> {
    aws: &'a SdkConfig,
    client: Client,
    environment: &'a EnvironmentName,
    /// The mark of the messages.
    id: String,
    started: Timestamp,
    wait: WaitLimits,
}

/// The result of one path.
enum Followed {
    /// The message arrived.
    Arrived,
    /// The edge at which it was lost, and what to check.
    Lost { edge: String, hint: String },
}

/// Sends a message through the queue of the prober and that of the bridge, for `probe` a test alarm through all topics,
/// and waits for the schedules.
///
/// The test alarm is a notification to everyone who has confirmed a subscription.
pub(crate) async fn check(
    aws: &SdkConfig,
    environment: &EnvironmentName,
    probe: Option<&ProbeName>,
    wait: WaitLimits,
    io: &mut Io<'_>,
) -> anyhow::Result<Exit> {
    let started = Timestamp::now();
    let id = format!("{:08x}", domain::report::stable_hash(&format!("edges {started}")) >> 32);
    let client = Client::new(aws);
    let stack = Stack { aws, client, environment, id, started, wait };
    let mut exit = stack.runs(io).await?;
    exit = exit.max(stack.samples(io).await?);
    if let Some(probe) = probe {
        exit = exit.max(stack.alarms(probe, io).await?);
    }
    // At the end, since a schedule has fired meanwhile.
    exit = exit.max(stack.dispatch_schedule(io).await?);
    Ok(exit.max(stack.alerts_schedule(io).await?))
}

impl Stack<'_> {
    fn name(&self, part: &str) -> String {
        format!("vigie-{}-{part}", self.environment)
    }

    async fn runs(&self, io: &mut Io<'_>) -> anyhow::Result<Exit> {
        let (queue, function) = (self.name("runs"), self.name("prober"));
        let table = format!("table vigie-{}", self.environment);
        let path = [
            "this command".to_owned(),
            format!("queue {queue}"),
            format!("function {function}"),
            table,
        ];
        // It requests no run, so it needs no signature.
        let request = json!({ "version": VERSION, "environment": self.environment, "due": self.started, "test": self.id });
        let body = serde_json::to_string(&SignedRequest::new(request.to_string(), None))?;
        if let Err(error) = self.send(&queue, &body, &[]).await {
            return refused(&path[0], &error, io);
        }
        let recorded = self.is_recorded_within("prober", self.wait.limit).await?;
        self.report(&path, self.through_queue(recorded, &path, &queue).await?, io)
    }

    /// A sample through the queue of the bridge to Prometheus.
    async fn samples(&self, io: &mut Io<'_>) -> anyhow::Result<Exit> {
        let (queue, function) = (self.name("samples.fifo"), self.name("bridge"));
        let path = [
            "this command".to_owned(),
            format!("queue {queue}"),
            format!("function {function}"),
            "Prometheus".to_owned(),
        ];
        let run = format!("edge{}", self.id);
        match self.send_sample(&queue, &run).await {
            Ok(true) => {}
            Ok(false) => {
                writeln!(io.out, "{DIM}no bridge to Prometheus is deployed{DIM:#}")?;
                return Ok(Exit::Success);
            }
            Err(error) => return refused(&path[0], &error, io),
        }
        let followed = match self.bridge_line(&function, &run).await? {
            Some(line) if line.written > 0 => Followed::Arrived,
            Some(line) => Followed::Lost {
                edge: format!("{} → {}", path[2], path[3]),
                hint: line.hint(&function),
            },
            None => self.through_queue(false, &path, &queue).await?,
        };
        self.report(&path, followed, io)
    }

    async fn alarms(&self, probe: &ProbeName, io: &mut Io<'_>) -> anyhow::Result<Exit> {
        let queue = self.name("alerts");
        let path = [
            format!("topic {}", self.name("alarms")),
            format!("queue {queue}"),
            format!("function {}", self.name("alerts")),
            format!("topic {}", self.name("notifications")),
        ];
        let sns = aws_sdk_sns::Client::new(self.aws);
        let sent = test_alert::send(&sns, self.environment, probe, &self.id, self.started).await;
        if let Err(error) = sent {
            return refused(&path[0], &error, io);
        }
        let recorded = self.is_recorded_within("published", self.wait.limit).await?;
        self.report(&path, self.through_queue(recorded, &path, &queue).await?, io)
    }

    /// The dispatcher logs each minute that it has sent.
    async fn dispatch_schedule(&self, io: &mut Io<'_>) -> anyhow::Result<Exit> {
        let function = self.name("dispatcher");
        let path = [
            format!("schedule {}", self.name("dispatch")),
            format!("function {function}"),
            format!("queue {}", self.name("runs")),
        ];
        let followed = match self.dispatcher_line(&function).await? {
            logged::Invoked::Done => Followed::Arrived,
            logged::Invoked::Failed => Followed::Lost {
                edge: format!("{} → {}", path[1], path[2]),
                hint: format!("the function failed. See the log group /aws/lambda/{function}"),
            },
            logged::Invoked::Never => Followed::Lost {
                edge: format!("{} → {}", path[0], path[1]),
                hint: "the function was not invoked. Check that the schedule is enabled, its role, and the concurrency of the account".to_owned(),
            },
        };
        self.report(&path, followed, io)
    }

    /// The function logs each minute that it has handled.
    async fn alerts_schedule(&self, io: &mut Io<'_>) -> anyhow::Result<Exit> {
        let queue = self.name("alerts");
        let path = [
            format!("schedule {queue}"),
            format!("queue {queue}"),
            format!("function {queue}"),
            format!("table vigie-{}", self.environment),
        ];
        let handled = self.alerts_line(&queue).await?;
        self.report(&path, self.through_queue(handled, &path, &queue).await?, io)
    }

    /// Where a message on the way through a queue is.
    async fn through_queue(
        &self,
        arrived: bool,
        path: &[String; 4],
        queue: &str,
    ) -> anyhow::Result<Followed> {
        if arrived {
            return Ok(Followed::Arrived);
        }
        let (waiting, in_flight) = self.messages(queue).await?;
        let (first, hint) = match (waiting, in_flight) {
            (0, 0) => (
                0,
                "the queue is empty. Check the policies of the queue and of its KMS key, and the dead-letter queue".to_owned(),
            ),
            (_, 0) => (
                1,
                "messages wait in the queue. Check the concurrency of the account and the event source of the function".to_owned(),
            ),
            _ => {
                let function = path[2].trim_start_matches("function ");
                let hint = format!("the function holds a message. See the log group /aws/lambda/{function}");
                (2, hint)
            }
        };
        Ok(Followed::Lost { edge: format!("{} → {}", path[first], path[first + 1]), hint })
    }

    #[expect(clippy::unused_self, reason = "read as a step of the check")]
    fn report(&self, path: &[String], followed: Followed, io: &mut Io<'_>) -> anyhow::Result<Exit> {
        match followed {
            Followed::Arrived => {
                writeln!(io.out, "{GOOD}ok{GOOD:#} {}", path.join(" → "))?;
                Ok(Exit::Success)
            }
            Followed::Lost { edge, hint } => {
                writeln!(io.out, "{ERROR}failed{ERROR:#} {edge}\nhint: {hint}")?;
                Ok(Exit::Failed)
            }
        }
    }

    async fn send(&self, queue: &str, body: &str, more: &[(&str, &str)]) -> anyhow::Result<()> {
        let url = self.url(queue).await?;
        let input = [("QueueUrl", url.as_str()), ("MessageBody", body)];
        let input: Vec<_> = input.iter().chain(more).copied().collect();
        self.client.query("sqs", SQS, "SendMessage", &input).await?;
        Ok(())
    }

    async fn url(&self, queue: &str) -> anyhow::Result<String> {
        let found = self.client.query("sqs", SQS, "GetQueueUrl", &[("QueueName", queue)]).await?;
        xml_texts(&found, "QueueUrl").into_iter().next().context("the answer has no QueueUrl")
    }

    /// Messages that wait in a queue, and messages that a function has received and not deleted.
    async fn messages(&self, queue: &str) -> anyhow::Result<(u64, u64)> {
        let url = self.url(queue).await?;
        let input = [("QueueUrl", url.as_str()), ("AttributeName.1", "All")];
        let found = self.client.query("sqs", SQS, "GetQueueAttributes", &input).await?;
        let (names, values) = (xml_texts(&found, "Name"), xml_texts(&found, "Value"));
        let of = |wanted: &str| {
            let value = names.iter().zip(&values).find(|(name, _)| *name == wanted)?.1;
            value.parse().ok()
        };
        Ok((
            of("ApproximateNumberOfMessages").unwrap_or(0),
            of("ApproximateNumberOfMessagesNotVisible").unwrap_or(0),
        ))
    }

    /// Queries until there is a result or the time is over.
    async fn until<T>(
        &self,
        limit: Duration,
        mut look: impl AsyncFnMut() -> anyhow::Result<Option<T>>,
    ) -> anyhow::Result<Option<T>> {
        let started = Instant::now();
        loop {
            let found = look().await?;
            if found.is_some() || limit <= started.elapsed() {
                return Ok(found);
            }
            tokio::time::sleep(self.wait.interval).await;
        }
    }
}

const SQS: &str = "2012-11-05";

/// The first place of a path did not accept the message.
fn refused(place: &str, error: &anyhow::Error, io: &mut Io<'_>) -> anyhow::Result<Exit> {
    writeln!(io.out, "{ERROR}failed{ERROR:#} {place}: {error:#}")?;
    Ok(Exit::Failed)
}
