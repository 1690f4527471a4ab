//! The symbol table of one remote write 2.0 request: each text once, in order of appearance.
//!
//! Hand-written because it is filled for each request, up to 50 times a second: all texts are in one
//! buffer that is reused, so no text is allocated.

use crate::varint;

#[derive(Default)]
pub(crate) struct Symbols {
    /// Indices into `list` plus one; 0 is free. The length is a power of two, at most half is used.
    slots: Vec<u32>,
    list: Vec<Symbol>,
    texts: Vec<u8>,
}

struct Symbol {
    hash: u32,
    start: u32,
    end: u32,
}

impl Symbols {
    /// Removes all texts except the empty one, which must be the first symbol.
    pub(crate) fn clear(&mut self) {
        self.list.clear();
        self.texts.clear();
        self.slots.fill(0);
        self.intern(b"");
    }

    /// The index of `text`, which is added if it is new.
    pub(crate) fn intern(&mut self, text: &[u8]) -> u32 {
        if self.slots.len() < 2 * (self.list.len() + 1) {
            self.grow();
        }
        let hash = hash(text);
        let mask = self.slots.len() - 1;
        let mut slot = hash as usize & mask;
        while let Some(index) = self.slots[slot].checked_sub(1) {
            let symbol = &self.list[index as usize];
            if symbol.hash == hash
                && self.texts[symbol.start as usize..symbol.end as usize] == *text
            {
                return index;
            }
            slot = (slot + 1) & mask;
        }
        let start = self.texts.len();
        self.texts.extend_from_slice(text);
        let index = narrow(self.list.len());
        self.list.push(Symbol { hash, start: narrow(start), end: narrow(self.texts.len()) });
        self.slots[slot] = index + 1;
        index
    }

    /// Writes field 4 of the request, once per symbol.
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        out.reserve(self.texts.len() + 3 * self.list.len());
        for symbol in &self.list {
            let text = &self.texts[symbol.start as usize..symbol.end as usize];
            out.push(0x22);
            varint::put(out, text.len() as u64);
            out.extend_from_slice(text);
        }
    }

    fn grow(&mut self) {
        let size = (4 * (self.list.len() + 1)).next_power_of_two().max(64);
        self.slots.clear();
        self.slots.resize(size, 0);
        for (index, symbol) in self.list.iter().enumerate() {
            let mut slot = symbol.hash as usize & (size - 1);
            while self.slots[slot] != 0 {
                slot = (slot + 1) & (size - 1);
            }
            self.slots[slot] = narrow(index) + 1;
        }
    }
}

/// Requests are split long before they reach 4 GiB.
fn narrow(place: usize) -> u32 {
    u32::try_from(place).expect("a request is far below 4 GiB")
}

fn hash(text: &[u8]) -> u32 {
    const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;
    let mix = |hash: u64, word: u64| (hash.rotate_left(23) ^ word).wrapping_mul(FACTOR);
    let (words, rest) = text.as_chunks::<8>();
    let hash =
        words.iter().fold(text.len() as u64, |hash, word| mix(hash, u64::from_le_bytes(*word)));
    let mut last = [0; 8];
    last[..rest.len()].copy_from_slice(rest);
    let [.., a, b, c, d] = mix(hash, u64::from_le_bytes(last)).to_le_bytes();
    u32::from_le_bytes([a, b, c, d])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn symbols_are_unique_after_growing_and_clearing() {
        let mut symbols = Symbols::default();
        for round in 0..2 {
            symbols.clear();
            assert_eq!(symbols.intern(b""), 0);
            for number in 0..5_000_u32 {
                let text = format!("round-{round}-{number}");
                assert_eq!(symbols.intern(text.as_bytes()), number + 1);
            }
            for number in (0..5_000_u32).rev() {
                let text = format!("round-{round}-{number}");
                assert_eq!(symbols.intern(text.as_bytes()), number + 1);
            }
        }
    }
}
