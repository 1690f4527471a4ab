//! Dead letters in the queue of an environment.

use std::time::SystemTime;

use anyhow::Context as _;
use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::{
    ChangeMessageVisibilityBatchRequestEntry, Message, MessageSystemAttributeName,
};
use domain::EnvironmentName;
use jiff::Timestamp;

use super::{Place, Row, Which, done};
use crate::{Exit, Io};

/// How long received messages are hidden from others. All are handled by then.
const HIDDEN_SECONDS: i32 = 120;

/// Requests of one command, at most.
const MOST_REQUESTS: usize = 1000;

/// SQS accepts at most this many messages in a batch.
const BATCH: usize = 10;

/// The queues of an environment.
pub(super) struct Queue {
    client: Client,
    dead: String,
    samples: String,
}

impl Queue {
    pub(super) async fn open(place: &Place) -> anyhow::Result<Self> {
        let environment = place.environment.as_ref().context("no environment is named")?;
        Self::of(Client::new(&aws_config::load_from_env().await), environment).await
    }

    async fn of(client: Client, environment: &EnvironmentName) -> anyhow::Result<Self> {
        let url = async |name: String| -> anyhow::Result<String> {
            let found = client.get_queue_url().queue_name(&name).send().await;
            let found = found.with_context(|| {
                format!(
                    "there is no queue `{name}`\nhint: check the account and the region, and that `RemoteWriteUrl` is set"
                )
            })?;
            found.queue_url.with_context(|| format!("the queue `{name}` has no URL"))
        };
        let dead = url(format!("vigie-{environment}-samples-dead.fifo")).await?;
        let samples = url(format!("vigie-{environment}-samples.fifo")).await?;
        Ok(Self { client, dead, samples })
    }

    /// The messages that can be received now. They become visible again.
    pub(super) async fn rows(&self) -> anyhow::Result<Vec<Row>> {
        let mut messages = Vec::new();
        for _ in 0..MOST_REQUESTS {
            let received = self.receive().await?;
            if received.is_empty() {
                break;
            }
            messages.extend(received);
        }
        self.release(&messages).await?;
        Ok(messages.iter().map(row).collect())
    }

    pub(super) async fn retry(&self, which: &Which, io: &mut Io<'_>) -> anyhow::Result<Exit> {
        let count = self.each(which, async |message| self.send(message).await).await?;
        done("queued", count, which, io)
    }

    pub(super) async fn drop(&self, which: &Which, io: &mut Io<'_>) -> anyhow::Result<Exit> {
        let count = self.each(which, async |_| Ok(())).await?;
        done("dropped", count, which, io)
    }

    /// Handles and deletes the chosen messages; returns their number. Messages that arrive meanwhile are
    /// left alone.
    async fn each(
        &self,
        which: &Which,
        handle: impl AsyncFn(&Message) -> anyhow::Result<()>,
    ) -> anyhow::Result<usize> {
        let began = Timestamp::try_from(SystemTime::now())?;
        let (mut count, mut others) = (0, Vec::new());
        let mut result = Ok(());
        for _ in 0..MOST_REQUESTS {
            let received = match self.receive().await {
                Ok(received) if !received.is_empty() => received,
                Ok(_) => break,
                Err(error) => {
                    result = Err(error);
                    break;
                }
            };
            for message in received {
                let id = message.message_id().unwrap_or_default();
                let is_new = sent_at(&message).is_some_and(|sent| sent > began);
                if result.is_err() || is_new || !which.has(id) {
                    others.push(message);
                    continue;
                }
                result = handle(&message).await;
                if result.is_ok() {
                    result = self.delete(&message).await;
                    count += usize::from(result.is_ok());
                } else {
                    others.push(message);
                }
            }
            if result.is_err() {
                break;
            }
        }
        self.release(&others).await?;
        result.map(|()| count)
    }

    async fn receive(&self) -> anyhow::Result<Vec<Message>> {
        let request = self
            .client
            .receive_message()
            .queue_url(&self.dead)
            .max_number_of_messages(10)
            .visibility_timeout(HIDDEN_SECONDS)
            .wait_time_seconds(1)
            .message_system_attribute_names(MessageSystemAttributeName::All)
            .message_attribute_names("All");
        let received = request.send().await.context("could not receive dead letters")?;
        Ok(received.messages.unwrap_or_default())
    }

