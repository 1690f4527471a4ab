//! `vigie smoke`: one visit of each probe through a deployed stack, now, and what it saw.

use std::time::Duration;

use anyhow::{Context, bail};
use aws_sdk_lambda::Client as Lambda;
use aws_sdk_lambda::operation::invoke::InvokeError;
use aws_sdk_lambda::primitives::Blob;
use clap::Args;
use domain::smoke::{SmokePlan, SmokeRequest};
use domain::{EnvironmentName, Report};
use jiff::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::output::pretty;
use crate::style::{DIM, ERROR, WARN};
use crate::{Exit, Io};

/// The longest an invocation of the prober may take, and a little.
const PATIENCE: Duration = Duration::from_secs(920);

/// Let the deployed functions visit each probe once, now, and say what they saw.
///
/// `make deploy` ends with it. The visits are published like any other, so a missing permission shows
/// as well. Ends with 0 when all are up, 3 when one is degraded, 1 when one is down, 2 when one could
/// not be run or published.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  vigie smoke --environment dev")]
pub struct Arguments {
    /// The stack's environment.
    #[arg(long, value_name = "ENV", env = "VIGIE_ENVIRONMENT")]
    environment: EnvironmentName,
}

pub(crate) async fn smoke(arguments: &Arguments, io: &mut Io<'_>) -> anyhow::Result<Exit> {
    let aws = aws_config::load_from_env().await;
    // One try: an invocation that takes long must not be made again beside itself.
    let retries = aws_config::retry::RetryConfig::disabled();
    let patience = aws_config::timeout::TimeoutConfig::builder().read_timeout(PATIENCE).build();
    let config = aws_sdk_lambda::config::Builder::from(&aws)
        .retry_config(retries)
        .timeout_config(patience)
        .build();
    through(&Lambda::from_conf(config), &arguments.environment, io).await
}

async fn through(
    lambda: &Lambda,
    environment: &EnvironmentName,
    io: &mut Io<'_>,
) -> anyhow::Result<Exit> {
    let now = Timestamp::from_second(Timestamp::now().as_second())?;
    let dispatcher = format!("vigie-{environment}-dispatcher");
    let plan: SmokePlan = invoke(lambda, &dispatcher, &SmokeRequest { smoke_run_due: now }).await?;
    for problem in &plan.problems {
        writeln!(io.err, "{ERROR}left out{ERROR:#} {problem}")?;
    }
    let ours = if plan.problems.is_empty() { Exit::Success } else { Exit::Failed };
    let prober = format!("vigie-{environment}-prober");
    // Also without orders: that it starts at all is worth knowing.
    let reports: Vec<Report> = invoke(lambda, &prober, &plan.run_request).await?;
    for report in &reports {
        pretty::write(report, io.out)?;
    }
    if reports.is_empty() {
        writeln!(
            io.err,
            "{WARN}nothing to visit{WARN:#}: both functions answer, and no probe runs in `{environment}`\n\
             hint: a probe runs where its `environments:` says, unless it has `enabled: false`"
        )?;
    }
    if plan.left_out > 0 {
        writeln!(io.err, "{DIM}{} more probes were not visited{DIM:#}", plan.left_out)?;
    }
    Ok(reports
        .iter()
        .map(|report| Exit::from(report.outcome))
        .max()
        .unwrap_or(Exit::Success)
        .max(ours))
}

/// Invokes a function and reads its answer.
async fn invoke<T: DeserializeOwned>(
    lambda: &Lambda,
    function: &str,
    event: &impl Serialize,
) -> anyhow::Result<T> {
    let payload = Blob::new(serde_json::to_vec(event)?);
    let invoked = lambda.invoke().function_name(function).payload(payload).send().await;
    let answer = match invoked {
        Ok(answer) => answer,
        Err(error)
            if error
                .as_service_error()
                .is_some_and(InvokeError::is_resource_not_found_exception) =>
        {
            bail!(
                "there is no function `{function}`\nhint: is it the right account and region, and is the environment deployed?"
            )
        }
        Err(error) => {
            return Err(error).with_context(|| format!("can't invoke `{function}`"));
        }
    };
    let body = answer.payload().map(Blob::as_ref).unwrap_or_default();
    if answer.function_error().is_some() {
        bail!(
            "`{function}` failed: {}\nhint: look at the log group /aws/lambda/{function}",
            told(body)
        );
    }
    serde_json::from_slice(body).with_context(|| {
        format!("`{function}` answered something else; was it deployed from this version of Vigie?")
    })
}

