//! What the mails say, language by language: one implementation of [`Words`] each, which a native
//! speaker can read from top to bottom. The layout is in `mail`.

use std::time::Duration;

use domain::{OwnFault, Reason};

use crate::notification::Runs;

/// The language of the notifications.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Language {
    #[default]
    English,
    French,
}

impl Language {
    pub(crate) fn words(self) -> &'static dyn Words {
        match self {
            Self::English => &crate::english::English,
            Self::French => &crate::french::French,
        }
    }
}

impl std::str::FromStr for Language {
    type Err = ();

    fn from_str(code: &str) -> Result<Self, ()> {
        match code {
            "en" => Ok(Self::English),
            "fr" => Ok(Self::French),
            _ => Err(()),
        }
    }
}

/// What a mail is about; decides its headline, what users see, and what to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Plot {
    /// `None` when no report of this trouble could be had.
    Down(Option<Reason>),
    Degraded(Slow),
    /// With the fault of our own that a report tells, if there is one.
    Blind(Option<OwnFault>),
    /// A probe is well again.
    Recovered(Trouble),
    Pipeline,
    PipelineOver,
    Foreign,
    ForeignOver,
    Unreadable,
}

/// What makes a visit `degraded`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Slow {
    FirstChunk,
    Reply,
    Retry,
    Unknown,
}

/// What is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trouble {
    Down,
    Degraded,
    Blind,
}

/// The one measurement that says most, for the subject.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Measured {
    /// Turns count from 1.
    Check {
        turn: usize,
        expected: String,
        found: String,
    },
    Late {
        turn: usize,
        what: Slow,
        measured: Duration,
        objective: Duration,
    },
    /// The visit was given up in this turn, after so long.
    GivenUp {
        turn: usize,
        after: Duration,
        objective: Option<Duration>,
    },
    /// Turns that passed only on retry.
    Retry,
    /// In the words of the report. The reason that it ended for, if there is one.
    Prose {
        reason: Option<Reason>,
        prose: String,
    },
    /// Nothing is known but how many runs failed.
    Runs(Runs),
    /// It is over. `None` where it is not known how long it lasted, or nothing ran.
    Over {
        plot: Plot,
        lasted: Option<Duration>,
        runs: Option<Runs>,
    },
    Nothing,
}

/// How the same state is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Telling {
    First,
    Still,
    /// So many changes of late.
    Flapping(usize),
    Settled,
    Escalated,
}

/// A trouble that is over, for its sentence; times are written already.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Past {
    /// When it began and how long it lasted; `None` when its beginning is not known.
    pub(crate) stretch: Option<(String, Duration)>,
    pub(crate) until: String,
    /// `None` when nothing ran, or nothing failed.
    pub(crate) failed: Option<Runs>,
}

/// How many alarms of a list are in which state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) down: usize,
    pub(crate) degraded: usize,
    pub(crate) blind: usize,
    pub(crate) over: usize,
    pub(crate) other: usize,
}

impl Tally {
    pub(crate) fn count(&mut self, plot: Plot) {
        *match plot {
            Plot::Down(_) => &mut self.down,
            Plot::Degraded(_) => &mut self.degraded,
            Plot::Blind(_) => &mut self.blind,
            Plot::Recovered(_) | Plot::PipelineOver | Plot::ForeignOver => &mut self.over,
            Plot::Pipeline | Plot::Foreign | Plot::Unreadable => &mut self.other,
        } += 1;
    }
}

/// Words that stand alone.
pub(crate) struct Labels {
    pub(crate) failed: &'static str,
    pub(crate) late: &'static str,
    pub(crate) said: &'static str,
    pub(crate) answered: &'static str,
    pub(crate) expected: &'static str,
    pub(crate) found: &'static str,
    pub(crate) no_answer: &'static str,
    /// What stands before a time that was too long.
    pub(crate) took: &'static str,
    pub(crate) detail: &'static str,
    pub(crate) no_report: &'static str,
    pub(crate) comparison: &'static str,
    /// Its heading where there is nothing to compare with.
    pub(crate) figures: &'static str,
    pub(crate) before: &'static str,
    pub(crate) during: &'static str,
    /// The same column when it is over.
    pub(crate) meanwhile: &'static str,
    pub(crate) availability: &'static str,
    pub(crate) first_chunk_p50: &'static str,
    pub(crate) first_chunk_p95: &'static str,
    pub(crate) no_figures: &'static str,
    pub(crate) others: &'static str,
    pub(crate) others_unknown: &'static str,
    pub(crate) next: &'static str,
    pub(crate) links: &'static str,
    pub(crate) report: &'static str,
    pub(crate) runbook: &'static str,
    pub(crate) alarm: &'static str,
    pub(crate) dashboard: &'static str,
    pub(crate) mute: &'static str,
    pub(crate) mute_why: &'static str,
    pub(crate) message: &'static str,
    pub(crate) author: &'static str,
    pub(crate) and_more: &'static str,
    pub(crate) week: &'static str,
    pub(crate) runs: &'static str,
}

