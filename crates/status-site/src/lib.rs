//! The status page of an environment on AWS: static files in a bucket.
//!
//! Every minute [`StatusSite::update`] reads the last runs and the alarm records of all probes. It writes the pages of
//! a probe when its state has changed or an incident began or ended, and otherwise every ten minutes: a write of each
//! page in each minute would cost more than the runs. Objects whose content has not changed are not written.
//!
//! An incident is what the alarms of a probe did, as the notifications reported it: one period in `ALARM`.

mod error;
mod incidents;
mod objects;
mod overview;
mod probe;
mod schedule;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use domain::{EnvironmentName, Probe, ProbeName};
use futures_util::StreamExt as _;
use futures_util::stream;
use jiff::Timestamp;
use notification_store::NotificationStore;
use run_record::{Incident, IncidentId, LocatedRun, merged};
use run_table::RunTable;
use status_page::{Audience, Language, Site};
use tokio::sync::Mutex;
use tokio::time::Instant;

pub use error::SiteError;
use objects::Objects;
use schedule::{Due, Shown};

/// The most incidents that are read and have pages.
const INCIDENTS: u16 = 200;
/// Probes whose pages are made at the same time.
const AT_ONCE: usize = 8;

/// What the operator chose.
#[derive(Clone, Debug)]
pub struct SiteSettings {
    pub environment: EnvironmentName,
    pub language: Language,
    pub audience: Audience,
    /// The address of the page for the feed, without a trailing slash.
    pub address: String,
    /// The bucket of the pages.
    pub bucket: String,
    /// The bucket of the reports.
    pub report_bucket: String,
}

/// The status page.
pub struct StatusSite {
    settings: SiteSettings,
    s3: aws_sdk_s3::Client,
    objects: Objects,
    table: RunTable,
    alarms: NotificationStore,
    shown: Mutex<Pages>,
}

/// What the pages show. It is lost with the execution environment and made again.
#[derive(Debug, Default)]
struct Pages {
    is_prepared: bool,
    probes: BTreeMap<ProbeName, Shown>,
    incidents: BTreeMap<IncidentId, Incident>,
    /// Incidents whose pages are to be written.
    changed: BTreeSet<IncidentId>,
}

/// The result of a minute.
#[derive(Debug, Default)]
pub struct Updated {
    /// Probes whose pages were made.
    pub probes: usize,
    /// Pages that could not be made or written. They are tried again in the next minute or in ten.
    pub failures: Vec<SiteError>,
}

impl StatusSite {
    #[must_use]
    pub fn new(
        settings: SiteSettings,
        s3: aws_sdk_s3::Client,
        table: RunTable,
        alarms: NotificationStore,
    ) -> Self {
        // The public is never given access to the folder of the internal pages.
        let folder = match settings.audience {
            Audience::Public => "public",
            Audience::Internal => "internal",
        };
        let objects = Objects::new(s3.clone(), settings.bucket.clone(), folder);
        Self { settings, s3, objects, table, alarms, shown: Mutex::default() }
    }

    /// Writes what has changed. Nothing is begun after `until`; it is made up for in the next minutes.
    pub async fn update(&self, probes: &[Probe], now: Timestamp, until: Instant) -> Updated {
        let probes: BTreeMap<ProbeName, Arc<Probe>> = self.here(probes);
        let mut shown = self.shown.lock().await;
        let mut updated = Updated::default();
        let done = self.update_all(&mut shown, &probes, now, until, &mut updated).await;
        updated.failures.extend(done.err());
        updated
    }

    /// The probes that run in this environment.
    fn here(&self, probes: &[Probe]) -> BTreeMap<ProbeName, Arc<Probe>> {
        let environment = &self.settings.environment;
        let is_here = |probe: &&Probe| {
            let named = probe.environments.as_ref();
            probe.enabled && named.is_none_or(|named| named.contains(environment))
        };
        let named = |probe: &Probe| (probe.name.clone(), Arc::new(probe.clone()));
        probes.iter().filter(is_here).map(named).collect()
    }

    async fn update_all(
        &self,
        pages: &mut Pages,
        probes: &BTreeMap<ProbeName, Arc<Probe>>,
        now: Timestamp,
        until: Instant,
        updated: &mut Updated,
    ) -> Result<(), SiteError> {
        let site = self.site(now);
        if !pages.is_prepared {
            self.prepare(pages, probes, &site).await?;
        }
        self.forget_changed(pages, probes).await?;
        let changed = self.observe(pages, probes, now).await?;
        let names: Vec<&ProbeName> = probes.keys().collect();
        let recent = self.table.recent(&names, now).await?;
        let due = due(pages, probes, &recent, &changed, now);
        let any_changed = due.iter().any(|(_, due)| due.has_changed) || !pages.changed.is_empty();
        self.refresh_all(pages, due, &site, until, updated).await;
        self.write_incidents(pages, probes, &site, until, updated).await;
        let is_complete = probes.keys().all(|name| pages.probes.contains_key(name));
        if is_complete && (any_changed || schedule::is_slot("/", now)) {
            self.write_overview(pages, probes, &site).await?;
        }
        Ok(())
    }

