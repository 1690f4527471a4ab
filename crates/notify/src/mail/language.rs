//! The texts of the mails: one implementation of [`Messages`] for each language. The layout is in the other files of
//! `mail`.

pub(crate) mod english;
pub(crate) mod french;

use std::time::Duration;

use domain::Reason;

use crate::alert::State;
use crate::incident::NotificationKind;
use crate::locale::Language;
use crate::mail::situation::{Attempts, Measurement, Situation, Slowness, StateCounts};
use crate::notification::Runs;

/// The texts of `language`.
pub(crate) fn messages(language: Language) -> &'static dyn Messages {
    match language {
        Language::English => &english::English,
        Language::French => &french::French,
    }
}

/// An incident that has ended; its times are formatted already.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PastIncident {
    /// When it began and how long it lasted; `None` when the begin is unknown.
    pub(crate) began: Option<(String, Duration)>,
    pub(crate) until: String,
    /// `None` when no run is known, or none failed.
    pub(crate) failed: Option<Runs>,
}

/// Headings and labels.
pub(crate) struct Labels {
    pub(crate) failed: &'static str,
    pub(crate) late: &'static str,
    pub(crate) said: &'static str,
    pub(crate) answered: &'static str,
    pub(crate) expected: &'static str,
    pub(crate) found: &'static str,
    pub(crate) no_answer: &'static str,
    pub(crate) took: &'static str,
    pub(crate) detail: &'static str,
    pub(crate) no_report: &'static str,
    pub(crate) comparison: &'static str,
    /// The heading of the metrics when there is nothing to compare with.
    pub(crate) metrics: &'static str,
    pub(crate) before: &'static str,
    pub(crate) during: &'static str,
    /// The same column once the incident has ended.
    pub(crate) during_incident: &'static str,
    pub(crate) availability: &'static str,
    pub(crate) first_chunk_p50: &'static str,
    pub(crate) first_chunk_p95: &'static str,
    pub(crate) no_metrics: &'static str,
    pub(crate) seen_from: &'static str,
    pub(crate) others: &'static str,
    pub(crate) others_unknown: &'static str,
    pub(crate) next: &'static str,
    pub(crate) links: &'static str,
    pub(crate) report: &'static str,
    pub(crate) runbook: &'static str,
    pub(crate) alarm: &'static str,
    pub(crate) dashboard: &'static str,
    pub(crate) acknowledge: &'static str,
    pub(crate) mute: &'static str,
    pub(crate) mute_reason: &'static str,
    pub(crate) message: &'static str,
    pub(crate) description: &'static str,
    pub(crate) label_list: &'static str,
    pub(crate) annotations: &'static str,
    pub(crate) and_more: &'static str,
    pub(crate) week: &'static str,
    pub(crate) runs: &'static str,
    pub(crate) budget_left: &'static str,
}