    /// Puts a message back into the samples queue.
    async fn send(&self, message: &Message) -> anyhow::Result<()> {
        let id = message.message_id().unwrap_or_default();
        let attributes = message.attributes();
        let group = attributes
            .and_then(|all| all.get(&MessageSystemAttributeName::MessageGroupId))
            .cloned()
            .unwrap_or_else(|| "dead-letters".to_owned());
        let body = message.body().unwrap_or_default().to_owned();
        let message = sqs_batch::Message::fifo(group, format!("retry-{id}"), body);
        sqs_batch::send(&self.client, &self.samples, &[message])
            .await
            .with_context(|| format!("could not queue the samples of dead letter `{id}`"))
    }

    async fn delete(&self, message: &Message) -> anyhow::Result<()> {
        let receipt = message.receipt_handle().unwrap_or_default();
        let request = self.client.delete_message().queue_url(&self.dead).receipt_handle(receipt);
        request.send().await.context("could not delete a dead letter")?;
        Ok(())
    }

    /// Makes messages visible again.
    async fn release(&self, messages: &[Message]) -> anyhow::Result<()> {
        for batch in messages.chunks(BATCH) {
            let entries = batch.iter().enumerate().map(|(index, message)| {
                ChangeMessageVisibilityBatchRequestEntry::builder()
                    .id(index.to_string())
                    .receipt_handle(message.receipt_handle().unwrap_or_default())
                    .visibility_timeout(0)
                    .build()
            });
            let request = self
                .client
                .change_message_visibility_batch()
                .queue_url(&self.dead)
                .set_entries(Some(entries.collect::<Result<_, _>>()?));
            request.send().await.context("could not make dead letters visible again")?;
        }
        Ok(())
    }
}

fn sent_at(message: &Message) -> Option<Timestamp> {
    let sent = message.attributes()?.get(&MessageSystemAttributeName::SentTimestamp)?;
    Timestamp::from_millisecond(sent.parse().ok()?).ok()
}

