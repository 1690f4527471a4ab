use jiff::Timestamp;
use proptest::prelude::*;

use super::*;
use crate::alert::{Source, State, Subject};

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).unwrap()
}

fn alert(state: State, previous: State, second: i64) -> Alert {
    Alert {
        key: "bot".to_owned(),
        name: "vigie-prod-bot-down".to_owned(),
        source: Source::CloudWatch,
        subject: Subject::Down { probe: "bot".parse().unwrap() },
        state,
        previous: Some(previous),
        changed: at(second),
        reason: String::new(),
        description: String::new(),
        labels: std::collections::BTreeMap::new(),
        severity: None,
        runbook: None,
        link: None,
        looks_back_seconds: Some(180),
        test: None,
    }
}

/// One alarm with its record, as the function keeps it.
struct Player {
    record: Option<AlarmRecord>,
    state: State,
    last_notification: Vec<(i64, State, NotificationKind)>,
    rules: Rules,
    severity: Severity,
}

impl Player {
    fn new() -> Self {
        Self {
            record: None,
            state: State::Ok,
            last_notification: Vec::new(),
            rules: Rules::default(),
            severity: Severity::Page,
        }
    }

    fn change(&mut self, state: State, second: i64) {
        let alert = alert(state, self.state, second);
        self.state = state;
        self.take(&alert, second);
    }

    fn take(&mut self, alert: &Alert, second: i64) {
        let known = self.record.as_ref();
        if let Observed::NotificationKind(record) = observe(known, alert, self.severity, at(second))
        {
            self.record = Some(*record);
        }
    }

    fn look(&mut self, second: i64) {
        let Some(record) = &self.record else { return };
        let decision = record.decide(&self.rules, at(second));
        let state = record.alert.state;
        self.last_notification.extend(decision.kinds.iter().map(|kind| (second, state, *kind)));
        self.record = Some(decision.after);
    }
}

#[test]
fn what_is_told_of_an_alarms_changes() {
    use State::{Alarm, InsufficientData as NoData, Ok};
    let cases: &[(&str, &[State], &[State])] = &[
        // name                            changes, each looked at     last_notification
        ("up and over", &[Alarm, Ok], &[Alarm, Ok]),
        ("no_data and seeing again", &[NoData, Ok], &[NoData, Ok]),
        ("down, then no_data, then well", &[Alarm, NoData, Ok], &[Alarm, NoData, Ok]),
        ("no_data, then down", &[NoData, Alarm], &[NoData, Alarm]),
    ];
    for (name, changes, expected) in cases {
        let mut player = Player::new();
        for (index, state) in (0..).zip(*changes) {
            player.change(*state, index * 600);
            player.look(index * 600 + 30);
        }
        let last_notification: Vec<State> =
            player.last_notification.iter().map(|(_, state, _)| *state).collect();
        assert_eq!(last_notification, *expected, "{name}");
    }
}

#[test]
fn what_changes_within_one_window_is_told_as_it_ends() {
    use State::{Alarm, InsufficientData as NoData, Ok};
    let cases: &[(&str, &[State], Option<State>)] = &[
        ("up and over: one mail says both", &[Alarm, Ok], Some(Ok)),
        ("a wink is not blindness", &[NoData, Ok], None),
        ("still up", &[Alarm, Ok, Alarm], Some(Alarm)),
        ("no_data, then down", &[NoData, Alarm], Some(Alarm)),
    ];
    for (name, changes, expected) in cases {
        let mut player = Player::new();
        for (index, state) in (0..).zip(*changes) {
            player.change(*state, index * 10);
        }
        player.look(30);
        player.look(60);
        let last_notification: Vec<State> =
            player.last_notification.iter().map(|(_, state, _)| *state).collect();
        assert_eq!(last_notification, expected.iter().copied().collect::<Vec<_>>(), "{name}");
    }
}

#[test]
fn a_new_alarm_that_turns_ok_is_no_news() {
    let mut player = Player::new();
    player.take(&alert(State::Ok, State::InsufficientData, 0), 0);
    player.look(30);
    assert_eq!(player.last_notification, []);
    // With the record of an alarm lost, its end is last_notification for itself.
    let mut player = Player::new();
    player.take(&alert(State::Ok, State::Alarm, 0), 0);
    player.look(30);
    assert_eq!(player.last_notification, [(30, State::Ok, NotificationKind::Changed)]);
}

