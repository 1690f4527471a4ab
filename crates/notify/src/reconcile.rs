//! Compares the current states with the last notification of each receiver, and decides what to send.
//!
//! Level-triggered: a lost, doubled or late event changes when a notification is sent, not whether. The caller reads
//! the records, queries CloudWatch, calls [`reconcile`] and [`begin`], stores the records, publishes, calls [`settle`]
//! and stores the records again. If the process ends in between, a notification may be repeated; neither it nor its
//! end is lost.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use domain::{ProbeName, Severity};
use jiff::Timestamp;

use crate::alert::{Alert, State, Subject};
use crate::due::{View, due, sent_after};
use crate::incident::NotificationKind;
#[cfg(test)]
use crate::planted;
use crate::record::{AlarmRecord, Fact, elapsed};
use crate::route::Routes;
use crate::rules::{BELIEVED, Rules};
use crate::sent::Outcome;

/// An alarm without data that was never seen in another state is new; it is reported after this time.
const NEW_ALARM: Duration = Duration::from_secs(600);

/// The records, by [`Alert::key`].
pub type Records = BTreeMap<String, AlarmRecord>;

/// The current states, as far as they could be queried.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// By [`Alert::key`]. An alarm that could not be queried is not in it.
    pub alarms: BTreeMap<String, Fact>,
    /// Every alarm that notifies Vigie and is not `OK`; `None` when the list is incomplete.
    pub listed: Option<Vec<Alert>>,
    /// The keys of the alarms that are muted.
    pub muted: BTreeSet<String>,
    /// The keys of the alarms that Vigie may not query, such as those of another account.
    pub out_of_reach: BTreeSet<String>,
}

/// Whether changes wait for the end of their group's window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trigger {
    /// A window has ended: everything is sent.
    Flush,
    /// A minute of the schedule: a young change waits for its flush.
    Tick,
}

/// One notification to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outgoing {
    pub receiver: String,
    /// The keys of the alarms, each with the reason to send it.
    pub items: Vec<(String, NotificationKind)>,
}

/// Brings the records up to date and decides what to send, at most one notification for each receiver.
pub fn reconcile(
    records: &mut Records,
    facts: &Facts,
    rules: &Rules,
    severity: impl Fn(&Alert) -> Severity,
    trigger: Trigger,
    now: Timestamp,
) -> Vec<Outgoing> {
    for alert in facts.listed.iter().flatten() {
        if !records.contains_key(&alert.key) && is_incident(alert, now) {
            records.insert(alert.key.clone(), AlarmRecord::new(alert, severity(alert)));
        }
    }
    for (key, record) in records.iter_mut() {
        if let Some(fact) = facts.alarms.get(key) {
            record.confirm(fact, now);
        }
        if facts.out_of_reach.contains(key) {
            record.lease_report(rules.lease);
        }
        record.refresh(&rules.flapping, now);
    }
    let paged = paged(records);
    let mut outgoing: BTreeMap<String, Vec<(String, NotificationKind)>> = BTreeMap::new();
    for (key, record) in records.iter_mut() {
        let young = |since: Timestamp| elapsed(since, now) < rules.window + LATE_FLUSH;
        if trigger == Trigger::Tick && record.waiting_since.is_some_and(young) {
            continue;
        }
        record.waiting_since = None;
        let view = View {
            confirmed: is_confirmed(key, record, facts, now),
            known: is_known(key, record, facts),
            muted: facts.muted.contains(key) || is_covered(record, &paged),
        };
        for (receiver, kind) in due(record, &view, rules, now) {
            outgoing.entry(receiver).or_default().push((key.clone(), kind));
        }
    }
    outgoing.into_iter().map(|(receiver, items)| Outgoing { receiver, items }).collect()
}

/// The probes whose alarm `down` is open; a test is not an outage.
fn paged(records: &Records) -> BTreeSet<ProbeName> {
    let probe = |record: &AlarmRecord| match &record.alert.subject {
        Subject::Down { probe } if record.is_open() && !record.is_once() => Some(probe.clone()),
        _ => None,
    };
    records.values().filter_map(probe).collect()
}

