//! Pages in protobuf: `io.prometheus.client.MetricFamily`, with native histograms and exemplars.

use super::http_answers::{answer, gzip};

const HEADER: &str = "Content-Type: application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited\r\n";

const COUNTER: i32 = 0;
const GAUGE: i32 = 1;
const SUMMARY: i32 = 2;
const UNTYPED: i32 = 3;
const HISTOGRAM: i32 = 4;
const GAUGE_HISTOGRAM: i32 = 5;

#[derive(Clone, prost::Message)]
struct MetricFamily {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(string, tag = "2")]
    help: String,
    #[prost(int32, tag = "3")]
    kind: i32,
    #[prost(message, repeated, tag = "4")]
    metric: Vec<Metric>,
    #[prost(string, tag = "5")]
    unit: String,
}

#[derive(Clone, prost::Message)]
struct Metric {
    #[prost(message, repeated, tag = "1")]
    label: Vec<LabelPair>,
    #[prost(message, optional, tag = "2")]
    gauge: Option<Value>,
    #[prost(message, optional, tag = "3")]
    counter: Option<Value>,
    #[prost(message, optional, tag = "4")]
    summary: Option<Summary>,
    #[prost(message, optional, tag = "5")]
    untyped: Option<Value>,
    #[prost(int64, tag = "6")]
    timestamp_ms: i64,
    #[prost(message, optional, tag = "7")]
    histogram: Option<Histogram>,
}

#[derive(Clone, prost::Message)]
struct LabelPair {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(string, tag = "2")]
    value: String,
}

#[derive(Clone, prost::Message)]
struct Value {
    #[prost(double, tag = "1")]
    value: f64,
    #[prost(message, optional, tag = "2")]
    exemplar: Option<Exemplar>,
}

#[derive(Clone, prost::Message)]
struct Exemplar {
    #[prost(message, repeated, tag = "1")]
    label: Vec<LabelPair>,
    #[prost(double, tag = "2")]
    value: f64,
    #[prost(message, optional, tag = "3")]
    timestamp: Option<Time>,
}

#[derive(Clone, Copy, prost::Message)]
struct Time {
    #[prost(int64, tag = "1")]
    seconds: i64,
    #[prost(int32, tag = "2")]
    nanos: i32,
}

#[derive(Clone, prost::Message)]
struct Summary {
    #[prost(uint64, tag = "1")]
    sample_count: u64,
    #[prost(double, tag = "2")]
    sample_sum: f64,
    #[prost(message, repeated, tag = "3")]
    quantile: Vec<Quantile>,
}

#[derive(Clone, Copy, prost::Message)]
struct Quantile {
    #[prost(double, tag = "1")]
    quantile: f64,
    #[prost(double, tag = "2")]
    value: f64,
}

#[derive(Clone, prost::Message)]
struct Histogram {
    #[prost(uint64, tag = "1")]
    sample_count: u64,
    #[prost(double, tag = "2")]
    sample_sum: f64,
    #[prost(message, repeated, tag = "3")]
    bucket: Vec<Bucket>,
    #[prost(double, tag = "4")]
    sample_count_float: f64,
    #[prost(sint32, tag = "5")]
    schema: i32,
    #[prost(double, tag = "6")]
    zero_threshold: f64,
    #[prost(uint64, tag = "7")]
    zero_count: u64,
    #[prost(double, tag = "8")]
    zero_count_float: f64,
    #[prost(message, repeated, tag = "9")]
    negative_span: Vec<Span>,
    #[prost(sint64, repeated, packed = "false", tag = "10")]
    negative_delta: Vec<i64>,
    #[prost(message, repeated, tag = "12")]
    positive_span: Vec<Span>,
    #[prost(sint64, repeated, packed = "false", tag = "13")]
    positive_delta: Vec<i64>,
    #[prost(double, repeated, packed = "false", tag = "14")]
    positive_count: Vec<f64>,
    #[prost(message, repeated, tag = "16")]
    exemplars: Vec<Exemplar>,
}

#[derive(Clone, prost::Message)]
struct Bucket {
    #[prost(uint64, tag = "1")]
    cumulative_count: u64,
    #[prost(double, tag = "2")]
    upper_bound: f64,
    #[prost(message, optional, tag = "3")]
    exemplar: Option<Exemplar>,
}

