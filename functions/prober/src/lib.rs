//! Reads run requests from the queue, runs the probes, and publishes the results.
//!
//! The prober publishes a result for every run that it starts, also when the target hangs until the
//! Lambda deadline, when one destination rejects results, or when a conversation panics. A result is
//! published soon after its run ends and does not wait for slower runs.

mod claim;
mod config;
mod error;
mod invocation;
mod page;
mod publish;
mod queue;
mod requests;
mod runs;
mod scrapers;
mod scrapes;

use std::sync::Arc;
use std::time::Duration;

use aws_config::timeout::TimeoutConfig;
use aws_config::{Region, SdkConfig};
use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent};
use aws_sdk_dynamodb::Client as Table;
use cloudwatch::OwnMetric;
use conversation::StallMonitor;
use domain::report::Report;
use domain::run_request::{Run, RunRequest, ScrapeRequest};
use futures_util::StreamExt as _;
use futures_util::future::join_all;
use futures_util::stream;
use jiff::Timestamp;
use lambda_kit::{chain, redeliver};
use lambda_runtime::Diagnostic;
use secrets::Secrets;
use tokio::time::Instant;
use tracing::{debug, error, info, warn};

pub use config::Config;
pub use error::{PublishError, SamplesError, ScrapeError, StoreError};
pub use invocation::{Event, InvocationError, Response};
pub use page::RequestError;
pub use requests::RejectedRequest;
pub use runs::TargetError;

use claim::Due;
use publish::{Publisher, Scope};
use queue::behind;
use request_signing::Verifier;
use runs::Runner;

/// Time limit of one attempt of an AWS call.
pub const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(2);
/// Time limit of one attempt of `PutMetricData`.
const PUT_METRICS_TIMEOUT: Duration = Duration::from_secs(10);
/// Time limit of an AWS call with its retries.
pub const OPERATION_TIMEOUT: Duration = Duration::from_secs(15);

/// Attempts of an AWS call, so that a few seconds of throttling lose no result.
pub const ATTEMPTS: u32 = 6;
/// Pause before the second attempt. It doubles for each further attempt.
pub const BACK_OFF: Duration = Duration::from_millis(200);

/// Part of the invocation's time reserved for publishing: one call with its retries and a margin.
pub const RESERVE: Duration = Duration::from_secs(18);

/// Number of concurrent publications, larger than the number of runs in a request.
const AT_ONCE: usize = 16;

/// How long a result waits for others so that they share one request.
const GATHER: Duration = Duration::from_secs(3);

/// Longest wait for the due time of a run request that arrived early.
const EARLY: Duration = Duration::from_secs(20);

/// Results, or parts of them, that were not published. The runs were made.
#[derive(Debug, thiserror::Error)]
#[error("could not publish all results ({} failures): {}", .errors.len(), joined(.errors))]
pub struct Unpublished {
    errors: Vec<PublishError>,
}

/// The errors with their causes on one line.
fn joined(errors: &[PublishError]) -> String {
    errors.iter().map(|error| chain(error)).collect::<Vec<_>>().join("; ")
}

impl From<Unpublished> for Diagnostic {
    fn from(error: Unpublished) -> Self {
        let error_type = error.errors.first().map_or("Unpublished", PublishError::error_type);
        Self { error_type: error_type.into(), error_message: error.to_string() }
    }
}

/// Runs probes and publishes the results.
pub struct Prober {
    publisher: Publisher,
    runs: aws_sdk_sqs::Client,
    table: Table,
    runner: Runner,
    verifier: Verifier,
    scrapers: scrapers::Scrapers,
    scrape_memory: scrapes::ScrapeMemory,
}

/// The AWS clients of the prober.
pub struct Clients {
    pub cloudwatch: aws_sdk_cloudwatch::Client,
    /// For the queue of runs, which is in the region of the prober.
    pub runs: aws_sdk_sqs::Client,
    /// For the queue of samples, which is in the home region.
    pub sqs: aws_sdk_sqs::Client,
    pub s3: aws_sdk_s3::Client,
    pub table: Table,
    pub secrets_manager: aws_sdk_secretsmanager::Client,
    pub parameters: secrets::ParameterStore,
}

impl Clients {
    /// `home_region` has everything but the queue of runs; `None` if it is the region of the prober.
    #[must_use]
    pub fn new(aws: &SdkConfig, home_region: Option<&str>) -> Self {
        let home = home_region
            .map(|region| aws.to_builder().region(Region::new(region.to_owned())).build());
        let home = home.as_ref().unwrap_or(aws);
        Self {
            cloudwatch: cloudwatch_client(home),
            runs: aws_sdk_sqs::Client::new(aws),
            sqs: aws_sdk_sqs::Client::new(home),
            s3: aws_sdk_s3::Client::new(home),
            table: Table::new(home),
            secrets_manager: aws_sdk_secretsmanager::Client::new(home),
            parameters: secrets::ParameterStore::new(home),
        }
    }
}

