//! From the queue: holds conversations, publishes what was seen.
//!
//! Every run that is started has a result that is published: also when the target hangs until our
//! own deadline, when one way of publishing fails, or when a conversation panics. A result that is
//! ready leaves soon, whatever hangs beside it.

mod by_hand;
mod claim;
mod config;
mod page;
mod publish;
mod queue;
mod runs;
mod scrapes;

use std::sync::Arc;
use std::time::Duration;

use aws_config::SdkConfig;
use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent, SqsMessage};
use aws_sdk_dynamodb::Client as Table;
use conversation::Stalls;
use domain::figures::Unit;
use domain::message::{Orders, Run, ScrapeOrder};
use domain::report::Report;
use futures_util::StreamExt as _;
use futures_util::future::join_all;
use futures_util::stream;
use jiff::Timestamp;
use lambda_kit::{chain, hand_back};
use lambda_runtime::Diagnostic;
use secrets::Secrets;
use tokio::sync::OnceCell;
use tokio::time::Instant;
use tracing::{debug, error, info, warn};

pub use by_hand::{Answer, Event};
pub use config::Config;
use publish::Publisher;
use runs::Player;

/// How long one try of a call to AWS may take.
pub const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(2);
/// How long a call to AWS may take with its retries.
pub const OPERATION_TIMEOUT: Duration = Duration::from_secs(15);

/// Tries of a call to AWS: throttling for a few seconds must not cost a result.
pub const ATTEMPTS: u32 = 6;
/// Pause before the second try; it doubles from there.
pub const BACK_OFF: Duration = Duration::from_millis(200);

/// Kept back of the invocation's time for publishing: one call with its retries, and some air.
pub const RESERVE: Duration = Duration::from_secs(18);

/// Requests of results on their way at once: more than an order has runs.
const AT_ONCE: usize = 16;

/// A result waits this long for others that could share its request.
const GATHER: Duration = Duration::from_secs(3);

/// Longest wait for a run that was delivered before it is due.
const EARLY: Duration = Duration::from_secs(20);

/// Why an invocation failed although its runs were made.
#[derive(Debug, thiserror::Error)]
#[error("{} results or parts of them were not published: {}", .problems.len(), .problems.join("; "))]
pub struct Unpublished {
    problems: Vec<String>,
}

impl From<Unpublished> for Diagnostic {
    fn from(error: Unpublished) -> Self {
        Self { error_type: "Unpublished".into(), error_message: error.to_string() }
    }
}

/// Holds conversations.
pub struct Prober {
    publisher: Publisher,
    table: Table,
    player: Player,
    /// Made with the first scrape: it reads the system's certificates, which take as long as all else
    /// at the start.
    scraper: OnceCell<reqwest::Client>,
}

/// The AWS that the prober talks to.
pub struct Clients {
    pub cloudwatch: aws_sdk_cloudwatch::Client,
    pub sqs: aws_sdk_sqs::Client,
    pub s3: aws_sdk_s3::Client,
    pub table: Table,
    pub secrets_manager: aws_sdk_secretsmanager::Client,
    pub parameters: aws_sdk_ssm::Client,
}

impl Clients {
    #[must_use]
    pub fn new(aws: &SdkConfig) -> Self {
        Self {
            cloudwatch: aws_sdk_cloudwatch::Client::new(aws),
            sqs: aws_sdk_sqs::Client::new(aws),
            s3: aws_sdk_s3::Client::new(aws),
            table: Table::new(aws),
            secrets_manager: aws_sdk_secretsmanager::Client::new(aws),
            parameters: aws_sdk_ssm::Client::new(aws),
        }
    }
}

impl Prober {
    #[must_use]
    pub fn new(config: Config, clients: Clients) -> Self {
        let Clients { cloudwatch, sqs, s3, table, secrets_manager, parameters } = clients;
        let player = Player {
            environment: config.environment.clone(),
            location: config.location.clone(),
            secrets: Arc::new(Secrets::new(secrets_manager, parameters)),
            stalls: Stalls::default(),
        };
        Self {
            publisher: Publisher { config, cloudwatch, sqs, s3 },
            table,
            player,
            scraper: OnceCell::new(),
        }
    }

    /// Carries out the orders of one event. A message that can't be read is handed back, so that it
    /// ends in the dead-letter queue; one that was carried out is not, whatever came of it.
    ///
    /// # Errors
    /// When a result was not published. No other delivery would mend that, since the runs are claimed
    /// by then: the error is there to raise the alarm, and the message is deleted all the same.
    pub async fn handle(
        &self,
        event: SqsEvent,
        time_left: Duration,
    ) -> Result<SqsBatchResponse, Unpublished> {
        let deadline = Instant::now() + time_left.saturating_sub(RESERVE);
        let (sqs, url) = (&self.publisher.sqs, &self.publisher.config.runs_queue_url);
        let (mut carried_out, mut unreadable) = (Vec::new(), Vec::new());
        let mut problems = Vec::new();
        for record in event.records {
            match read(&record) {
                Ok(orders) => {
                    let abandoned = queue::outlived_its_reader(&record);
                    problems.extend(self.carry_out(orders, abandoned, deadline).await);
                    carried_out.push(record);
                }
                Err(reason) => {
                    error!(
                        reason,
                        message = record.message_id,
                        "an order can't be read and is handed back"
                    );
                    queue::hurry(sqs, url, &record).await;
                    unreadable.extend(record.message_id);
                }
            }
        }
        if problems.is_empty() {
            return Ok(hand_back(unreadable));
        }
        join_all(carried_out.iter().map(|record| queue::delete(sqs, url, record))).await;
        Err(Unpublished { problems })
    }

