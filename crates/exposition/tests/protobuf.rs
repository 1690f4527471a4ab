//! Protobuf exposition becomes OpenMetrics text and native histograms.
#![allow(
    clippy::unwrap_used,
    reason = "a test may fail loudly; clippy knows only functions marked as tests"
)]

use exposition::protobuf::{Converted, Histograms, ProtobufError, Span, convert};
use exposition::{Format, Line, Reader};
use proptest::prelude::*;

const LIMIT: usize = 1 << 20;

/// A field with bytes: a text or a message.
fn bytes(number: u32, content: &[u8]) -> Vec<u8> {
    let mut field = varint(u64::from(number << 3 | 2));
    field.extend(varint(content.len() as u64));
    field.extend(content);
    field
}

fn int(number: u32, value: u64) -> Vec<u8> {
    [varint(u64::from(number << 3)), varint(value)].concat()
}

fn sint(number: u32, value: i64) -> Vec<u8> {
    int(number, (value << 1 ^ value >> 63).cast_unsigned())
}

fn double(number: u32, value: f64) -> Vec<u8> {
    [varint(u64::from(number << 3 | 1)), value.to_le_bytes().to_vec()].concat()
}

fn varint(mut value: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while 0x80 <= value {
        bytes.push(value.to_le_bytes()[0] | 0x80);
        value >>= 7;
    }
    bytes.push(value.to_le_bytes()[0]);
    bytes
}

fn label(name: &str, value: &str) -> Vec<u8> {
    bytes(1, &[bytes(1, name.as_bytes()), bytes(2, value.as_bytes())].concat())
}

fn exemplar(number: u32, trace: &str, value: f64, seconds: u64) -> Vec<u8> {
    let time = bytes(3, &[int(1, seconds), int(2, 500_000_000)].concat());
    bytes(number, &[label("trace", trace), double(2, value), time].concat())
}

/// A page with one family of one metric.
fn page(name: &str, kind: u64, metric: &[u8]) -> Vec<u8> {
    let family =
        [bytes(1, name.as_bytes()), bytes(2, b"Some \"help\".\n"), int(3, kind), bytes(4, metric)]
            .concat();
    [varint(family.len() as u64), family].concat()
}

fn native() -> Vec<u8> {
    let span = bytes(12, &[sint(1, -2), int(2, 2)].concat());
    let more = bytes(12, &[sint(1, 3), int(2, 1)].concat());
    let deltas = bytes(13, &[varint(4), varint(1), varint(6)].concat());
    let bucket =
        bytes(3, &[int(1, 5), double(2, 1.5), exemplar(3, "a", 1.0, 1_700_000_000)].concat());
    let created = bytes(15, &[int(1, 1_600_000_000)].concat());
    let newer = exemplar(16, "b", 2.0, 1_700_000_001);
    let parts = [int(1, 8), double(2, 9.5), sint(5, 3), double(6, 0.001), int(7, 1)];
    [parts.concat(), span, more, deltas, bucket, created, newer].concat()
}

fn text(body: &[u8], histograms: Histograms) -> String {
    let head = "# HELP a Some \\\"help\\\".\\n\n";
    convert(body, histograms, LIMIT).unwrap().text.replace(head, "").replace("# EOF\n", "")
}

