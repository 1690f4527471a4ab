//! Plays runs side by side, each in a task of its own, and gives each a report whatever becomes of it.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use conversation::{Budget, FilledTarget, Seen, Stalls, Visit};
use domain::run_request::Run;
use domain::template::Part;
use domain::{EnvironmentName, OwnFault, Report, Target, USER_AGENT};
use jiff::Timestamp;
use lambda_kit::chain;
use secrecy::SecretString;
use secrets::{Reference, Secrets};
use tokio::task::{Id, JoinSet};
use tokio::time::Instant;

/// Beyond its budget a visit gets this long to say so itself, before it is taken for hung.
const GRACE: Duration = Duration::from_secs(1);

/// Runs that are being made.
pub(crate) struct Playing {
    tasks: JoinSet<Report>,
    /// What to report of a task that panicked.
    lost: HashMap<Id, Report>,
}

impl Playing {
    fn none() -> Self {
        Self { tasks: JoinSet::new(), lost: HashMap::new() }
    }

    /// Plays in a task of its own; `panicked` is the report if it panics.
    fn spawn(&mut self, play: impl Future<Output = Report> + Send + 'static, panicked: Report) {
        let task = self.tasks.spawn(play);
        self.lost.insert(task.id(), panicked);
    }

    /// The next reports: the first that is ready, and those that are soon after it, so that they can
    /// share requests; `None` when there are no more.
    pub(crate) async fn ready(&mut self, gather: Duration) -> Option<Vec<Report>> {
        let mut ready = vec![self.next().await?];
        let until = Instant::now() + gather;
        while let Ok(Some(next)) = tokio::time::timeout_at(until, self.next()).await {
            ready.push(next);
        }
        Some(ready)
    }

    /// The next report; `None` when there are no more.
    pub(crate) async fn next(&mut self) -> Option<Report> {
        match self.tasks.join_next_with_id().await? {
            Ok((id, report)) => {
                self.lost.remove(&id);
                Some(report)
            }
            // A panic is a defect of ours; its message is in the log already.
            Err(panicked) => self.lost.remove(&panicked.id()),
        }
    }
}

/// What the runs of an execution environment share.
#[derive(Clone)]
pub(crate) struct Player {
    pub(crate) environment: EnvironmentName,
    pub(crate) location: String,
    pub(crate) secrets: Arc<Secrets>,
    pub(crate) stalls: Stalls,
}

impl Player {
    /// Starts every run at once.
    pub(crate) fn start(&self, runs: Vec<Run>, due: Timestamp, deadline: Instant) -> Playing {
        let mut playing = Playing::none();
        for run in runs {
            let player = self.clone();
            let panicked = self
                .visit(&run, due)
                .refused(OwnFault::Internal, "the conversation panicked; see the log");
            playing.spawn(async move { player.play(&run, due, deadline).await }, panicked);
        }
        playing
    }

    fn visit<'a>(&self, run: &'a Run, due: Timestamp) -> Visit<'a> {
        Visit {
            run: run.id.clone(),
            probe: &run.probe,
            environment: self.environment.clone(),
            location: self.location.clone(),
            due,
            user_agent: USER_AGENT.to_owned(),
            vigie: env!("CARGO_PKG_VERSION").to_owned(),
            stalls: self.stalls.clone(),
        }
    }

    async fn play(&self, run: &Run, due: Timestamp, deadline: Instant) -> Report {
        let visit = self.visit(run, due);
        let target = match fill(&run.probe.target, &self.secrets).await {
            Ok(target) => target,
            Err(prose) => return visit.refused(OwnFault::Secret, prose),
        };
        let left = deadline.saturating_duration_since(Instant::now());
        let mut nobody_watches = |_: Seen<'_>| {};
        let play = visit.play(&target, Budget::Own(left), &mut nobody_watches);
        match tokio::time::timeout(left + GRACE, play).await {
            Ok(report) => report,
            Err(_) => {
                visit.refused(OwnFault::Deadline, "our own deadline came before the visit ended")
            }
        }
    }
}

/// The target with its secrets filled in.
pub(crate) async fn fill(target: &Target, secrets: &Secrets) -> Result<FilledTarget, String> {
    let mut found: HashMap<Part, SecretString> = HashMap::new();
    for place in conversation::target::places(target) {
        let reference = match &place {
            Part::Secret { id, key } => Reference::Secret { id: id.clone(), key: key.clone() },
            Part::Parameter(path) => Reference::Parameter(path.clone()),
            Part::Literal(_) | Part::Variable(_) | Part::Word(_) => continue,
        };
        let secret = secrets
            .get(&reference, std::time::Instant::now())
            .await
            .map_err(|error| chain(&error))?;
        found.insert(place, secret);
    }
    FilledTarget::new(target, &|part| found.get(part).cloned()).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROBE: &str = r#"{"name":"bot","every_seconds":60,"enabled":true,"timeout_seconds":5,
        "target":{"url":"http://127.0.0.1:1"},"retry":{"attempts":0,"wait_seconds":1},"objectives":{},
        "conversation":[{"say":"hi"}],
        "alarm":{"down":{"m":2,"n":3},"degraded":{"m":3,"n":5},"severity":"page"}}"#;

    #[tokio::test]
    async fn a_conversation_that_panics_has_a_report_and_disturbs_no_other() {
        let environment = "test".parse().unwrap();
        let probe: domain::Probe = serde_json::from_str(PROBE).unwrap();
        let due = Timestamp::from_second(1_795_000_000).unwrap();
        let visit = Visit {
            run: domain::report::RunId::of(&environment, &probe.name, due),
            probe: &probe,
            environment,
            location: String::new(),
            due,
            user_agent: String::new(),
            vigie: String::new(),
            stalls: Stalls::default(),
        };
        let [panicked, fine] =
            ["a panic", "fine"].map(|prose| visit.refused(OwnFault::Internal, prose));
        let mut playing = Playing::none();
        let other = fine.clone();
        playing.spawn(async { panic!("a defect") }, panicked.clone());
        playing.spawn(async { other }, panicked.clone());
        let mut details =
            [playing.next().await.unwrap().detail, playing.next().await.unwrap().detail];
        details.sort();
        assert_eq!(details, ["a panic", "fine"]);
        assert_eq!(playing.next().await, None);
    }
}
