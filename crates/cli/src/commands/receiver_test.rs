//! `vigie alerts test`: sends a marked test notification to the receivers of `infra/routes.json`.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use aws_config::SdkConfig;
use clap::Args;
use domain::EnvironmentName;
use jiff::Timestamp;
use notify::Language;
use receivers::{Payload, Receiver, Sender, TopicMessage, deliveries, samples};
use secrets::{Fetched, Secrets};

use crate::routes::{self, ROUTES};
use crate::style::{ERROR, GOOD};
use crate::{Exit, Io};

/// The longest time for one receiver.
const LIMIT: Duration = Duration::from_secs(30);

#[derive(Debug, Args)]
pub(crate) struct Test {
    /// The receiver's name; all receivers of the environment if it is left out.
    #[arg(value_name = "RECEIVER")]
    receiver: Option<String>,
    /// The environment, for values and secrets that depend on it.
    #[arg(long, value_name = "ENV", env = "VIGIE_ENVIRONMENT")]
    environment: EnvironmentName,
    /// The file with the receivers.
    #[arg(long, value_name = "FILE", default_value = ROUTES)]
    routes: PathBuf,
}

pub(crate) async fn test(arguments: &Test, io: &mut Io<'_>) -> anyhow::Result<Exit> {
    let Some(configuration) = routes::read(&arguments.routes, io)? else { return Ok(Exit::Failed) };
    let environment = &arguments.environment;
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
    // Without secrets and topics no AWS account is needed.
    let needs_aws = |receiver: &&&Receiver| {
        !receiver.secrets(environment).is_empty() || receiver.kind.as_str() == "sns"
    };
    let aws = match receivers.iter().find(needs_aws) {
        Some(_) => Some(aws_config::load_from_env().await),
        None => None,
    };
    let mut exit = Exit::Success;
    for receiver in receivers {
        let name = &receiver.name;
        match send(receiver, environment, aws.as_ref(), Timestamp::now()).await {
            Ok(()) => writeln!(io.out, "{GOOD}accepted{GOOD:#} {name}")?,
            Err(error) => {
                writeln!(io.err, "{ERROR}not accepted{ERROR:#} {name}: {error:#}")?;
                exit = Exit::Down;
            }
        }
    }
    Ok(exit)
}

async fn send(
    receiver: &Receiver,
    environment: &EnvironmentName,
    aws: Option<&SdkConfig>,
    now: Timestamp,
) -> anyhow::Result<()> {
    let references = receiver.secrets(environment);
    let fetched = match aws {
        Some(aws) if !references.is_empty() => {
            let manager = aws_sdk_secretsmanager::Client::new(aws);
            let secrets = Secrets::new(manager, secrets::ParameterStore::new(aws));
            secrets.get_all(&references, std::time::Instant::now()).await?
        }
        _ => Fetched::default(),
    };
    let resolved = receiver.resolve(environment, &fetched.values)?;
    let is_allowed = fetched.hosts.values().all(|hosts| resolved.is_one_of(hosts));
    ensure!(is_allowed, "a secret of the receiver is bound to other hosts");
    let region = aws.and_then(|aws| aws.region()).map_or("local", |region| region.as_ref());
    let id =
        format!("{:08x}", domain::report::stable_hash(&format!("{} {now}", receiver.name)) >> 32);
    let notification = samples::test(environment, region, &id, now);
    let sender = Sender::default();
    for delivery in deliveries(&resolved, &notification, Language::English)? {
        let deadline = tokio::time::Instant::now() + LIMIT;
        match &delivery.payload {
            Payload::Http(requests) => sender.send(&resolved, requests, deadline).await?,
            Payload::Topic(message) => publish(aws, message).await?,
            Payload::Nothing | Payload::Bus(_) => {}
        }
    }
    Ok(())
}

async fn publish(aws: Option<&SdkConfig>, message: &TopicMessage) -> anyhow::Result<()> {
    let sns = aws_sdk_sns::Client::new(aws.context("no AWS credentials")?);
    sns.publish()
        .topic_arn(&message.topic)
        .subject(&message.subject)
        .message(&message.message)
        .set_message_structure(message.by_protocol.then(|| "json".to_owned()))
        .send()
        .await
        .map_err(|error| anyhow::Error::new(error.into_service_error()))?;
    Ok(())
}
