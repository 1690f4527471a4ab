//! Finds the report of the run that raised an alarm.
//!
//! The keys of reports are in the order of the due times, so one listing has the runs around the change of the alarm.
//! The newest report would be the wrong one: a later run may have failed for another reason, or have been slow.

use std::time::Duration;

use aws_sdk_s3::error::SdkError;
use aws_sdk_s3::operation::get_object::GetObjectError;
use aws_sdk_s3::operation::list_objects_v2::ListObjectsV2Error;
use aws_sdk_s3::primitives::ByteStreamError;
use domain::report::{self, Report};
use domain::{Outcome, ProbeName};
use jiff::Timestamp;
use lambda_kit::chain;
use notify::AlarmRecord;
use notify::alert::{State, Subject};

/// The largest report that is read.
const LARGEST_REPORT: i64 = 4 * 1024 * 1024;
/// The most reports that are read for one alarm.
const MOST_READ: usize = 8;
/// The most pages of 1,000 keys that are listed.
const MOST_PAGES: usize = 4;
/// What an alarm looks back by if its sender does not say: the long window of an error budget, with some time to spare.
const DEFAULT_LOOK_BACK: u64 = 2 * 3_600;
/// The longest that CloudWatch allows.
const LONGEST_LOOK_BACK: u64 = 7 * 86_400;
/// The longest from the end of a run until CloudWatch evaluates it.
const EVALUATED_WITHIN: Duration = Duration::from_secs(180);

/// Reads the bucket of reports.
pub(crate) struct Reports<'a> {
    pub(crate) s3: &'a aws_sdk_s3::Client,
    pub(crate) bucket: &'a str,
}

/// Why a report is missing. The mail is sent without it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReportError {
    #[error("could not list `{folder}`")]
    List { folder: String, source: Box<SdkError<ListObjectsV2Error>> },
    #[error("could not read `{key}`")]
    Get { key: String, source: Box<SdkError<GetObjectError>> },
    #[error("could not download `{key}`")]
    Body { key: String, source: ByteStreamError },
    #[error("`{key}` has {size} bytes; at most {LARGEST_REPORT} are read")]
    TooLarge { key: String, size: i64 },
    #[error("`{key}` is not a report")]
    Json { key: String, source: serde_json::Error },
    #[error("`{key}` has version {version}; expected {expected}", expected = report::VERSION)]
    Version { key: String, version: u32 },
}

impl Reports<'_> {
    /// The last run of the incident that had ended when the alarm rose, or else the first one after that.
    pub(crate) async fn find(
        &self,
        probe: &ProbeName,
        record: &AlarmRecord,
    ) -> Result<Option<Report>, ReportError> {
        let raised = raised(record);
        let keys = self.keys(probe, listed_from(record)).await?;
        let mut later: Option<Report> = None;
        for key in nearest(&keys, &Report::key_at(probe, raised)).take(MOST_READ) {
            let Some(report) = self.of_incident(key, record).await else { continue };
            if ended(&report) <= raised {
                return Ok(Some(report));
            }
            if later.as_ref().is_none_or(|later| report.due < later.due) {
                later = Some(report);
            }
        }
        Ok(later)
    }

    /// The report at `key`, if it can be read and belongs to the incident.
    async fn of_incident(&self, key: &str, record: &AlarmRecord) -> Option<Report> {
        match self.read(key.to_owned()).await {
            Ok(report) => fits(&report, record).then_some(report),
            Err(error) => {
                tracing::warn!(error = chain(&error), "Report could not be read");
                None
            }
        }
    }

    /// The keys of the reports of runs that were due at `from` or later, in their order.
    async fn keys(&self, probe: &ProbeName, from: Timestamp) -> Result<Vec<String>, ReportError> {
        let folder = Report::folder(probe);
        let list = self.s3.list_objects_v2().bucket(self.bucket).prefix(&folder);
        let mut pages = list.start_after(Report::key_at(probe, from)).into_paginator().send();
        let mut keys = Vec::new();
        for _ in 0..MOST_PAGES {
            let Some(page) = pages.next().await else { break };
            let failed = |source| ReportError::List { folder: folder.clone(), source };
            let page = page.map_err(|source| failed(Box::new(source)))?;
            let listed = page.contents().iter().filter_map(|object| object.key());
            keys.extend(listed.filter(|key| is_report(key, &folder)).map(str::to_owned));
        }
        Ok(keys)
    }

    async fn read(&self, key: String) -> Result<Report, ReportError> {
        let object = self.s3.get_object().bucket(self.bucket).key(&key).send().await;
        let object = match object {
            Ok(object) => object,
            Err(source) => return Err(ReportError::Get { key, source: Box::new(source) }),
        };
        let size = object.content_length().unwrap_or(0);
        if LARGEST_REPORT < size {
            return Err(ReportError::TooLarge { key, size });
        }
        let body = match object.body.collect().await {
            Ok(body) => body.to_vec(),
            Err(source) => return Err(ReportError::Body { key, source }),
        };
        let report: Report = match serde_json::from_slice(&body) {
            Ok(report) => report,
            Err(source) => return Err(ReportError::Json { key, source }),
        };
        if report.version == report::VERSION {
            Ok(report)
        } else {
            Err(ReportError::Version { key, version: report.version })
        }
    }
}

