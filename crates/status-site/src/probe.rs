//! The pages of a probe.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::ops::Range as Days;
use std::sync::Arc;

use domain::Probe;
use jiff::Timestamp;
use run_record::time::{HOUR_MS, day_of, start_of_day};
use run_record::{Incident, LocatedRun, RunRecord, Snapshot, Summary, merged};
use status_page::badge::{Badge, badge};
use status_page::model::{LocationRow, Range};
use status_page::views::{Views, last_judged, locations, report_path};
use status_page::{Site, api};

use crate::objects::{HTML, SVG};
use crate::schedule::{Due, Shown};
use crate::{SiteError, StatusSite};

/// Days on the page.
const DAYS: i64 = 90;
/// Days before today whose runs are read for the page of a probe, and for the page of seven days.
const SHORT: i64 = 1;
const LONG: i64 = 7;
/// The most days without totals that are made up for at once.
const MADE_UP: i64 = 7;
/// Runs of a day may be stored this long after its end.
const SETTLED: i64 = HOUR_MS;

impl StatusSite {
    /// Makes and writes the pages of a probe.
    pub(crate) async fn refresh(
        &self,
        probe: &Arc<Probe>,
        due: Due,
        incidents: &[Incident],
        site: &Site,
    ) -> Result<Shown, SiteError> {
        let name = &probe.name;
        let (source, located) = self.snapshot(probe, due, incidents, site.now).await?;
        let locations = locations(probe, &located, site.now);
        let probes = BTreeMap::from([(name.clone(), Arc::clone(probe))]);
        let latest = BTreeMap::new();
        let views = Views { source: &source, probes: &probes, latest: &latest, now: site.now };
        self.write_probe(&views, probe, &locations, due, site).await?;
        let Ok(summary) = views.summary(probe);
        let Ok(last) = run_record::RunSource::last_runs(&source, name, 5);
        Ok(Shown { summary, last: last_judged(last.iter()), at: site.now })
    }

    async fn write_probe(
        &self,
        views: &Views<'_, Snapshot>,
        probe: &Probe,
        locations: &[LocationRow],
        due: Due,
        site: &Site,
    ) -> Result<(), SiteError> {
        let name = &probe.name;
        for range in Range::ALL.into_iter().filter(|range| due.periods || *range == Range::Day) {
            let Ok(page) = views.probe(name, range);
            let Some(mut page) = page else { continue };
            page.locations = locations.to_vec();
            let html = status_page::probe(site, &page);
            if range == Range::Day {
                self.objects.put(&format!("probes/{name}"), HTML, html).await?;
                let detail = api::probe_detail(site, &page);
                self.objects.put_json(&format!("api/v1/probes/{name}"), &detail).await?;
            } else {
                let key = format!("probes/{name}/{}", range.as_str());
                self.objects.put(&key, HTML, html).await?;
            }
        }
        let summary: Result<_, Infallible> = views.summary(probe);
        let Ok(summary) = summary;
        for kind in Badge::ALL.into_iter().filter(|kind| due.periods || *kind == Badge::State) {
            let key = format!("badge/{name}/{}.svg", kind.as_str());
            self.objects.put(&key, SVG, badge(&summary, kind, site.language)).await?;
        }
        Ok(())
    }

    /// What the pages of a probe need, and the runs of each location.
    async fn snapshot(
        &self,
        probe: &Probe,
        due: Due,
        incidents: &[Incident],
        now: Timestamp,
    ) -> Result<(Snapshot, Vec<LocatedRun>), SiteError> {
        let today = day_of(now);
        let first = today - if due.periods { LONG } else { SHORT };
        let located = self.table.runs(&probe.name, start(first), now).await?;
        let runs = self.merged(probe, &located);
        let mut days = self.table.days(&probe.name, today - DAYS, today - 1).await?;
        self.add_recent(probe, &mut days, &runs, first..today, now).await?;
        self.make_up(probe, &mut days, today - DAYS..first).await?;
        let incidents = incidents.iter().filter(|one| one.what.probe == probe.name).cloned();
        Ok((Snapshot::new(days, runs, first, incidents.collect()), located))
    }

    async fn runs(
        &self,
        probe: &Probe,
        since: Timestamp,
        until: Timestamp,
    ) -> Result<Vec<RunRecord>, SiteError> {
        Ok(self.merged(probe, &self.table.runs(&probe.name, since, until).await?))
    }

    /// The runs of all locations as the alarm of the probe sees them.
    fn merged(&self, probe: &Probe, located: &[LocatedRun]) -> Vec<RunRecord> {
        self.with_reports(probe, merged(located, probe.every, probe.alarm.locations))
    }

    /// Only reports of runs that opened an incident have a page.
    pub(crate) fn with_reports(&self, probe: &Probe, mut runs: Vec<RunRecord>) -> Vec<RunRecord> {
        for run in runs.iter_mut().filter(|run| run.has_report) {
            let path = report_path(&probe.name, run.due);
            run.has_report = self.objects.contains(path.trim_start_matches('/'));
        }
        runs
    }

    /// Stores the totals of the days in `range`, whose runs are known, when they are over.
    async fn add_recent(
        &self,
        probe: &Probe,
        days: &mut BTreeMap<i64, Summary>,
        runs: &[RunRecord],
        range: Days<i64>,
        now: Timestamp,
    ) -> Result<(), SiteError> {
        for day in range {
            let is_over = start(day + 1).as_millisecond() + SETTLED <= now.as_millisecond();
            if is_over && !days.contains_key(&day) {
                let of_day = runs.iter().filter(|run| day_of(run.due) == day);
                let totals = Summary::of(of_day);
                self.table.put_day(&probe.name, day, &totals).await?;
                days.insert(day, totals);
            }
        }
        Ok(())
    }

    /// Stores the totals of some earlier days that have none, such as those before the page was switched on.
    async fn make_up(
        &self,
        probe: &Probe,
        days: &mut BTreeMap<i64, Summary>,
        range: Days<i64>,
    ) -> Result<(), SiteError> {
        let Some(first) = range.clone().find(|day| !days.contains_key(day)) else { return Ok(()) };
        let end = (first + MADE_UP).min(range.end);
        let until = Timestamp::from_millisecond(start(end).as_millisecond() - 1);
        let runs = self.runs(probe, start(first), until.unwrap_or(start(end))).await?;
        self.add_recent(probe, days, &runs, first..end, start(end + 2)).await
    }
}

fn start(day: i64) -> Timestamp {
    start_of_day(day).unwrap_or_default()
}
