//! Plays runs side by side, each in a task of its own, and gives each a report whatever becomes of it.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use conversation::{Budget, FilledTarget, Seen, Visit};
use domain::message::Run;
use domain::template::Part;
use domain::{OwnFault, Report, Target};
use jiff::Timestamp;
use lambda_kit::chain;
use secrecy::SecretString;
use secrets::{Reference, Secrets};
use tokio::task::{Id, JoinSet};
use tokio::time::Instant;

use crate::Config;

/// Beyond its budget a visit gets this long to say so itself, before it is taken for hung.
const GRACE: Duration = Duration::from_secs(1);

/// `Vigie/VERSION (+repository)`, so that owners can tell probes from people.
pub const USER_AGENT: &str =
    concat!("Vigie/", env!("CARGO_PKG_VERSION"), " (+", env!("CARGO_PKG_REPOSITORY"), ")");

/// Runs that are being made.
pub(crate) struct Playing {
    tasks: JoinSet<Report>,
    /// What to report of a task that panicked.
    lost: HashMap<Id, Report>,
}

impl Playing {
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

/// Starts every run at once.
pub(crate) fn start(
    runs: Vec<Run>,
    due: Timestamp,
    deadline: Instant,
    config: &Config,
    secrets: &Arc<Secrets>,
) -> Playing {
    let mut playing = Playing { tasks: JoinSet::new(), lost: HashMap::new() };
    for run in runs {
        let (config, secrets) = (config.clone(), Arc::clone(secrets));
        let panicked = visit(&run, due, &config)
            .refused(OwnFault::Internal, "the conversation panicked; see the log");
        let task =
            playing.tasks.spawn(async move { play(&run, due, deadline, &config, &secrets).await });
        playing.lost.insert(task.id(), panicked);
    }
    playing
}

fn visit<'a>(run: &'a Run, due: Timestamp, config: &Config) -> Visit<'a> {
    Visit {
        run: run.id.clone(),
        probe: &run.probe,
        environment: config.environment.clone(),
        location: config.location.clone(),
        due,
        user_agent: USER_AGENT.to_owned(),
        vigie: env!("CARGO_PKG_VERSION").to_owned(),
    }
}

async fn play(
    run: &Run,
    due: Timestamp,
    deadline: Instant,
    config: &Config,
    secrets: &Secrets,
) -> Report {
    let visit = visit(run, due, config);
    let target = match fill(&run.probe.target, secrets).await {
        Ok(target) => target,
        Err(prose) => return visit.refused(OwnFault::Secret, prose),
    };
    let left = deadline.saturating_duration_since(Instant::now());
    let mut nobody_watches = |_: Seen<'_>| {};
    let play = visit.play(&target, Budget::Own(left), &mut nobody_watches);
    match tokio::time::timeout(left + GRACE, play).await {
        Ok(report) => report,
        Err(_) => visit.refused(OwnFault::Deadline, "our own deadline came before the visit ended"),
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
