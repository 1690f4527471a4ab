//! Written pages are read back unchanged.
#![allow(
    clippy::unwrap_used,
    reason = "a test may fail loudly; clippy knows only functions marked as tests"
)]

use exposition::{Example, Family, Format, Kind, Line, Point, Reader, Writer};
use proptest::collection::vec;
use proptest::prelude::*;

/// Labels, in an order that is kept.
type OwnedLabels = Vec<(String, String)>;

#[derive(Clone, Debug)]
struct OwnedPoint {
    labels: OwnedLabels,
    value: f64,
    timestamp_ms: Option<i64>,
    exemplar: Option<(OwnedLabels, f64, Option<i64>)>,
}

#[derive(Clone, Debug)]
struct OwnedFamily {
    name: String,
    kind: Kind,
    help: String,
    points: Vec<OwnedPoint>,
}

fn labels() -> impl Strategy<Value = OwnedLabels> {
    let value = prop_oneof![
        "\\PC{0,12}",
        "[a-z\"\\\\\n{},= #]{0,12}",
        any::<String>().prop_map(|text| text.chars().take(20).collect()),
    ];
    vec(("[a-zA-Z_][a-zA-Z0-9_]{0,8}", value), 0..4).prop_map(|mut labels| {
        labels.sort();
        labels.dedup_by(|next, first| next.0 == first.0);
        labels
    })
}

fn value() -> impl Strategy<Value = f64> {
    prop_oneof![
        any::<f64>(),
        any::<i32>().prop_map(f64::from),
        Just(f64::INFINITY),
        Just(f64::NEG_INFINITY),
        Just(f64::NAN),
        Just(-0.0),
    ]
}

fn points() -> impl Strategy<Value = Vec<OwnedPoint>> {
    let time = || proptest::option::of(0..9_000_000_000_000_i64);
    let exemplar = proptest::option::of((labels(), value(), time()));
    let point = (labels(), value(), time(), exemplar).prop_map(
        |(labels, value, timestamp_ms, exemplar)| OwnedPoint {
            labels,
            value,
            timestamp_ms,
            exemplar,
        },
    );
    vec(point, 0..4)
}

fn families() -> impl Strategy<Value = Vec<OwnedFamily>> {
    let kind = prop_oneof![Just(Kind::Counter), Just(Kind::Gauge), Just(Kind::Unknown)];
    let help = prop_oneof!["\\PC{0,20}", "[a-z\"\\\\\n]{0,8}"];
    let family = ("[a-zA-Z_:][a-zA-Z0-9_:]{0,12}", kind, help, points());
    vec(family, 0..4).prop_map(|families| {
        families
            .into_iter()
            .enumerate()
            .map(|(index, (name, kind, help, points))| OwnedFamily {
                name: format!("{name}_{index}"),
                kind,
                help,
                points,
            })
            .collect()
    })
}

fn borrowed(labels: &OwnedLabels) -> Vec<(&str, &str)> {
    labels.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
}

fn write(families: &[OwnedFamily], format: Format) -> String {
    let mut writer = Writer::new(format);
    for family in families {
        let OwnedFamily { name, kind, help, .. } = family;
        writer.family(Family { name, kind: *kind, help, unit: "" }).unwrap();
        for point in &family.points {
            let exemplar = point
                .exemplar
                .as_ref()
                .map(|(labels, value, timestamp_ms)| (borrowed(labels), *value, *timestamp_ms));
            writer
                .point(&Point {
                    suffix: "",
                    labels: &borrowed(&point.labels),
                    value: point.value,
                    timestamp_ms: point.timestamp_ms,
                    exemplar: exemplar.as_ref().map(|(labels, value, timestamp_ms)| Example {
                        labels,
                        value: *value,
                        timestamp_ms: *timestamp_ms,
                    }),
                })
                .unwrap();
        }
    }
    writer.finish()
}

/// Equal, or both not a number.
fn same(one: f64, other: f64) -> bool {
    one.to_bits() == other.to_bits() || one.is_nan() && other.is_nan()
}

fn owned<'a>(
    labels: impl Iterator<Item = (std::borrow::Cow<'a, str>, std::borrow::Cow<'a, str>)>,
) -> OwnedLabels {
    labels.map(|(name, value)| (name.into_owned(), value.into_owned())).collect()
}

fn check(families: &[OwnedFamily], format: Format) {
    let page = write(families, format);
    let mut lines = Reader::new(page.as_bytes(), format).map(|line| line.unwrap());
    for family in families {
        let total = if family.kind == Kind::Counter { "_total" } else { "" };
        let sample_name = format!("{}{total}", family.name);
        let declared = if format == Format::Prometheus { &sample_name } else { &family.name };
        if !family.help.is_empty() {
            let Some(Line::Help { family: name, text }) = lines.next() else { panic!("{page}") };
            assert_eq!((&*name, &*text), (declared.as_str(), family.help.as_str()));
        }
        let Some(Line::Type { family: name, kind }) = lines.next() else { panic!("{page}") };
        assert_eq!((&*name, kind), (declared.as_str(), family.kind));
        for point in &family.points {
            let Some(Line::Sample(sample)) = lines.next() else { panic!("{page}") };
            assert_eq!(sample.name(), sample_name);
            assert_eq!(owned(sample.labels()), point.labels);
            assert!(same(sample.value, point.value), "{page}");
            assert_eq!(sample.timestamp_ms, point.timestamp_ms, "{page}");
            let expected = point.exemplar.as_ref().filter(|_| format == Format::OpenMetrics);
            assert_eq!(sample.exemplar.is_some(), expected.is_some());
            if let (Some(found), Some((labels, value, timestamp_ms))) = (sample.exemplar, expected)
            {
                assert_eq!(&owned(found.labels()), labels);
                assert!(same(found.value, *value), "{page}");
                assert_eq!(found.timestamp_ms, *timestamp_ms);
            }
        }
    }
    assert!(lines.next().is_none());
}

proptest! {
    #[test]
    fn written_page_is_read_back(families in families()) {
        check(&families, Format::Prometheus);
        check(&families, Format::OpenMetrics);
    }

    #[test]
    fn any_bytes_end_without_a_panic(body in vec(any::<u8>(), 0..400)) {
        for format in [Format::Prometheus, Format::OpenMetrics] {
            let lines = Reader::new(&body, format).count();
            prop_assert!(lines <= body.len() + 1);
        }
    }

    #[test]
    fn mutated_pages_end_without_a_panic(body in "([a-c#{}=\",\\\\ \n0-9.é-]|# (HELP|TYPE|UNIT|EOF)|\\{a=\"b\"\\}){0,60}") {
        for format in [Format::Prometheus, Format::OpenMetrics] {
            let all: Vec<_> = Reader::new(body.as_bytes(), format).collect();
            // The lines are the same for each expected series.
            let series = all.iter().filter_map(|line| match line {
                Ok(Line::Sample(sample)) => Some(sample.series()),
                _ => None,
            });
            for expected in series.chain([""]) {
                let mut reader = Reader::new(body.as_bytes(), format);
                let again: Vec<_> = std::iter::from_fn(|| reader.next_like(expected)).collect();
                prop_assert_eq!(format!("{all:?}"), format!("{again:?}"));
            }
        }
    }
}
