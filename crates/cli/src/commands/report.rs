//! `vigie report`: fetches the report of a run from S3 and shows it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use aws_sdk_s3::Client as S3;
use aws_sdk_s3::operation::get_object::GetObjectError;
use clap::{Args, ValueEnum};
use domain::report::VERSION;
use domain::{EnvironmentName, ProbeName, Report};

use super::run_list;
use crate::output::pretty;
use crate::{Exit, Io};

/// Fetch the report of a run from the report bucket and show it.
///
/// The command uses your AWS credentials, which need read access to the bucket.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  vigie report reports/support-bot/2026/11/22/140430Z-ce540c1be6c51743
  vigie report --last support-bot --environment prod --open
  vigie report --list support-bot --environment prod --since 7d
  vigie report --last support-bot --environment prod --html report.html")]
pub struct Arguments {
    /// Key of the report, from a notification, with or without `.json`.
    #[arg(conflicts_with_all = ["last", "list"])]
    key: Option<String>,
    /// Show the latest report of this probe.
    #[arg(long, value_name = "PROBE")]
    last: Option<ProbeName>,
    /// List the runs of this probe that were not up. Needs the parameter `RunHistory`.
    #[arg(long, value_name = "PROBE", conflicts_with_all = ["last", "html", "open"], requires = "environment")]
    list: Option<ProbeName>,
    /// How far back runs are listed.
    #[arg(long, value_name = "DURATION", default_value = "7d", value_parser = super::backtest::duration, requires = "list")]
    since: Duration,
    /// Environment of the stack. Required if several are deployed.
    #[arg(long, value_name = "ENV", env = "VIGIE_ENVIRONMENT")]
    environment: Option<EnvironmentName>,
    /// Report bucket. By default, it is found by the name of the stack.
    #[arg(long, value_name = "NAME", env = "REPORT_BUCKET")]
    bucket: Option<String>,
    /// Output format.
    #[arg(long, value_enum, default_value_t = Output::Pretty)]
    output: Output,
    /// Write the report as an HTML page.
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// Open the report in a browser.
    #[arg(long)]
    open: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Output {
    Pretty,
    Json,
}

/// Largest size of a report, in bytes. Reports of the prober are far smaller.
const LARGEST: i64 = 16 * 1024 * 1024;

pub(crate) async fn report(arguments: &Arguments, io: &mut Io<'_>) -> anyhow::Result<Exit> {
    if let (Some(probe), Some(environment)) = (&arguments.list, &arguments.environment) {
        return run_list::list(probe, environment, arguments.since, io).await;
    }
    let key = key(arguments)?;
    let s3 = S3::new(&aws_config::load_from_env().await);
    let report = fetch(&s3, &key, arguments).await?;
    show(arguments, &report, io)?;
    Ok(Exit::Success)
}

fn key(arguments: &Arguments) -> anyhow::Result<String> {
    match (&arguments.key, &arguments.last) {
        (Some(key), _) => key_of(key),
        (None, Some(probe)) => Ok(Report::latest_key(probe)),
        (None, None) => bail!(
            "no report is named\nhint: pass the key from a notification, or `--last PROBE` for the latest report of a probe; `--list PROBE` lists them"
        ),
    }
}

async fn fetch(s3: &S3, key: &str, arguments: &Arguments) -> anyhow::Result<Report> {
    let bucket = match &arguments.bucket {
        Some(bucket) => bucket.clone(),
        None => bucket(s3, arguments.environment.as_ref()).await?,
    };
    let place = format!("s3://{bucket}/{key}");
    let object = match s3.get_object().bucket(&bucket).key(key).send().await {
        Ok(object) => object,
        Err(error) if error.as_service_error().is_some_and(GetObjectError::is_no_such_key) => {
            bail!(
                "there is no report at `{place}`\nhint: only runs that are not up have a report, and it expires after `ReportRetentionDays`"
            )
        }
        Err(error) => return Err(error).with_context(|| format!("could not read `{place}`")),
    };
    let size = object.content_length().unwrap_or(0);
    ensure!(size <= LARGEST, "`{place}` has {size} bytes; expected a report");
    let body = object.body.collect().await.with_context(|| format!("could not read `{place}`"))?;
    read(&body.into_bytes()).with_context(|| format!("`{place}` is not a report"))
}

fn read(body: &[u8]) -> anyhow::Result<Report> {
    let value: serde_json::Value = serde_json::from_slice(body)?;
    let version = value["version"].as_u64().unwrap_or(0);
    ensure!(
        version == u64::from(VERSION),
        "the report has version `{version}`; this program reads version {VERSION}"
    );
    Ok(serde_json::from_value(value)?)
}

/// The key of a report from the command line. Other keys are refused.
fn key_of(typed: &str) -> anyhow::Result<String> {
    let key = typed.trim_end_matches(".json").trim_end_matches(".html");
    ensure!(
        key.starts_with("reports/") && key.split('/').count() >= 3,
        "`{typed}` is not the key of a report; expected a key such as `reports/support-bot/2026/11/22/140430Z-ce540c1be6c51743`"
    );
    Ok(format!("{key}.json"))
}

/// The report bucket of the stack `vigie-ENV`. `CloudFormation` names it after the stack and the resource.
async fn bucket(s3: &S3, environment: Option<&EnvironmentName>) -> anyhow::Result<String> {
    let prefix = environment.map_or_else(|| "vigie-".to_owned(), |name| format!("vigie-{name}-"));
    let listed =
        s3.list_buckets().prefix(&prefix).send().await.context("could not list the buckets")?;
    let mut found: Vec<&str> = listed
        .buckets()
        .iter()
        .filter_map(|bucket| bucket.name())
        .filter(|name| name.starts_with(&prefix) && name.contains("reportbucket"))
        .collect();
    found.sort_unstable();
    match found[..] {
        [only] => Ok(only.to_owned()),
        [] => bail!(
            "there is no report bucket named `{prefix}…`\nhint: pass `--bucket`; its name is in the stack's output `ReportBucket`"
        ),
        _ => bail!(
            "there are {} report buckets: {}\nhint: pass `--environment` or `--bucket`",
            found.len(),
            found.join(", ")
        ),
    }
}

fn show(arguments: &Arguments, report: &Report, io: &mut Io<'_>) -> anyhow::Result<()> {
    match arguments.output {
        Output::Pretty => pretty::write(report, io.out)?,
        Output::Json => writeln!(io.out, "{}", serde_json::to_string_pretty(report)?)?,
    }
    let page = match &arguments.html {
        Some(path) => path.clone(),
        None if arguments.open => std::env::temp_dir().join(format!("vigie-{}.html", report.run)),
        None => return Ok(()),
    };
    fs::write(&page, report_page::render(report))
        .with_context(|| format!("could not write `{}`", page.display()))?;
    if arguments.open {
        open(&page)?;
    }
    writeln!(io.err, "wrote {}", page.display())?;
    Ok(())
}

/// Opens a page with the desktop's default program.
fn open(page: &Path) -> anyhow::Result<()> {
    let opener = if cfg!(target_os = "macos") { "open" } else { "xdg-open" };
    let mut command = Command::new(opener);
    command.arg(page).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let status = command.status().with_context(|| format!("could not run `{opener}`"))?;
    ensure!(status.success(), "`{opener}` could not open `{}`", page.display());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::mocked;
    use aws_sdk_s3::operation::get_object::GetObjectOutput;
    use aws_sdk_s3::operation::list_buckets::ListBucketsOutput;
    use aws_sdk_s3::primitives::ByteStream;
    use aws_sdk_s3::types::Bucket;
    use aws_smithy_mocks::mock;

    fn buckets(names: &[&str]) -> ListBucketsOutput {
        let bucket = |name: &&str| Bucket::builder().name(*name).build();
        ListBucketsOutput::builder().set_buckets(Some(names.iter().map(bucket).collect())).build()
    }

    #[test]
    fn only_the_key_of_a_report_is_accepted() {
        let key = "reports/bot/2026/11/22/140430Z-ce54";
        for typed in [key.to_owned(), format!("{key}.json"), format!("{key}.html")] {
            assert_eq!(key_of(&typed).unwrap(), format!("{key}.json"));
        }
        assert!(key_of("probes/bot.yaml").is_err() && key_of("bot").is_err());
    }

    #[tokio::test]
    async fn bucket_is_found_by_the_name_of_the_stack() {
        let all = ["vigie-prod-reportbucket-1a2b", "vigie-prod-logs"];
        let listed = mock!(S3::list_buckets)
            .match_requests(|request| request.prefix() == Some("vigie-prod-"))
            .then_output(move || buckets(&all));
        let s3 = mocked!(aws_sdk_s3, [&listed]);
        let prod = "prod".parse().unwrap();
        assert_eq!(bucket(&s3, Some(&prod)).await.unwrap(), "vigie-prod-reportbucket-1a2b");

        let several = ["vigie-dev-reportbucket-1", "vigie-prod-reportbucket-2"];
        let listed = mock!(S3::list_buckets).then_output(move || buckets(&several));
        let s3 = mocked!(aws_sdk_s3, [&listed]);
        let refused = bucket(&s3, None).await.unwrap_err().to_string();
        assert!(refused.contains("pass `--environment`"), "{refused}");
    }

    #[tokio::test]
    async fn latest_report_of_a_probe_is_fetched() {
        let stored = serde_json::to_vec(&testkit::reports::eventful()).unwrap();
        let got = mock!(S3::get_object)
            .match_requests(|request| {
                request.bucket() == Some("b")
                    && request.key() == Some("reports/support-bot/latest.json")
            })
            .then_output(move || {
                GetObjectOutput::builder().body(ByteStream::from(stored.clone())).build()
            });
        let s3 = mocked!(aws_sdk_s3, [&got]);
        let arguments = Arguments {
            key: None,
            last: Some("support-bot".parse().unwrap()),
            list: None,
            since: Duration::ZERO,
            environment: None,
            bucket: Some("b".to_owned()),
            output: Output::Pretty,
            html: None,
            open: false,
        };
        let key = key(&arguments).unwrap();
        assert_eq!(fetch(&s3, &key, &arguments).await.unwrap(), testkit::reports::eventful());
    }

    #[test]
    fn report_of_another_version_is_refused() {
        let refused = read(br#"{"version":7}"#).unwrap_err().to_string();
        assert_eq!(refused, "the report has version `7`; this program reads version 1");
    }
}
