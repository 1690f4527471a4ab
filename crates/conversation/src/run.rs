//! One run of a probe: attempts until one passes or the time is over.

use std::sync::OnceLock;
use std::time::Duration;

use domain::maintenance::is_maintenance;
use domain::report::{Attempt, Cause, Failure, Report, RunId, VERSION, judge, stable_hash};
use domain::{EnvironmentName, OwnFault, Phases, Probe, TargetUrl};
use jiff::Timestamp;
use tokio::time::Instant;

use crate::attempt::{ProgressEvent, attempt};
use crate::attempt_context::AttemptContext;
use crate::detail::detail;
use crate::stall::StallMonitor;
use crate::target::FilledTarget;

/// What all runs of one process have in common.
#[derive(Clone, Debug)]
pub struct Prober {
    pub environment: EnvironmentName,
    /// Where the process runs: an AWS region, or a name that the operator chose.
    pub location: String,
    /// `Vigie/VERSION (+REPOSITORY)`, so that the owner of an app recognises the requests.
    pub user_agent: String,
    /// The version that reports name.
    pub version: String,
    pub stalls: StallMonitor,
}

impl Prober {
    /// A run of `probe` that was due at `due`.
    #[must_use]
    pub fn run_of<'a>(&'a self, run: RunId, probe: &'a Probe, due: Timestamp) -> ProbeRun<'a> {
        ProbeRun { prober: self, run, probe, due }
    }
}

/// One run of a probe.
#[derive(Clone, Debug)]
pub struct ProbeRun<'a> {
    prober: &'a Prober,
    run: RunId,
    probe: &'a Probe,
    due: Timestamp,
}

/// How long a run may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeLimit {
    /// The probe's timeout.
    Probe,
    /// The probe's timeout, or what is left of the process if that is less. A run that was ended by
    /// the process has no verdict.
    Process(Duration),
}

/// A pause before a retry is shortened to fit into the timeout, but not below this.
const SHORTEST_PAUSE: Duration = Duration::from_secs(2);
/// An attempt that has less time than this can only time out.
const SHORTEST_RETRY: Duration = Duration::from_millis(500);

impl ProbeRun<'_> {
    /// Makes the run. Never fails: every problem is in the report.
    pub async fn run(
        &self,
        target: &FilledTarget,
        limit: TimeLimit,
        progress: &mut (dyn FnMut(ProgressEvent<'_>) + Send),
    ) -> Report {
        let stalls = &self.prober.stalls;
        let (started_at, started, stalled) = (now(), Instant::now(), stalls.start());
        let timeout = self.probe.timeout;
        let (limit, is_process_limit) = match limit {
            TimeLimit::Process(left) if left < timeout => (left, true),
            TimeLimit::Process(_) | TimeLimit::Probe => (timeout, false),
        };
        let trace = self.trace();
        let mut attempts: Vec<Attempt> = Vec::new();
        loop {
            let offset = started.elapsed();
            progress(ProgressEvent::AttemptStarted(attempts.len() + 1));
            let context = AttemptContext {
                probe: self.probe,
                target,
                user_agent: &self.prober.user_agent,
                traceparent: format!("00-{trace}-{:016x}-01", fastrand::u64(1..)),
                offset,
                left: limit.saturating_sub(offset),
                is_retry: !attempts.is_empty(),
                is_process_limit,
                stalled: stalls.start(),
                secret_inputs: OnceLock::new(),
            };
            attempts.push(attempt(&context, progress).await);
            let left = limit.saturating_sub(started.elapsed());
            let Some(pause) = self.pause(&attempts, left) else { break };
            progress(ProgressEvent::RetryScheduled { attempt: attempts.len() + 1, pause });
            tokio::time::sleep(pause).await;
        }
        Report {
            started: started_at,
            duration: started.elapsed(),
            instance: target.instance().to_owned(),
            url: Some(target.public_url().to_owned()),
            stalled: Some(stalled.total()),
            ..self.report(attempts)
        }
    }

    /// The pause before another attempt; `None` when there is none. The attempt gets at least as much time as the last
    /// one took, since otherwise it could only time out.
    fn pause(&self, attempts: &[Attempt], left: Duration) -> Option<Duration> {
        let last = attempts.last()?;
        let most = usize::try_from(self.probe.retry.attempts).unwrap_or(usize::MAX);
        if !last.is_retryable() || most < attempts.len() {
            return None;
        }
        pause_within(self.probe.retry.wait, left.saturating_sub(last.duration.max(SHORTEST_RETRY)))
    }

    /// The report of a run that was not made because of a fault of Vigie.
    #[must_use]
    pub fn refused(&self, fault: OwnFault, prose: impl Into<String>) -> Report {
        let failure = Failure { cause: Cause::Own(fault), prose: prose.into() };
        self.report(vec![Attempt {
            offset: Duration::ZERO,
            duration: Duration::ZERO,
            phases: Phases::default(),
            certificate_expires: None,
            app: None,
            turns: Vec::new(),
            failure: Some(failure),
            cut_short: false,
        }])
    }

    fn report(&self, attempts: Vec<Attempt>) -> Report {
        let outcome = judge(&attempts);
        // `None` if the address has a secret, which is not filled in here.
        let url = self.probe.target.url.text().ok().and_then(|url| url.parse::<TargetUrl>().ok());
        Report {
            version: VERSION,
            run: self.run.clone(),
            probe: self.probe.name.clone(),
            environment: self.prober.environment.clone(),
            location: self.prober.location.clone(),
            instance: url.as_ref().map_or_else(|| "unknown".to_owned(), TargetUrl::instance),
            url: url.as_ref().map(TargetUrl::without_secrets),
            job: self.probe.job().to_owned(),
            labels: self.probe.labels.clone(),
            runbook: self.probe.runbook.clone(),
            every: self.probe.every,
            due: self.due,
            maintenance: is_maintenance(&self.probe.maintenance, self.due),
            objective: self.probe.objective,
            started: now(),
            duration: Duration::ZERO,
            outcome,
            detail: detail(&attempts, outcome),
            attempts,
            turns: self.probe.conversation.len(),
            stalled: None,
            trace: self.trace(),
            vigie: self.prober.version.clone(),
        }
    }

    /// The W3C trace id of the run: the same for every attempt, never all zeros.
    fn trace(&self) -> String {
        let half = |salt: &str| stable_hash(&format!("{salt}{}", self.run)).max(1);
        format!("{:016x}{:016x}", half("trace"), half("of"))
    }
}

/// To the millisecond, the precision of a report.
fn now() -> Timestamp {
    let now = Timestamp::now();
    Timestamp::from_millisecond(now.as_millisecond()).unwrap_or(now)
}

/// `wait`, or less when only `spare` is left; `None` when that is too little.
fn pause_within(wait: Duration, spare: Duration) -> Option<Duration> {
    (wait.min(SHORTEST_PAUSE) < spare).then(|| wait.min(spare))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pause_is_shortened_to_fit_into_the_timeout() {
        let seconds = Duration::from_secs;
        let cases = [
            // wait, spare              pause
            ((seconds(20), seconds(28)), Some(seconds(20))),
            ((seconds(20), seconds(6)), Some(seconds(6))),
            ((seconds(20), seconds(2)), None),
            ((seconds(1), seconds(2)), Some(seconds(1))),
            ((Duration::ZERO, Duration::ZERO), None),
        ];
        for ((wait, spare), pause) in cases {
            assert_eq!(pause_within(wait, spare), pause, "{wait:?} with {spare:?} left");
        }
    }
}
