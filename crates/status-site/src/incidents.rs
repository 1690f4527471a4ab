//! Incidents: what the alarms of the probes did, by the records of the notifications.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use domain::report::{Report, VERSION, stable_hash};
use domain::{Probe, ProbeName};
use jiff::Timestamp;
use notify::AlarmRecord;
use notify::alert::Subject;
use run_record::time::day_of;
use run_record::{
    Acknowledgement, Incident, IncidentId, IncidentKind, NewIncident, Snapshot, merged,
};
use status_page::Site;
use status_page::views::{Views, report_path};
use tokio::time::Instant;
use tracing::warn;

use crate::objects::HTML;
use crate::{Pages, SiteError, StatusSite, Updated, schedule};

/// The largest report that is read, in bytes.
const LARGEST_REPORT: i64 = 4 * 1024 * 1024;

impl StatusSite {
    /// Compares the alarm records with the known incidents, stores what changed, and returns the probes concerned.
    pub(crate) async fn observe(
        &self,
        pages: &mut Pages,
        probes: &BTreeMap<ProbeName, Arc<Probe>>,
        now: Timestamp,
    ) -> Result<BTreeSet<ProbeName>, SiteError> {
        let records: Vec<AlarmRecord> =
            self.alarms.all().await?.into_iter().map(|stored| stored.record).collect();
        let mut concerned = BTreeSet::new();
        for incident in changes(&pages.incidents, &records, now) {
            let Some(probe) = probes.get(&incident.what.probe) else { continue };
            let is_new = !pages.incidents.contains_key(&incident.id);
            let incident = if is_new { self.explain(probe, incident).await } else { incident };
            self.table.put_incident(&incident).await?;
            concerned.insert(incident.what.probe.clone());
            pages.changed.insert(incident.id);
            pages.incidents.insert(incident.id, incident);
        }
        Ok(concerned)
    }

    /// With the texts of the newest report, if it is about this incident. The page of the report is written too.
    async fn explain(&self, probe: &Probe, incident: Incident) -> Incident {
        let began = incident.what.began.checked_sub(probe.every).unwrap_or(incident.what.began);
        let Some(report) = self.latest_report(&probe.name).await else { return incident };
        if report.due < began || incident.ended.is_some_and(|ended| ended <= report.due) {
            return incident;
        }
        let what = incident.what.explained_by(&report);
        let key = report_path(&probe.name, report.due);
        let may_be_shown = self.site(report.due).shown(probe.public).reports();
        if may_be_shown && what.report_due.is_some() {
            let page = report_page::render(&report);
            if let Err(error) = self.objects.put(key.trim_start_matches('/'), HTML, page).await {
                warn!(%error, probe = %probe.name, "Writing the page of a report failed");
            }
        }
        Incident { what, ..incident }
    }

    /// The newest report of a run that is not up. A page without it is better than none.
    async fn latest_report(&self, probe: &ProbeName) -> Option<Report> {
        let key = Report::latest_key(probe);
        let request = self.s3.get_object().bucket(&self.settings.report_bucket).key(&key);
        let object = request.send().await.ok()?;
        if object.content_length().is_none_or(|size| LARGEST_REPORT < size) {
            warn!(key, "Report is too large for the status page");
            return None;
        }
        let body = object.body.collect().await.ok()?.to_vec();
        let report: Report = serde_json::from_slice(&body).ok()?;
        (report.version == VERSION).then_some(report)
    }

    /// Writes the pages of incidents that changed, and every ten minutes of those that last.
    pub(crate) async fn write_incidents(
        &self,
        pages: &mut Pages,
        probes: &BTreeMap<ProbeName, Arc<Probe>>,
        site: &Site,
        until: Instant,
        updated: &mut Updated,
    ) {
        let lasting = pages.incidents.values().filter(|incident| {
            incident.ended.is_none() && schedule::is_slot(incident.what.probe.as_str(), site.now)
        });
        let due: BTreeSet<IncidentId> =
            pages.changed.iter().copied().chain(lasting.map(|incident| incident.id)).collect();
        // The newest first.
        for id in due.into_iter().rev() {
            if until <= Instant::now() {
                return;
            }
            let Some(incident) = pages.incidents.get(&id) else { continue };
            match self.write_incident(incident, probes, site).await {
                Ok(()) => drop(pages.changed.remove(&id)),
                Err(error) => updated.failures.push(error),
            }
        }
    }

    async fn write_incident(
        &self,
        incident: &Incident,
        probes: &BTreeMap<ProbeName, Arc<Probe>>,
        site: &Site,
    ) -> Result<(), SiteError> {
        let Some(probe) = probes.get(&incident.what.probe) else { return Ok(()) };
        let margin = probe.every * 6;
        let began = incident.what.began;
        let since = began.checked_sub(margin).unwrap_or(began);
        let end = incident.ended.unwrap_or(site.now);
        let until = end.checked_add(margin).unwrap_or(end);
        let runs = self.table.runs(&probe.name, since, until).await?;
        let runs = self.with_reports(probe, merged(&runs, probe.every, probe.alarm.locations));
        let known = vec![incident.clone()];
        let source = Snapshot::new(BTreeMap::new(), runs, day_of(since), known);
        let latest = BTreeMap::new();
        let views = Views { source: &source, probes, latest: &latest, now: site.now };
        let Ok(page) = views.incident(incident.id);
        match page {
            Some(page) => {
                let html = status_page::incident(site, &page);
                self.objects.put(&format!("incidents/{}", incident.id), HTML, html).await
            }
            None => Ok(()),
        }
    }
}

