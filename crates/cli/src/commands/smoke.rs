//! `vigie smoke`: runs each probe once through a deployed stack and shows the reports.

use std::time::Duration;

use anyhow::{Context, bail};
use aws_call::{Client, Limits};
use aws_config::SdkConfig;
use clap::Args;
use deploy::account::Account;
use deploy::locations::{self, DeployedLocations, LocationStack};
use domain::smoke::SmokeRequest;
use domain::{EnvironmentName, LocationName, Report};
use http::Method;
use jiff::Timestamp;
use request_signing::SignedRequest;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::edges::{self, WaitLimits};
use crate::output::{pretty, visible};
use crate::style::{DIM, ERROR, WARN};
use crate::{Exit, Io};

/// The error code for a function that does not exist.
const NOT_FOUND: &str = "ResourceNotFoundException";

/// Longer than the longest timeout of the prober.
const TIMEOUT: Duration = Duration::from_secs(920);

/// Run each probe once through the deployed functions and show the reports.
///
/// `vigie deploy` does the same at its end. The results are published like any other, so that a missing
/// permission is found. With several locations, each prober runs the probes of its location; an agent cannot be
/// invoked. The exit code is 0 if all probes are up, 3 if one is degraded, 1 if one is down, and 2
/// if one could not be run or published.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  vigie smoke --environment dev
  vigie smoke --environment dev --edges")]
pub struct Arguments {
    /// Environment of the stack.
    #[arg(long, value_name = "ENV", env = "VIGIE_ENVIRONMENT")]
    environment: EnvironmentName,
    /// Then follow a message along each path between schedules, queues and functions, and name the edge where it is lost.
    #[arg(long)]
    edges: bool,
}

/// The response of the dispatcher. Only the prober reads the request, which the dispatcher has signed.
#[derive(Deserialize)]
struct SmokePlan {
    run_request: SignedRequest,
    left_out: usize,
    problems: Vec<String>,
}

pub(crate) async fn smoke(arguments: &Arguments, io: &mut Io<'_>) -> anyhow::Result<Exit> {
    let mut exit = smoke_run(&arguments.environment, io).await?;
    if arguments.edges {
        let aws = aws_config::load_from_env().await;
        let followed = edges::check(&aws, &arguments.environment, None, WaitLimits::default(), io);
        exit = exit.max(followed.await?);
    }
    list_unconfirmed(&arguments.environment, io).await?;
    Ok(exit)
}

/// Lists the addresses that have not confirmed their subscription. A probe's result does not depend on them.
async fn list_unconfirmed(environment: &EnvironmentName, io: &mut Io<'_>) -> anyhow::Result<()> {
    let aws = aws_config::load_from_env().await;
    let listed = async { Account::of(&aws).await?.unconfirmed(environment.as_str()).await };
    let addresses = match listed.await {
        Ok(addresses) => addresses,
        Err(error) => {
            writeln!(io.err, "{WARN}the subscriptions could not be listed{WARN:#}: {error:#}")?;
            return Ok(());
        }
    };
    for address in addresses {
        writeln!(
            io.err,
            "{WARN}unconfirmed{WARN:#} `{}` has to confirm the mail from AWS Notifications",
            visible(&address, 200)
        )?;
    }
    Ok(())
}

/// A prober, and the location whose probes it runs; `None` unless the environment has several.
struct Place {
    prober: String,
    location: Option<LocationName>,
    client: Client,
}

/// The probers of an environment, the home one first.
fn places(aws: &SdkConfig, environment: &EnvironmentName, all: &DeployedLocations) -> Vec<Place> {
    // One attempt: an invocation that takes long must not run twice.
    let limits = Limits { timeout: TIMEOUT, attempts: 1, ..Limits::default() };
    let prober = format!("vigie-{environment}-prober");
    let client = Client::new(aws).with_limits(limits);
    let home = Place { prober, location: all.home.clone(), client };
    let away = |one: &LocationStack| Place {
        prober: format!("{}-prober", one.stack),
        location: Some(one.location.clone()),
        client: Client::new(&one.aws(aws)).with_limits(limits),
    };
    let regions = all.others.iter().filter(|one| one.location.is_region());
    std::iter::once(home).chain(regions.map(away)).collect()
}