    /// What was not published. `abandoned`: the orders were begun by an invocation that died.
    async fn carry_out(&self, orders: Orders, abandoned: bool, deadline: Instant) -> Vec<String> {
        let early = orders.due.duration_since(Timestamp::now());
        if let Ok(early) = Duration::try_from(early) {
            tokio::time::sleep(early.min(EARLY)).await;
        }
        let claims = join_all(orders.runs.iter().map(|run| self.claim(run, orders.due))).await;
        let (mut to_make, mut late, mut lost) = (Vec::new(), 0, 0);
        for (run, ours) in orders.runs.into_iter().zip(claims) {
            let probe = &run.probe.name;
            if !ours && abandoned {
                warn!(run = %run.id, %probe, "a run was begun by an invocation that died; its result may be lost");
                lost += 1;
            } else if !ours {
                info!(run = %run.id, %probe, "a run was made already");
            } else if behind(orders.due) > run.probe.every {
                let behind_seconds = behind(orders.due).as_secs_f64();
                warn!(run = %run.id, %probe, behind_seconds, "a run is too late and is dropped");
                late += 1;
            } else {
                to_make.push(run);
            }
        }
        let scrapes = orders.scrapes.iter().map(|order| self.scrape(order, orders.due));
        let (told, made, scraped) = tokio::join!(
            self.tell([("RunsLate", late), ("RunsLost", lost)]),
            self.make(to_make, orders.due, deadline),
            join_all(scrapes),
        );
        told.into_iter().chain(made).chain(scraped.into_iter().flatten()).collect()
    }

    /// Makes all runs at once and publishes their results as they come: what is ready waits neither
    /// for a conversation that goes on nor for other results that nobody takes.
    async fn make(&self, runs: Vec<Run>, due: Timestamp, deadline: Instant) -> Vec<String> {
        let playing = self.player.start(runs, due, deadline);
        let ready = stream::unfold(playing, async |mut playing| {
            Some((playing.ready(GATHER).await?, playing))
        });
        let published = ready.map(|reports| self.publish(reports)).buffer_unordered(AT_ONCE);
        published.collect::<Vec<_>>().await.concat()
    }

    async fn publish(&self, reports: Vec<Report>) -> Vec<String> {
        reports.iter().for_each(log);
        let problems = self.publisher.publish(&reports).await;
        if !problems.is_empty() {
            let runs: Vec<&str> = reports.iter().map(|report| report.run.as_str()).collect();
            error!(runs = runs.join(" "), problems = problems.join("; "), "not published");
        }
        problems
    }

    async fn scrape(&self, order: &ScrapeOrder, due: Timestamp) -> Option<String> {
        if behind(due) > order.every {
            warn!(probe = %order.probe, job = order.job, "a scrape is too late and is dropped");
            return None;
        }
        if order.switched_off {
            let ended = scrapes::end(order, due, &self.publisher, &self.player.secrets).await;
            if let Err(problem) = ended {
                // No alarm is worth it: the next minute tries again, and Prometheus needs no more than five.
                warn!(problem, probe = %order.probe, "the series of a target that is switched off go on");
            }
            return None;
        }
        let made = match self.scraper().await {
            Ok(scraper) => {
                scrapes::make(order, due, &self.publisher, scraper, &self.player.secrets).await
            }
            Err(error) => Err(chain(&error)),
        };
        if let Err(problem) = &made {
            error!(problem, probe = %order.probe, "a scrape was not forwarded");
        }
        made.err()
    }

    async fn scraper(&self) -> Result<&reqwest::Client, reqwest::Error> {
        self.scraper.get_or_try_init(async || scrape::client(runs::USER_AGENT)).await
    }

    async fn claim(&self, run: &Run, due: Timestamp) -> bool {
        let config = &self.publisher.config;
        claim::claim(&self.table, &config.table_name, &config.environment, run, due).await
    }

    /// Stamped with the present: what is told here is about runs of long ago, where no alarm looks.
    async fn tell(&self, counts: [(&str, u32); 2]) -> Vec<String> {
        let now = Timestamp::now();
        let environment = &self.publisher.config.environment;
        let counted = counts.into_iter().filter(|(_, count)| *count > 0);
        let figures: Vec<_> = counted
            .map(|(name, count)| {
                cloudwatch::own(name, environment, f64::from(count), Unit::Count, now)
            })
            .collect();
        let told = cloudwatch::put(&self.publisher.cloudwatch, figures).await;
        told.err().map(|error| chain(&error)).into_iter().collect()
    }
}

/// How long ago something was due; nothing when it is still to come.
fn behind(due: Timestamp) -> Duration {
    Duration::try_from(Timestamp::now().duration_since(due)).unwrap_or_default()
}

fn read(record: &SqsMessage) -> Result<Orders, String> {
    Orders::read(record.body.as_deref().unwrap_or_default()).map_err(|error| chain(&error))
}

/// Of a run with a verdict the detail may quote the reply, which the report holds; of one without, it is
/// about ourselves, and whoever mends us looks for it here.
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
        "run"
    );
    debug!(run = %report.run, detail, "run, in its own words");
}
