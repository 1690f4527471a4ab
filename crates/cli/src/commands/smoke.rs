//! `vigie smoke`: one visit of each probe through a deployed stack, now, and what it saw.

use std::time::Duration;

use anyhow::{Context, bail};
use aws_call::{Client, Limits};
use clap::Args;
use domain::smoke::{SmokePlan, SmokeRequest};
use domain::{EnvironmentName, Report};
use http::Method;
use jiff::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::output::pretty;
use crate::style::{DIM, ERROR, WARN};
use crate::{Exit, Io};

/// The error code for a function that does not exist.
const NOT_FOUND: &str = "ResourceNotFoundException";

/// Longer than the longest timeout of the prober.
const TIMEOUT: Duration = Duration::from_secs(920);

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
    // One attempt: an invocation that takes long must not run twice.
    let limits = Limits { timeout: TIMEOUT, attempts: 1, ..Limits::default() };
    through(&Client::new(&aws).with_limits(limits), &arguments.environment, io).await
}

async fn through(
    lambda: &Client,
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
    lambda: &Client,
    function: &str,
    event: &impl Serialize,
) -> anyhow::Result<T> {
    let path = format!("/2015-03-31/functions/{function}/invocations");
    let event = serde_json::to_vec(event)?;
    let answer = match lambda.rest("lambda", Method::POST, &path, event).await {
        Ok(answer) => answer,
        Err(error) if error.code() == Some(NOT_FOUND) => {
            bail!(
                "there is no function `{function}`\nhint: is it the right account and region, and is the environment deployed?"
            )
        }
        Err(error) => return Err(error).with_context(|| format!("can't invoke `{function}`")),
    };
    if answer.headers.contains_key("x-amz-function-error") {
        bail!(
            "`{function}` failed: {}\nhint: look at the log group /aws/lambda/{function}",
            told(&answer.body)
        );
    }
    serde_json::from_slice(&answer.body).with_context(|| {
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
    use aws_config::{Region, SdkConfig};
    use axum::Router;
    use axum::extract::Path;
    use axum::http::StatusCode;
    use axum::response::IntoResponse as _;
    use serde_json::json;

    /// What a function returns: status, name of a header, body.
    type Returned = (&'static str, u16, &'static str, String);

    fn answers(function: &'static str, body: String) -> Returned {
        (function, 200, "x-none", body)
    }

    fn orders(problems: &[&str]) -> String {
        json!({
            "run_request": { "version": 1, "environment": "prod", "due": "2026-11-22T11:05:00Z" },
            "left_out": 3, "problems": problems,
        })
        .to_string()
    }

    async fn run(functions: Vec<Returned>) -> (anyhow::Result<Exit>, String) {
        let invoke = async move |Path(name): Path<String>| {
            let function = functions.into_iter().find(|(function, ..)| *function == name);
            let not_found = ("", 404, "x-none", format!(r#"{{"code":"{NOT_FOUND}"}}"#));
            let (_, status, header, body) = function.unwrap_or(not_found);
            (StatusCode::from_u16(status).unwrap(), [(header, "Unhandled")], body).into_response()
        };
        let path = "/2015-03-31/functions/{name}/invocations";
        let router = Router::new().route(path, axum::routing::post(invoke));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await });
        let credentials =
            aws_sdk_s3::config::Credentials::new("AKIDEXAMPLE", "secret", None, None, "test");
        let aws = SdkConfig::builder()
            .endpoint_url(endpoint)
            .region(Region::new("eu-west-3"))
            .credentials_provider(aws_sdk_s3::config::SharedCredentialsProvider::new(credentials))
            .build();
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let mut io = Io { out: &mut out, err: &mut err, live: false };
        let exit = through(&Client::new(&aws), &"prod".parse().unwrap(), &mut io).await;
        out.extend(err);
        (exit, anstream::adapter::strip_bytes(&out).into_vec().escape_ascii().to_string())
    }

    #[tokio::test]
    async fn a_bot_that_is_down_is_told_and_decides_the_exit() {
        let plan = answers("vigie-prod-dispatcher", orders(&[]));
        let visits =
            answers("vigie-prod-prober", json!([testkit::reports::eventful()]).to_string());
        let (exit, told) = run(vec![plan, visits]).await;
        assert_eq!(exit.unwrap(), Exit::Down);
        assert!(told.contains("support-bot down ("), "{told}");
        assert!(told.contains("3 more probes were not visited"), "{told}");
    }

    #[tokio::test]
    async fn a_probe_that_is_left_out_is_our_own_fault() {
        let plan = answers("vigie-prod-dispatcher", orders(&["a variable is not set"]));
        let visits = answers("vigie-prod-prober", "[]".to_owned());
        let (exit, told) = run(vec![plan, visits]).await;
        assert_eq!(exit.unwrap(), Exit::Failed);
        assert!(
            told.contains("a variable is not set") && told.contains("nothing to visit"),
            "{told}"
        );
    }

    #[tokio::test]
    async fn what_was_not_published_is_told_in_the_functions_own_words() {
        let plan = answers("vigie-prod-dispatcher", orders(&[]));
        let error = json!({ "errorType": "Unpublished", "errorMessage": "access denied" });
        let fails = ("vigie-prod-prober", 200, "x-amz-function-error", error.to_string());
        let (exit, _) = run(vec![plan, fails]).await;
        let error = exit.unwrap_err().to_string();
        assert!(
            error.starts_with("`vigie-prod-prober` failed: Unpublished: access denied"),
            "{error}"
        );
    }

    #[tokio::test]
    async fn an_environment_that_is_not_there_is_named() {
        let (exit, _) = run(vec![]).await;
        let error = exit.unwrap_err().to_string();
        assert!(error.contains("there is no function `vigie-prod-dispatcher`"), "{error}");
    }
}
