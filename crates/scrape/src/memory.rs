//! What one scrape knows of the one before.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, RandomState};

use hashbrown::HashTable;
use samples::{Entry, Sample, Series, Timestamp};

use crate::created::{Group, Role};
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
    /// What [`Slot::text`] points into: one piece for all, since a hundred thousand of their own would
    /// take a quarter more.
    texts: String,
    /// Places of slots, by their text.
    by_text: HashTable<u32>,
    /// Places of the slots that keep the books of a series, which may be written in several ways.
    by_series: HashTable<u32>,
    hash_keys: RandomState,
    /// By slot: hash of the last exemplar that was passed on; pages repeat them. Few series have any.
    pub(crate) exemplars: HashMap<u32, u64>,
    /// Number of the current scrape. It begins at 1, and a new slot at 0 was never tracked.
    pub(crate) round: u32,
    /// Last round with a good page.
    settled: u32,
}

/// In place of a time: no value was passed on yet.
pub(crate) const NEVER: Timestamp = Timestamp::from_millis(i64::MIN);
/// In place of a time: a value was passed on, but [`Memory::to_bytes`] does not keep its time.
pub(crate) const BEFORE: Timestamp = Timestamp::from_millis(i64::MIN + 1);

/// A series as it is written on the page. There is one for every series of a target: small on purpose.
#[derive(Debug)]
pub(crate) struct Slot {
    /// Name and labels as written; empty for a series of which only [`Memory::from_bytes`] knows so far.
    text: Text,
    pub(crate) series: Series,
    group: Option<Group>,
    is_created: bool,
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
}

/// Where a text lies in [`Memory::texts`].
#[derive(Clone, Copy, Debug, Default)]
struct Text {
    start: u32,
    end: u32,
}

impl Text {
    /// Appends `text` to `texts`.
    fn add(text: &str, texts: &mut String) -> Self {
        let start = place(texts.len());
        texts.push_str(text);
        Self { start, end: place(texts.len()) }
    }

    fn of(self, texts: &str) -> &str {
        texts.get(self.start as usize..self.end as usize).unwrap_or_default()
    }
}

impl Slot {
    /// What it is to the series beside it.
    pub(crate) fn role(&self) -> Role {
        match self.group {
            Some(group) if self.is_created => Role::Created { group },
            group => Role::Value { group },
        }
    }

    fn set_role(&mut self, role: Role) {
        (self.group, self.is_created) = match role {
            Role::Created { group } => (Some(group), true),
            Role::Value { group } => (group, false),
        };
    }
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
        self.slots.get(index).map_or("", |slot| slot.text.of(&self.texts))
    }

    /// The slot of a line.
    pub(crate) fn find(&self, text: &str) -> Option<usize> {
        let is_it = |index: &u32| self.text(*index as usize) == text;
        let found = self.by_text.find(self.hash_keys.hash_one(text), is_it);
        found.map(|index| *index as usize)
    }

    /// The slot of a series, however it is written.
    pub(crate) fn find_series(&self, series: &Series) -> Option<usize> {
        let is_it = |index: &u32| self.slots[*index as usize].series == *series;
        let found = self.by_series.find(self.hash_keys.hash_one(series), is_it);
        found.map(|index| *index as usize)
    }

    /// Remembers a text for the first time; returns its slot and whether that is new. A slot that came from
    /// bytes waits for its text.
    pub(crate) fn add(&mut self, text: &str, series: Series, role: Role) -> (usize, bool) {
        let known = self.find_series(&series);
        let adopted = known.filter(|index| self.text(*index).is_empty());
        let index = adopted.unwrap_or(self.slots.len());
        if let Some(adopted) = adopted {
            let slot = &mut self.slots[adopted];
            (slot.text, slot.series) = (Text::add(text, &mut self.texts), series);
            slot.set_role(role);
            self.insert_text(adopted);
        } else {
            self.push(text, series, role);
        }
        (index, adopted.is_none())
    }

    /// A further slot. One without a text is found by its series alone.
    pub(crate) fn push(&mut self, text: &str, series: Series, role: Role) {
        let index = self.slots.len();
        let known = match role {
            Role::Value { .. } => self.find_series(&series),
            Role::Created { .. } => Some(index),
        };
        let mut slot = Slot {
            text: Text::add(text, &mut self.texts),
            series,
            group: None,
            is_created: false,
            books: place(known.unwrap_or(index)),
            seen: 0,
            tracked: 0,
            last_at: NEVER,
            before: NEVER,
        };
        slot.set_role(role);
        self.slots.push(slot);
        if known.is_none() {
            let (slots, keys) = (&self.slots, &self.hash_keys);
            let hash = |index: &u32| keys.hash_one(&slots[*index as usize].series);
            self.by_series.insert_unique(hash(&place(index)), place(index), hash);
        }
        if !text.is_empty() {
            self.insert_text(index);
        }
    }

    fn insert_text(&mut self, index: usize) {
        let (slots, texts, keys) = (&self.slots, &self.texts, &self.hash_keys);
        let hash = |index: &u32| keys.hash_one(slots[*index as usize].text.of(texts));
        self.by_text.insert_unique(hash(&place(index)), place(index), hash);
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
        self.shrink();
        self.settled = self.round;
    }

    /// Whether it stood on a page since the last good one.
    pub(crate) fn stood_on_failed_page(&self, slot: &Slot) -> bool {
        self.settled < slot.seen
    }

    /// Keeps these slots in this order, and no others.
    pub(crate) fn keep(&mut self, order: impl IntoIterator<Item = u32>) {
        // The books of a series move with it, also when the text that kept them is gone.
        let books = |slot: &Slot| {
            let books = &self.slots[slot.books as usize];
            let exemplar = self.exemplars.get(&slot.books).copied();
            (books.tracked, books.last_at, books.before, exemplar)
        };
        let books: Vec<_> = self.slots.iter().map(books).collect();
        let mut old: Vec<Option<Slot>> =
            std::mem::take(&mut self.slots).into_iter().map(Some).collect();
        let texts = std::mem::take(&mut self.texts);
        self.by_text.clear();
        self.by_series.clear();
        self.exemplars.clear();
        for index in order {
            let Some(slot) = old[index as usize].take() else { continue };
            let role = slot.role();
            self.push(slot.text.of(&texts), slot.series, role);
            let place = place(self.slots.len() - 1);
            if let Some(new) = self.slots.last_mut() {
                new.seen = slot.seen;
                if new.books == place {
                    let (tracked, last_at, before, exemplar) = books[index as usize];
                    (new.tracked, new.last_at, new.before) = (tracked, last_at, before);
                    self.exemplars.extend(exemplar.map(|hash| (place, hash)));
                }
            }
        }
    }

    /// Gives back the room that growing has taken beyond what is needed.
    fn shrink(&mut self) {
        self.slots.shrink_to_fit();
        self.texts.shrink_to_fit();
    }
}

/// A page has fewer than 2^32 lines: its bytes are limited to less.
fn place(index: usize) -> u32 {
    u32::try_from(index).unwrap_or(u32::MAX)
}
