//! `vigie deploy`, `vigie doctor` and `vigie remove`: environments on AWS.

use std::io::{BufRead, IsTerminal as _, Write as _};
use std::path::Path;

use anyhow::{Context, bail, ensure};
use clap::Args;
use deploy::account::Account;
use deploy::build::Architecture;
use deploy::checkout::Checkout;
use deploy::doctor::{Severity, examine};
use deploy::facts::{self, UsedSecrets};
use deploy::parameters::{self, Parameters};
use deploy::process::Processes;
use deploy::progress::Progress;
use deploy::removal;
use deploy::steps::{self, Deployment};
use domain::{EnvironmentName, Probe};

use super::edges::{self, WaitLimits};
use super::{render, smoke};
use crate::routes::{self, ROUTES};
use crate::{Exit, Io, files};

/// Deploy an environment, then run each probe once.
///
/// In a checkout the command builds the functions first; a release archive has them. Parameters come from samconfig.toml. The credentials are those of the AWS CLI: a profile, single sign-on,
/// `credential_process` or environment variables.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  vigie deploy dev
  vigie deploy dev --parameter Language=fr
  AWS_REGION=us-east-1 vigie deploy prod")]
pub struct Deploy {
    /// Environment to deploy: a section of samconfig.toml.
    #[arg(value_name = "ENV")]
    environment: EnvironmentName,
    /// Processor of the functions, `arm64` or `x86_64`.
    #[arg(long, value_name = "NAME", value_parser = architecture)]
    architecture: Option<Architecture>,
    /// Override a parameter of samconfig.toml for this deployment.
    #[arg(long = "parameter", value_name = "NAME=VALUE")]
    parameters: Vec<String>,
    /// Several parameters in one line, quoted like in a shell.
    #[arg(long, env = "PARAMETERS", hide = true, default_value = "")]
    parameter_line: String,
    /// Deploy although no address receives notifications.
    #[arg(long)]
    without_notifications: bool,
    /// Delete the stack of a failed first deployment without asking.
    #[arg(long)]
    recreate: bool,
    /// Send a test notification afterwards, as the first deployment does.
    #[arg(long)]
    test_notification: bool,
}

/// Report what would make a deployment fail or leave notifications without a recipient.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  vigie doctor prod

Exit codes: 0 no errors, 2 errors.")]
pub struct Doctor {
    /// Environment to examine: a section of samconfig.toml.
    #[arg(value_name = "ENV")]
    environment: EnvironmentName,
}

/// Delete an environment: stack, packages, mute rules and reports.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  vigie remove dev
  vigie remove dev --yes --keep-reports")]
pub struct Remove {
    /// Environment to delete.
    #[arg(value_name = "ENV")]
    environment: EnvironmentName,
    /// Do not ask for the name of the environment.
    #[arg(long)]
    yes: bool,
    /// Keep the bucket with the reports.
    #[arg(long)]
    keep_reports: bool,
}

pub(crate) async fn deploy(arguments: Deploy, io: &mut Io<'_>) -> anyhow::Result<Exit> {
    let folder = std::env::current_dir()?;
    let root = steps::find_root(&folder)?;
    ensure!(
        render::check(&root.join("probes"), &root.join("infra"), io)?,
        "infra/alarms.yaml does not match the probes"
    );
    let state = root.join("target/deploy");
    let (processes, _) = Processes::open(&state.join("processes"), &state.join("logs"))?;
    let checkout = Checkout { root, processes: &processes };
    let environment = &arguments.environment;
    let probes = probes(root, environment, io)?;
    let mut secrets = used_secrets(&probes);
    // The function alerts does not start with an invalid routes.json, which this reports.
    secrets.extend(receiver_secrets(root, environment, io)?);
    let recreate = |status: &str| recreate(environment, status, arguments.recreate);
    let deployment = Deployment {
        environment,
        architecture: arguments.architecture,
        parameters: given(&arguments.parameters, &arguments.parameter_line)?,
        secrets,
        without_notifications: arguments.without_notifications,
        recreate: &recreate,
    };
    let aws = aws_config::load_from_env().await;
    let is_new = deployment.run(&checkout, &aws, &Progress::default()).await?;
    let smoke = smoke::smoke_run(environment, io).await.context("the stack is deployed")?;
    let tested = probes.first().filter(|_| is_new || arguments.test_notification);
    let probe = tested.map(|probe| &probe.name);
    let edges = edges::check(&aws, environment, probe, WaitLimits::default(), io).await?;
    // A bot that answers slowly is not a fault of the deployment.
    let smoke = if smoke == Exit::Degraded { Exit::Success } else { smoke };
    Ok(smoke.max(edges))
}

