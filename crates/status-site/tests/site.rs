//! The objects of the status page while runs and alarms change.

#![expect(clippy::unwrap_used, reason = "the helpers of a test fail like the test")]

#[path = "../../run-table/tests/fake/mod.rs"]
mod fake;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_sdk_s3::operation::delete_objects::DeleteObjectsOutput;
use aws_sdk_s3::operation::get_object::GetObjectOutput;
use aws_sdk_s3::operation::list_objects_v2::ListObjectsV2Output;
use aws_sdk_s3::operation::put_object::PutObjectOutput;
use aws_sdk_s3::types::Object;
use aws_smithy_mocks::{Rule, RuleMode, mock, mock_client};
use domain::{Outcome, Probe, Reason, Severity};
use jiff::Timestamp;
use notification_store::NotificationStore;
use notify::AlarmRecord;
use notify::alert::{Alert, State, Subject};
use run_record::RunRecord;
use run_table::RunTable;
use status_page::{Audience, Language};
use status_site::{SiteSettings, StatusSite, Updated};
use tokio::time::Instant;

use fake::Fake;

const HOSTILE: &str = "<script>alert(1)</script>";
const URL: &str = "https://bot.example.com/chat?key=SECRET-KEY";

type Stored = Arc<Mutex<BTreeMap<String, String>>>;

/// A bucket, a table and the page in them.
struct World {
    table: Fake,
    stored: Stored,
    site: StatusSite,
}

impl World {
    fn new(audience: Audience) -> Self {
        let stored = Stored::default();
        let table = Fake::new();
        let site = site(&table, &stored, audience);
        Self { table, stored, site }
    }

    /// With another execution environment.
    fn restarted(self, audience: Audience) -> Self {
        let site = site(&self.table, &self.stored, audience);
        Self { site, ..self }
    }

    async fn record(&self, seconds: u64, outcome: Outcome) {
        self.record_at(None, seconds, outcome).await;
    }

    async fn record_at(&self, location: Option<&str>, seconds: u64, outcome: Outcome) {
        let table = RunTable::new(self.table.client(), "table");
        let location = location.map(|name| name.parse().unwrap());
        let run = run(seconds, outcome);
        table.record(&"bot".parse().unwrap(), location.as_ref(), &run).await.unwrap();
    }

    async fn alarm(&self, state: State, seconds: u64) {
        let store = NotificationStore::new(self.table.client(), "table");
        let record = AlarmRecord::new(&alert(State::Alarm, 120), Severity::Page);
        let record = AlarmRecord { alert: alert(state, seconds), ..record };
        store.put(&record, 0, at(seconds)).await.unwrap();
    }

    async fn update(&self, probes: &[Probe], seconds: u64) -> Updated {
        let until = Instant::now() + Duration::from_secs(60);
        let updated = self.site.update(probes, at(seconds), until).await;
        assert!(updated.failures.is_empty(), "{:?}", updated.failures);
        updated
    }

    /// The objects that were written since the last call.
    fn written(&self) -> BTreeMap<String, String> {
        std::mem::take(&mut self.stored.lock().unwrap())
    }
}

fn site(table: &Fake, stored: &Stored, audience: Audience) -> StatusSite {
    let settings = SiteSettings {
        environment: "prod".parse().unwrap(),
        language: Language::English,
        audience,
        address: "https://status.example.com".to_owned(),
        bucket: "pages".to_owned(),
        report_bucket: "reports".to_owned(),
    };
    let runs = RunTable::new(table.client(), "table");
    let alarms = NotificationStore::new(table.client(), "table");
    StatusSite::new(settings, bucket(stored), runs, alarms)
}

fn bucket(stored: &Stored) -> aws_sdk_s3::Client {
    let rules = [putting(stored), listing(stored), deleting(stored), reading()];
    let rules: Vec<&Rule> = rules.iter().collect();
    mock_client!(aws_sdk_s3, RuleMode::MatchAny, rules)
}

fn putting(stored: &Stored) -> Rule {
    let stored = Arc::clone(stored);
    mock!(aws_sdk_s3::Client::put_object).then_compute_output(move |request| {
        assert_eq!(request.bucket(), Some("pages"));
        let body = request.body().bytes().unwrap().to_vec();
        let body = String::from_utf8(body).unwrap();
        stored.lock().unwrap().insert(request.key().unwrap().to_owned(), body);
        PutObjectOutput::builder().build()
    })
}

