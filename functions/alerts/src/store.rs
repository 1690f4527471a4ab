//! The memories of the alarms in the table.
//!
//! All alarms of an environment lie under one partition key, so that the end of a window and a
//! minute of the schedule are one query. A revision keeps two invocations from overwriting each
//! other: who comes second reads again.

use std::collections::HashMap;
use std::time::Duration;

use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::put_item::builders::PutItemFluentBuilder;
use aws_sdk_dynamodb::types::AttributeValue;
use domain::{Severity, report};
use jiff::Timestamp;
use lambda_kit::chain;
use notify::alarm_record::{self, AlarmRecord, Observed, observe};
use notify::alert::{Alert, State, Subject};

/// The partition of the memories.
const ALERTS: &str = "alerts";
/// How long one call may take, retries included: a mail waits for it.
const PATIENCE: Duration = Duration::from_secs(3);
/// How often a change is tried against others who change the same memory.
const TRIES: usize = 5;
/// An alarm that has been `OK` for so long is forgotten; one that is up is kept for longer.
const KEPT_WHEN_OK: Duration = Duration::from_secs(30 * 86_400);
const KEPT_WHEN_UP: Duration = Duration::from_secs(400 * 86_400);
/// What never becomes `OK` (tests, messages that can't be read) is kept for as long as it may come again.
const KEPT_ONCE: Duration = Duration::from_secs(15 * 86_400);
/// The most pages of one query, each up to 1 MB.
const MOST_PAGES: usize = 30;
/// Sort keys have at most 1,024 bytes.
const LONGEST_KEY: usize = 900;

/// Why the table did not answer. Mails go out without it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StoreError {
    #[error("the table did not answer within {} s", PATIENCE.as_secs())]
    Slow,
    #[error("the table failed: {0}")]
    Failed(String),
    #[error("alarm `{0}` is being changed by too many at once")]
    Contended(String),
}

/// The table.
pub(crate) struct NotificationStore<'a> {
    pub(crate) client: &'a aws_sdk_dynamodb::Client,
    pub(crate) table: &'a str,
}

/// A memory as it lies in the table.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Stored {
    pub(crate) memory: AlarmRecord,
    pub(crate) revision: u64,
}

/// What became of an alert.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Recorded {
    /// It is news, stored, and perhaps waits to be told.
    NotificationKind(Box<Stored>),
    /// It is known, and still waits to be told: its first delivery may have died on the way.
    Waiting(Box<Stored>),
    /// It is known and done with, or something newer is known.
    Known,
}