/// Runs each probe of a deployed environment once at each location that has a prober.
pub(crate) async fn smoke_run(
    environment: &EnvironmentName,
    io: &mut Io<'_>,
) -> anyhow::Result<Exit> {
    let aws = aws_config::load_from_env().await;
    let account = Account::of(&aws).await?;
    let all = locations::deployed(&account, environment).await?;
    let exit = run(&places(&aws, environment, &all), environment, io).await?;
    for agent in all.others.iter().filter(|one| !one.location.is_region()) {
        let location = &agent.location;
        writeln!(io.err, "{DIM}location {location}: an agent cannot be invoked{DIM:#}")?;
    }
    Ok(exit)
}

/// Runs each probe at each place. The first prober's region has the dispatcher.
async fn run(
    places: &[Place],
    environment: &EnvironmentName,
    io: &mut Io<'_>,
) -> anyhow::Result<Exit> {
    let mut exit = Exit::Success;
    for place in places {
        if let Some(location) = &place.location {
            writeln!(io.out, "location {location}")?;
        }
        exit = exit.max(run_at(place, &places[0].client, environment, io).await?);
    }
    Ok(exit)
}

async fn run_at(
    place: &Place,
    home: &Client,
    environment: &EnvironmentName,
    io: &mut Io<'_>,
) -> anyhow::Result<Exit> {
    let now = Timestamp::from_second(Timestamp::now().as_second())?;
    let dispatcher = format!("vigie-{environment}-dispatcher");
    let request = SmokeRequest { smoke_run_due: now, location: place.location.clone() };
    let plan: SmokePlan = invoke(home, &dispatcher, &request).await?;
    for problem in &plan.problems {
        writeln!(io.err, "{ERROR}probe file{ERROR:#} {problem}")?;
    }
    let planned = if plan.problems.is_empty() { Exit::Success } else { Exit::Failed };
    // Invoked also without runs, since this shows that the function starts.
    let reports: Vec<Report> = invoke(&place.client, &place.prober, &plan.run_request).await?;
    for report in &reports {
        pretty::write(report, io.out)?;
    }
    if reports.is_empty() {
        writeln!(
            io.err,
            "{WARN}no probe runs in `{environment}`{WARN:#}; both functions respond\n\
             hint: see `environments:` and `enabled:` in the probe files"
        )?;
    }
    if plan.left_out > 0 {
        writeln!(io.err, "{DIM}probes beyond the limit, not run: {}{DIM:#}", plan.left_out)?;
    }
    Ok(reports
        .iter()
        .map(|report| Exit::from(report.outcome))
        .max()
        .unwrap_or(Exit::Success)
        .max(planned))
}

/// Invokes a function and reads its response.
async fn invoke<T: DeserializeOwned>(
    lambda: &Client,
    function: &str,
    event: &impl Serialize,
) -> anyhow::Result<T> {
    let path = format!("/2015-03-31/functions/{function}/invocations");
    let event = serde_json::to_vec(event)?;
    let response = match lambda.rest("lambda", Method::POST, &path, event).await {
        Ok(response) => response,
        Err(error) if error.code() == Some(NOT_FOUND) => {
            bail!(
                "there is no function `{function}`\nhint: check the account, the region, and that the environment is deployed"
            )
        }
        Err(error) => return Err(error).with_context(|| format!("could not invoke `{function}`")),
    };
    if response.headers.contains_key("x-amz-function-error") {
        bail!(
            "`{function}` failed: {}\nhint: see the log group /aws/lambda/{function}",
            error_text(&response.body)
        );
    }
    serde_json::from_slice(&response.body).with_context(|| {
        format!(
            "the response of `{function}` is not readable; expected the version of this command"
        )
    })
}

