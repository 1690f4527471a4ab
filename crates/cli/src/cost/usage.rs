//! What an environment uses in a month: requests, metrics, bytes.

use std::ops::Range;
use std::time::Duration;

use domain::schedule::plan;
use domain::{EnvironmentName, Probe};
use jiff::Timestamp;
use serde::Serialize;

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
    /// Samples of a scrape.
    pub(crate) samples: u32,
    /// With `HeartbeatUrl`.
    pub(crate) heartbeat: bool,
    /// Number of locations in the parameter `Locations`; 1 without it.
    pub(crate) locations: usize,
    /// How many of them are agents.
    pub(crate) agents: usize,
    /// Yearly rotations of the encryption key that are billed: AWS bills the first two.
    pub(crate) key_rotations: u8,
    pub(crate) history: History,
    pub(crate) network: Network,
}

impl Assumed {
    /// The locations with a prober on Lambda, the home location among them.
    fn functions(self) -> usize {
        self.locations.saturating_sub(self.agents).max(1)
    }
}

/// Quantities of a month for which AWS bills.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Usage {
    pub(crate) dispatcher_invocations: f64,
    pub(crate) prober_invocations: f64,
    pub(crate) bridge_invocations: f64,
    pub(crate) alerts_invocations: f64,
    pub(crate) lambda_gigabyte_seconds: f64,
    pub(crate) scheduler_invocations: f64,
    /// Metrics with a value in every hour; a metric with values in fewer hours is a fraction.
    pub(crate) metrics: f64,
    /// An alarm on metric math is billed for each of its metrics.
    pub(crate) alarm_metrics: f64,
    pub(crate) high_resolution_alarm_metrics: f64,
    pub(crate) composite_alarms: f64,
    /// `PutMetricData`.
    pub(crate) metric_requests: f64,
    /// Metrics that `GetMetricData` queries; each is billed as a request.
    pub(crate) metrics_queried: f64,
    /// Requests with which the functions send up to ten messages.
    pub(crate) send_requests: f64,
    /// Likewise, those with which Scheduler, SNS and Lambda send, poll, receive and delete.
    pub(crate) queue_requests: f64,
    pub(crate) fifo_send_requests: f64,
    pub(crate) fifo_queue_requests: f64,
    pub(crate) log_bytes: f64,
    pub(crate) mails: f64,
    pub(crate) publishes: f64,
    pub(crate) table_writes: f64,
    pub(crate) objects_written: f64,
    pub(crate) objects_read: f64,
    pub(crate) key_versions: f64,
    pub(crate) key_requests: f64,
    pub(crate) dashboards: f64,
    pub(crate) endpoint_interface_hours: f64,
    pub(crate) nat_gateway_hours: f64,
    pub(crate) status_page: StatusPageUsage,
}

/// What the status page adds to [`Usage`].
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(crate) struct StatusPageUsage {
    pub(crate) objects_written: f64,
    pub(crate) table_reads: f64,
    pub(crate) lambda_gigabyte_seconds: f64,
    pub(crate) alarm_metrics: f64,
}

/// A month has 30 days here.
pub(super) const SECONDS_A_MONTH: f64 = 30.0 * 86_400.0;
pub(crate) const MINUTES_A_MONTH: f64 = 30.0 * 1_440.0;

pub(super) const HOURS_A_MONTH: f64 = 30.0 * 24.0;