#[derive(Clone, Copy, prost::Message)]
struct Span {
    #[prost(sint32, tag = "1")]
    offset: i32,
    #[prost(uint32, tag = "2")]
    length: u32,
}

/// Names and answers: the pages of a script, one after the other.
pub(crate) fn all() -> Vec<(String, Vec<Vec<u8>>)> {
    let mut all: Vec<(String, Vec<Vec<u8>>)> = Vec::new();
    let mut add = |name: &str, pages: Vec<Vec<u8>>| {
        let pages = pages.iter().map(|page| answer("200 OK", HEADER, page)).collect();
        all.push((format!("protobuf-{name}"), pages));
    };
    for (name, family) in families() {
        let page = page(&[family]);
        add(name, vec![page.clone(), Vec::new(), page]);
    }
    let native = |histogram: Histogram| page(&[histogram_family("a", histogram)]);
    add("native", vec![native(integers(3)), native(integers(5)), native(integers(9))]);
    add("native-reset", vec![native(integers(9)), native(integers(1))]);
    add("native-becomes-float", vec![native(integers(3)), native(floats())]);
    add(
        "native-becomes-classic",
        vec![native(integers(3)), native(classic()), native(integers(4))],
    );
    add(
        "native-schema-changes",
        vec![native(integers(3)), native(Histogram { schema: 0, ..integers(4) })],
    );
    let mixed = [families(), vec![("", histogram_family("native", integers(3)))]].concat();
    let mixed: Vec<MetricFamily> = (0..)
        .zip(mixed.into_iter().filter(|(name, _)| !name.contains("bad")))
        .map(|(number, (_, family))| MetricFamily { name: format!("f{number}"), ..family })
        .collect();
    add("mixed", vec![page(&mixed), page(&mixed)]);
    let whole = page(&[histogram_family("a", integers(3))]);
    add("cut-off", vec![whole.clone(), whole[..whole.len() - 3].to_vec(), whole.clone()]);
    add("empty", vec![Vec::new()]);
    let header = format!("{HEADER}Content-Encoding: gzip\r\n");
    let zipped = answer("200 OK", &header, &gzip(&whole));
    all.push(("protobuf-zipped".to_owned(), vec![zipped.clone(), zipped]));
    all
}

fn page(families: &[MetricFamily]) -> Vec<u8> {
    families.iter().flat_map(prost::Message::encode_length_delimited_to_vec).collect()
}

fn family(kind: i32, metric: Vec<Metric>) -> MetricFamily {
    let (name, help) = ("a".to_owned(), String::new());
    MetricFamily { name, help, kind, metric, unit: String::new() }
}

fn histogram_family(name: &str, histogram: Histogram) -> MetricFamily {
    let metric = Metric { histogram: Some(histogram), ..Metric::default() };
    MetricFamily { name: name.to_owned(), ..family(HISTOGRAM, vec![metric]) }
}

fn value(value: f64) -> Value {
    Value { value, exemplar: None }
}

fn label(name: &str, value: &str) -> LabelPair {
    LabelPair { name: name.to_owned(), value: value.to_owned() }
}

fn exemplar(trace: &str, value: f64, seconds: Option<i64>) -> Exemplar {
    let timestamp = seconds.map(|seconds| Time { seconds, nanos: 500_000_000 });
    Exemplar { label: vec![label("trace", trace)], value, timestamp }
}

fn families() -> Vec<(&'static str, MetricFamily)> {
    [simple_families(), histograms()].concat()
}

