//! 500 outages through the real decision code to every kind of receiver, which fail now and then.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use domain::Severity;
use futures_util::future::join_all;
use jiff::Timestamp;
use notify::notification::Item;
use notify::reconcile::{Delivery, Facts, Outgoing, Records, Trigger, begin, reconcile, settle};
use notify::record::{AlarmRecord, Fact, FlappingRules};
use notify::rules::Rules;
use notify::sent::Outcome;
use notify::{Language, State};
use receivers::{Payload, Resolved, Sender, deliveries};
use testkit::vendors::{Fault, Vendor, VendorServer};
use tokio::time::Instant;

use crate::support::{alert, notification, policy, receiver};

const OUTAGES: usize = 500;
const PROBES: usize = 25;
/// Minutes until the next change of the alarm.
const SHORT: usize = 2;

struct Replay {
    records: Records,
    rules: Rules,
    receivers: BTreeMap<String, Resolved>,
    sender: Sender,
    failures: usize,
}

impl Replay {
    /// As the function `alerts` does: compares, sends, and records what was sent.
    async fn step(&mut self, trigger: Trigger, now: Timestamp) {
        let alarms = self.records.iter().map(|(key, record)| {
            let alert = &record.alert;
            let reason = alert.reason.clone();
            (key.clone(), Fact::Is { state: alert.state, since: alert.changed, reason })
        });
        let facts =
            Facts { alarms: alarms.collect(), listed: Some(Vec::new()), ..Facts::default() };
        let severity = |_: &notify::Alert| Severity::Page;
        let outgoing = reconcile(&mut self.records, &facts, &self.rules, severity, trigger, now);
        begin(&mut self.records, &outgoing, now);
        let sent = join_all(outgoing.iter().map(|outgoing| self.send(outgoing, now))).await;
        let results: Vec<Delivery> = sent.into_iter().flatten().collect();
        let failed = results.iter().filter(|result| result.outcome != Outcome::Accepted);
        self.failures += failed.count();
        settle(&mut self.records, &results, now);
    }

    async fn send(&self, outgoing: &Outgoing, now: Timestamp) -> Vec<Delivery> {
        let items = outgoing.items.iter().map(|(key, kind)| {
            let record = &self.records[key];
            Item {
                kind: *kind,
                alert: record.alert.clone(),
                severity: record.severity,
                incident: record.incident,
                closure: record.closure,
                acknowledged: record.acknowledged.clone(),
                report: None,
                metrics: None,
            }
        });
        let notification = notification(items.collect(), now);
        let receiver = &self.receivers[&outgoing.receiver];
        let mut results = Vec::new();
        for delivery in deliveries(receiver, &notification, Language::English).unwrap() {
            let deadline = Instant::now() + Duration::from_secs(30);
            let sent = match &delivery.payload {
                Payload::Http(requests) => self.sender.send(receiver, requests, deadline).await,
                _ => Ok(()),
            };
            let outcome = match sent {
                Ok(()) => Outcome::Accepted,
                Err(error) if error.may_be_accepted() => Outcome::Unknown,
                Err(_) => Outcome::Rejected,
            };
            results.extend(delivery.items.iter().map(|index| Delivery {
                receiver: outgoing.receiver.clone(),
                key: outgoing.items[*index].0.clone(),
                outcome,
            }));
        }
        results
    }

    fn observe(&mut self, probe: &str, state: State, now: Timestamp) {
        let alert = alert(probe, state, now);
        let before = self.records.get(&alert.key);
        let lease = self.rules.lease;
        if let Some(record) = AlarmRecord::observe(before, &alert, Severity::Page, lease, now) {
            self.records.insert(alert.key, record);
        }
    }
}

/// Now and then a vendor fails twice, which is more than the sender's attempts.
fn script(vendor: Vendor) -> impl FnMut(usize) -> Option<Fault> + Send {
    let offset = vendor as usize;
    move |number| match (number + offset) % 101 {
        7 | 8 => Some(Fault::Status(500)),
        20 => Some(Fault::RateLimit("0.001")),
        40 | 41 => Some(Fault::Status(503)),
        60 => Some(Fault::Hang),
        80 | 81 => Some(Fault::RateLimit("600")),
        _ => None,
    }
}

/// Now and then a vendor hangs for two notifications with all their attempts, and has read none of them.
fn hanging(vendor: Vendor) -> impl FnMut(usize) -> Option<Fault> + Send {
    let offset = vendor as usize;
    move |number| ((number + offset) % 101 < 4).then_some(Fault::Hang)
}

/// Now and then a vendor accepts requests and never answers them.
fn silent(vendor: Vendor) -> impl FnMut(usize) -> Option<Fault> + Send {
    let offset = vendor as usize;
    move |number| ((number + offset) % 101 < 4).then_some(Fault::AcceptAndHang)
}

#[tokio::test(start_paused = true)]
async fn outages_open_and_resolve_once() {
    let (failures, doubled) = replay(&Vendor::ALL, SHORT, script).await;
    assert!(100 < failures && doubled == 0, "{failures} {doubled}");
}

