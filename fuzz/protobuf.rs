//! Pages of metrics in protobuf: what must hold for any bytes, for the fuzzer and for the test that replays
//! its corpus.

use exposition::protobuf::{Histograms, convert};
use exposition::{Format, Line, Reader};

/// Bytes of a page as text, at most.
const LIMIT: usize = 1 << 20;

/// The first byte picks the histograms, the rest is the page.
pub(crate) fn protobuf(data: &[u8]) {
    let Some((first, body)) = data.split_first() else { return };
    let histograms = match first {
        b'n' => Histograms::Native,
        b'b' => Histograms::Both,
        _ => Histograms::Classic,
    };
    let Ok(page) = convert(body, histograms, LIMIT) else { return };
    assert!(page.text.len() <= LIMIT && page.text.ends_with("# EOF\n"));
    assert!(histograms != Histograms::Classic || page.histograms.is_empty());
    let lines: Vec<_> = Reader::new(page.text.as_bytes(), Format::OpenMetrics).collect();
    // A name or a label that the text format does not have ends the page.
    if lines.iter().any(Result::is_err) {
        return;
    }
    // Histograms and start times are those of lines with a value, in the order of the lines.
    let of_histograms = page.histograms.iter().map(|(line, _)| *line);
    let of_starts = page.starts.iter().map(|(line, _)| *line);
    for places in [of_histograms.collect::<Vec<_>>(), of_starts.collect()] {
        assert!(places.is_sorted_by(|one, next| one < next));
        for place in places {
            assert!(matches!(lines.get(place), Some(Ok(Line::Sample(_)))), "{place}");
        }
    }
}
