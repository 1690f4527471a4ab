//! The encoder compared with the derived messages.

use std::sync::Arc;

use proptest::prelude::*;
use prost::Message;
use samples::wire::{v1, v2};
use samples::{
    Encoder, Entry, Exemplar, Metadata, MetricKind, Protocol, Sample, Series, Timestamp, decode,
};

const LIMIT: usize = 32 << 20;

fn series(name: &str, labels: &[(&str, &str)]) -> Series {
    Series::new(name, labels.iter().copied()).unwrap()
}

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis)
}

fn all(entries: &[Entry]) -> Vec<u32> {
    (0..u32::try_from(entries.len()).unwrap()).collect()
}

fn unpack(body: &[u8]) -> Vec<u8> {
    snap::raw::Decoder::new().decompress_vec(body).unwrap()
}

/// The 1.0 request as the derived code writes it, which loses the sign of a negative zero.
fn derived_v1(entries: &[Entry]) -> Vec<u8> {
    let timeseries = entries.iter().map(|entry| {
        let sample = entry.sample().unwrap();
        let labels = entry.series.labels();
        v1::TimeSeries {
            labels: labels.map(|(n, v)| v1::Label { name: n.into(), value: v.into() }).collect(),
            samples: vec![v1::Sample { value: sample.value, timestamp: sample.at.as_millis() }],
            exemplars: Vec::new(),
            histograms: Vec::new(),
        }
    });
    v1::WriteRequest { timeseries: timeseries.collect(), metadata: Vec::new() }.encode_to_vec()
}

/// The bits of values and the times, by series.
fn contents(protocol: Protocol, body: &[u8]) -> Vec<(String, u64, i64)> {
    match protocol {
        Protocol::V1 => {
            let request = v1::WriteRequest::decode(unpack(body).as_slice()).unwrap();
            let series = request.timeseries.into_iter();
            let content = series.map(|one| {
                let labels: Vec<_> = one.labels.iter().map(|label| label.value.as_str()).collect();
                (labels.join(","), one.samples[0].value.to_bits(), one.samples[0].timestamp)
            });
            content.collect()
        }
        Protocol::V2 => {
            let entries = decode(body, 1 << 20).unwrap();
            let content = entries.iter().map(|entry| {
                let sample = entry.sample().unwrap();
                let help = entry.series.metadata().map(|metadata| metadata.help.clone());
                let series = format!("{} {help:?}", entry.series);
                (series, sample.value.to_bits(), sample.at.as_millis())
            });
            content.collect()
        }
    }
}

#[test]
fn cached_request_has_the_same_content() {
    let mut random = fastrand::Rng::with_seed(3);
    let metadata = Arc::new(Metadata { help: "Requests.".to_owned(), ..Metadata::default() });
    let known: Vec<Series> = (0..200)
        .map(|number| {
            let (name, path) = (format!("requests_{}", number / 50), format!("/api/{number}"));
            let series = series(&name, &[("job", "bots"), ("path", &path)]);
            if number < 100 { series.with_metadata(Arc::clone(&metadata)) } else { series }
        })
        .collect();
    for protocol in [Protocol::V1, Protocol::V2] {
        let (mut cached, mut plain) = (Encoder::default().with_cache(1 << 20), Encoder::default());
        let mut lengths = (0, 0);
        for round in 0..90_i64 {
            // Sometimes other series, another order, or an entry that no template can have.
            let mut series = known.clone();
            match round % 30 {
                7 => series.truncate(150),
                11 => series.swap(3, 4),
                _ => {}
            }
            let time = at(1_795_332_392_507 + 15_000 * round);
            let mut entries: Vec<Entry> = series
                .into_iter()
                .map(|series| {
                    let value = match random.u8(0..10) {
                        0 => 0.0,
                        1 => -0.0,
                        2 => f64::from_bits(random.u64(..)),
                        _ => f64::from(random.u32(0..100_000)),
                    };
                    Entry::new(series, Sample::new(value, time))
                })
                .collect();
            if round % 30 == 13 {
                let exemplar = Exemplar { labels: Vec::new(), value: 1.0, at: time };
                entries[5].exemplar = Some(Box::new(exemplar));
            }
            if round % 30 == 17 {
                entries[9] = Entry::new(entries[9].series.clone(), Sample::stale(at(5)));
            }
            let picked = all(&entries);
            let expected = plain.encode(protocol, &entries, &picked).body.to_vec();
            let found = cached.encode(protocol, &entries, &picked);
            assert_eq!((found.samples, found.clashes), (entries.len(), &[][..]));
            let found = found.body;
            assert_eq!(contents(protocol, found), contents(protocol, &expected), "{round}");
            lengths = (lengths.0 + found.len(), lengths.1 + expected.len());
        }
        // Values are random each time, so copies of the last request hold for few of them.
        assert!(lengths.0 < lengths.1 * 11 / 10, "{protocol}: {lengths:?}");
    }
}

