//! Publishes to a topic, with the attributes that subscribers filter by.

use std::collections::BTreeSet;

use aws_sdk_sns::Client;
use aws_sdk_sns::error::SdkError;
use aws_sdk_sns::operation::publish::PublishError as SnsPublishError;
use aws_sdk_sns::types::MessageAttributeValue;
use domain::EnvironmentName;
use notify::mail::Mail;
use notify::notification::Item;
use notify::sent::Outcome;

/// Attribute lists stay far below SNS's 256 KB for message and attributes together.
const MOST_VALUES: usize = 100;

/// SNS did not accept a notification. It is sent again by the next reconciliation.
#[derive(Debug, thiserror::Error)]
#[error("could not publish `{subject}` to topic `{topic}`")]
pub(crate) struct PublishError {
    subject: String,
    topic: String,
    source: Box<SdkError<SnsPublishError>>,
}

impl PublishError {
    /// SNS may have accepted a request whose answer did not arrive.
    pub(crate) fn outcome(&self) -> Outcome {
        match &*self.source {
            SdkError::ConstructionFailure(_) | SdkError::ServiceError(_) => Outcome::Rejected,
            SdkError::DispatchFailure(failure) if !failure.is_timeout() => Outcome::Rejected,
            _ => Outcome::Unknown,
        }
    }
}

/// Publishes `mail` and returns SNS's id of the message.
pub(crate) async fn publish(
    client: &Client,
    topic: &str,
    mail: &Mail,
    environment: &EnvironmentName,
    items: &[Item],
) -> Result<String, PublishError> {
    put(client, topic, mail, attributes(environment, items)).await
}

/// Publishes the weekly mail with the attributes of a page, so that no filter drops it: it shows that pages
/// arrive.
pub(crate) async fn publish_weekly(
    client: &Client,
    topic: &str,
    mail: &Mail,
    environment: &EnvironmentName,
) -> Result<String, PublishError> {
    let attributes = [("severity", "page"), ("environment", environment.as_str()), ("state", "OK")];
    let attributes = attributes.map(|(name, value)| (name, BTreeSet::from([value.to_owned()])));
    put(client, topic, mail, attributes.into()).await
}

async fn put(
    client: &Client,
    topic: &str,
    mail: &Mail,
    attributes: Vec<(&'static str, BTreeSet<String>)>,
) -> Result<String, PublishError> {
    let mut request = client.publish().topic_arn(topic).subject(&mail.subject).message(&mail.body);
    for (name, values) in attributes {
        request = request.message_attributes(name, attribute(&values));
    }
    match request.send().await {
        Ok(answer) => Ok(answer.message_id().unwrap_or_default().to_owned()),
        Err(source) => Err(PublishError {
            subject: mail.subject.clone(),
            topic: topic.to_owned(),
            source: Box::new(source),
        }),
    }
}

/// What a filter policy can match. SNS rejects attributes without a value, so they are left out.
fn attributes(
    environment: &EnvironmentName,
    items: &[Item],
) -> Vec<(&'static str, BTreeSet<String>)> {
    let mut lists = [
        ("severity", BTreeSet::new()),
        ("environment", BTreeSet::from([environment.to_string()])),
        ("probe", BTreeSet::new()),
        ("state", BTreeSet::new()),
        ("reason", BTreeSet::new()),
        ("team", BTreeSet::new()),
        ("test", BTreeSet::new()),
    ];
    let [severity, _, probe, state, reason, team, test] = &mut lists;
    for item in items {
        let alert = &item.alert;
        severity.1.insert(item.severity.as_str().to_owned());
        state.1.insert(alert.state.as_str().to_owned());
        probe.1.extend(alert.subject.probe().map(ToString::to_string));
        team.1.extend(alert.labels.get("team").cloned());
        test.1.extend(alert.test.clone());
        let outcome = item.report.as_ref().and_then(|report| report.outcome.reason());
        reason.1.extend(outcome.map(|reason| reason.as_str().to_owned()));
    }
    for (_, values) in &mut lists {
        values.retain(|value| !value.trim().is_empty());
    }
    lists.into_iter().filter(|(_, values)| !values.is_empty()).collect()
}

/// One value is a string; several are a list, and a filter matches any of them.
fn attribute(values: &BTreeSet<String>) -> MessageAttributeValue {
    let mut first: Vec<&String> = values.iter().take(MOST_VALUES).collect();
    let (kind, value) = match (first.pop(), first.is_empty()) {
        (Some(only), true) => ("String", only.clone()),
        (last, _) => {
            first.extend(last);
            ("String.Array", serde_json::to_string(&first).expect("texts are always JSON"))
        }
    };
    MessageAttributeValue::builder()
        .data_type(kind)
        .string_value(value)
        .build()
        .expect("the data type is set")
}
