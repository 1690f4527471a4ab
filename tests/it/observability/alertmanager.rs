//! Alertmanager publishes the JSON of its webhook to Vigie's topic, with any characters in the labels.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use serde_json::{Value, json};
use testkit::dashboards::root;
use url::form_urlencoded;

use crate::runbook::tools_are_missing;

/// Long enough for a busy machine; the message usually arrives after about two seconds.
const TIMEOUT: Duration = Duration::from_secs(120);

#[test]
fn alertmanager_publishes_its_webhook_to_the_topic() {
    if tools_are_missing() {
        return;
    }
    let (topic, published) = Topic::start();
    let alertmanager = Alertmanager::start(&topic);
    let awkward = "a \"quoted\" C:\\path\twith\ttabs, accents é and <angles> & more";
    let alerts: Vec<Value> = (0..120)
        .map(|index| {
            json!({
                "labels": {
                    "alertname": "ProbeDown", "environment": "prod", "probe": format!("bot-{index}"),
                    "severity": "page", "note": awkward,
                },
                "annotations": { "description": "first line\nsecond \u{7} line" },
                "generatorURL": "http://prometheus.example.com/graph?g0.expr=a%3D1&b=2",
            })
        })
        .collect();
    alertmanager.raise(&alerts);

    let form = published.recv_timeout(TIMEOUT).expect("a message on the topic");
    let field = |name: &str| form.iter().find(|(key, _)| key == name).map(|(_, value)| &**value);
    assert_eq!(field("TopicArn"), Some(TOPIC));
    let subject = field("Subject").expect("a subject");
    assert!(subject.is_ascii() && subject.len() < 100, "{subject}");
    assert_eq!(subject, "[FIRING] ProbeDown prod");

    let message: Value = serde_json::from_str(field("Message").expect("a message")).unwrap();
    assert_eq!(message["version"], "4");
    assert_eq!(message["status"], "firing");
    assert_eq!(message["groupLabels"], json!({ "alertname": "ProbeDown", "environment": "prod" }));
    assert_eq!(message["commonLabels"]["note"], awkward);
    assert_eq!(message["truncatedAlerts"], 20);
    let alerts = message["alerts"].as_array().expect("a list");
    assert_eq!(alerts.len(), 100);
    let first = &alerts[0];
    assert_eq!(first["status"], "firing");
    // JSON forbids control characters in strings, so the bell is dropped; the line end is kept.
    assert_eq!(first["annotations"]["description"], "first line\nsecond  line");
    assert_eq!(first["generatorURL"], "http://prometheus.example.com/graph?g0.expr=a%3D1&b=2");
    assert!(first["fingerprint"].as_str().is_some_and(|print| print.len() == 16), "{first}");
    let starts = first["startsAt"].as_str().expect("a time");
    assert!(starts.ends_with('Z') && starts.len() == "2026-11-22T11:25:40.896Z".len(), "{starts}");
    assert_eq!(first["endsAt"], "0001-01-01T00:00:00.000Z");
}

#[test]
fn probe_down_inhibits_alerts_with_the_same_cause() {
    if tools_are_missing() {
        return;
    }
    let (topic, _published) = Topic::start();
    let alertmanager = Alertmanager::start(&topic);
    let alert = |name: &str, severity: &str, labels: Value| {
        let mut all = json!({ "alertname": name, "severity": severity });
        all.as_object_mut().unwrap().extend(labels.as_object().unwrap().clone());
        json!({ "labels": all })
    };
    let of =
        |probe: &str| json!({ "probe": probe, "environment": "prod", "location": "eu-west-3" });
    alertmanager.raise(&[
        alert("ProbeDown", "page", of("gone")),
        alert("ProbeDown", "ticket", of("gone")),
        alert("InstanceDown", "ticket", of("gone")),
        alert("ErrorBudgetBurnsFast", "page", of("gone")),
        // A plain scrape may be of another process, and a slow probe only has the ticket.
        alert("InstanceDown", "page", json!({ "instance": "chat.example.com:7860" })),
        alert("ProbeDown", "ticket", of("daily")),
    ]);
    let mut active = alertmanager.active_alerts();
    active.sort();
    assert_eq!(active, ["InstanceDown page -", "ProbeDown page gone", "ProbeDown ticket daily"]);
}

const TOPIC: &str = "arn:aws:sns:eu-west-1:123456789012:vigie-test-alarms";

/// The fields of a form, decoded.
type Form = Vec<(String, String)>;