pub(crate) async fn doctor(arguments: &Doctor, io: &mut Io<'_>) -> anyhow::Result<Exit> {
    let folder = std::env::current_dir()?;
    let root = steps::find_root(&folder)?;
    let account = Account::of(&aws_config::load_from_env().await).await?;
    writeln!(io.out, "{account}")?;
    let mut secrets = used_secrets(&probes(root, &arguments.environment, io)?);
    secrets.extend(receiver_secrets(root, &arguments.environment, io)?);
    let none = Parameters::new();
    let facts = facts::collect(root, &account, &arguments.environment, &none, secrets).await?;
    let findings = examine(&facts);
    for finding in &findings {
        writeln!(io.out, "{finding}")?;
    }
    if findings.is_empty() {
        writeln!(io.out, "no problems found for `{}`", arguments.environment)?;
    }
    let error = findings.iter().any(|finding| finding.severity == Severity::Error);
    Ok(if error { Exit::Failed } else { Exit::Success })
}

pub(crate) async fn remove(arguments: &Remove, io: &mut Io<'_>) -> anyhow::Result<Exit> {
    let environment = &arguments.environment;
    if !arguments.yes {
        let stdin = std::io::stdin();
        ensure!(stdin.is_terminal(), "`vigie remove` asks for confirmation\nhint: add --yes");
        confirm(environment, stdin.lock(), io)?;
    }
    let aws = aws_config::load_from_env().await;
    removal::remove(&aws, environment, arguments.keep_reports, &Progress::default()).await?;
    Ok(Exit::Success)
}

/// The enabled probes of an environment. Variables have a placeholder.
fn probes(
    root: &Path,
    environment: &EnvironmentName,
    io: &mut Io<'_>,
) -> anyhow::Result<Vec<Probe>> {
    let files = files::read(&[root.join("probes")])?;
    let specs = files::probes(&files, io)?.context("the probe files have errors")?;
    let of_environment = specs.into_iter().filter(|spec| spec.runs_in(environment));
    let placeholder = |_: &str| Some("https://chat.example.com".to_owned());
    let resolved = of_environment.map(|spec| spec.resolve(environment, &placeholder));
    let probes: Vec<Probe> = resolved.collect::<Result<_, _>>()?;
    Ok(probes.into_iter().filter(|probe| probe.enabled).collect())
}

/// The secrets of the receivers of an environment.
fn receiver_secrets(
    root: &Path,
    environment: &EnvironmentName,
    io: &mut Io<'_>,
) -> anyhow::Result<UsedSecrets> {
    let routes = routes::read(&root.join(ROUTES), io)?.context("infra/routes.json has errors")?;
    let of_environment = routes.receivers.iter().filter(|receiver| receiver.is_in(environment));
    let secrets = of_environment.flat_map(|receiver| {
        let used_by = format!("receiver `{}`", receiver.name);
        let references = receiver.secrets(environment).into_iter();
        references.map(move |reference| (reference, used_by.clone()))
    });
    Ok(secrets.collect())
}

