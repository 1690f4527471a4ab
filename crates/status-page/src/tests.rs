//! Whole pages with hostile data, and what the public may see.

use std::time::Duration;

use domain::{Reason, Verdict};
use jiff::Timestamp;
use serde_json::Value;

use crate::model::{
    Configuration, IncidentPage, IncidentView, Latency, LocationRow, Overview, Point, ProbePage,
    ProbeSummary, Range, RunView, Runs, Slot, StateCounts,
};
use crate::{Audience, Disclosure, Language, Site, State, api, badge, feed};

const HOSTILE: &str = "<script>alert(1)</script>\"'&\u{202e}\u{1b}]]>";
const PRIVATE: &[&str] =
    &["SECRET-ADDRESS", "SECRET-PROMPT", "SECRET-REPLY", "check_failed", "SECRET-USER"];

fn now() -> Timestamp {
    "2026-11-25T12:00:00Z".parse().unwrap()
}

fn ago(seconds: u64) -> Timestamp {
    now() - Duration::from_secs(seconds)
}

fn site(audience: Audience, language: Language) -> Site {
    let address = "https://status.example.com".to_owned();
    Site { title: format!("Bots {HOSTILE}"), language, audience, now: now(), address }
}

fn summary() -> ProbeSummary {
    let ms = |time| Some(Duration::from_millis(time));
    let runs = |down| Runs { up: 1_430, degraded: 5, down, errors: 1, maintenance: 2 };
    let day = |day: u64| Slot { start: ago(day * 86_400), runs: runs(day % 5) };
    ProbeSummary {
        name: "support-bot".parse().unwrap(),
        public: Disclosure::default(),
        state: State::Down,
        since: Some(ago(600)),
        in_maintenance: true,
        last_24_hours: runs(10),
        last_7_days: runs(12),
        last_30_days: runs(3),
        last_90_days: Runs::default(),
        objective: Some(99.5),
        days: (0..90).rev().map(day).collect(),
        first_chunk: Latency { p50: ms(840), p95: ms(2_310) },
        first_chunk_hours: vec![ms(700), None, ms(900), ms(800)],
    }
}

fn incident() -> IncidentView {
    IncidentView {
        number: 7,
        probe: "support-bot".parse().unwrap(),
        public: Disclosure::default(),
        state: State::Down,
        began: ago(600),
        ended: None,
        reason: Some(Reason::CheckFailed),
        detail: format!("turn 2: SECRET-REPLY {HOSTILE}"),
        turn: Some(2),
        expected: Some("contains \"SECRET-PROMPT\"".to_owned()),
        found: Some(format!("SECRET-REPLY {HOSTILE}")),
        acknowledged_by: Some(format!("SECRET-USER {HOSTILE}")),
        acknowledged_at: Some(ago(60)),
        runs: Runs { up: 0, degraded: 0, down: 9, ..Runs::default() },
        report: Some("/probes/support-bot/runs/1795607400000".to_owned()),
    }
}

fn run(seconds: u64) -> RunView {
    RunView {
        due: ago(seconds),
        verdict: seconds.is_multiple_of(120).then_some(Verdict::Down),
        reason: Some("check_failed"),
        in_maintenance: seconds == 180,
        duration: Duration::from_millis(2_300),
        first_chunk: None,
        reply: Some(Duration::from_secs(2)),
        retries: 1,
        report: Some("/probes/support-bot/runs/1".to_owned()),
    }
}

