//! The check of a scripted account.

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
    /// Lines in the logs of dispatcher, alerts and bridge, where `RUN` is the mark of the sample.
    dispatcher: Vec<&'static str>,
    alerts: Vec<&'static str>,
    bridge: Vec<&'static str>,
    has_no_bridge: bool,
    /// Waiting messages and messages in flight of every queue.
    messages: (u64, u64),
    sent: Arc<Mutex<Vec<String>>>,
}

impl Script {
    fn item(&self, body: &str) -> String {
        let has = |key: &&str| body.contains(&format!("\"S\":\"{key}\""));
        let item = json!({ "Item": { "pk": { "S": "x" } } });
        if self.recorded.iter().any(has) { item.to_string() } else { "{}".to_owned() }
    }

    fn log(&self, body: &str) -> String {
        let request: serde_json::Value = serde_json::from_str(body).unwrap();
        let run = request["filterPattern"].as_str();
        let lines = match request["logGroupName"].as_str() {
            Some("/aws/lambda/vigie-dev-dispatcher") => &self.dispatcher,
            Some("/aws/lambda/vigie-dev-alerts") => &self.alerts,
            _ => &self.bridge,
        };
        let event =
            |line: &&str| json!({ "message": line.replace("RUN", run.unwrap_or_default()) });
        json!({ "events": lines.iter().map(event).collect::<Vec<_>>() }).to_string()
    }
}

