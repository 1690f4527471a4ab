//! What the functions write into their logs.

use anyhow::Context;
use samples::message::encode;
use samples::{Entry, Timestamp};
use serde::Deserialize;
use serde_json::{Value, json};

use super::Stack;

/// The series of the marked sample.
const SERIES: &str = "vigie_deployment_test";
/// The most pages of events that are read at a time.
const MOST_PAGES: usize = 10;
const NO_QUEUE: &str = "NonExistentQueue";
const NO_LOG: &str = "ResourceNotFoundException";

/// What the bridge logs about a message.
#[derive(Deserialize)]
pub(super) struct BridgeLine {
    pub(super) written: u64,
    #[serde(default)]
    dead_lettered: u64,
}

/// Whether the schedule invoked the dispatcher, and with which result.
#[derive(Clone, Copy)]
pub(super) enum Invoked {
    Done,
    Failed,
    Never,
}

impl Invoked {
    /// With a `LogLevel` above `info`, a minute without an error has no line of its own.
    fn of(lines: &[String]) -> Self {
        let has = |text: &str| lines.iter().any(|line| line.contains(text));
        if has("Minute dispatched") {
            Self::Done
        } else if has(r#""level":"ERROR""#) {
            Self::Failed
        } else if lines.is_empty() {
            Self::Never
        } else {
            Self::Done
        }
    }
}

impl BridgeLine {
    pub(super) fn hint(&self, function: &str) -> String {
        let what = if self.dead_lettered > 0 { "rejects" } else { "does not accept" };
        format!("Prometheus {what} samples. See its answer in the log group /aws/lambda/{function}")
    }
}

impl Stack<'_> {
    /// Sends the marked sample; `false` if no bridge is deployed.
    pub(super) async fn send_sample(&self, queue: &str, run: &str) -> anyhow::Result<bool> {
        let at = Timestamp::from_millis(self.started.as_millisecond());
        let labels = [("environment", self.environment.as_str())];
        let entry = Entry::of(SERIES, labels, Some(1.0), at).context("the series is not valid")?;
        let group = format!("{}/deployment-test", self.environment);
        let encoded = encode(&group, run, at, &[entry]);
        let message = encoded.messages.first().context("the sample has no message")?;
        let fifo = [
            ("MessageGroupId", message.group.as_str()),
            ("MessageDeduplicationId", message.deduplication.as_str()),
        ];
        match self.send(queue, &message.body, &fifo).await {
            Ok(()) => Ok(true),
            Err(error) if code(&error).is_some_and(|code| code.ends_with(NO_QUEUE)) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// What the bridge logged last about the marked message; `None` if it has not received it.
    pub(super) async fn bridge_line(
        &self,
        function: &str,
        run: &str,
    ) -> anyhow::Result<Option<BridgeLine>> {
        let mut last: Option<BridgeLine> = None;
        let written = self.until(self.wait.limit, async || {
            let lines = self.lines(function, Some(run)).await?;
            let found = lines.iter().filter(|line| line.contains(run));
            last = found
                .filter_map(|line| serde_json::from_str(line).ok())
                .next_back()
                .or(last.take());
            Ok(last.as_ref().filter(|line| line.written + line.dead_lettered > 0).map(|_| ()))
        });
        written.await?;
        Ok(last)
    }

    pub(super) async fn dispatcher_line(&self, function: &str) -> anyhow::Result<Invoked> {
        let mut last = Invoked::Never;
        let done = self.until(self.wait.schedule, async || {
            last = Invoked::of(&self.lines(function, None).await?);
            Ok(matches!(last, Invoked::Done).then_some(()))
        });
        done.await?;
        Ok(last)
    }

    /// Whether the function `alerts` has handled a minute since the check began.
    pub(super) async fn alerts_line(&self, function: &str) -> anyhow::Result<bool> {
        let found = self.until(self.wait.schedule, async || {
            let lines = self.lines(function, None).await?;
            Ok(lines.iter().any(|line| line.contains("Minute handled")).then_some(()))
        });
        Ok(found.await?.is_some())
    }

    /// The lines of a function's log since the start of the check, those with `word` if it is set.
    async fn lines(&self, function: &str, word: Option<&str>) -> anyhow::Result<Vec<String>> {
        let mut request = json!({
            "logGroupName": format!("/aws/lambda/{function}"),
            "startTime": self.started.as_millisecond(),
        });
        if let Some(word) = word {
            request["filterPattern"] = word.into();
        }
        let mut lines = Vec::new();
        for _ in 0..MOST_PAGES {
            let page = self.client.json("logs", "Logs_20140328.FilterLogEvents", &request).await;
            let page = match page {
                Err(error) if error.code() == Some(NO_LOG) => break,
                page => page.with_context(|| format!("could not read the log of `{function}`"))?,
            };
            let events = page["events"].as_array().into_iter().flatten();
            lines.extend(events.filter_map(|event| event["message"].as_str().map(str::to_owned)));
            match &page["nextToken"] {
                Value::String(next) => request["nextToken"] = next.as_str().into(),
                _ => break,
            }
        }
        Ok(lines)
    }
}

fn code(error: &anyhow::Error) -> Option<&str> {
    error.downcast_ref::<aws_call::CallError>()?.code()
}
