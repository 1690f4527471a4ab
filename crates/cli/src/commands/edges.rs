//! After a deployment: sends a marked message along each path and names the edge at which it was lost.

use std::time::{Duration, Instant};

use anyhow::Context;
use aws_call::{Client, xml_texts};
use aws_config::SdkConfig;
use aws_sdk_dynamodb::types::AttributeValue;
use domain::run_request::VERSION;
use domain::{EnvironmentName, ProbeName};
use jiff::Timestamp;
use request_signing::SignedRequest;
use serde_json::json;

use super::test_alert;
use crate::style::{ERROR, GOOD};
use crate::{Exit, Io};

/// How long a message may take, and how often the table is read for it.
#[derive(Clone, Copy)]
pub(crate) struct WaitLimits {
    pub(crate) limit: Duration,
    pub(crate) interval: Duration,
}

impl Default for WaitLimits {
    fn default() -> Self {
        Self { limit: Duration::from_secs(90), interval: Duration::from_secs(1) }
    }
}

/// The way of a message from a queue through a function.
struct Path<'a> {
    /// What sends to the queue, such as `topic vigie-dev-alarms`.
    sender: &'a str,
    queue: &'a str,
    function: &'a str,
    /// What the function does with the message, such as `topic vigie-dev-notifications`.
    receiver: &'a str,
    /// Sort key of the item by which the function records the message.
    recorded: &'a str,
}

/// Sends a message through the queue of the prober and, for `probe`, a test alarm through all topics.
///
/// The test alarm is a notification to everyone who has confirmed a subscription.
pub(crate) async fn check(
    aws: &SdkConfig,
    environment: &EnvironmentName,
    probe: Option<&ProbeName>,
    wait: WaitLimits,
    io: &mut Io<'_>,
) -> anyhow::Result<Exit> {
    let client = Client::new(aws);
    let name = |part: &str| format!("vigie-{environment}-{part}");
    let now = Timestamp::now();
    let id = format!("{:08x}", domain::report::stable_hash(&format!("edges {now}")) >> 32);

    let (queue, function) = (name("runs"), name("prober"));
    let table = format!("table vigie-{environment}");
    let path = Path {
        sender: "this command",
        queue: &queue,
        function: &function,
        receiver: &table,
        recorded: "prober",
    };
    // It requests no run, so it needs no signature.
    let request = json!({ "version": VERSION, "environment": environment, "due": now, "test": id });
    let body = serde_json::to_string(&SignedRequest::new(request.to_string(), None))?;
    let sent = send(&client, &queue, &body).await;
    let mut exit = path.follow(aws, environment, &id, sent, wait, io).await?;

    if let Some(probe) = probe {
        let (topic, queue, function) =
            (format!("topic {}", name("alarms")), name("alerts"), name("alerts"));
        let receiver = format!("topic {}", name("notifications"));
        let path = Path {
            sender: &topic,
            queue: &queue,
            function: &function,
            receiver: &receiver,
            recorded: "published",
        };
        let sns = aws_sdk_sns::Client::new(aws);
        let sent = test_alert::send(&sns, environment, probe, &id, now).await;
        exit = exit.max(path.follow(aws, environment, &id, sent, wait, io).await?);
    }
    Ok(exit)
}

