//! Pages of metrics: what must hold for any bytes, for the fuzzer and for the test that replays its corpus.

use std::fmt::Write as _;

use exposition::{Format, Line, Reader};

/// The first byte picks the format, the rest is the page.
pub(crate) fn exposition(data: &[u8]) {
    let Some((first, page)) = data.split_first() else { return };
    let format = if *first == b'o' { Format::OpenMetrics } else { Format::Prometheus };
    let lines: Vec<_> = Reader::new(page, format).collect();
    assert!(lines.len() <= page.len() + 1);
    // Nothing comes after an error.
    let errors = lines.iter().filter(|line| line.is_err()).count();
    assert!(errors == 0 || errors == 1 && lines.last().is_some_and(Result::is_err));

    let samples = || {
        lines.iter().filter_map(|line| match line {
            Ok(Line::Sample(sample)) => Some(sample),
            _ => None,
        })
    };
    // A series that is expected, rightly or wrongly, changes nothing.
    let expected: Vec<_> = samples().map(exposition::Sample::series).collect();
    for shift in [0, 1] {
        let mut reader = Reader::new(page, format);
        let mut seen = 0;
        let again = std::iter::from_fn(|| {
            let line = reader.next_like(expected.get(seen + shift).copied().unwrap_or_default());
            seen += usize::from(matches!(line, Some(Ok(Line::Sample(_)))));
            line
        });
        assert!(
            again.map(|line| format!("{line:?}")).eq(lines.iter().map(|line| format!("{line:?}")))
        );
    }
    // What was read can be written and is then read as the same.
    for sample in samples() {
        let mut text = format!("{}{{", sample.name());
        for (name, value) in sample.labels() {
            let value = value.replace('\\', r"\\").replace('"', "\\\"").replace('\n', r"\n");
            let _ = write!(text, "{name}=\"{value}\",");
        }
        let _ = write!(text, "}} {:?}", sample.value);
        let Some(Ok(Line::Sample(same))) = Reader::new(text.as_bytes(), Format::Prometheus).next()
        else {
            panic!("{text}")
        };
        assert_eq!(same.name(), sample.name());
        assert!(same.labels().eq(sample.labels()), "{text}");
        assert!(same.value.to_bits() == sample.value.to_bits(), "{text}");
    }
}
