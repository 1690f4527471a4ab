//! For any pages in any order, the sent samples are those of a simple model of the rules.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::time::Duration;

use exposition::Format;
use http::StatusCode;
use proptest::collection::vec;
use proptest::prelude::*;
use samples::Timestamp;
use scrape::{FetchError, Labels, Limits, Memory, Page};

/// A page by its series and values, or a scrape that fails; and whether the memory is kept as bytes before.
type Step = (Option<Vec<(u8, u8)>>, bool);

/// A simple implementation of the rules.
#[derive(Default)]
struct Model {
    /// Series of the last scrape.
    last: BTreeSet<u8>,
    /// Series of the last page that was not empty.
    known: BTreeSet<u8>,
}

impl Model {
    /// Values by series, `None` for a stale marker; and how many series were new.
    fn scrape(&mut self, page: Option<&[(u8, u8)]>) -> (BTreeMap<u8, Option<f64>>, usize) {
        let mut sent = BTreeMap::new();
        for (series, value) in page.unwrap_or_default() {
            sent.entry(*series).or_insert(Some(f64::from(*value)));
        }
        let current: BTreeSet<u8> = sent.keys().copied().collect();
        let added = current.difference(&self.known).count();
        for gone in self.last.difference(&current) {
            sent.insert(*gone, None);
        }
        if !current.is_empty() {
            self.known.clone_from(&current);
        }
        self.last = current;
        (sent, added)
    }
}

fn check(steps: &[Step]) -> Result<(), TestCaseError> {
    let labels = Labels::new("bots", "bot:7860", []);
    let (mut memory, mut model) = (Memory::new(), Model::default());
    for (round, (page, as_bytes)) in (0..).zip(steps) {
        let at = Timestamp::from_millis(1_800_000_000_000 + 15_000 * round);
        if *as_bytes {
            memory = Memory::from_bytes(&memory.to_bytes()).unwrap();
        }
        let before = memory.to_bytes();
        let fetched = match page {
            Some(lines) => {
                let lines: Vec<_> = lines
                    .iter()
                    .map(|(series, value)| format!("s{{n=\"{series}\"}} {value}\n"))
                    .collect();
                Ok(Page::new(Format::Prometheus, lines.concat().into_bytes()))
            }
            None => Err(FetchError::Status { status: StatusCode::NOT_FOUND }),
        };
        let scrape = memory.absorb(&labels, &Limits::default(), fetched, at, || Duration::ZERO);

        let (expected, added) = model.scrape(page.as_deref());
        let (own, sent): (Vec<_>, Vec<_>) =
            scrape.entries.iter().rev().partition(|entry| entry.series.name() != "s");
        let sent: BTreeMap<u8, Option<f64>> = sent
            .into_iter()
            .map(|entry| {
                let sample = entry.sample().unwrap();
                let value = (!sample.is_stale()).then_some(sample.value);
                (entry.series.label("n").unwrap().parse().unwrap(), value)
            })
            .collect();
        prop_assert_eq!(sent.len() + own.len(), scrape.entries.len(), "a series was sent twice");
        prop_assert_eq!(sent, expected);
        prop_assert_eq!(own.len(), 5);
        prop_assert_eq!(scrape.error.is_none(), page.is_some());
        prop_assert_eq!(scrape.counts.scraped, page.as_ref().map_or(0, Vec::len));
        prop_assert_eq!(scrape.counts.added, added);
        prop_assert_eq!(memory.tracked(), model.last.len());
        prop_assert!(scrape.memory_changed || as_set(&before) == as_set(&memory.to_bytes()));
    }
    Ok(())
}

/// The series of a state, sorted, because their order has no meaning.
fn as_set(bytes: &[u8]) -> BTreeSet<String> {
    let text = snap::raw::Decoder::new().decompress_vec(&bytes[1..]).unwrap();
    String::from_utf8(text).unwrap().lines().map(str::to_owned).collect()
}

proptest! {
    #[test]
    fn sent_samples_match_the_model(
        steps in vec((proptest::option::weighted(0.8, vec((0..12_u8, 0..4_u8), 0..15)), any::<bool>()), 1..9)
    ) {
        check(&steps)?;
    }
}
