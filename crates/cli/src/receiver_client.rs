//! Sends notifications to receivers from this machine. AWS is used only by receivers that name a secret or a topic.

use std::time::{Duration, Instant};

use aws_config::SdkConfig;
use aws_sdk_sns::error::SdkError;
use aws_sdk_sns::operation::publish::PublishError;
use domain::EnvironmentName;
use futures_util::{StreamExt as _, stream};
use notify::Language;
use notify::notification::Notification;
use notify::sent::Outcome;
use receivers::template::TemplateError;
use receivers::{
    Payload, Receiver, Resolved, SendError, Sender, TopicMessage, UnresolvedReceiver, deliveries,
};
use secrets::{Fetched, SecretError, Secrets};
use tokio::sync::OnceCell;

/// The time for one notification to one receiver.
const LIMIT: Duration = Duration::from_secs(20);
/// Requests to one receiver at the same time.
const CONCURRENT: usize = 8;

/// Why a receiver was not sent a notification. It never contains a secret.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DeliveryError {
    #[error("the secrets of receiver `{receiver}` are not available")]
    Secrets { receiver: String, source: SecretError },
    #[error(transparent)]
    Unresolved(#[from] UnresolvedReceiver),
    #[error("a secret of receiver `{receiver}` is bound to other hosts")]
    Bound { receiver: String },
    #[error("the body for receiver `{receiver}` could not be written")]
    Template { receiver: String, source: TemplateError },
    #[error(transparent)]
    Http(#[from] SendError),
    #[error("topic `{topic}` did not accept the notification")]
    Topic { topic: String, source: Box<SdkError<PublishError>> },
}

impl DeliveryError {
    pub(crate) fn outcome(&self) -> Outcome {
        match self {
            Self::Http(error) if error.may_be_accepted() => Outcome::Unknown,
            Self::Topic { source, .. } => match &**source {
                SdkError::TimeoutError(_) | SdkError::ResponseError(_) => Outcome::Unknown,
                _ => Outcome::Rejected,
            },
            _ => Outcome::Rejected,
        }
    }
}

/// A part of a notification after it was sent.
pub(crate) struct Delivered {
    /// Indices of the alarms in [`Notification::items`].
    pub(crate) items: Vec<usize>,
    pub(crate) result: Result<(), DeliveryError>,
}

/// Clients that are created when a receiver needs them.
#[derive(Default)]
pub(crate) struct ReceiverClient {
    sender: Sender,
    aws: OnceCell<SdkConfig>,
    secrets: OnceCell<Secrets>,
}

impl ReceiverClient {
    /// Sends `notification`; the result of each part of it.
    pub(crate) async fn send(
        &self,
        receiver: &Receiver,
        environment: &EnvironmentName,
        notification: &Notification,
        language: Language,
    ) -> Result<Vec<Delivered>, DeliveryError> {
        let deadline = tokio::time::Instant::now() + LIMIT;
        let resolved = &self.resolved(receiver, environment).await?;
        let name = || receiver.name.clone();
        let deliveries = deliveries(resolved, notification, language)
            .map_err(|source| DeliveryError::Template { receiver: name(), source })?;
        let send = async |delivery: receivers::Delivery| {
            let result = self.send_payload(resolved, &delivery.payload, deadline).await;
            Delivered { items: delivery.items, result }
        };
        Ok(stream::iter(deliveries).map(send).buffer_unordered(CONCURRENT).collect().await)
    }

    /// The region of AWS; `local` for a receiver that needs no AWS account.
    pub(crate) async fn region(&self, of: &Receiver, environment: &EnvironmentName) -> String {
        if of.secrets(environment).is_empty() && of.kind.as_str() != "sns" {
            return "local".to_owned();
        }
        self.aws().await.region().map_or_else(|| "local".to_owned(), ToString::to_string)
    }

    async fn resolved(
        &self,
        receiver: &Receiver,
        environment: &EnvironmentName,
    ) -> Result<Resolved, DeliveryError> {
        let fetched = self.fetched(receiver, environment).await?;
        let resolved = receiver.resolve(environment, &fetched.values)?;
        if fetched.hosts.values().all(|hosts| resolved.is_one_of(hosts)) {
            Ok(resolved)
        } else {
            Err(DeliveryError::Bound { receiver: receiver.name.clone() })
        }
    }

    async fn fetched(
        &self,
        receiver: &Receiver,
        environment: &EnvironmentName,
    ) -> Result<Fetched, DeliveryError> {
        let references = receiver.secrets(environment);
        if references.is_empty() {
            return Ok(Fetched::default());
        }
        let aws = self.aws().await;
        let create = async || {
            let manager = aws_sdk_secretsmanager::Client::new(aws);
            Secrets::new(manager, secrets::ParameterStore::new(aws))
        };
        let secrets = self.secrets.get_or_init(create).await;
        let name = || receiver.name.clone();
        secrets
            .get_all(&references, Instant::now())
            .await
            .map_err(|source| DeliveryError::Secrets { receiver: name(), source })
    }

    async fn aws(&self) -> &SdkConfig {
        self.aws.get_or_init(|| Box::pin(aws_config::load_from_env())).await
    }

    async fn send_payload(
        &self,
        receiver: &Resolved,
        payload: &Payload,
        deadline: tokio::time::Instant,
    ) -> Result<(), DeliveryError> {
        match payload {
            Payload::Http(requests) => Ok(self.sender.send(receiver, requests, deadline).await?),
            Payload::Topic(message) => self.publish(message).await,
            // A bus is a parameter of the stack on AWS.
            Payload::Nothing | Payload::Bus(_) => Ok(()),
        }
    }

    async fn publish(&self, message: &TopicMessage) -> Result<(), DeliveryError> {
        let TopicMessage { topic, subject, message, by_protocol } = message;
        let sns = aws_sdk_sns::Client::new(self.aws().await);
        let request = sns.publish().topic_arn(topic).subject(subject).message(message);
        let structure = by_protocol.then(|| "json".to_owned());
        match request.set_message_structure(structure).send().await {
            Ok(_) => Ok(()),
            Err(source) => {
                Err(DeliveryError::Topic { topic: topic.clone(), source: Box::new(source) })
            }
        }
    }
}