#[test]
fn classic_metrics_become_lines_of_open_metrics() {
    let counter = bytes(3, &[double(1, 3.0), exemplar(2, "x", 0.5, 1_700_000_000)].concat());
    let quantile = bytes(3, &[double(1, 0.5), double(2, f64::NAN)].concat());
    let summary = bytes(4, &[int(1, 2), double(2, 3.5), quantile].concat());
    let bucket = |count, bound| bytes(3, &[int(1, count), double(2, bound)].concat());
    let histogram =
        bytes(7, &[int(1, 4), double(2, 1.25), bucket(1, 0.1), bucket(3, 2.0)].concat());
    let gauge =
        [label("b", "c\"d"), bytes(2, &double(1, -1.5)), int(6, 1_700_000_000_250)].concat();
    let cases = [
        (0, counter, "# TYPE a counter\na 3 # {trace=\"x\"} 0.5 1700000000.500\n"),
        (1, gauge, "# TYPE a gauge\na{b=\"c\\\"d\"} -1.5 1700000000.250\n"),
        (2, summary, "# TYPE a summary\na_count 2\na_sum 3.5\na{quantile=\"0.5\"} NaN\n"),
        (3, bytes(5, &double(1, 7.0)), "# TYPE a unknown\na 7\n"),
        (
            4,
            histogram,
            "# TYPE a histogram\na_count 4\na_sum 1.25\na_bucket{le=\"0.1\"} 1\na_bucket{le=\"2.0\"} 3\na_bucket{le=\"+Inf\"} 4\n",
        ),
    ];
    for (kind, metric, expected) in cases {
        assert_eq!(text(&page("a", kind, &metric), Histograms::Native), expected);
    }
}

#[test]
fn start_times_are_those_of_the_lines_of_their_metric() {
    let created = |number| bytes(number, &int(1, 1_600_000_000));
    let counter = bytes(3, &[double(1, 3.0), created(3)].concat());
    let quantile = bytes(3, &[double(1, 0.5), double(2, 1.0)].concat());
    let summary = bytes(4, &[int(1, 2), double(2, 3.5), quantile, created(4)].concat());
    let histogram = bytes(7, &[int(1, 4), double(2, 1.25), created(15)].concat());
    let gauge = bytes(2, &[double(1, 1.0), created(3)].concat());
    for (kind, metric, lines) in [
        (0, counter, vec![2]),
        (2, summary, vec![2, 3, 4]),
        (4, histogram, vec![2, 3, 4]),
        (1, gauge, vec![]),
    ] {
        let page = convert(&page("a", kind, &metric), Histograms::Classic, LIMIT).unwrap();
        let expected: Vec<_> = lines.iter().map(|line| (*line, 1_600_000_000_000)).collect();
        assert_eq!(page.starts, expected, "{}", page.text);
    }
    // The start time of a metric is not that of the next one.
    let with = page("a", 0, &bytes(3, &[double(1, 3.0), created(3)].concat()));
    let without = page("b", 0, &bytes(3, &double(1, 3.0)));
    let both = convert(&[with, without].concat(), Histograms::Classic, LIMIT).unwrap();
    assert_eq!(both.starts, [(2, 1_600_000_000_000)]);
}

#[test]
fn name_outside_of_the_grammar_is_quoted() {
    let metric = [label("c d", "e"), bytes(2, &double(1, 1.0))].concat();
    let body = page("a.b", 1, &metric);
    let page = convert(&body, Histograms::Classic, LIMIT).unwrap();
    let line = page.text.lines().nth(2).unwrap();
    assert_eq!(line, "{\"a.b\",\"c d\"=\"e\"} 1");
}

#[test]
fn native_histogram_is_read_beside_or_instead_of_its_buckets() {
    let body = page("a", 4, &bytes(7, &native()));
    let classic = "a_count 8\na_sum 9.5\na_bucket{le=\"1.5\"} 5 # {trace=\"a\"} 1 1700000000.500\na_bucket{le=\"+Inf\"} 8\n";
    let native = "a 0 # {trace=\"b\"} 2 1700000001.500\n";
    let head = "# TYPE a histogram\n";
    let cases = [
        (Histograms::Classic, format!("{head}{classic}"), 0),
        (Histograms::Native, format!("{head}{native}"), 1),
        (Histograms::Both, format!("{head}{native}{classic}"), 1),
    ];
    for (histograms, expected, count) in cases {
        assert_eq!(text(&body, histograms), expected, "{histograms:?}");
        assert_eq!(convert(&body, histograms, LIMIT).unwrap().histograms.len(), count);
    }
    let Converted { histograms, .. } = convert(&body, Histograms::Native, LIMIT).unwrap();
    let (line, histogram) = &histograms[0];
    assert_eq!((*line, histogram.count, histogram.schema, histogram.zero_count), (2, 8, 3, 1));
    assert_eq!(
        histogram.positive_spans,
        [Span { offset: -2, length: 2 }, Span { offset: 3, length: 1 }]
    );
    assert_eq!(histogram.positive_deltas, [2, -1, 3]);
    assert_eq!(histogram.start_ms, Some(1_600_000_000_000));
}

