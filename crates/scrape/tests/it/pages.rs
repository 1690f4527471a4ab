//! Small pages and whole HTTP responses that Prometheus reads, or fails, in a certain way.

use std::time::Duration;

use exposition::Format;
use http::HeaderMap;
use samples::Timestamp;
use scrape::{Labels, Limits, Memory, Page, Request, Scrape, client, scrape};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::script::fixtures;

fn file(name: &str) -> Vec<u8> {
    std::fs::read(fixtures().join("../pages").join(name)).unwrap()
}

fn labels() -> Labels {
    Labels::new("job", "instance", [])
}

/// A scrape of a target that answers with these bytes.
async fn scrape_response(response: Vec<u8>) -> Scrape {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/metrics", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = [0; 4096];
        let _ = stream.read(&mut request).await.unwrap();
        stream.write_all(&response).await.unwrap();
    });
    let request = Request {
        url: url.parse().unwrap(),
        headers: HeaderMap::new(),
        timeout: Duration::from_secs(10),
        limits: Limits::default(),
        server_name: None,
        fallback: Some(Format::Prometheus),
        histograms: exposition::protobuf::Histograms::default(),
    };
    let at = Timestamp::from_millis(1_800_000_000_000);
    scrape(&client("test").unwrap(), &request, &labels(), &mut Memory::new(), at).await
}

fn scrape_page(body: Vec<u8>, format: Format, limits: &Limits) -> Scrape {
    let at = Timestamp::from_millis(1_800_000_000_000);
    let page = Ok(Page::new(format, body));
    Memory::new().absorb(&labels(), limits, page, at, || Duration::ZERO)
}

#[tokio::test]
async fn gzip_is_read_as_by_prometheus() {
    let cases = [
        ("gzip-of-two-members.http", true),
        ("gzip-with-garbage-behind.http", false),
        ("gzip-with-zeros-behind.http", false),
        ("gzip-header-with-empty-body.http", false),
    ];
    for (name, up) in cases {
        let scrape = scrape_response(file(name)).await;
        assert_eq!(scrape.error.is_none(), up, "{name}: {:?}", scrape.error);
        if up {
            assert_eq!(scrape.counts.scraped, 4, "{name}: both members");
        }
    }
}

#[test]
fn large_labels_and_comments_are_read_without_limits() {
    let long = "x".repeat(70_000);
    let pages = [
        ("41 labels", file("41-labels.prom")),
        ("130 labels", file("130-labels.prom")),
        ("UTF-8 names", file("utf-8-names.prom")),
        ("label value", format!("a{{x=\"{long}\"}} 1\n").into_bytes()),
        ("help", format!("# HELP a {long}\na 1\n").into_bytes()),
        ("comment", format!("# {long}\na 1\n").into_bytes()),
    ];
    for (name, page) in pages {
        let scrape = scrape_page(page, Format::Prometheus, &Limits::default());
        assert!(scrape.error.is_none(), "{name}: {:?}", scrape.error);
        assert!(scrape.counts.scraped > 0, "{name}");
    }
    let scrape = scrape_page(file("utf-8-names-om.prom"), Format::OpenMetrics, &Limits::default());
    assert!(scrape.error.is_none(), "{:?}", scrape.error);
}

#[test]
fn interleaved_families_keep_their_metadata() {
    let page = file("interleaved-families-lose-metadata.prom");
    let scrape = scrape_page(page, Format::Prometheus, &Limits::default());
    let own = |name: &str| name == "up" || name.starts_with("scrape_");
    for entry in scrape.entries.iter().filter(|entry| !own(entry.series.name())) {
        let metadata = entry.series.metadata();
        assert!(metadata.is_some_and(|metadata| !metadata.help.is_empty()), "{}", entry.series);
    }
}

#[test]
fn utf_8_names_survive_the_stored_memory() {
    let mut memory = Memory::new();
    let page = || Page::new(Format::Prometheus, file("utf-8-names.prom"));
    let at = |second: i64| Timestamp::from_millis(1_800_000_000_000 + 1000 * second);
    memory.absorb(&labels(), &Limits::default(), Ok(page()), at(0), || Duration::ZERO);
    let mut memory = Memory::from_bytes(&memory.to_bytes()).unwrap();
    let scrape =
        memory.absorb(&labels(), &Limits::default(), Ok(page()), at(15), || Duration::ZERO);
    assert_eq!(scrape.counts.added, 0);
    assert!(!scrape.memory_changed);
}