/// Metrics of the alarms in `infra/self-monitoring.yaml`, by the part of the stack that creates them. An alarm on metric
/// math is billed for each of its metrics.
pub(super) const OWN_ALARM_METRICS: f64 = 23.0;
pub(super) const BRIDGE_ALARMS: f64 = 7.0;
pub(super) const OWN_DASHBOARDS: f64 = 1.0;
/// Dispatcher and alerts: the schedules invoke each once a minute.
pub(super) const CALLED_EACH_MINUTE: f64 = 2.0;
pub(super) const TICK_SECONDS: f64 = 0.1;
pub(super) const DISPATCHER_GIGABYTES: f64 = 0.125;
pub(super) const ALERTS_GIGABYTES: f64 = 0.25;
/// Writes of the alerts function in a minute without an alarm: two claims and a release.
pub(super) const TICK_WRITES: f64 = 3.0;
/// `GetMetricData` is billed for each metric; the heartbeat queries four every minute.
pub(super) const HEARTBEAT_METRICS: f64 = 4.0;
pub(super) const BRIDGE_SECONDS: f64 = 0.2;
/// CPU time of the prober, which parses a sample, and of the bridge, which encodes it: `make bench` measures 21 ms for 10,000.
pub(super) const CPU_SECONDS_A_SAMPLE: f64 = 2.1e-6;
/// Lambda gives a function one processor for this memory, and less memory its share.
pub(super) const GIGABYTES_A_PROCESSOR: f64 = 1_769.0 / 1_024.0;
/// Bytes of a sample in a message between prober and bridge.
pub(super) const QUEUE_BYTES_A_SAMPLE: f64 = 16.0;
/// AWS bills sending and receiving a message as one request for each 64 KiB.
pub(super) const BYTES_A_REQUEST: f64 = 65_536.0;
/// Data keys are used for an hour by queues and for five minutes by the table.
pub(super) const KMS_REQUESTS: f64 = 20_000.0;
/// Metrics about Vigie itself with a value in every hour: `RunsDispatched`, and with probes `RunsReported`. Metrics are
/// billed by the hour in which they have a value, so `RunsLost` and the like cost nothing while nothing fails.
pub(super) const OWN_METRICS: f64 = 1.0;
pub(super) const OWN_METRICS_OF_RUNS: f64 = 1.0;
/// The dispatcher publishes the metrics of two minutes in one request.
pub(super) const DISPATCHER_REQUESTS_A_MINUTE: f64 = 0.5;
/// `SubscriptionsUnconfirmed` has a value in one hour of the day.
pub(super) const DAILY_METRICS: f64 = 1.0 / 24.0;
/// `SamplesReceived`, `SamplesSent`, `OldestMessageAge`.
pub(super) const BRIDGE_METRICS: f64 = 3.0;
/// Endpoints `sqs` and `monitoring`, each in two zones.
pub(super) const ENDPOINT_INTERFACES: f64 = 4.0;
/// Queues polled by Lambda: runs, alerts.
pub(super) const POLLED_QUEUES: f64 = 2.0;
/// Lambda polls an empty queue with five connections of 20 s.
pub(super) const POLLS_A_MINUTE: f64 = 15.0;
/// An agent polls its queue with one connection of 10 s.
pub(super) const POLLS_OF_AN_AGENT: f64 = 6.0;
/// Metrics of a probe: `Success`, `Degraded`, `Duration`, `TimeToFirstChunk`; then the other six. With TLS there is
/// `CertificateDaysLeft` too.
pub(super) const ESSENTIAL_METRICS: f64 = 4.0;
pub(super) const FULL_METRICS: f64 = 10.0;
/// Share of the hours in which `CertificateDaysLeft` has a value with essential metrics.
pub(super) const CERTIFICATE_HOURS: f64 = 1.0 / 6.0;
/// Alarms on the expiry of the certificate.
pub(super) const CERTIFICATE_ALARMS: f64 = 2.0;
/// Alarms on the error budget: three windows of metric math, each billed for its metrics, and a composite alarm.
pub(super) const BUDGET_WINDOWS: f64 = 3.0;
pub(super) const BUDGET_METRICS: f64 = 2.0;
/// Metrics that a probe with maintenance windows has in addition.
pub(super) const EXCLUDED_METRICS: f64 = 2.0;
/// Metrics of a probe at one of several locations: `Success`, `TimeToFirstChunk`.
pub(super) const METRICS_A_LOCATION: f64 = 2.0;
/// A run that is not up writes its report, its page, and the newest report. One in a hundred is assumed.
pub(super) const FAILING: f64 = 0.01;
pub(super) const OBJECTS: f64 = 3.0;
/// The dispatcher writes the status page: its memory, and how long a minute takes.
pub(super) const PAGE_GIGABYTES: f64 = 0.5;
pub(super) const PAGE_SECONDS: f64 = 0.5;
/// Objects of the status page in a month: two pages of a probe every ten minutes, eight an hour; two of all probes.
pub(super) const PAGES_A_PROBE: f64 = 2.0 * 6.0 * HOURS_A_MONTH + 8.0 * HOURS_A_MONTH;
pub(super) const PAGES: f64 = 2.0 * 6.0 * HOURS_A_MONTH;
/// Read units of the status page: two items of half a unit a minute; every ten minutes 36 hours of runs and 90 days, an hour
/// a week of runs. The alarm records are read every minute.
pub(super) const READS_A_PROBE: f64 = MINUTES_A_MONTH + (15.0 * 6.0 + 42.0) * HOURS_A_MONTH;
pub(super) const READS: f64 = MINUTES_A_MONTH;
/// State changes per month and probe, each with a mail.
pub(super) const MAILS: f64 = 10.0;
/// Messages that `SendMessageBatch` takes.
pub(super) const LARGEST_BATCH: usize = 10;
/// Bytes of the three lines that Lambda writes about an invocation, and of a line of a function with `LogLevel=info`; each
/// with the 26 bytes that CloudWatch adds.
pub(super) const LOG_INVOCATION: f64 = 370.0;
pub(super) const LOG_LINE: f64 = 330.0;

