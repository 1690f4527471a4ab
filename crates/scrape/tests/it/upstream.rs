//! The cases of Prometheus's compliance suite of remote write 2.0 senders (`remotewrite/sender`) that are
//! about the content of a request: a page in, the decoded request out. Cases about answers of a receiver are
//! in the tests of `remote-write`.

use std::collections::BTreeSet;
use std::time::Duration;

use exposition::Format;
use prost::Message as _;
use samples::wire::{v1, v2};
use samples::{Encoder, Entry, Protocol, Timestamp};
use scrape::{Labels, Limits, Memory, Page};

const AT: i64 = 1_800_000_000_000;

/// What a case requires, in the order: the series, as `name{labels}`, and its value.
type Values = &'static [(&'static str, f64)];

/// Name of the upstream case, page, series of the page.
const CASES: &[(&str, &str, Values)] = &[
    ("empty_scrape", "", &[]),
    ("float_value_encoding", "a 2.34567\n", &[("a{}", 2.345_67)]),
    ("integer_value_encoding", "a 42\n", &[("a{}", 42.0)]),
    ("zero_value_encoding", "a 0\n", &[("a{}", 0.0)]),
    ("negative_value_encoding", "a -42.5\n", &[("a{}", -42.5)]),
    ("positive_infinity_encoding", "a +Inf\n", &[("a{}", f64::INFINITY)]),
    ("negative_infinity_encoding", "a -Inf\n", &[("a{}", f64::NEG_INFINITY)]),
    ("nan_encoding", "a NaN\n", &[("a{}", f64::NAN)]),
    ("large_float_values", "a 1.7976931348623157e+308\n", &[("a{}", f64::MAX)]),
    ("small_float_values", "a 2.2250738585072014e-308\n", &[("a{}", f64::MIN_POSITIVE)]),
    ("scientific_notation", "a 1.23e-4\n", &[("a{}", 1.23e-4)]),
    ("precision_preservation", "a 0.1234567890123456\n", &[("a{}", 0.123_456_789_012_345_6)]),
    ("label_lexicographic_ordering", "a{z=\"1\",b=\"2\"} 1\n", &[("a{b=2,z=1}", 1.0)]),
    ("label_values_may_be_empty", "a{b=\"\",c=\"d\"} 1\n", &[("a{c=d}", 1.0)]),
    ("unicode_in_label_values", "a{b=\"日本é\"} 1\n", &[("a{b=日本é}", 1.0)]),
    ("special_chars_in_label_values", "a{b=\"x\\\"y\\\\z\\nw\"} 1\n", &[("a{b=x\"y\\z\nw}", 1.0)]),
    ("reserved_label_prefix", "a{__b=\"c\"} 1\n", &[("a{__b=c}", 1.0)]),
    ("metric_name_with_colons", "a:b:c 1\n", &[("a:b:c{}", 1.0)]),
    (
        "no_duplicate_label_names",
        "a{b=\"1\"} 1\na{b=\"2\"} 2\n",
        &[("a{b=1}", 1.0), ("a{b=2}", 2.0)],
    ),
    (
        "mixed_sample_and_histogram_families",
        "# TYPE a counter\na_total 1\n# TYPE b histogram\nb_bucket{le=\"+Inf\"} 2\nb_sum 3\nb_count 2\n",
        &[("a_total{}", 1.0), ("b_bucket{le=+Inf}", 2.0), ("b_sum{}", 3.0), ("b_count{}", 2.0)],
    ),
    (
        "complete_metric_family",
        "# TYPE a summary\na{quantile=\"0.5\"} 1\na_sum 2\na_count 3\n",
        &[("a{quantile=0.5}", 1.0), ("a_sum{}", 2.0), ("a_count{}", 3.0)],
    ),
    // A sample without a value of its own time has that of the scrape; one far ahead is not sent.
    ("timestamp_future_values", "a 1 9999999999999\nb 2\n", &[("b{}", 2.0)]),
    ("zero_timestamp", "a 1 0\n", &[("a{}", 1.0)]),
];

fn entries(page: &str) -> Vec<Entry> {
    let labels = Labels::new("test", "target:80", []);
    let page = Page::new(Format::Prometheus, page.as_bytes().to_vec());
    let at = Timestamp::from_millis(AT);
    let scrape = Memory::new().absorb(&labels, &Limits::default(), Ok(page), at, || Duration::ZERO);
    assert!(scrape.error.is_none(), "{:?}", scrape.error);
    scrape.entries
}

fn body(protocol: Protocol, entries: &[Entry]) -> Vec<u8> {
    let picked: Vec<u32> = (0..).take(entries.len()).collect();
    let mut encoder = Encoder::default();
    let body = encoder.encode(protocol, entries, &picked).body.to_vec();
    snap::raw::Decoder::new().decompress_vec(&body).unwrap()
}

fn request(page: &str) -> v2::Request {
    v2::Request::decode(body(Protocol::V2, &entries(page)).as_slice()).unwrap()
}

/// Names and values of the labels of a series.
fn labels<'r>(request: &'r v2::Request, series: &v2::TimeSeries) -> Vec<(&'r str, &'r str)> {
    let text = |index: u32| request.symbols[index as usize].as_str();
    series.labels_refs.chunks(2).map(|pair| (text(pair[0]), text(pair[1]))).collect()
}

