//! Sends notifications to the receivers of `infra/routes.json`.

use std::time::{Duration, Instant};

use aws_sdk_sns::error::SdkError;
use aws_sdk_sns::operation::publish::PublishError;
use futures_util::StreamExt as _;
use futures_util::stream;
use jiff::Timestamp;
use lambda_kit::chain;
use notify::notification::Notification;
use notify::sent::Outcome;
use receivers::payload::BusEvent;
use receivers::template::TemplateError;
use receivers::{
    Delivery, Payload, Receiver, SendError, TopicMessage, UnresolvedReceiver, deliveries,
};
use secrets::SecretError;
use serde_json::{Value, json};

use crate::handler::Alerts;

/// The time for all receivers of one reconciliation. The function has 60 s, and the topics come first.
const SENDING: Duration = Duration::from_secs(20);
/// Requests to one receiver at the same time.
const CONCURRENT: usize = 8;
/// The `source` of events on a bus.
const SOURCE: &str = "vigie";

/// Why a receiver was not sent a notification.
#[derive(Debug, thiserror::Error)]
enum ReceiverError {
    #[error("the secrets of receiver `{receiver}` are not available")]
    Secrets { receiver: String, source: SecretError },
    #[error("receiver `{receiver}` is not valid")]
    Unresolved { receiver: String, source: UnresolvedReceiver },
    #[error("a secret of receiver `{receiver}` is bound to other hosts")]
    Bound { receiver: String },
    #[error("the body for receiver `{receiver}` could not be written")]
    Template { receiver: String, source: TemplateError },
    #[error("the notification was not accepted")]
    Http(#[from] SendError),
    #[error("topic `{topic}` did not accept the notification")]
    Topic { topic: String, source: Box<SdkError<PublishError>> },
    #[error("EventBridge did not answer")]
    Bus(#[from] aws_call::CallError),
    #[error("EventBridge rejected the event: {code}")]
    Event { code: String },
    #[error("the time limit of all receivers was reached")]
    OutOfTime,
}

impl ReceiverError {
    fn outcome(&self) -> Outcome {
        match self {
            Self::Http(error) if error.may_be_accepted() => Outcome::Unknown,
            Self::Topic { source, .. } => match &**source {
                SdkError::TimeoutError(_) | SdkError::ResponseError(_) => Outcome::Unknown,
                _ => Outcome::Rejected,
            },
            Self::Bus(aws_call::CallError::Http { .. }) => Outcome::Unknown,
            _ => Outcome::Rejected,
        }
    }
}

impl Alerts {
    /// When all receivers of this reconciliation must have answered.
    pub(crate) fn receivers_deadline() -> tokio::time::Instant {
        tokio::time::Instant::now() + SENDING
    }

    /// Sends `notification` to a receiver of the file; returns the outcome for each of its items.
    pub(crate) async fn send_to_receiver(
        &self,
        receiver: &Receiver,
        notification: &Notification,
        deadline: tokio::time::Instant,
        now: Timestamp,
    ) -> Vec<Outcome> {
        let count = notification.items.len();
        let mut outcomes = vec![Outcome::Accepted; count];
        let failed = |error: &ReceiverError| {
            tracing::error!(
                error = chain(error),
                receiver = receiver.name,
                "Notification was not accepted"
            );
            error.outcome()
        };
        let resolved = match self.resolved(receiver).await {
            Ok(resolved) => resolved,
            Err(error) => {
                let outcome = failed(&error);
                self.count_failed(count, now).await;
                return vec![outcome; count];
            }
        };
        let deliveries = match deliveries(&resolved, notification, self.config.language) {
            Ok(deliveries) => deliveries,
            Err(source) => {
                let name = receiver.name.clone();
                let outcome = failed(&ReceiverError::Template { receiver: name, source });
                self.count_failed(count, now).await;
                return vec![outcome; count];
            }
        };
        let results: Vec<(Delivery, Result<(), ReceiverError>)> = stream::iter(deliveries)
            .map(async |delivery| {
                let sent = self.send_payload(&resolved, &delivery.payload, deadline).await;
                (delivery, sent)
            })
            .buffer_unordered(CONCURRENT)
            .collect()
            .await;
        let mut rejected = 0;
        for (delivery, sent) in results {
            match sent {
                Ok(()) => {
                    if !matches!(delivery.payload, Payload::Nothing) {
                        let alarms = delivery.items.len();
                        tracing::info!(receiver = receiver.name, alarms, "Notification sent");
                    }
                }
                Err(error) => {
                    rejected += delivery.items.len();
                    let outcome = failed(&error);
                    for index in delivery.items {
                        outcomes[index] = outcome;
                    }
                }
            }
        }
        if 0 < rejected {
            self.count_failed(rejected, now).await;
        }
        outcomes
    }

    async fn count_failed(&self, count: usize, now: Timestamp) {
        let count = u32::try_from(count).unwrap_or(u32::MAX);
        let metric = cloudwatch::OwnMetric::NotificationsUnpublished;
        self.count(metric, f64::from(count), now).await;
    }

    async fn resolved(&self, receiver: &Receiver) -> Result<receivers::Resolved, ReceiverError> {
        let environment = &self.config.environment;
        let name = || receiver.name.clone();
        let references = receiver.secrets(environment);
        let secrets = &self.clients.receivers.secrets;
        let fetched = secrets
            .get_all(&references, Instant::now())
            .await
            .map_err(|source| ReceiverError::Secrets { receiver: name(), source })?;
        let resolved = receiver
            .resolve(environment, &fetched.values)
            .map_err(|source| ReceiverError::Unresolved { receiver: name(), source })?;
        if fetched.hosts.values().all(|hosts| resolved.is_one_of(hosts)) {
            Ok(resolved)
        } else {
            Err(ReceiverError::Bound { receiver: name() })
        }
    }

    async fn send_payload(
        &self,
        receiver: &receivers::Resolved,
        payload: &Payload,
        deadline: tokio::time::Instant,
    ) -> Result<(), ReceiverError> {
        if deadline <= tokio::time::Instant::now() {
            return Err(ReceiverError::OutOfTime);
        }
        match payload {
            Payload::Nothing => Ok(()),
            Payload::Http(requests) => {
                Ok(self.clients.receivers.sender.send(receiver, requests, deadline).await?)
            }
            Payload::Topic(message) => self.publish_to(message).await,
            Payload::Bus(event) => self.put_event(event).await,
        }
    }

    async fn publish_to(&self, message: &TopicMessage) -> Result<(), ReceiverError> {
        let structure = message.by_protocol.then(|| "json".to_owned());
        let sent = self
            .clients
            .sns
            .publish()
            .topic_arn(&message.topic)
            .subject(&message.subject)
            .message(&message.message)
            .set_message_structure(structure)
            .send()
            .await;
        match sent {
            Ok(_) => Ok(()),
            Err(source) => {
                Err(ReceiverError::Topic { topic: message.topic.clone(), source: Box::new(source) })
            }
        }
    }

    async fn put_event(&self, event: &BusEvent) -> Result<(), ReceiverError> {
        let entry = json!({
            "EventBusName": event.bus,
            "Source": SOURCE,
            "DetailType": event.detail_type,
            "Detail": event.detail.to_string(),
            "Resources": event.resources,
            "Time": event.time.as_second(),
        });
        let input = json!({ "Entries": [entry] });
        let answer =
            self.clients.receivers.events.json("events", "AWSEvents.PutEvents", &input).await?;
        match answer["FailedEntryCount"].as_u64() {
            None | Some(0) => Ok(()),
            Some(_) => {
                let code = answer["Entries"][0]["ErrorCode"].as_str().map(str::to_owned);
                Err(ReceiverError::Event { code: code.unwrap_or_else(|| Value::Null.to_string()) })
            }
        }
    }
}
