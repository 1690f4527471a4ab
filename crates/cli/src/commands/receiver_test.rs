//! `vigie alerts test`: sends a marked test notification to the receivers of `infra/routes.json`.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use clap::Args;
use domain::EnvironmentName;
use jiff::Timestamp;
use notify::Language;
use receivers::{Configuration, Receiver, samples};

use crate::receiver_client::ReceiverClient;
use crate::routes::{self, ROUTES};
use crate::serve_config::ServeConfig;
use crate::style::{ERROR, GOOD};
use crate::{Exit, Io};

#[derive(Debug, Args)]
pub(crate) struct Test {
    /// Name of the receiver. By default, all receivers of the environment are tested.
    #[arg(value_name = "RECEIVER")]
    receiver: Option<String>,
    /// Environment, for values and secrets that depend on it.
    #[arg(long, value_name = "ENV", env = "VIGIE_ENVIRONMENT")]
    environment: EnvironmentName,
    /// File with the receivers: `routes.json`, or the settings file (`.toml`) of `vigie serve`.
    #[arg(long, value_name = "FILE", default_value = ROUTES)]
    routes: PathBuf,
}

pub(crate) async fn test(arguments: &Test, io: &mut Io<'_>) -> anyhow::Result<Exit> {
    let environment = &arguments.environment;
    let Some(configuration) = read(&arguments.routes, environment, io)? else {
        return Ok(Exit::Failed);
    };
    let all = configuration.receivers.iter();
    let receivers: Vec<&Receiver> = all
        .filter(|receiver| receiver.is_in(environment))
        .filter(|receiver| arguments.receiver.as_ref().is_none_or(|name| *name == receiver.name))
        .collect();
    if receivers.is_empty() {
        let file = arguments.routes.display();
        match &arguments.receiver {
            Some(name) => bail!("`{file}` has no receiver `{name}` for `{environment}`"),
            None => bail!("`{file}` has no receiver for `{environment}`"),
        }
    }
    let client = ReceiverClient::default();
    let mut exit = Exit::Success;
    for receiver in receivers {
        let name = &receiver.name;
        match send(&client, receiver, environment, Timestamp::now()).await {
            Ok(()) => writeln!(io.out, "{GOOD}accepted{GOOD:#} {name}")?,
            Err(error) => {
                writeln!(io.err, "{ERROR}not accepted{ERROR:#} {name}: {error:#}")?;
                exit = Exit::Down;
            }
        }
    }
    Ok(exit)
}

/// The receivers of the file; `None` after its mistakes were shown.
fn read(
    path: &Path,
    environment: &EnvironmentName,
    io: &mut Io<'_>,
) -> anyhow::Result<Option<Configuration>> {
    if path.extension().is_none_or(|extension| extension != "toml") {
        return routes::read(path, io);
    }
    let variable = |name: &str| std::env::var(name).ok();
    let configuration = ServeConfig::read(Some(path))?.receivers(environment, variable);
    configuration.map(Some).with_context(|| format!("`{}` is not valid", path.display()))
}

async fn send(
    client: &ReceiverClient,
    receiver: &Receiver,
    environment: &EnvironmentName,
    now: Timestamp,
) -> anyhow::Result<()> {
    let region = client.region(receiver, environment).await;
    let id =
        format!("{:08x}", domain::report::stable_hash(&format!("{} {now}", receiver.name)) >> 32);
    let notification = samples::test(environment, &region, &id, now);
    for part in client.send(receiver, environment, &notification, Language::English).await? {
        part.result?;
    }
    Ok(())
}