#[tokio::test(start_paused = true)]
async fn hanging_receivers_open_and_resolve_once() {
    // The third attempt is made three minutes after the first one.
    let vendors = [Vendor::PagerDuty, Vendor::Slack, Vendor::Teams];
    let (failures, doubled) = replay(&vendors, 2 * SHORT, hanging).await;
    assert!(50 < failures && doubled == 0, "{failures} {doubled}");
}

/// Chats show such a message twice. Vendors that keep incidents recognize it.
#[tokio::test(start_paused = true)]
async fn receivers_that_never_answer_keep_one_incident() {
    let vendors = [Vendor::PagerDuty, Vendor::Webhook, Vendor::Opsgenie, Vendor::IncidentIo];
    let (failures, doubled) = replay(&vendors, SHORT, silent).await;
    assert!(50 < failures && 0 < doubled, "{failures} {doubled}");
}

/// Runs outages with all receivers at once, checks what each has seen, and returns the numbers of failed
/// deliveries and of messages that a vendor had before.
async fn replay<S>(
    vendors: &[Vendor],
    minutes: usize,
    script: impl Fn(Vendor) -> S,
) -> (usize, usize)
where
    S: FnMut(usize) -> Option<Fault> + Send + 'static,
{
    let mut servers = BTreeMap::new();
    let mut receivers = BTreeMap::new();
    for &vendor in vendors {
        let server = VendorServer::start(vendor, script(vendor)).await;
        let receiver = receiver(vendor, &server.url);
        servers.insert(receiver.name.clone(), (vendor, server));
        receivers.insert(receiver.name.clone(), receiver);
    }
    let rules = Rules {
        page: receivers.keys().cloned().collect(),
        ticket: Vec::new(),
        escalation: Vec::new(),
        trackers: BTreeSet::new(),
        remind_every: Some(Duration::from_secs(3_600)),
        escalate_after: None,
        flapping: FlappingRules::default(),
        lease: Duration::from_secs(86_400),
        window: Duration::from_secs(30),
    };
    let sender = Sender::new(policy(2));
    let mut replay = Replay { records: Records::new(), rules, receivers, sender, failures: 0 };
    let mut now: Timestamp = "2026-11-01T00:00:00Z".parse().unwrap();
    let mut pass = |seconds: u64| {
        now += Duration::from_secs(seconds);
        now
    };
    for outage in 0..OUTAGES {
        let probe = format!("bot-{}", outage % PROBES);
        for state in [State::Alarm, State::Ok] {
            let changed = pass(1);
            replay.observe(&probe, state, changed);
            replay.step(Trigger::Flush, pass(30)).await;
            // What failed is sent by a later minute of the schedule.
            for _ in 0..minutes {
                replay.step(Trigger::Tick, pass(60)).await;
            }
        }
    }
    for _ in 0..10 {
        replay.step(Trigger::Tick, pass(60)).await;
    }

    println!("receiver     opened resolved doubled open  ({} failed deliveries)", replay.failures);
    let (mut wrong, mut repeated) = (Vec::new(), 0);
    for (name, (vendor, server)) in &servers {
        let (opened, resolved, doubled, open) = counts(*vendor, server);
        println!("{name:<12} {opened:>6} {resolved:>8} {doubled:>7} {open:>4}");
        repeated += doubled;
        if (opened, resolved, open) != (OUTAGES, OUTAGES, 0) || !server.refused().is_empty() {
            wrong.push(format!(
                "{name}: {opened} {resolved} {doubled} {open} {:?}",
                server.refused().first()
            ));
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
    (replay.failures, repeated)
}

/// Opened, resolved, doubled and left open.
fn counts(vendor: Vendor, server: &VendorServer) -> (usize, usize, usize, usize) {
    let accepted = server.accepted();
    if matches!(vendor, Vendor::PagerDuty | Vendor::Webhook | Vendor::Opsgenie | Vendor::IncidentIo)
    {
        let incidents = server.incidents();
        let sum = |of: fn(&testkit::vendors::Incident) -> usize| incidents.values().map(of).sum();
        let (opened, resolved): (usize, usize) = (sum(|one| one.opened), sum(|one| one.resolved));
        let doubled = accepted.len().saturating_sub(opened + resolved);
        return (opened, resolved, doubled, incidents.values().filter(|one| one.is_open).count());
    }
    // Chats have messages only: those about each probe must alternate.
    let (mut opened, mut resolved, mut doubled) = (0, 0, 0);
    let mut open: BTreeSet<String> = BTreeSet::new();
    for message in &accepted {
        let text = if vendor == Vendor::Ntfy { &message.path } else { &message.body };
        let text = text.replace("%20", " ");
        for probe in probes_after(&text, "DOWN bot-") {
            if open.insert(probe) { opened += 1 } else { doubled += 1 }
        }
        for probe in probes_after(&text, "OK bot-") {
            if open.remove(&probe) { resolved += 1 } else { doubled += 1 }
        }
    }
    (opened, resolved, doubled, open.len())
}

/// The numbers of the probes that follow `title`.
fn probes_after(text: &str, title: &str) -> BTreeSet<String> {
    let digits = |rest: &str| rest.chars().take_while(char::is_ascii_digit).collect();
    text.split(title).skip(1).map(digits).collect()
}
