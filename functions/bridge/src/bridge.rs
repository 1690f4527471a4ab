//! One event: reads samples from its messages, sends them, and decides what happens to each message.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use aws_credential_types::provider::SharedCredentialsProvider;
use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent};
use aws_sdk_sqs::types::ChangeMessageVisibilityBatchRequestEntry;
use remote_write::{Auth, Blocked, Client, Settings, SigV4};
use samples::Timestamp;
use secrecy::{ExposeSecret as _, SecretString};
use secrets::Secrets;
use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::config::{AuthSource, Config};
use crate::metrics::Metrics;
use crate::queued::{QueuedMessage, Results};
use crate::{archive, credentials, dead_letters, sending};

/// Limit of one request. After a request without an answer the client uses a shorter one.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);

/// Time that is kept after sending, at most: half of it for the dead-letter queue and the bucket, half
/// for visibility and metrics. A call of an AWS service takes 5 s at most.
const RESERVE: Duration = Duration::from_secs(12);

/// Messages whose results are remembered, at most.
const REMEMBERED: usize = 1000;

/// The clients of the services that the bridge uses.
pub struct Services {
    pub sqs: aws_sdk_sqs::Client,
    pub s3: aws_sdk_s3::Client,
    pub cloudwatch: aws_sdk_cloudwatch::Client,
    pub secrets: Secrets,
    /// For signatures; `None` if the environment has none.
    pub credentials: Option<SharedCredentialsProvider>,
}

/// Sends samples from the queue to the receiver.
pub struct Bridge {
    config: Config,
    services: Services,
    state: Mutex<State>,
}

/// What is kept between the events of an execution environment. Losing it causes repeated requests,
/// nothing else.
#[derive(Default)]
struct State {
    client: Option<(Option<SecretString>, Client)>,
    metrics: Metrics,
    /// By message id: the results of messages that stay in the queue. Decided samples are not sent
    /// again when the message is delivered again.
    results: HashMap<String, Results>,
}

