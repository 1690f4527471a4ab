//! The numbers of the status page for the weekly mail: the totals of each day in the run history. With several
//! locations they are those of the vote, which CloudWatch does not count.

use std::collections::BTreeMap;

use domain::ProbeName;
use futures_util::StreamExt as _;
use futures_util::stream;
use jiff::Timestamp;
use lambda_kit::chain;
use run_record::Summary;
use run_record::time::day_of;
use run_table::{RunTable, RunTableError};

use super::{BUDGET_DAYS, Counted, Sums, TIMEOUT, WEEK_DAYS};
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
            Ok((probe, counted(&days, today - WEEK_DAYS)))
        });
        let read: Vec<Result<_, RunTableError>> = read.buffer_unordered(AT_ONCE).collect().await;
        read.into_iter().collect()
    }
}

/// `first`: the first day of the week.
fn counted(days: &BTreeMap<i64, Summary>, first: i64) -> Counted {
    let sums = |from: i64| {
        days.range(from..).fold(Sums::default(), |sums, (_, day)| Sums {
            passed: sums.passed + float(day.counts.passed()),
            total: sums.total + float(day.counts.judged()),
        })
    };
    Counted { week: sums(first), budget: sums(i64::MIN) }
}

#[expect(clippy::cast_precision_loss, reason = "counts of runs are far below 2^53")]
fn float(count: u64) -> f64 {
    count as f64
}
