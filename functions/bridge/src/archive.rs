//! Samples that are too old for the receiver, stored in the bucket as OpenMetrics.
//!
//! One object for each message, under a key that follows from the message: a second delivery replaces
//! it. These commands make Prometheus blocks of one or more objects:
//!
//! ```text
//! (find late-samples -name '*.openmetrics' | sort | xargs grep -hv '^# '; echo '# EOF') > late.openmetrics
//! promtool tsdb create-blocks-from openmetrics late.openmetrics /var/lib/prometheus
//! ```

use aws_sdk_s3::Client;
use aws_sdk_s3::primitives::ByteStream;
use exposition::{Family, Format, Kind, Point, Writer};
use samples::{Entry, NAME};

use crate::queued::{QueuedMessage, can_be_archived};

/// Why samples were not stored: their message stays in the queue.
#[derive(Debug, thiserror::Error)]
#[error("could not store samples that are too old in the bucket")]
pub(crate) struct ArchiveError(#[source] Box<dyn std::error::Error + Send + Sync>);

/// Stores the samples of `message` that are too old; returns how many the object has.
pub(crate) async fn store(
    client: &Client,
    bucket: &str,
    message: &QueuedMessage,
) -> Result<usize, ArchiveError> {
    let old: Vec<&Entry> =
        message.results.too_old.iter().map(|index| &message.entries()[*index]).collect();
    let (page, count) = page(&old);
    if count == 0 {
        return Ok(0);
    }
    let key = key(message);
    let request = client
        .put_object()
        .bucket(bucket)
        .key(&key)
        .content_type("application/openmetrics-text; version=1.0.0; charset=utf-8")
        .body(ByteStream::from(page.into_bytes()));
    request.send().await.map_err(|error| ArchiveError(error.into()))?;
    tracing::warn!(run = message.run(), key, samples = count, "Old samples archived");
    Ok(count)
}

/// `late-samples/2026/11/22/100000Z-ID.openmetrics`, which sorts by time.
fn key(message: &QueuedMessage) -> String {
    let due = message.content.as_ref().map_or(0, |content| content.due.as_millis());
    let due = jiff::Timestamp::from_millisecond(due).unwrap_or_default();
    format!("late-samples/{}-{}.openmetrics", due.strftime("%Y/%m/%d/%H%M%SZ"), message.id)
}

/// The samples by family, series and time, and how many there are. Stale markers are left out.
fn page(entries: &[&Entry]) -> (String, usize) {
    let mut entries: Vec<&Entry> =
        entries.iter().copied().filter(|entry| can_be_archived(entry)).collect();
    entries.sort_by(|a, b| a.series.cmp(&b.series).then(a.at().cmp(&b.at())));
    let mut writer = Writer::new(Format::OpenMetrics);
    let mut count = 0;
    for family in entries.chunk_by(|a, b| a.series.name() == b.series.name()) {
        let name = family[0].series.name();
        let samples = family.iter().filter_map(|entry| Some((entry, entry.sample()?)));
        let mut samples = samples.filter(|(_, sample)| !sample.is_stale()).peekable();
        // Of unknown type, so that no rule about names applies.
        let unknown = Family { name, kind: Kind::Unknown, help: "", unit: "" };
        if samples.peek().is_none() || writer.family(unknown).is_err() {
            continue;
        }
        for (entry, sample) in samples {
            let labels: Vec<(&str, &str)> =
                entry.series.labels().filter(|(name, _)| *name != NAME).collect();
            let timestamp_ms = Some(sample.at.as_millis());
            let value = sample.value;
            let point = Point { labels: &labels, value, timestamp_ms, ..Point::default() };
            match writer.point(&point) {
                Ok(()) => count += 1,
                Err(error) => tracing::warn!(%error, "Sample cannot be written as OpenMetrics"),
            }
        }
    }
    (writer.finish(), count)
}

#[cfg(test)]
mod tests {
    use samples::{Sample, Series, Timestamp};

    use super::*;

    #[test]
    fn page_is_sorted_by_series_and_time() {
        let entry = |name: &str, job: &str, at: i64, value: f64| {
            let series = Series::new(name, [("job", job)]).unwrap();
            Entry::new(series, Sample::new(value, Timestamp::from_millis(at)))
        };
        let up = Series::new("up", [("job", "b")]).unwrap();
        let entries = [
            entry("up", "b", 2_500, 1.0),
            entry("probe_success", "a", 1_000, 1.0),
            entry("up", "b", 1_000, 0.0),
            entry("up", "a", 3_000, f64::NAN),
            Entry::new(up, Sample::stale(Timestamp::from_millis(4_000))),
            entry("dotted.name", "a", 1_000, 1.0),
        ];
        let (page, count) = page(&entries.iter().collect::<Vec<_>>());
        let expected = "\
            # TYPE probe_success unknown\n\
            probe_success{job=\"a\"} 1 1\n\
            # TYPE up unknown\n\
            up{job=\"a\"} NaN 3\n\
            up{job=\"b\"} 0 1\n\
            up{job=\"b\"} 1 2.500\n\
            # EOF\n";
        assert_eq!((page.as_str(), count), (expected, 4));
    }
}
