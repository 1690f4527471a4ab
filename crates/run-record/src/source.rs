//! Where pages read the history from.

use std::time::Duration;

use domain::{ProbeName, Verdict};
use jiff::Timestamp;

use crate::counts::Counts;
use crate::group::RunGroup;
use crate::incident::{Incident, IncidentId};
use crate::run::RunRecord;
use crate::summary::Summary;

/// The history that pages are made from: the `SQLite` file of `vigie serve`, or what was read from the table on AWS.
pub trait RunSource {
    type Error;

    /// Whether [`Self::runs`] has all runs since `since`. If not, charts are made from the totals of days.
    fn has_runs_since(&self, since: Timestamp) -> bool;

    /// The totals from `since` to `until`, both rounded down to the hour; the hour of `until` is included.
    ///
    /// # Errors
    /// When the history cannot be read; so for all methods.
    fn summary(
        &self,
        probe: &ProbeName,
        since: Timestamp,
        until: Timestamp,
    ) -> Result<Summary, Self::Error>;

    /// The counts of [`Self::summary`] for each of `since`, without its times.
    #[expect(clippy::missing_errors_doc, reason = "see `summary`")]
    fn counts<const N: usize>(
        &self,
        probe: &ProbeName,
        since: [Timestamp; N],
        until: Timestamp,
    ) -> Result<[Counts; N], Self::Error> {
        let mut counts = [const { Counts::EMPTY }; N];
        for (counts, since) in counts.iter_mut().zip(since) {
            *counts = self.summary(probe, since, until)?.counts;
        }
        Ok(counts)
    }

    /// The totals of each day of UTC with runs, oldest first.
    #[expect(clippy::missing_errors_doc, reason = "see `summary`")]
    fn days(
        &self,
        probe: &ProbeName,
        since: Timestamp,
        until: Timestamp,
    ) -> Result<Vec<(Timestamp, Summary)>, Self::Error>;

    /// The counts of [`Self::days`], without their times.
    #[expect(clippy::missing_errors_doc, reason = "see `summary`")]
    fn day_counts(
        &self,
        probe: &ProbeName,
        since: Timestamp,
        until: Timestamp,
    ) -> Result<Vec<(Timestamp, Counts)>, Self::Error> {
        let days = self.days(probe, since, until)?.into_iter();
        Ok(days.map(|(start, summary)| (start, summary.counts)).collect())
    }

    /// The totals of each hour with runs, oldest first.
    #[expect(clippy::missing_errors_doc, reason = "see `summary`")]
    fn hours(
        &self,
        probe: &ProbeName,
        since: Timestamp,
        until: Timestamp,
    ) -> Result<Vec<(Timestamp, Summary)>, Self::Error>;

    /// The runs that were due from `since` to `until`, both included, oldest first.
    #[expect(clippy::missing_errors_doc, reason = "see `summary`")]
    fn runs(
        &self,
        probe: &ProbeName,
        since: Timestamp,
        until: Timestamp,
    ) -> Result<Vec<RunRecord>, Self::Error>;

    /// The runs of [`Self::runs`] by steps since 1970, oldest first.
    #[expect(clippy::missing_errors_doc, reason = "see `summary`")]
    fn groups(
        &self,
        probe: &ProbeName,
        since: Timestamp,
        until: Timestamp,
        step: Duration,
    ) -> Result<Vec<RunGroup>, Self::Error> {
        Ok(RunGroup::of_each(&self.runs(probe, since, until)?, step))
    }

    /// The last `count` runs, newest first.
    #[expect(clippy::missing_errors_doc, reason = "see `summary`")]
    fn last_runs(&self, probe: &ProbeName, count: usize) -> Result<Vec<RunRecord>, Self::Error>;

    /// The due time of the first run since which every run with a verdict had this one; `None` if the last verdict is
    /// another one.
    #[expect(clippy::missing_errors_doc, reason = "see `summary`")]
    fn since(&self, probe: &ProbeName, verdict: Verdict) -> Result<Option<Timestamp>, Self::Error>;

    /// The newest incidents of a probe, or of all, in the order of [`Incident::list_order`].
    #[expect(clippy::missing_errors_doc, reason = "see `summary`")]
    fn incidents(
        &self,
        probe: Option<&ProbeName>,
        count: usize,
    ) -> Result<Vec<Incident>, Self::Error>;

    /// One incident.
    #[expect(clippy::missing_errors_doc, reason = "see `summary`")]
    fn incident(&self, id: IncidentId) -> Result<Option<Incident>, Self::Error>;
}
