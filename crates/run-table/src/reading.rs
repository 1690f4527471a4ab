//! Reads runs, totals of days, and incidents.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::query::QueryError;
use aws_sdk_dynamodb::types::{AttributeValue, KeysAndAttributes};
use domain::ProbeName;
use jiff::Timestamp;
use run_record::{Incident, LocatedRun, Summary};
use tracing::warn;

use crate::items::{
    BUCKET, INCIDENTS, Item, day_key, day_of, partition, probe_of, runs, runs_key, text,
};
use crate::{RunTable, RunTableError};

/// The most pages of one query, each up to 1 MB: a month of a probe with five locations and a run every 10 seconds.
const MOST_PAGES: usize = 64;
/// The most items of `BatchGetItem`.
const BATCH: usize = 100;
/// How often unprocessed keys of a batch are requested again.
const TRIES: usize = 5;

impl RunTable {
    /// The runs that were due from `since` to `until`, both included, oldest first.
    ///
    /// # Errors
    /// When the table does not answer, or has too many runs in this period.
    pub async fn runs(
        &self,
        probe: &ProbeName,
        since: Timestamp,
        until: Timestamp,
    ) -> Result<Vec<LocatedRun>, RunTableError> {
        let mut found = Vec::new();
        let mut next = None;
        for _ in 0..MOST_PAGES {
            let page = self
                .between(partition(probe), runs_key(since), runs_key(until), next)
                .await
                .map_err(|source| RunTableError::Runs { probe: probe.clone(), source })?;
            found.extend(page.items.iter().flat_map(runs));
            next = page.next;
            if next.is_none() {
                found.retain(|run| since <= run.record.due && run.record.due <= until);
                found.sort_by_key(|run| run.record.due);
                return Ok(found);
            }
        }
        Err(RunTableError::TooMany { probe: probe.clone(), pages: MOST_PAGES })
    }

    /// The runs of the current and the previous item of each probe, oldest first: those of the last 10 to 20 minutes.
    ///
    /// # Errors
    /// When the table does not answer.
    pub async fn recent(
        &self,
        probes: &[&ProbeName],
        now: Timestamp,
    ) -> Result<BTreeMap<ProbeName, Vec<LocatedRun>>, RunTableError> {
        let before = now.checked_sub(BUCKET).unwrap_or(now);
        let keys = probes.iter().flat_map(|probe| {
            [before, now].map(|at| {
                Item::from([("pk".to_owned(), partition(probe)), ("sk".to_owned(), runs_key(at))])
            })
        });
        let keys: Vec<Item> = keys.collect();
        let mut found: BTreeMap<ProbeName, Vec<LocatedRun>> = BTreeMap::new();
        for batch in keys.chunks(BATCH) {
            for item in self.batch(batch.to_vec()).await? {
                if let Some(probe) = probe_of(&item) {
                    found.entry(probe).or_default().extend(runs(&item));
                }
            }
        }
        for runs in found.values_mut() {
            runs.sort_by_key(|run| run.record.due);
        }
        Ok(found)
    }

    /// The stored totals of the days from `first` to `last`, both included.
    ///
    /// # Errors
    /// When the table does not answer.
    pub async fn days(
        &self,
        probe: &ProbeName,
        first: i64,
        last: i64,
    ) -> Result<BTreeMap<i64, Summary>, RunTableError> {
        // 90 days are far below the 1 MB of a page.
        let page = self
            .between(partition(probe), day_key(first), day_key(last), None)
            .await
            .map_err(|source| RunTableError::Runs { probe: probe.clone(), source })?;
        let day = |item: &Item| {
            let totals = item.get("totals")?.as_b().ok()?;
            Some((day_of(item)?, Summary::decode(totals.as_ref())?))
        };
        Ok(page.items.iter().filter_map(day).collect())
    }

    /// The newest incidents, at most `count`, newest first.
    ///
    /// # Errors
    /// When the table does not answer.
    pub async fn incidents(&self, count: u16) -> Result<Vec<Incident>, RunTableError> {
        let request = self
            .client
            .query()
            .table_name(&self.table)
            .key_condition_expression("pk = :pk")
            .expression_attribute_values(":pk", text(INCIDENTS))
            .scan_index_forward(false)
            .limit(i32::from(count));
        let answer = request
            .send()
            .await
            .map_err(|source| RunTableError::Incidents { source: Box::new(source) })?;
        let incident = |item: &Item| serde_json::from_str(item.get("incident")?.as_s().ok()?).ok();
        let found: Vec<Incident> = answer.items().iter().filter_map(incident).collect();
        if found.len() < answer.items().len() {
            warn!(
                left_out = answer.items().len() - found.len(),
                "Incidents of another version are left out"
            );
        }
        Ok(found)
    }

    async fn between(
        &self,
        partition: AttributeValue,
        first: AttributeValue,
        last: AttributeValue,
        start: Option<Item>,
    ) -> Result<Page, Box<SdkError<QueryError>>> {
        let request = self
            .client
            .query()
            .table_name(&self.table)
            .key_condition_expression("pk = :pk AND sk BETWEEN :first AND :last")
            .expression_attribute_values(":pk", partition)
            .expression_attribute_values(":first", first)
            .expression_attribute_values(":last", last)
            .set_exclusive_start_key(start);
        let answer = request.send().await.map_err(Box::new)?;
        let next = answer.last_evaluated_key().cloned();
        Ok(Page { items: answer.items.unwrap_or_default(), next })
    }

    async fn batch(&self, mut keys: Vec<Item>) -> Result<Vec<Item>, RunTableError> {
        let mut items = Vec::new();
        for _ in 0..TRIES {
            let wanted = KeysAndAttributes::builder().set_keys(Some(keys)).build();
            let wanted = wanted.expect("the keys are set");
            let request = self.client.batch_get_item().request_items(&self.table, wanted);
            let answer = request
                .send()
                .await
                .map_err(|source| RunTableError::Recent { source: Box::new(source) })?;
            items.extend(answer.responses.unwrap_or_default().into_values().flatten());
            let left = answer.unprocessed_keys.unwrap_or_default().into_values().next();
            keys = left.map(|left| left.keys).unwrap_or_default();
            if keys.is_empty() {
                return Ok(items);
            }
        }
        Err(RunTableError::Throttled)
    }
}

/// One answer of a query.
struct Page {
    items: Vec<Item>,
    next: Option<Item>,
}
