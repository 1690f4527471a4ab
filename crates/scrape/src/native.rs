//! Native histograms in the form of remote write.

use exposition::protobuf::{NativeHistogram, Span};
use samples::wire::v2::BucketSpan;
use samples::wire::v2::histogram::{Count, ZeroCount};
use samples::{Histogram, Timestamp};

/// The reset hint of a gauge histogram.
const GAUGE: i32 = 3;

/// The histogram with the time of its sample.
pub(crate) fn native_at(native: &NativeHistogram, at: Timestamp) -> Histogram {
    let (count, zero_count) = if native.is_float {
        (Count::Float(native.count_float), ZeroCount::Float(native.zero_count_float))
    } else {
        (Count::Int(native.count), ZeroCount::Int(native.zero_count))
    };
    let mut histogram = Histogram {
        count: Some(count),
        sum: native.sum,
        schema: native.schema,
        zero_threshold: native.zero_threshold,
        zero_count: Some(zero_count),
        negative_spans: spans(&native.negative_spans),
        positive_spans: spans(&native.positive_spans),
        reset_hint: if native.is_gauge { GAUGE } else { 0 },
        timestamp: at.as_millis(),
        start_timestamp: native.start_ms.unwrap_or(0),
        ..Histogram::default()
    };
    if native.is_float {
        histogram.negative_counts.clone_from(&native.negative_counts);
        histogram.positive_counts.clone_from(&native.positive_counts);
    } else {
        histogram.negative_deltas.clone_from(&native.negative_deltas);
        histogram.positive_deltas.clone_from(&native.positive_deltas);
    }
    histogram
}

fn spans(spans: &[Span]) -> Vec<BucketSpan> {
    spans.iter().map(|span| BucketSpan { offset: span.offset, length: span.length }).collect()
}