/// The secrets of the probes, with the probes that use them.
fn used_secrets(probes: &[Probe]) -> UsedSecrets {
    let of_probe = |probe: &Probe| {
        let used_by = format!("probe `{}`", probe.name);
        let references = conversation::target::probe_references(probe);
        references.into_iter().map(move |reference| (reference, used_by.clone()))
    };
    probes.iter().flat_map(of_probe).collect()
}

/// Whether to delete the stack of a failed first deployment. It has no resources any more.
fn recreate(environment: &EnvironmentName, status: &str, accepted: bool) -> std::io::Result<bool> {
    let stdin = std::io::stdin();
    if accepted || !stdin.is_terminal() {
        return Ok(accepted);
    }
    let mut err = std::io::stderr().lock();
    write!(
        err,
        "Stack `vigie-{environment}` is in state {status}. Delete it and deploy again? [y/N] "
    )?;
    err.flush()?;
    let mut line = String::new();
    stdin.lock().read_line(&mut line)?;
    Ok(["y", "yes"].contains(&line.trim()))
}

/// Fails unless the next line of `answer` is the name of the environment.
fn confirm(
    environment: &EnvironmentName,
    mut answer: impl BufRead,
    io: &mut Io<'_>,
) -> anyhow::Result<()> {
    write!(io.err, "This deletes `{environment}` and its reports. Type its name to confirm: ")?;
    io.err.flush()?;
    let mut line = String::new();
    answer.read_line(&mut line)?;
    if line.trim() != environment.as_str() {
        bail!("nothing was deleted: `{}` is not `{environment}`", line.trim());
    }
    Ok(())
}

fn given(pairs: &[String], line: &str) -> anyhow::Result<Parameters> {
    let words = parameters::split_words(line).context("PARAMETERS")?;
    Ok(parameters::of_pairs(words.iter().chain(pairs).map(String::as_str))?)
}

fn architecture(text: &str) -> Result<Architecture, &'static str> {
    match text {
        "arm64" => Ok(Architecture::Arm64),
        "x86_64" => Ok(Architecture::X86),
        _ => Err("expected arm64 or x86_64"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn removal_wants_the_exact_name() {
        let cases =
            [("prod\n", true), ("prod", true), ("yes\n", false), ("\n", false), ("", false)];
        for (answer, confirmed) in cases {
            let (mut out, mut err) = (Vec::new(), Vec::new());
            let mut io = Io { out: &mut out, err: &mut err, live: false };
            let result = confirm(&"prod".parse().unwrap(), answer.as_bytes(), &mut io);
            assert_eq!(result.is_ok(), confirmed, "{answer:?}");
        }
    }

    #[test]
    fn parameter_flag_overrides_the_line() {
        let flags =
            ["MaintenanceSchedule=cron(0 2 ? * SUN *)".to_owned(), "Language=en".to_owned()];
        let found = given(&flags, "Language=fr 'ProbeVariables=A=1,B=two words'").unwrap();
        assert_eq!(found["Language"], "en");
        assert_eq!(found["ProbeVariables"], "A=1,B=two words");
        assert_eq!(found["MaintenanceSchedule"], "cron(0 2 ? * SUN *)");
    }

    #[test]
    fn secrets_of_the_receivers_of_an_environment_are_found() {
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir(root.path().join("infra")).unwrap();
        let text = r#"{ "receivers": [
            { "name": "chat", "type": "slack", "url": "${secret:vigie/${environment}/receivers/chat}" },
            { "name": "dev", "type": "slack", "url": { "dev": "${secret:x}" } }
        ] }"#;
        std::fs::write(root.path().join(ROUTES), text).unwrap();
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let mut io = Io { out: &mut out, err: &mut err, live: false };
        let used = receiver_secrets(root.path(), &"prod".parse().unwrap(), &mut io).unwrap();
        let used: Vec<String> = used.into_iter().map(|(one, by)| format!("{one} {by}")).collect();
        assert_eq!(used, ["secret:vigie/prod/receivers/chat receiver `chat`"]);
    }
}