    /// The pages of a probe whose disclosure has changed are all written again.
    async fn forget_changed(
        &self,
        pages: &mut Pages,
        probes: &BTreeMap<ProbeName, Arc<Probe>>,
    ) -> Result<(), SiteError> {
        let before = pages.probes.len();
        pages.probes.retain(|name, shown| {
            probes.get(name).is_some_and(|probe| probe.public == shown.summary.public)
        });
        if pages.probes.len() == before {
            return Ok(());
        }
        pages.changed = pages.incidents.keys().copied().collect();
        self.remove_hidden(probes).await
    }

    /// Makes the pages of the probes in `due`.
    async fn refresh_all(
        &self,
        pages: &mut Pages,
        due: Vec<(Arc<Probe>, Due)>,
        site: &Site,
        until: Instant,
        updated: &mut Updated,
    ) {
        let incidents: Vec<Incident> = pages.incidents.values().cloned().collect();
        let (incidents, in_time) = (&incidents, |_: &(Arc<Probe>, Due)| Instant::now() < until);
        let due = stream::iter(due.into_iter().filter(in_time));
        let refreshing = due.map(async |(probe, due)| {
            let shown = Box::pin(self.refresh(&probe, due, incidents, site)).await;
            (probe.name.clone(), shown)
        });
        let mut refreshing = refreshing.buffer_unordered(AT_ONCE);
        while let Some((name, shown)) = refreshing.next().await {
            match shown {
                Ok(shown) => {
                    updated.probes += 1;
                    pages.probes.insert(name, shown);
                }
                Err(error) => updated.failures.push(error),
            }
        }
    }

    /// Deletes the pages of removed probes, and of reports that may not be shown any more.
    async fn remove_hidden(
        &self,
        probes: &BTreeMap<ProbeName, Arc<Probe>>,
    ) -> Result<(), SiteError> {
        let site = self.site(Timestamp::UNIX_EPOCH);
        let is_hidden = |name: &str, is_report: bool| {
            let probe = name.parse().ok().and_then(|name: ProbeName| probes.get(&name));
            probe.is_none_or(|probe| is_report && !site.shown(probe.public).reports())
        };
        self.objects.remove(is_hidden).await
    }

    fn site(&self, now: Timestamp) -> Site {
        let SiteSettings { environment, language, audience, address, .. } = &self.settings;
        Site {
            title: format!("Vigie {environment}"),
            language: *language,
            audience: *audience,
            now,
            address: address.clone(),
        }
    }

    /// After a start: writes the files that never change, and reads what is in the bucket and which incidents there
    /// are.
    async fn prepare(
        &self,
        pages: &mut Pages,
        probes: &BTreeMap<ProbeName, Arc<Probe>>,
        site: &Site,
    ) -> Result<(), SiteError> {
        self.objects.list().await?;
        self.remove_hidden(probes).await?;
        self.write_assets(site).await?;
        let incidents = self.table.incidents(INCIDENTS).await?;
        pages.incidents = incidents.into_iter().map(|incident| (incident.id, incident)).collect();
        // The audience, the language or what a probe discloses may have changed.
        pages.changed = pages.incidents.keys().copied().collect();
        pages.is_prepared = true;
        Ok(())
    }
}

/// The probes whose pages are due, those that changed first.
fn due(
    pages: &Pages,
    probes: &BTreeMap<ProbeName, Arc<Probe>>,
    recent: &BTreeMap<ProbeName, Vec<LocatedRun>>,
    changed: &BTreeSet<ProbeName>,
    now: Timestamp,
) -> Vec<(Arc<Probe>, Due)> {
    let one = |(name, probe): (&ProbeName, &Arc<Probe>)| {
        let runs = recent.get(name).map(Vec::as_slice).unwrap_or_default();
        let runs = merged(runs, probe.every, probe.alarm.locations);
        let shown = pages.probes.get(name);
        let due = schedule::due(probe, &runs, shown, changed.contains(name), now)?;
        Some((Arc::clone(probe), due))
    };
    let mut due: Vec<_> = probes.iter().filter_map(one).collect();
    due.sort_by_key(|(_, due)| !due.has_changed);
    due
}