/// A server in the role of SNS: passes each published message to the test.
struct Topic {
    url: String,
}

impl Topic {
    fn start() -> (Self, Receiver<Form>) {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let (sender, receiver) = channel();
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let sender = sender.clone();
                std::thread::spawn(move || serve(stream, &sender));
            }
        });
        (Self { url }, receiver)
    }
}

/// Answers the requests of one connection until its end.
fn serve(stream: TcpStream, sender: &Sender<Form>) -> Option<()> {
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    let mut writer = stream;
    loop {
        let mut length = 0;
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line).ok()? == 0 {
                return None;
            }
            let line = line.trim_end().to_ascii_lowercase();
            if line.is_empty() {
                break;
            }
            if let Some(value) = line.strip_prefix("content-length:") {
                length = value.trim().parse().ok()?;
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).ok()?;
        let form: Form = form_urlencoded::parse(&body).into_owned().collect();
        if form.iter().any(|(key, value)| key == "Action" && value == "Publish") {
            sender.send(form).ok()?;
        }
        let answer = "<PublishResponse xmlns=\"http://sns.amazonaws.com/doc/2010-03-31/\"><PublishResult>\
            <MessageId>1</MessageId></PublishResult></PublishResponse>";
        let head = "HTTP/1.1 200 OK\r\ncontent-type: text/xml";
        write!(writer, "{head}\r\ncontent-length: {}\r\n\r\n{answer}", answer.len()).ok()?;
    }
}

/// Debian's Alertmanager with the configuration in `infra/`.
struct Alertmanager {
    process: Child,
    url: String,
    // Deleted last.
    data: tempfile::TempDir,
}

impl Alertmanager {
    fn start(topic: &Topic) -> Self {
        let data = tempfile::tempdir().expect("a folder");
        let observability = root().join("infra/observability");
        let rendered = Command::new(observability.join("render-alertmanager.sh"))
            .arg(observability.join("alertmanager.yml"))
            .env("RECEIVER", "vigie")
            .env("TEMPLATES", observability.join("templates"))
            .env("ALARMS_TOPIC_ARN", TOPIC)
            .env("SNS_API_URL", &topic.url)
            .env("HEARTBEAT_URL", &topic.url)
            .env("GROUP_WAIT", "2s")
            .output()
            .expect("sh runs");
        let config = data.path().join("alertmanager.yml");
        fs::write(&config, rendered.stdout).expect("a file");
        let port = TcpListener::bind("127.0.0.1:0")
            .expect("a free port")
            .local_addr()
            .expect("an address")
            .port();
        let process = Command::new("prometheus-alertmanager")
            .arg(format!("--config.file={}", config.display()))
            .arg(format!("--storage.path={}", data.path().display()))
            .arg(format!("--web.listen-address=127.0.0.1:{port}"))
            .arg("--cluster.listen-address=")
            .env("AWS_ACCESS_KEY_ID", "test")
            .env("AWS_SECRET_ACCESS_KEY", "test")
            .stderr(Stdio::null())
            .spawn()
            .expect("Alertmanager starts");
        Self { process, url: format!("http://127.0.0.1:{port}"), data }
    }

    fn raise(&self, alerts: &[Value]) {
        let file = self.data.path().join("alerts.json");
        fs::write(&file, Value::from(alerts).to_string()).expect("a file");
        let status = Command::new("curl")
            .args([
                "--silent",
                "--fail",
                "--retry",
                "60",
                "--retry-delay",
                "1",
                "--retry-all-errors",
            ])
            .args(["--header", "content-type: application/json", "--data-binary"])
            .arg(format!("@{}", file.display()))
            .arg(format!("{}/api/v2/alerts", self.url))
            .status()
            .expect("curl runs");
        assert!(status.success());
    }
}

impl Alertmanager {
    /// Name, severity and probe of each alert that is neither silenced nor inhibited.
    fn active_alerts(&self) -> Vec<String> {
        let url = format!("{}/api/v2/alerts?active=true&silenced=false&inhibited=false", self.url);
        let output =
            Command::new("curl").args(["--silent", "--fail", &url]).output().expect("curl runs");
        let alerts: Value = serde_json::from_slice(&output.stdout).expect("a list of alerts");
        let line = |alert: &Value| {
            let label = |name: &str| alert["labels"][name].as_str().unwrap_or("-").to_owned();
            format!("{} {} {}", label("alertname"), label("severity"), label("probe"))
        };
        alerts.as_array().expect("a list").iter().map(line).collect()
    }
}

impl Drop for Alertmanager {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
