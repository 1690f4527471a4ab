//! What the mails say, language by language: one implementation of [`Words`] each, which a native
//! speaker can read from top to bottom. The layout is in `mail`.

use std::time::Duration;

use domain::Reason;

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
    Blind,
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
    /// In the words of the report.
    Prose(String),
    Runs {
        failed: u64,
        total: u64,
    },
    Nothing,
}

/// How the same state is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Telling {
    First,
    /// It has been like this for so long.
    Still(Option<Duration>),
    /// So many changes of late.
    Flapping(usize),
    Settled,
    Escalated(Option<Duration>),
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

/// Words that stand alone.
pub(crate) struct Labels {
    pub(crate) failed: &'static str,
    pub(crate) late: &'static str,
    pub(crate) said: &'static str,
    pub(crate) answered: &'static str,
    pub(crate) expected: &'static str,
    pub(crate) found: &'static str,
    pub(crate) no_answer: &'static str,
    pub(crate) detail: &'static str,
    pub(crate) no_report: &'static str,
    pub(crate) comparison: &'static str,
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
    /// Day and minute, for `strftime`.
    fn moment(&self) -> &'static str;
    /// `4.2`, or `4,2`.
    fn number(&self, value: f64, decimals: usize) -> String;
    fn percent(&self, share: f64) -> String;
    /// A length of time for people: `40 s`, `12 min`, `2 h 05 min`, `1 d 3 h`.
    fn span(&self, time: Duration) -> String;
    /// A measured time: `4.2 s`.
    fn seconds(&self, seconds: f64) -> String;

    /// The first word of a subject.
    fn state(&self, plot: Plot, telling: Telling) -> String;
    /// The few words of a subject on what is wrong.
    fn what(&self, plot: Plot) -> &'static str;
    /// `None` when there is nothing that was measured.
    fn measured(&self, measured: &Measured) -> Option<String>;
    fn test_mark(&self) -> &'static str;
    fn test_note(&self) -> &'static str;

    /// The first sentence. `title` is the probe or the alarm.
    fn headline(&self, plot: Plot, telling: Telling, title: &str, environment: &str) -> String;
    /// What somebody who uses the bot sees, or what it means where nobody sees anything.
    fn users_see(&self, plot: Plot) -> &'static str;
    /// `Alarm since …, for 3 min.`
    fn since(&self, at: &str, lasted: Option<Duration>) -> String;
    /// `It lasted 12 min, from … to ….`
    fn over(&self, lasted: Duration, from: &str, to: &str) -> String;
    fn share_failed(&self, failed: u64, total: u64) -> String;
    fn turn(&self, turn: usize, turns: usize, at: &str, retries: usize) -> String;
    fn visit(&self, at: &str, retries: usize) -> String;
    fn line(&self, whole: Duration, step: Duration, bars: &str) -> String;
    fn all_well(&self, environment: &str) -> String;
    fn also(&self, title: &str, at: &str) -> String;
    fn recipe(&self, plot: Plot) -> &'static [&'static str];
    fn mute_whole(&self) -> &'static str;
    fn footer(&self, severity: &str, team: Option<&str>, alarm: &str, reason: &str) -> String;
    fn group_subject(&self, tally: Tally, environment: &str, names: &str) -> String;
    fn group_headline(&self, count: usize, environment: &str) -> String;
    fn week_subject(&self, environment: &str, probes: Option<usize>, up: Option<usize>) -> String;
    fn week_headline(&self, environment: &str) -> String;
}
