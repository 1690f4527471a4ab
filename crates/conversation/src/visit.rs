//! One visit of a probe: attempts until one passes or the time is over.

use std::time::{Duration, Instant};

use domain::report::{Attempt, Cause, Failure, Report, RunId, VERSION, judge, stable_hash};
use domain::{EnvironmentName, OwnFault, Phases, Probe};
use jiff::Timestamp;

use crate::attempt::{Seen, Way, attempt, detail};
use crate::stall::Stalls;
use crate::target::FilledTarget;

/// The run to make, and who makes it.
#[derive(Clone, Debug)]
pub struct Visit<'a> {
    pub run: RunId,
    pub probe: &'a Probe,
    pub environment: EnvironmentName,
    /// Where the prober runs.
    pub location: String,
    /// When the run was due.
    pub due: Timestamp,
    /// `Vigie/VERSION (+repository)`.
    pub user_agent: String,
    /// Our own version, for the report.
    pub vigie: String,
    /// Tells how long this process stood still; shared with the visits beside this one.
    pub stalls: Stalls,
}

/// How long a visit may take beside the probe's own timeout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Budget {
    /// Only the probe's timeout counts.
    Probe,
    /// Our own process ends after this long; a visit cut short by it has no verdict.
    Own(Duration),
}

/// Shorter than this, another attempt could only time out.
const LEAST_FOR_RETRY: Duration = Duration::from_millis(500);

impl Visit<'_> {
    /// Makes the visit. Never fails: what went wrong is in the report.
    pub async fn play(
        &self,
        target: &FilledTarget,
        budget: Budget,
        seen: &mut (dyn FnMut(Seen<'_>) + Send),
    ) -> Report {
        let (started_at, started, watching) = (now(), Instant::now(), self.stalls.watch());
        let timeout = self.probe.timeout;
        let (limit, own_deadline) = match budget {
            Budget::Own(left) if left < timeout => (left, true),
            Budget::Own(_) | Budget::Probe => (timeout, false),
        };
        let trace = self.trace();
        let mut attempts: Vec<Attempt> = Vec::new();
        loop {
            let offset = started.elapsed();
            let traceparent = format!("00-{trace}-{:016x}-01", fastrand::u64(1..));
            seen(Seen::Attempt(attempts.len() + 1));
            let way = Way {
                probe: self.probe,
                target,
                user_agent: &self.user_agent,
                traceparent,
                offset,
                left: limit.saturating_sub(offset),
                own_deadline,
                watching: self.stalls.watch(),
            };
            attempts.push(attempt(&way, seen).await);
            let again = attempts.last().is_some_and(Attempt::worth_a_retry)
                && attempts.len()
                    <= usize::try_from(self.probe.retry.attempts).unwrap_or(usize::MAX)
                && started.elapsed() + self.probe.retry.wait + LEAST_FOR_RETRY < limit;
            if !again {
                break;
            }
            tokio::time::sleep(self.probe.retry.wait).await;
        }
        Report {
            started: started_at,
            duration: started.elapsed(),
            instance: target.instance().to_owned(),
            stalled: Some(watching.so_far()),
            ..self.report(attempts)
        }
    }

    /// The report of a run that could not be made, through a fault of ours.
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
        }])
    }

    fn report(&self, attempts: Vec<Attempt>) -> Report {
        let outcome = judge(&attempts);
        let url = self.probe.target.url.to_string();
        Report {
            version: VERSION,
            run: self.run.clone(),
            probe: self.probe.name.clone(),
            environment: self.environment.clone(),
            location: self.location.clone(),
            instance: domain::probe::instance(&url).unwrap_or_else(|| "unknown".to_owned()),
            job: self.probe.job().to_owned(),
            labels: self.probe.labels.clone(),
            runbook: self.probe.runbook.clone(),
            every: self.probe.every,
            due: self.due,
            started: now(),
            duration: Duration::ZERO,
            outcome,
            detail: detail(&attempts, outcome),
            attempts,
            turns: self.probe.conversation.len(),
            stalled: None,
            trace: self.trace(),
            vigie: self.vigie.clone(),
        }
    }

    /// The W3C trace id of the run; the same for every attempt, never all zeros.
    fn trace(&self) -> String {
        let half = |salt: &str| stable_hash(&format!("{salt}{}", self.run)).max(1);
        format!("{:016x}{:016x}", half("trace"), half("of"))
    }
}

/// To the millisecond, which is what a report tells.
fn now() -> Timestamp {
    let now = Timestamp::now();
    Timestamp::from_millisecond(now.as_millisecond()).unwrap_or(now)
}
