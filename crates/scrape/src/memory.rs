//! What one scrape knows of the one before.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, BuildHasherDefault, Hasher, RandomState};

use remote_write::{Entry, Sample, Series, Timestamp};

use crate::created::Role;
use crate::target::Labels;

/// The series of a target as the last scrapes showed them.
///
/// Kept per target. If it is lost, nothing is sent wrong: series that vanished between the loss and the
/// next scrape get no stale marker, so that graphs show their last value for five more minutes, and
/// `scrape_series_added` counts every series of the next page once more.
#[derive(Debug, Default)]
pub struct Memory {
    /// One for each way in which a series is written, in the order of the last good page: pages hardly
    /// ever change their order, so that the next line is nearly always the next slot.
    pub(crate) slots: Vec<Slot>,
    by_text: HashMap<u64, u32, BuildHasherDefault<Hashed>>,
    /// The slot that keeps the books of a series that is written in several ways.
    by_series: HashMap<Series, u32>,
    hash_keys: RandomState,
    /// Number of the current scrape. It begins at 1, and a new slot at 0 was never tracked.
    pub(crate) round: u32,
    /// Last round with a good page.
    settled: u32,
}

/// In place of a time: no value was passed on yet.
pub(crate) const NEVER: Timestamp = Timestamp::from_millis(i64::MIN);
/// In place of a time: a value was passed on, but [`Memory::to_bytes`] does not keep its time.
pub(crate) const BEFORE: Timestamp = Timestamp::from_millis(i64::MIN + 1);

/// A series as it is written on the page.
#[derive(Debug)]
pub(crate) struct Slot {
    /// Name and labels as written; empty for a series of which only [`Memory::from_bytes`] knows so far.
    pub(crate) text: Box<str>,
    pub(crate) series: Series,
    pub(crate) role: Role,
    /// The slot with the books of this series: mostly this one itself.
    pub(crate) books: u32,
    /// Last round in which it stood on the page.
    pub(crate) seen: u32,
    /// Last round in which its end would have to be told: it was there, without a time of its own.
    pub(crate) tracked: u32,
    /// Time of the last value that was passed on.
    pub(crate) last_at: Timestamp,
    /// What `last_at` was before the round in which it was last seen.
    pub(crate) before: Timestamp,
    /// Hash of the last exemplar that was passed on; pages repeat them.
    pub(crate) exemplar: Option<u64>,
}

impl Memory {
    /// Of a target that was never scraped.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Number of series that a failed scrape would mark as stale.
    #[must_use]
    pub fn tracked(&self) -> usize {
        self.slots.iter().filter(|slot| self.is_tracked(slot)).count()
    }

    /// Stale markers for all that is left of a target that will not be scraped any more, its `up` included.
    pub fn retire(&mut self, labels: &Labels, at: Timestamp) -> Vec<Entry> {
        let gone = self.slots.iter().filter(|slot| self.is_tracked(slot));
        let own = crate::page::OWN_SERIES.iter().filter_map(|name| labels.series(name).ok());
        let series = gone.map(|slot| slot.series.clone()).chain(own);
        let entries = series.map(|series| Entry::new(series, Sample::stale(at))).collect();
        *self = Self::new();
        entries
    }

    pub(crate) fn is_tracked(&self, slot: &Slot) -> bool {
        slot.tracked != 0 && slot.tracked == self.round
    }

    /// How the series of a slot is written; empty where that is not known.
    pub(crate) fn text(&self, index: usize) -> &str {
        self.slots.get(index).map_or("", |slot| &slot.text)
    }

    /// The slot of a line, where `expected` is the one that comes next if the page is as before.
    pub(crate) fn find(&self, expected: usize, text: &str) -> Option<usize> {
        if self.slots.get(expected).is_some_and(|slot| *slot.text == *text) {
            return Some(expected);
        }
        let index = *self.by_text.get(&self.hash_keys.hash_one(text))? as usize;
        // Two texts may share a hash; the later one then takes the earlier one's place.
        self.slots.get(index).filter(|slot| *slot.text == *text).map(|_| index)
    }

