//! Monthly cost of probes on AWS, line by line.
//!
//! The schedule gives the number of messages and invocations. The duration of a run is an assumption of the caller. Free
//! tiers are not counted.

#[cfg(test)]
mod tests;

use std::path::Path;
use std::time::Duration;

use anyhow::Context;
use domain::schedule::plan;
use domain::{EnvironmentName, Probe};
use jiff::Timestamp;
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
    lambda_arm64_gb_second: f64,
    lambda_million_requests: f64,
    scheduler_million_invocations: f64,
    sqs_million_requests: f64,
    sqs_fifo_million_requests: f64,
    sns_million_publishes: f64,
    sns_thousand_mails: f64,
    dynamodb_million_reads: f64,
    dynamodb_million_writes: f64,
    kms_key: f64,
    kms_ten_thousand_requests: f64,
    s3_thousand_puts: f64,
    s3_thousand_gets: f64,
    cloudwatch_metric: f64,
    cloudwatch_alarm: f64,
    cloudwatch_high_resolution_alarm: f64,
    cloudwatch_composite_alarm: f64,
    cloudwatch_dashboard: f64,
    cloudwatch_thousand_requests: f64,
    logs_gigabyte: f64,
    vpc_endpoint_hour: f64,
    nat_gateway_hour: f64,
    synthetics_run: f64,
}

impl Prices {
    /// The prices that this program was built with.
    pub(crate) fn built_in() -> Self {
        serde_json::from_str(include_str!("../prices.json")).expect("a test reads the same file")
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

/// How functions in a VPC reach the AWS APIs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Network {
    /// No VPC.
    Public,
    /// Two interface endpoints in two zones; the gateway endpoints are free.
    Endpoints,
    NatGateway,
}

/// `RunHistory` and `StatusPage`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum History {
    /// Only runs that are not up are kept.
    Off,
    /// A record of every run.
    Records,
    /// With the status page.
    StatusPage,
}

/// Assumptions about a deployment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Assumed {
    /// Duration of a run.
    pub(crate) run: Duration,
    /// Memory of the prober, in MB.
    pub(crate) memory: u32,
    /// `Metrics=full`.
    pub(crate) all_metrics: bool,
    /// Whether results go to Prometheus by remote write too.
    pub(crate) remote_write: bool,
    /// Memory of the bridge, in MB.
    pub(crate) bridge_memory: u32,
    /// With `HeartbeatUrl`.
    pub(crate) heartbeat: bool,
    /// Number of locations in the parameter `Locations`; 1 without it.
    pub(crate) locations: usize,
    /// Yearly rotations of the encryption key that are billed: AWS bills the first two.
    pub(crate) key_rotations: u8,
    pub(crate) history: History,
    pub(crate) network: Network,
}

/// One line of a bill, in dollars a month.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Line {
    pub(crate) name: &'static str,
    pub(crate) dollars: f64,
}

/// A month has 30 days here.
const SECONDS_A_MONTH: f64 = 30.0 * 86_400.0;
const MINUTES_A_MONTH: f64 = 30.0 * 1_440.0;

const HOURS_A_MONTH: f64 = 30.0 * 24.0;