fn listing(stored: &Stored) -> Rule {
    let stored = Arc::clone(stored);
    mock!(aws_sdk_s3::Client::list_objects_v2).then_compute_output(move |request| {
        let stored = stored.lock().unwrap();
        let keys = stored.keys().filter(|key| key.starts_with(request.prefix().unwrap()));
        let objects = keys.map(|key| Object::builder().key(key).build()).collect();
        ListObjectsV2Output::builder().set_contents(Some(objects)).build()
    })
}

fn deleting(stored: &Stored) -> Rule {
    let stored = Arc::clone(stored);
    mock!(aws_sdk_s3::Client::delete_objects).then_compute_output(move |request| {
        for object in request.delete().unwrap().objects() {
            stored.lock().unwrap().remove(object.key());
        }
        DeleteObjectsOutput::builder().build()
    })
}

/// The newest report of every probe.
fn reading() -> Rule {
    let mut report = testkit::reports::eventful();
    report.due = at(60);
    report.outcome = Outcome::Down { reason: Reason::CheckFailed };
    report.detail = format!("turn 1: {HOSTILE}");
    let json = serde_json::to_vec(&report).unwrap();
    mock!(aws_sdk_s3::Client::get_object).then_output(move || {
        let length = i64::try_from(json.len()).unwrap();
        GetObjectOutput::builder().content_length(length).body(json.clone().into()).build()
    })
}

fn at(seconds: u64) -> Timestamp {
    let start: Timestamp = "2026-11-30T12:00:00Z".parse().unwrap();
    start + Duration::from_secs(seconds)
}

fn run(seconds: u64, outcome: Outcome) -> RunRecord {
    RunRecord {
        first_chunk: Some(Duration::from_millis(812)),
        has_report: outcome != Outcome::Up,
        ..RunRecord::new(at(seconds), outcome, Duration::from_secs(2))
    }
}

fn alert(state: State, seconds: u64) -> Alert {
    let subject = Subject::Down { probe: "bot".parse().unwrap() };
    Alert {
        key: "arn".to_owned(),
        looks_back_seconds: Some(60),
        ..Alert::new("vigie-prod-bot-down".to_owned(), subject, state, at(seconds))
    }
}

fn probe(name: &str, more: &str) -> Probe {
    let text = format!(
        "probe: {name}\nevery: 1m\n{more}target: {{ url: \"{URL}\" }}\nconversation: [ {{ say: SECRET-PROMPT }} ]\n"
    );
    let spec = probe_file::parse(&text, "bot.yaml").unwrap();
    spec.resolve(&"prod".parse().unwrap(), &|_| None).unwrap()
}

const DOWN: Outcome = Outcome::Down { reason: Reason::CheckFailed };

