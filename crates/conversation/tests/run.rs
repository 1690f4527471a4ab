//! Whole runs against a scripted app.

#![expect(clippy::unwrap_used, reason = "the helpers of a test fail like the test")]

use std::collections::HashMap;
use std::pin::{Pin, pin};
use std::task::Poll;
use std::time::{Duration, Instant};

use conversation::target::secret_references;
use conversation::{FilledTarget, Prober, ProgressEvent, StallMonitor, TimeLimit};
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

async fn run(probe: &Probe, limit: TimeLimit) -> Report {
    run_with_progress(probe, limit, &mut |_| {}).await
}

/// Makes a run during which this process is stalled for `time` after the first prompt was sent.
async fn run_with_stall(probe: &Probe, time: Duration) -> Report {
    let mut pending = Some(time);
    let mut stall = |event: ProgressEvent<'_>| {
        if let (ProgressEvent::TurnProgress(_), Some(time)) = (event, pending) {
            pending = None;
            let until = Instant::now() + time;
            while Instant::now() < until {
                std::hint::spin_loop();
            }
        }
    };
    run_with_progress(probe, TimeLimit::Probe, &mut stall).await
}

async fn run_with_progress(
    probe: &Probe,
    limit: TimeLimit,
    progress: &mut (dyn FnMut(ProgressEvent<'_>) + Send),
) -> Report {
    let references = secret_references(&probe.target).into_iter();
    let secrets = references.map(|reference| (reference, "canary-secret".into())).collect();
    let target = FilledTarget::new(&probe.target, &secrets, &HashMap::new()).unwrap();
    let environment = "test".parse().unwrap();
    let due = Timestamp::from_second(1_795_000_000).unwrap();
    let id = RunId::of(&environment, &probe.name, due);
    let prober = Prober {
        environment,
        location: "here".to_owned(),
        user_agent: "Vigie/test".to_owned(),
        version: "test".to_owned(),
        stalls: StallMonitor::default(),
    };
    prober.run_of(id, probe, due).run(&target, limit, progress).await
}

/// A bot that repeats the name from the first turn if `remembers`.
async fn bot(remembers: bool) -> GradioApp {
    let name = std::sync::Mutex::new(String::new());
    let answer = move |received: &Received| {
        let mut name = name.lock().unwrap();
        if let Some(said) = received.message.strip_prefix("My name is ") {
            said.trim_end_matches('.').clone_into(&mut name);
            return Answer::Chunks(vec!["Nice to ".to_owned(), "meet you.".to_owned()]);
        }
        if remembers {
            Answer::text(format!("Your name is {name}."))
        } else {
            Answer::text("I do not know your name.")
        }
    };
    GradioApp::start(answer).await
}

#[tokio::test]
async fn bot_that_remembers_is_up() {
    let app = bot(true).await;
    let report = run(&probe(&app.url, &serde_json::json!({})), TimeLimit::Probe).await;
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
async fn bot_that_forgets_is_down_with_the_failed_check() {
    let app = bot(false).await;
    let report = run(&probe(&app.url, &serde_json::json!({})), TimeLimit::Probe).await;
    assert_eq!(report.outcome, Outcome::Down { reason: Reason::CheckFailed });
    assert_eq!(report.retries(), 1, "a failed check is retried");
    let name = app.received()[2]
        .message
        .trim_start_matches("My name is ")
        .trim_end_matches('.')
        .to_owned();
    assert_eq!(
        report.detail,
        format!("turn 2: expected contains \"{name}\", received \"I do not know your name.\"")
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
    let report = run(&probe(&flaky.url, &one_turn), TimeLimit::Probe).await;
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
async fn empty_reply_is_down_unless_a_check_expects_it() {
    let app = GradioApp::start(|_| Answer::text("")).await;
    let cases = [
        (serde_json::json!([]), Some("turn 1: expected an answer, received an empty reply")),
        (
            serde_json::json!([{ "not_contains": "error" }, { "max_length": 100 }]),
            Some("turn 1: expected an answer, received an empty reply"),
        ),
        (
            serde_json::json!([{ "min_length": 2 }]),
            Some("turn 1: expected min_length 2, received 0 characters"),
        ),
        (serde_json::json!([{ "equals": "" }]), None),
        (serde_json::json!([{ "max_length": 0 }]), None),
    ];
    for (expect, detail) in cases {
        let turn = serde_json::json!({ "conversation": [{ "say": "hi", "expect": expect }] });
        let report = run(&probe(&app.url, &single_turn(&turn)), TimeLimit::Probe).await;
        match detail {
            None => assert_eq!(report.outcome, Outcome::Up, "{turn}: {}", report.detail),
            Some(detail) => {
                assert_eq!(report.outcome, Outcome::Down { reason: Reason::CheckFailed }, "{turn}");
                assert_eq!(report.detail, detail, "{turn}");
            }
        }
    }
}

#[tokio::test]
async fn objective_missed_during_a_stall_is_not_counted() {
    let app = GradioApp::start(|_| Answer::text("ok")).await;
    let more = single_turn(&serde_json::json!({ "objectives": { "first_chunk_seconds": 0.3 } }));
    let report = run_with_stall(&probe(&app.url, &more), Duration::from_millis(400)).await;
    assert_eq!(report.outcome, Outcome::Up, "{}", report.detail);
    assert!(report.is_blurred() && report.stalled >= Some(Duration::from_millis(350)));
    assert!(report.detail.contains("not counted against the app"), "{}", report.detail);
}

#[tokio::test]
async fn timeout_during_a_stall_has_no_verdict() {
    let app = GradioApp::start(|_| Answer::Silence).await;
    let probe = probe(&app.url, &single_turn(&serde_json::json!({ "timeout_seconds": 1 })));
    let report = run_with_stall(&probe, Duration::from_millis(700)).await;
    assert_eq!(report.outcome, Outcome::RunError { fault: OwnFault::Stalled }, "{}", report.detail);
    assert!(report.detail.contains("the prober was stalled for"), "{}", report.detail);
}

#[tokio::test]
async fn app_error_is_reported_without_secrets() {
    let app =
        GradioApp::start(|_| Answer::Error("no credit left for canary-secret".to_owned())).await;
    let more = serde_json::json!({
        "target": { "url": app.url, "auth": { "bearer": "${secret:vigie/bot}" } },
        "retry": { "attempts": 0, "wait_seconds": 0.01 },
    });
    let report = run(&probe(&app.url, &more), TimeLimit::Probe).await;
    assert_eq!(report.outcome, Outcome::Down { reason: Reason::AppError });
    let written = serde_json::to_string(&report).unwrap();
    assert!(!written.contains("canary"), "{written}");
    assert!(report.detail.contains("no credit left"), "{}", report.detail);
    assert_eq!(app.received()[0].headers["authorization"], "Bearer canary-secret");
}

/// Makes a run with a paused clock, which starts to move when the bot has received a message.
async fn run_in_its_own_time(app: &GradioApp, probe: &Probe, limit: TimeLimit) -> Report {
    let received = app.received().len();
    let mut run = pin!(run(probe, limit));
    loop {
        // Turns of the app, which runs on the same thread.
        for _ in 0..32 {
            if let Poll::Ready(report) = poll_once(&mut run).await {
                return report;
            }
            tokio::task::yield_now().await;
        }
        if app.received().len() > received {
            tokio::time::advance(Duration::from_millis(10)).await;
        }
    }
}

/// Polls a future once.
async fn poll_once<T>(future: &mut Pin<&mut impl Future<Output = T>>) -> Poll<T> {
    std::future::poll_fn(|context| Poll::Ready(future.as_mut().poll(context))).await
}

#[tokio::test(start_paused = true)]
async fn silent_bot_is_down_unless_the_process_ran_out_of_time() {
    let app = GradioApp::start(|_| Answer::Silence).await;
    let short = probe(&app.url, &serde_json::json!({ "timeout_seconds": 1.0 }));
    let long = TimeLimit::Process(Duration::from_secs(60));
    let report = run_in_its_own_time(&app, &short, long).await;
    assert_eq!(
        report.outcome,
        Outcome::Down { reason: Reason::FirstChunkTimeout },
        "{}",
        report.detail
    );
    let probe = probe(&app.url, &serde_json::json!({}));
    let limit = TimeLimit::Process(Duration::from_millis(300));
    let report = run_in_its_own_time(&app, &probe, limit).await;
    assert_eq!(
        report.outcome,
        Outcome::RunError { fault: OwnFault::Deadline },
        "{}",
        report.detail
    );
}

#[tokio::test]
async fn missed_objective_is_degraded() {
    let app = bot(true).await;
    let report = run(
        &probe(&app.url, &serde_json::json!({ "objectives": { "reply_seconds": 0.0 } })),
        TimeLimit::Probe,
    )
    .await;
    assert_eq!(report.outcome, Outcome::Degraded);
    assert!(report.detail.contains("objective 0.00 s"), "{}", report.detail);
}

#[tokio::test]
async fn refused_connection_is_a_connect_failure() {
    let report = run(&probe("http://127.0.0.1:1", &serde_json::json!({})), TimeLimit::Probe).await;
    assert_eq!(report.outcome, Outcome::Down { reason: Reason::Connect }, "{}", report.detail);
    assert_eq!(report.instance, "127.0.0.1:1");
}

#[tokio::test]
async fn saved_part_is_used_in_a_later_turn() {
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
    let report = run(&probe(&app.url, &more), TimeLimit::Probe).await;
    assert_eq!(report.outcome, Outcome::Up, "{}", report.detail);
    assert_eq!(app.received()[1].message, "What about 417?");
}