/// A client whose attempts have more time. `PutMetricData` is not idempotent: an attempt that times out may
/// have succeeded, and a retry would count its values twice.
fn cloudwatch_client(aws: &SdkConfig) -> aws_sdk_cloudwatch::Client {
    let timeouts = TimeoutConfig::builder()
        .operation_attempt_timeout(PUT_METRICS_TIMEOUT)
        .operation_timeout(OPERATION_TIMEOUT)
        .build();
    let config = aws_sdk_cloudwatch::config::Builder::from(aws).timeout_config(timeouts).build();
    aws_sdk_cloudwatch::Client::from_conf(config)
}

impl Prober {
    #[must_use]
    pub fn new(config: Config, clients: Clients) -> Self {
        let Clients { cloudwatch, runs, sqs, s3, table, secrets_manager, parameters } = clients;
        let runner = Runner {
            prober: conversation::Prober {
                environment: config.environment.clone(),
                location: config.location.clone(),
                user_agent: domain::USER_AGENT.to_owned(),
                version: env!("CARGO_PKG_VERSION").to_owned(),
                stalls: StallMonitor::default(),
            },
            secrets: Arc::new(Secrets::new(secrets_manager, parameters)),
        };
        let scrape_memory = scrapes::ScrapeMemory::new(config.memory_bytes);
        let verifier = Verifier::new(s3.clone(), config.report_bucket.clone());
        Self {
            publisher: Publisher { config, cloudwatch, sqs, s3 },
            runs,
            table,
            runner,
            verifier,
            scrapers: scrapers::Scrapers::default(),
            scrape_memory,
        }
    }

    /// Handles the messages of one event. A rejected message is returned to the queue and reaches the
    /// dead-letter queue. Every other message is deleted, also when a run failed.
    ///
    /// # Errors
    /// When a result was not published. The error raises the alarm; the message is deleted, since its runs
    /// are claimed and a second delivery would not repeat them.
    pub async fn handle_queue(
        &self,
        event: SqsEvent,
        time_left: Duration,
    ) -> Result<SqsBatchResponse, Unpublished> {
        let deadline = Instant::now() + time_left.saturating_sub(RESERVE);
        let (sqs, url) = (&self.runs, &self.publisher.config.runs_queue_url);
        let (mut handled, mut rejected) = (Vec::new(), Vec::new());
        let mut errors = Vec::new();
        for record in event.records {
            let body = record.body.as_deref().unwrap_or_default();
            match requests::read(&self.verifier, body).await {
                Ok(request) => {
                    let abandoned = queue::was_abandoned(&record);
                    errors.extend(self.handle_request(request, abandoned, deadline).await);
                    handled.push(record);
                }
                Err(error) => {
                    let (message, error) = (&record.message_id, chain(&error));
                    error!(message, error, "Run request was rejected");
                    queue::release(sqs, url, &record).await;
                    rejected.extend(record.message_id);
                }
            }
        }
        if errors.is_empty() {
            return Ok(redeliver(rejected));
        }
        join_all(handled.iter().map(|record| queue::delete(sqs, url, record))).await;
        Err(Unpublished { errors })
    }

    /// Makes the runs and scrapes of one request and returns what was not published. `abandoned`: an
    /// earlier invocation received the request and crashed.
    async fn handle_request(
        &self,
        request: RunRequest,
        abandoned: bool,
        deadline: Instant,
    ) -> Vec<PublishError> {
        if let Some(id) = &request.test {
            claim::record_test(&self.table, &self.publisher.config.table_name, id).await;
        }
        let early = request.due.duration_since(Timestamp::now());
        if let Ok(early) = Duration::try_from(early) {
            tokio::time::sleep(early.min(EARLY)).await;
        }
        let due = Due { at: request.due, location: request.location };
        let claims = join_all(request.runs.iter().map(|run| self.claim(run, &due))).await;
        let (mut to_make, mut late, mut lost) = (Vec::new(), 0, 0);
        for (run, claimed) in request.runs.into_iter().zip(claims) {
            let probe = &run.probe.name;
            if !claimed && abandoned {
                warn!(run = %run.id, %probe, "Run was started by an invocation that crashed; its result may be lost");
                lost += 1;
            } else if !claimed {
                info!(run = %run.id, %probe, "Run is a duplicate and is skipped");
            } else if behind(request.due) > run.probe.every {
                let behind_seconds = behind(request.due).as_secs_f64();
                warn!(run = %run.id, %probe, behind_seconds, "Run is late and is dropped");
                late += 1;
            } else {
                to_make.push(run);
            }
        }
        let is_late = |scrape: &&ScrapeRequest| behind(request.due) > scrape.every;
        let (late_scrapes, scrapes): (Vec<_>, Vec<_>) = request.scrapes.iter().partition(is_late);
        for scrape in &late_scrapes {
            warn!(probe = %scrape.probe, job = scrape.job, "Scrape is late and is dropped");
        }
        let late_scrapes = late_scrapes.iter().filter(|scrape| !scrape.switched_off).count();
        let late_scrapes = u32::try_from(late_scrapes).unwrap_or(u32::MAX);
        let scrapes = scrapes.into_iter().map(|scrape| self.scrape(scrape, request.due));
        let (counted, made, scraped) = tokio::join!(
            self.count([
                (OwnMetric::RunsLate, late),
                (OwnMetric::RunsLost, lost),
                (OwnMetric::ScrapesLate, late_scrapes),
            ]),
            self.make(to_make, due, deadline),
            join_all(scrapes),
        );
        counted.into_iter().chain(made).chain(scraped.into_iter().flatten()).collect()
    }