impl Path<'_> {
    /// Waits until the function has recorded the message, or names the edge where it is.
    async fn follow(
        &self,
        aws: &SdkConfig,
        environment: &EnvironmentName,
        id: &str,
        sent: anyhow::Result<()>,
        wait: WaitLimits,
        io: &mut Io<'_>,
    ) -> anyhow::Result<Exit> {
        let Self { sender, queue, function, receiver, recorded } = self;
        let whole = format!("{sender} → queue {queue} → function {function} → {receiver}");
        if let Err(error) = sent {
            writeln!(io.out, "{ERROR}failed{ERROR:#} {sender}: {error:#}")?;
            return Ok(Exit::Failed);
        }
        let dynamodb = aws_sdk_dynamodb::Client::new(aws);
        let started = Instant::now();
        while started.elapsed() < wait.limit {
            if is_recorded(&dynamodb, environment, id, recorded).await? {
                writeln!(io.out, "{GOOD}ok{GOOD:#} {whole}")?;
                return Ok(Exit::Success);
            }
            tokio::time::sleep(wait.interval).await;
        }
        let (waiting, in_flight) = messages(&Client::new(aws), queue).await?;
        let (edge, hint) = match (waiting, in_flight) {
            (0, 0) => (
                format!("{sender} → queue {queue}"),
                "the queue is empty. Check the policies of the queue and of its KMS key, and the dead-letter queue".to_owned(),
            ),
            (_, 0) => (
                format!("queue {queue} → function {function}"),
                "messages wait in the queue. Check the concurrency of the account and the event source of the function".to_owned(),
            ),
            _ => (
                format!("function {function} → {receiver}"),
                format!("the function holds a message. See the log group /aws/lambda/{function}"),
            ),
        };
        writeln!(io.out, "{ERROR}failed{ERROR:#} {edge}\nhint: {hint}")?;
        Ok(Exit::Failed)
    }
}

async fn send(client: &Client, queue: &str, body: &str) -> anyhow::Result<()> {
    let url = url(client, queue).await?;
    let input = [("QueueUrl", url.as_str()), ("MessageBody", body)];
    client.query("sqs", SQS, "SendMessage", &input).await?;
    Ok(())
}

const SQS: &str = "2012-11-05";

async fn url(client: &Client, queue: &str) -> anyhow::Result<String> {
    let found = client.query("sqs", SQS, "GetQueueUrl", &[("QueueName", queue)]).await?;
    xml_texts(&found, "QueueUrl").into_iter().next().context("the answer has no QueueUrl")
}