/// One page for each kind of a family without histograms.
fn simple_families() -> Vec<(&'static str, MetricFamily)> {
    let labels = vec![label("b", "c"), label("utf.8", "\u{e9}")];
    let counter = |exemplar| Some(Value { value: 5.0, exemplar });
    vec![
        (
            "counter",
            family(
                COUNTER,
                vec![
                    Metric { counter: counter(None), ..Metric::default() },
                    Metric { label: labels, counter: Some(value(7.0)), ..Metric::default() },
                ],
            ),
        ),
        (
            "counter-exemplar",
            family(
                COUNTER,
                vec![Metric {
                    counter: counter(Some(exemplar("one", 1.0, None))),
                    ..Metric::default()
                }],
            ),
        ),
        (
            "counter-exemplar-time",
            family(
                COUNTER,
                vec![Metric {
                    counter: counter(Some(exemplar("one", 1.0, Some(1_700_000_000)))),
                    ..Metric::default()
                }],
            ),
        ),
        ("gauge", family(GAUGE, vec![Metric { gauge: Some(value(-1.5)), ..Metric::default() }])),
        (
            "gauge-nan",
            family(GAUGE, vec![Metric { gauge: Some(value(f64::NAN)), ..Metric::default() }]),
        ),
        (
            "untyped",
            family(
                UNTYPED,
                vec![Metric { untyped: Some(value(f64::INFINITY)), ..Metric::default() }],
            ),
        ),
        (
            "summary",
            family(
                SUMMARY,
                vec![Metric {
                    summary: Some(Summary {
                        sample_count: 3,
                        sample_sum: 4.5,
                        quantile: vec![
                            Quantile { quantile: 0.5, value: 1.0 },
                            Quantile { quantile: 1.0, value: f64::NAN },
                        ],
                    }),
                    ..Metric::default()
                }],
            ),
        ),
    ]
}

/// One page for each form of a histogram.
fn histograms() -> Vec<(&'static str, MetricFamily)> {
    let one = |histogram| histogram_family("a", histogram);
    vec![
        ("classic", one(classic())),
        (
            "classic-exemplars",
            one(Histogram {
                bucket: vec![Bucket {
                    cumulative_count: 2,
                    upper_bound: 1.0,
                    exemplar: Some(exemplar("one", 0.5, Some(1_700_000_000))),
                }],
                ..classic()
            }),
        ),
        (
            "classic-with-infinity",
            one(Histogram {
                bucket: vec![
                    Bucket { cumulative_count: 2, upper_bound: 1.0, exemplar: None },
                    Bucket { cumulative_count: 3, upper_bound: f64::INFINITY, exemplar: None },
                ],
                ..classic()
            }),
        ),
        ("gauge-histogram", MetricFamily { kind: GAUGE_HISTOGRAM, ..one(classic()) }),
        ("native-integers", one(integers(3))),
        ("native-floats", one(floats())),
        ("native-gauge", MetricFamily { kind: GAUGE_HISTOGRAM, ..one(integers(3)) }),
        (
            "native-empty",
            one(Histogram {
                zero_threshold: 0.001,
                positive_span: vec![Span { offset: 0, length: 0 }],
                ..Histogram::default()
            }),
        ),
        (
            "native-negative",
            one(Histogram {
                negative_span: vec![Span { offset: 2, length: 1 }, Span { offset: 1, length: 1 }],
                negative_delta: vec![2, -1],
                sample_count: 8,
                ..integers(3)
            }),
        ),
        ("native-and-classic", one(Histogram { bucket: classic().bucket, ..integers(3) })),
        (
            "native-exemplars",
            one(Histogram {
                exemplars: vec![
                    exemplar("one", 0.5, Some(1_700_000_000)),
                    exemplar("two", 1.5, Some(1_700_000_100)),
                ],
                ..integers(3)
            }),
        ),
        ("native-bad-schema", one(Histogram { schema: 20, ..integers(3) })),
        ("native-bad-count", one(Histogram { sample_count: 1, ..integers(3) })),
    ]
}

fn classic() -> Histogram {
    Histogram {
        sample_count: 3,
        sample_sum: 4.5,
        bucket: vec![Bucket { cumulative_count: 2, upper_bound: 1.0, exemplar: None }],
        ..Histogram::default()
    }
}

/// A native histogram of integers: one in the zero bucket, `first` and one in two buckets.
fn integers(first: i64) -> Histogram {
    Histogram {
        sample_count: u64::try_from(first + 2).unwrap_or_default(),
        sample_sum: 4.5,
        schema: 2,
        zero_threshold: 0.001,
        zero_count: 1,
        positive_span: vec![Span { offset: -1, length: 2 }],
        positive_delta: vec![first, 1 - first],
        ..Histogram::default()
    }
}

fn floats() -> Histogram {
    Histogram {
        sample_count_float: 4.5,
        sample_sum: 4.5,
        schema: 2,
        zero_threshold: 0.001,
        zero_count_float: 0.5,
        positive_span: vec![Span { offset: -1, length: 2 }],
        positive_count: vec![1.5, 2.5],
        ..Histogram::default()
    }
}
