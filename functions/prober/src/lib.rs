//! Reads run requests from the queue of runs, executes them, and answers Lambda. The work is in `run-executor`.

mod config;
mod invocation;

use std::time::Duration;

use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent, SqsMessage};
use futures_util::future::join_all;
use lambda_kit::{chain, redeliver};
use lambda_runtime::Diagnostic;
use run_executor::{Clients, Config, Executor, Message, PublishError, joined, time_of_attribute};
use tokio::time::Instant;
use tracing::error;

pub use config::config_from_env;
pub use invocation::{Event, InvocationError, Response};

/// Part of the invocation's time reserved for publishing: one call with its retries and a margin.
pub const RESERVE: Duration = Duration::from_secs(18);

/// Results, or parts of them, that were not published. The runs were made.
#[derive(Debug, thiserror::Error)]
#[error("could not publish all results ({} failures): {}", .errors.len(), joined(.errors))]
pub struct Unpublished {
    errors: Vec<PublishError>,
}

impl From<Unpublished> for Diagnostic {
    fn from(error: Unpublished) -> Self {
        let error_type = error.errors.first().map_or("Unpublished", PublishError::error_type);
        Self { error_type: error_type.into(), error_message: error.to_string() }
    }
}

/// Runs probes and publishes the results.
pub struct Prober {
    executor: Executor,
}

impl Prober {
    #[must_use]
    pub fn new(config: Config, clients: Clients) -> Self {
        Self { executor: Executor::new(config, clients) }
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
        let (mut handled, mut rejected) = (Vec::new(), Vec::new());
        let mut errors = Vec::new();
        for message in event.records.into_iter().map(message) {
            match self.executor.execute(&message, deadline).await {
                Ok(unpublished) => {
                    errors.extend(unpublished);
                    handled.push(message);
                }
                Err(error) => {
                    error!(message = message.id, error = chain(&error), "Run request was rejected");
                    // Lambda would return it after the visibility timeout of 90 minutes.
                    self.executor.queue().release(&message).await;
                    rejected.extend(message.id);
                }
            }
        }
        if errors.is_empty() {
            return Ok(redeliver(rejected));
        }
        join_all(handled.iter().map(|message| self.executor.queue().delete(message))).await;
        Err(Unpublished { errors })
    }
}

fn message(record: SqsMessage) -> Message {
    let first = record.attributes.get("ApproximateFirstReceiveTimestamp");
    let first_received = time_of_attribute(first.map(String::as_str));
    let (id, receipt) = (record.message_id, record.receipt_handle);
    Message { id, receipt, body: record.body.unwrap_or_default(), first_received }
}