/// The texts of one language.
pub(crate) trait Messages: Sync {
    fn labels(&self) -> &'static Labels;
    /// What separates a name from what is said about it.
    fn colon(&self) -> &'static str;
    /// What separates a number from its unit.
    fn space(&self) -> &'static str {
        " "
    }
    /// Day and minute, for `strftime`.
    fn date_format(&self) -> &'static str;
    /// `4.2`, or `4,2`.
    fn number(&self, value: f64, decimals: usize) -> String;
    fn percent(&self, share: f64) -> String;
    /// A length of time: `40 s`, `12 min`, `2 h 05 min`, `1 d 3 h`.
    fn duration(&self, time: Duration) -> String;
    /// A measured time: `4.2 s`, `45 ms`.
    fn seconds(&self, seconds: f64) -> String {
        let space = self.space();
        match seconds {
            ..0.0005 => format!("<{space}1{space}ms"),
            ..0.0995 => format!("{}{space}ms", self.number(seconds * 1_000.0, 0)),
            _ => {
                let tenths = (seconds * 10.0).round() / 10.0;
                let whole = tenths.fract() == 0.0 || 100.0 <= tenths;
                format!("{}{space}s", self.number(tenths, usize::from(!whole)))
            }
        }
    }
    /// Two measured times, with enough decimals to show that they differ.
    fn compared(&self, one: Duration, other: Duration) -> (String, String) {
        let (one, other) = (one.as_secs_f64(), other.as_secs_f64());
        let plain = (self.seconds(one), self.seconds(other));
        if plain.0 != plain.1 {
            return plain;
        }
        let exact = |seconds| format!("{}{}s", self.number(seconds, 3), self.space());
        (exact(one), exact(other))
    }

    /// The first word of a subject.
    fn state(&self, situation: Situation, kind: NotificationKind) -> String;
    /// What is wrong, in a few words.
    fn summary(&self, situation: Situation) -> &'static str;
    /// `None` when nothing was measured.
    fn measurement(&self, measurement: &Measurement) -> Option<String>;
    /// What a check requires. Reports carry an English line, such as `contains "Ada"`.
    fn expected(&self, check: &str) -> String {
        check.to_owned()
    }
    /// What a check found; an English line too.
    fn found(&self, found: &str) -> String {
        found.to_owned()
    }
    /// The prober's description of a failure, which is English; `None` when the reason says the same.
    fn detail(&self, _: Reason, detail: &str) -> Option<String> {
        Some(detail.to_owned())
    }
    /// Who acknowledged an incident; the start of a sentence or a remark.
    fn acknowledged(&self, by: &str, at: &str) -> String;
    fn test_mark(&self) -> &'static str;
    fn test_note(&self) -> &'static str;

    /// Why the notification is sent; `None` for a first notification.
    fn kind(&self, kind: NotificationKind) -> Option<String>;
    /// What is wrong and since when. `name` is the probe or the alarm, with its environment.
    fn headline(
        &self,
        situation: Situation,
        name: &str,
        at: &str,
        lasted: Option<Duration>,
    ) -> String;
    /// What has ended, and how long it lasted.
    fn ended(&self, situation: Situation, name: &str, past: &PastIncident) -> String;
    /// What users of the bot notice.
    fn impact(&self, situation: Situation) -> &'static str;
    /// `Since …, for 3 min.`, in a list.
    fn since(&self, at: &str, lasted: Option<Duration>) -> String;
    /// `Lasted 12 min, from … to ….`, in a list.
    fn lasted(&self, past: &PastIncident) -> String;
    /// How late a turn was that passed.
    fn late(&self, what: Slowness, measured: Duration, objective: Duration) -> String;
    /// That the prober stopped waiting for a turn.
    fn timed_out(&self, after: Duration) -> String;
    fn turn(&self, turn: usize, turns: usize, at: &str, attempts: &Attempts) -> String;
    fn before_first_turn(&self, at: &str, attempts: &Attempts) -> String;
    fn availability_line(&self, whole: Duration, step: Duration, bars: &str) -> String;
    /// What a location sees of a bot.
    fn seen(&self, state: State) -> &'static str;
    fn no_other_alarm(&self, environment: &str) -> String;
    /// One other open alarm.
    fn open_alarm(&self, situation: Situation, title: &str, at: &str) -> String;
    /// What to do. `{probe}`, `{environment}`, `{instance}`, `{host}` and `{url}` are replaced.
    fn steps(&self, situation: Situation) -> &'static [&'static str];
    /// The page and section of Vigie's own runbook, below `docs/`.
    fn runbook(&self, situation: Situation) -> Option<&'static str>;
    /// `of_serve`: the command asks a running `vigie serve`.
    fn acknowledge_hint(&self, of_serve: bool) -> &'static str;
    fn mute_hint(&self) -> &'static str;
    fn footer(&self, severity: &str, team: Option<&str>, alarm: &str, reason: &str) -> String;
    fn group_subject(&self, counts: StateCounts, environment: &str, names: &str) -> String;
    fn group_headline(&self, count: usize, environment: &str) -> String;
    fn week_subject(&self, environment: &str, probes: Option<usize>, open: Option<usize>)
    -> String;
    fn week_headline(&self, environment: &str) -> String;
    fn unconfirmed_subject(&self, environment: &str, addresses: usize) -> String;
    fn unconfirmed_headline(&self) -> String;
    fn unconfirmed_advice(&self) -> String;
}

/// Rounds down, so that 99.96 % is not shown as 100 %.
pub(crate) fn floor_percent(share: f64) -> f64 {
    (share * 1_000.0).floor() / 10.0
}

/// `day` is the unit for days, `space` separates a number from its unit.
pub(crate) fn duration(time: Duration, day: &str, space: &str) -> String {
    // 11 min 59.98 s are shown as 12 min.
    let seconds = time.saturating_add(Duration::from_millis(500)).as_secs();
    let unit = |count: u64, unit: &str| format!("{count}{space}{unit}");
    match seconds {
        0..60 => unit(seconds, "s"),
        60..3_600 => unit(seconds / 60, "min"),
        3_600..86_400 => match seconds % 3_600 / 60 {
            0 => unit(seconds / 3_600, "h"),
            minutes => format!("{}{space}{minutes:02}{space}min", unit(seconds / 3_600, "h")),
        },
        _ => match seconds % 86_400 / 3_600 {
            0 => unit(seconds / 86_400, day),
            hours => format!("{}{space}{}", unit(seconds / 86_400, day), unit(hours, "h")),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_times_keep_a_unit_that_shows_them() {
        let cases = [
            (0.0004, "< 1 ms", "<\u{a0}1\u{a0}ms"),
            (0.045, "45 ms", "45\u{a0}ms"),
            (0.0994, "99 ms", "99\u{a0}ms"),
            (0.81, "0.8 s", "0,8\u{a0}s"),
            (2.96, "3 s", "3\u{a0}s"),
            (123.4, "123 s", "123\u{a0}s"),
        ];
        for (seconds, english, french) in cases {
            assert_eq!(messages(Language::English).seconds(seconds), english);
            assert_eq!(messages(Language::French).seconds(seconds), french);
        }
    }

    #[test]
    fn nearly_equal_times_get_more_decimals() {
        let compared = |one, other| {
            messages(Language::English)
                .compared(Duration::from_millis(one), Duration::from_millis(other))
        };
        assert_eq!(compared(1_012, 1_000), ("1.012 s".to_owned(), "1.000 s".to_owned()));
        assert_eq!(compared(4_230, 3_000), ("4.2 s".to_owned(), "3 s".to_owned()));
    }
}