#[test]
fn bucket_bounds_have_the_form_of_prometheus_3() {
    let body =
        "# TYPE h histogram\nh_bucket{le=\"1\"} 1\nh_bucket{le=\"+Inf\"} 2\nh_sum 1\nh_count 2\n";
    let at = Timestamp::from_millis(1_800_000_000_000);
    for (labels, expected) in [(labels(), "1.0"), (labels().with_bounds_as_written(), "1")] {
        let page = Page::new(Format::Prometheus, body.into());
        let scrape =
            Memory::new().absorb(&labels, &Limits::default(), Ok(page), at, || Duration::ZERO);
        assert_eq!(scrape.entries[0].series.label("le"), Some(expected));
    }
}

#[test]
fn bounds_have_the_form_of_the_type_declared_last() {
    let cases = [
        ("# TYPE h histogram\nh_bucket{le=\"1\"} 1\n", "1.0"),
        ("# TYPE h histogram\n# TYPE g gauge\nh_bucket{le=\"1\"} 1\n", "1"),
        ("# TYPE h histogram\nother{le=\"1\"} 1\n", "1.0"),
        ("h_bucket{le=\"1\"} 1\n# TYPE h histogram\n", "1"),
    ];
    for (body, expected) in cases {
        let scrape = scrape_page(body.into(), Format::Prometheus, &Limits::default());
        assert_eq!(scrape.entries[0].series.label("le"), Some(expected), "{body}");
    }
    let gauge = "# TYPE h gaugehistogram\nh_bucket{le=\"1\"} 1\n# EOF\n";
    let scrape = scrape_page(gauge.into(), Format::OpenMetrics, &Limits::default());
    assert_eq!(scrape.entries[0].series.label("le"), Some("1"));
}

#[test]
fn bytes_that_are_not_utf_8_are_allowed_in_comments_only() {
    let cases: [(&[u8], bool); 8] = [
        (b"# caf\xe9 \xff\na 1\n", true),
        (b"#\xff\n # \xff\na 1\n# HELPER \xff", true),
        (b"#\x00 HELP a \xff\na 1\n", true),
        (b"# HELP a \xff\na 1\n", false),
        (b"# TYPE \xff gauge\na 1\n", false),
        (b"# \xff\na{b=\"\xff\"} 1\n", false),
        (b"# \xff\na 1 \xff\n", false),
        (b"a 1 # \xff\n", false),
    ];
    for (body, is_up) in cases {
        let scrape = scrape_page(body.to_vec(), Format::Prometheus, &Limits::default());
        assert_eq!(scrape.error.is_none(), is_up, "{body:?}: {:?}", scrape.error);
    }
    let scrape = scrape_page(b"# \xff\n# EOF\n".to_vec(), Format::OpenMetrics, &Limits::default());
    assert!(scrape.error.is_some());
}

#[test]
fn external_labels_do_not_count_for_limits() {
    let external = vec![("region".to_owned(), "a-long-name".to_owned())];
    let labels = labels().with_external(external);
    // The name, `job` and `instance`.
    let limits =
        Limits { labels: Some(3), label_value_bytes: Some("instance".len()), ..Limits::default() };
    let at = Timestamp::from_millis(1_800_000_000_000);
    for (body, is_up) in [("a 1\n", true), ("a{b=\"c\"} 1\n", false)] {
        let page = Ok(Page::new(Format::Prometheus, body.into()));
        let scrape = Memory::new().absorb(&labels, &limits, page, at, || Duration::ZERO);
        assert_eq!(scrape.error.is_none(), is_up, "{body}: {:?}", scrape.error);
        assert_eq!(scrape.entries[0].series.label("region"), Some("a-long-name"));
    }
}

#[test]
fn limit_of_a_small_function_rejects_a_large_page() {
    let limits = Limits::for_memory(256 << 20);
    assert!((20 << 20..30 << 20).contains(&limits.body_bytes), "{}", limits.body_bytes);
}
