//! Price lists.

use std::path::Path;

use anyhow::Context;
use serde::Deserialize;

/// Prices with their region and date: `prices.json`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Prices {
    pub(crate) region: String,
    /// `YYYY-MM`.
    pub(crate) date: String,
    pub(crate) note: String,
    /// Where each service publishes them.
    pub(crate) sources: Vec<String>,
    pub(super) lambda_arm64_gb_second: f64,
    pub(super) lambda_million_requests: f64,
    pub(super) scheduler_million_invocations: f64,
    pub(super) sqs_million_requests: f64,
    pub(super) sqs_fifo_million_requests: f64,
    pub(super) sns_million_publishes: f64,
    pub(super) sns_thousand_mails: f64,
    pub(super) dynamodb_million_reads: f64,
    pub(super) dynamodb_million_writes: f64,
    pub(super) kms_key: f64,
    pub(super) kms_ten_thousand_requests: f64,
    pub(super) s3_thousand_puts: f64,
    pub(super) s3_thousand_gets: f64,
    pub(super) cloudwatch_metric: f64,
    pub(super) cloudwatch_alarm: f64,
    pub(super) cloudwatch_high_resolution_alarm: f64,
    pub(super) cloudwatch_composite_alarm: f64,
    pub(super) cloudwatch_dashboard: f64,
    pub(super) cloudwatch_thousand_requests: f64,
    pub(super) logs_gigabyte: f64,
    pub(super) vpc_endpoint_hour: f64,
    pub(super) nat_gateway_hour: f64,
    pub(super) synthetics_run: f64,
}

impl Prices {
    /// The prices that this program was built with.
    pub(crate) fn built_in() -> Self {
        serde_json::from_str(include_str!("../../prices.json")).expect("a test reads the same file")
    }

    /// The prices of another region or date, in the form of `prices.json`.
    pub(crate) fn read(path: &Path) -> anyhow::Result<Self> {
        let file = path.display();
        let size = std::fs::metadata(path).with_context(|| format!("could not read `{file}`"))?;
        anyhow::ensure!(
            size.len() <= LARGEST_LIST,
            "`{file}` has {} bytes; expected at most {LARGEST_LIST}",
            size.len()
        );
        let text =
            std::fs::read_to_string(path).with_context(|| format!("could not read `{file}`"))?;
        let expected = "expected a price list in the form of `crates/cli/prices.json`";
        serde_json::from_str(&text).with_context(|| format!("`{file}` is not valid; {expected}"))
    }
}

/// The largest price list in bytes.
const LARGEST_LIST: u64 = 64 * 1024;