/// New incidents, and known ones that ended or were acknowledged.
fn changes(
    known: &BTreeMap<IncidentId, Incident>,
    records: &[AlarmRecord],
    now: Timestamp,
) -> Vec<Incident> {
    let observed: Vec<Incident> = records.iter().filter_map(observed).collect();
    let is_observed = |incident: &Incident| observed.iter().any(|one| one.id == incident.id);
    let ended = known.values().filter(|one| one.ended.is_none() && !is_observed(one));
    // Its alarm was deleted, or rose again before this was seen.
    let mut changed: Vec<Incident> =
        ended.map(|one| Incident { ended: Some(now), ..one.clone() }).collect();
    for incident in &observed {
        let Incident { id, ended, acknowledged, .. } = incident;
        match known.get(id) {
            None => changed.push(incident.clone()),
            Some(known) if known.ended != *ended || known.acknowledged != *acknowledged => {
                let (ended, acknowledged) = (*ended, acknowledged.clone());
                changed.push(Incident { ended, acknowledged, ..known.clone() });
            }
            Some(_) => {}
        }
    }
    changed
}

/// The incident of a record; `None` if it is not about a probe's verdicts, or its alarm only had no data.
fn observed(record: &AlarmRecord) -> Option<Incident> {
    let alert = &record.alert;
    let (probe, kind) = match &alert.subject {
        Subject::Down { probe } => (probe, IncidentKind::Down),
        Subject::Degraded { probe } => (probe, IncidentKind::Degraded),
        _ => return None,
    };
    let incident = record.incident.filter(|incident| incident.rose && !record.is_once())?;
    let acknowledged = record.acknowledged.clone();
    Some(Incident {
        id: id(probe, kind, incident.since),
        what: NewIncident {
            probe: probe.clone(),
            kind,
            began: incident.began,
            opened: incident.since,
            reason: None,
            detail: String::new(),
            turn: None,
            expected: None,
            found: None,
            report_due: None,
        },
        ended: (!record.is_open()).then_some(alert.changed),
        acknowledged: acknowledged.map(|one| Acknowledgement { by: one.by, at: one.at }),
    })
}

/// Ids sort by time. Two alarms that rise in one second differ in the last digits.
fn id(probe: &ProbeName, kind: IncidentKind, since: Timestamp) -> IncidentId {
    let alarm = stable_hash(&format!("{probe}/{}", kind.as_str())) % 1_000;
    IncidentId(since.as_second() * 1_000 + i64::try_from(alarm).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use notify::alert::{Alert, State};
    use std::time::Duration;

    fn at(seconds: u64) -> Timestamp {
        Timestamp::UNIX_EPOCH + Duration::from_secs(1_800_000_000 + seconds)
    }

    fn alert(state: State, seconds: u64) -> Alert {
        let subject = Subject::Down { probe: "bot".parse().unwrap() };
        Alert {
            key: "arn".to_owned(),
            looks_back_seconds: Some(180),
            ..Alert::new("vigie-prod-bot-down".to_owned(), subject, state, at(seconds))
        }
    }

    fn record(states: &[(State, u64)]) -> AlarmRecord {
        let severity = domain::Severity::Page;
        let mut record: Option<AlarmRecord> = None;
        for (state, seconds) in states {
            let alert = alert(*state, *seconds);
            let lease = Duration::from_secs(60);
            let next = AlarmRecord::observe(record.as_ref(), &alert, severity, lease, at(*seconds));
            record = next.or(record);
        }
        record.unwrap()
    }

    type Case<'a> = (&'a str, &'a [(State, u64)], Option<Option<u64>>);

    #[test]
    fn incident_begins_and_ends_with_its_alarm() {
        let (alarm, ok, none) = (State::Alarm, State::Ok, State::InsufficientData);
        let cases: [Case<'_>; 6] = [
            ("rises", &[(alarm, 300)], Some(None)),
            ("ends", &[(alarm, 300), (ok, 600)], Some(Some(600))),
            ("has no data meanwhile", &[(alarm, 300), (none, 400)], Some(None)),
            ("only has no data", &[(none, 300)], None),
            ("was always good", &[(ok, 300)], None),
            ("rises again", &[(alarm, 0), (ok, 200), (alarm, 300)], Some(None)),
        ];
        for (name, states, expected) in cases {
            let observed = observed(&record(states));
            let ended = observed.as_ref().map(|incident| incident.ended);
            assert_eq!(ended, expected.map(|ended| ended.map(at)), "{name}");
            if let Some(incident) = observed {
                assert_eq!(incident.what.opened, at(300), "{name}");
            }
        }
    }

    #[test]
    fn known_incident_changes_when_it_ends_or_is_acknowledged() {
        let open = record(&[(State::Alarm, 300)]);
        let first = changes(&BTreeMap::new(), std::slice::from_ref(&open), at(301));
        let [incident] = &first[..] else { panic!("{first:?}") };
        let explained = NewIncident { detail: "turn 2".to_owned(), ..incident.what.clone() };
        let stored = Incident { what: explained, ..incident.clone() };
        let known = BTreeMap::from([(stored.id, stored.clone())]);
        assert_eq!(changes(&known, std::slice::from_ref(&open), at(302)), []);

        let by = notify::Acknowledgement { by: "ana".to_owned(), at: at(310) };
        let acknowledged = AlarmRecord { acknowledged: Some(by), ..open };
        let changed = changes(&known, &[acknowledged], at(311));
        assert_eq!(changed[0].acknowledged.as_ref().unwrap().by, "ana");
        assert_eq!(changed[0].what, stored.what);

        let ended = record(&[(State::Alarm, 300), (State::Ok, 600)]);
        assert_eq!(changes(&known, &[ended], at(601))[0].ended, Some(at(600)));
        let deleted = changes(&known, &[], at(700));
        assert_eq!(deleted, [Incident { ended: Some(at(700)), ..stored }]);
    }
}
