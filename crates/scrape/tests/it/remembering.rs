//! State that is kept between scrapes, and metadata, exemplars and start times of a page.

use std::time::Duration;

use exposition::Format;
use http::StatusCode;
use samples::{Entry, MetricKind, Timestamp};
use scrape::{Counts, FetchError, Labels, Limits, Memory, Page, Scrape};

fn labels() -> Labels {
    Labels::new("bots", "bot:7860", [])
}

fn minute(minute: i64) -> Timestamp {
    Timestamp::from_millis(1_800_000_000_000 + 60_000 * minute)
}

fn open_metrics(memory: &mut Memory, body: &str, at: Timestamp, limits: &Limits) -> Scrape {
    let page = Page::new(Format::OpenMetrics, body.as_bytes().to_vec());
    memory.absorb(&labels(), limits, Ok(page), at, || Duration::ZERO)
}

fn gone(memory: &mut Memory, at: Timestamp) -> Scrape {
    let error = FetchError::Status { status: StatusCode::BAD_GATEWAY };
    memory.absorb(&labels(), &Limits::default(), Err(error), at, || Duration::ZERO)
}

fn find<'a>(scrape: &'a Scrape, name: &str) -> &'a Entry {
    scrape.entries.iter().find(|entry| entry.series.name() == name).unwrap()
}

#[test]
fn created_lines_become_start_timestamps() {
    let body = "# TYPE a counter\na_total{x=\"1\"} 3\na_created{x=\"1\"} 1700000000.5\na_total{x=\"2\"} 4\n\
                # TYPE h histogram\nh_bucket{le=\"1.0\"} 1\nh_bucket{le=\"+Inf\"} 2\nh_count 2\nh_sum 1.5\nh_created 1700000001\n\
                # TYPE g gauge\ng_created 17\n# EOF\n";
    let mut memory = Memory::new();
    for round in 0..2 {
        let scrape = open_metrics(&mut memory, body, minute(round), &Limits::default());
        let starts: Vec<_> = scrape
            .entries
            .iter()
            .map(|entry| {
                let start = entry.sample().unwrap().start();
                (entry.series.name(), start.map(Timestamp::as_millis))
            })
            .filter(|(name, _)| {
                !name.starts_with("scrape_") && !matches!(*name, "up" | "a_created" | "h_created")
            })
            .collect();
        let expected = [
            ("a_total", Some(1_700_000_000_500)),
            ("a_total", None),
            ("h_bucket", Some(1_700_000_001_000)),
            ("h_bucket", Some(1_700_000_001_000)),
            ("h_count", Some(1_700_000_001_000)),
            ("h_sum", Some(1_700_000_001_000)),
            ("g_created", None),
        ];
        assert_eq!(starts, expected);
        assert_eq!(scrape.counts.scraped, 9, "starts are series too");
    }
    let markers = gone(&mut memory, minute(2)).entries.len() - 5;
    assert_eq!(markers, 9, "starts are series too");
}

#[test]
fn series_have_the_metadata_of_their_family() {
    let body = "# HELP wait_seconds Time \\\"in\\\" the queue.\n# TYPE wait_seconds summary\n# UNIT wait_seconds seconds\n\
                wait_seconds{quantile=\"0.5\"} 1\nwait_seconds_count 2\nwaiting 3\n# EOF\n";
    let scrape = open_metrics(&mut Memory::new(), body, minute(0), &Limits::default());
    for name in ["wait_seconds", "wait_seconds_count"] {
        let metadata = find(&scrape, name).series.metadata().unwrap();
        assert_eq!(metadata.kind, MetricKind::Summary);
        assert_eq!(metadata.help, "Time \"in\" the queue.");
        assert_eq!((metadata.unit.as_str(), metadata.family.as_str()), ("seconds", "wait_seconds"));
    }
    assert_eq!(find(&scrape, "waiting").series.metadata(), None);
    assert_eq!(find(&scrape, "up").series.metadata(), None);
}

#[test]
fn changed_help_replaces_that_of_known_series() {
    let mut memory = Memory::new();
    let page = |help: &str| {
        format!("# HELP a {help}\n# TYPE a gauge\na 1\n# HELP b B.\n# TYPE b gauge\nb 2\n# EOF\n")
    };
    let mut helps = Vec::new();
    for (number, help) in (0..).zip(["One.", "One.", "Two.", "Two."]) {
        let scrape = open_metrics(&mut memory, &page(help), minute(number), &Limits::default());
        let help = |name| find(&scrape, name).series.metadata().unwrap().help.clone();
        helps.push((help("a"), help("b")));
    }
    let expected = ["One.", "One.", "One.", "Two."].map(|help| (help.to_owned(), "B.".to_owned()));
    assert_eq!(helps, expected);
}

