//! Errors of invalid pages, and written pages.
#![allow(
    clippy::unwrap_used,
    reason = "a test may fail loudly; clippy knows only functions marked as tests"
)]

use exposition::{Example, Family, Format, Kind, Line, Point, Reader, WriteError, Writer};

/// The number of samples before the error, and the error.
fn read(page: &[u8], format: Format) -> (usize, String) {
    let mut samples = 0;
    for line in Reader::new(page, format) {
        match line {
            Ok(Line::Sample(_)) => samples += 1,
            Ok(_) => {}
            Err(error) => return (samples, error.to_string()),
        }
    }
    (samples, "fine".to_owned())
}

#[test]
fn error_has_the_position_and_what_was_expected() {
    let cases: &[(&[u8], &str)] = &[
        (b"a 1\n<html>\n", "line 2, column 1: found `<html>`; expected a metric name"),
        (b"a\n", "line 1, column 2: found the end of the line; expected a value"),
        (
            b"a 1 soon\n",
            "line 1, column 5: found `soon`; expected a timestamp in whole milliseconds or the end of the line",
        ),
        (b"a 1 1 1\n", "line 1, column 7: found `1`; expected the end of the line"),
        (b"a{x=1} 1\n", "line 1, column 5: found `1} 1`; expected a label value in double quotes"),
        (b"a{x\n", "line 1, column 4: found the end of the line; expected `=`"),
        (b"a{1=\"\"} 1", "line 1, column 3: found `1=\\\"\\\"} 1`; expected a label name or `}`"),
        (
            "a{é=\"\"} 1".as_bytes(),
            "line 1, column 3: found `é=\\\"\\\"} 1`; expected a label name or `}`",
        ),
        ("a{x=\"é\" 1".as_bytes(), "line 1, column 9: found `1`; expected a label name or `}`"),
        (
            b"a 1\n\nb{x=\"1\n",
            "line 4, column 1: found the end of the page; expected a label value in double quotes",
        ),
        (
            b"# TYPE a banana\n",
            "line 1, column 10: found `banana`; expected a kind of metric, such as `counter`",
        ),
        (b"{} 1\n", "line 1, column 2: found `} 1`; expected a metric name in double quotes"),
        (b"# HELP 1\n", "line 1, column 8: found `1`; expected a metric name"),
        (b"a 1\nb{x=\"\xc3\x28\"} 2\n", "line 2, column 6: found byte 0xc3; expected UTF-8"),
        (b"a 1\xff\n", "line 1, column 4: found byte 0xff; expected UTF-8"),
    ];
    for (page, expected) in cases {
        let (_, error) = read(page, Format::Prometheus);
        assert_eq!(error, *expected);
    }
    let cases: &[(&[u8], &str)] = &[
        (
            b"a 1\n",
            "line 2, column 1: found the end of the page; expected `# EOF` as the last line",
        ),
        (b"# EOF\na 1\n", "line 2, column 1: found `a 1`; expected nothing after `# EOF`"),
        (
            b"#hello\n",
            "line 1, column 1: found `#hello`; expected `# HELP `, `# TYPE `, `# UNIT ` or `# EOF`",
        ),
        (
            b"# UNIT a_seconds meters\n",
            "line 1, column 18: found `meters`; expected a unit with which the metric's name ends",
        ),
        (b"a  1\n", "line 1, column 3: found ` 1`; expected a value"),
        (b"a 1 NaN\n", "line 1, column 5: found `NaN`; expected a timestamp in seconds"),
        (b"a{x=\"1\" } 1\n", "line 1, column 8: found ` } 1`; expected `,` or `}`"),
        (b"a 1 # x\n", "line 1, column 7: found `x`; expected `{`"),
        (b"a 1 # {} x\n", "line 1, column 10: found `x`; expected the exemplar's value"),
    ];
    for (page, expected) in cases {
        let (_, error) = read(page, Format::OpenMetrics);
        assert_eq!(error, *expected);
    }
}

#[test]
fn long_lines_are_read() {
    let long = format!("# {}\n# HELP a {}\na 1\n", "x".repeat(70_000), "y".repeat(70_000));
    assert_eq!(read(long.as_bytes(), Format::Prometheus), (1, "fine".into()));
}

#[test]
fn quoted_names_are_read_as_by_prometheus_3() {
    let names = |page: &str, format| {
        let lines: Result<Vec<_>, _> = Reader::new(page.as_bytes(), format).collect();
        let lines = lines.map_err(|error| error.to_string())?;
        let lines = lines.iter().map(|line| match line {
            Line::Sample(sample) => {
                let labels: Vec<_> = sample.labels().collect();
                format!("{} {labels:?}", sample.name())
            }
            Line::Type { family, .. } => format!("type {family}"),
            Line::Help { family, text } => format!("help {family} {text}"),
            Line::Unit { family, .. } => format!("unit {family}"),
        });
        Ok::<_, String>(lines.collect::<Vec<_>>().join("; "))
    };
    let cases: &[(&str, Result<&str, &str>)] = &[
        ("{\"a.b\"} 1\n", Ok("a.b []")),
        ("{\"a.b\",c=\"1\"} 1\n", Ok("a.b [(\"c\", \"1\")]")),
        ("{c=\"1\",\"a.b\"} 1\n", Ok("a.b [(\"c\", \"1\")]")),
        ("m{\"l.x\"=\"1\",y=\"2\"} 1\n", Ok("m [(\"l.x\", \"1\"), (\"y\", \"2\")]")),
        ("{\"a\\\"b\"} 1\n", Ok("a\"b []")),
        ("# TYPE \"a.b\" counter\n# HELP \"a.b\" so far\n", Ok("type a.b; help a.b so far")),
        (
            "{c=\"1\"} 1\n",
            Err("line 1, column 7: found `} 1`; expected a metric name in double quotes"),
        ),
        ("m{\"a.b\"} 1\n", Err("line 1, column 8: found `} 1`; expected `=`")),
        (
            "{\"\"} 1\n",
            Err("line 1, column 2: found `\\\"\\\"} 1`; expected a name in double quotes"),
        ),
    ];
    for (page, expected) in cases {
        let expected = expected.map(str::to_owned).map_err(str::to_owned);
        assert_eq!(names(page, Format::Prometheus), expected, "{page}");
        let page = format!("{page}# EOF\n");
        assert_eq!(names(&page, Format::OpenMetrics), expected, "{page}");
    }
}