#[test]
fn invalid_page_is_refused_with_a_reason() {
    let gauge = |value: &[u8]| page("a", 1, &bytes(2, value));
    let histogram = |fields: &[Vec<u8>]| page("a", 4, &bytes(7, &fields.concat()));
    let span = |length| bytes(12, &int(2, length));
    let cases = [
        (gauge(&double(1, 1.0))[..9].to_vec(), "a message of the page is cut off"),
        (vec![1, 7], "a message of the page has a field that is not valid protobuf"),
        (gauge(&int(1, 1)), "field 1 of a message has another type; expected a float of 64 bits"),
        (page("", 1, &[]), "a metric family has no name"),
        (page("\u{ff}", 9, &[]), "a message of the page has a field that is not valid protobuf"),
        (
            histogram(&[span(2), sint(13, 1)]),
            "a native histogram of `a` is not valid: its spans and its buckets differ in number",
        ),
        (
            histogram(&[span(1), sint(13, -1)]),
            "a native histogram of `a` is not valid: a bucket has a negative count",
        ),
        (
            histogram(&[span(u64::MAX)]),
            "a native histogram of `a` is not valid: it has more than 65536 buckets",
        ),
        (
            histogram(&[sint(5, 9), int(7, 1)]),
            "a native histogram of `a` is not valid: its schema is not between -4 and 8",
        ),
    ];
    for (body, expected) in cases {
        let error = convert(&body, Histograms::Native, LIMIT).unwrap_err();
        assert_eq!(error.to_string(), expected);
    }
    let error = convert(&gauge(&double(1, 1.0)), Histograms::Native, 20).unwrap_err();
    assert_eq!(error, ProtobufError::TooLarge { limit: 20 });
}

/// A page with one family, whose fields follow each other.
fn family(fields: &[Vec<u8>]) -> Vec<u8> {
    let family = fields.concat();
    [varint(family.len() as u64), family].concat()
}

#[test]
fn value_of_another_type_is_zero_as_in_prometheus() {
    let gauge = bytes(2, &double(1, 7.0));
    let cases = [
        (0, "# TYPE a counter\na 0\n"),
        (2, "# TYPE a summary\na_count 0\na_sum 0\n"),
        (3, "# TYPE a unknown\na 0\n"),
        (4, "# TYPE a histogram\na_count 0\na_sum 0\na_bucket{le=\"+Inf\"} 0\n"),
    ];
    for (kind, expected) in cases {
        assert_eq!(text(&page("a", kind, &gauge), Histograms::Native), expected);
    }
    // Without a type, a family has counters.
    let untyped = family(&[bytes(1, b"a"), bytes(4, &bytes(3, &double(1, 7.0)))]);
    assert_eq!(text(&untyped, Histograms::Native), "# TYPE a counter\na 7\n");
}

#[test]
fn family_without_metrics_is_ignored() {
    for fields in [vec![], vec![bytes(1, b"a"), int(3, 9)], vec![bytes(1, b"a"), bytes(5, b"x")]] {
        assert_eq!(text(&family(&fields), Histograms::Native), "");
    }
}

