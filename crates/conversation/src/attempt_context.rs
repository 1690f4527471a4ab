//! The input of an attempt, and the failures and texts that its report gets.

use std::sync::OnceLock;
use std::time::Duration;

use domain::report::{Cause, Failure, cut};
use domain::{OwnFault, Probe};
use gradio::{Failure as Kind, Input, Limits};
use redact::{Redactor, redact_credential_forms};
use secrecy::SecretString;
use tokio::time::Instant;

use crate::reason::{cause, is_time};
use crate::stall::StallCounter;
use crate::target::FilledTarget;

/// A failure this close to the end of the time was caused by it.
pub(crate) const SLACK: Duration = Duration::from_millis(50);

/// The input of an attempt in addition to the probe.
pub(crate) struct AttemptContext<'a> {
    pub(crate) probe: &'a Probe,
    pub(crate) target: &'a FilledTarget,
    pub(crate) user_agent: &'a str,
    pub(crate) traceparent: String,
    /// From the start of the run to the start of this attempt.
    pub(crate) offset: Duration,
    /// The time that is left.
    pub(crate) left: Duration,
    /// Whether an attempt was made before this one.
    pub(crate) is_retry: bool,
    /// Whether `left` is the limit of the process instead of the probe's timeout.
    pub(crate) is_process_limit: bool,
    /// Since the start of this attempt.
    pub(crate) stalled: StallCounter<'a>,
    /// Finds the values of the app's secret inputs, which are known once the app is described.
    pub(crate) secret_inputs: OnceLock<Redactor>,
}

impl AttemptContext<'_> {
    /// A failure of the client as the report has it.
    ///
    /// If the time of this process ran out, or the process was stalled for most of the time, nothing is
    /// known about the target. A shorter stall is ignored, because data that arrives during it is read right after it.
    pub(crate) fn failure(&self, error: &gradio::Error, started: Instant) -> Failure {
        let waited = started.elapsed();
        let is_out_of_time = is_time(error.failure()) && self.left <= waited + SLACK;
        if self.is_process_limit && is_out_of_time {
            let seconds = waited.as_secs_f64();
            let prose = format!("the Lambda deadline was reached after {seconds:.1} s");
            return Failure { cause: Cause::Own(OwnFault::Deadline), prose };
        }
        let stalled = self.stalled.total();
        if self.is_limit_of_client(error.failure(), waited) && is_mostly_stalled(waited, stalled) {
            let prose = format!(
                "the time ran out ({}), and the prober was stalled for {:.1} of {:.1} s",
                error.prose(),
                stalled.as_secs_f64(),
                waited.as_secs_f64()
            );
            return Failure { cause: Cause::Own(OwnFault::Stalled), prose };
        }
        Failure { cause: cause(error.failure()), prose: error.prose().to_owned() }
    }

    /// Whether a limit of the client ran out. A refused connection fails before the limit.
    fn is_limit_of_client(&self, failure: Kind, waited: Duration) -> bool {
        let is_connecting = matches!(failure, Kind::Dns | Kind::Connect | Kind::Tls);
        is_time(failure) && (!is_connecting || Limits::default().connect.min(self.left) <= waited)
    }

    /// Text from outside for a report: without secrets, cut to the length that a report keeps.
    pub(crate) fn reported(&self, text: &str) -> String {
        let text = self.target.redact(text);
        let text = match self.secret_inputs.get() {
            Some(redactor) => redactor.redact(&text),
            None => text,
        };
        cut(&redact_credential_forms(&text))
    }

    /// Lets reports hide the values of the inputs that the app treats as secrets.
    pub(crate) fn hide_secret_inputs(&self, inputs: &[Input]) {
        let secrets = inputs.iter().filter(|input| input.is_secret);
        let secrets: Vec<SecretString> =
            secrets.filter_map(|input| input.value.as_str()).map(SecretString::from).collect();
        self.secret_inputs.get_or_init(|| Redactor::new(&secrets));
    }

    pub(crate) fn redact_failure(&self, failure: &Failure) -> Failure {
        Failure { cause: failure.cause, prose: self.reported(&failure.prose) }
    }
}