/// Whether the alarm of the probe says more: it counts the votes of all locations, and its mail lists them.
fn is_covered(record: &AlarmRecord, paged: &BTreeSet<ProbeName>) -> bool {
    matches!(&record.alert.subject, Subject::Location { probe, .. } if paged.contains(probe))
}

/// A change that waits for longer than the window and this has lost its flush.
const LATE_FLUSH: Duration = Duration::from_secs(60);

/// Whether [`reconcile`] may have something to send without a new event, so that a query is worth its cost.
#[must_use]
pub fn is_due<'a>(
    mut records: impl Iterator<Item = &'a AlarmRecord>,
    rules: &Rules,
    now: Timestamp,
) -> bool {
    records.any(|record| {
        let fresh = elapsed(record.as_of, now) < BELIEVED;
        let view = View { confirmed: fresh || record.can_be_queried(), known: true, muted: false };
        record.absent_since.is_some()
            || record.is_stale(&rules.flapping, now)
            || !due(record, &view, rules, now).is_empty()
    })
}

/// Notes in the records that notifications are about to be sent. The records are stored before the first one is.
pub fn begin(records: &mut Records, outgoing: &[Outgoing], now: Timestamp) {
    for Outgoing { receiver, items } in outgoing {
        for (key, kind) in items {
            if let Some(record) = records.get_mut(key) {
                let sent = sent_after(record, receiver, *kind, now);
                record.begin_attempt(receiver, sent, now);
            }
        }
    }
}

/// The outcome of one item of an [`Outgoing`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    pub receiver: String,
    pub key: String,
    pub outcome: Outcome,
}

/// Notes the outcomes in the records.
pub fn settle(records: &mut Records, deliveries: &[Delivery], now: Timestamp) {
    #[cfg(test)]
    let one_failed = planted::is(planted::Bug::OneFailureForAll)
        && deliveries.iter().any(|delivery| delivery.outcome == Outcome::Rejected);
    for Delivery { receiver, key, outcome } in deliveries {
        #[cfg(test)]
        let outcome = if one_failed { &Outcome::Rejected } else { outcome };
        if let Some(record) = records.get_mut(key) {
            record.end_attempt(receiver, *outcome, now);
        }
    }
}

/// Whether the state of an alarm was queried, or cannot be queried at all.
fn is_known(key: &str, record: &AlarmRecord, facts: &Facts) -> bool {
    !record.can_be_queried() || facts.out_of_reach.contains(key) || facts.alarms.contains_key(key)
}

/// Whether the state is certain enough for a reminder: queried just now, or reported just now. An Alertmanager
/// repeats what is active, so that Vigie reminds when it does.
fn is_confirmed(key: &str, record: &AlarmRecord, facts: &Facts, now: Timestamp) -> bool {
    if record.can_be_queried() {
        is_known(key, record, facts)
    } else {
        elapsed(record.as_of, now) < BELIEVED
    }
}

/// Whether an alarm that a query found is an incident, though no event reported it.
fn is_incident(alert: &Alert, now: Timestamp) -> bool {
    match alert.state {
        State::Alarm => true,
        // Alarms of others may never have data. A new alarm of a probe has none until the first run.
        State::InsufficientData => {
            matches!(alert.subject, Subject::Down { .. } | Subject::Location { .. })
                && NEW_ALARM <= elapsed(alert.changed, now)
        }
        State::Ok => false,
    }
}

/// The open alarms, without those of `except`; `None` when one of them could not be queried.
#[must_use]
pub fn open_alarms<'a>(
    records: &'a Records,
    facts: &Facts,
    except: &BTreeSet<&str>,
) -> Option<Vec<&'a AlarmRecord>> {
    facts.listed.as_ref()?;
    let open = records.iter().filter(|(key, record)| {
        #[cfg(test)]
        if planted::is(planted::Bug::NoDataOnce) && record.alert.state != State::Alarm {
            return false;
        }
        record.is_open() && !record.is_once() && !except.contains(key.as_str())
    });
    open.map(|(key, record)| is_known(key, record, facts).then_some(record)).collect()
}