/// What these probes use in a month. Without probes: what an empty environment uses.
pub(crate) fn usage(probes: &[Probe], assumed: Assumed) -> Usage {
    let enabled: Vec<Probe> = probes.iter().filter(|probe| probe.enabled).cloned().collect();
    let count = float(enabled.len());
    let locations = |probe: &Probe| locations_of(probe, assumed.locations);
    let runs: f64 = enabled.iter().map(|probe| runs_a_month(probe) * float(locations(probe))).sum();
    let scrapes: f64 = enabled
        .iter()
        .flat_map(|probe| &probe.scrape)
        .map(|scrape| SECONDS_A_MONTH / scrape.every.as_secs_f64())
        .sum();
    let on_aws = messages_of_locations(&enabled, 0..assumed.functions());
    let by_agents = messages_of_locations(&enabled, assumed.functions()..assumed.locations);
    let probing = on_aws.runs + on_aws.scrapes;
    let received = probing + by_agents.runs;
    // A batch of samples has those of one invocation of the prober.
    let bridging = if assumed.remote_write { received } else { 0.0 };
    let scraped = if assumed.remote_write { on_aws.scrapes } else { 0.0 };
    let further_requests = scraped * (requests_of_samples(assumed.samples).ceil() - 1.0).max(0.0);
    let runs_of_agents: f64 = enabled
        .iter()
        .map(|probe| {
            let by_agents = locations(probe).saturating_sub(assumed.functions());
            runs_a_month(probe) * float(by_agents)
        })
        .sum();
    let logged = runs - runs_of_agents + scrapes;
    let invocations = probing + bridging + CALLED_EACH_MINUTE * MINUTES_A_MONTH;

    // Each invocation of the prober with runs publishes once, as does an agent, and the bridge every minute it runs.
    let published = on_aws.runs
        + by_agents.runs
        + MINUTES_A_MONTH * DISPATCHER_REQUESTS_A_MINUTE
        + bridging.min(MINUTES_A_MONTH);
    let heartbeat = if assumed.heartbeat { HEARTBEAT_METRICS * MINUTES_A_MONTH } else { 0.0 };
    let polls = POLLS_A_MINUTE * MINUTES_A_MONTH;
    let polled = POLLED_QUEUES + float(assumed.functions() - 1);
    let polls_of_agents = POLLS_OF_AN_AGENT * MINUTES_A_MONTH * float(assumed.agents);
    // An alarm and the tick of the alerts function are messages of AWS.
    let of_aws = count * MAILS + MINUTES_A_MONTH;
    let fifo_polls = if assumed.remote_write { polls } else { 0.0 };
    let records = if assumed.history == History::Off { 0.0 } else { runs };
    let network = |network, interfaces| {
        if assumed.network == network { interfaces * HOURS_A_MONTH } else { 0.0 }
    };
    let alarms = alarms(&enabled, assumed);
    Usage {
        dispatcher_invocations: MINUTES_A_MONTH,
        prober_invocations: probing,
        bridge_invocations: bridging,
        alerts_invocations: MINUTES_A_MONTH,
        lambda_gigabyte_seconds: gigabyte_seconds(&on_aws, bridging, assumed),
        scheduler_invocations: CALLED_EACH_MINUTE * MINUTES_A_MONTH,
        metrics: metrics(&enabled, assumed),
        alarm_metrics: alarms.metrics,
        high_resolution_alarm_metrics: alarms.high_resolution,
        composite_alarms: alarms.composite,
        metric_requests: published,
        metrics_queried: heartbeat,
        send_requests: on_aws.batches + by_agents.batches,
        queue_requests: on_aws.batches
            + by_agents.batches
            + 2.0 * received
            + 3.0 * of_aws
            + polled * polls
            + polls_of_agents,
        fifo_send_requests: bridging + further_requests,
        fifo_queue_requests: 3.0 * bridging + 2.0 * further_requests + fifo_polls,
        // A line for each run, each scrape, each message to the prober and to the bridge, and each minute of the others.
        log_bytes: invocations * LOG_INVOCATION
            + (logged + probing + bridging + CALLED_EACH_MINUTE * MINUTES_A_MONTH) * LOG_LINE,
        mails: count * MAILS,
        publishes: count * MAILS * 2.0,
        table_writes: runs + records + TICK_WRITES * MINUTES_A_MONTH,
        objects_written: runs * FAILING * OBJECTS,
        // A scrape reads the list of series of the previous one.
        objects_read: scrapes,
        key_versions: 1.0 + f64::from(assumed.key_rotations),
        key_requests: KMS_REQUESTS,
        dashboards: OWN_DASHBOARDS,
        endpoint_interface_hours: network(Network::Endpoints, ENDPOINT_INTERFACES),
        nat_gateway_hours: network(Network::NatGateway, 1.0),
        status_page: status_page(assumed, count),
    }
}

