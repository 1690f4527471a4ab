//! State that is kept between scrapes.

use std::collections::HashMap;
use std::hash::BuildHasher as _;

use hashbrown::{DefaultHashBuilder, HashTable};
use samples::{Entry, Sample, Series, Timestamp};

use crate::created::{Group, Role};
use crate::target::Labels;

/// The series of a target in the last scrapes.
///
/// One for each target. If it is lost, no wrong sample is sent: series that vanish between the loss and
/// the next scrape get no stale marker, so graphs show their last value for five more minutes, and
/// `scrape_series_added` counts all series of the next page.
#[derive(Debug, Default)]
pub struct Memory {
    /// One for each way in which a series is written, in the order of the last good page. Pages rarely
    /// change their order, so the next line is nearly always the next slot.
    pub(crate) slots: Vec<Slot>,
    /// Indices of slots, by their text.
    by_text: HashTable<u32>,
    /// Indices of the main slots, by series. A series may be written in several ways.
    by_series: HashTable<u32>,
    hash_keys: DefaultHashBuilder,
    /// By slot: hash of the last exemplar that was sent, since pages repeat exemplars.
    pub(crate) exemplars: HashMap<u32, u64>,
    /// Number of the current scrape, from 1. A slot with 0 was never tracked.
    pub(crate) round: u32,
    /// Last round with a good page.
    settled: u32,
    /// Series that were tracked in the last round; `None` if unknown.
    pub(crate) tracked_last: Option<usize>,
    /// Series that were packed since all were packed. Those that are gone may still use memory.
    packed: usize,
    /// Whether series were replaced that have to be packed.
    pub(crate) are_replaced: bool,
    /// Hash of the types and help texts of the last good page; 0 before.
    declared: u64,
}

/// Series that are packed together.
pub(crate) const PACK: usize = 256;

/// Fewer new series of a page are not packed.
pub(crate) const FEW: usize = 16;

/// Instead of a time: no value was sent yet.
pub(crate) const NEVER: Timestamp = Timestamp::from_millis(i64::MIN);
/// Instead of a time: a value was sent, but [`Memory::to_bytes`] does not store its time.
pub(crate) const BEFORE: Timestamp = Timestamp::from_millis(i64::MIN + 1);

/// A series as it is written on the page. Small, since there is one for each series of a target.
#[derive(Debug)]
pub(crate) struct Slot {
    /// Name and labels as written.
    text: Text,
    /// `None` when the rules of the target drop it.
    pub(crate) series: Option<Series>,
    group: Option<Group>,
    is_created: bool,
    /// The main slot of the series, usually this one. It has the state of the series.
    pub(crate) main: u32,
    /// The last round in which it was on the page.
    pub(crate) seen: u32,
    /// The last round in which it was on the page without a timestamp: it needs a stale marker when it ends.
    pub(crate) tracked: u32,
    /// Time of the last value that was sent.
    pub(crate) last_at: Timestamp,
    /// `last_at` before the round in which it was last seen.
    pub(crate) before: Timestamp,
}

/// How a series is written. Of the text only a hash is kept, since the texts of 100,000 series have 10 MB.
///
/// The keys of the hash are random, so texts are mistaken with a chance of 2^-64 for each comparison.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Text {
    hash: u64,
    /// 0 for a series from [`Memory::from_bytes`] that was not scraped yet.
    length: u32,
}

/// The length of a text that has line ends in label values. Such a text is not expected at its place, since
/// lines could not be counted then.
const SEVERAL_LINES: u32 = u32::MAX;

impl Slot {
    /// How it is related to the other series of its family.
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
    /// The memory of a target that was never scraped.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Number of series that a failed scrape would mark as stale.
    #[must_use]
    pub fn tracked(&self) -> usize {
        self.slots.iter().filter(|slot| self.is_tracked(slot)).count()
    }

    /// Stale markers for all series of a target that is no longer scraped, `up` included.
    pub fn retire(&mut self, labels: &Labels, at: Timestamp) -> Vec<Entry> {
        let gone = self.slots.iter().filter(|slot| self.is_tracked(slot));
        let own = crate::target::OWN_SERIES.iter().filter_map(|name| labels.series(name).ok());
        let series = gone.filter_map(|slot| slot.series.clone()).chain(own);
        let entries = series.map(|series| Entry::new(series, Sample::stale(at))).collect();
        *self = Self::new();
        entries
    }

    pub(crate) fn is_tracked(&self, slot: &Slot) -> bool {
        slot.tracked != 0 && slot.tracked == self.round
    }

    /// Whether no series was ever seen.
    pub(crate) fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// The length of the series of a slot, if `page` begins with it as it was written before; else 0.
    pub(crate) fn length_at(&self, index: usize, page: &str) -> usize {
        let Some(slot) = self.slots.get(index) else { return 0 };
        let length = slot.text.length as usize;
        match page.get(..length) {
            Some(text) if self.hash(text) == slot.text.hash => length,
            _ => 0,
        }
    }

    /// The slot of a line.
    pub(crate) fn find(&self, text: &str) -> Option<usize> {
        let text = self.text(text);
        let is_it = |index: &u32| self.slots[*index as usize].text == text;
        let found = self.by_text.find(text.hash, is_it);
        found.map(|index| *index as usize)
    }

    fn text(&self, text: &str) -> Text {
        let length = if text.contains('\n') { SEVERAL_LINES } else { place(text.len()) };
        Text { hash: self.hash(text), length }
    }

    fn hash(&self, text: &str) -> u64 {
        self.hash_keys.hash_one(text)
    }

    /// The slot of a series, however it is written.
    pub(crate) fn find_series(&self, series: &Series) -> Option<usize> {
        let is_it = |index: &u32| self.slots[*index as usize].series.as_ref() == Some(series);
        let found = self.by_series.find(self.hash_keys.hash_one(series), is_it);
        found.map(|index| *index as usize)
    }

