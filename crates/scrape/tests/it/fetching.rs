//! Pages over real HTTP.

use std::collections::HashMap;
use std::io::Write as _;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use exposition::Format;
use flate2::Compression;
use flate2::write::GzEncoder;
use scrape::{FetchError, Labels, Limits, Memory, Page, Request, client, fetch, scrape};
use url::Url;

type Seen = Arc<Mutex<HashMap<String, String>>>;

/// A target with one page for each case; returns its address and the headers of the last request.
async fn target() -> (Url, Seen) {
    let seen = Seen::default();
    let app = Router::new()
        .route("/metrics/", get(page))
        .route("/metrics", get(async || Redirect::temporary("/metrics/")))
        .route("/open", get(open_metrics))
        .route("/gzip", get(async || gzip(b"a 1\n")))
        .route("/bomb", get(async || gzip(&vec![b'\n'; 20 << 20])))
        .route("/loop", get(async || Redirect::temporary("/loop")))
        .route("/away", get(async || Redirect::temporary("http://127.0.0.2:9/?token=secret")))
        .route("/broken", get(async || StatusCode::INTERNAL_SERVER_ERROR))
        .route("/created", get(async || StatusCode::CREATED))
        .route("/json", get(async || ([(header::CONTENT_TYPE, "application/json")], "a 1\n")))
        .route("/untyped", get(async || Response::new(axum::body::Body::from("a 1\n"))))
        .route("/empty", get(async || Response::new(axum::body::Body::empty())))
        .route("/gzip-untyped", get(async || untyped(gzip(b"a 1\n"))))
        .route("/gzip-empty", get(async || untyped(gzip(b""))))
        .route("/silent", get(std::future::pending::<String>))
        .with_state(Arc::clone(&seen));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = Url::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
    tokio::spawn(async move { axum::serve(listener, app).await });
    (url, seen)
}

async fn page(State(seen): State<Seen>, headers: HeaderMap) -> &'static str {
    let text = |value: &axum::http::HeaderValue| value.to_str().unwrap().to_owned();
    *seen.lock().unwrap() =
        headers.iter().map(|(name, value)| (name.to_string(), text(value))).collect();
    "a 1\n"
}

async fn open_metrics() -> Response {
    ([(header::CONTENT_TYPE, Format::OpenMetrics.content_type())], "# EOF\n").into_response()
}

fn gzip(body: &[u8]) -> Response {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(body).unwrap();
    let headers = [(header::CONTENT_ENCODING, "gzip"), (header::CONTENT_TYPE, "text/plain")];
    (headers, encoder.finish().unwrap()).into_response()
}

fn untyped(mut response: Response) -> Response {
    response.headers_mut().remove(header::CONTENT_TYPE);
    response
}

fn request(target: &Url, path: &str) -> Request {
    Request {
        url: target.join(path).unwrap(),
        headers: HeaderMap::new(),
        timeout: Duration::from_secs(10),
        limits: Limits::default(),
        server_name: None,
        fallback: None,
        histograms: exposition::protobuf::Histograms::default(),
    }
}

async fn get_page(target: &Url, path: &str) -> Result<Page, FetchError> {
    fetch(&client("Vigie/test").unwrap(), &request(target, path)).await
}

#[tokio::test]
async fn request_has_the_headers_of_prometheus() {
    let (target, seen) = target().await;
    let mut request = request(&target, "/metrics");
    request.headers.insert(header::AUTHORIZATION, "Bearer sesame".parse().unwrap());

    // The redirect to the same host is followed with credentials.
    let page = fetch(&client("Vigie/test").unwrap(), &request).await.unwrap();

    assert_eq!(page.body, b"a 1\n");
    let seen = seen.lock().unwrap();
    assert!(
        seen["accept"]
            .starts_with("application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,")
    );
    assert_eq!(seen["accept-encoding"], "gzip");
    assert_eq!(seen["user-agent"], "Vigie/test");
    assert_eq!(seen["x-prometheus-scrape-timeout-seconds"], "10");
    assert_eq!(seen["authorization"], "Bearer sesame");
}