fn gigabyte_seconds(messages: &Messages, bridging: f64, assumed: Assumed) -> f64 {
    // An invocation lasts as long as its runs, plus the time to publish. A scrape is short.
    let run = assumed.run.as_secs_f64() + 0.3;
    let prober = (messages.runs * run + messages.scrapes * 0.5) * f64::from(assumed.memory);
    let bridge = bridging * BRIDGE_SECONDS * f64::from(assumed.bridge_memory);
    let ticks = MINUTES_A_MONTH * TICK_SECONDS * (DISPATCHER_GIGABYTES + ALERTS_GIGABYTES);
    let functions = if assumed.remote_write { 2.0 } else { 1.0 };
    let samples = messages.scrapes * functions * gigabyte_seconds_of_samples(assumed.samples);
    (prober + bridge) / 1_024.0 + samples + ticks
}

/// In one function, for any memory: with less memory the same work takes longer.
fn gigabyte_seconds_of_samples(samples: u32) -> f64 {
    f64::from(samples) * CPU_SECONDS_A_SAMPLE * GIGABYTES_A_PROCESSOR
}

fn requests_of_samples(samples: u32) -> f64 {
    f64::from(samples) * QUEUE_BYTES_A_SAMPLE / BYTES_A_REQUEST
}

/// What 1,000 more samples of a scrape add, from the exporter to Prometheus: gigabyte seconds of prober and bridge, and
/// requests of the queue between them.
pub(crate) fn thousand_samples() -> (f64, f64) {
    (2.0 * gigabyte_seconds_of_samples(1_000), 2.0 * requests_of_samples(1_000))
}

fn metrics(enabled: &[Probe], assumed: Assumed) -> f64 {
    let count = float(enabled.len());
    let each = if assumed.all_metrics { FULL_METRICS } else { ESSENTIAL_METRICS };
    let of_runs = if enabled.is_empty() { 0.0 } else { OWN_METRICS_OF_RUNS };
    let of_bridge = if assumed.remote_write { BRIDGE_METRICS } else { 0.0 };
    let with_tls = float(enabled.iter().filter(|probe| uses_tls(probe)).count());
    let certificates = with_tls * if assumed.all_metrics { 1.0 } else { CERTIFICATE_HOURS };
    let located = enabled.iter().map(|probe| locations_of(probe, assumed.locations));
    let located: usize = located.filter(|number| 1 < *number).sum();
    OWN_METRICS
        + of_runs
        + DAILY_METRICS
        + of_bridge
        + count * each
        + certificates
        + METRICS_A_LOCATION * float(located)
}

/// Alarms as AWS bills them.
#[derive(Default)]
struct Alarms {
    /// Metrics of alarms with a period of a minute or more.
    metrics: f64,
    /// Metrics of alarms with a shorter period.
    high_resolution: f64,
    composite: f64,
}

