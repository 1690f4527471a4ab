//! Executes runs concurrently, each in its own task. Every run has a report, also if it panics.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use conversation::target::{FillError, FilledScrape, scrape_references, secret_references};
use conversation::{FilledTarget, ProbeRun, Prober, ProgressEvent, TimeLimit};
use domain::chain;
use domain::run_request::{Run, ScrapeRequest};
use domain::{OwnFault, Reason, Report, SecretReference, Target};
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use secrets::{SecretError, Secrets};
use tokio::task::{Id, JoinSet};
use tokio::time::Instant;
use tracing::info;

use crate::claim::Due;

/// How long a run may exceed its time limit before it counts as hung.
const GRACE: Duration = Duration::from_secs(1);

/// The secrets of a target by reference.
type TargetSecrets = HashMap<SecretReference, SecretString>;

/// Runs that were started.
pub(crate) struct RunningTasks {
    tasks: JoinSet<Report>,
    /// The report of each task in case it panics.
    if_panicked: HashMap<Id, Report>,
}

impl RunningTasks {
    fn none() -> Self {
        Self { tasks: JoinSet::new(), if_panicked: HashMap::new() }
    }

    /// Starts a run in its own task.
    fn spawn(&mut self, run: impl Future<Output = Report> + Send + 'static, if_panicked: Report) {
        let task = self.tasks.spawn(run);
        self.if_panicked.insert(task.id(), if_panicked);
    }

    /// The next report and those that follow it within `gather`, so that they share requests; `None`
    /// if there are no more.
    pub(crate) async fn ready(&mut self, gather: Duration) -> Option<Vec<Report>> {
        let mut ready = vec![self.next().await?];
        let until = Instant::now() + gather;
        while let Ok(Some(next)) = tokio::time::timeout_at(until, self.next()).await {
            ready.push(next);
        }
        Some(ready)
    }

    /// The next report; `None` if there are no more.
    pub(crate) async fn next(&mut self) -> Option<Report> {
        match self.tasks.join_next_with_id().await? {
            Ok((id, report)) => {
                self.if_panicked.remove(&id);
                Some(report)
            }
            // The panic hook has logged the message.
            Err(panicked) => self.if_panicked.remove(&panicked.id()),
        }
    }
}

/// State that the runs of an execution environment share.
#[derive(Clone)]
pub(crate) struct Runner {
    pub(crate) prober: Prober,
    pub(crate) secrets: Arc<Secrets>,
}

impl Runner {
    /// Starts all runs at once.
    pub(crate) fn start(&self, runs: Vec<Run>, due: &Due, deadline: Instant) -> RunningTasks {
        let (here, due) = (self.located(due), due.at);
        let mut tasks = RunningTasks::none();
        for run in runs {
            let runner = here.clone();
            let if_panicked = here
                .run_of(&run, due)
                .refused(OwnFault::Internal, "the conversation panicked; see the log");
            tasks.spawn(async move { runner.run(&run, due, deadline).await }, if_panicked);
        }
        tasks
    }

    /// With the location that the run request names, if any.
    fn located(&self, due: &Due) -> Self {
        let mut here = self.clone();
        if let Some(location) = &due.location {
            here.prober.location = location.to_string();
        }
        here
    }

    fn run_of<'a>(&'a self, run: &'a Run, due: Timestamp) -> ProbeRun<'a> {
        self.prober.run_of(run.id.clone(), &run.probe, due)
    }

    async fn run(&self, run: &Run, due: Timestamp, deadline: Instant) -> Report {
        let used = self.cached_secrets(run).await;
        let report = self.run_once(run, due, deadline).await;
        let is_refused = report.outcome.reason() == Some(Reason::Auth);
        if is_refused && self.secrets_changed(run, used.as_ref()).await {
            // The cache had a secret from before its rotation. This run gives no information about the target.
            info!(run = %run.id, probe = %run.probe.name, "Secret was rotated; the run is repeated");
            return self.run_once(run, due, deadline).await;
        }
        report
    }

    /// The secrets of the target; `None` if there are none or they are not available.
    async fn cached_secrets(&self, run: &Run) -> Option<TargetSecrets> {
        let references = secret_references(&run.probe.target);
        if references.is_empty() {
            return None;
        }
        let fetched = self.secrets.get_all(&references, std::time::Instant::now()).await.ok()?;
        Some(fetched.values)
    }