    /// Makes all runs concurrently and publishes each result when it is ready. A result waits neither for
    /// slower runs nor for other publications.
    async fn make(&self, runs: Vec<Run>, due: Due, deadline: Instant) -> Vec<PublishError> {
        let running = self.runner.start(runs, &due, deadline);
        let ready = stream::unfold(running, async |mut running| {
            Some((running.ready(GATHER).await?, running))
        });
        let scope = Scope::of(due.location.as_ref());
        let published = ready.map(|reports| self.publish(reports, scope)).buffer_unordered(AT_ONCE);
        published.collect::<Vec<_>>().await.into_iter().flatten().collect()
    }

    async fn publish(&self, reports: Vec<Report>, scope: Scope) -> Vec<PublishError> {
        reports.iter().for_each(log);
        let errors = self.publisher.publish(&reports, scope).await;
        if !errors.is_empty() {
            let runs: Vec<&str> = reports.iter().map(|report| report.run.as_str()).collect();
            error!(runs = runs.join(" "), error = joined(&errors), "Publishing results failed");
        }
        errors
    }

    async fn scrape(&self, request: &ScrapeRequest, due: Timestamp) -> Option<PublishError> {
        if request.switched_off {
            let ended = scrapes::end(request, due, &self.publisher, &self.runner.secrets).await;
            if let Err(error) = ended {
                // Not an error: the next minute tries again, and Prometheus ends a series after five.
                let error = chain(&error);
                warn!(error, probe = %request.probe, "Ending the series of a disabled target failed");
            }
            return None;
        }
        let (secrets, memory) = (&self.runner.secrets, &self.scrape_memory);
        let made =
            scrapes::make(request, due, &self.publisher, &self.scrapers, secrets, memory).await;
        let source = made.err()?;
        error!(error = chain(&source), probe = %request.probe, "Publishing a scrape failed");
        Some(PublishError::Scrape { probe: request.probe.to_string(), source })
    }

    async fn claim(&self, run: &Run, due: &Due) -> bool {
        let config = &self.publisher.config;
        claim::claim(&self.table, &config.table_name, &config.environment, run, due).await
    }

    /// Publishes counters, stamped with the present: an alarm does not look back as far as a late due time.
    async fn count(&self, counts: [(OwnMetric, u32); 3]) -> Option<PublishError> {
        let now = Timestamp::now();
        let environment = &self.publisher.config.environment;
        let counted = counts.into_iter().filter(|(_, count)| *count > 0);
        let metrics: Vec<_> = counted
            .map(|(name, count)| cloudwatch::own(name, environment, f64::from(count), now))
            .collect();
        let published = cloudwatch::put(&self.publisher.cloudwatch, metrics).await;
        published.err().map(PublishError::from)
    }
}

/// The detail of a run with a verdict may quote the reply and is logged at `debug` only. The detail of a run
/// without a verdict describes a Vigie fault.
fn log(report: &Report) {
    let detail = report.detail.as_str();
    info!(
        run = %report.run,
        probe = %report.probe,
        verdict = report.outcome.as_str(),
        reason = report.outcome.reason().map(domain::Reason::as_str),
        duration_seconds = report.duration.as_secs_f64(),
        stalled_seconds = report.stalled.map(|stalled| stalled.as_secs_f64()),
        retries = report.retries(),
        detail = report.outcome.verdict().is_none().then_some(detail),
        "Run finished"
    );
    debug!(run = %report.run, detail, "Run detail");
}