#[test]
fn a_recovery_knows_when_the_trouble_began() {
    let mut player = Player::new();
    player.change(State::Alarm, 1_000);
    player.look(1_030);
    player.change(State::InsufficientData, 1_300);
    player.change(State::Ok, 1_600);
    let incident = player.record.unwrap().incident.unwrap();
    assert_eq!(incident, Incident { since: at(1_000), began: at(820), rose: true });
}

#[test]
fn a_slow_bot_is_not_told_as_blind() {
    let mut no_data = alert(State::InsufficientData, State::Ok, 0);
    no_data.subject = Subject::Degraded { probe: "bot".parse().unwrap() };
    let Observed::NotificationKind(record) = observe(None, &no_data, Severity::Ticket, at(0))
    else {
        panic!()
    };
    assert_eq!(record.decide(&Rules::default(), at(30)).kinds, []);
    assert!(!record.untold());
}

#[test]
fn reminders_and_escalation_are_for_pages_that_stay_up() {
    let mut player = Player::new();
    player.rules.escalate_after = Some(Duration::from_secs(3_600));
    player.change(State::Alarm, 0);
    for minute in 1..=600 {
        player.look(minute * 60);
    }
    let last_notification: Vec<(i64, NotificationKind)> =
        player.last_notification.iter().map(|(at, _, kind)| (*at, *kind)).collect();
    assert_eq!(
        last_notification,
        [
            (60, NotificationKind::Changed),
            (3_600, NotificationKind::Escalation),
            (14_460, NotificationKind::Reminder),
            (28_860, NotificationKind::Reminder)
        ]
    );
    player.change(State::Ok, 40_000);
    player.look(40_030);
    player.change(State::Alarm, 50_000);
    player.look(50_030);
    player.look(53_700);
    let newest = player.last_notification.last().unwrap();
    assert_eq!(newest.2, NotificationKind::Escalation, "a new incident escalates anew");
}

#[test]
fn flapping_is_told_once_and_the_calm_after_it_too() {
    let mut player = Player::new();
    for change in 0..30 {
        let state = if change % 2 == 0 { State::Alarm } else { State::Ok };
        player.change(state, change * 60);
        player.look(change * 60 + 30);
    }
    let count = |kind: fn(&NotificationKind) -> bool| {
        player
            .last_notification
            .iter()
            .filter(|last_notification| kind(&last_notification.2))
            .count()
    };
    assert_eq!(count(|kind| matches!(kind, NotificationKind::Changed)), 4);
    assert_eq!(count(|kind| matches!(kind, NotificationKind::Flapping { changes: 5 })), 1);
    assert_eq!(player.last_notification.len(), 5);
    player.change(State::Alarm, 1_800);
    for minute in 31..=300 {
        player.look(minute * 60);
    }
    let after: Vec<_> = player.last_notification[5..].to_vec();
    assert_eq!(
        after[0],
        (3_000, State::Alarm, NotificationKind::Settled),
        "a bot that stays down is last_notification"
    );
    assert_eq!(after[1], (17_400, State::Alarm, NotificationKind::Reminder));
    assert_eq!(after.len(), 2);
}

#[test]
fn a_bot_that_flaps_all_weekend_is_told_again_and_escalated_once() {
    let mut player = Player::new();
    player.rules.escalate_after = Some(Duration::from_secs(3_600));
    // Up for one minute in fifteen.
    for minute in 0..48 * 60 {
        match minute % 15 {
            0 => player.change(State::Alarm, minute * 60),
            14 => player.change(State::Ok, minute * 60),
            _ => {}
        }
        player.look(minute * 60 + 30);
    }
    let last_notification: Vec<(i64, NotificationKind)> =
        player.last_notification.iter().map(|(at, _, kind)| (*at / 60, *kind)).collect();
    let (changes, later) = last_notification.split_at(4);
    assert!(
        changes.iter().all(|(_, kind)| *kind == NotificationKind::Changed),
        "{last_notification:?}"
    );
    let minutes = |wanted: fn(&NotificationKind) -> bool| -> Vec<i64> {
        later.iter().filter(|(_, kind)| wanted(kind)).map(|(minute, _)| *minute).collect()
    };
    assert_eq!(
        minutes(|kind| *kind == NotificationKind::Escalation),
        [90],
        "an hour after the first"
    );
    let flapping = minutes(|kind| matches!(kind, NotificationKind::Flapping { .. }));
    let every_four_hours: Vec<i64> = (0..12).map(|nth| 30 + nth * 240).collect();
    assert_eq!(flapping, every_four_hours);
    assert_eq!(later.len(), 1 + flapping.len(), "and nothing else: {last_notification:?}");
}

