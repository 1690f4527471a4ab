//! Executes one run request at a time: claims, runs, scrapes, publishes.

use std::sync::Arc;
use std::time::Duration;

use aws_sdk_dynamodb::Client as Table;
use cloudwatch::OwnMetric;
use conversation::StallMonitor;
use domain::chain;
use domain::report::Report;
use domain::run_request::{Run, RunRequest, ScrapeRequest};
use futures_util::StreamExt as _;
use futures_util::future::join_all;
use futures_util::stream;
use jiff::Timestamp;
use request_signing::{SignedRequest, Verifier};
use run_table::RunTable;
use secrets::Secrets;
use tokio::time::Instant;
use tracing::{debug, error, info, warn};

use crate::claim::{self, Due};
use crate::clients::Clients;
use crate::config::Config;
use crate::error::PublishError;
use crate::publish::Publisher;
use crate::queue::{Message, RunsQueue, behind};
use crate::requests::{self, RejectedRequest};
use crate::runs::Runner;
use crate::{scrapers, scrapes};

/// Number of concurrent publications, larger than the number of runs in a request.
const AT_ONCE: usize = 16;

/// How long a result waits for others so that they share one request.
const GATHER: Duration = Duration::from_secs(3);

/// Longest wait for the due time of a run request that arrived early.
const EARLY: Duration = Duration::from_secs(20);

/// The errors with their causes on one line.
#[must_use]
pub fn joined(errors: &[PublishError]) -> String {
    errors.iter().map(|error| chain(error)).collect::<Vec<_>>().join("; ")
}

/// The result of runs that were made without a claim.
pub struct DirectResult {
    pub reports: Vec<Report>,
    /// What was not published.
    pub errors: Vec<PublishError>,
}

/// Executes run requests and publishes the results.
pub struct Executor {
    publisher: Publisher,
    queue: RunsQueue,
    table: Table,
    runner: Runner,
    verifier: Verifier,
    scrapers: scrapers::Scrapers,
    scrape_memory: scrapes::ScrapeMemory,
}

impl Executor {
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
        let history = RunTable::new(table.clone(), config.table_name.clone());
        let queue = RunsQueue::new(runs, config.runs_queue_url.clone());
        Self {
            publisher: Publisher { config, cloudwatch, sqs, s3, history },
            queue,
            table,
            runner,
            verifier,
            scrapers: scrapers::Scrapers::default(),
            scrape_memory,
        }
    }

    /// The queue of the requests.
    #[must_use]
    pub fn queue(&self) -> &RunsQueue {
        &self.queue
    }

    /// Executes the request of a message and returns what was not published. The caller deletes the message
    /// also then: its runs are claimed, and a second delivery would not repeat them.
    ///
    /// # Errors
    /// When the message is not a run request that the dispatcher has signed. Nothing was executed.
    pub async fn execute(
        &self,
        message: &Message,
        deadline: Instant,
    ) -> Result<Vec<PublishError>, RejectedRequest> {
        let request = requests::read(&self.verifier, &message.body).await?;
        Ok(self.handle_request(request, message.was_abandoned(), deadline).await)
    }

    /// Makes the runs of a request without a claim, for an invocation that is delivered once.
    ///
    /// # Errors
    /// When the dispatcher has not signed the request.
    pub async fn execute_directly(
        &self,
        signed: &SignedRequest,
        deadline: Instant,
    ) -> Result<DirectResult, RejectedRequest> {
        let request = requests::open(&self.verifier, signed).await?;
        let due = Due { at: request.due, location: request.location, recorded: request.recorded };
        let mut running = self.runner.start(request.runs, &due, deadline);
        let mut reports = Vec::new();
        while let Some(report) = running.next().await {
            log(&report);
            reports.push(report);
        }
        let errors = self.publisher.publish(&reports, &due).await;
        Ok(DirectResult { reports, errors })
    }

    /// Makes the runs and scrapes of one request and returns what was not published. `abandoned`: an
    /// earlier process received the request and crashed.
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
        let due = Due { at: request.due, location: request.location, recorded: request.recorded };
        let claims = join_all(request.runs.iter().map(|run| self.claim(run, &due))).await;
        let (mut to_make, mut late, mut lost) = (Vec::new(), 0, 0);
        for (run, claimed) in request.runs.into_iter().zip(claims) {
            let probe = &run.probe.name;
            if !claimed && abandoned {
                warn!(run = %run.id, %probe, "Run was started by a process that crashed; its result may be lost");
                lost += 1;
            } else if !claimed {
                info!(run = %run.id, %probe, "Run is a duplicate and is skipped");
            } else if behind(request.due) > run.probe.every {
                let behind_seconds = behind(request.due).as_secs_f64();
                warn!(run = %run.id, %probe, behind_seconds, "Run is late and is skipped");
                late += 1;
            } else {
                to_make.push(run);
            }
        }
        let is_late = |scrape: &&ScrapeRequest| behind(request.due) > scrape.every;
        let (late_scrapes, scrapes): (Vec<_>, Vec<_>) = request.scrapes.iter().partition(is_late);
        for scrape in &late_scrapes {
            warn!(probe = %scrape.probe, job = scrape.job, "Scrape is late and is skipped");
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
        let published = ready.map(|reports| self.publish(reports, &due)).buffer_unordered(AT_ONCE);
        published.collect::<Vec<_>>().await.into_iter().flatten().collect()
    }

    async fn publish(&self, reports: Vec<Report>, due: &Due) -> Vec<PublishError> {
        reports.iter().for_each(log);
        let errors = self.publisher.publish(&reports, due).await;
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