/// The severity that `routes` give in `environment`.
pub fn severity_by<'a>(
    routes: &'a Routes,
    environment: &'a str,
) -> impl Fn(&Alert) -> Severity + 'a {
    move |alert| routes.severity(alert, environment)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::FlappingRules;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_795_305_600 + second).unwrap()
    }

    fn rules() -> Rules {
        Rules {
            page: vec!["page".to_owned()],
            ticket: vec!["ticket".to_owned()],
            escalation: Vec::new(),
            trackers: BTreeSet::new(),
            remind_every: None,
            escalate_after: None,
            flapping: FlappingRules::default(),
            lease: Duration::from_secs(3_600),
            window: Duration::ZERO,
        }
    }

    fn alert(name: &str, state: State) -> Alert {
        let subject = Subject::of_alarm(name, &"prod".parse().unwrap());
        Alert::new(name.to_owned(), subject, state, at(0))
    }

    /// What is sent about these alarms: `RECEIVER ALARM`.
    fn sent(alarms: &[(&str, State)]) -> Vec<String> {
        sent_about(alarms.iter().map(|(name, state)| alert(name, *state)).collect())
    }

    fn sent_about(alerts: Vec<Alert>) -> Vec<String> {
        let routes: Routes = serde_json::from_str(r#"{"routes":[]}"#).unwrap();
        let severity = severity_by(&routes, "prod");
        let record = |alert: &Alert| (alert.key.clone(), AlarmRecord::new(alert, severity(alert)));
        let mut records: Records = alerts.iter().map(record).collect();
        let facts = Facts { listed: Some(alerts), ..Facts::default() };
        let outgoing = reconcile(&mut records, &facts, &rules(), &severity, Trigger::Flush, at(20));
        let items = outgoing
            .iter()
            .flat_map(|one| one.items.iter().map(|(key, _)| format!("{} {key}", one.receiver)));
        items.collect()
    }

    #[test]
    fn alarm_of_a_location_waits_while_the_bot_is_down() {
        const DOWN: &str = "vigie-prod-bot-down";
        const OFFICE: &str = "vigie-prod-bot-down.office";
        let ticket = ["ticket vigie-prod-bot-down.office"];
        assert_eq!(sent(&[(OFFICE, State::Alarm)]), ticket);
        assert_eq!(sent(&[(OFFICE, State::InsufficientData)]), ticket);
        assert_eq!(sent(&[(DOWN, State::Ok), (OFFICE, State::Alarm)]), ticket);
        let both = sent(&[("vigie-prod-other-down", State::Alarm), (OFFICE, State::Alarm)]);
        assert_eq!(both, ["page vigie-prod-other-down", ticket[0]]);
        for office in [State::Alarm, State::InsufficientData] {
            assert_eq!(sent(&[(DOWN, State::Alarm), (OFFICE, office)]), [format!("page {DOWN}")]);
        }
    }

    /// Reconciles the records of `alarm` with `fact`; each notification that is due has the `outcome`.
    fn step(
        records: &mut Records,
        alarm: &str,
        fact: &Fact,
        second: i64,
        outcome: Outcome,
    ) -> Vec<NotificationKind> {
        let alarms = BTreeMap::from([(alarm.to_owned(), fact.clone())]);
        let facts = Facts { alarms, listed: Some(Vec::new()), ..Facts::default() };
        let severity = |_: &Alert| Severity::Ticket;
        let now = at(second);
        let outgoing = reconcile(records, &facts, &rules(), severity, Trigger::Flush, now);
        begin(records, &outgoing, now);
        let mut kinds = Vec::new();
        for Outgoing { receiver, items } in outgoing {
            for (key, kind) in items {
                settle(records, &[Delivery { receiver: receiver.clone(), key, outcome }], now);
                kinds.push(kind);
            }
        }
        kinds
    }

    fn is(state: State, second: i64) -> Fact {
        Fact::Is { state, since: at(second), reason: String::new() }
    }

    fn raised(name: &str) -> Records {
        let record = AlarmRecord::new(&alert(name, State::Alarm), Severity::Ticket);
        Records::from([(name.to_owned(), record)])
    }

    /// An alarm of another account: its events arrive, and queries do not.
    #[test]
    fn alarm_out_of_reach_ends_with_its_lease() {
        const DISK: &str = "disk full";
        let mut records = raised(DISK);
        for record in records.values_mut() {
            record.severity = Severity::Page;
        }
        let out_of_reach = BTreeSet::from([DISK.to_owned()]);
        let facts = Facts { listed: Some(Vec::new()), out_of_reach, ..Facts::default() };
        let rules = Rules { remind_every: Some(Duration::from_secs(900)), ..rules() };
        for (second, expected, why) in [
            (20, Some(State::Alarm), "the alarm"),
            (1_800, Some(State::Alarm), "a reminder"),
            (3_700, Some(State::Ok), "its end: no report for the time of the lease"),
            (3_800, None, "the end was sent"),
        ] {
            let now = at(second);
            let severity = |_: &Alert| Severity::Page;
            let sent = reconcile(&mut records, &facts, &rules, severity, Trigger::Flush, now);
            begin(&mut records, &sent, now);
            let delivered = |one: &Outgoing| Delivery {
                receiver: one.receiver.clone(),
                key: DISK.to_owned(),
                outcome: Outcome::Accepted,
            };
            let deliveries: Vec<Delivery> = sent.iter().map(delivered).collect();
            settle(&mut records, &deliveries, now);
            let state = records[DISK].alert.state;
            assert_eq!((!sent.is_empty()).then_some(state), expected, "{why}");
        }
        assert_eq!(records[DISK].closure, Some(crate::Closure::NotReported));
    }

    #[test]
    fn deletion_ends_an_alarm_without_data() {
        const DEGRADED: &str = "vigie-prod-bot-degraded";
        let mut records = raised(DEGRADED);
        for (fact, second, notifications, why) in [
            (is(State::Alarm, 0), 20, 1, "the alarm"),
            (is(State::InsufficientData, 600), 620, 0, "it may still be degraded"),
            (Fact::Absent, 900, 0, "a deployment may replace it"),
            (Fact::Absent, 1_080, 1, "its end"),
            (Fact::Absent, 1_200, 0, "the end was sent"),
        ] {
            let kinds = step(&mut records, DEGRADED, &fact, second, Outcome::Accepted);
            assert_eq!(kinds.len(), notifications, "{why}");
        }
    }

    #[test]
    fn state_is_sent_again_if_its_delivery_is_not_known() {
        const DOWN: &str = "vigie-prod-bot-down";
        let mut records = raised(DOWN);
        for (state, second, outcome, notifications, why) in [
            (State::Alarm, 0, Outcome::Unknown, 1, "the alarm"),
            (State::InsufficientData, 30, Outcome::Rejected, 1, "no data"),
            (State::Alarm, 50, Outcome::Rejected, 1, "the receiver may not know of the alarm"),
            (State::Alarm, 70, Outcome::Accepted, 1, "it still does not"),
            (State::Alarm, 90, Outcome::Accepted, 0, "it does"),
        ] {
            let kinds = step(&mut records, DOWN, &is(state, second), second, outcome);
            assert_eq!(kinds.len(), notifications, "{why}");
        }
    }

    #[test]
    fn test_of_the_bot_does_not_cover_its_locations() {
        let test = Alert {
            key: "test:1".to_owned(),
            test: Some("1".to_owned()),
            ..alert("vigie-prod-bot-down", State::Alarm)
        };
        let office = alert("vigie-prod-bot-down.office", State::Alarm);
        let sent = sent_about(vec![test, office]);
        assert!(sent.contains(&"ticket vigie-prod-bot-down.office".to_owned()), "{sent:?}");
    }
}
