//! `make deploy ENV=dev` builds, checks and deploys an environment and runs each probe once; `make remove
//! ENV=dev` deletes it.
//!
//! With `AWS_ENDPOINT_URL`, the environment is deployed on an emulator of AWS.

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, bail, ensure};
use deploy::checkout::Checkout;
use deploy::functions::{Architecture, Build};
use deploy::process::Processes;
use deploy::progress::Progress;
use deploy::python::{AWS_CLI, Environment, SAM};
use deploy::{command, parameters, removal, run};
use domain::EnvironmentName;
use tokio::process::Command;

/// Exit code of `vigie smoke` when a bot answers too slowly, which is not a fault of the deployment.
const DEGRADED: i32 = 3;

#[tokio::main]
async fn main() -> ExitCode {
    let progress = Progress::default();
    run::until_done_or_interrupted(&progress, Box::pin(main_with(run::root(), &progress))).await
}

async fn main_with(root: &Path, progress: &Progress) -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let (action, environment) = (arguments.next(), arguments.next());
    let environment: EnvironmentName = environment
        .filter(|name| !name.is_empty())
        .context("which environment?\nhint: make deploy ENV=dev")?
        .parse()
        .context("ENV")?;
    // Another folder than that of the demo, so that both can run at once.
    let state = root.join("target/deploy");
    let (processes, _) = Processes::open(&state.join("processes"), &state.join("logs"))?;
    let checkout = Checkout { root, processes: &processes };
    match action.as_deref() {
        Some("deploy") => {
            installed(SAM, "SAM CLI, cargo-lambda", &checkout, progress).await?;
            deploy(&checkout, environment.as_str(), progress).await?;
            smoke(&checkout, environment.as_str()).await
        }
        Some("remove") => {
            installed(AWS_CLI, "AWS CLI", &checkout, progress).await?;
            removal::remove(&checkout, &environment, progress).await
        }
        other => bail!("`{other:?}` is nothing this program does; expected `deploy` or `remove`"),
    }
}

async fn installed(
    tools: Environment,
    names: &str,
    checkout: &Checkout<'_>,
    progress: &Progress,
) -> anyhow::Result<()> {
    let install = async {
        tools.install(checkout.root, checkout.processes).await?;
        Ok(((), names.to_owned()))
    };
    progress.step("install the tools", install).await
}

async fn deploy(
    checkout: &Checkout<'_>,
    environment: &str,
    progress: &Progress,
) -> anyhow::Result<()> {
    let on_emulator = std::env::var("AWS_ENDPOINT_URL").is_ok_and(|url| !url.is_empty());
    let build = match std::env::var("ARCH").as_deref() {
        // The emulator runs the functions on this machine.
        Err(_) | Ok("") if on_emulator => Build::for_emulator(),
        Err(_) | Ok("" | "arm64") => Build::Release(Architecture::Arm64),
        Ok("x86_64") => Build::Release(Architecture::X86),
        Ok(other) => bail!("`ARCH` is `{other}`; expected `arm64` or `x86_64`"),
    };
    let given = parameters::split_words(&std::env::var("PARAMETERS").unwrap_or_default())?;
    let mut values =
        parameters::of_pairs(given.iter().map(String::as_str)).context("PARAMETERS")?;
    if on_emulator {
        values.insert("Platform".to_owned(), "emulator".to_owned());
    }

    let rendered = async {
        let mut vigie = vigie(checkout, &["render", "--check"]).await?;
        checkout.processes.show("render-check", &mut vigie).await?;
        Ok(((), "infra/alarms.yaml matches the probes"))
    };
    progress.step("check the alarms", rendered).await?;
    let compile = async {
        let changed = checkout.build_functions(build, progress).await?;
        let how = if changed { "built" } else { "unchanged" };
        Ok(((), format!("{how} for {}", build.architecture().as_str())))
    };
    progress.step("build", compile).await?;
    let validate = async {
        let mut sam = checkout.tool("sam");
        sam.args(["validate", "--lint", "--template-file", "infra/template.yaml"]);
        checkout.processes.run("sam-validate", &mut sam).await?;
        Ok(((), "sam validate --lint"))
    };
    progress.step("validate", validate).await?;
    let deploy = async {
        let folder = checkout.root.join("target/deploy");
        let mut sam = checkout.sam_deploy(environment, build, &folder, None, values)?;
        checkout.processes.show("sam-deploy", &mut sam).await?;
        Ok(((), format!("stack vigie-{environment}")))
    };
    progress.step("deploy", deploy).await
}

async fn smoke(checkout: &Checkout<'_>, environment: &str) -> anyhow::Result<()> {
    let mut vigie = vigie(checkout, &["smoke", "--environment", environment]).await?;
    let status = vigie.status().await.context("`vigie smoke` could not be started")?;
    ensure!(
        status.success() || status.code() == Some(DEGRADED),
        "the stack is deployed; the smoke run ended with {status}, see above"
    );
    Ok(())
}

async fn vigie(checkout: &Checkout<'_>, arguments: &[&str]) -> anyhow::Result<Command> {
    let mut vigie = Command::new(command::build(checkout.root, checkout.processes).await?);
    vigie.args(arguments).current_dir(checkout.root);
    Ok(vigie)
}
