//! The numbers of the status page for the weekly mail: the totals of each day in the run history. With several
//! locations they are those of the vote, which CloudWatch does not count.

use std::collections::BTreeMap;

use domain::ProbeName;
use futures_util::StreamExt as _;
use futures_util::stream;
use jiff::Timestamp;
use lambda_kit::chain;
use notify::weekly::{BUDGET_DAYS, Counted};
use run_record::time::day_of;
use run_table::{RunTable, RunTableError};

use super::TIMEOUT;
use crate::handler::Alerts;

/// Probes that are read at the same time.
const AT_ONCE: usize = 16;

impl Alerts {
    /// Replaces the numbers of the probes that have totals for the week. If the table does not answer, all remain.
    pub(super) async fn use_history(
        &self,
        counted: &mut BTreeMap<ProbeName, Counted>,
        now: Timestamp,
    ) {
        let names: Vec<ProbeName> = counted.keys().cloned().collect();
        match tokio::time::timeout(TIMEOUT, self.totals(names, day_of(now))).await {
            Ok(Ok(found)) => {
                let known = found.into_iter().filter(|(_, totals)| 0.0 < totals.week.total);
                counted.extend(known);
            }
            Ok(Err(error)) => {
                tracing::warn!(error = chain(&error), "Run history of the week could not be read");
            }
            Err(_) => tracing::warn!("Reading the run history of the week timed out"),
        }
    }

    async fn totals(
        &self,
        names: Vec<ProbeName>,
        today: i64,
    ) -> Result<Vec<(ProbeName, Counted)>, RunTableError> {
        let table = &RunTable::new(self.clients.dynamodb.clone(), &self.config.table);
        let read = stream::iter(names).map(async |probe| {
            let days = table.days(&probe, today - BUDGET_DAYS, today - 1).await?;
            let totals = days
                .iter()
                .map(|(day, totals)| (*day, totals.counts.passed(), totals.counts.judged()));
            Ok((probe, Counted::of_days(totals, today)))
        });
        let read: Vec<Result<_, RunTableError>> = read.buffer_unordered(AT_ONCE).collect().await;
        read.into_iter().collect()
    }
}
