//! `vigie top`: the state of all probes in a table that is updated.

use std::io::{IsTerminal as _, stdin, stdout};
use std::time::Duration;

use anyhow::ensure;
use clap::Args;
use domain::EnvironmentName;
use jiff::Timestamp;
use tokio::sync::mpsc::{Sender, channel};
use tokio::time::Instant;
use url::Url;

use crate::serve_client::ServeClient;
use crate::signals::{Signal, Signals};
use crate::top::{CloudWatchSource, Key, Source, Table, Terminal, View, keys, write};
use crate::{Exit, Io};

/// Show the state, availability and latency of all probes in a table.
///
/// The table is updated when runs have finished; the worst probes are first. A deployed environment is queried once
/// a minute, which costs about 3 cents an hour for each 10 probes.
#[derive(Debug, Args)]
#[command(after_help = "\
Keys: q or Esc to quit, arrow keys, Page Up and Page Down to scroll.

Environment variables:
  VIGIE_TOKEN  token of `vigie serve`

Examples:
  vigie top
  vigie top https://status.example.com
  vigie top --environment prod
  vigie top --once | head")]
pub struct Arguments {
    /// Address of a running `vigie serve`.
    #[arg(value_name = "URL", default_value = "http://127.0.0.1:9517")]
    url: Url,
    /// Show a deployed environment instead, with the values of CloudWatch.
    #[arg(long, value_name = "ENV", conflicts_with = "url")]
    environment: Option<EnvironmentName>,
    /// Print the table once and end. It is the default if the output is not a terminal.
    #[arg(long)]
    once: bool,
}

/// Time between two updates without an event.
const UPDATE_EVERY: Duration = Duration::from_secs(10);
/// CloudWatch bills each metric of a query.
const QUERY_EVERY: Duration = Duration::from_secs(60);
/// Shortest time between two updates after events.
const UPDATE_AFTER: Duration = Duration::from_millis(500);
/// Time between two attempts to open the stream of events.
const RECONNECT_AFTER: Duration = Duration::from_secs(5);
/// The time since a change is shown in seconds.
const DRAW_EVERY: Duration = Duration::from_secs(1);

pub(crate) async fn top(arguments: &Arguments, io: &mut Io<'_>) -> anyhow::Result<Exit> {
    let source = source(arguments).await?;
    if arguments.once || !stdout().is_terminal() {
        let snapshot = source.fetch(usize::MAX).await?;
        write!(io.out, "{}", Table::new(&snapshot, Timestamp::now()).plain())?;
        return Ok(Exit::Success);
    }
    ensure!(stdin().is_terminal(), "the input is not a terminal\nhint: pass `--once`");
    let is_coloured = std::env::var_os("NO_COLOR").is_none();
    let mut view = View::new(source.name(), is_coloured);
    view.update(source.fetch(view.wanted()).await?);
    let _terminal = Terminal::enter()?;
    live(&mut view, &source).await?;
    Ok(Exit::Success)
}

async fn source(arguments: &Arguments) -> anyhow::Result<Source> {
    if let Some(environment) = arguments.environment.clone() {
        let aws = aws_config::load_from_env().await;
        let client = aws_sdk_cloudwatch::Client::new(&aws);
        return Ok(Source::CloudWatch(CloudWatchSource { client, environment }));
    }
    let client = ServeClient::new(arguments.url.clone(), |name| std::env::var(name).ok())?;
    Ok(Source::Serve(client))
}

/// Draws until a key or a signal ends it.
async fn live(view: &mut View, source: &Source) -> anyhow::Result<()> {
    let mut signals = Signals::new()?;
    let mut keys = keys();
    let (sender, mut changes) = channel(1);
    let every = match source {
        Source::Serve(client) => {
            tokio::spawn(follow(client.clone(), sender));
            UPDATE_EVERY
        }
        Source::CloudWatch(_) => QUERY_EVERY,
    };
    let mut draws = tokio::time::interval(DRAW_EVERY);
    let mut updated = Instant::now();
    loop {
        let mut is_due = every <= updated.elapsed() || view.lacks_rows();
        tokio::select! {
            _ = draws.tick() => {}
            Some(()) = changes.recv() => is_due |= UPDATE_AFTER <= updated.elapsed(),
            key = keys.recv() => match key {
                Some(Key::Quit) | None => return Ok(()),
                Some(key) => view.handle(key),
            },
            signal = signals.next() => {
                if signal == Signal::Stop { return Ok(()) }
            }
        }
        if is_due {
            match source.fetch(view.wanted()).await {
                Ok(snapshot) => view.update(snapshot),
                Err(error) => view.fail(&error),
            }
            updated = Instant::now();
        }
        let (rows, columns) = Terminal::size();
        write(&view.draw(rows, columns, Timestamp::now()))?;
    }
}

/// Passes on the events of `vigie serve`, and connects again when the stream ends.
async fn follow(client: ServeClient, changes: Sender<()>) {
    while !changes.is_closed() {
        if let Ok(mut response) = client.events().await {
            while let Ok(Some(_)) = response.chunk().await {
                // A full channel means that an update is due already.
                let _ = changes.try_send(());
            }
        }
        tokio::time::sleep(RECONNECT_AFTER).await;
    }
}