    /// Fetches the secrets again and returns whether one has changed since it was `used`.
    async fn secrets_changed(&self, run: &Run, used: Option<&TargetSecrets>) -> bool {
        let Some(used) = used else { return false };
        for reference in used.keys() {
            self.secrets.forget(reference);
        }
        let Some(fetched) = self.cached_secrets(run).await else { return false };
        used.iter().any(|(reference, before)| {
            let now = fetched.get(reference).map(ExposeSecret::expose_secret);
            now.is_some_and(|now| now != before.expose_secret())
        })
    }

    async fn run_once(&self, run: &Run, due: Timestamp, deadline: Instant) -> Report {
        let probe_run = self.run_of(run, due);
        let target = match fill_target(&run.probe.target, &self.secrets).await {
            Ok(target) => target,
            Err(error) => return probe_run.refused(error.fault(), chain(&error)),
        };
        let left = deadline.saturating_duration_since(Instant::now());
        let mut no_display = |_: ProgressEvent<'_>| {};
        let report = probe_run.run(&target, TimeLimit::Process(left), &mut no_display);
        match tokio::time::timeout(left + GRACE, report).await {
            Ok(report) => report,
            Err(_) => probe_run.refused(
                OwnFault::Deadline,
                "the Lambda deadline was reached before the run ended",
            ),
        }
    }
}

/// Why the secrets of a target could not be filled in.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TargetError {
    #[error(transparent)]
    Secret(#[from] SecretError),
    #[error(transparent)]
    Fill(#[from] FillError),
}

impl TargetError {
    fn fault(&self) -> OwnFault {
        match self {
            Self::Secret(_) => OwnFault::Secret,
            Self::Fill(error) => error.fault(),
        }
    }
}

/// The target with its secrets filled in.
pub(crate) async fn fill_target(
    target: &Target,
    secrets: &Secrets,
) -> Result<FilledTarget, TargetError> {
    let references = secret_references(target);
    let secrets = secrets.get_all(&references, std::time::Instant::now()).await?;
    Ok(FilledTarget::new(target, &secrets.values, &secrets.hosts)?)
}

/// The target and the credentials of a scrape with their secrets filled in.
pub(crate) async fn fill_scrape(
    scrape: &ScrapeRequest,
    secrets: &Secrets,
) -> Result<(FilledTarget, FilledScrape), TargetError> {
    let (target, http) = (&scrape.target, &scrape.http);
    let references = scrape_references(target, http);
    let secrets = secrets.get_all(&references, std::time::Instant::now()).await?;
    Ok(FilledTarget::for_scrape(target, http, &secrets.values, &secrets.hosts)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use conversation::StallMonitor;

    const PROBE: &str = r#"{"name":"bot","every_seconds":60,"enabled":true,"timeout_seconds":5,
        "target":{"url":"http://127.0.0.1:1"},"retry":{"attempts":0,"wait_seconds":1},"objectives":{},
        "conversation":[{"say":"hi"}],
        "alarm":{"down":{"m":2,"n":3},"degraded":{"m":3,"n":5},"severity":"page"}}"#;

    #[tokio::test]
    async fn panic_has_a_report_and_does_not_affect_other_runs() {
        let environment = "test".parse().unwrap();
        let probe: domain::Probe = serde_json::from_str(PROBE).unwrap();
        let due = Timestamp::from_second(1_795_000_000).unwrap();
        let run = domain::report::RunId::of(&environment, &probe.name, due);
        let prober = Prober {
            environment,
            location: String::new(),
            user_agent: String::new(),
            version: String::new(),
            stalls: StallMonitor::default(),
        };
        let refused = |prose: &str| {
            prober.run_of(run.clone(), &probe, due).refused(OwnFault::Internal, prose)
        };
        let (panicked, fine) = (refused("a panic"), refused("fine"));
        let mut tasks = RunningTasks::none();
        tasks.spawn(async { panic!("a defect") }, panicked.clone());
        tasks.spawn(async { fine }, panicked.clone());
        let mut details = [tasks.next().await.unwrap().detail, tasks.next().await.unwrap().detail];
        details.sort();
        assert_eq!(details, ["a panic", "fine"]);
        assert_eq!(tasks.next().await, None);
    }
}