    /// The slot of a series, however it is written.
    pub(crate) fn find_series(&self, series: &Series) -> Option<usize> {
        self.by_series.get(series).map(|index| *index as usize)
    }

    /// Remembers a text for the first time; returns its slot and whether that is new. A slot that came from
    /// bytes waits for its text.
    pub(crate) fn add(&mut self, text: &str, series: Series, role: Role) -> (usize, bool) {
        let known = self.find_series(&series);
        let adopted = known.filter(|index| self.slots[*index].text.is_empty());
        let index = adopted.unwrap_or(self.slots.len());
        if let Some(adopted) = adopted {
            let slot = &mut self.slots[adopted];
            (slot.text, slot.series, slot.role) = (text.into(), series, role);
        } else {
            self.push(text.into(), series, role);
        }
        let hash = self.hash_keys.hash_one(text);
        self.by_text.insert(hash, place(index));
        (index, adopted.is_none())
    }

    pub(crate) fn push(&mut self, text: Box<str>, series: Series, role: Role) {
        let index = place(self.slots.len());
        let books = match role {
            Role::Value { .. } => *self.by_series.entry(series.clone()).or_insert(index),
            Role::Created { .. } => index,
        };
        self.slots.push(Slot {
            text,
            series,
            role,
            books,
            seen: 0,
            tracked: 0,
            last_at: NEVER,
            before: NEVER,
            exemplar: None,
        });
    }

    /// After a good page: takes over its order and forgets what is gone. As in Prometheus, what stood on a
    /// page that failed since the last good one is kept once more. `page` lists the slots as they came; one
    /// may come twice.
    pub(crate) fn settle(&mut self, page: &[u32]) {
        let in_order = page.iter().enumerate().all(|(index, slot)| index == *slot as usize);
        if !in_order || page.len() != self.slots.len() {
            let kept: Vec<u32> = (0..)
                .zip(&self.slots)
                .filter(|(_, slot)| slot.seen < self.round && self.stood_on_failed_page(slot))
                .map(|(index, _)| index)
                .collect();
            self.keep(page.iter().copied().chain(kept));
        }
        self.settled = self.round;
    }

    /// Whether it stood on a page since the last good one.
    pub(crate) fn stood_on_failed_page(&self, slot: &Slot) -> bool {
        self.settled < slot.seen
    }

    /// Keeps these slots in this order, and no others.
    pub(crate) fn keep(&mut self, order: impl IntoIterator<Item = u32>) {
        // The books of a series move with it, also when the text that kept them is gone.
        let books: Vec<_> = self
            .slots
            .iter()
            .map(|slot| {
                let books = &self.slots[slot.books as usize];
                (books.tracked, books.last_at, books.before, books.exemplar)
            })
            .collect();
        let mut old: Vec<Option<Slot>> =
            std::mem::take(&mut self.slots).into_iter().map(Some).collect();
        self.by_text.clear();
        self.by_series.clear();
        for index in order {
            let Some(slot) = old[index as usize].take() else { continue };
            let hash = self.hash_keys.hash_one(&*slot.text);
            self.by_text.insert(hash, place(self.slots.len()));
            self.push(slot.text, slot.series, slot.role);
            let place = place(self.slots.len() - 1);
            if let Some(new) = self.slots.last_mut() {
                new.seen = slot.seen;
                if new.books == place {
                    (new.tracked, new.last_at, new.before, new.exemplar) = books[index as usize];
                }
            }
        }
        self.slots.shrink_to_fit();
    }
}

/// A page has fewer than 2^32 lines: its bytes are limited to less.
fn place(index: usize) -> u32 {
    u32::try_from(index).unwrap_or(u32::MAX)
}

/// For keys that are hashes already.
#[derive(Debug, Default)]
struct Hashed(u64);

impl Hasher for Hashed {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}