#[tokio::test]
async fn outage_is_on_the_pages_in_the_next_minute() {
    let world = World::new(Audience::Internal);
    let probes = [probe("bot", "")];
    world.record(0, Outcome::Up).await;
    world.update(&probes, 30).await;
    let first = world.written();
    for key in ["index.html", "probes/bot", "probes/bot/7d", "probes/bot/90d", "404.html"] {
        assert!(first.contains_key(&format!("internal/{key}")), "{key}: {:?}", first.keys());
    }
    assert!(first["internal/badge/bot/state.svg"].contains("up"));
    let page = &first["internal/probes/bot"];
    for shown in ["SECRET-PROMPT", "https://bot.example.com/chat"] {
        assert!(page.contains(shown), "{shown}");
    }
    assert!(!page.contains("SECRET-KEY"));

    world.record(60, DOWN).await;
    world.record(120, DOWN).await;
    world.alarm(State::Alarm, 120).await;
    world.update(&probes, 130).await;
    let outage = world.written();
    assert!(outage["internal/index.html"].contains("The chatbot is down"));
    assert!(outage["internal/badge/bot/state.svg"].contains("down"));
    let incident = outage.iter().find(|(key, _)| key.starts_with("internal/incidents/")).unwrap();
    assert!(incident.1.contains("alert(1)") && !incident.1.contains(HOSTILE), "{}", incident.1);
    assert!(outage["internal/feed.atom"].contains("<entry>"));
    assert!(outage.keys().any(|key| key.starts_with("internal/probes/bot/runs/")));

    world.record(180, Outcome::Up).await;
    world.alarm(State::Ok, 190).await;
    world.update(&probes, 200).await;
    let recovered = world.written();
    assert!(recovered["internal/index.html"].contains("The chatbot is up"));
    assert!(recovered["internal/api/v1/incidents"].contains(r#""ended":"2026-11-30T12:03:10Z""#));
}

#[tokio::test]
async fn incident_that_ended_within_a_minute_has_its_reason() {
    let world = World::new(Audience::Internal);
    let probes = [probe("bot", "")];
    world.record(0, Outcome::Up).await;
    world.update(&probes, 30).await;
    world.written();
    world.record(60, DOWN).await;
    world.record(120, Outcome::Up).await;
    world.alarm(State::Ok, 125).await;
    world.update(&probes, 130).await;
    let pages = world.written();
    let incident = pages.iter().find(|(key, _)| key.starts_with("internal/incidents/")).unwrap();
    assert!(incident.1.contains("alert(1)"), "{}", incident.1);
}

#[tokio::test]
async fn page_of_a_probe_has_a_row_for_each_location() {
    let world = World::new(Audience::Public);
    let probes = [probe("bot", "")];
    for (location, outcome) in [("eu-west-3", DOWN), ("us-east-1", Outcome::Up)] {
        world.record_at(Some(location), 0, outcome).await;
    }
    world.update(&probes, 30).await;
    let page = &world.written()["public/probes/bot"];
    let row = |location: &str| {
        let from = page.find(&format!("<th scope=\"row\">{location}</th>")).unwrap();
        let row = &page[from..];
        row[..row.find("</tr>").unwrap()].to_owned()
    };
    assert!(row("eu-west-3").contains(r#"class="word down""#), "{page}");
    assert!(row("us-east-1").contains(r#"class="word up""#), "{page}");
}

#[tokio::test]
async fn unchanged_pages_are_written_every_ten_minutes() {
    let world = World::new(Audience::Internal);
    let probes = [probe("bot", "")];
    world.record(0, Outcome::Up).await;
    world.update(&probes, 30).await;
    world.written();
    let mut pages = 0;
    for minute in 1..=20 {
        world.record(minute * 60, Outcome::Up).await;
        world.update(&probes, minute * 60 + 30).await;
        pages += usize::from(world.written().contains_key("internal/probes/bot"));
    }
    assert_eq!(pages, 2);
    // The totals of earlier days are stored once they are over.
    let items = world.table.items.lock().unwrap();
    let days: Vec<&str> = items.keys().filter_map(|(_, key)| key.strip_prefix("day#")).collect();
    assert!(days.contains(&"2026-11-29") && !days.contains(&"2026-11-30"), "{days:?}");
}

#[tokio::test]
async fn public_pages_show_only_what_the_probe_allows() {
    let mut world = World::new(Audience::Public);
    world.record(60, DOWN).await;
    world.alarm(State::Alarm, 120).await;
    let private = ["SECRET-PROMPT", "check_failed", "alert(1)", "/runs/"];
    let all = "public: [reasons, address, conversation]\n";
    let some = "public: [reasons, conversation]\n";
    let cases = [("", false, false), (all, true, true), (some, true, false), ("", false, false)];
    for (disclosed, expected, reports) in cases {
        world.update(&[probe("bot", disclosed)], 130).await;
        let pages = world.stored.lock().unwrap().clone();
        assert!(pages.keys().all(|key| key.starts_with("public/")), "{:?}", pages.keys());
        let all: String = pages.iter().flat_map(|(key, page)| [key.as_str(), page]).collect();
        for text in private {
            let is_report = text == "/runs/";
            let allowed = if is_report { reports } else { expected };
            assert!(allowed || !all.contains(text), "{disclosed:?} shows {text}");
            assert!(is_report || !allowed || all.contains(text), "{disclosed:?} hides {text}");
        }
        world = world.restarted(Audience::Public);
    }
}

#[tokio::test]
async fn pages_of_a_removed_probe_are_deleted() {
    let world = World::new(Audience::Public);
    world.update(&[probe("bot", ""), probe("other", "")], 30).await;
    let world = world.restarted(Audience::Public);
    world.update(&[probe("other", "")], 90).await;
    let stored = world.stored.lock().unwrap();
    assert!(stored.contains_key("public/probes/other"));
    assert!(!stored.keys().any(|key| key.contains("/bot")), "{:?}", stored.keys());
}