fn probe_page(range: Range) -> ProbePage {
    let point = |index: u64| Point {
        at: ago(3_600 * index),
        runs: Runs { up: index % 3, degraded: 0, down: index % 2, ..Runs::default() },
        first_chunk: summary().first_chunk,
        reply: Latency { p50: Some(Duration::from_secs(index)), p95: None },
        queue: None,
        phases: [None, Some(Duration::from_millis(3)), None, Some(Duration::from_millis(40))],
    };
    let location = |name: &str, state, down| LocationRow {
        name: name.parse().unwrap(),
        state,
        last: (state != State::NoData).then(|| ago(30)),
        runs: Runs { up: 1_440 - down, down, ..Runs::default() },
        first_chunk: summary().first_chunk,
    };
    ProbePage {
        summary: summary(),
        locations: vec![
            location("ap-southeast-2", State::NoData, 0),
            location("eu-west-3", State::Down, 12),
            location("us-east-1", State::Up, 1),
        ],
        range,
        points: (0..24).rev().map(point).collect(),
        reasons: vec![(Reason::CheckFailed, 12), (Reason::Connect, 1)],
        runs: (0..20).map(|index| run(index * 60)).collect(),
        incidents: vec![incident()],
        certificate_expires: Some(now() + Duration::from_secs(86_400 * 40)),
        configuration: Configuration {
            address: Some(format!("https://SECRET-ADDRESS.example.com/{HOSTILE}")),
            every: Duration::from_secs(60),
            timeout: Duration::from_secs(30),
            first_chunk_objective: Some(Duration::from_secs(3)),
            down_rule: "2 of 3".to_owned(),
            degraded_rule: "3 of 5".to_owned(),
            maintenance: vec!["0 2 ? * SUN *, 1h, Europe/Paris".to_owned()],
            labels: vec![("team".to_owned(), HOSTILE.to_owned())],
            runbook: Some(format!("javascript:alert(1)//{HOSTILE}")),
            conversation: vec![(format!("SECRET-PROMPT {HOSTILE}"), vec![HOSTILE.to_owned()])],
            app: Some(HOSTILE.to_owned()),
            ..Configuration::default()
        },
    }
}

fn overview() -> Overview {
    let mut counts = StateCounts::default();
    counts.add(State::Down);
    counts.add(State::Up);
    let ended = IncidentView { number: 6, ended: Some(ago(60)), ..incident() };
    Overview {
        probes: vec![summary()],
        counts,
        page: 1,
        pages: 2,
        incidents: vec![incident(), ended],
    }
}

/// Every HTML page.
fn pages(site: &Site) -> Vec<String> {
    vec![
        crate::overview(site, &overview()),
        crate::probe(site, &probe_page(Range::Day)),
        crate::probe(site, &probe_page(Range::Month)),
        crate::incidents(site, &[incident()]),
        crate::incident(site, &IncidentPage { incident: incident(), runs: vec![run(0), run(60)] }),
        crate::message(site, "Not found"),
    ]
}

fn sites() -> Vec<Site> {
    let audiences = [Audience::Public, Audience::Internal];
    let languages = [Language::English, Language::French];
    audiences.into_iter().flat_map(|one| languages.map(|language| site(one, language))).collect()
}

#[test]
fn hostile_texts_are_shown_as_text() {
    for site in sites() {
        for page in pages(&site).into_iter().chain([feed::atom(&site, &[incident()])]) {
            assert!(!page.contains("<script>"), "{page}");
            assert!(!page.contains("\"'&\u{202e}"));
            assert!(!page.contains("href=\"javascript"));
            for hidden in ['\u{202e}', '\u{1b}'] {
                assert!(!page.contains(hidden), "U+{:04X}", u32::from(hidden));
            }
        }
    }
}

#[test]
fn tags_are_closed_in_order() {
    for page in sites().iter().flat_map(pages) {
        let mut open: Vec<String> = Vec::new();
        for (at, _) in page.match_indices('<') {
            let name = |rest: &str| {
                let name = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '/' | '!');
                rest.chars().take_while(name).collect::<String>()
            };
            let tag = name(&page[at + 1..]);
            match tag.strip_prefix('/') {
                Some(closed) => assert_eq!(open.pop().as_deref(), Some(closed)),
                None if matches!(&*tag, "meta" | "link" | "!DOCTYPE") => {}
                None => open.push(tag),
            }
        }
        assert_eq!(open, Vec::<String>::new());
    }
}

#[test]
fn pages_have_no_inline_style_and_load_nothing_from_elsewhere() {
    for page in sites().iter().flat_map(pages) {
        for outside in ["style=", "<style", "src=\"http", "@import", "url(", "onclick"] {
            assert!(!page.contains(outside), "{outside}");
        }
    }
    for asset in [crate::STYLE, crate::SCRIPT] {
        assert!(!asset.contains("http://") && !asset.contains("https://"));
    }
}