/// Those about Vigie itself, and of each probe: `down` and `degraded`, the certificate, the error budget.
fn alarms(enabled: &[Probe], assumed: Assumed) -> Alarms {
    let of_bridge = if assumed.remote_write { BRIDGE_ALARMS } else { 0.0 };
    // The alarm about the dead letters of the other locations.
    let of_locations = if 1 < assumed.locations { 1.0 } else { 0.0 };
    let metrics = OWN_ALARM_METRICS + of_bridge + of_locations;
    let mut all = Alarms { metrics, ..Alarms::default() };
    for probe in enabled {
        let metrics = alarm_metrics(locations_of(probe, assumed.locations));
        if probe.every < Duration::from_secs(60) {
            all.high_resolution += metrics;
        } else {
            all.metrics += metrics;
        }
        if uses_tls(probe) {
            all.metrics += CERTIFICATE_ALARMS;
        }
        if probe.objective.is_some() {
            let excluded = if probe.maintenance.is_empty() { 0.0 } else { EXCLUDED_METRICS };
            all.metrics += BUDGET_WINDOWS * (BUDGET_METRICS + excluded);
            all.composite += 1.0;
        }
    }
    all
}

/// The pages, what is read for them, the memory and time of the dispatcher, and an alarm.
fn status_page(assumed: Assumed, probes: f64) -> StatusPageUsage {
    if assumed.history < History::StatusPage {
        return StatusPageUsage::default();
    }
    let seconds =
        PAGE_SECONDS * PAGE_GIGABYTES + TICK_SECONDS * (PAGE_GIGABYTES - DISPATCHER_GIGABYTES);
    StatusPageUsage {
        objects_written: PAGES + probes * PAGES_A_PROBE,
        table_reads: READS + probes * READS_A_PROBE,
        lambda_gigabyte_seconds: MINUTES_A_MONTH * seconds,
        alarm_metrics: 1.0,
    }
}

pub(crate) fn runs_a_month(probe: &Probe) -> f64 {
    SECONDS_A_MONTH / probe.every.as_secs_f64().max(1.0)
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

#[derive(Default)]
struct Messages {
    runs: f64,
    scrapes: f64,
    /// Requests that send up to ten of them.
    batches: f64,
}

/// The messages to the locations with these numbers. Only the home location, number 0, has scrapes.
fn messages_of_locations(probes: &[Probe], numbers: Range<usize>) -> Messages {
    let mut all = Messages::default();
    for number in numbers {
        let here = probes.iter().filter(|probe| number < locations_of(probe, number + 1)).cloned();
        let scraped = |probe: Probe| {
            let scrape = if number == 0 { probe.scrape } else { Vec::new() };
            Probe { scrape, ..probe }
        };
        let here = messages_a_month(&here.map(scraped).collect::<Vec<_>>());
        all.runs += here.runs;
        all.scrapes += here.scrapes;
        all.batches += here.batches;
    }
    all
}

/// The messages of the dispatcher: up to ten runs with the same due time share one.
fn messages_a_month(probes: &[Probe]) -> Messages {
    let environment: EnvironmentName = "cost".parse().expect("the name is in the alphabet");
    // As many minutes as the longest interval, so that every probe is counted as often as it runs.
    let longest = probes.iter().map(|probe| probe.every.as_secs()).max().unwrap_or(60);
    let minutes = longest.div_ceil(60).clamp(10, 1_440);
    let (mut runs, mut scrapes, mut batches) = (0_usize, 0_usize, 0_usize);
    for minute in 0..minutes {
        let start = i64::try_from(minute * 60).unwrap_or(0);
        let Ok(start) = Timestamp::from_second(1_800_000_000 + start) else { continue };
        let requests = plan(probes, &environment, start);
        batches += requests.len().div_ceil(LARGEST_BATCH);
        for request in requests {
            runs += usize::from(!request.runs.is_empty());
            scrapes += usize::from(!request.scrapes.is_empty());
        }
    }
    #[expect(clippy::cast_precision_loss, reason = "at most a day's minutes")]
    let months = MINUTES_A_MONTH / minutes as f64;
    Messages {
        runs: float(runs) * months,
        scrapes: float(scrapes) * months,
        batches: float(batches) * months,
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts of probes and messages are far below 2^53")]
pub(super) fn float(count: usize) -> f64 {
    count as f64
}