impl NotificationStore<'_> {
    /// Takes an alert into the memory of its alarm.
    pub(crate) async fn record(
        &self,
        alert: &Alert,
        severity: Severity,
        now: Timestamp,
    ) -> Result<Recorded, StoreError> {
        for _ in 0..TRIES {
            let before = self.get(&alert.key).await?;
            let known = before.as_ref().map(|stored| &stored.memory);
            match (observe(known, alert, severity, now), before) {
                (Observed::NotificationKind(memory), before) => {
                    let revision = before.map_or(0, |stored| stored.revision);
                    if let Some(revision) = self.put(&memory, revision, now).await? {
                        return Ok(Recorded::NotificationKind(Box::new(Stored {
                            memory: *memory,
                            revision,
                        })));
                    }
                }
                (Observed::Repeated, Some(stored)) if stored.memory.untold() => {
                    return Ok(Recorded::Waiting(Box::new(stored)));
                }
                _ => return Ok(Recorded::Known),
            }
        }
        Err(StoreError::Contended(alert.name.clone()))
    }

    async fn get(&self, key: &str) -> Result<Option<Stored>, StoreError> {
        let request = self
            .client
            .get_item()
            .table_name(self.table)
            .key("pk", text(ALERTS))
            .key("sk", text(&sort_key(key)))
            .consistent_read(true);
        let answer = patiently(request.send()).await?.map_err(|error| failed(&error))?;
        Ok(answer.item().and_then(read))
    }

    /// Stores `memory` over the revision that it came from, 0 for a new one, and returns the new
    /// revision; `None` when somebody else was faster.
    pub(crate) async fn put(
        &self,
        memory: &AlarmRecord,
        over: u64,
        now: Timestamp,
    ) -> Result<Option<u64>, StoreError> {
        let json = serde_json::to_string(memory).map_err(|error| failed(&error))?;
        let once = memory.alert.subject == Subject::Unreadable || memory.alert.test.is_some();
        let kept = match memory.alert.state {
            _ if once => KEPT_ONCE,
            State::Ok => KEPT_WHEN_OK,
            State::Alarm | State::InsufficientData => KEPT_WHEN_UP,
        };
        let expires = now.checked_add(kept).unwrap_or(now).as_second();
        let revision = over + 1;
        let request = self
            .client
            .put_item()
            .table_name(self.table)
            .item("pk", text(ALERTS))
            .item("sk", text(&sort_key(&memory.alert.key)))
            .item("version", number(alarm_record::VERSION))
            .item("memory", text(&json))
            .item("revision", number(revision))
            .item("expires_at", number(expires));
        let request = if over == 0 {
            // A memory of a version that we can't read is no obstacle.
            request
                .condition_expression("attribute_not_exists(pk) OR version <> :version")
                .expression_attribute_values(":version", number(alarm_record::VERSION))
        } else {
            request
                .condition_expression("revision = :over")
                .expression_attribute_values(":over", number(over))
        };
        match patiently(request.send()).await? {
            Ok(_) => Ok(Some(revision)),
            Err(error) if lost_the_race(&error) => Ok(None),
            Err(error) => Err(failed(&error)),
        }
    }

    /// Every memory there is.
    pub(crate) async fn all(&self) -> Result<Vec<Stored>, StoreError> {
        let mut all = Vec::new();
        let mut next = None;
        for _ in 0..MOST_PAGES {
            let request = self
                .client
                .query()
                .table_name(self.table)
                .key_condition_expression("pk = :pk")
                .expression_attribute_values(":pk", text(ALERTS))
                .consistent_read(true)
                .set_exclusive_start_key(next);
            let page = patiently(request.send()).await?.map_err(|error| failed(&error))?;
            all.extend(page.items().iter().filter_map(read));
            next = page.last_evaluated_key().cloned();
            if next.is_none() {
                break;
            }
        }
        Ok(all)
    }

    /// Whether it is up to the caller to do what `what` names: the first to ask within `period` is told
    /// so.
    pub(crate) async fn claim(
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
        match patiently(request.send()).await? {
            Ok(_) => Ok(true),
            Err(error) if lost_the_race(&error) => Ok(false),
            Err(error) => Err(failed(&error)),
        }
    }

    /// Gives up what was claimed before its time is over.
    pub(crate) async fn release(&self, what: &str, now: Timestamp) {
        if let Ok(Err(error)) = patiently(self.put_claim(what, 0, now).send()).await {
            tracing::warn!(error = chain(&error), what, "a claim was not given up");
        }
    }

    /// A claim is kept for a day longer than `end`.
    fn put_claim(&self, what: &str, until_ms: i64, end: Timestamp) -> PutItemFluentBuilder {
        self.client
            .put_item()
            .table_name(self.table)
            .item("pk", text(&format!("claim#{what}")))
            .item("sk", text("claim"))
            .item("until_ms", number(until_ms))
            .item("expires_at", number(end.as_second() + 86_400))
    }

    /// Notes that the test `id` was published, for `vigie test-alert` to see.
    pub(crate) async fn note_test(&self, id: &str, message_id: &str, now: Timestamp) {
        let request = self
            .client
            .put_item()
            .table_name(self.table)
            .item("pk", text(&format!("test#{id}")))
            .item("sk", text("published"))
            .item("message_id", text(message_id))
            .item("expires_at", number(now.as_second() + 86_400));
        match patiently(request.send()).await {
            Ok(Ok(_)) => {}
            Ok(Err(error)) => tracing::warn!(error = chain(&error), "the test was not noted"),
            Err(error) => tracing::warn!(error = chain(&error), "the test was not noted"),
        }
    }
}

async fn patiently<T>(call: impl Future<Output = T>) -> Result<T, StoreError> {
    tokio::time::timeout(PATIENCE, call).await.map_err(|_| StoreError::Slow)
}

fn read(item: &HashMap<String, AttributeValue>) -> Option<Stored> {
    let memory = item.get("memory")?.as_s().ok()?;
    let revision = item.get("revision")?.as_n().ok()?.parse().ok()?;
    match serde_json::from_str::<AlarmRecord>(memory) {
        Ok(memory) if memory.version == alarm_record::VERSION => Some(Stored { memory, revision }),
        Ok(memory) => {
            tracing::warn!(version = memory.version, "a memory of another version is left alone");
            None
        }
        Err(error) => {
            tracing::warn!(error = chain(&error), "a memory could not be read");
            None
        }
    }
}

/// The key itself, or its beginning and its hash where it is too long.
fn sort_key(key: &str) -> String {
    if key.len() <= LONGEST_KEY {
        return key.to_owned();
    }
    let end = key.floor_char_boundary(LONGEST_KEY - 20);
    format!("{}#{:016x}", &key[..end], report::stable_hash(key))
}

fn text(text: &str) -> AttributeValue {
    AttributeValue::S(text.to_owned())
}

fn number(number: impl std::fmt::Display) -> AttributeValue {
    AttributeValue::N(format!("{number}"))
}

fn failed(error: &(dyn std::error::Error + 'static)) -> StoreError {
    StoreError::Failed(chain(error))
}

fn lost_the_race(error: &SdkError<PutItemError>) -> bool {
    error.as_service_error().is_some_and(PutItemError::is_conditional_check_failed_exception)
}
