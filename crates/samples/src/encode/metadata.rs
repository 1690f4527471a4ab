//! Metadata over remote write 1.0, which has its own field of the request.

use prost::Message as _;

use crate::wire::v1;
use crate::{Metadata, MetricKind, Series};

/// The body of a remote write 1.0 request that has only the metadata of these series' families.
#[must_use]
pub fn encode_metadata(families: &[(&Series, &Metadata)]) -> Vec<u8> {
    let metadata = families.iter().map(|(series, metadata)| v1::MetricMetadata {
        r#type: metadata.kind as i32,
        metric_family_name: family_name(series, metadata).to_owned(),
        help: metadata.help.clone(),
        unit: metadata.unit.clone(),
    });
    let request = v1::WriteRequest { timeseries: Vec::new(), metadata: metadata.collect() };
    // Fails only beyond 4 GiB.
    snap::raw::Encoder::new().compress_vec(&request.encode_to_vec()).unwrap_or_default()
}

/// The family of a series. If it is unknown, the name without the suffixes that the samples of its type have.
#[must_use]
pub fn family_name<'a>(series: &'a Series, metadata: &'a Metadata) -> &'a str {
    if !metadata.family.is_empty() {
        return &metadata.family;
    }
    let sample = series.name();
    let suffixes: &[&str] = match metadata.kind {
        MetricKind::Histogram => &["_bucket", "_sum", "_count"],
        MetricKind::GaugeHistogram => &["_bucket", "_gsum", "_gcount"],
        MetricKind::Summary => &["_sum", "_count"],
        _ => &[],
    };
    suffixes.iter().find_map(|suffix| sample.strip_suffix(suffix)).unwrap_or(sample)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn family_name_has_no_suffix_of_its_type() {
        let cases = [
            ("wait_bucket", MetricKind::Histogram, "wait"),
            ("wait_sum", MetricKind::Summary, "wait"),
            ("wait_gcount", MetricKind::GaugeHistogram, "wait"),
            ("wait_bucket", MetricKind::Gauge, "wait_bucket"),
            ("requests_total", MetricKind::Counter, "requests_total"),
        ];
        for (sample, kind, expected) in cases {
            let series = Series::new(sample, []).unwrap();
            let metadata = Metadata { kind, ..Metadata::default() };
            assert_eq!(family_name(&series, &metadata), expected, "{sample} {kind:?}");
            let metadata = Metadata { family: "declared".to_owned(), ..metadata };
            assert_eq!(family_name(&series, &metadata), "declared");
        }
    }

    #[test]
    fn body_has_the_metadata_of_each_family() {
        let series = Series::new("wait_sum", []).unwrap();
        let (kind, help) = (MetricKind::Summary, "Time in the queue.".to_owned());
        let metadata = Metadata { kind, help, unit: "seconds".to_owned(), ..Metadata::default() };
        let body = encode_metadata(&[(&series, &metadata)]);
        let plain = snap::raw::Decoder::new().decompress_vec(&body).unwrap();
        let request = v1::WriteRequest::decode(plain.as_slice()).unwrap();
        let [found] = &request.metadata[..] else { panic!("{request:?}") };
        assert_eq!((found.metric_family_name.as_str(), found.r#type), ("wait", 5));
        assert_eq!((found.help.as_str(), found.unit.as_str()), ("Time in the queue.", "seconds"));
    }
}