#[test]
fn version_1_has_exemplars_if_they_are_enabled() {
    let mut entry = Entry::new(series("a_total", &[]), Sample::new(1.0, at(5)));
    let labels = vec![("trace_id".to_owned(), "abc".to_owned())];
    entry.exemplar = Some(Box::new(Exemplar { labels, value: 0.5, at: at(4) }));
    for (encoder, expected) in
        [(Encoder::default(), 0), (Encoder::default().with_exemplars_over_1_0(), 1)]
    {
        let mut encoder = encoder;
        let encoded = encoder.encode(Protocol::V1, std::slice::from_ref(&entry), &[0]);
        assert_eq!(encoded.exemplars, expected);
        let request = v1::WriteRequest::decode(unpack(encoded.body).as_slice()).unwrap();
        let found = &request.timeseries[0].exemplars;
        assert_eq!(found.len(), expected);
        if let [exemplar] = &found[..] {
            assert_eq!((exemplar.value, exemplar.timestamp), (0.5, 4));
            assert_eq!(exemplar.labels[0].value, "abc");
        }
    }
}

#[test]
fn version_1_equals_the_derived_encoding() {
    let long = "v".repeat(300);
    let entries = vec![
        Entry::new(
            series("up", &[("job", "gradio_chatbot")]),
            Sample::new(1.0, at(1_795_332_392_507)),
        ),
        Entry::new(series("up", &[("job", "é\n\"")]), Sample::new(0.0, at(-5))),
        Entry::new(series("empty", &[]), Sample::stale(at(0))),
        Entry::new(series("long", &[("l", &long)]), Sample::new(f64::INFINITY, at(i64::MAX))),
    ];
    let mut encoder = Encoder::default();
    let sent = encoder.encode(Protocol::V1, &entries, &all(&entries));
    assert_eq!(sent.samples, 4);
    assert_eq!(unpack(sent.body), derived_v1(&entries));
}