#[tokio::test]
async fn page_is_decompressed_and_its_format_detected() {
    let (target, _) = target().await;
    assert_eq!(get_page(&target, "/gzip").await.unwrap().body, b"a 1\n");
    assert_eq!(get_page(&target, "/gzip").await.unwrap().format, Format::Prometheus);
    assert_eq!(get_page(&target, "/open").await.unwrap().format, Format::OpenMetrics);
}

#[tokio::test]
async fn page_without_a_known_type_needs_a_fallback() {
    let (target, _) = target().await;
    let client = client("Vigie/test").unwrap();
    for (path, content_type) in [("/json", "application/json"), ("/untyped", "")] {
        let mut request = request(&target, path);
        let error = fetch(&client, &request).await.unwrap_err().to_string();
        let start = format!("the page has the content type `{content_type}`; expected ");
        assert!(error.starts_with(&start), "{error}");

        request.fallback = Some(Format::Prometheus);
        let page = fetch(&client, &request).await.unwrap();
        assert_eq!((page.format, page.body), (Format::Prometheus, b"a 1\n".to_vec()));
    }
}

#[tokio::test]
async fn page_without_content_needs_no_type() {
    let (target, _) = target().await;
    for path in ["/empty", "/gzip-empty"] {
        assert_eq!(get_page(&target, path).await.unwrap().body, b"", "{path}");
    }
    let error = get_page(&target, "/gzip-untyped").await.unwrap_err();
    assert!(matches!(error, FetchError::ContentType { .. }), "{error}");
}

#[tokio::test]
async fn page_with_as_many_bytes_as_the_limit_is_refused() {
    let (target, _) = target().await;
    let client = client("Vigie/test").unwrap();
    // `a 1` and a line end; the packed page is larger.
    for (path, limit, is_refused) in
        [("/metrics/", 4, true), ("/metrics/", 5, false), ("/gzip", 4, true), ("/gzip", 5, false)]
    {
        let mut request = request(&target, path);
        request.limits.body_bytes = limit;
        let refused = matches!(fetch(&client, &request).await, Err(FetchError::TooLarge { .. }));
        assert_eq!(refused, is_refused, "{path}, limit {limit}");
    }
}

#[tokio::test]
async fn unusable_response_is_an_error_with_its_reason() {
    let (target, _) = target().await;
    let away = "the target redirects to `http://127.0.0.2:9/`; expected at most 9 redirects within its host";
    let around = "the target redirects to `/loop`; expected at most 9 redirects within its host";
    let cases = [
        ("/away", away),
        ("/loop", around),
        ("/broken", "the target answered 500 Internal Server Error; expected 200"),
        ("/created", "the target answered 201 Created; expected 200"),
        ("/missing", "the target answered 404 Not Found; expected 200"),
    ];
    for (path, expected) in cases {
        assert_eq!(get_page(&target, path).await.unwrap_err().to_string(), expected);
    }
}

#[tokio::test]
async fn size_and_time_are_limited() {
    let (target, _) = target().await;
    let client = client("Vigie/test").unwrap();

    let mut bomb = request(&target, "/bomb");
    bomb.limits.body_bytes = 1 << 20;
    let error = fetch(&client, &bomb).await.unwrap_err();
    assert_eq!(error.to_string(), "the page is not smaller than the limit of 1048576 bytes");

    let mut silent = request(&target, "/silent");
    silent.timeout = Duration::from_millis(100);
    let error = fetch(&client, &silent).await.unwrap_err();
    assert_eq!(error.to_string(), "the page was not received within 0.1 s");
}

#[tokio::test]
async fn unreachable_target_is_down() {
    let gone = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let target = Url::parse(&format!("http://user:pass@{gone}/")).unwrap();
    let labels = Labels::new("bots", "gone:80", []);
    let (client, request) = (client("Vigie/test").unwrap(), request(&target, "/metrics"));

    let mut memory = Memory::new();
    let at = samples::Timestamp::from_millis(1_800_000_000_000);
    let scraped = scrape(&client, &request, &labels, &mut memory, at).await;

    let samples: Vec<_> = scraped
        .entries
        .iter()
        .map(|entry| (entry.series.name(), entry.sample().unwrap()))
        .collect();
    assert_eq!(samples.len(), 5);
    assert!(samples[0].0 == "up" && samples[0].1 == samples::Sample::new(0.0, at));
    assert!(!format!("{:?}", scraped.error).contains("pass"));
}