/// Beside each report there is its page, and one object is a copy of the newest report.
fn is_report(key: &str, folder: &str) -> bool {
    let name = key.strip_prefix(folder).and_then(|name| name.strip_suffix(".json"));
    name.is_some_and(|name| name.starts_with(|first: char| first.is_ascii_digit()))
}

/// The keys of runs due at the change or before it, newest first, then the later ones, oldest first.
fn nearest<'a>(keys: &'a [String], change: &str) -> impl Iterator<Item = &'a str> {
    let split =
        keys.partition_point(|key| key.get(..change.len()).is_some_and(|due| due <= change));
    let (before, after) = keys.split_at(split);
    before.iter().rev().chain(after).map(String::as_str)
}

/// When the alarm rose. For one that is `OK` again this is the start of the incident.
fn raised(record: &AlarmRecord) -> Timestamp {
    let alert = &record.alert;
    match (alert.state, record.incident) {
        (State::Ok, Some(incident)) => incident.since,
        _ => alert.changed,
    }
}

/// The evaluated period, and as much before it: a run ends after its due time, and is evaluated after its end.
fn listed_from(record: &AlarmRecord) -> Timestamp {
    let back = record.alert.looks_back_seconds.unwrap_or(DEFAULT_LOOK_BACK).min(LONGEST_LOOK_BACK);
    let back = 2 * Duration::from_secs(back) + EVALUATED_WITHIN;
    let raised = raised(record);
    raised.checked_sub(back).unwrap_or(raised)
}

fn ended(report: &Report) -> Timestamp {
    report.started.checked_add(report.duration).unwrap_or(report.started)
}

/// Whether a report belongs to this incident, and not to an older one.
fn fits(report: &Report, record: &AlarmRecord) -> bool {
    let alert = &record.alert;
    let began = record.incident.map_or_else(|| alert.began(), |incident| incident.began);
    let before = report.every + report.duration + EVALUATED_WITHIN;
    let recent = began.checked_sub(before).is_ok_and(|earliest| earliest <= report.due);
    let outcome = report.outcome;
    recent
        && match (&alert.subject, alert.state) {
            (_, State::InsufficientData) => matches!(outcome, Outcome::RunError { .. }),
            (Subject::Down { .. }, _) => matches!(outcome, Outcome::Down { .. }),
            (Subject::Degraded { .. }, _) => outcome == Outcome::Degraded,
            (Subject::Location { location, .. }, _) => {
                matches!(outcome, Outcome::Down { .. }) && report.location == location.as_str()
            }
            _ => true,
        }
}
