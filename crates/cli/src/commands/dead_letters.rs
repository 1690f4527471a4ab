//! `vigie dead-letters`: samples that the receiver rejected, in the dead-letter queue of an environment or
//! in the folder of `vigie bridge --dead-letters`.

mod folder;
mod queue;

use std::path::PathBuf;

use anyhow::bail;
use clap::{Args, Subcommand};
use domain::EnvironmentName;
use jiff::Timestamp;
use samples::Protocol;

use crate::{Exit, Io};

/// List, retry or drop samples that Prometheus rejected.
///
/// With `--environment` the command works on the queue `vigie-ENV-samples-dead.fifo` with your AWS
/// credentials, with `--folder` on the folder of `vigie bridge --dead-letters`.
#[derive(Debug, Args)]
#[command(after_help = "\
A queue shows at most ten messages of a group at a time: after a retry or a drop the next ones are listed.
Samples that are older than `RemoteWriteMaxAgeSeconds` when they are retried are stored in the report bucket.

Examples:
  vigie dead-letters list --environment prod
  vigie dead-letters retry --environment prod --all
  vigie dead-letters drop --folder rejected 1795332392507-receiver_400-0
  vigie dead-letters retry --folder rejected --all --remote-write http://prometheus:9090/api/v1/write")]
pub struct Arguments {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Show the dead letters with their reasons.
    List(Place),
    /// Send dead letters again and remove those that were accepted.
    Retry {
        #[command(flatten)]
        place: Place,
        #[command(flatten)]
        which: Which,
        /// The receiver, with `--folder`. The password or token is in the environment variables that
        /// `vigie bridge` reads.
        #[arg(long, value_name = "URL", requires = "folder")]
        remote_write: Option<String>,
        /// 1.0 or 2.0, with `--folder`.
        #[arg(long, value_name = "VERSION", default_value_t = Protocol::V1)]
        protocol: Protocol,
        /// User name for basic authentication at the receiver, with `--folder`.
        #[arg(long, value_name = "NAME", requires = "folder")]
        user: Option<String>,
    },
    /// Remove dead letters. Their samples are lost.
    Drop {
        #[command(flatten)]
        place: Place,
        #[command(flatten)]
        which: Which,
    },
}

#[derive(Debug, Args)]
struct Place {
    /// Environment of the stack.
    #[arg(
        long,
        value_name = "ENV",
        env = "VIGIE_ENVIRONMENT",
        required_unless_present = "folder",
        conflicts_with = "folder"
    )]
    environment: Option<EnvironmentName>,
    /// Folder of `vigie bridge --dead-letters`.
    #[arg(long, value_name = "FOLDER")]
    folder: Option<PathBuf>,
}

#[derive(Debug, Args)]
struct Which {
    /// IDs of dead letters, from `vigie dead-letters list`.
    #[arg(value_name = "ID", required_unless_present = "all", conflicts_with = "all")]
    ids: Vec<String>,
    /// All dead letters.
    #[arg(long)]
    all: bool,
}

impl Which {
    fn has(&self, id: &str) -> bool {
        self.all || self.ids.iter().any(|one| one == id)
    }
}

/// One line of the list.
struct Row {
    id: String,
    /// The time of its samples.
    due: Option<Timestamp>,
    samples: Option<usize>,
    reason: String,
}

pub(crate) async fn dead_letters(arguments: &Arguments, io: &mut Io<'_>) -> anyhow::Result<Exit> {
    match &arguments.action {
        Action::List(place) => list(place, io).await,
        Action::Retry { place, which, remote_write, protocol, user } => {
            match (&place.folder, remote_write) {
                (Some(path), Some(url)) => {
                    let receiver =
                        folder::Receiver { url, protocol: *protocol, user: user.as_deref() };
                    folder::retry(path, which, &receiver, io).await
                }
                (Some(_), None) => bail!("`--remote-write` is not set; `--folder` requires it"),
                (None, _) => queue::Queue::open(place).await?.retry(which, io).await,
            }
        }
        Action::Drop { place, which } => match &place.folder {
            Some(path) => folder::drop(path, which, io),
            None => queue::Queue::open(place).await?.drop(which, io).await,
        },
    }
}

async fn list(place: &Place, io: &mut Io<'_>) -> anyhow::Result<Exit> {
    let rows = match &place.folder {
        Some(path) => folder::rows(path)?,
        None => queue::Queue::open(place).await?.rows().await?,
    };
    if rows.is_empty() {
        writeln!(io.out, "no dead letters")?;
    }
    for Row { id, due, samples, reason } in rows {
        let due = due.map_or_else(|| "-".to_owned(), |due| due.strftime("%FT%TZ").to_string());
        let samples = samples.map_or_else(|| "-".to_owned(), |count| count.to_string());
        writeln!(io.out, "{id}  {due}  {samples:>6} samples  {reason}")?;
    }
    Ok(Exit::Success)
}

/// Prints what was done; fails if an ID is unknown.
fn done(what: &str, count: usize, which: &Which, io: &mut Io<'_>) -> anyhow::Result<Exit> {
    writeln!(io.out, "{what} {}", crate::files::plural(count, "dead letter"))?;
    if !which.all && count < which.ids.len() {
        bail!(
            "{} of {} IDs were not found or not accepted\nhint: `vigie dead-letters list` shows those that can be used now",
            which.ids.len() - count,
            which.ids.len()
        );
    }
    Ok(Exit::Success)
}
