//! `vigie agent` in a child process, with a server that answers as AWS.

mod aws;

use std::process::Stdio;
use std::time::Duration;

use serde_json::json;
use testkit::gradio_app::{Answer, GradioApp};
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStderr, Command};
use tokio::sync::mpsc;

use crate::line_with;
use aws::FakeAws;

struct Agent {
    child: Child,
    lines: Lines<BufReader<ChildStderr>>,
}

impl Agent {
    async fn start(aws: &FakeAws) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_vigie"))
            .args(["agent", "--environment", "test", "--location", "office"])
            .envs(harness::local_aws::aws_variables(&aws.url))
            .env("VIGIE_LOG", "info")
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let mut agent = Self { child, lines };
        agent.until("waiting for run requests of `test` at `office`").await;
        agent
    }

    /// Reads standard error up to a line with `word`.
    async fn until(&mut self, word: &str) -> String {
        line_with(&mut self.lines, word).await
    }

    async fn signal(&self, name: &str) {
        let id = self.child.id().unwrap().to_string();
        assert!(Command::new("kill").args(["-s", name, &id]).status().await.unwrap().success());
    }

    /// The exit code; `None` after SIGKILL.
    async fn ended(mut self) -> Option<i32> {
        let ended = tokio::time::timeout(Duration::from_secs(60), self.child.wait()).await;
        ended.unwrap().unwrap().code()
    }
}

/// A bot, and an event for each message that it receives.
async fn bot(answer: Answer) -> (GradioApp, mpsc::UnboundedReceiver<()>) {
    let (sender, received) = mpsc::unbounded_channel();
    let app = GradioApp::start(move |_| {
        let _ = sender.send(());
        answer.clone()
    });
    (app.await, received)
}

/// A run request for the bot, due now.
fn request(url: &str) -> String {
    let run = json!({ "id": "0000000000000001", "probe": {
        "name": "bot", "every_seconds": 1_800, "enabled": true, "timeout_seconds": 2,
        "target": { "url": url }, "retry": { "attempts": 0, "wait_seconds": 1 }, "objectives": {},
        "conversation": [{ "say": "hi", "expect": [{ "contains": "hello" }] }],
        "alarm": { "down": { "m": 2, "n": 3 }, "degraded": { "m": 3, "n": 5 }, "severity": "page" },
    }});
    let due = jiff::Timestamp::now();
    json!({
        "version": 1, "environment": "test", "due": due, "location": "office", "runs": [run],
    })
    .to_string()
}

#[tokio::test]
async fn agent_makes_the_run_and_deletes_the_message() {
    let aws = FakeAws::start().await;
    let (bot, _) = bot(Answer::text("hello")).await;
    aws.queue(request(&bot.url));
    let mut agent = Agent::start(&aws).await;
    agent.until("Run finished").await;
    aws.until(|aws| aws.deleted == 1).await;
    agent.signal("TERM").await;
    agent.until("stopping").await;
    aws.answer_polls();
    agent.until("stopped; executed 1 run requests").await;
    assert_eq!(agent.ended().await, Some(0));
    let seen = aws.seen();
    assert_eq!((seen.reported, seen.lost, seen.sampled), (1, 0, 1));
    assert_eq!(bot.received().len(), 1);
}

#[tokio::test]
async fn killed_agent_counts_no_run_twice() {
    for (name, answer, killed_at_delete, reported) in [
        ("during the run", Answer::Silence, false, 0),
        ("before the message is deleted", Answer::text("hello"), true, 1),
    ] {
        let aws = FakeAws::start().await;
        aws.hold_deletes(killed_at_delete);
        let (bot, mut received) = bot(answer).await;
        aws.queue(request(&bot.url));
        let agent = Agent::start(&aws).await;
        received.recv().await.unwrap();
        if killed_at_delete {
            aws.until(|aws| aws.delete_requests == 1).await;
        }
        agent.signal("KILL").await;
        assert_eq!(agent.ended().await, None, "{name}");

        aws.hold_deletes(false);
        aws.deliver_again(Duration::from_secs(1_001));
        let mut agent = Agent::start(&aws).await;
        agent.until("Run was started by a process that crashed").await;
        aws.until(|aws| aws.deleted == 1).await;
        let seen = aws.seen();
        assert_eq!((seen.reported, seen.lost), (reported, 1), "{name}");
        assert_eq!((seen.sampled, bot.received().len()), (reported, 1), "{name}");
    }
}

#[tokio::test]
async fn terminated_agent_finishes_its_run() {
    let aws = FakeAws::start().await;
    let (bot, mut received) = bot(Answer::Silence).await;
    aws.queue(request(&bot.url));
    let mut agent = Agent::start(&aws).await;
    received.recv().await.unwrap();
    agent.signal("TERM").await;
    agent.until("stopping").await;
    aws.answer_polls();
    agent.until("stopped; executed 1 run requests").await;
    assert_eq!(agent.ended().await, Some(0));
    let seen = aws.seen();
    assert_eq!((seen.reported, seen.lost, seen.deleted), (1, 0, 1));
}

#[tokio::test]
async fn message_received_after_the_stop_is_released() {
    let aws = FakeAws::start().await;
    let (bot, _) = bot(Answer::text("hello")).await;
    let mut agent = Agent::start(&aws).await;
    aws.until(|aws| aws.polls == 1).await;
    agent.signal("TERM").await;
    agent.until("stopping").await;
    aws.queue(request(&bot.url));
    agent.until("stopped; executed 0 run requests").await;
    assert_eq!(agent.ended().await, Some(0));
    let seen = aws.seen();
    assert_eq!((seen.released, seen.deleted, bot.received().len()), (1, 0, 0));
}

#[tokio::test]
async fn forged_request_is_released_and_makes_no_run() {
    let aws = FakeAws::start().await;
    let (bot, _) = bot(Answer::text("hello")).await;
    aws.queue_unsigned(request(&bot.url));
    let mut agent = Agent::start(&aws).await;
    agent.until("Run request was rejected").await;
    aws.until(|aws| aws.released == 1).await;
    assert_eq!((aws.seen().deleted, bot.received().len()), (0, 0));
}

#[tokio::test]
async fn agent_without_its_stack_says_how_to_get_one() {
    let aws = FakeAws::start().await;
    for (location, expected) in [
        (
            "lab",
            "error: there is no stack `vigie-test-agent-lab` in region us-east-1\n\
             hint: add `lab` to `Locations` in samconfig.toml and run `vigie deploy test`\n",
        ),
        (
            "us-east-1",
            "error: `--location` is `us-east-1`; expected a location outside AWS, such as `office`\n",
        ),
    ] {
        let done = Command::new(env!("CARGO_BIN_EXE_vigie"))
            .args(["agent", "--environment", "test", "--location", location])
            .envs(harness::local_aws::aws_variables(&aws.url))
            .output();
        let done = done.await.unwrap();
        assert_eq!(String::from_utf8(done.stderr).unwrap(), expected);
        assert_eq!(done.status.code(), Some(2));
    }
}
