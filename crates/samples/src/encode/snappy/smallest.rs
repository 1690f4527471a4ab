//! Finds the copies that make a request smallest.
//!
//! From the end to the start of the request, the least number of bytes for the rest is computed for each
//! position (dynamic programming). Few earlier positions are tried for each one: the last ones with the same
//! four bytes, and the distance of the longest match one byte further on. The latter finds what the former
//! miss: a match that begins with bytes that all series have, and goes on with bytes that few of them have.
//!
//! This takes ten times as long as [`super::Compressor`], for 2 to 25 % fewer bytes.

use super::{Copy, FAR, LONG, NEAR, SHORT, SHORTEST, common_prefix};

/// Earlier positions with the same bytes that are tried.
const TRIED: usize = 2;

/// Log2 of the number of hashes.
const BITS: u32 = 15;

/// The best way to encode the bytes from a position on: a copy, or a literal of one byte and what follows.
#[derive(Clone, Copy, Default)]
struct Step {
    distance: u16,
    /// 0 for a literal.
    length: u8,
    /// Within a literal the next byte costs less, so that a copy is not worth it.
    continues_literal: bool,
}

/// The copies in their order.
pub(super) fn copies(plain: &[u8]) -> Vec<Copy> {
    let steps = steps(plain);
    let (mut copies, mut at, mut literal) = (Vec::new(), 0, 0);
    while let Some(step) = steps.get(at) {
        if step.length == 0 || step.continues_literal && literal > 0 {
            literal += 1;
            at += 1;
        } else {
            copies.push(Copy { literal, distance: step.distance, length: u16::from(step.length) });
            literal = 0;
            at += usize::from(step.length);
        }
    }
    copies.shrink_to_fit();
    copies
}

fn steps(plain: &[u8]) -> Vec<Step> {
    let before = earlier_positions(plain);
    let mut steps = vec![Step::default(); plain.len()];
    // Bytes for the rest after a copy, by position modulo the length, and after a literal.
    let (mut after_copy, mut after_literal) = ([0_u32; 2 * LONG], 0);
    // The distance of the longest match one byte further on, and the length of that match.
    let mut carried = (0, 0);
    for (at, step) in steps.iter_mut().enumerate().rev() {
        let mut search = Search { plain, at, after_copy: &after_copy, best: Best::default() };
        let is_longer = 0 < carried.0 && carried.0 <= at && plain[at] == plain[at - carried.0];
        carried.1 = if is_longer { LONG.min(carried.1 + 1) } else { 0 };
        search.matched(carried.0, carried.1);
        let mut next = before.get(at).copied().unwrap_or(0) as usize;
        for _ in 0..TRIED {
            if search.best.longest == LONG {
                break;
            }
            let Some(position) = next.checked_sub(1) else { break };
            search.attempt(at - position);
            next = before[position] as usize;
        }
        let best = search.best;
        if best.longest > 0 {
            carried = (best.longest_distance, best.longest);
        }
        let (begins, continues) = (2 + after_literal, 1 + after_literal);
        *step = Step {
            distance: u16::try_from(best.distance).unwrap_or_default(),
            length: if best.cost <= begins { u8::try_from(best.length).unwrap_or(0) } else { 0 },
            continues_literal: continues < best.cost,
        };
        after_copy[at % (2 * LONG)] = begins.min(best.cost);
        after_literal = continues.min(best.cost);
    }
    steps
}

/// For each position, the last one before it with the same hash of four bytes, plus one; 0 means none.
fn earlier_positions(plain: &[u8]) -> Vec<u32> {
    let mut last = vec![0; 1 << BITS];
    let windows = (1..).zip(plain.windows(SHORTEST));
    let before = windows.map(|(next, window)| {
        let key = window.first_chunk().map_or(0, |bytes| u32::from_le_bytes(*bytes));
        let hash = key.wrapping_mul(0x9e37_79b1) >> (32 - BITS);
        std::mem::replace(&mut last[hash as usize], next)
    });
    before.collect()
}

/// The search at one position.
struct Search<'a> {
    plain: &'a [u8],
    at: usize,
    after_copy: &'a [u32; 2 * LONG],
    best: Best,
}

struct Best {
    cost: u32,
    distance: usize,
    length: usize,
    /// The longest match, also of a larger cost, and the longest at a short distance.
    longest: usize,
    longest_distance: usize,
    longest_near: usize,
}

impl Default for Best {
    fn default() -> Self {
        let (cost, length) = (u32::MAX, 0);
        Self { cost, length, distance: 0, longest: 0, longest_distance: 0, longest_near: 0 }
    }
}

impl Search<'_> {
    fn attempt(&mut self, distance: usize) {
        if distance <= FAR {
            let end = self.plain.len().min(self.at + LONG);
            let there = &self.plain[self.at - distance..end - distance];
            self.matched(distance, common_prefix(&self.plain[self.at..end], there));
        }
    }

    /// Considers copies of this match that are longer than those before.
    fn matched(&mut self, distance: usize, length: usize) {
        if length < SHORTEST {
            return;
        }
        if distance <= NEAR {
            let most = length.min(SHORT);
            for length in SHORTEST.max(self.best.longest_near + 1)..=most {
                self.consider(2, distance, length);
            }
            self.best.longest_near = self.best.longest_near.max(most);
        }
        if self.best.longest < length {
            // A copy is sometimes shorter than its match, so that the next one fits.
            for length in SHORTEST.max(self.best.longest + 1).max(length - 2)..=length {
                self.consider(3, distance, length);
            }
            (self.best.longest, self.best.longest_distance) = (length, distance);
        }
    }

    fn consider(&mut self, cost: u32, distance: usize, length: usize) {
        let cost = cost + self.after_copy[(self.at + length) % (2 * LONG)];
        if cost < self.best.cost {
            (self.best.cost, self.best.distance, self.best.length) = (cost, distance, length);
        }
    }
}
