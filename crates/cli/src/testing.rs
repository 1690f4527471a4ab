//! A report for the tests of this crate.

use std::time::Duration;

use domain::report::{App, Attempt, CheckReport, Report, RunId, TurnReport, VERSION, judge};
use domain::{Objectives, Phases, Spread, Timing};
use jiff::Timestamp;

/// A client of an AWS SDK that gets its answers from `rules`. The SDKs' own way asks for a feature of
/// each, and so for another build of all of them.
macro_rules! mocked {
    ($sdk:ident, $rules:expr) => {{
        let mut answers = aws_smithy_mocks::MockResponseInterceptor::new()
            .rule_mode(aws_smithy_mocks::RuleMode::Sequential);
        for rule in $rules {
            answers = answers.with_rule(rule);
        }
        let config = $sdk::Config::builder()
            .behavior_version($sdk::config::BehaviorVersion::latest())
            .region($sdk::config::Region::new("eu-west-1"))
            .credentials_provider($sdk::config::Credentials::new("id", "key", None, None, "tests"))
            .http_client(aws_smithy_mocks::create_mock_http_client())
            .interceptor(answers);
        $sdk::Client::from_conf(config.build())
    }};
}
pub(crate) use mocked;

fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

/// A run that is down: the second check of its only turn failed, and it was slow.
pub(crate) fn report() -> Report {
    let due: Timestamp = "2026-11-22T11:05:00Z".parse().unwrap();
    let (environment, probe) = ("prod".parse().unwrap(), "support-bot".parse().unwrap());
    let check = |expected: &str, found: &str| CheckReport {
        expected: expected.to_owned(),
        found: found.to_owned(),
        passed: found.is_empty(),
    };
    let turn = TurnReport {
        offset: ms(400),
        said: "Hello <you> & \"me\"".to_owned(),
        answered: "Hi\n\u{1b}[31mthere".to_owned(),
        characters: 13,
        thinking: String::new(),
        timing: Timing {
            queue: Some(ms(140)),
            queue_position: Some(0),
            first_chunk: Some(ms(3_600)),
            first_text: Some(ms(3_600)),
            reply: Some(ms(4_900)),
            processing: Some(ms(4_500)),
            chunks: 48,
            inter_chunk: Spread::of(vec![ms(20), ms(30)]),
            first_chunk_stalled: Some(ms(1)),
            reply_stalled: Some(ms(2)),
        },
        checks: vec![check("min_length 2", ""), check("contains \"Ada\"", "Hi\n\u{1b}[31mthere")],
        objectives: Objectives { first_chunk: Some(ms(3_000)), reply: None },
    };
    let attempts = vec![Attempt {
        offset: Duration::ZERO,
        duration: ms(5_300),
        phases: Phases {
            dns: None,
            connect: Some(ms(2)),
            tls: Some(ms(48)),
            describe: Some(ms(310)),
        },
        certificate_expires: Some("2027-02-01T00:00:00Z".parse().unwrap()),
        app: Some(App {
            gradio: "6.31.0".to_owned(),
            protocol: "sse_v3".to_owned(),
            endpoint: "/chat".to_owned(),
            cold: Some(false),
        }),
        turns: vec![turn],
        failure: None,
    }];
    Report {
        version: VERSION,
        run: RunId::of(&environment, &probe, due),
        probe,
        environment,
        location: "eu-west-1".to_owned(),
        instance: "chat.example.com:443".to_owned(),
        job: "gradio_chatbot".to_owned(),
        labels: [("team".to_owned(), "chat".to_owned())].into(),
        runbook: None,
        every: Duration::from_secs(60),
        due,
        started: due,
        duration: ms(5_320),
        outcome: judge(&attempts),
        detail: "turn 1: expected contains \"Ada\", found \"Hi\"".to_owned(),
        attempts,
        turns: 2,
        stalled: Some(ms(1)),
        trace: "4bf92f3577b34da6a3ce929d0e0e4736".to_owned(),
        vigie: "0.1.0".to_owned(),
    }
}
