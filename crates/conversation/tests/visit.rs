//! Whole visits against a scripted app: what is asked, what comes back, what the report says.

#![expect(clippy::unwrap_used, reason = "the helpers of a test fail like the test")]

use std::time::{Duration, Instant};

use conversation::{Budget, FilledTarget, Seen, Stalls, Visit};
use domain::report::RunId;
use domain::{Outcome, OwnFault, Probe, Reason, Report};
use jiff::Timestamp;
use testkit::gradio_app::{Answer, GradioApp, Received};

fn probe(url: &str, more: &serde_json::Value) -> Probe {
    let mut probe = serde_json::json!({
        "name": "bot", "every_seconds": 60, "enabled": true, "timeout_seconds": 5,
        "target": { "url": url },
        "retry": { "attempts": 1, "wait_seconds": 0.01 },
        "objectives": {},
        "conversation": [
            { "say": "My name is ${nonce}.", "expect": [{ "min_length": 1 }] },
            { "say": "What is my name?", "expect": [{ "contains": "${nonce}" }, { "not_matches": "(?i)error" }] },
        ],
        "alarm": { "down": { "m": 2, "n": 3 }, "degraded": { "m": 3, "n": 5 }, "severity": "page" },
    });
    for (key, value) in more.as_object().unwrap() {
        probe[key] = value.clone();
    }
    serde_json::from_value(probe).unwrap()
}

async fn play(probe: &Probe, budget: Budget) -> Report {
    watched(probe, budget, &mut |_| {}).await
}

/// Plays, and this process stands still for `time` once the first prompt was sent.
async fn play_with_a_standstill(probe: &Probe, time: Duration) -> Report {
    let mut pending = Some(time);
    let mut stand_still = |seen: Seen<'_>| {
        if let (Seen::Moved(_), Some(time)) = (seen, pending) {
            pending = None;
            let until = Instant::now() + time;
            while Instant::now() < until {
                std::hint::spin_loop();
            }
        }
    };
    watched(probe, Budget::Probe, &mut stand_still).await
}