#[test]
fn version_2_decodes_to_the_same_entries() {
    let metadata = Arc::new(Metadata {
        kind: MetricKind::Counter,
        help: "requests so far".into(),
        ..Metadata::default()
    });
    let counted = series("requests_total", &[("path", "/")]).with_metadata(Arc::clone(&metadata));
    let exemplar =
        Exemplar { labels: vec![("trace_id".into(), "abc".into())], value: 1.0, at: at(9) };
    let histogram = v2::Histogram {
        count: Some(v2::histogram::Count::Int(7)),
        sum: 1.5,
        schema: -53,
        positive_spans: vec![v2::BucketSpan { offset: -1, length: 2 }],
        positive_deltas: vec![3, -2],
        custom_values: vec![0.1, 1.0],
        timestamp: 10,
        ..Default::default()
    };
    let entries = vec![
        Entry {
            exemplar: Some(Box::new(exemplar)),
            ..Entry::new(counted.clone(), Sample::new(3.0, at(10)).with_start(at(1)))
        },
        Entry::new(counted.clone(), Sample::new(-0.0, at(20)).with_start(at(1))),
        Entry::histogram(series("latency", &[("path", "/")]), histogram),
        Entry::new(series("up", &[]), Sample::stale(at(10))),
    ];
    let mut encoder = Encoder::default();
    let sent = encoder.encode(Protocol::V2, &entries, &all(&entries));
    assert_eq!((sent.samples, sent.histograms, sent.exemplars), (3, 1, 1));

    let request = v2::Request::decode(unpack(sent.body).as_slice()).unwrap();
    assert_eq!(request.symbols[0], "");
    let mut unique = request.symbols.clone();
    unique.sort();
    unique.dedup();
    assert_eq!(unique.len(), request.symbols.len(), "no symbol twice");
    assert_eq!(request.timeseries.len(), 3, "samples of one series travel together");
    assert_eq!(request.timeseries[0].metadata.unwrap().r#type, 1);

    let back = decode(sent.body, LIMIT).unwrap();
    assert_eq!(back, entries);
    assert_eq!(back[0].series.metadata(), Some(&metadata));
}

#[test]
fn samples_and_histograms_of_a_series_are_in_two_messages() {
    let histogram = v2::Histogram { timestamp: 20, ..Default::default() };
    let entries = vec![
        Entry::new(series("m", &[]), Sample::new(1.0, at(10))),
        Entry::histogram(series("m", &[]), histogram),
        Entry::new(series("m", &[]), Sample::new(2.0, at(30))),
    ];
    let mut encoder = Encoder::default();
    let sent = encoder.encode(Protocol::V2, &entries, &all(&entries));
    assert_eq!((sent.samples, sent.histograms), (2, 1));
    let request = v2::Request::decode(unpack(sent.body).as_slice()).unwrap();
    let counts = request.timeseries.iter().map(|one| (one.samples.len(), one.histograms.len()));
    assert_eq!(counts.collect::<Vec<_>>(), [(2, 0), (0, 1)]);

    let sent = encoder.encode(Protocol::V1, &entries, &all(&entries));
    assert_eq!((sent.samples, sent.histograms), (2, 1));
    let request = v1::WriteRequest::decode(unpack(sent.body).as_slice()).unwrap();
    let counts = request.timeseries.iter().map(|one| (one.samples.len(), one.histograms.len()));
    assert_eq!(counts.collect::<Vec<_>>(), [(2, 0), (0, 1)]);
}

#[test]
fn version_1_carries_histograms_without_their_start() {
    let histogram = v2::Histogram { sum: 1.5, timestamp: 20, ..Default::default() };
    let started = v2::Histogram { start_timestamp: 10, ..histogram.clone() };
    let entry = Entry::histogram(series("m", &[("a", "b")]), started);
    let mut encoder = Encoder::default().with_cache(1 << 20);
    for _ in 0..2 {
        let sent = encoder.encode(Protocol::V1, std::slice::from_ref(&entry), &[0]);
        let request = v1::WriteRequest::decode(unpack(sent.body).as_slice()).unwrap();
        assert_eq!(request.timeseries[0].labels.len(), 2);
        assert_eq!(request.timeseries[0].histograms, std::slice::from_ref(&histogram));
    }
}

#[test]
fn repeats_are_dropped_and_clashes_reported() {
    let one = series("one", &[]);
    let two = series("two", &[]);
    let sample = |series: &Series, value: f64, time: i64| {
        Entry::new(series.clone(), Sample::new(value, at(time)))
    };
    let entries = vec![
        sample(&one, 3.0, 30),
        sample(&two, 1.0, 10),
        sample(&one, 1.0, 10),
        sample(&one, 1.0, 10), // A repeat.
        sample(&one, 9.0, 30), // Another value at the same time.
        sample(&one, 2.0, 20),
    ];
    let mut encoder = Encoder::default();
    let sent = encoder.encode(Protocol::V2, &entries, &all(&entries));
    assert_eq!(sent.clashes, [4]);
    let expected = vec![
        sample(&one, 1.0, 10),
        sample(&one, 2.0, 20),
        sample(&one, 3.0, 30),
        sample(&two, 1.0, 10),
    ];
    assert_eq!(decode(sent.body, LIMIT).unwrap(), expected);
}

#[test]
fn only_picked_entries_are_encoded() {
    let entries: Vec<Entry> =
        (0..5).map(|n| Entry::new(series("m", &[]), Sample::new(1.0, at(n)))).collect();
    let mut encoder = Encoder::default();
    let sent = encoder.encode(Protocol::V1, &entries, &[1, 3]);
    let request = v1::WriteRequest::decode(unpack(sent.body).as_slice()).unwrap();
    let times: Vec<i64> = request.timeseries[0].samples.iter().map(|s| s.timestamp).collect();
    assert_eq!(times, [1, 3]);
}

#[test]
fn invalid_body_is_rejected_with_its_reason() {
    let pack = |request: &v2::Request| {
        snap::raw::Encoder::new().compress_vec(&request.encode_to_vec()).unwrap()
    };
    let with = |symbols: &[&str], refs: &[u32]| {
        pack(&v2::Request {
            symbols: symbols.iter().map(|&text| text.into()).collect(),
            timeseries: vec![v2::TimeSeries {
                labels_refs: refs.to_vec(),
                samples: vec![v2::Sample::default()],
                ..Default::default()
            }],
        })
    };
    let cases: &[(&str, Vec<u8>, &str)] = &[
        ("not snappy", vec![0xff; 9], "the body is not a snappy block"),
        (
            "too long",
            vec![0x80, 0x80, 0x80, 0x80, 0x01, 0],
            "the body has 268435456 bytes after decompression; expected at most 33554432",
        ),
        (
            "not protobuf",
            snap::raw::Encoder::new().compress_vec(b"\x22\xff").unwrap(),
            "the body is not a remote write 2.0 request",
        ),
        (
            "odd references",
            with(&["", "__name__", "up"], &[1, 2, 1]),
            "a series refers to a symbol that does not exist",
        ),
        (
            "reference outside",
            with(&["", "__name__"], &[1, 2]),
            "a series refers to a symbol that does not exist",
        ),
        ("no name", with(&["", "job", "x"], &[1, 2]), "the labels of a series are invalid"),
    ];
    for (name, body, expected) in cases {
        let error = decode(body, LIMIT).unwrap_err().to_string();
        assert_eq!(&error, expected, "{name}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_entries_decode_from_both_versions(
        raw in prop::collection::vec(
            ("[a-c]{1,2}", prop::collection::btree_map("[a-z]{1,3}", "\\PC{1,8}", 0..5), any::<f64>()),
            1..40,
        ),
    ) {
        let entries: Vec<Entry> = raw
            .iter()
            .enumerate()
            .map(|(index, (name, labels, value))| {
                let labels = labels.iter().map(|(name, value)| (name.as_str(), value.as_str()));
                let time = at(i64::try_from(index).unwrap());
                Entry::new(Series::new(name, labels).unwrap(), Sample::new(*value, time))
            })
            .collect();
        let mut encoder = Encoder::default();
        let mut back = decode(encoder.encode(Protocol::V2, &entries, &all(&entries)).body, LIMIT).unwrap();
        back.sort_by_key(Entry::at);
        prop_assert_eq!(&back, &entries);

        let plain = unpack(encoder.encode(Protocol::V1, &entries, &all(&entries)).body);
        let request = v1::WriteRequest::decode(plain.as_slice()).unwrap();
        let total: usize = request.timeseries.iter().map(|series| series.samples.len()).sum();
        prop_assert_eq!(total, entries.len());
        for series in &request.timeseries {
            prop_assert!(series.labels.is_sorted_by(|a, b| a.name < b.name));
            prop_assert!(series.samples.is_sorted_by(|a, b| a.timestamp < b.timestamp));
        }
    }
}