#[test]
fn unit_is_the_end_of_the_name_of_its_family() {
    let with_unit = |name: &str, kind: u64, unit: &str| {
        let fields = [bytes(1, name.as_bytes()), int(3, kind), bytes(4, &[])];
        let body = family(&[fields.concat(), bytes(5, unit.as_bytes())]);
        convert(&body, Histograms::Native, LIMIT).map(|page| page.units)
    };
    for (name, kind) in [("wait_seconds", 1), ("wait_seconds_total", 0), ("wait_seconds", 0)] {
        let units = with_unit(name, kind, "seconds").unwrap();
        assert_eq!(units, [(name.to_owned(), "seconds".to_owned())]);
    }
    for (name, kind) in [("seconds", 1), ("wait_seconds_total", 1), ("wait_bytes", 0)] {
        let error = with_unit(name, kind, "seconds").unwrap_err().to_string();
        let start = format!("the unit of `{name}` is `seconds`; expected ");
        assert!(error.starts_with(&start), "{error}");
    }
    assert_eq!(with_unit("wait", 1, "").unwrap(), []);
}

/// Clients expose empty buckets between others, and an empty span to mark a native histogram without values.
#[test]
fn empty_buckets_and_spans_are_removed_as_in_prometheus() {
    let span = |number: u32, offset: i64, length: u64| {
        bytes(number, &[sint(1, offset), int(2, length)].concat())
    };
    let deltas = |number: u32, deltas: &[i64]| -> Vec<u8> {
        deltas.iter().flat_map(|delta| sint(number, *delta)).collect()
    };
    let read = |fields: &[Vec<u8>]| {
        let body = page("a", 4, &bytes(7, &fields.concat()));
        convert(&body, Histograms::Native, LIMIT).unwrap().histograms.remove(0).1
    };
    // Counts 0 2 0 0 3 in one span, then 0 1 after a gap of 2.
    let spans = [span(12, -3, 5), span(12, 0, 0), span(12, 2, 2)].concat();
    let filled = read(&[int(1, 6), spans, deltas(13, &[0, 2, -2, 0, 3, -3, 1])]);
    let expected = [(-2, 1), (2, 1), (3, 1)].map(|(offset, length)| Span { offset, length });
    assert_eq!(
        (&filled.positive_spans[..], &filled.positive_deltas[..]),
        (&expected[..], &[2, 1, -2][..])
    );
    let empty = read(&[span(12, 0, 0), span(9, 4, 1), deltas(10, &[0])]);
    assert_eq!((empty.positive_spans.len(), empty.negative_spans.len()), (0, 0));
    assert_eq!(empty.negative_deltas, []);
    let floats = [span(9, 1, 3), double(11, 1.5), double(11, 2.5), double(11, 0.0)].concat();
    let floats = read(&[double(4, 4.0), floats]);
    assert_eq!(floats.negative_spans, [Span { offset: 1, length: 2 }]);
    assert_eq!(floats.negative_counts, [1.5, 2.5]);
}

#[test]
fn native_histogram_without_buckets_has_no_classic_series() {
    let span = bytes(12, &[sint(1, 0), int(2, 1)].concat());
    let histogram = [int(1, 2), span, sint(13, 2)].concat();
    let page = text(&page("a", 4, &bytes(7, &histogram)), Histograms::Both);
    assert_eq!(page, "# TYPE a histogram\na 0\n");
}

proptest! {
    #[test]
    fn any_bytes_are_converted_or_refused(body in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = convert(&body, Histograms::Both, LIMIT);
    }

    #[test]
    fn changed_page_gives_text_that_is_read_or_refused(
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
    ) {
        let mut body = page("a", 4, &bytes(7, &native()));
        for (at, byte) in changes {
            let at = at.index(body.len());
            body[at] = byte;
        }
        if let Ok(page) = convert(&body, Histograms::Both, LIMIT) {
            let lines: Vec<_> = Reader::new(page.text.as_bytes(), Format::OpenMetrics).collect();
            let samples = lines.iter().filter(|line| matches!(line, Ok(Line::Sample(_)))).count();
            prop_assert!(page.histograms.len() <= samples || lines.iter().any(Result::is_err));
        }
    }
}
