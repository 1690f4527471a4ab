//! The DynamoDB table with the records of the alarms and a few claims.
//!
//! All records of an environment share one partition key, so that reading them is one query. Every write is
//! conditional on the revision that was read: when two invocations change one record, the second reads it again.

use std::collections::HashMap;
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::delete_item::DeleteItemError;
use aws_sdk_dynamodb::operation::get_item::GetItemError;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::put_item::builders::PutItemFluentBuilder;
use aws_sdk_dynamodb::operation::query::QueryError;
use aws_sdk_dynamodb::types::AttributeValue;
use domain::report::stable_hash;
use jiff::Timestamp;
use notify::record::{self, AlarmRecord};

/// The partition of the records.
const ALERTS: &str = "alerts";
/// The longest time of one call, retries included. A mail waits for it.
const CALL_TIMEOUT: Duration = Duration::from_secs(3);
/// How often a change is tried against concurrent ones.
const TRIES: usize = 5;
/// How long a record is kept after its last change, while the alarm is closed and while it is open.
const KEPT_CLOSED: Duration = Duration::from_secs(30 * 86_400);
const KEPT_OPEN: Duration = Duration::from_secs(400 * 86_400);
/// Tests and unknown messages are kept for as long as SQS may redeliver them.
const KEPT_ONCE: Duration = Duration::from_secs(15 * 86_400);
/// The most pages of one query, each up to 1 MB.
const MOST_PAGES: usize = 30;
/// Sort keys have at most 1,024 bytes.
const LONGEST_KEY: usize = 900;

/// Why the table did not answer. Notifications are sent without it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    #[error("the table did not answer within {} s", CALL_TIMEOUT.as_secs())]
    Timeout,
    #[error("could not read the record of alarm `{alarm}`")]
    Get { alarm: String, source: Box<SdkError<GetItemError>> },
    #[error("could not read the records")]
    Query { source: Box<SdkError<QueryError>> },
    #[error("could not write `{item}`")]
    Put { item: String, source: Box<SdkError<PutItemError>> },
    #[error("could not delete the record of alarm `{alarm}`")]
    Delete { alarm: String, source: Box<SdkError<DeleteItemError>> },
    #[error("could not encode the record of alarm `{alarm}`")]
    Encode { alarm: String, source: serde_json::Error },
    #[error("alarm `{alarm}` is changed by too many invocations at once")]
    Contended { alarm: String },
}

/// The table.
#[derive(Clone, Debug)]
pub struct NotificationStore {
    client: Client,
    table: String,
}

/// A record with its revision in the table.
#[derive(Clone, Debug, PartialEq)]
pub struct Stored {
    pub record: AlarmRecord,
    pub revision: u64,
}

impl NotificationStore {
    #[must_use]
    pub fn new(client: Client, table: impl Into<String>) -> Self {
        Self { client, table: table.into() }
    }

    /// Reads a record, changes it, and writes it. If it was written by another invocation meanwhile, tries again. `change`
    /// gets `None` for an unknown alarm and returns `None` to leave the record as it is.
    ///
    /// # Errors
    /// When the table does not answer, or too many invocations change the record.
    pub async fn update(
        &self,
        key: &str,
        now: Timestamp,
        change: impl Fn(Option<&AlarmRecord>) -> Option<AlarmRecord>,
    ) -> Result<Option<AlarmRecord>, StoreError> {
        for _ in 0..TRIES {
            let before = self.get(key).await?;
            let Some(after) = change(before.as_ref().map(|stored| &stored.record)) else {
                return Ok(None);
            };
            let revision = before.map_or(0, |stored| stored.revision);
            if self.put(&after, revision, now).await?.is_some() {
                return Ok(Some(after));
            }
        }
        Err(StoreError::Contended { alarm: key.to_owned() })
    }

    /// Reads one record.
    ///
    /// # Errors
    /// When the table does not answer.
    pub async fn get(&self, key: &str) -> Result<Option<Stored>, StoreError> {
        let request = self
            .client
            .get_item()
            .table_name(&self.table)
            .key("pk", text(ALERTS))
            .key("sk", text(&sort_key(key)))
            .consistent_read(true);
        let answer = in_time(request.send()).await?.map_err(|source| StoreError::Get {
            alarm: key.to_owned(),
            source: Box::new(source),
        })?;
        Ok(answer.item().and_then(read))
    }