/// Metrics of the alarms in `infra/self-monitoring.yaml`, by the part of the stack that creates them. An alarm on metric
/// math is billed for each of its metrics.
const OWN_ALARM_METRICS: f64 = 23.0;
const BRIDGE_ALARMS: f64 = 7.0;
const OWN_DASHBOARDS: f64 = 1.0;
/// Dispatcher and alerts: the schedules invoke each once a minute.
const CALLED_EACH_MINUTE: f64 = 2.0;
const TICK_SECONDS: f64 = 0.1;
const DISPATCHER_GIGABYTES: f64 = 0.125;
const ALERTS_GIGABYTES: f64 = 0.25;
/// Writes of the alerts function in a minute without an alarm: two claims and a release.
const TICK_WRITES: f64 = 3.0;
/// `GetMetricData` is billed for each metric; the heartbeat queries four every minute.
const HEARTBEAT_METRICS: f64 = 4.0;
const BRIDGE_SECONDS: f64 = 0.2;
/// Data keys are used for an hour by queues and for five minutes by the table.
const KMS_REQUESTS: f64 = 20_000.0;
/// Metrics about Vigie itself with a value in every hour: `RunsDispatched`, and with probes `RunsReported`. Metrics are
/// billed by the hour in which they have a value, so `RunsLost` and the like cost nothing while nothing fails.
const OWN_METRICS: f64 = 1.0;
const OWN_METRICS_OF_RUNS: f64 = 1.0;
/// The dispatcher publishes the metrics of two minutes in one request.
const DISPATCHER_REQUESTS_A_MINUTE: f64 = 0.5;
/// `SubscriptionsUnconfirmed` has a value in one hour of the day.
const DAILY_METRICS: f64 = 1.0 / 24.0;
/// `SamplesReceived`, `SamplesSent`, `OldestMessageAge`.
const BRIDGE_METRICS: f64 = 3.0;
/// Endpoints `sqs` and `monitoring`, each in two zones.
const ENDPOINT_INTERFACES: f64 = 4.0;
/// Queues polled by Lambda: runs, alerts.
const POLLED_QUEUES: f64 = 2.0;
/// Lambda polls an empty queue with five connections of 20 s.
const POLLS_A_MINUTE: f64 = 15.0;
/// Metrics of a probe: `Success`, `Degraded`, `Duration`, `TimeToFirstChunk`; then the other six. With TLS there is
/// `CertificateDaysLeft` too.
const ESSENTIAL_METRICS: f64 = 4.0;
const FULL_METRICS: f64 = 10.0;
/// Share of the hours in which `CertificateDaysLeft` has a value with essential metrics.
const CERTIFICATE_HOURS: f64 = 1.0 / 6.0;
/// Alarms on the expiry of the certificate.
const CERTIFICATE_ALARMS: f64 = 2.0;
/// Alarms on the error budget: three windows of metric math, each billed for its metrics, and a composite alarm.
const BUDGET_WINDOWS: f64 = 3.0;
const BUDGET_METRICS: f64 = 2.0;
/// Metrics that a probe with maintenance windows has in addition.
const EXCLUDED_METRICS: f64 = 2.0;
/// Metrics of a probe at one of several locations: `Success`, `TimeToFirstChunk`.
const METRICS_A_LOCATION: f64 = 2.0;
/// A run that is not up writes its report, its page, and the newest report. One in a hundred is assumed.
const FAILING: f64 = 0.01;
const OBJECTS: f64 = 3.0;
/// The dispatcher writes the status page: its memory, and how long a minute takes.
const PAGE_GIGABYTES: f64 = 0.5;
const PAGE_SECONDS: f64 = 0.5;
/// Objects of the status page in a month: two pages of a probe every ten minutes, eight an hour; two of all probes.
const PAGES_A_PROBE: f64 = 2.0 * 6.0 * HOURS_A_MONTH + 8.0 * HOURS_A_MONTH;
const PAGES: f64 = 2.0 * 6.0 * HOURS_A_MONTH;
/// Read units of the status page: two items of half a unit a minute; every ten minutes 36 hours of runs and 90 days, an hour
/// a week of runs. The alarm records are read every minute.
const READS_A_PROBE: f64 = MINUTES_A_MONTH + (15.0 * 6.0 + 42.0) * HOURS_A_MONTH;
const READS: f64 = MINUTES_A_MONTH;
/// State changes per month and probe, each with a mail.
const MAILS: f64 = 10.0;
/// Log bytes per invocation and per run.
const LOG_INVOCATION: f64 = 600.0;
const LOG_RUN: f64 = 500.0;

