//! Monthly cost of probes on AWS, line by line.
//!
//! The schedule gives the number of messages and invocations. The duration of a run is an assumption of the caller. Free
//! tiers are not counted.

mod prices;
#[cfg(test)]
mod tests;
mod usage;

use domain::Probe;
use serde::Serialize;

pub(crate) use prices::Prices;
pub(crate) use usage::{Assumed, History, MINUTES_A_MONTH, Network, runs_a_month, usage};

use usage::thousand_samples;

/// One line of a bill, in dollars a month.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct Line {
    pub(crate) name: &'static str,
    pub(crate) dollars: f64,
}

/// The bill for these probes. Without probes: the bill of an empty environment.
pub(crate) fn bill(probes: &[Probe], assumed: Assumed, prices: &Prices) -> Vec<Line> {
    let used = usage(probes, assumed);
    let invocations = used.dispatcher_invocations
        + used.prober_invocations
        + used.bridge_invocations
        + used.alerts_invocations;
    let lambda = used.lambda_gigabyte_seconds * prices.lambda_arm64_gb_second
        + invocations / 1e6 * prices.lambda_million_requests;
    let alarms = used.alarm_metrics * prices.cloudwatch_alarm
        + used.high_resolution_alarm_metrics * prices.cloudwatch_high_resolution_alarm
        + used.composite_alarms * prices.cloudwatch_composite_alarm;
    let queues = used.queue_requests / 1e6 * prices.sqs_million_requests
        + used.fifo_queue_requests / 1e6 * prices.sqs_fifo_million_requests;
    let mail = used.mails / 1e3 * prices.sns_thousand_mails
        + used.publishes / 1e6 * prices.sns_million_publishes;
    let stored = used.scheduler_invocations / 1e6 * prices.scheduler_million_invocations
        + used.table_writes / 1e6 * prices.dynamodb_million_writes
        + used.objects_written / 1e3 * prices.s3_thousand_puts
        + used.objects_read / 1e3 * prices.s3_thousand_gets;
    let key = used.key_versions * prices.kms_key
        + used.key_requests / 1e4 * prices.kms_ten_thousand_requests;
    let network = used.endpoint_interface_hours * prices.vpc_endpoint_hour
        + used.nat_gateway_hours * prices.nat_gateway_hour;
    let page = &used.status_page;
    let page = page.objects_written / 1e3 * prices.s3_thousand_puts
        + page.table_reads / 1e6 * prices.dynamodb_million_reads
        + page.lambda_gigabyte_seconds * prices.lambda_arm64_gb_second
        + page.alarm_metrics * prices.cloudwatch_alarm;
    vec![
        Line { name: "Lambda", dollars: lambda },
        Line { name: "CloudWatch metrics", dollars: used.metrics * prices.cloudwatch_metric },
        Line { name: "CloudWatch alarms", dollars: alarms },
        Line {
            name: "CloudWatch requests",
            dollars: (used.metric_requests + used.metrics_queried) / 1e3
                * prices.cloudwatch_thousand_requests,
        },
        Line { name: "Queues", dollars: queues },
        Line { name: "Logs", dollars: used.log_bytes / 1e9 * prices.logs_gigabyte },
        Line { name: "Mail", dollars: mail },
        Line { name: "Schedule, table, reports", dollars: stored },
        Line { name: "Status page", dollars: page },
        Line { name: "Encryption key", dollars: key },
        Line { name: "Dashboard", dollars: used.dashboards * prices.cloudwatch_dashboard },
        Line { name: "VPC", dollars: network },
    ]
}

/// The sum of all lines.
pub(crate) fn total(bill: &[Line]) -> f64 {
    bill.iter().map(|line| line.dollars).sum()
}

/// Dollars for 1,000 more samples of a scrape, from the exporter to Prometheus.
pub(crate) fn of_thousand_samples(prices: &Prices) -> f64 {
    let (gigabyte_seconds, requests) = thousand_samples();
    gigabyte_seconds * prices.lambda_arm64_gb_second
        + requests / 1e6 * prices.sqs_fifo_million_requests
}

/// The same runs as canaries of CloudWatch Synthetics, without their Lambda and storage.
pub(crate) fn synthetics(probes: &[Probe], prices: &Prices) -> f64 {
    // Folded from a plain zero: an empty sum would be -0.
    let runs =
        probes.iter().filter(|probe| probe.enabled).map(runs_a_month).fold(0.0, |a, b| a + b);
    runs * prices.synthetics_run
}