    /// Writes `record` over the revision that it was read at, 0 for a new one. Returns the new revision, or
    /// `None` when another invocation changed the record meanwhile.
    ///
    /// # Errors
    /// When the table does not answer.
    pub async fn put(
        &self,
        record: &AlarmRecord,
        over: u64,
        now: Timestamp,
    ) -> Result<Option<u64>, StoreError> {
        let alarm = || record.alert.name.clone();
        let json = serde_json::to_string(record)
            .map_err(|source| StoreError::Encode { alarm: alarm(), source })?;
        let kept = match record.is_open() {
            _ if record.is_once() => KEPT_ONCE,
            false => KEPT_CLOSED,
            true => KEPT_OPEN,
        };
        let expires = now.checked_add(kept).unwrap_or(now).as_second();
        let revision = over + 1;
        let request = self
            .client
            .put_item()
            .table_name(&self.table)
            .item("pk", text(ALERTS))
            .item("sk", text(&sort_key(&record.alert.key)))
            .item("version", number(record::VERSION))
            .item("record", text(&json))
            .item("revision", number(revision))
            .item("expires_at", number(expires));
        let request = if over == 0 {
            // A record of another version is overwritten.
            request
                .condition_expression("attribute_not_exists(pk) OR version <> :version")
                .expression_attribute_values(":version", number(record::VERSION))
        } else {
            request
                .condition_expression("revision = :over")
                .expression_attribute_values(":over", number(over))
        };
        match in_time(request.send()).await? {
            Ok(_) => Ok(Some(revision)),
            Err(error) if condition_failed(&error) => Ok(None),
            Err(error) => Err(StoreError::Put { item: alarm(), source: Box::new(error) }),
        }
    }

    /// Deletes one record.
    ///
    /// # Errors
    /// When the table does not answer.
    pub async fn delete(&self, key: &str) -> Result<(), StoreError> {
        let request = self
            .client
            .delete_item()
            .table_name(&self.table)
            .key("pk", text(ALERTS))
            .key("sk", text(&sort_key(key)));
        in_time(request.send()).await?.map(drop).map_err(|source| StoreError::Delete {
            alarm: key.to_owned(),
            source: Box::new(source),
        })
    }

    /// Reads every record.
    ///
    /// # Errors
    /// When the table does not answer.
    pub async fn all(&self) -> Result<Vec<Stored>, StoreError> {
        let mut all = Vec::new();
        let mut next = None;
        for _ in 0..MOST_PAGES {
            let request = self
                .client
                .query()
                .table_name(&self.table)
                .key_condition_expression("pk = :pk")
                .expression_attribute_values(":pk", text(ALERTS))
                .consistent_read(true)
                .set_exclusive_start_key(next);
            let page = in_time(request.send())
                .await?
                .map_err(|source| StoreError::Query { source: Box::new(source) })?;
            all.extend(page.items().iter().filter_map(read));
            next = page.last_evaluated_key().cloned();
            if next.is_none() {
                break;
            }
        }
        Ok(all)
    }

    /// Whether the caller is the first to claim `what` within `period`.
    ///
    /// # Errors
    /// When the table does not answer.
    pub async fn claim(
        &self,
        what: &str,
        now: Timestamp,
        period: Duration,
    ) -> Result<bool, StoreError> {
        let until = now.checked_add(period).unwrap_or(now);
        let request = self
            .put_claim(what, until.as_millisecond(), until)
            .condition_expression("attribute_not_exists(pk) OR until_ms <= :now")
            .expression_attribute_values(":now", number(now.as_millisecond()));
        match in_time(request.send()).await? {
            Ok(_) => Ok(true),
            Err(error) if condition_failed(&error) => Ok(false),
            Err(error) => {
                Err(StoreError::Put { item: format!("claim#{what}"), source: Box::new(error) })
            }
        }
    }