fn page(format: Format) -> String {
    let mut page = Writer::new(format);
    let family = |name, kind, help, unit| Family { name, kind, help, unit };
    page.family(family("probe_duration_seconds", Kind::Gauge, "The \"whole\" run.", "seconds"))
        .unwrap();
    page.sample(&[("probe", "a \"b\"\n\\c")], 1.5).unwrap();
    page.family(family("probe_retries", Kind::Counter, "Further attempts.", "")).unwrap();
    let exemplar = Example { labels: &[("trace_id", "7")], value: 1.0, timestamp_ms: Some(1_001) };
    let point = Point {
        value: 3.0,
        timestamp_ms: Some(1_800_000_000_001),
        exemplar: Some(exemplar),
        ..Point::default()
    };
    page.point(&point).unwrap();
    page.family(family("wait", Kind::Histogram, "", "")).unwrap();
    for (suffix, labels, value) in
        [("_bucket", &[("le", "+Inf")] as &[_], 2.0), ("_sum", &[], 1e-7), ("_count", &[], 2.0)]
    {
        page.point(&Point { suffix, labels, value, ..Point::default() }).unwrap();
    }
    page.family(family("build", Kind::Info, "", "")).unwrap();
    page.sample(&[("version", "1")], 1.0).unwrap();
    page.finish()
}

#[test]
fn both_formats_are_written_as_specified() {
    let text = r#"# HELP probe_duration_seconds The "whole" run.
# TYPE probe_duration_seconds gauge
probe_duration_seconds{probe="a \"b\"\n\\c"} 1.5
# HELP probe_retries_total Further attempts.
# TYPE probe_retries_total counter
probe_retries_total 3 1800000000001
# TYPE wait histogram
wait_bucket{le="+Inf"} 2
wait_sum 1e-7
wait_count 2
# TYPE build_info gauge
build_info{version="1"} 1
"#;
    assert_eq!(page(Format::Prometheus), text);
    let open_metrics = r#"# HELP probe_duration_seconds The \"whole\" run.
# TYPE probe_duration_seconds gauge
# UNIT probe_duration_seconds seconds
probe_duration_seconds{probe="a \"b\"\n\\c"} 1.5
# HELP probe_retries Further attempts.
# TYPE probe_retries counter
probe_retries_total 3 1800000000.001 # {trace_id="7"} 1 1.00101
# TYPE wait histogram
wait_bucket{le="+Inf"} 2
wait_sum 1e-7
wait_count 2
# TYPE build info
build_info{version="1"} 1
# EOF
"#;
    assert_eq!(page(Format::OpenMetrics), open_metrics);
}

#[test]
fn invalid_parts_are_not_written() {
    let mut page = Writer::new(Format::OpenMetrics);
    let family = |name, kind, unit| Family { name, kind, help: "", unit };
    assert_eq!(page.sample(&[], 1.0), Err(WriteError::NoFamily));
    let cases = [
        (
            family("my.name", Kind::Gauge, ""),
            "`my.name` is not a valid metric name; expected letters, digits, `_` and `:`",
        ),
        (
            family("a_meters", Kind::Gauge, "seconds"),
            "family `a_meters` has the unit `seconds`; expected a name that ends with the unit",
        ),
    ];
    for (family, expected) in cases {
        assert_eq!(page.family(family).unwrap_err().to_string(), expected);
    }
    page.family(family("a", Kind::Counter, "")).unwrap();
    let again = page.family(family("a", Kind::Gauge, "")).unwrap_err().to_string();
    assert_eq!(again, "family `a` occurs twice; expected all its samples together");
    let point =
        |suffix, labels, timestamp_ms| Point { suffix, labels, timestamp_ms, ..Point::default() };
    let cases = [
        (
            point("_sum", &[], None),
            "a sample of the Counter `a` has the suffix `_sum`; expected a suffix of that type",
        ),
        (
            point("", &[("a:b", "")], None),
            "`a:b` is not a valid label name; expected letters, digits and `_`",
        ),
        (point("", &[("x", ""), ("x", "1")], None), "a sample of `a` has the label `x` twice"),
        (
            point("", &[], Some(i64::MAX)),
            "the time 9223372036854775807 ms cannot be written in seconds exactly",
        ),
    ];
    for (point, expected) in cases {
        assert_eq!(page.point(&point).unwrap_err().to_string(), expected);
    }
    assert_eq!(page.finish(), "# TYPE a counter\n# EOF\n", "no part of them is written");
}