/// What Lambda says of an error: its type and its message.
fn told(body: &[u8]) -> String {
    let error: serde_json::Value = serde_json::from_slice(body).unwrap_or_default();
    match (error["errorType"].as_str(), error["errorMessage"].as_str()) {
        (Some(kind), Some(message)) => format!("{kind}: {message}"),
        _ => String::from_utf8_lossy(body).into_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::mocked;
    use aws_sdk_lambda::operation::invoke::InvokeOutput;
    use aws_sdk_lambda::types::error::ResourceNotFoundException;
    use aws_smithy_mocks::{Rule, mock};
    use serde_json::json;

    fn answers(function: &'static str, body: String) -> Rule {
        mock!(Lambda::invoke)
            .match_requests(move |request| request.function_name() == Some(function))
            .then_output(move || {
                InvokeOutput::builder().payload(Blob::new(body.clone())).status_code(200).build()
            })
    }

    fn orders(problems: &[&str]) -> String {
        json!({
            "run_request": { "version": 1, "environment": "prod", "due": "2026-11-22T11:05:00Z" },
            "left_out": 3, "problems": problems,
        })
        .to_string()
    }

    async fn run(rules: &[&Rule]) -> (anyhow::Result<Exit>, String) {
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let lambda = mocked!(aws_sdk_lambda, rules);
        let mut io = Io { out: &mut out, err: &mut err, live: false };
        let exit = through(&lambda, &"prod".parse().unwrap(), &mut io).await;
        out.extend(err);
        (exit, anstream::adapter::strip_bytes(&out).into_vec().escape_ascii().to_string())
    }

    #[tokio::test]
    async fn a_bot_that_is_down_is_told_and_decides_the_exit() {
        let plan = answers("vigie-prod-dispatcher", orders(&[]));
        let visits =
            answers("vigie-prod-prober", json!([testkit::reports::eventful()]).to_string());
        let (exit, told) = run(&[&plan, &visits]).await;
        assert_eq!(exit.unwrap(), Exit::Down);
        assert!(told.contains("support-bot down ("), "{told}");
        assert!(told.contains("3 more probes were not visited"), "{told}");
    }

    #[tokio::test]
    async fn a_probe_that_is_left_out_is_our_own_fault() {
        let plan = answers("vigie-prod-dispatcher", orders(&["a variable is not set"]));
        let visits = answers("vigie-prod-prober", "[]".to_owned());
        let (exit, told) = run(&[&plan, &visits]).await;
        assert_eq!(exit.unwrap(), Exit::Failed);
        assert!(
            told.contains("a variable is not set") && told.contains("nothing to visit"),
            "{told}"
        );
    }

    #[tokio::test]
    async fn what_was_not_published_is_told_in_the_functions_own_words() {
        let plan = answers("vigie-prod-dispatcher", orders(&[]));
        let fails = mock!(Lambda::invoke).then_output(|| {
            let error = json!({ "errorType": "Unpublished", "errorMessage": "access denied" });
            let payload = Blob::new(error.to_string());
            InvokeOutput::builder().payload(payload).function_error("Unhandled").build()
        });
        let (exit, _) = run(&[&plan, &fails]).await;
        let error = exit.unwrap_err().to_string();
        assert!(
            error.starts_with("`vigie-prod-prober` failed: Unpublished: access denied"),
            "{error}"
        );
    }

    #[tokio::test]
    async fn an_environment_that_is_not_there_is_named() {
        let none = mock!(Lambda::invoke).then_error(|| {
            InvokeError::ResourceNotFoundException(ResourceNotFoundException::builder().build())
        });
        let (exit, _) = run(&[&none]).await;
        let error = exit.unwrap_err().to_string();
        assert!(error.contains("there is no function `vigie-prod-dispatcher`"), "{error}");
    }
}