#[test]
fn public_page_shows_only_what_the_probe_allows() {
    let public = site(Audience::Public, Language::English);
    let internal = site(Audience::Internal, Language::English);
    let json = |site: &Site| {
        [
            serde_json::to_string(&api::status(site, &overview())).unwrap(),
            serde_json::to_string(&api::probe_detail(site, &probe_page(Range::Day))).unwrap(),
            serde_json::to_string(&api::incidents(site, &[incident()])).unwrap(),
            feed::atom(site, &[incident()]),
        ]
    };
    for page in pages(&public).into_iter().chain(json(&public)) {
        for private in PRIVATE.iter().chain(&["did not pass a check", "/runs/"]) {
            assert!(!page.contains(private), "{private}: {page}");
        }
    }
    let all = pages(&internal).into_iter().chain(json(&internal)).collect::<String>();
    for private in PRIVATE.iter().chain(&["did not pass a check", "/runs/"]) {
        assert!(all.contains(private), "{private}");
    }
    let allowed = Disclosure { reasons: true, ..Disclosure::default() };
    let shown = IncidentView { public: allowed, ..incident() };
    let page = crate::incident(&public, &IncidentPage { incident: shown, runs: vec![] });
    assert!(page.contains("check_failed") && !page.contains("SECRET"), "{page}");
}

#[test]
fn incident_without_a_cause_has_no_heading_for_it() {
    let internal = site(Audience::Internal, Language::English);
    let (detail, report) = (String::new(), None);
    let (expected, found) = (None, None);
    let without = IncidentView { reason: None, detail, expected, found, report, ..incident() };
    for (incident, has_cause) in [(incident(), true), (without, false)] {
        let page = crate::incident(&internal, &IncidentPage { incident, runs: vec![] });
        assert_eq!(page.contains("What happened"), has_cause);
    }
}

#[test]
fn runs_in_maintenance_are_not_shown_as_missing() {
    let internal = site(Audience::Internal, Language::English);
    let mut page = probe_page(Range::Day);
    let shown =
        |page: &ProbePage| crate::probe(&internal, page).contains("rect class=\"maintenance\"");
    assert!(!shown(&page));
    page.points[3].runs = Runs { maintenance: 1, ..Runs::default() };
    assert!(shown(&page));
}

#[test]
fn responses_match_the_published_schema() {
    let schema: Value = serde_json::from_str(api::SCHEMA).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    for site in sites() {
        let empty = Overview { probes: vec![], incidents: vec![], ..overview() };
        let responses = [
            serde_json::to_value(api::status(&site, &overview())).unwrap(),
            serde_json::to_value(api::status(&site, &empty)).unwrap(),
            serde_json::to_value(api::probe_detail(&site, &probe_page(Range::Day))).unwrap(),
            serde_json::to_value(api::incidents(&site, &[incident()])).unwrap(),
        ];
        for response in responses {
            let errors: Vec<String> =
                validator.iter_errors(&response).map(|error| error.to_string()).collect();
            assert!(errors.is_empty(), "{:.300}", errors.concat());
        }
    }
    assert!(!validator.is_valid(&serde_json::json!({ "version": 2 })));
}

#[test]
fn every_text_is_written_in_both_languages() {
    let page = |language| pages(&site(Audience::Internal, language)).concat();
    let french = page(Language::French);
    let texts = [
        "Availability",
        "First chunk",
        "Past incidents",
        "runs failed",
        "Objective<",
        "since ",
        ">2 of 3<",
        ">Received<",
    ];
    for english in texts {
        assert!(page(Language::English).contains(english), "{english}");
        assert!(!french.contains(english), "{english}");
    }
    assert!(french.contains(">2 sur 3<") && french.contains(">Reçu<"));
}

#[test]
fn error_budget_is_what_the_objective_allows() {
    let left = |objective, up, down| {
        let last_30_days = Runs { up, degraded: 0, down, ..Runs::default() };
        ProbeSummary { last_30_days, objective, ..summary() }.error_budget_left()
    };
    assert_eq!(left(None, 10, 0), None);
    assert_eq!(left(Some(99.0), 0, 0), None);
    assert_eq!(left(Some(99.0), 1_000, 0), Some(100.0));
    assert_eq!(left(Some(90.0), 95, 5), Some(50.0));
    assert_eq!(left(Some(99.0), 50, 50), Some(0.0));
    assert_eq!(left(Some(100.0), 99, 1), Some(0.0));
}

#[test]
fn badge_shows_state_availability_or_latency() {
    let cases = [
        (badge::Badge::State, "support-bot: down"),
        (badge::Badge::Availability30Days, "Availability: 99.79%"),
        (badge::Badge::Availability90Days, "Availability: no data"),
        (badge::Badge::FirstChunk, "First chunk: p50 840\u{a0}ms"),
    ];
    for (kind, expected) in cases {
        let svg = badge::badge(&summary(), kind, Language::English);
        assert!(svg.contains(expected), "{svg}");
        assert_eq!(badge::Badge::from_word(kind.as_str()), Some(kind));
    }
}