    /// Adds a text; returns its slot and whether it is new. A slot from [`Memory::from_bytes`] has no text
    /// yet.
    pub(crate) fn add(&mut self, text: &str, series: Series, role: Role) -> (usize, bool) {
        let text = self.text(text);
        let known = self.find_series(&series);
        let adopted = known.filter(|index| self.slots[*index].text.length == 0);
        let index = adopted.unwrap_or(self.slots.len());
        if let Some(adopted) = adopted {
            let slot = &mut self.slots[adopted];
            (slot.text, slot.series) = (text, Some(series));
            slot.set_role(role);
            self.insert_text(adopted);
        } else {
            self.push(text, Some(series), role);
        }
        (index, adopted.is_none())
    }

    /// Adds a text that the rules of the target drop; returns its slot.
    pub(crate) fn add_dropped(&mut self, text: &str) -> usize {
        self.push(self.text(text), None, Role::Value { group: None });
        self.slots.len() - 1
    }

    /// Adds a series whose text is not known. It is found by its series only.
    pub(crate) fn add_unwritten(&mut self, series: Series) {
        self.push(Text::default(), Some(series), Role::Value { group: None });
    }

    fn push(&mut self, text: Text, series: Option<Series>, role: Role) {
        let index = self.slots.len();
        let known = series.as_ref().and_then(|series| self.find_series(series));
        let is_new = series.is_some() && known.is_none();
        let mut slot = Slot {
            text,
            series,
            group: None,
            is_created: false,
            main: place(known.unwrap_or(index)),
            seen: 0,
            tracked: 0,
            last_at: NEVER,
            before: NEVER,
        };
        slot.set_role(role);
        self.slots.push(slot);
        if is_new {
            let (slots, keys) = (&self.slots, &self.hash_keys);
            let hash = |index: &u32| {
                slots[*index as usize].series.as_ref().map_or(0, |series| keys.hash_one(series))
            };
            self.by_series.insert_unique(hash(&place(index)), place(index), hash);
        }
        if text.length != 0 {
            self.insert_text(index);
        }
    }

    fn insert_text(&mut self, index: usize) {
        let slots = &self.slots;
        let hash = |index: &u32| slots[*index as usize].text.hash;
        self.by_text.insert_unique(slots[index].text.hash, place(index), hash);
    }

    /// After a good page: takes over its order and removes the other series. As in Prometheus, series of a
    /// page that failed since the last good one are kept once. `page` has the slots in their order; one may
    /// occur twice.
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
        self.pack_again();
        self.shrink();
        self.settled = self.round;
    }

    /// Whether it was on a page since the last good one.
    pub(crate) fn stood_on_failed_page(&self, slot: &Slot) -> bool {
        self.settled < slot.seen
    }

    /// Keeps these slots in this order, and no others.
    pub(crate) fn keep(&mut self, order: impl IntoIterator<Item = u32>) {
        // The state of a series is kept, also when its main slot is removed.
        let state = |slot: &Slot| {
            let main = &self.slots[slot.main as usize];
            let exemplar = self.exemplars.get(&slot.main).copied();
            (main.tracked, main.last_at, main.before, exemplar)
        };
        let states: Vec<_> = self.slots.iter().map(state).collect();
        let mut old: Vec<Option<Slot>> =
            std::mem::take(&mut self.slots).into_iter().map(Some).collect();
        self.by_text.clear();
        self.by_series.clear();
        self.exemplars.clear();
        for index in order {
            let Some(slot) = old[index as usize].take() else { continue };
            let role = slot.role();
            self.push(slot.text, slot.series, role);
            let place = place(self.slots.len() - 1);
            if let Some(new) = self.slots.last_mut() {
                new.seen = slot.seen;
                if new.main == place {
                    let (tracked, last_at, before, exemplar) = states[index as usize];
                    (new.tracked, new.last_at, new.before) = (tracked, last_at, before);
                    self.exemplars.extend(exemplar.map(|hash| (place, hash)));
                }
            }
        }
    }

    /// Packs the series of the slots from `first`, if there are enough of them. Returns whether they are
    /// packed.
    pub(crate) fn pack(&mut self, first: usize, at_least: usize) -> bool {
        let slots = &mut self.slots[first..];
        let count = slots.iter().filter(|slot| slot.series.is_some()).count();
        if count < at_least {
            return false;
        }
        self.packed += count;
        pack(slots);
        true
    }

    /// Remembers the hash of the types and help texts of a page; returns whether it has changed.
    pub(crate) fn declare(&mut self, hash: u64) -> bool {
        let before = std::mem::replace(&mut self.declared, hash);
        before != 0 && before != hash
    }

    /// Packs all series again, if most of those that were packed are gone.
    fn pack_again(&mut self) {
        if !self.are_replaced && self.packed < 2 * self.slots.len() + 16 * PACK {
            return;
        }
        self.are_replaced = false;
        self.packed = self.slots.len();
        self.slots.chunks_mut(PACK).for_each(pack);
    }

    /// Frees the unused capacity.
    fn shrink(&mut self) {
        self.slots.shrink_to_fit();
    }
}

fn pack(slots: &mut [Slot]) {
    let all: Vec<&Series> = slots.iter().filter_map(|slot| slot.series.as_ref()).collect();
    let packed = Series::pack(&all);
    let kept = slots.iter_mut().filter_map(|slot| slot.series.as_mut());
    kept.zip(packed).for_each(|(series, packed)| *series = packed);
}

/// A page has fewer than 2^32 lines, since its bytes are limited to less.
fn place(index: usize) -> u32 {
    u32::try_from(index).unwrap_or(u32::MAX)
}
