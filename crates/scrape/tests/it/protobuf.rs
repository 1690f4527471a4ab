//! Pages in protobuf over HTTP.

use std::time::Duration;

use axum::Router;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use prost::Message as _;
use samples::{Datum, Timestamp};
use scrape::{Histograms, Labels, Limits, Memory, Request, Scrape, client, scrape};
use url::Url;

const CONTENT_TYPE: &str =
    "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited";

/// The part of the messages that this page has.
#[derive(prost::Message)]
struct MetricFamily {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(int32, tag = "3")]
    kind: i32,
    #[prost(message, repeated, tag = "4")]
    metric: Vec<Metric>,
}

#[derive(prost::Message)]
struct Metric {
    #[prost(message, repeated, tag = "1")]
    label: Vec<LabelPair>,
    #[prost(message, optional, tag = "7")]
    histogram: Option<Histogram>,
}

#[derive(prost::Message)]
struct LabelPair {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(string, tag = "2")]
    value: String,
}

#[derive(prost::Message)]
struct Histogram {
    #[prost(uint64, tag = "1")]
    sample_count: u64,
    #[prost(double, tag = "2")]
    sample_sum: f64,
    #[prost(message, repeated, tag = "3")]
    bucket: Vec<Bucket>,
    #[prost(sint32, tag = "5")]
    schema: i32,
    #[prost(double, tag = "6")]
    zero_threshold: f64,
    #[prost(uint64, tag = "7")]
    zero_count: u64,
    #[prost(message, repeated, tag = "12")]
    positive_span: Vec<Span>,
    #[prost(sint64, repeated, packed = "false", tag = "13")]
    positive_delta: Vec<i64>,
    #[prost(message, optional, tag = "15")]
    created: Option<Time>,
}

#[derive(prost::Message)]
struct Time {
    #[prost(int64, tag = "1")]
    seconds: i64,
}

#[derive(prost::Message)]
struct Bucket {
    #[prost(uint64, tag = "1")]
    cumulative_count: u64,
    #[prost(double, tag = "2")]
    upper_bound: f64,
}

#[derive(prost::Message)]
struct Span {
    #[prost(sint32, tag = "1")]
    offset: i32,
    #[prost(uint32, tag = "2")]
    length: u32,
}

fn page() -> Vec<u8> {
    let label = LabelPair { name: "path".to_owned(), value: "/".to_owned() };
    let histogram = Histogram {
        sample_count: 3,
        sample_sum: 4.5,
        bucket: vec![Bucket { cumulative_count: 2, upper_bound: 1.0 }],
        schema: 2,
        zero_threshold: 0.001,
        zero_count: 1,
        positive_span: vec![Span { offset: -1, length: 2 }],
        positive_delta: vec![1, 0],
        created: Some(Time { seconds: 1_700_000_000 }),
    };
    let metric = Metric { label: vec![label], histogram: Some(histogram) };
    let family = MetricFamily { name: "latency".to_owned(), kind: 4, metric: vec![metric] };
    family.encode_length_delimited_to_vec()
}

/// Protobuf for clients that prefer it, otherwise text.
async fn answer(headers: HeaderMap) -> Response {
    let accept = headers[header::ACCEPT].to_str().unwrap();
    if accept.starts_with("application/vnd.google.protobuf;proto=io.prometheus.client.Metric") {
        ([(header::CONTENT_TYPE, CONTENT_TYPE)], page()).into_response()
    } else {
        ([(header::CONTENT_TYPE, "text/plain")], "a 1\n").into_response()
    }
}

async fn target() -> Url {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let unasked = async || ([(header::CONTENT_TYPE, CONTENT_TYPE)], page());
    let broken = async || ([(header::CONTENT_TYPE, CONTENT_TYPE)], page()[..9].to_vec());
    let app = Router::new()
        .route("/metrics", get(answer))
        .route("/unasked", get(unasked))
        .route("/broken", get(broken));
    tokio::spawn(async move { axum::serve(listener, app).await });
    Url::parse(&url).unwrap()
}

async fn scraped(path: &str, histograms: Histograms) -> Scrape {
    let request = Request {
        url: target().await.join(path).unwrap(),
        headers: HeaderMap::new(),
        timeout: Duration::from_secs(10),
        limits: Limits::default(),
        server_name: None,
        fallback: None,
        histograms,
    };
    let labels = Labels::new("bots", "bot:80", []);
    let at = Timestamp::from_millis(1_800_000_000_000);
    scrape(&client("test").unwrap(), &request, &labels, &mut Memory::new(), at).await
}

/// Series of the page, without `up` and the like.
fn series(scrape: &Scrape) -> Vec<String> {
    let own = scrape.entries.len() - 5;
    let text = |entry: &samples::Entry| match &entry.datum {
        Datum::Sample(sample) => match sample.start() {
            Some(start) => {
                format!("{} {} since {}", entry.series, sample.value, start.as_millis())
            }
            None => format!("{} {}", entry.series, sample.value),
        },
        Datum::Histogram(histogram) => format!("{} sum {}", entry.series, histogram.sum),
    };
    scrape.entries[..own].iter().map(text).collect()
}

#[tokio::test]
async fn protobuf_is_requested_for_native_histograms_only() {
    let all = "instance=\"bot:80\",job=\"bots\"";
    let classic = [
        format!("latency_count{{{all},path=\"/\"}} 3 since 1700000000000"),
        format!("latency_sum{{{all},path=\"/\"}} 4.5 since 1700000000000"),
        format!("latency_bucket{{{all},le=\"1.0\",path=\"/\"}} 2 since 1700000000000"),
        format!("latency_bucket{{{all},le=\"+Inf\",path=\"/\"}} 3 since 1700000000000"),
    ];
    let native = format!("latency{{{all},path=\"/\"}} sum 4.5");
    let both: Vec<String> = std::iter::once(native.clone()).chain(classic.clone()).collect();
    let cases = [
        ("/metrics", Histograms::Classic, vec![format!("a{{{all}}} 1")]),
        ("/metrics", Histograms::Native, vec![native]),
        ("/metrics", Histograms::Both, both),
        ("/unasked", Histograms::Classic, classic.to_vec()),
    ];
    for (path, histograms, expected) in cases {
        let scrape = scraped(path, histograms).await;
        assert!(scrape.error.is_none(), "{:?}", scrape.error);
        assert_eq!(series(&scrape), expected, "{path} {histograms:?}");
    }
}

#[tokio::test]
async fn native_histogram_has_the_time_of_the_scrape() {
    let scrape = scraped("/metrics", Histograms::Native).await;
    let Datum::Histogram(histogram) = &scrape.entries[0].datum else { panic!("{scrape:?}") };
    assert_eq!((histogram.timestamp, histogram.schema), (1_800_000_000_000, 2));
    assert_eq!(histogram.start_timestamp, 1_700_000_000_000);
    assert_eq!(histogram.positive_spans[0].offset, -1);
    assert_eq!(histogram.positive_deltas, [1, 0]);
}

#[tokio::test]
async fn broken_protobuf_is_down() {
    let scrape = scraped("/broken", Histograms::Native).await;
    let error = scrape.error.as_ref().and_then(std::error::Error::source).unwrap();
    assert_eq!(error.to_string(), "the page is not valid protobuf exposition");
    assert_eq!(series(&scrape), Vec::<String>::new());
}
