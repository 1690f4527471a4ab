//! `make deploy ENV=dev` and `make remove ENV=dev`: builds, checks, deploys, and lets the prober visit
//! each probe once; or takes all of it away again.
//!
//! By the steps that the demo and the tests deploy with. `AWS_ENDPOINT_URL` names an emulator of AWS.

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, bail, ensure};
use deploy::checkout::{Architecture, Checkout};
use deploy::process::Processes;
use deploy::progress::Progress;
use deploy::python::{AWS_CLI, Environment, SAM};
use deploy::{command, removal, run};
use domain::EnvironmentName;
use tokio::process::Command;

/// What `vigie smoke` ends with when a bot answers, but late: no fault of the deployment.
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
    // A folder of its own, so that it works beside `KEEP=1 make demo`.
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
    let architecture = match std::env::var("ARCH").as_deref() {
        // The emulator runs the functions on this machine.
        Err(_) | Ok("") if on_emulator => Architecture::HOST,
        Err(_) | Ok("" | "arm64") => Architecture::Arm64,
        Ok("x86_64") => Architecture::X86,
        Ok(other) => bail!("`ARCH` is `{other}`; expected `arm64` or `x86_64`"),
    };
    let mut parameters = vec![("Architecture", architecture.as_str().to_owned())];
    if on_emulator {
        parameters.push(("Platform", "emulator".to_owned()));
    }
    let given = std::env::var("PARAMETERS").unwrap_or_default();
    for pair in given.split_whitespace() {
        let (name, value) = pair.split_once('=').with_context(|| {
            format!("`PARAMETERS` has `{pair}`; expected pairs such as `AlertEmail=me@example.com`")
        })?;
        parameters.push((name, value.to_owned()));
    }

    let rendered = async {
        let mut vigie = vigie(checkout, &["render", "--check"]).await?;
        checkout.processes.show("render-check", &mut vigie).await?;
        Ok(((), "infra/alarms.yaml is that of the probes"))
    };
    progress.step("check the alarms", rendered).await?;
    let build = async {
        let changed = checkout.build(environment, architecture, progress).await?;
        Ok((
            (),
            format!(
                "{} for {}",
                if changed { "built" } else { "unchanged" },
                architecture.as_str()
            ),
        ))
    };
    progress.step("build", build).await?;
    let validate = async {
        let mut sam = checkout.tool("sam");
        sam.args(["validate", "--lint", "--template-file", "infra/template.yaml"]);
        checkout.processes.run("sam-validate", &mut sam).await?;
        Ok(((), "sam validate --lint"))
    };
    progress.step("validate", validate).await?;
    let deploy = async {
        let template = checkout.build_folder().join("template.yaml");
        let mut sam = checkout.sam_deploy(environment, &template, &parameters).await?;
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