async fn watched(probe: &Probe, budget: Budget, seen: &mut (dyn FnMut(Seen<'_>) + Send)) -> Report {
    let target = FilledTarget::new(&probe.target, &|_| Some("canary-secret".into())).unwrap();
    let environment = "test".parse().unwrap();
    let due = Timestamp::from_second(1_795_000_000).unwrap();
    let visit = Visit {
        run: RunId::of(&environment, &probe.name, due),
        probe,
        environment,
        location: "here".to_owned(),
        due,
        user_agent: "Vigie/test".to_owned(),
        vigie: "test".to_owned(),
        stalls: Stalls::default(),
    };
    visit.play(&target, budget, seen).await
}

/// A bot that knows the name it was told, if `remembers`.
async fn bot(remembers: bool) -> GradioApp {
    let told = std::sync::Mutex::new(String::new());
    let answer = move |received: &Received| {
        let mut told = told.lock().unwrap();
        if let Some(name) = received.message.strip_prefix("My name is ") {
            name.trim_end_matches('.').clone_into(&mut told);
            return Answer::Chunks(vec!["Nice to ".to_owned(), "meet you.".to_owned()]);
        }
        if remembers {
            Answer::text(format!("Your name is {told}."))
        } else {
            Answer::text("I do not know your name.")
        }
    };
    GradioApp::start(answer).await
}

#[tokio::test]
async fn a_bot_that_remembers_is_up() {
    let app = bot(true).await;
    let report = play(&probe(&app.url, &serde_json::json!({})), Budget::Probe).await;
    assert_eq!(report.outcome, Outcome::Up, "{}", report.detail);
    let attempt = report.last().unwrap();
    assert_eq!(attempt.turns.len(), 2);
    assert_eq!(attempt.app.as_ref().map(|app| app.endpoint.as_str()), Some("/chat"));
    assert!(attempt.turns.iter().all(|turn| turn.timing.first_chunk <= turn.timing.reply));
    assert!(
        attempt.turns[1].answered.starts_with("Your name is "),
        "{}",
        attempt.turns[1].answered
    );
    let received = app.received();
    assert_eq!(received[0].session, received[1].session, "one conversation, one session");
    assert_eq!(received[0].headers["user-agent"], "Vigie/test");
    let traceparent = received[0].headers["traceparent"].to_str().unwrap().to_owned();
    assert!(traceparent.starts_with(&format!("00-{}-", report.trace)), "{traceparent}");
}

#[tokio::test]
async fn a_bot_that_forgets_is_down_and_the_check_says_why() {
    let app = bot(false).await;
    let report = play(&probe(&app.url, &serde_json::json!({})), Budget::Probe).await;
    assert_eq!(report.outcome, Outcome::Down { reason: Reason::CheckFailed });
    assert_eq!(report.retries(), 1, "a failed check is tried once more");
    let name = app.received()[2]
        .message
        .trim_start_matches("My name is ")
        .trim_end_matches('.')
        .to_owned();
    assert_eq!(
        report.detail,
        format!("turn 2: expected contains \"{name}\", found \"I do not know your name.\"")
    );
}

#[tokio::test]
async fn passing_only_on_retry_is_degraded() {
    let failures = std::sync::atomic::AtomicUsize::new(0);
    let flaky = GradioApp::start(move |_| {
        let before = failures.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        if before == 0 { Answer::Error("warming up".to_owned()) } else { Answer::text("ok") }
    })
    .await;
    let one_turn =
        serde_json::json!({ "conversation": [{ "say": "hi", "expect": [{ "equals": "ok" }] }] });
    let report = play(&probe(&flaky.url, &one_turn), Budget::Probe).await;
    assert_eq!(report.outcome, Outcome::Degraded);
    assert!(report.detail.contains("passed only at attempt 2"), "{}", report.detail);
    assert!(report.detail.contains("warming up"), "{}", report.detail);
}

fn single_turn(more: &serde_json::Value) -> serde_json::Value {
    let mut probe = serde_json::json!({
        "conversation": [{ "say": "hi" }], "retry": { "attempts": 0, "wait_seconds": 1 },
    });
    for (key, value) in more.as_object().unwrap() {
        probe[key] = value.clone();
    }
    probe
}

#[tokio::test]
async fn a_bot_that_answers_nothing_is_down_unless_that_is_what_is_expected() {
    let app = GradioApp::start(|_| Answer::text("")).await;
    let cases = [
        (serde_json::json!([]), Some("turn 1: expected an answer, found an empty reply")),
        (
            serde_json::json!([{ "not_contains": "error" }, { "max_length": 100 }]),
            Some("turn 1: expected an answer, found an empty reply"),
        ),
        (
            serde_json::json!([{ "min_length": 2 }]),
            Some("turn 1: expected min_length 2, found 0 characters"),
        ),
        (serde_json::json!([{ "equals": "" }]), None),
        (serde_json::json!([{ "max_length": 0 }]), None),
    ];
    for (expect, told) in cases {
        let turn = serde_json::json!({ "conversation": [{ "say": "hi", "expect": expect }] });
        let report = play(&probe(&app.url, &single_turn(&turn)), Budget::Probe).await;
        match told {
            None => assert_eq!(report.outcome, Outcome::Up, "{turn}: {}", report.detail),
            Some(told) => {
                assert_eq!(report.outcome, Outcome::Down { reason: Reason::CheckFailed }, "{turn}");
                assert_eq!(report.detail, told, "{turn}");
            }
        }
    }
}

#[tokio::test]
async fn an_objective_missed_while_we_stood_still_is_told_and_not_held_against_the_app() {
    let app = GradioApp::start(|_| Answer::text("ok")).await;
    let more = single_turn(&serde_json::json!({ "objectives": { "first_chunk_seconds": 0.3 } }));
    let report = play_with_a_standstill(&probe(&app.url, &more), Duration::from_millis(400)).await;
    assert_eq!(report.outcome, Outcome::Up, "{}", report.detail);
    assert!(report.is_blurred() && report.stalled >= Some(Duration::from_millis(350)));
    assert!(report.detail.contains("not held against the app"), "{}", report.detail);
}

#[tokio::test]
async fn time_that_ran_out_while_we_stood_still_is_no_verdict() {
    let app = GradioApp::start(|_| Answer::Silence).await;
    let probe = probe(&app.url, &single_turn(&serde_json::json!({ "timeout_seconds": 1 })));
    let report = play_with_a_standstill(&probe, Duration::from_millis(700)).await;
    assert_eq!(report.outcome, Outcome::RunError { fault: OwnFault::Stalled }, "{}", report.detail);
    assert!(report.detail.contains("our own process stood still"), "{}", report.detail);

    let report = play_with_a_standstill(&probe, Duration::from_millis(100)).await;
    assert!(matches!(report.outcome, Outcome::Down { .. }), "{:?}", report.outcome);
}

#[tokio::test]
async fn an_error_of_the_app_is_told_without_our_secrets() {
    let app =
        GradioApp::start(|_| Answer::Error("no credit left for canary-secret".to_owned())).await;
    let more = serde_json::json!({
        "target": { "url": app.url, "auth": { "bearer": "${secret:vigie/bot}" } },
        "retry": { "attempts": 0, "wait_seconds": 0.01 },
    });
    let report = play(&probe(&app.url, &more), Budget::Probe).await;
    assert_eq!(report.outcome, Outcome::Down { reason: Reason::AppError });
    let written = serde_json::to_string(&report).unwrap();
    assert!(!written.contains("canary"), "{written}");
    assert!(report.detail.contains("no credit left"), "{}", report.detail);
    assert_eq!(app.received()[0].headers["authorization"], "Bearer canary-secret");
}

#[tokio::test]
async fn a_silent_bot_is_down_when_its_time_is_over_and_no_verdict_when_ours_is() {
    let app = GradioApp::start(|_| Answer::Silence).await;
    let short = probe(&app.url, &serde_json::json!({ "timeout_seconds": 0.3 }));
    let report = play(&short, Budget::Own(Duration::from_secs(60))).await;
    assert_eq!(
        report.outcome,
        Outcome::Down { reason: Reason::FirstChunkTimeout },
        "{}",
        report.detail
    );
    let report =
        play(&probe(&app.url, &serde_json::json!({})), Budget::Own(Duration::from_millis(300)))
            .await;
    assert_eq!(
        report.outcome,
        Outcome::RunError { fault: OwnFault::Deadline },
        "{}",
        report.detail
    );
}

#[tokio::test]
async fn a_missed_objective_is_degraded() {
    let app = bot(true).await;
    let report = play(
        &probe(&app.url, &serde_json::json!({ "objectives": { "reply_seconds": 0.0 } })),
        Budget::Probe,
    )
    .await;
    assert_eq!(report.outcome, Outcome::Degraded);
    assert!(report.detail.contains("objective 0.00 s"), "{}", report.detail);
}

#[tokio::test]
async fn nobody_there_is_a_connect_failure() {
    let report = play(&probe("http://127.0.0.1:1", &serde_json::json!({})), Budget::Probe).await;
    assert_eq!(report.outcome, Outcome::Down { reason: Reason::Connect }, "{}", report.detail);
    assert_eq!(report.instance, "127.0.0.1:1");
}

#[tokio::test]
async fn a_saved_part_of_a_reply_is_used_in_a_later_turn() {
    let app = GradioApp::start(|received| {
        Answer::text(if received.turn == 0 {
            "Your ticket is T-417."
        } else {
            received.message.as_str()
        })
    })
    .await;
    let more = serde_json::json!({ "conversation": [
        { "say": "Open a ticket.", "save": { "ticket": "T-(\\d+)" } },
        { "say": "What about ${ticket}?", "expect": [{ "matches": "about ${ticket}\\?" }] },
    ]});
    let report = play(&probe(&app.url, &more), Budget::Probe).await;
    assert_eq!(report.outcome, Outcome::Up, "{}", report.detail);
    assert_eq!(app.received()[1].message, "What about 417?");
}