    /// The time of the first call with `what`; `now` if this is the first call.
    ///
    /// # Errors
    /// When the table does not answer.
    pub async fn first_seen(&self, what: &str, now: Timestamp) -> Result<Timestamp, StoreError> {
        let request = self
            .client
            .put_item()
            .table_name(&self.table)
            .item("pk", text(&format!("first#{what}")))
            .item("sk", text("first"))
            .item("at_ms", number(now.as_millisecond()))
            .condition_expression("attribute_not_exists(pk)");
        match in_time(request.send()).await? {
            Ok(_) => return Ok(now),
            Err(error) if condition_failed(&error) => {}
            Err(source) => {
                return Err(StoreError::Put {
                    item: format!("first#{what}"),
                    source: Box::new(source),
                });
            }
        }
        let request = self
            .client
            .get_item()
            .table_name(&self.table)
            .key("pk", text(&format!("first#{what}")))
            .key("sk", text("first"));
        let answer = in_time(request.send()).await?.map_err(|source| StoreError::Get {
            alarm: what.to_owned(),
            source: Box::new(source),
        })?;
        let at = answer.item().and_then(|item| item.get("at_ms")?.as_n().ok()?.parse().ok());
        Ok(at.and_then(|at| Timestamp::from_millisecond(at).ok()).unwrap_or(now))
    }

    /// Gives up a claim before its period is over.
    ///
    /// # Errors
    /// When the table does not answer.
    pub async fn release(&self, what: &str, now: Timestamp) -> Result<(), StoreError> {
        let request = self.put_claim(what, 0, now);
        in_time(request.send()).await?.map(drop).map_err(|source| StoreError::Put {
            item: format!("claim#{what}"),
            source: Box::new(source),
        })
    }

    /// A claim is kept for a day longer than `end`.
    fn put_claim(&self, what: &str, until_ms: i64, end: Timestamp) -> PutItemFluentBuilder {
        self.client
            .put_item()
            .table_name(&self.table)
            .item("pk", text(&format!("claim#{what}")))
            .item("sk", text("claim"))
            .item("until_ms", number(until_ms))
            .item("expires_at", number(end.as_second() + 86_400))
    }

    /// Notes that the test `id` was published; `vigie test-alert` waits for this item.
    ///
    /// # Errors
    /// When the table does not answer.
    pub async fn note_test(
        &self,
        id: &str,
        message_id: &str,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let request = self
            .client
            .put_item()
            .table_name(&self.table)
            .item("pk", text(&format!("test#{id}")))
            .item("sk", text("published"))
            .item("message_id", text(message_id))
            .item("expires_at", number(now.as_second() + 86_400));
        in_time(request.send()).await?.map(drop).map_err(|source| StoreError::Put {
            item: format!("test#{id}"),
            source: Box::new(source),
        })
    }
}

async fn in_time<T>(call: impl Future<Output = T>) -> Result<T, StoreError> {
    tokio::time::timeout(CALL_TIMEOUT, call).await.map_err(|_| StoreError::Timeout)
}

fn read(item: &HashMap<String, AttributeValue>) -> Option<Stored> {
    let version: u32 = item.get("version")?.as_n().ok()?.parse().ok()?;
    if version != record::VERSION {
        tracing::warn!(version, "Record has another version and is ignored");
        return None;
    }
    let json = item.get("record")?.as_s().ok()?;
    let revision = item.get("revision")?.as_n().ok()?.parse().ok()?;
    match serde_json::from_str(json) {
        Ok(record) => Some(Stored { record, revision }),
        Err(error) => {
            tracing::warn!(%error, "Record could not be read");
            None
        }
    }
}

/// The key itself, or its start and its hash when it is too long.
fn sort_key(key: &str) -> String {
    if key.len() <= LONGEST_KEY {
        return key.to_owned();
    }
    let end = key.floor_char_boundary(LONGEST_KEY - 20);
    format!("{}#{:016x}", &key[..end], stable_hash(key))
}

fn text(text: &str) -> AttributeValue {
    AttributeValue::S(text.to_owned())
}

fn number(number: impl std::fmt::Display) -> AttributeValue {
    AttributeValue::N(format!("{number}"))
}

fn condition_failed(error: &SdkError<PutItemError>) -> bool {
    error.as_service_error().is_some_and(PutItemError::is_conditional_check_failed_exception)
}