#[test]
fn a_ticket_that_flaps_is_told_once() {
    let mut player = Player::new();
    player.severity = Severity::Ticket;
    for change in 0..96 {
        let state = if change % 2 == 0 { State::Alarm } else { State::Ok };
        player.change(state, change * 600);
        player.look(change * 600 + 30);
    }
    let flapping = player.last_notification.iter().filter(|last_notification| {
        matches!(last_notification.2, NotificationKind::Flapping { .. })
    });
    assert_eq!(flapping.count(), 1, "{:?}", player.last_notification);
}

#[test]
fn a_memory_of_before_is_still_read() {
    let mut old =
        serde_json::to_value(AlarmRecord::of(&alert(State::Ok, State::Alarm, 0), Severity::Page));
    old.as_mut().unwrap()["flapping"] = true.into();
    let record: AlarmRecord = serde_json::from_value(old.unwrap()).unwrap();
    assert_eq!(record.flapping_since, None, "it is last_notification once more that it flaps");
}

#[derive(Clone, Debug)]
enum Step {
    Change(State),
    Repeat,
    Stale,
    Look,
    Lose,
    Wait(i64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let state = prop_oneof![Just(State::Ok), Just(State::Alarm), Just(State::InsufficientData)];
    let step = prop_oneof![
        4 => state.prop_map(Step::Change),
        1 => Just(Step::Repeat),
        1 => Just(Step::Stale),
        4 => Just(Step::Look),
        1 => Just(Step::Lose),
        3 => (10_i64..2_000).prop_map(Step::Wait),
    ];
    proptest::collection::vec(step, 1..60)
}

proptest! {
    /// Whatever happens before: an alarm that is up in the end was last_notification, at least once it is calm.
    #[test]
    fn an_alarm_that_stays_up_is_always_told(steps in steps()) {
        let mut player = Player::new();
        let mut now = 0;
        let mut last = alert(State::Ok, State::Ok, 0);
        for step in steps {
            match step {
                Step::Change(state) if state != player.state => {
                    now += 10;
                    last = alert(state, player.state, now);
                    player.change(state, now);
                }
                Step::Change(_) => {}
                Step::Repeat => player.take(&last, now),
                Step::Stale => {
                    let mut stale = alert(State::Ok, State::Alarm, 0);
                    stale.changed = last.changed - Duration::from_secs(5_000);
                    player.take(&stale, now);
                }
                Step::Look => player.look(now),
                Step::Lose => player.record = None,
                Step::Wait(seconds) => now += seconds,
            }
        }
        if player.state == State::Alarm {
            // The queue delivers until the function has taken it.
            player.take(&last, now);
        } else {
            now += 10;
            player.change(State::Alarm, now);
        }
        let changed = now;
        for minute in 0..60 {
            player.look(now + minute * 60);
        }
        let state = player.last_notification.last().map(|last_notification| last_notification.1);
        prop_assert_eq!(state, Some(State::Alarm), "changed at {}: {:?}", changed, player.last_notification);
    }

    /// A change that comes twice, or late, tells nobody anything.
    #[test]
    fn what_is_known_is_never_told_again(second in 0_i64..100_000, late in 10_i64..100_000) {
        let mut player = Player::new();
        player.change(State::Alarm, second);
        player.look(second + 30);
        let before = player.record.clone();
        player.take(&alert(State::Alarm, State::Ok, second), second + 40);
        player.take(&alert(State::Ok, State::Alarm, second - late), second + 50);
        prop_assert_eq!(player.record, before);
    }
}
