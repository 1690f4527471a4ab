//! Turns a page into the samples that Prometheus would store.

use std::time::Duration;

use samples::{Entry, Sample, Timestamp};

use crate::fetch::FetchError;
use crate::memory::{Memory, NEVER, Slot};
use crate::received::Page;
use crate::result::{Counts, Scrape, ScrapeError};
use crate::target::{Labels, Limits, OWN_SERIES};
use crate::walk::Walk;

/// Series of failed pages that are remembered when there is no limit of samples.
const SERIES_OF_FAILED_PAGES: usize = 500_000;

impl Memory {
    /// Processes a fetched page. `at` is the time of the scrape; `took` is called at the end and returns
    /// how long the scrape took.
    pub fn absorb(
        &mut self,
        labels: &Labels,
        limits: &Limits,
        page: Result<Page, FetchError>,
        at: Timestamp,
        took: impl FnOnce() -> Duration,
    ) -> Scrape {
        let (page, fetch_error) = match page {
            Ok(page) => (Some(page), None),
            Err(source) => (None, Some(ScrapeError::Fetch { source })),
        };
        self.round = self.round.wrapping_add(1).max(1);
        let mut walk = Walk::new(self, labels, limits, at);
        let error = page.as_ref().and_then(|page| walk.page(page).err()).or(fetch_error);
        let Walk { mut entries, counts, order, mut changed, tracked, still_tracked, .. } = walk;
        let none_vanished = self.tracked_last.replace(tracked) == Some(still_tracked);
        let before = self.slots.len();
        if error.is_some() {
            entries.clear();
            self.roll_back(limits);
        }
        changed |= !none_vanished && self.mark_stale(at, &mut entries);
        // As in Prometheus, an empty page removes nothing from the memory.
        if error.is_none() && page.is_some_and(|page| !page.is_empty()) {
            self.settle(&order);
        }
        changed |= self.slots.len() < before;
        self.report(labels, at, took(), error.is_none(), counts, &mut entries);
        Scrape { entries, error, counts, memory_changed: changed }
    }

    /// After a failed page: nothing of it is sent, but its series are remembered.
    fn roll_back(&mut self, limits: &Limits) {
        let round = self.round;
        for (index, slot) in (0..).zip(&mut self.slots).filter(|(_, slot)| slot.seen == round) {
            slot.last_at = slot.before;
            self.exemplars.remove(&index);
        }
        // A page that always fails, with other series each time, must not fill the memory.
        let most = limits.samples.unwrap_or(SERIES_OF_FAILED_PAGES);
        if 2 * most < self.slots.len() {
            let is_recent = |(_, slot): &(u32, &Slot)| round - 1 <= slot.tracked;
            let keep: Vec<u32> =
                (0..).zip(&self.slots).filter(is_recent).map(|(index, _)| index).collect();
            self.keep(keep);
        }
    }

    /// Adds stale markers for series of the last scrape that are missing. Returns whether there are any.
    fn mark_stale(&self, at: Timestamp, entries: &mut Vec<Entry>) -> bool {
        let before = entries.len();
        let last_round = self.round - 1;
        for slot in &self.slots {
            let vanished = last_round != 0 && slot.tracked == last_round;
            if vanished
                && slot.last_at != NEVER
                && slot.last_at < at
                && let Some(series) = &slot.series
            {
                entries.push(Entry::new(series.clone(), Sample::stale(at)));
            }
        }
        before < entries.len()
    }

    fn report(
        &self,
        labels: &Labels,
        at: Timestamp,
        took: Duration,
        up: bool,
        counts: Counts,
        entries: &mut Vec<Entry>,
    ) {
        let values = [
            f64::from(u8::from(up)),
            took.as_secs_f64(),
            count(counts.scraped),
            count(counts.kept),
            count(counts.added),
        ];
        for (name, value) in OWN_SERIES.into_iter().zip(values) {
            let Ok(series) = labels.series(name) else { continue };
            // If the page has a series with this name, its value is used, as in Prometheus.
            let taken = self.find_series(&series).is_some_and(|index| {
                let slot = &self.slots[index];
                up && slot.seen == self.round && slot.last_at == at
            });
            if !taken {
                entries.push(Entry::new(series, Sample::new(value, at)));
            }
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "far fewer than 2^53 samples fit on a page")]
fn count(number: usize) -> f64 {
    number as f64
}
