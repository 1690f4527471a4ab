//! Progress of runs: redrawn lines on a terminal, or one line for each step in a pipe.

use std::time::Duration;

use conversation::ProgressEvent;
use domain::{Probe, Report};
use gradio::Progress as Moved;
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use crate::Io;
use crate::output::visible;

/// A step of a run.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    Attempt(usize),
    Connected { gradio: String, protocol: String },
    Said { turn: usize },
    Moved(Moved),
    Answered { turn: usize, passed: bool },
    Paused { attempt: usize, pause: Duration },
}

impl Step {
    pub(crate) fn of(event: &ProgressEvent<'_>) -> Self {
        match event {
            ProgressEvent::AttemptStarted(number) => Self::Attempt(*number),
            ProgressEvent::Connected(app) => {
                Self::Connected { gradio: app.gradio.clone(), protocol: app.protocol.clone() }
            }
            ProgressEvent::PromptSent { turn, .. } => Self::Said { turn: *turn },
            ProgressEvent::TurnProgress(moved) => Self::Moved(*moved),
            ProgressEvent::TurnEnded { turn, report } => {
                let passed = report.checks.iter().all(|check| check.passed);
                Self::Answered { turn: *turn, passed: passed && report.timing.reply.is_some() }
            }
            ProgressEvent::RetryScheduled { attempt, pause } => {
                Self::Paused { attempt: *attempt, pause: *pause }
            }
        }
    }
}

/// Shows the steps of several runs.
pub(crate) enum Progress {
    Live { bars: Vec<Bar>, all: MultiProgress },
    Plain { runs: Vec<(String, usize)> },
    Quiet,
}

/// The line of one run on a terminal.
pub(crate) struct Bar {
    line: ProgressBar,
    turns: usize,
    turn: usize,
    retry: String,
}

impl Progress {
    pub(crate) fn new(probes: &[Probe], live: bool, quiet: bool) -> Self {
        if quiet {
            return Self::Quiet;
        }
        if !live {
            let run = |probe: &Probe| (probe.name.to_string(), probe.conversation.len());
            return Self::Plain { runs: probes.iter().map(run).collect() };
        }
        let all = MultiProgress::new();
        let bars = probes.iter().map(|probe| Bar::new(probe, &all)).collect();
        Self::Live { bars, all }
    }

    pub(crate) fn step(&mut self, run: usize, step: &Step, io: &mut Io<'_>) {
        match self {
            Self::Live { bars, .. } => bars[run].step(step),
            Self::Plain { runs } => {
                let (name, turns) = &runs[run];
                if let Some(line) = plain(step, *turns) {
                    // A write error of progress does not stop the run.
                    let _ = writeln!(io.err, "{name}: {line}");
                }
            }
            Self::Quiet => {}
        }
    }

    /// Removes the line of a run before its result is printed.
    pub(crate) fn done(&mut self, run: usize, report: &Report, io: &mut Io<'_>) {
        match self {
            Self::Live { bars, .. } => bars[run].line.finish_and_clear(),
            Self::Plain { runs } => {
                let (name, _) = &runs[run];
                let seconds = report.duration.as_secs_f64();
                let _ =
                    writeln!(io.err, "{name}: {} after {seconds:.2} s", report.outcome.as_str());
            }
            Self::Quiet => {}
        }
    }

    /// Removes all lines.
    pub(crate) fn clear(&self) {
        if let Self::Live { bars, .. } = self {
            for bar in bars {
                bar.line.finish_and_clear();
            }
        }
    }

    /// Hides the redrawn lines while `print` runs.
    pub(crate) fn print<T>(&self, print: impl FnOnce() -> T) -> T {
        match self {
            Self::Live { all, .. } => all.suspend(print),
            Self::Plain { .. } | Self::Quiet => print(),
        }
    }
}

/// The line of a step in a pipe. Chunks are not logged, since there are too many.
fn plain(step: &Step, turns: usize) -> Option<String> {
    Some(match step {
        Step::Attempt(1) => "connecting".to_owned(),
        Step::Attempt(number) => format!("attempt {number}"),
        Step::Connected { gradio, protocol } => {
            format!("connected, Gradio {} ({})", visible(gradio, 40), visible(protocol, 20))
        }
        Step::Said { turn } => format!("turn {turn} of {turns}: sent"),
        Step::Answered { turn, passed: true } => format!("turn {turn} of {turns}: answered"),
        Step::Answered { turn, passed: false } => format!("turn {turn} of {turns}: failed"),
        Step::Paused { attempt, pause } => paused(*attempt, *pause),
        Step::Moved(_) => return None,
    })
}

/// The pause before an attempt.
fn paused(attempt: usize, pause: Duration) -> String {
    format!("failed, attempt {attempt} starts in {:.1} s", pause.as_secs_f64())
}

impl Bar {
    fn new(probe: &Probe, all: &MultiProgress) -> Self {
        let bar = all.add(ProgressBar::new_spinner());
        // The elapsed seconds advance also without a step.
        let template = "{spinner:.cyan} {prefix:.bold} {elapsed:>4.dim} {wide_msg}";
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        bar.set_prefix(probe.name.to_string());
        bar.set_message("connecting");
        bar.enable_steady_tick(Duration::from_millis(100));
        let turns = probe.conversation.len();
        Self { line: bar, turns, turn: 0, retry: String::new() }
    }

    fn step(&mut self, step: &Step) {
        let message = match step {
            Step::Attempt(1) => "connecting".to_owned(),
            Step::Attempt(number) => {
                self.retry = format!("attempt {number}, ");
                "connecting".to_owned()
            }
            Step::Connected { gradio, .. } => format!("Gradio {}", visible(gradio, 40)),
            Step::Said { turn } => {
                self.turn = *turn;
                self.line.reset_elapsed();
                self.turn("waiting")
            }
            Step::Moved(Moved::Sent) => self.turn("waiting"),
            Step::Moved(Moved::Queued { position, .. }) => {
                self.turn(&format!("queued, {position} ahead"))
            }
            Step::Moved(Moved::Started) => self.turn("processing"),
            Step::Moved(Moved::Chunk { number }) => self.turn(&format!("{number} chunks")),
            Step::Answered { passed, .. } => self.turn(if *passed { "answered" } else { "failed" }),
            Step::Paused { attempt, pause } => paused(*attempt, *pause),
        };
        self.line.set_message(format!("{}{message}", self.retry));
    }

    fn turn(&self, what: &str) -> String {
        format!("turn {} of {}: {what}", self.turn, self.turns)
    }
}