#[test]
fn exemplar_is_sent_once() {
    let long = "x".repeat(128);
    let page = |exemplar: &str| format!("a_total 1 # {exemplar}\n# EOF\n");
    let cases = [
        (r#"{trace="1"} 0.5 1700000000"#, Some(1_700_000_000_000)),
        (r#"{trace="1"} 0.5 1700000000"#, None),
        (r#"{trace="1"} 0.5 1700000001"#, Some(1_700_000_001_000)),
        (r#"{trace="2"} 0.5"#, Some(minute(3).as_millis())),
        (r#"{trace="2"} 0.5"#, None),
        (&format!(r#"{{trace="{long}"}} 0.5"#), None),
    ];
    let mut memory = Memory::new();
    for (index, (exemplar, expected)) in (0..).zip(cases) {
        let scrape = open_metrics(&mut memory, &page(exemplar), minute(index), &Limits::default());
        let found = find(&scrape, "a_total").exemplar.as_ref();
        assert_eq!(found.map(|found| found.at.as_millis()), expected, "{index}");
    }
}

#[test]
fn page_over_a_limit_fails_as_a_whole() {
    let limits = Limits { samples: Some(2), ..Limits::default() };
    let mut memory = Memory::new();
    let scrape = open_metrics(&mut memory, "a 1\nb 2\nc 3\nd 4\n# EOF\n", minute(0), &limits);
    assert_eq!(scrape.entries.len(), 5);
    assert_eq!(scrape.counts, Counts { scraped: 4, kept: 4, added: 2 });
    assert_eq!(limit_of(&scrape), "the page has 4 samples; expected at most 2");

    // The name, `job` and `instance` are labels too.
    let limits = Limits {
        labels: Some(5),
        label_name_bytes: Some(8),
        label_value_bytes: Some(15),
        ..Limits::default()
    };
    let cases = [
        ("a{x=\"1\",y=\"2\",z=\"3\"} 1\n# EOF\n", "`a` has 6 labels; expected at most 5"),
        (
            "a{x=\"1234567890123456\"} 1\n# EOF\n",
            "the label `x` of `a` has a value of 16 bytes; expected at most 15",
        ),
        (
            "a{long_name=\"1\"} 1\n# EOF\n",
            "the label `long_name` of `a` has a name of 9 bytes; expected at most 8",
        ),
    ];
    for (body, expected) in cases {
        let scrape = open_metrics(&mut memory, body, minute(1), &limits);
        assert_eq!(limit_of(&scrape), expected, "{body}");
    }
    let fits = "a{x=\"123456789012345\",y=\"2\"} 1\n# EOF\n";
    assert!(open_metrics(&mut memory, fits, minute(2), &limits).error.is_none());
}

fn limit_of(scrape: &Scrape) -> String {
    match &scrape.error {
        Some(scrape::ScrapeError::Limit { source }) => source.to_string(),
        other => format!("{other:?}"),
    }
}

#[test]
fn dropped_samples_count_as_scraped_and_are_not_sent() {
    let drop = relabel::Config {
        action: "drop".to_owned(),
        source_labels: vec!["__name__".to_owned()],
        regex: "go_.*".to_owned(),
        ..relabel::Config::default()
    };
    let labels = labels().with_rules(vec![relabel::Rule::new(&drop).unwrap()]);
    let limits = Limits { samples: Some(2), ..Limits::default() };
    let mut memory = Memory::new();
    let mut play = |minutes, body: &str| {
        let page = Page::new(Format::Prometheus, body.as_bytes().to_vec());
        memory.absorb(&labels, &limits, Ok(page), minute(minutes), || Duration::ZERO)
    };
    for round in 0..2 {
        let scrape = play(round, "go_a 1\na 1\ngo_b 2\nb 1\n");
        assert!(scrape.error.is_none());
        let added = if round == 0 { 2 } else { 0 };
        assert_eq!(scrape.counts, Counts { scraped: 4, kept: 2, added });
        assert_eq!(scrape.entries.len(), 2 + 5);
    }
    let scrape = play(2, "go_a 1\na 1\nb 1\ngo_c 1\nc 1\n");
    assert_eq!(scrape.counts, Counts { scraped: 5, kept: 3, added: 0 });
    assert_eq!(limit_of(&scrape), "the page has 3 samples; expected at most 2");
    let ended = play(3, "go_a 1\n");
    let stale = ended.entries.iter().filter(|entry| entry.sample().unwrap().is_stale());
    assert_eq!(stale.map(|entry| entry.series.name()).collect::<Vec<_>>(), ["a", "b"]);
}

#[test]
fn pages_that_always_fail_do_not_fill_the_memory() {
    let limits = Limits { samples: Some(100), ..Limits::default() };
    let mut memory = Memory::new();
    for round in 0..50 {
        let lines: Vec<_> = (0..90).map(|line| format!("a{round}_{line} 1\n")).collect();
        let page = lines.concat();
        open_metrics(&mut memory, &page, minute(round), &limits);
    }
    assert!(memory.tracked() <= 100);
    assert!(memory.to_bytes().len() < 10_000);
}

#[test]
fn retired_target_ends_all_its_series() {
    let mut memory = Memory::new();
    open_metrics(&mut memory, "a 1\nb 2 1700000000\n# EOF\n", minute(0), &Limits::default());
    let entries = memory.retire(&labels(), minute(1));
    assert!(entries.iter().all(|entry| entry.sample().unwrap().is_stale()));
    let names: Vec<_> = entries.iter().map(|entry| entry.series.name()).collect();
    let own = ["up", "scrape_duration_seconds", "scrape_samples_scraped"];
    let own =
        own.into_iter().chain(["scrape_samples_post_metric_relabeling", "scrape_series_added"]);
    assert_eq!(names, std::iter::once("a").chain(own).collect::<Vec<_>>());
    assert_eq!(memory.tracked(), 0);
}

#[test]
fn memory_changed_is_set_when_series_change() {
    let mut memory = Memory::new();
    let limits = Limits::default();
    let mut changed = |body: Option<&str>, round| match body {
        Some(body) => open_metrics(&mut memory, body, minute(round), &limits).memory_changed,
        None => gone(&mut memory, minute(round)).memory_changed,
    };
    let both = Some("a 1\nb 2\n# EOF\n");
    let expected = [
        (both, true),
        (both, false),
        (Some("b 3\na 4\n# EOF\n"), false),
        (Some("a 1\n# EOF\n"), true),
        (Some("a 1\n# EOF\n"), false),
        (None, true),
        (None, false),
        (Some("a 1\n# EOF\n"), true),
        (both, true),
        (both, false),
    ];
    for (round, (body, expected)) in (0..).zip(expected) {
        assert_eq!(changed(body, round), expected, "round {round}");
    }
}

#[test]
fn invalid_bytes_are_rejected() {
    let mut memory = Memory::new();
    let body = "a{x=\"q\\\"\\\\\\n\"} 1\n# EOF\n";
    open_metrics(&mut memory, body, minute(0), &Limits::default());
    let good = memory.to_bytes();
    assert_eq!(Memory::from_bytes(&good).unwrap().to_bytes(), good);

    let mut other_version = good.clone();
    other_version[0] = 9;
    let packed = |text: &[u8]| {
        let mut bytes = vec![1];
        bytes.extend(snap::raw::Encoder::new().compress_vec(text).unwrap());
        bytes
    };
    let cases: [(&[u8], &str); 6] = [
        (b"", "the state of the target is damaged: it is empty"),
        (&other_version, "the state of the target has version 9; expected 1"),
        (&good[..good.len() - 3], "the state of the target is damaged: can't be decompressed"),
        (&[1, 0xff, 0xff, 0xff, 0xff, 0x0f], "the state of the target is damaged: too large"),
        (&packed(b"<html>"), "the state of the target is damaged: not a list of series"),
        (&packed(b"a{x=\"1\",x=\"2\"} 1\n"), "the state of the target is damaged: not a series"),
    ];
    for (bytes, expected) in cases {
        assert_eq!(Memory::from_bytes(bytes).unwrap_err().to_string(), expected);
    }
}

/// The series of a scrape with their values; `None` for a stale marker. Without `up` and the like.
fn values(scrape: &Scrape) -> Vec<(String, Option<f64>)> {
    let values = scrape.entries[..scrape.entries.len() - 5].iter().map(|entry| {
        let sample = entry.sample().unwrap();
        (entry.series.to_string(), (!sample.is_stale()).then_some(sample.value))
    });
    values.collect()
}

#[test]
fn many_series_keep_their_labels_when_they_are_packed() {
    let line = |number: u32| format!("s_{}{{n=\"{number}\"}} {number}\n", number / 50);
    let expected = |number: u32| {
        format!("s_{}{{instance=\"bot:7860\",job=\"bots\",n=\"{number}\"}}", number / 50)
    };
    let mut memory = Memory::new();
    // Every round has 1,000 other series than the one before, and keeps every 100th of them.
    let (mut kept, mut before): (Vec<u32>, usize) = (Vec::new(), 0);
    for round in 0..12_u32 {
        let new = 1000 * round..1000 * (round + 1);
        let numbers: Vec<u32> = kept.iter().copied().chain(new).collect();
        let gone = before - kept.len();
        let lines: Vec<String> = numbers.iter().map(|number| line(*number)).collect();
        let body = lines.concat() + "# EOF\n";
        let scrape = open_metrics(&mut memory, &body, minute(i64::from(round)), &Limits::default());
        let found = values(&scrape);
        let present: Vec<_> = found.iter().filter(|(_, value)| value.is_some()).cloned().collect();
        let wanted: Vec<_> =
            numbers.iter().map(|number| (expected(*number), Some(f64::from(*number)))).collect();
        assert!(present == wanted, "round {round}");
        assert_eq!(found.len() - present.len(), gone, "round {round}");
        before = numbers.len();
        assert_eq!(memory.tracked(), numbers.len());
        kept = numbers.into_iter().filter(|number| number.is_multiple_of(100)).collect();
    }
}