/// Messages that wait in a queue, and messages that a function has received and not deleted.
async fn messages(client: &Client, queue: &str) -> anyhow::Result<(u64, u64)> {
    let url = url(client, queue).await?;
    let input = [("QueueUrl", url.as_str()), ("AttributeName.1", "All")];
    let found = client.query("sqs", SQS, "GetQueueAttributes", &input).await?;
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

/// Whether the function has written the item of the test.
async fn is_recorded(
    dynamodb: &aws_sdk_dynamodb::Client,
    environment: &EnvironmentName,
    id: &str,
    recorded: &str,
) -> anyhow::Result<bool> {
    let table = format!("vigie-{environment}");
    let answer = dynamodb
        .get_item()
        .table_name(&table)
        .key("pk", AttributeValue::S(format!("test#{id}")))
        .key("sk", AttributeValue::S(recorded.to_owned()))
        .consistent_read(true)
        .send()
        .await
        .map_err(|error| anyhow::Error::new(error.into_service_error()))
        .with_context(|| format!("could not read the table `{table}`"))?;
    Ok(answer.item().is_some())
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use aws_config::Region;
    use aws_sdk_s3::config::{Credentials, SharedCredentialsProvider};
    use axum::Router;
    use axum::extract::State;
    use axum::http::{HeaderMap, StatusCode};

    use super::*;

    /// A scripted account.
    #[derive(Clone, Default)]
    struct Script {
        /// Sort keys of the items that the functions write.
        recorded: Vec<&'static str>,
        denied: &'static str,
        /// Waiting messages and messages in flight of every queue.
        messages: (u64, u64),
        sent: Arc<Mutex<Vec<String>>>,
    }

    async fn respond(
        State(script): State<Script>,
        headers: HeaderMap,
        body: String,
    ) -> (StatusCode, String) {
        if headers.contains_key("x-amz-target") {
            let found = script.recorded.iter().any(|sk| body.contains(&format!("\"S\":\"{sk}\"")));
            let item = if found { r#"{"Item":{"pk":{"S":"x"}}}"# } else { "{}" };
            return (StatusCode::OK, item.to_owned());
        }
        let action = body.split('&').find_map(|pair| pair.strip_prefix("Action="));
        let action = action.unwrap_or_default();
        if action == script.denied {
            let error = "<Error><Code>AccessDenied</Code><Message>no</Message></Error>";
            return (StatusCode::FORBIDDEN, error.to_owned());
        }
        let attribute =
            |name: &str, value: u64| format!("<Name>{name}</Name><Value>{value}</Value>");
        let answer = match action {
            "GetQueueUrl" => "<QueueUrl>http://queue</QueueUrl>".to_owned(),
            "GetQueueAttributes" => {
                attribute("ApproximateNumberOfMessages", script.messages.0)
                    + &attribute("ApproximateNumberOfMessagesNotVisible", script.messages.1)
            }
            "ListTopics" => "<ListTopicsResponse><ListTopicsResult><Topics><member><TopicArn>arn:aws:sns:eu-west-3:1:vigie-dev-alarms</TopicArn></member></Topics></ListTopicsResult></ListTopicsResponse>".to_owned(),
            _ => {
                script.sent.lock().unwrap().push(body.clone());
                "<PublishResponse><PublishResult><MessageId>1</MessageId></PublishResult></PublishResponse>".to_owned()
            }
        };
        (StatusCode::OK, answer)
    }

    async fn run(script: Script) -> (Exit, String) {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new().fallback(respond).with_state(script);
        tokio::spawn(async move { axum::serve(listener, router).await });
        let credentials = Credentials::new("AKIDEXAMPLE", "secret", None, None, "test");
        let aws = SdkConfig::builder()
            .behavior_version(aws_config::BehaviorVersion::latest())
            .endpoint_url(endpoint)
            .region(Region::new("eu-west-3"))
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .build();
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let mut io = Io { out: &mut out, err: &mut err, live: false };
        let wait =
            WaitLimits { limit: Duration::from_millis(50), interval: Duration::from_millis(5) };
        let environment = "dev".parse().unwrap();
        let exit = check(&aws, &environment, Some(&"bot".parse().unwrap()), wait, &mut io).await;
        (exit.unwrap(), String::from_utf8(anstream::adapter::strip_bytes(&out).into_vec()).unwrap())
    }

    #[tokio::test]
    async fn lost_message_is_reported_with_its_edge() {
        let all = vec!["prober", "published"];
        let cases = [
            (
                "all arrive",
                all.clone(),
                "",
                (0, 0),
                Exit::Success,
                "ok topic vigie-dev-alarms → queue vigie-dev-alerts → function vigie-dev-alerts → topic vigie-dev-notifications",
            ),
            (
                "queue refuses",
                all.clone(),
                "SendMessage",
                (0, 0),
                Exit::Failed,
                "failed this command: `SendMessage` failed with AccessDenied",
            ),
            (
                "topic refuses",
                all,
                "Publish",
                (0, 0),
                Exit::Failed,
                "failed topic vigie-dev-alarms: could not publish",
            ),
            (
                "function receives nothing",
                vec!["published"],
                "",
                (3, 0),
                Exit::Failed,
                "failed queue vigie-dev-runs → function vigie-dev-prober\nhint: messages wait",
            ),
            (
                "topic does not reach the queue",
                vec!["prober"],
                "",
                (0, 0),
                Exit::Failed,
                "failed topic vigie-dev-alarms → queue vigie-dev-alerts\nhint: the queue is empty",
            ),
            (
                "function cannot publish",
                vec!["prober"],
                "",
                (0, 1),
                Exit::Failed,
                "failed function vigie-dev-alerts → topic vigie-dev-notifications\nhint: the function holds a message",
            ),
        ];
        for (name, recorded, denied, messages, exit, expected) in cases {
            let script = Script { recorded, denied, messages, sent: Arc::default() };
            let (found, text) = run(script).await;
            assert_eq!(found, exit, "{name}: {text}");
            assert!(text.contains(expected), "{name}: {text}");
        }
    }

    #[tokio::test]
    async fn message_is_an_empty_run_request_with_a_mark() {
        let script = Script { recorded: vec!["prober", "published"], ..Script::default() };
        let sent = Arc::clone(&script.sent);
        run(script).await;
        let sent = sent.lock().unwrap();
        let form: std::collections::HashMap<_, _> =
            url::form_urlencoded::parse(sent[0].as_bytes()).into_owned().collect();
        let signed = SignedRequest::read(&form["MessageBody"]).unwrap();
        let request = domain::run_request::RunRequest::read(&signed.request).unwrap();
        assert!(request.test.is_some() && request.runs.is_empty());
    }
}