/// The series of the page, without the labels of the target and without the series about the scrape.
fn values(request: &v2::Request) -> Vec<(String, f64)> {
    let own = request.timeseries.len() - 5;
    let each = request.timeseries[..own].iter().map(|series| {
        let mut name = "";
        let mut rest = Vec::new();
        for (label, value) in labels(request, series) {
            match label {
                "__name__" => name = value,
                "job" | "instance" => {}
                _ => rest.push(format!("{label}={value}")),
            }
        }
        (format!("{name}{{{}}}", rest.join(",")), series.samples[0].value)
    });
    each.collect()
}

#[test]
fn content_is_what_the_upstream_suite_requires() {
    for (name, page, expected) in CASES {
        let request = request(page);
        let found = values(&request);
        assert_eq!(found.len(), expected.len(), "{name}: {found:?}");
        for (found, expected) in found.iter().zip(*expected) {
            assert_eq!(found.0, expected.0, "{name}");
            let same = found.1.is_nan() && expected.1.is_nan()
                || found.1.to_bits() == expected.1.to_bits();
            assert!(same, "{name}: {found:?}");
        }
        assert_valid(name, &request);
    }
}

/// What the suite requires of every request.
fn assert_valid(name: &str, request: &v2::Request) {
    // empty_string_at_index_zero, string_deduplication
    assert_eq!(request.symbols[0], "", "{name}");
    let unique: BTreeSet<&String> = request.symbols.iter().collect();
    assert_eq!(unique.len(), request.symbols.len(), "{name}");
    for series in &request.timeseries {
        // labels_refs_even_length, labels_refs_valid_indices
        assert!(series.labels_refs.len().is_multiple_of(2), "{name}");
        let labels = labels(request, series);
        // label_lexicographic_ordering, no_duplicate_label_names
        assert!(labels.is_sorted_by(|one, next| one.0 < next.0), "{name}: {labels:?}");
        // metric_name_label_present, label_names_not_empty, job_instance_labels_present
        for label in ["__name__", "job", "instance"] {
            assert!(labels.iter().any(|(name, _)| *name == label), "{name}: {labels:?}");
        }
        assert!(labels.iter().all(|(name, value)| !name.is_empty() && !value.is_empty()), "{name}");
        // histogram_no_mixed_with_samples
        assert!(series.samples.is_empty() || series.histograms.is_empty(), "{name}");
        for sample in &series.samples {
            // timestamp_int64_milliseconds, start_timestamp_before_sample_timestamp
            assert!(sample.start_timestamp <= sample.timestamp.max(0), "{name}");
        }
    }
}

#[test]
fn metadata_is_what_the_upstream_suite_requires() {
    let page = "# HELP a_total Line one\\nline two, \\\\ and \"quotes\".\n# TYPE a_total counter\na_total 1\n\
                # TYPE b gauge\nb 2\nb{c=\"d\"} 3\n";
    let request = request(page);
    let metadata = |index: usize| request.timeseries[index].metadata.unwrap();
    let help = |index: usize| request.symbols[metadata(index).help_ref as usize].as_str();
    // metadata_type_counter, metadata_help_with_newlines, metadata_help_with_special_chars
    assert_eq!((metadata(0).r#type, help(0)), (1, "Line one\nline two, \\ and \"quotes\"."));
    // metadata_type_gauge, metadata_empty_help_allowed, metadata_consistent_across_series
    assert_eq!((metadata(1).r#type, help(1)), (2, ""));
    assert_eq!(metadata(1), metadata(2));
}

#[test]
fn large_names_and_values_are_sent_whole() {
    let (name, value) = ("n".repeat(1000), "v".repeat(10_240));
    let many: Vec<String> = (0..60).map(|number| format!("l{number:02}=\"{number}\"")).collect();
    let cases = [
        // very_long_metric_name, very_long_label_names, huge_label_values, many_labels_per_series
        (format!("{name} 1\n"), 3),
        (format!("a{{{name}=\"1\"}} 1\n"), 4),
        (format!("a{{b=\"{value}\"}} 1\n"), 4),
        (format!("a{{{}}} 1\n", many.join(",")), 63),
    ];
    for (page, count) in cases {
        let request = request(&page);
        assert_eq!(labels(&request, &request.timeseries[0]).len(), count);
        assert_valid("large", &request);
    }
}

#[test]
fn version_1_has_no_symbols_and_no_start_times() {
    // rw1_samples_encoding, rw1_labels_encoding, rw1_symbol_table_not_used, rw1_no_start_timestamp
    let body = body(Protocol::V1, &entries("a{b=\"c\"} 1\n"));
    let request = v1::WriteRequest::decode(body.as_slice()).unwrap();
    let first = &request.timeseries[0];
    assert_eq!(
        (first.samples[0].value.to_bits(), first.samples[0].timestamp),
        (1_f64.to_bits(), AT)
    );
    assert_eq!(first.labels.len(), 4);
    let as_v2 = v2::Request::decode(body.as_slice());
    assert!(as_v2.is_err() || as_v2.is_ok_and(|request| request.symbols.is_empty()));
}
