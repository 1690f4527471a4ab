//! The mails in English.

mod reasons;

use std::time::Duration;

use crate::notification::Runs;
use crate::text::brief;
use crate::words::{Labels, Measured, Past, Plot, Slow, Tally, Telling, Trouble, Words};

pub(crate) struct English;

static LABELS: Labels = Labels {
    failed: "WHAT FAILED",
    late: "WHAT WAS LATE",
    said: "said",
    answered: "answered",
    expected: "expected",
    found: "found",
    no_answer: "(nothing)",
    took: "took",
    detail: "detail",
    no_report: "No report of this trouble could be read; the links below lead to what there is.",
    comparison: "AGAINST THE HOUR BEFORE",
    figures: "FIGURES",
    before: "before",
    during: "since then",
    meanwhile: "meanwhile",
    availability: "availability",
    first_chunk_p50: "first chunk, median",
    first_chunk_p95: "first chunk, p95",
    no_figures: "CloudWatch gave no figures in time.",
    others: "OTHER ALARMS",
    others_unknown: "Whether others are up could not be found out.",
    next: "WHAT TO DO",
    links: "LINKS",
    report: "report",
    runbook: "runbook",
    alarm: "alarm",
    dashboard: "dashboard",
    mute: "MUTE",
    mute_why: "being mended",
    message: "THE MESSAGE AS IT CAME",
    author: "WHAT ITS AUTHOR WROTE",
    and_more: "and more",
    week: "THE WEEK",
    runs: "runs",
};

