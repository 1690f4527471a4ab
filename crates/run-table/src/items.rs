//! Keys and attributes of the items.

use std::collections::HashMap;
use std::time::Duration;

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use domain::{LocationName, ProbeName};
use jiff::Timestamp;
use run_record::time::{hour_of, start_of_day};
use run_record::{LocatedRun, RunRecord, packed};

use crate::KEPT;

/// The period of an item.
pub const BUCKET: Duration = Duration::from_secs(600);
/// Every incident is in one partition.
pub(crate) const INCIDENTS: &str = "incidents";
/// What the name of a run's attribute begins with.
const RUN: char = 'r';
/// Between the time and the location in it.
const AT: char = '@';

pub(crate) type Item = HashMap<String, AttributeValue>;

pub(crate) fn text(text: impl Into<String>) -> AttributeValue {
    AttributeValue::S(text.into())
}

pub(crate) fn binary(bytes: Vec<u8>) -> AttributeValue {
    AttributeValue::B(Blob::new(bytes))
}

/// When an item about `at` is deleted.
pub(crate) fn expiry(at: Timestamp) -> AttributeValue {
    let kept = i64::try_from(KEPT.as_secs()).unwrap_or(i64::MAX);
    AttributeValue::N(at.as_second().saturating_add(kept).to_string())
}

/// The partition of a probe.
pub(crate) fn partition(probe: &ProbeName) -> AttributeValue {
    text(format!("history#{probe}"))
}

/// The sort key of the item with the runs around `at`. Keys sort by time.
pub(crate) fn runs_key(at: Timestamp) -> AttributeValue {
    text(format!("runs#{}", bucket(at).strftime("%Y-%m-%dT%H:%M")))
}

/// The sort key of the totals of a day.
pub(crate) fn day_key(day: i64) -> AttributeValue {
    let start = start_of_day(day).unwrap_or_default();
    text(format!("day#{}", start.strftime("%Y-%m-%d")))
}

fn bucket(at: Timestamp) -> Timestamp {
    let length = i64::try_from(BUCKET.as_secs()).unwrap_or(600);
    Timestamp::from_second(at.as_second().div_euclid(length) * length).unwrap_or(at)
}

/// The name of a run's attribute within its item: short, since names are paid for.
pub(crate) fn run_name(due: Timestamp, location: Option<&LocationName>) -> String {
    let offset = due.as_millisecond() - bucket(due).as_millisecond();
    match location {
        Some(location) => format!("{RUN}{}{AT}{location}", offset / 1_000),
        None => format!("{RUN}{}", offset / 1_000),
    }
}

pub(crate) fn run_value(run: &RunRecord) -> AttributeValue {
    binary(packed::encode(hour_of(run.due), std::slice::from_ref(run)))
}

/// The runs of an item, in no order. What another version wrote is left out.
pub(crate) fn runs(item: &Item) -> Vec<LocatedRun> {
    let Some(start) = start_of(item) else { return Vec::new() };
    let hour = hour_of(start);
    let run = |(name, value): (&String, &AttributeValue)| {
        let rest = name.strip_prefix(RUN)?;
        let location = rest.split_once(AT).map(|(_, location)| location.parse());
        let [record] = packed::decode(hour, value.as_b().ok()?.as_ref())?[..] else { return None };
        Some(LocatedRun { location: location.transpose().ok()?, record })
    };
    item.iter().filter_map(run).collect()
}

fn start_of(item: &Item) -> Option<Timestamp> {
    let minute = item.get("sk")?.as_s().ok()?.strip_prefix("runs#")?;
    format!("{minute}:00Z").parse().ok()
}

/// The probe of an item.
pub(crate) fn probe_of(item: &Item) -> Option<ProbeName> {
    item.get("pk")?.as_s().ok()?.strip_prefix("history#")?.parse().ok()
}

/// The day of an item of totals.
pub(crate) fn day_of(item: &Item) -> Option<i64> {
    let date = item.get("sk")?.as_s().ok()?.strip_prefix("day#")?;
    let start: Timestamp = format!("{date}T00:00:00Z").parse().ok()?;
    Some(run_record::time::day_of(start))
}