/// Why the bridge cannot send to the receiver.
#[derive(Debug, thiserror::Error)]
enum SetupError {
    #[error("could not read the secret of the receiver")]
    Secret(#[from] secrets::SecretError),
    #[error(transparent)]
    Unusable(#[from] credentials::UnusableSecret),
    #[error("no AWS credentials found to sign requests")]
    NoCredentials,
    #[error(transparent)]
    Settings(#[from] remote_write::SettingsError),
}

impl Bridge {
    #[must_use]
    pub fn new(config: Config, services: Services) -> Self {
        Self { config, services, state: Mutex::default() }
    }

    /// Sends the samples of an event and returns the messages that are to be delivered again.
    ///
    /// `now` is the time at the call. It ends well within `time_left`.
    pub async fn handle(
        &self,
        event: SqsEvent,
        now: Timestamp,
        time_left: Duration,
    ) -> SqsBatchResponse {
        let mut state = self.state.lock().await;
        let began = Instant::now();
        let reserve = RESERVE.min(time_left / 2);
        let until = began + time_left - reserve;
        let mut messages = self.open(event, &mut state, now);

        let blocked = match self.client(&mut state).await {
            Ok(()) => {
                let State { client, metrics, .. } = &mut *state;
                match client {
                    Some((_, client)) => {
                        sending::send(client, &mut messages, metrics, now, until).await
                    }
                    None => None,
                }
            }
            Err(error) => {
                let error = lambda_kit::chain(&error);
                tracing::error!(error, "Bridge cannot send samples");
                None
            }
        };
        let status = blocked.as_ref().and_then(|blocked| blocked.status);
        if let (Some(401 | 403), Some(reference)) = (status, self.config.auth.secret()) {
            // The secret may have been rotated: the next event reads it again.
            self.services.secrets.forget(&reference);
        }
        let stay = self.finish(&mut state, &mut messages, until + reserve / 2).await;
        state.remember(&messages, &stay);
        log(&messages, &stay, blocked.as_ref());
        let wait = blocked.map_or(Duration::ZERO, |blocked| blocked.wait);
        let postponed = self.postpone(&messages, &stay, wait);
        tokio::join!(postponed, self.publish(&mut state, now + began.elapsed()));
        lambda_kit::redeliver(stay)
    }

    /// The messages of the event, each with the results of its earlier deliveries.
    fn open(&self, event: SqsEvent, state: &mut State, now: Timestamp) -> Vec<QueuedMessage> {
        let oldest = now - self.config.max_age;
        let mut messages: Vec<_> =
            event.records.into_iter().filter_map(QueuedMessage::open).collect();
        state.metrics.note_arrivals(&messages, now);
        for message in &mut messages {
            if let Some(results) = state.results.get(&message.id) {
                message.resume(results);
            }
            message.mark_too_old(oldest);
        }
        messages
    }

    /// Ensures that there is a client with the current secret.
    async fn client(&self, state: &mut State) -> Result<(), SetupError> {
        let secret = match self.config.auth.secret() {
            Some(reference) => {
                let now = Instant::now().into_std();
                Some(self.services.secrets.get(&reference, now).await?)
            }
            None => None,
        };
        let text = |secret: &Option<SecretString>| {
            secret.as_ref().map(|secret| secret.expose_secret().to_owned())
        };
        if state.client.as_ref().is_some_and(|(known, _)| text(known) == text(&secret)) {
            return Ok(());
        }
        let mut settings = Settings::new(&self.config.url)?;
        settings.protocol = self.config.protocol;
        settings.timeout = REQUEST_TIMEOUT;
        domain::USER_AGENT.clone_into(&mut settings.user_agent);
        if let AuthSource::SigV4 { region } = &self.config.auth {
            let credentials = self.services.credentials.clone().ok_or(SetupError::NoCredentials)?;
            let (region, service) = (region.clone(), "aps".to_owned());
            settings.auth = Auth::SigV4(SigV4 { region, service, credentials });
        }
        if let Some(secret) = &secret {
            credentials::apply(secret, &mut settings)?;
        }
        state.client = Some((secret, Client::new(settings)?));
        Ok(())
    }

    /// Stores what will not be sent, for each message, before any message is handed back. Returns the
    /// messages that stay in the queue: those with samples that are unsent or not stored, and all later
    /// messages of their groups.
    async fn finish(
        &self,
        state: &mut State,
        messages: &mut [QueuedMessage],
        until: Instant,
    ) -> Vec<String> {
        let mut stay = Vec::new();
        let mut groups: HashSet<String> = HashSet::new();
        for message in messages {
            let storing = self.store(&mut state.metrics, message);
            let stored = tokio::time::timeout_at(until, storing).await.unwrap_or(false);
            if groups.contains(&message.group) || message.unsent() > 0 || !stored {
                groups.insert(message.group.clone());
                stay.push(message.id.clone());
            }
        }
        stay
    }

    /// Whether all samples that will not be sent are in the bucket or the dead-letter queue.
    async fn store(&self, metrics: &mut Metrics, message: &mut QueuedMessage) -> bool {
        let archived = self.archive(metrics, message).await;
        let dead_lettered = self.dead_letter(metrics, message).await;
        archived && dead_lettered
    }

    async fn archive(&self, metrics: &mut Metrics, message: &mut QueuedMessage) -> bool {
        if message.results.too_old.is_empty() {
            return true;
        }
        match archive::store(&self.services.s3, &self.config.bucket, message).await {
            Ok(count) => {
                // The object of an earlier delivery, with fewer samples, was replaced.
                metrics.archived += count.saturating_sub(message.results.archived);
                message.results.archived = count;
                true
            }
            Err(error) => {
                let error = lambda_kit::chain(&error);
                tracing::error!(run = message.run(), error, "Old samples were not archived");
                false
            }
        }
    }

    async fn dead_letter(&self, metrics: &mut Metrics, message: &mut QueuedMessage) -> bool {
        if message.results.rejected.is_empty() && message.content.is_ok() {
            return true;
        }
        let url = &self.config.dead_letter_url;
        match dead_letters::send(&self.services.sqs, url, message).await {
            Ok(count) => {
                metrics.dead_lettered += count;
                metrics.note_rejections(message);
                message.results.dead_lettered += count;
                message.results.rejected.clear();
                true
            }
            Err(error) => {
                let error = lambda_kit::chain(&error);
                tracing::error!(run = message.run(), error, "Samples were not dead-lettered");
                false
            }
        }
    }

    /// Hides messages that stay, the longer the more often they were delivered.
    async fn postpone(&self, messages: &[QueuedMessage], stay: &[String], wait: Duration) {
        let entries: Vec<_> = messages
            .iter()
            .filter(|message| stay.contains(&message.id))
            .enumerate()
            .filter_map(|(index, message)| {
                let hidden = backoff(message.deliveries, fastrand::f64()).max(wait);
                ChangeMessageVisibilityBatchRequestEntry::builder()
                    .id(index.to_string())
                    .receipt_handle(&message.receipt)
                    .visibility_timeout(i32::try_from(hidden.as_secs()).unwrap_or(600).min(43_200))
                    .build()
                    .ok()
            })
            .collect();
        // A batch has at most ten entries, and so has an event.
        for chunk in entries.chunks(10) {
            let request = self
                .services
                .sqs
                .change_message_visibility_batch()
                .queue_url(&self.config.queue_url)
                .set_entries(Some(chunk.to_vec()));
            if let Err(error) = request.send().await {
                // They are delivered again after the visibility timeout of the queue.
                let error = lambda_kit::chain(&error);
                tracing::warn!(error, "Visibility of messages was not changed");
            }
        }
    }

    async fn publish(&self, state: &mut State, now: Timestamp) {
        let data = state.metrics.due(&self.config.environment, now);
        if !data.is_empty()
            && let Err(error) = cloudwatch::put(&self.services.cloudwatch, data).await
        {
            tracing::warn!(error = lambda_kit::chain(&error), "Metrics were not published");
        }
    }
}

impl State {
    fn remember(&mut self, messages: &[QueuedMessage], stay: &[String]) {
        for message in messages {
            self.results.remove(&message.id);
            let results = &message.results;
            let some = results.decided.contains(&true) || results.archived > 0;
            if some && stay.contains(&message.id) && self.results.len() < REMEMBERED {
                self.results.insert(message.id.clone(), results.clone());
            }
        }
    }
}

/// How long a message is hidden after this many deliveries: 10 s, doubling, up to 10 min. `share`, from
/// 0 to 1, spreads it over the upper fifth.
fn backoff(deliveries: u32, share: f64) -> Duration {
    let doubled = 10_u64.saturating_mul(1 << deliveries.saturating_sub(1).min(10));
    Duration::from_secs(doubled.min(600)).mul_f64(0.8 + 0.2 * share)
}

fn log(messages: &[QueuedMessage], stay: &[String], blocked: Option<&Blocked>) {
    for message in messages {
        let results = &message.results;
        tracing::info!(
            run = message.run(),
            group = message.group,
            delivery = message.deliveries,
            written = results.written,
            unsent = message.unsent(),
            dead_lettered = results.dead_lettered,
            too_old = results.too_old.len(),
            stays = stay.contains(&message.id),
            "Message processed"
        );
    }
    if let Some(blocked) = blocked {
        let (error, messages) = (&blocked.cause, stay.len());
        tracing::warn!(
            error,
            messages,
            "Receiver does not accept samples; messages stay in the queue"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn message_is_hidden_longer_each_time_up_to_ten_minutes() {
        let seconds: Vec<u64> = (1..=9).map(|count| backoff(count, 1.0).as_secs()).collect();
        assert_eq!(seconds, [10, 20, 40, 80, 160, 320, 600, 600, 600]);
        assert_eq!((backoff(0, 1.0).as_secs(), backoff(u32::MAX, 0.0).as_secs()), (10, 480));
    }
}