/// The bill for these probes. Without probes: the bill of an empty environment.
pub(crate) fn bill(probes: &[Probe], assumed: Assumed, prices: &Prices) -> Vec<Line> {
    let enabled: Vec<Probe> = probes.iter().filter(|probe| probe.enabled).cloned().collect();
    let count = float(enabled.len());
    let locations = |probe: &Probe| locations_of(probe, assumed.locations);
    let runs: f64 = enabled.iter().map(|probe| runs_a_month(probe) * float(locations(probe))).sum();
    let scrapes: f64 = enabled
        .iter()
        .flat_map(|probe| &probe.scrape)
        .map(|scrape| SECONDS_A_MONTH / scrape.every.as_secs_f64())
        .sum();
    let messages = messages_of_locations(&enabled, assumed.locations);
    let gigabytes = f64::from(assumed.memory) / 1_024.0;
    // An invocation lasts as long as its runs, plus the time to publish. A scrape is short.
    let run = assumed.run.as_secs_f64() + 0.3;
    let prober = (messages.runs * run + messages.scrapes * 0.5) * gigabytes;
    let ticks = MINUTES_A_MONTH * TICK_SECONDS * (DISPATCHER_GIGABYTES + ALERTS_GIGABYTES);
    let (bridges, bridge_alarms, bridge_metrics) = if assumed.remote_write {
        // A batch has the samples of one invocation of the prober.
        (messages.runs + messages.scrapes, BRIDGE_ALARMS, BRIDGE_METRICS)
    } else {
        (0.0, 0.0, 0.0)
    };
    // Each invocation of the prober publishes once, and the bridge every minute it runs.
    let dispatcher = MINUTES_A_MONTH * DISPATCHER_REQUESTS_A_MINUTE;
    let publishing = messages.runs + messages.scrapes + dispatcher + bridges.min(MINUTES_A_MONTH);
    let invocations = messages.runs + messages.scrapes + 2.0 * MINUTES_A_MONTH;
    let forwarded = if assumed.remote_write { runs + scrapes } else { 0.0 };

    let bridge = bridges * BRIDGE_SECONDS * f64::from(assumed.bridge_memory) / 1_024.0;
    let lambda = (prober + ticks + bridge) * prices.lambda_arm64_gb_second
        + (invocations + bridges) / 1e6 * prices.lambda_million_requests;
    let metrics_each = if assumed.all_metrics { FULL_METRICS } else { ESSENTIAL_METRICS };
    let of_runs = if enabled.is_empty() { 0.0 } else { OWN_METRICS_OF_RUNS };
    let own_metrics = OWN_METRICS + of_runs + DAILY_METRICS + bridge_metrics;
    let with_tls = float(enabled.iter().filter(|probe| uses_tls(probe)).count());
    let certificates = with_tls * if assumed.all_metrics { 1.0 } else { CERTIFICATE_HOURS };
    let located: usize = enabled.iter().map(locations).filter(|number| 1 < *number).sum();
    let metrics_of_locations = METRICS_A_LOCATION * float(located);
    let metrics = (own_metrics + count * metrics_each + certificates + metrics_of_locations)
        * prices.cloudwatch_metric;
    let alarms_of = |probe: &Probe| alarms_price(probe, locations(probe), prices);
    let alarms = (OWN_ALARM_METRICS + bridge_alarms) * prices.cloudwatch_alarm
        + enabled.iter().map(alarms_of).sum::<f64>();
    let heartbeat = if assumed.heartbeat { HEARTBEAT_METRICS * MINUTES_A_MONTH } else { 0.0 };
    let requests = (publishing + heartbeat) / 1e3 * prices.cloudwatch_thousand_requests;
    let polls = POLLS_A_MINUTE * MINUTES_A_MONTH;
    // Each message is sent, received and deleted. The tick of the alerts function is a message too.
    let sent = messages.runs + messages.scrapes + count * MAILS + MINUTES_A_MONTH;
    let polled = POLLED_QUEUES + float(assumed.locations.saturating_sub(1));
    let queues = (3.0 * sent + polled * polls) / 1e6 * prices.sqs_million_requests
        + if assumed.remote_write {
            (3.0 * forwarded + polls) / 1e6 * prices.sqs_fifo_million_requests
        } else {
            0.0
        };
    let logs = ((invocations + bridges) * LOG_INVOCATION + (runs + scrapes) * LOG_RUN) / 1e9
        * prices.logs_gigabyte;
    let mail = count
        * MAILS
        * (prices.sns_thousand_mails / 1e3 + 2.0 * prices.sns_million_publishes / 1e6);
    let schedule =
        CALLED_EACH_MINUTE * MINUTES_A_MONTH / 1e6 * prices.scheduler_million_invocations;
    let records = if assumed.history == History::Off { 0.0 } else { runs };
    let writes = runs + records + TICK_WRITES * MINUTES_A_MONTH;
    let table = writes / 1e6 * prices.dynamodb_million_writes;
    let versions = 1.0 + f64::from(assumed.key_rotations);
    let key = versions * prices.kms_key + KMS_REQUESTS / 1e4 * prices.kms_ten_thousand_requests;
    // A scrape reads the list of series of the previous one.
    let bucket = runs * FAILING * OBJECTS / 1e3 * prices.s3_thousand_puts
        + scrapes / 1e3 * prices.s3_thousand_gets;
    let network = HOURS_A_MONTH
        * match assumed.network {
            Network::Public => 0.0,
            Network::Endpoints => ENDPOINT_INTERFACES * prices.vpc_endpoint_hour,
            Network::NatGateway => prices.nat_gateway_hour,
        };
    vec![
        Line { name: "Lambda", dollars: lambda },
        Line { name: "CloudWatch metrics", dollars: metrics },
        Line { name: "CloudWatch alarms", dollars: alarms },
        Line { name: "CloudWatch requests", dollars: requests },
        Line { name: "Queues", dollars: queues },
        Line { name: "Logs", dollars: logs },
        Line { name: "Mail", dollars: mail },
        Line { name: "Schedule, table, reports", dollars: schedule + table + bucket },
        Line { name: "Status page", dollars: status_page(assumed, count, prices) },
        Line { name: "Encryption key", dollars: key },
        Line { name: "Dashboard", dollars: OWN_DASHBOARDS * prices.cloudwatch_dashboard },
        Line { name: "VPC", dollars: network },
    ]
}

