//! Groups the entries of a request by series and sorts each group by time.
//!
//! Receivers reject, or silently drop, samples of a series that are out of order within a request.

use crate::{Entry, Series};

#[derive(Default)]
pub(crate) struct Groups {
    /// Indices into `firsts` plus one; 0 is free. The length is a power of two, at most half is used.
    slots: Vec<u32>,
    /// Index of the first entry of each series, in order of appearance.
    firsts: Vec<u32>,
    /// Group, time and index of each entry, sorted: the order of the request.
    order: Vec<(u32, i64, u32)>,
    /// Indices of entries whose series has another value at the same time.
    pub(crate) clashes: Vec<u32>,
}

impl Groups {
    /// Groups the entries at the indices `picked`. A repeated entry is dropped.
    pub(crate) fn gather(&mut self, entries: &[Entry], picked: &[u32]) {
        self.clear(picked.len());
        for &place in picked {
            let entry = &entries[place as usize];
            let group = self.group(entries, &entry.series, place);
            self.order.push((group, entry.at().as_millis(), place));
        }
        if self.firsts.len() == self.order.len() {
            return; // Each series once, as after a scrape.
        }
        self.order.sort_unstable();
        let clashes = &mut self.clashes;
        self.order.dedup_by(|next, kept| {
            let same = next.0 == kept.0 && next.1 == kept.1;
            if same && entries[next.2 as usize].datum != entries[kept.2 as usize].datum {
                clashes.push(next.2);
            }
            same
        });
    }

    /// Indices of entries, group by group.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &[(u32, i64, u32)]> {
        self.order.chunk_by(|a, b| a.0 == b.0)
    }

    fn group(&mut self, entries: &[Entry], series: &Series, place: u32) -> u32 {
        let mask = self.slots.len() - 1;
        let mut slot = series.short_hash() as usize & mask;
        while let Some(group) = self.slots[slot].checked_sub(1) {
            if entries[self.firsts[group as usize] as usize].series == *series {
                return group;
            }
            slot = (slot + 1) & mask;
        }
        let group = u32::try_from(self.firsts.len()).expect("indices are 32 bits");
        self.firsts.push(place);
        self.slots[slot] = group + 1;
        group
    }

    fn clear(&mut self, count: usize) {
        let size = (2 * count + 1).next_power_of_two();
        self.slots.clear();
        self.slots.resize(size, 0);
        self.firsts.clear();
        self.order.clear();
        self.clashes.clear();
    }
}