async fn respond(
    State(script): State<Script>,
    headers: HeaderMap,
    body: String,
) -> (StatusCode, String) {
    if let Some(target) = headers.get("x-amz-target") {
        let answer = if target.to_str().is_ok_and(|target| target.starts_with("Logs")) {
            script.log(&body)
        } else {
            script.item(&body)
        };
        return (StatusCode::OK, answer);
    }
    let action = body.split('&').find_map(|pair| pair.strip_prefix("Action="));
    let action = action.unwrap_or_default();
    if action == script.denied {
        let error = "<Error><Code>AccessDenied</Code><Message>no</Message></Error>";
        return (StatusCode::FORBIDDEN, error.to_owned());
    }
    let attribute = |name: &str, value: u64| format!("<Name>{name}</Name><Value>{value}</Value>");
    let answer = match action {
        "GetQueueUrl" if script.has_no_bridge && body.contains("samples.fifo") => {
            let error = "<Error><Code>AWS.SimpleQueueService.NonExistentQueue</Code></Error>";
            return (StatusCode::BAD_REQUEST, error.to_owned());
        }
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
    let limit = Duration::from_millis(50);
    let wait = WaitLimits { limit, schedule: limit, interval: Duration::from_millis(5) };
    let environment = "dev".parse().unwrap();
    let exit = check(&aws, &environment, Some(&"bot".parse().unwrap()), wait, &mut io).await;
    (exit.unwrap(), String::from_utf8(anstream::adapter::strip_bytes(&out).into_vec()).unwrap())
}

/// Every message arrives.
fn sound() -> Script {
    Script {
        recorded: vec!["prober", "published"],
        alerts: vec!["START", r#"{"level":"INFO","message":"Minute handled"}"#],
        dispatcher: vec![r#"{"level":"INFO","message":"Minute dispatched"}"#],
        bridge: vec![
            r#"{"message":"Message processed","run":"RUN","written":1,"dead_lettered":0}"#,
        ],
        ..Script::default()
    }
}

#[tokio::test]
async fn each_edge_that_works_is_listed() {
    let (exit, text) = run(sound()).await;
    assert_eq!(exit, Exit::Success, "{text}");
    let expected = [
        "ok this command → queue vigie-dev-runs → function vigie-dev-prober → table vigie-dev",
        "ok this command → queue vigie-dev-samples.fifo → function vigie-dev-bridge → Prometheus",
        "ok topic vigie-dev-alarms → queue vigie-dev-alerts → function vigie-dev-alerts → topic vigie-dev-notifications",
        "ok schedule vigie-dev-dispatch → function vigie-dev-dispatcher → queue vigie-dev-runs",
        "ok schedule vigie-dev-alerts → queue vigie-dev-alerts → function vigie-dev-alerts → table vigie-dev",
    ];
    assert_eq!(text.lines().collect::<Vec<_>>(), expected);
}

#[tokio::test]
async fn lost_message_is_reported_with_its_edge() {
    let without =
        |lost: &str| sound().recorded.into_iter().filter(|one| *one != lost).collect::<Vec<_>>();
    let cases = [
        (
            Script { denied: "SendMessage", ..sound() },
            "failed this command: `SendMessage` failed with AccessDenied",
        ),
        (
            Script { denied: "Publish", ..sound() },
            "failed topic vigie-dev-alarms: could not publish",
        ),
        (
            Script { recorded: without("prober"), messages: (3, 0), ..sound() },
            "failed queue vigie-dev-runs → function vigie-dev-prober\nhint: messages wait",
        ),
        (
            Script { recorded: without("published"), ..sound() },
            "failed topic vigie-dev-alarms → queue vigie-dev-alerts\nhint: the queue is empty",
        ),
        (
            Script { recorded: without("published"), messages: (0, 1), ..sound() },
            "failed function vigie-dev-alerts → topic vigie-dev-notifications\nhint: the function holds a message",
        ),
        (
            Script { alerts: vec!["START"], ..sound() },
            "failed schedule vigie-dev-alerts → queue vigie-dev-alerts\nhint: the queue is empty",
        ),
        (
            Script { dispatcher: vec![], ..sound() },
            "failed schedule vigie-dev-dispatch → function vigie-dev-dispatcher\nhint: the function was not invoked",
        ),
        (
            Script { dispatcher: vec!["START", r#"{"level":"ERROR","message":"no"}"#], ..sound() },
            "failed function vigie-dev-dispatcher → queue vigie-dev-runs\nhint: the function failed",
        ),
        (
            Script { bridge: vec![], messages: (0, 1), ..sound() },
            "failed function vigie-dev-bridge → Prometheus\nhint: the function holds a message",
        ),
        (
            Script { bridge: vec![r#"{"run":"RUN","written":0,"unsent":1}"#], ..sound() },
            "failed function vigie-dev-bridge → Prometheus\nhint: Prometheus does not accept samples",
        ),
        (
            Script { bridge: vec![r#"{"run":"RUN","written":0,"dead_lettered":1}"#], ..sound() },
            "failed function vigie-dev-bridge → Prometheus\nhint: Prometheus rejects samples",
        ),
    ];
    for (script, expected) in cases {
        let (exit, text) = run(script).await;
        assert_eq!(exit, Exit::Failed, "{text}");
        assert!(text.contains(expected), "no `{expected}` in:\n{text}");
        let failed = text.matches("failed ").count();
        assert!(failed == 1 || expected.contains("AccessDenied"), "{text}");
    }
}

#[tokio::test]
async fn environment_without_a_bridge_has_no_such_path() {
    let (exit, text) = run(Script { has_no_bridge: true, ..sound() }).await;
    assert_eq!(exit, Exit::Success, "{text}");
    assert!(text.contains("no bridge to Prometheus is deployed"), "{text}");
}

#[tokio::test]
async fn dispatcher_without_info_lines_is_invoked() {
    let (exit, text) = run(Script { dispatcher: vec!["START", "END"], ..sound() }).await;
    assert_eq!(exit, Exit::Success, "{text}");
}

#[tokio::test]
async fn message_is_an_empty_run_request_with_a_mark() {
    let script = sound();
    let sent = Arc::clone(&script.sent);
    run(script).await;
    let sent = sent.lock().unwrap();
    let form: std::collections::HashMap<_, _> =
        url::form_urlencoded::parse(sent[0].as_bytes()).into_owned().collect();
    let signed = SignedRequest::read(&form["MessageBody"]).unwrap();
    let request = domain::run_request::RunRequest::read(&signed.request).unwrap();
    assert!(request.test.is_some() && request.runs.is_empty());
}

#[tokio::test]
async fn message_for_the_bridge_has_one_marked_sample() {
    let script = sound();
    let sent = Arc::clone(&script.sent);
    run(script).await;
    let sent = sent.lock().unwrap();
    let form: std::collections::HashMap<_, _> =
        url::form_urlencoded::parse(sent[1].as_bytes()).into_owned().collect();
    let message = samples::message::decode(&form["MessageBody"]).unwrap();
    assert!(message.run.starts_with("edge") && message.entries.len() == 1, "{message:?}");
    assert_eq!(form["MessageGroupId"], "dev/deployment-test");
    assert_eq!(message.entries[0].series.name(), "vigie_deployment_test");
}