/// A language.
pub(crate) trait Words: Sync {
    fn labels(&self) -> &'static Labels;
    /// What stands between a name and what is said of it.
    fn colon(&self) -> &'static str;
    /// What stands between a number and its unit.
    fn space(&self) -> &'static str {
        " "
    }
    /// Day and minute, for `strftime`.
    fn moment(&self) -> &'static str;
    /// `4.2`, or `4,2`.
    fn number(&self, value: f64, decimals: usize) -> String;
    fn percent(&self, share: f64) -> String;
    /// A length of time for people: `40 s`, `12 min`, `2 h 05 min`, `1 d 3 h`.
    fn span(&self, time: Duration) -> String;
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
    /// Two measured times that are not the same, so precisely that it shows.
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
    fn state(&self, plot: Plot, telling: Telling) -> String;
    /// The few words of a subject on what is wrong.
    fn what(&self, plot: Plot) -> &'static str;
    /// `None` when there is nothing that was measured.
    fn measured(&self, measured: &Measured) -> Option<String>;
    /// What a check requires, of which the report has an English line: `contains "Ada"`.
    fn expected(&self, check: &str) -> String {
        check.to_owned()
    }
    /// What a check found in its place, likewise.
    fn found(&self, found: &str) -> String {
        found.to_owned()
    }
    /// The prober's own words on a failure, which are English; `None` where the reason says as much.
    fn prose(&self, _: Reason, prose: &str) -> Option<String> {
        Some(prose.to_owned())
    }
    fn test_mark(&self) -> &'static str;
    fn test_note(&self) -> &'static str;

    /// The first sentence of what is told again; `None` for what is told for the first time.
    fn again(&self, telling: Telling) -> Option<String>;
    /// What is up since when. `name` is the probe or the alarm, with its environment.
    fn headline(&self, plot: Plot, name: &str, at: &str, lasted: Option<Duration>) -> String;
    /// What is over, and how long it lasted.
    fn over(&self, plot: Plot, name: &str, past: &Past) -> String;
    /// What somebody who uses the bot sees, or what it means where nobody sees anything.
    fn users_see(&self, plot: Plot) -> &'static str;
    /// `Since …, for 3 min.`, in a list.
    fn since(&self, at: &str, lasted: Option<Duration>) -> String;
    /// `For 12 min, from … to ….`, in a list.
    fn lasted(&self, past: &Past) -> String;
    /// How late a turn was that passed.
    fn late(&self, what: Slow, measured: Duration, objective: Duration) -> String;
    /// That a turn was not waited for any longer.
    fn gave_up(&self, after: Duration) -> String;
    fn turn(&self, turn: usize, turns: usize, at: &str, retries: usize) -> String;
    fn visit(&self, at: &str, retries: usize) -> String;
    fn line(&self, whole: Duration, step: Duration, bars: &str) -> String;
    fn all_well(&self, environment: &str) -> String;
    /// One other alarm that is up.
    fn also(&self, plot: Plot, title: &str, at: &str) -> String;
    /// What to do. `{probe}`, `{environment}`, `{instance}` and `{host}` stand for the alarm's own.
    fn recipe(&self, plot: Plot) -> &'static [&'static str];
    /// Where Vigie's own runbook has more, as a page of `docs/` with its section.
    fn runbook(&self, plot: Plot) -> Option<&'static str>;
    fn mute_whole(&self) -> &'static str;
    fn footer(&self, severity: &str, team: Option<&str>, alarm: &str, reason: &str) -> String;
    fn group_subject(&self, tally: Tally, environment: &str, names: &str) -> String;
    fn group_headline(&self, count: usize, environment: &str) -> String;
    fn week_subject(&self, environment: &str, probes: Option<usize>, up: Option<usize>) -> String;
    fn week_headline(&self, environment: &str) -> String;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_measured_time_is_never_told_as_nothing() {
        let cases = [
            (0.0004, "< 1 ms", "<\u{a0}1\u{a0}ms"),
            (0.045, "45 ms", "45\u{a0}ms"),
            (0.0994, "99 ms", "99\u{a0}ms"),
            (0.81, "0.8 s", "0,8\u{a0}s"),
            (2.96, "3 s", "3\u{a0}s"),
            (123.4, "123 s", "123\u{a0}s"),
        ];
        for (seconds, english, french) in cases {
            assert_eq!(Language::English.words().seconds(seconds), english);
            assert_eq!(Language::French.words().seconds(seconds), french);
        }
    }

    #[test]
    fn what_missed_an_objective_by_a_hair_is_told_apart_from_it() {
        let compared = |one, other| {
            Language::English
                .words()
                .compared(Duration::from_millis(one), Duration::from_millis(other))
        };
        assert_eq!(compared(1_012, 1_000), ("1.012 s".to_owned(), "1.000 s".to_owned()));
        assert_eq!(compared(4_230, 3_000), ("4.2 s".to_owned(), "3 s".to_owned()));
    }
}