impl Words for English {
    fn labels(&self) -> &'static Labels {
        &LABELS
    }

    fn colon(&self) -> &'static str {
        ": "
    }

    fn moment(&self) -> &'static str {
        "%Y-%m-%d %H:%M"
    }

    fn number(&self, value: f64, decimals: usize) -> String {
        format!("{value:.decimals$}")
    }

    fn percent(&self, share: f64) -> String {
        format!("{}%", self.number(floor_percent(share), 1))
    }

    fn span(&self, time: Duration) -> String {
        span(time, "d", " ")
    }

    fn state(&self, plot: Plot, telling: Telling) -> String {
        let state = match plot {
            Plot::Down(_) => "DOWN",
            Plot::Degraded(Slow::Retry) => "UNSTEADY",
            Plot::Degraded(_) => "SLOW",
            Plot::Blind(_) => "BLIND",
            Plot::Pipeline | Plot::Foreign => "ALARM",
            Plot::Recovered(_) | Plot::PipelineOver | Plot::ForeignOver => "OK",
            Plot::Unreadable => "UNREADABLE",
        };
        match telling {
            Telling::First => state.to_owned(),
            Telling::Still => format!("STILL {state}"),
            Telling::Flapping(_) => "FLAPPING".to_owned(),
            Telling::Settled => format!("{state}, settled:"),
            Telling::Escalated => format!("ESCALATED: {state}"),
        }
    }

    fn what(&self, plot: Plot) -> &'static str {
        match plot {
            Plot::Down(None) => "conversations fail",
            Plot::Down(Some(reason)) => reasons::phrase(reason),
            Plot::Degraded(Slow::FirstChunk) => "first words late",
            Plot::Degraded(Slow::Reply) => "replies late",
            Plot::Degraded(Slow::Retry) => "passes only on retry",
            Plot::Degraded(Slow::Unknown) => "right answers, but late or only on retry",
            Plot::Blind(None) => "no results come in",
            Plot::Blind(Some(fault)) => reasons::fault(fault),
            Plot::Recovered(Trouble::Down) => "answers again",
            Plot::Recovered(Trouble::Degraded) => "in time again",
            Plot::Recovered(Trouble::Blind) => "results come in again",
            Plot::Pipeline => "Vigie itself needs a look",
            Plot::PipelineOver => "Vigie is well again",
            Plot::Foreign => "alarm raised",
            Plot::ForeignOver => "alarm over",
            Plot::Unreadable => "a message to the alarms topic",
        }
    }

    fn measured(&self, measured: &Measured) -> Option<String> {
        Some(match measured {
            Measured::Check { turn, expected, found } => {
                format!("turn {turn}, expected {}, got {}", brief(expected, 40), brief(found, 40))
            }
            Measured::Late { turn, measured, objective, .. } => {
                let (measured, objective) = self.compared(*measured, *objective);
                format!("{measured} on turn {turn}, objective {objective}")
            }
            Measured::GivenUp { turn, after, objective } => {
                let after = self.seconds(after.as_secs_f64());
                match objective {
                    Some(objective) => format!(
                        "turn {turn} given up after {after}, objective {}",
                        self.seconds(objective.as_secs_f64())
                    ),
                    None => format!("turn {turn} given up after {after}"),
                }
            }
            Measured::Retry => "first try failed".to_owned(),
            Measured::Prose { prose, .. } => brief(prose, 60),
            Measured::Runs(runs) => failed(*runs),
            Measured::Over { plot, lasted, runs } => {
                let was = match plot {
                    Plot::Recovered(Trouble::Down) => "down",
                    Plot::Recovered(Trouble::Degraded) => "slow",
                    Plot::Recovered(Trouble::Blind) => "blind",
                    _ => "up",
                };
                let lasted = lasted.map(|lasted| format!("{was} for {}", self.span(lasted)));
                let parts: Vec<String> = lasted.into_iter().chain(runs.map(failed)).collect();
                return (!parts.is_empty()).then(|| parts.join(", "));
            }
            Measured::Nothing => return None,
        })
    }

    fn test_mark(&self) -> &'static str {
        "TEST"
    }

    fn test_note(&self) -> &'static str {
        "This is a test, sent by `vigie test-alert`. Nothing is wrong: the way from alarm to mail works."
    }

    fn again(&self, telling: Telling) -> Option<String> {
        Some(match telling {
            Telling::First => return None,
            Telling::Still => "A reminder: nobody has ended this yet.".to_owned(),
            Telling::Flapping(changes) => format!(
                "It goes up and down: {changes} changes within the hour. None of them is told by itself until \
                 it is calm. At this moment:"
            ),
            Telling::Settled => "It is calm again, after going up and down. Now:".to_owned(),
            Telling::Escalated => "Nobody has ended this in time, so it comes to you.".to_owned(),
        })
    }

    fn headline(&self, plot: Plot, name: &str, at: &str, lasted: Option<Duration>) -> String {
        let since = format!("since {at}{}", self.for_so_long(lasted));
        match plot {
            Plot::Down(_) => format!("{name} has been down {since}."),
            Plot::Degraded(Slow::Retry) => format!("{name} has been unsteady {since}."),
            Plot::Degraded(_) => format!("{name} has been slow {since}."),
            Plot::Blind(_) => format!("We have been blind on {name} {since}."),
            Plot::Pipeline => format!("Alarm {name}, on Vigie itself, has been up {since}."),
            Plot::Unreadable => format!("A message came at {at} that Vigie can't read: {name}."),
            _ => format!("Alarm {name} has been up {since}."),
        }
    }

    fn over(&self, plot: Plot, name: &str, past: &Past) -> String {
        let was = match plot {
            Plot::Recovered(Trouble::Down) => format!("{name} was down"),
            Plot::Recovered(Trouble::Degraded) => format!("{name} was slow"),
            Plot::Recovered(Trouble::Blind) => format!("We were blind on {name}"),
            _ => format!("Alarm {name} was up"),
        };
        format!("{was} {}", self.stretch(past))
    }

    fn users_see(&self, plot: Plot) -> &'static str {
        match plot {
            Plot::Down(None) => "People who try the bot now get no usable answer.",
            Plot::Down(Some(reason)) => reasons::users_see(reason),
            Plot::Degraded(Slow::FirstChunk) => {
                "Users look at an empty reply for longer than promised, then get a right answer."
            }
            Plot::Degraded(Slow::Reply) => {
                "Users get right answers that take longer to complete than promised."
            }
            Plot::Degraded(Slow::Retry) => "Some users must try twice; the second try works.",
            Plot::Degraded(Slow::Unknown) => "Users get right answers, but wait or must try twice.",
            Plot::Blind(_) => {
                "The bot may be well or not: nobody is looking. This is about Vigie, not about the bot."
            }
            Plot::Recovered(Trouble::Down) => "Users get right answers again.",
            Plot::Recovered(Trouble::Degraded) => "Users get right answers, in time.",
            Plot::Recovered(Trouble::Blind) => {
                "The bot was not necessarily down: we could not see it."
            }
            Plot::Pipeline => {
                "Users of the bots notice nothing, but alarms about them may be late or missing."
            }
            Plot::PipelineOver => "Alarms can be relied on again.",
            Plot::Foreign => "What users see of it, only the alarm's author knows.",
            Plot::ForeignOver => "Nothing more to do, unless its author says otherwise.",
            Plot::Unreadable => "It is passed on as it came, so that nothing gets lost.",
        }
    }

    fn since(&self, at: &str, lasted: Option<Duration>) -> String {
        format!("Since {at}{}.", self.for_so_long(lasted))
    }

    fn lasted(&self, past: &Past) -> String {
        format!("It was so {}", self.stretch(past))
    }

    fn late(&self, what: Slow, measured: Duration, objective: Duration) -> String {
        let (measured, objective) = self.compared(measured, objective);
        let what = if what == Slow::Reply { "the end" } else { "the first words" };
        format!("{measured} to {what}, objective {objective}")
    }

    fn gave_up(&self, after: Duration) -> String {
        format!("{}, then given up", self.seconds(after.as_secs_f64()))
    }

    fn turn(&self, turn: usize, turns: usize, at: &str, retries: usize) -> String {
        format!("Turn {turn} of {turns}, visit of {at}{}.", retried(retries))
    }

    fn visit(&self, at: &str, retries: usize) -> String {
        format!("Before the first turn, visit of {at}{}.", retried(retries))
    }

    fn line(&self, whole: Duration, step: Duration, bars: &str) -> String {
        format!("availability, last {}, {} a mark: {bars}", self.span(whole), self.span(step))
    }

    fn all_well(&self, environment: &str) -> String {
        format!("No other alarm of {environment} is up.")
    }

    fn also(&self, plot: Plot, title: &str, at: &str) -> String {
        format!("{} {title}, since {at}", self.state(plot, Telling::First))
    }

    fn recipe(&self, plot: Plot) -> &'static [&'static str] {
        match plot {
            Plot::Down(None) => &[
                "Open the bot in a browser and talk to it yourself.",
                "Hold the conversation of the probe by hand: vigie run probes/{probe}.yaml --environment {environment}",
                "Look at the app's log since the alarm began, and at its last deploy.",
            ],
            Plot::Down(Some(reason)) => reasons::recipe(reason),
            Plot::Degraded(Slow::FirstChunk | Slow::Unknown) => &[
                "Look at the report: is the time spent in the queue, or after it?",
                "In the queue: more visitors than workers. Raise the concurrency limit or add a replica.",
                "After it: the model is slow. Look at its latency, its rate limits and its GPU.",
            ],
            Plot::Degraded(Slow::Reply) => &[
                "Compare the length of the replies with last week's: longer replies take longer.",
                "Look at the gaps between chunks in the report: even gaps mean a slow model, one long gap a stall.",
                "Look at the model's latency and rate limits.",
            ],
            Plot::Degraded(Slow::Retry) => &[
                "Read in the report why the first try failed: that is what users meet.",
                "Look for restarts, one bad replica behind the load balancer, or a rate limit.",
            ],
            Plot::Blind(Some(fault)) => reasons::fault_recipe(fault),
            Plot::Blind(None) => &[
                "Look whether the dispatcher and the prober run: their log groups, and the mails of the topic `watch`.",
                "Was the probe renamed, switched off or taken away without a deploy? Then deploy.",
                "Until we see again, look at the bot yourself: vigie run probes/{probe}.yaml --environment {environment}",
            ],
            Plot::Recovered(Trouble::Blind) => &["Find out from the logs why no results came in."],
            Plot::Recovered(_) => &["Nothing now. In working hours: note what mended it."],
            Plot::Pipeline => &[
                "Open the alarm and read its description: it says what stopped.",
                "Look at the function's log group and its dead-letter queue.",
            ],
            Plot::Foreign => &["Open the alarm, or its runbook if it has one."],
            Plot::PipelineOver | Plot::ForeignOver => &["Nothing."],
            Plot::Unreadable => &[
                "Read it above, and act on it if it is an alarm.",
                "Then make its sender use a form that Vigie knows: docs/alerting.md lists them.",
            ],
        }
    }

    fn runbook(&self, plot: Plot) -> Option<&'static str> {
        Some(match plot {
            Plot::Down(None) => "runbook.md#vigie-env-probe-down",
            Plot::Down(Some(_)) => "runbook.md#reasons",
            Plot::Degraded(_) => "runbook.md#vigie-env-probe-degraded",
            Plot::Blind(_) => "runbook.md#vigie-env-probe-down-in-insufficient_data",
            Plot::Pipeline => "runbook.md#alerts-of-the-watch-itself",
            _ => return None,
        })
    }

    fn mute_whole(&self) -> &'static str {
        "For several alarms, or each week: MaintenanceSchedule in the template."
    }

    fn footer(&self, severity: &str, team: Option<&str>, alarm: &str, reason: &str) -> String {
        let team = team.map(|team| format!(", team {team}")).unwrap_or_default();
        let reason = if reason.is_empty() { String::new() } else { format!(" says: {reason}") };
        format!("Severity {severity}{team}. Alarm {alarm}{reason}")
    }

    fn group_subject(&self, tally: Tally, environment: &str, names: &str) -> String {
        let parts = [
            (tally.down, "DOWN"),
            (tally.blind, "BLIND"),
            (tally.degraded, "SLOW"),
            (tally.other, "ALARM"),
            (tally.over, "OK"),
        ];
        let parts: Vec<String> = parts
            .iter()
            .filter(|(count, _)| 0 < *count)
            .map(|(count, state)| format!("{count} {state}"))
            .collect();
        format!("{} ({environment}): {names}", parts.join(", "))
    }

    fn group_headline(&self, count: usize, environment: &str) -> String {
        format!(
            "{count} alarms of {environment} changed together. Look first for what they share: \
             a deploy, a network, a model behind all of them."
        )
    }

    fn week_subject(&self, environment: &str, probes: Option<usize>, up: Option<usize>) -> String {
        let probes = probes.map(|probes| format!(", {probes} probes")).unwrap_or_default();
        let up = match up {
            None => String::new(),
            Some(0) => ", no alarm is up".to_owned(),
            Some(up) => format!(", alarms up: {up}"),
        };
        format!("Still watching ({environment}){probes}{up}")
    }

    fn week_headline(&self, environment: &str) -> String {
        format!(
            "Vigie still watches {environment}. This mail comes once a week by the way that alarms take; \
             when it stays away, something is broken."
        )
    }
}