fn row(message: &Message) -> Row {
    let content = samples::message::decode(message.body().unwrap_or_default()).ok();
    let due = content.as_ref().map(|content| content.due.as_millis());
    let reason = message.message_attributes().and_then(|all| all.get("Reason"));
    let reason = reason.and_then(|reason| reason.string_value());
    Row {
        id: message.message_id().unwrap_or_default().to_owned(),
        due: due.and_then(|due| Timestamp::from_millisecond(due).ok()),
        samples: content.map(|content| content.entries.len()),
        reason: reason.unwrap_or("delivered too often").to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::{Arc, Mutex};

    use aws_sdk_sqs::operation::change_message_visibility_batch::ChangeMessageVisibilityBatchOutput;
    use aws_sdk_sqs::operation::delete_message::DeleteMessageOutput;
    use aws_sdk_sqs::operation::get_queue_url::GetQueueUrlOutput;
    use aws_sdk_sqs::operation::receive_message::ReceiveMessageOutput;
    use aws_sdk_sqs::operation::send_message_batch::SendMessageBatchOutput;
    use aws_sdk_sqs::types::MessageAttributeValue;
    use aws_smithy_mocks::{RuleMode, mock, mock_client};

    use super::*;

    fn letter(id: &str) -> Message {
        let reason = MessageAttributeValue::builder()
            .data_type("String")
            .string_value("the receiver answered 400")
            .build()
            .unwrap();
        Message::builder()
            .message_id(id)
            .receipt_handle(format!("receipt-{id}"))
            .body("{}")
            .attributes(MessageSystemAttributeName::MessageGroupId, "prod/bot")
            .attributes(MessageSystemAttributeName::SentTimestamp, "1700000000000")
            .message_attributes("Reason", reason)
            .build()
    }

    /// A dead-letter queue with `a` and `b`, and what was done with them.
    async fn act(action: impl AsyncFn(&Queue)) -> BTreeMap<&'static str, Vec<String>> {
        let left = Arc::new(Mutex::new(vec![letter("a"), letter("b")]));
        let seen: Arc<Mutex<BTreeMap<&'static str, Vec<String>>>> = Arc::default();
        let note = |what: &'static str| {
            let seen = Arc::clone(&seen);
            move |text: String| seen.lock().unwrap().entry(what).or_default().push(text)
        };
        let url = mock!(Client::get_queue_url).then_compute_output(|request| {
            let name = request.queue_name().unwrap_or_default();
            GetQueueUrlOutput::builder().queue_url(format!("https://sqs/{name}")).build()
        });
        let receive = mock!(Client::receive_message).then_compute_output(move |request| {
            assert_eq!(request.queue_url(), Some("https://sqs/vigie-prod-samples-dead.fifo"));
            let messages = std::mem::take(&mut *left.lock().unwrap());
            ReceiveMessageOutput::builder().set_messages(Some(messages)).build()
        });
        let sent = note("sent");
        let send = mock!(Client::send_message_batch).then_compute_output(move |request| {
            assert_eq!(request.queue_url(), Some("https://sqs/vigie-prod-samples.fifo"));
            for entry in request.entries() {
                assert_eq!(entry.message_group_id(), Some("prod/bot"));
                sent(entry.message_deduplication_id().unwrap_or_default().to_owned());
            }
            let output = SendMessageBatchOutput::builder().set_successful(Some(Vec::new()));
            output.set_failed(Some(Vec::new())).build().unwrap()
        });
        let deleted = note("deleted");
        let delete = mock!(Client::delete_message).then_compute_output(move |request| {
            deleted(request.receipt_handle().unwrap_or_default().to_owned());
            DeleteMessageOutput::builder().build()
        });
        let released = note("released");
        let release =
            mock!(Client::change_message_visibility_batch).then_compute_output(move |request| {
                for entry in request.entries() {
                    released(entry.receipt_handle().to_owned());
                }
                let output = ChangeMessageVisibilityBatchOutput::builder();
                let output = output.set_successful(Some(Vec::new()));
                output.set_failed(Some(Vec::new())).build().unwrap()
            });
        let rules = [&url, &receive, &send, &delete, &release];
        let client = mock_client!(aws_sdk_sqs, RuleMode::MatchAny, rules);
        let queue = Queue::of(client, &"prod".parse().unwrap()).await.unwrap();
        action(&queue).await;
        std::mem::take(&mut *seen.lock().unwrap())
    }

    fn which(ids: &[&str]) -> Which {
        Which { ids: ids.iter().map(|id| (*id).to_owned()).collect(), all: ids.is_empty() }
    }

    #[tokio::test]
    async fn list_leaves_the_messages_in_the_queue() {
        let seen = act(async |queue| {
            let rows = queue.rows().await.unwrap();
            let rows: Vec<_> =
                rows.iter().map(|row| (row.id.as_str(), row.reason.as_str())).collect();
            let reason = "the receiver answered 400";
            assert_eq!(rows, [("a", reason), ("b", reason)]);
        })
        .await;
        assert_eq!(
            seen,
            BTreeMap::from([("released", vec!["receipt-a".into(), "receipt-b".into()])])
        );
    }

    #[tokio::test]
    async fn retry_queues_the_samples_before_it_deletes_the_letter() {
        let seen = act(async |queue| {
            let count = queue.each(&which(&["b"]), async |message| queue.send(message).await).await;
            assert_eq!(count.unwrap(), 1);
        })
        .await;
        let expected = [
            ("deleted", vec!["receipt-b".into()]),
            ("released", vec!["receipt-a".into()]),
            ("sent", vec!["retry-b".into()]),
        ];
        assert_eq!(seen, BTreeMap::from(expected));
    }

    #[tokio::test]
    async fn drop_deletes_all_letters() {
        let seen = act(async |queue| {
            assert_eq!(queue.each(&which(&[]), async |_| Ok(())).await.unwrap(), 2);
        })
        .await;
        let expected = vec!["receipt-a".into(), "receipt-b".into()];
        assert_eq!(seen, BTreeMap::from([("deleted", expected)]));
    }
}