/// The pages, what is read for them, the memory and time of the dispatcher, and an alarm.
fn status_page(assumed: Assumed, probes: f64, prices: &Prices) -> f64 {
    if assumed.history < History::StatusPage {
        return 0.0;
    }
    let objects = PAGES + probes * PAGES_A_PROBE;
    let reads = READS + probes * READS_A_PROBE;
    let seconds =
        PAGE_SECONDS * PAGE_GIGABYTES + TICK_SECONDS * (PAGE_GIGABYTES - DISPATCHER_GIGABYTES);
    objects / 1e3 * prices.s3_thousand_puts
        + reads / 1e6 * prices.dynamodb_million_reads
        + MINUTES_A_MONTH * seconds * prices.lambda_arm64_gb_second
        + prices.cloudwatch_alarm
}

/// The sum of all lines.
pub(crate) fn total(bill: &[Line]) -> f64 {
    bill.iter().map(|line| line.dollars).sum()
}

/// The same runs as canaries of CloudWatch Synthetics, without their Lambda and storage.
pub(crate) fn synthetics(probes: &[Probe], prices: &Prices) -> f64 {
    // Folded from a plain zero: an empty sum would be -0.
    let runs =
        probes.iter().filter(|probe| probe.enabled).map(runs_a_month).fold(0.0, |a, b| a + b);
    runs * prices.synthetics_run
}

pub(crate) fn runs_a_month(probe: &Probe) -> f64 {
    SECONDS_A_MONTH / probe.every.as_secs_f64().max(1.0)
}

/// The alarms of a probe at so many locations: `down` and `degraded`, the certificate, the error budget.
fn alarms_price(probe: &Probe, locations: usize, prices: &Prices) -> f64 {
    let certificate = if uses_tls(probe) { CERTIFICATE_ALARMS } else { 0.0 };
    let excluded = if probe.maintenance.is_empty() { 0.0 } else { EXCLUDED_METRICS };
    let budget = match probe.objective {
        Some(_) => {
            BUDGET_WINDOWS * (BUDGET_METRICS + excluded) * prices.cloudwatch_alarm
                + prices.cloudwatch_composite_alarm
        }
        None => 0.0,
    };
    alarm_metrics(locations) * alarm_price(probe, prices)
        + certificate * prices.cloudwatch_alarm
        + budget
}

fn uses_tls(probe: &Probe) -> bool {
    probe.target.url.text().is_ok_and(|url| url.starts_with("https://"))
}

/// At how many of the deployed locations the probe runs.
fn locations_of(probe: &Probe, deployed: usize) -> usize {
    let named = probe.placement.locations.as_ref().map_or(deployed, Vec::len);
    named.min(deployed).max(1)
}

/// Metrics of the alarms of a probe: `down` reads two of each location, which also has an alarm of its own.
fn alarm_metrics(locations: usize) -> f64 {
    if locations < 2 { 2.0 } else { float(2 * locations + 1 + locations) }
}

/// An alarm with a period under a minute is a high-resolution alarm.
fn alarm_price(probe: &Probe, prices: &Prices) -> f64 {
    if probe.every < Duration::from_secs(60) {
        prices.cloudwatch_high_resolution_alarm
    } else {
        prices.cloudwatch_alarm
    }
}

struct Messages {
    runs: f64,
    scrapes: f64,
}

/// The messages to all locations. Only the home location has scrapes.
fn messages_of_locations(probes: &[Probe], deployed: usize) -> Messages {
    let mut all = messages_a_month(probes);
    for index in 1..deployed {
        let here = probes.iter().filter(|probe| index < locations_of(probe, deployed)).cloned();
        let here: Vec<Probe> = here.map(|probe| Probe { scrape: Vec::new(), ..probe }).collect();
        all.runs += messages_a_month(&here).runs;
    }
    all
}

/// The messages of the dispatcher: up to ten runs with the same due time share one.
fn messages_a_month(probes: &[Probe]) -> Messages {
    let environment: EnvironmentName = "cost".parse().expect("the name is in the alphabet");
    // As many minutes as the longest interval, so that every probe is counted as often as it runs.
    let longest = probes.iter().map(|probe| probe.every.as_secs()).max().unwrap_or(60);
    let minutes = longest.div_ceil(60).clamp(10, 1_440);
    let (mut runs, mut scrapes) = (0_usize, 0_usize);
    for minute in 0..minutes {
        let start = i64::try_from(minute * 60).unwrap_or(0);
        let Ok(start) = Timestamp::from_second(1_800_000_000 + start) else { continue };
        for orders in plan(probes, &environment, start) {
            runs += usize::from(!orders.runs.is_empty());
            scrapes += usize::from(!orders.scrapes.is_empty());
        }
    }
    #[expect(clippy::cast_precision_loss, reason = "at most a day's minutes")]
    let months = MINUTES_A_MONTH / minutes as f64;
    Messages { runs: float(runs) * months, scrapes: float(scrapes) * months }
}

#[expect(clippy::cast_precision_loss, reason = "counts of probes and messages are far below 2^53")]
fn float(count: usize) -> f64 {
    count as f64
}