/// Whether the process was stalled for at least half of the time.
fn is_mostly_stalled(waited: Duration, stalled: Duration) -> bool {
    waited <= stalled * 2
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use domain::report::{LONGEST_NAME, MOST_LISTED};
    use gradio::{Answer, Part, Reply, Thought};
    use serde_json::json;

    use super::*;
    use crate::stall::StallMonitor;
    use crate::turn_report::TurnStalls;

    fn probe() -> Probe {
        serde_json::from_value(json!({
            "name": "bot", "every_seconds": 60, "enabled": true, "timeout_seconds": 5,
            "target": { "url": "http://localhost" }, "retry": { "attempts": 0, "wait_seconds": 1 },
            "objectives": {}, "conversation": [{ "say": "hi" }],
            "alarm": { "down": { "m": 2, "n": 3 }, "degraded": { "m": 3, "n": 5 }, "severity": "page" },
        }))
        .unwrap()
    }

    fn context<'a>(
        probe: &'a Probe,
        target: &'a FilledTarget,
        stalls: &'a StallMonitor,
    ) -> AttemptContext<'a> {
        AttemptContext {
            probe,
            target,
            user_agent: "",
            traceparent: String::new(),
            offset: Duration::ZERO,
            left: Duration::ZERO,
            is_retry: false,
            is_process_limit: false,
            stalled: stalls.start(),
            secret_inputs: OnceLock::new(),
        }
    }

    #[tokio::test]
    async fn secret_inputs_and_credential_forms_are_hidden() {
        let (probe, stalls) = (probe(), StallMonitor::default());
        let target = FilledTarget::new(&probe.target, &HashMap::new(), &HashMap::new()).unwrap();
        let context = context(&probe, &target, &stalls);
        let input = |value: &str, is_secret| Input {
            name: None,
            label: None,
            kind: "textbox".to_owned(),
            default: json!(""),
            value: json!(value),
            is_secret,
        };
        context.hide_secret_inputs(&[input("canary-key", true), input("be kind", false)]);
        let cases = [
            ("key=canary-key, be kind", "key=[secret], be kind"),
            ("The token expired: sk-abcdefghijklmnop", "The token expired: [secret]"),
        ];
        for (text, expected) in cases {
            assert_eq!(context.reported(text), expected);
        }
    }

    #[tokio::test]
    async fn titles_of_blocks_and_parts_are_reported() {
        let (probe, stalls) = (probe(), StallMonitor::default());
        let target = FilledTarget::new(&probe.target, &HashMap::new(), &HashMap::new()).unwrap();
        let context = context(&probe, &target, &stalls);
        let block = |title: &str| Thought { title: title.to_owned(), ..Thought::default() };
        let part = |kind: &str, name: Option<&str>| Part {
            kind: kind.to_owned(),
            name: name.map(str::to_owned),
        };
        let other = Answer { thinking: vec![block("Used b")], ..Answer::default() };
        let reply = Reply {
            thinking: vec![block("Used sk-abcdefghijklmnop"), block(""), block("a\n\nb")],
            parts: vec![part("image", Some(&"x".repeat(300))), part("html", None)],
            others: vec![
                other,
                Answer { parts: vec![part("file", None); 30], ..Answer::default() },
            ],
            ..Reply::default()
        };
        let stalled = TurnStalls { first_chunk: None, turn: Duration::ZERO };
        let turn = &probe.conversation[0];
        let report = context.turn_report(turn, Duration::ZERO, "hi", &reply, stalled, &[]);
        assert_eq!(report.blocks, ["Used [secret]", "a b", "Used b"]);
        assert_eq!(report.parts.len(), MOST_LISTED);
        let name = report.parts[0].name.as_ref().unwrap();
        assert_eq!(name.chars().count(), LONGEST_NAME + 1, "with an ellipsis");
        assert_eq!(report.parts[1].to_string(), "html");
    }

    #[test]
    fn short_stall_is_ignored() {
        let seconds = Duration::from_secs;
        assert!(is_mostly_stalled(seconds(10), seconds(5)));
        assert!(!is_mostly_stalled(seconds(10), seconds(4)));
        assert!(!is_mostly_stalled(seconds(10), Duration::ZERO));
    }
}