/// Type and message of a Lambda function error.
fn error_text(body: &[u8]) -> String {
    let error: serde_json::Value = serde_json::from_slice(body).unwrap_or_default();
    match (error["errorType"].as_str(), error["errorMessage"].as_str()) {
        (Some(kind), Some(message)) => format!("{kind}: {message}"),
        _ => String::from_utf8_lossy(body).into_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_config::Region;
    use axum::Router;
    use axum::extract::Path;
    use axum::http::StatusCode;
    use axum::response::IntoResponse as _;
    use serde_json::json;

    /// Response of a function: status, name of a header, body.
    type Returned = (&'static str, u16, &'static str, String);

    fn responds(function: &'static str, body: String) -> Returned {
        (function, 200, "x-none", body)
    }

    fn plan(problems: &[&str]) -> String {
        json!({
            "run_request": SignedRequest::new("{}".to_owned(), None),
            "left_out": 3, "problems": problems,
        })
        .to_string()
    }

    async fn test(functions: Vec<Returned>) -> (anyhow::Result<Exit>, String) {
        test_at(&DeployedLocations::default(), functions).await
    }

    async fn test_at(
        all: &DeployedLocations,
        functions: Vec<Returned>,
    ) -> (anyhow::Result<Exit>, String) {
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
        let prod = "prod".parse().unwrap();
        let exit = run(&places(&aws, &prod, all), &prod, &mut io).await;
        out.extend(err);
        (exit, anstream::adapter::strip_bytes(&out).into_vec().escape_ascii().to_string())
    }

    #[tokio::test]
    async fn target_that_is_down_decides_the_exit_code() {
        let planned = responds("vigie-prod-dispatcher", plan(&[]));
        let reports =
            responds("vigie-prod-prober", json!([testkit::reports::eventful()]).to_string());
        let (exit, printed) = test(vec![planned, reports]).await;
        assert_eq!(exit.unwrap(), Exit::Down);
        assert!(printed.contains("support-bot down ("), "{printed}");
        assert!(printed.contains("probes beyond the limit, not run: 3"), "{printed}");
    }

    #[tokio::test]
    async fn probe_file_with_an_error_exits_with_2() {
        let planned = responds("vigie-prod-dispatcher", plan(&["a variable is not set"]));
        let reports = responds("vigie-prod-prober", "[]".to_owned());
        let (exit, printed) = test(vec![planned, reports]).await;
        assert_eq!(exit.unwrap(), Exit::Failed);
        assert!(
            printed.contains("a variable is not set")
                && printed.contains("no probe runs in `prod`"),
            "{printed}"
        );
    }

    #[tokio::test]
    async fn error_of_the_function_is_shown() {
        let planned = responds("vigie-prod-dispatcher", plan(&[]));
        let error = json!({ "errorType": "Metrics", "errorMessage": "access denied" });
        let fails = ("vigie-prod-prober", 200, "x-amz-function-error", error.to_string());
        let (exit, _) = test(vec![planned, fails]).await;
        let error = exit.unwrap_err().to_string();
        assert!(error.starts_with("`vigie-prod-prober` failed: Metrics: access denied"), "{error}");
    }

    #[tokio::test]
    async fn missing_function_is_named() {
        let (exit, _) = test(vec![]).await;
        let error = exit.unwrap_err().to_string();
        assert!(error.contains("there is no function `vigie-prod-dispatcher`"), "{error}");
    }

    #[tokio::test]
    async fn prober_of_each_region_is_invoked() {
        let stack = |name: &str, region: &str, stack: &str| LocationStack {
            location: name.parse().unwrap(),
            stack: stack.to_owned(),
            region: region.to_owned(),
        };
        let all = DeployedLocations {
            home: Some("eu-west-3".parse().unwrap()),
            others: vec![
                stack("us-east-1", "us-east-1", "vigie-prod-of-eu-west-3"),
                stack("office", "eu-west-3", "vigie-prod-agent-office"),
            ],
        };
        let reports = || json!([testkit::reports::eventful()]).to_string();
        let functions = vec![
            responds("vigie-prod-dispatcher", plan(&[])),
            responds("vigie-prod-prober", "[]".to_owned()),
            responds("vigie-prod-of-eu-west-3-prober", reports()),
        ];
        let (exit, printed) = test_at(&all, functions).await;
        assert_eq!(exit.unwrap(), Exit::Down);
        let (home, away) = printed.split_once("location us-east-1").unwrap();
        assert!(home.starts_with("location eu-west-3"), "{printed}");
        assert!(away.contains("support-bot down ("), "{printed}");
    }
}