impl English {
    /// How long it has lasted, where that is worth a word.
    fn for_so_long(&self, lasted: Option<Duration>) -> String {
        let lasted = lasted.filter(|lasted| 60 <= lasted.as_secs());
        lasted.map(|lasted| format!(", for {}", self.span(lasted))).unwrap_or_default()
    }

    fn stretch(&self, past: &Past) -> String {
        let until = &past.until;
        let runs = past.failed.map(|runs| format!(": {}", failed(runs))).unwrap_or_default();
        match &past.stretch {
            Some((from, lasted)) => {
                format!("for {}, from {from} to {until}{runs}.", self.span(*lasted))
            }
            None => format!("until {until}{runs}."),
        }
    }
}

fn failed(runs: Runs) -> String {
    format!("{} of {} runs failed", runs.failed(), runs.total)
}

/// 99.96 % is not 100 %: shares below the whole are never rounded up to it.
pub(crate) fn floor_percent(share: f64) -> f64 {
    (share * 1_000.0).floor() / 10.0
}

/// `day` is the letter for days, `space` what stands between a number and its unit.
pub(crate) fn span(time: Duration, day: &str, space: &str) -> String {
    // 11 min 59.98 s are 12 min to anybody.
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

fn retried(retries: usize) -> &'static str {
    match retries {
        0 => "",
        1 => ", and the same on a second try",
        _ => ", and the same on every further try",
    }
}
