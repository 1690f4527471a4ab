//! Compresses a request as a snappy block, the only compression of remote write.
//!
//! The crate `snap` decompresses and could compress, but it takes the first match that it finds, as
//! Google's encoder does. A request has hundreds of similar messages that differ in one label and in the
//! value. Trying the last two distances first, and looking one byte ahead before taking a short match,
//! saves 6 to 9 % of the bytes. [`Copies`] save more, for a request that is sent again with other values.

mod smallest;

use crate::varint;

/// Log2 of the number of positions in the hash table.
const BITS: u32 = 14;

/// Largest distance of a copy in its two-byte form.
const NEAR: usize = 2047;
/// Largest length of a copy in its two-byte form; the smallest is [`SHORTEST`].
const SHORT: usize = 11;
const SHORTEST: usize = 4;

/// Largest distance of a copy in its three-byte form.
const FAR: usize = 65_535;
/// Largest length of a copy in its three-byte form.
const LONG: usize = 64;

/// Bytes that are read and, of them, hashed at each position. With fewer than eight, pages whose series all
/// have another label value take 5 to 15 % fewer bytes.
const WORD: usize = 8;
const KEY: usize = 5;

pub(crate) struct Compressor {
    /// The last position plus one of these bytes, by their hash; 0 means none.
    seen: Vec<u32>,
}

/// A match with earlier bytes.
#[derive(Clone, Copy)]
struct Match {
    distance: usize,
    length: usize,
    /// Bytes that the copy saves.
    gain: usize,
}

impl Default for Compressor {
    fn default() -> Self {
        Self { seen: vec![0; 1 << BITS] }
    }
}

impl Compressor {
    /// Compresses `plain`, which has less than 4 GiB, and replaces the content of `packed`.
    pub(crate) fn compress(&mut self, plain: &[u8], packed: &mut Vec<u8>) {
        self.seen.fill(0);
        packed.clear();
        varint::put(packed, plain.len() as u64);
        let end = plain.len().saturating_sub(WORD);
        let mut distances = [0; 2];
        // The bytes between the two are a literal that is not written yet.
        let (mut written, mut at) = (0, 0);
        while at < end {
            let Some(mut best) = self.find(plain, at, distances) else {
                // Without matches the search takes larger steps.
                at += 1 + (at - written) / 32;
                continue;
            };
            // A long match is rarely beaten by the next one.
            while best.length < LONG
                && at + 1 < end
                && let Some(next) = self.find(plain, at + 1, distances)
                && best.gain + usize::from(at == written) < next.gain
            {
                (best, at) = (next, at + 1);
            }
            put_literal(packed, &plain[written..at]);
            put_copy(packed, best.distance, best.length);
            if best.distance != distances[0] {
                distances = [best.distance, distances[0]];
            }
            at += best.length;
            written = at;
        }
        put_literal(packed, &plain[written..]);
    }

    /// The match at `at` that saves most. Adds the position to the table.
    fn find(&mut self, plain: &[u8], at: usize, distances: [usize; 2]) -> Option<Match> {
        let here = &plain[at..];
        let key = u64::from_le_bytes(*here.first_chunk::<WORD>()?) << (8 * (WORD - KEY));
        let slot = &mut self.seen[hash(key)];
        let before = *slot as usize;
        *slot = u32::try_from(at + 1).ok()?;
        let met = if before == 0 { 0 } else { at + 1 - before };
        let candidate = |distance: usize| {
            if distance == 0 || distance > at || distance > FAR {
                return None;
            }
            let there = &plain[at - distance..];
            if here[..SHORTEST] != there[..SHORTEST] {
                return None;
            }
            let length = SHORTEST + common_prefix(&here[SHORTEST..], &there[SHORTEST..]);
            let gain = length.checked_sub(cost(distance, length)).filter(|gain| *gain > 0)?;
            Some(Match { distance, length, gain })
        };
        let known = candidate(distances[0]).or_else(|| candidate(distances[1]));
        match (known, candidate(met)) {
            (Some(known), Some(other)) if known.gain < other.gain => Some(other),
            (known, other) => known.or(other),
        }
    }
}

/// The copies of a compressed request, to be tried with a request that differs little.
#[derive(Default)]
pub(crate) struct Copies(Vec<Copy>);

#[derive(Clone, Copy)]
struct Copy {
    /// Bytes between the last copy and this one.
    literal: u32,
    distance: u16,
    length: u16,
}

impl Copies {
    /// The copies that make `plain` smallest.
    pub(crate) fn of(plain: &[u8]) -> Self {
        Self(smallest::copies(plain))
    }

    pub(crate) fn bytes(&self) -> usize {
        self.0.len() * size_of::<Copy>()
    }

    /// Compresses `plain` with these copies, as far as they are still equal. Where a value has changed, a copy
    /// continues after it; where more bytes are equal, a copy takes them if it needs no more bytes itself.
    pub(crate) fn replay(&self, plain: &[u8], packed: &mut Vec<u8>) {
        packed.clear();
        varint::put(packed, plain.len() as u64);
        let (mut written, mut start) = (0, 0);
        for Copy { literal, distance, length } in &self.0 {
            start += *literal as usize;
            let (distance, end) = (usize::from(*distance), start + usize::from(*length));
            if plain.len() < end || start < distance {
                break;
            }
            let mut at = start.max(written);
            while at < end {
                let equal = common_prefix(&plain[at..end], &plain[at - distance..end - distance]);
                if 0 < equal {
                    let from = at - more_before(plain, written, at, distance, equal);
                    let to = at + equal;
                    let to = to + more_after(plain, end, to, distance, to - from);
                    if SHORTEST <= to - from {
                        put_literal(packed, &plain[written..from]);
                        put_copy(packed, distance, to - from);
                        written = to;
                    }
                }
                at += equal + 1;
            }
            start = end;
        }
        put_literal(packed, &plain[written..]);
    }
}

/// The length to which a copy can be extended at no cost.
fn extended(distance: usize, length: usize) -> usize {
    if distance <= NEAR && length <= SHORT { SHORT } else { length.max(LONG) }
}

/// Equal bytes before a copy at `at` that are not `written`, and that it can take at no cost.
fn more_before(plain: &[u8], written: usize, at: usize, distance: usize, length: usize) -> usize {
    let room = (extended(distance, length) - length).min(at - written).min(at - distance);
    let pairs = plain[at - room..at].iter().zip(&plain[at - distance - room..at - distance]);
    pairs.rev().take_while(|(one, other)| one == other).count()
}

/// Likewise after a copy up to `to`, if it was equal up to its `end`.
fn more_after(plain: &[u8], end: usize, to: usize, distance: usize, length: usize) -> usize {
    if to < end {
        return 0;
    }
    let room = (extended(distance, length) - length).min(plain.len() - end);
    common_prefix(&plain[end..end + room], &plain[end - distance..end - distance + room])
}

fn hash(key: u64) -> usize {
    let mixed = key.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (64 - BITS);
    usize::try_from(mixed).unwrap_or_default()
}

/// Length of the common prefix.
fn common_prefix(one: &[u8], other: &[u8]) -> usize {
    let (ones, _) = one.as_chunks::<8>();
    let (others, _) = other.as_chunks::<8>();
    let mut length = 0;
    for (one, other) in ones.iter().zip(others) {
        let difference = u64::from_le_bytes(*one) ^ u64::from_le_bytes(*other);
        if difference != 0 {
            return length + difference.trailing_zeros() as usize / 8;
        }
        length += 8;
    }
    let rest = one[length..].iter().zip(&other[length..]);
    length + rest.take_while(|(one, other)| one == other).count()
}

/// Bytes of a copy of this distance and length.
fn cost(distance: usize, length: usize) -> usize {
    let rest = length % LONG;
    let last = match rest {
        0 => 0,
        SHORTEST..=SHORT if distance <= NEAR => 2,
        _ => 3,
    };
    3 * (length / LONG) + last
}

fn put_copy(packed: &mut Vec<u8>, distance: usize, mut length: usize) {
    let [low, high, ..] = distance.to_le_bytes();
    while length > 0 {
        if distance <= NEAR && (SHORTEST..=SHORT).contains(&length) {
            packed.extend([0b01 | byte(length - SHORTEST) << 2 | high << 5, low]);
            return;
        }
        let now = length.min(LONG);
        packed.extend([0b10 | byte(now - 1) << 2, low, high]);
        length -= now;
    }
}

fn put_literal(packed: &mut Vec<u8>, bytes: &[u8]) {
    let Some(last) = bytes.len().checked_sub(1) else { return };
    let count = last.to_le_bytes();
    // Lengths up to 60 are in the tag; longer ones are in the bytes after it.
    match last {
        0..60 => packed.push(byte(last) << 2),
        60..0x100 => packed.extend([60 << 2, count[0]]),
        0x100..0x1_0000 => packed.extend([61 << 2, count[0], count[1]]),
        _ => packed.extend([63 << 2, count[0], count[1], count[2], count[3]]),
    }
    packed.extend_from_slice(bytes);
}

fn byte(number: usize) -> u8 {
    number.to_le_bytes()[0]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn pack(plain: &[u8]) -> usize {
        let mut packed = Vec::new();
        let mut compressor = Compressor::default();
        // A compressor is reused: an earlier input must not affect the output.
        compressor.compress(b"earlier input, earlier input, earlier input", &mut packed);
        compressor.compress(plain, &mut packed);
        check(plain, &packed);
        let (copies, mut smallest) = (Copies::of(plain), Vec::new());
        copies.replay(plain, &mut smallest);
        check(plain, &smallest);
        // Few candidates are tried for each position, which random bytes of few values show.
        let most = packed.len() * 9 / 8 + 8;
        assert!(smallest.len() <= most, "{} > {most}", smallest.len());
        // Copies of other bytes give a valid request too.
        let other: Vec<u8> = plain.iter().map(|byte| byte & 0xf7).collect();
        copies.replay(&other, &mut smallest);
        check(&other, &smallest);
        packed.len()
    }

    #[track_caller]
    fn check(plain: &[u8], packed: &[u8]) {
        let unpacked = snap::raw::Decoder::new().decompress_vec(packed);
        assert!(unpacked.is_ok_and(|unpacked| unpacked == plain), "{} bytes", plain.len());
    }

    #[test]
    fn compressed_bytes_are_read_by_snap() {
        let mut random = fastrand::Rng::with_seed(5);
        for size in (0..200).chain([256, 257, 4096, 70_000, 200_000]) {
            // No repeats; few different bytes; runs; the same 1,000 bytes again and again.
            let noise: Vec<u8> = (0..size).map(|_| random.u8(..)).collect();
            let few: Vec<u8> = (0..size).map(|_| random.u8(0..3)).collect();
            let runs: Vec<u8> =
                (0..size).map(|place| byte(place / (1 + place % 90)) & 0xf0).collect();
            let again: Vec<u8> = (0..size).map(|place| noise[place % 1000]).collect();
            let far = [&noise[..], &few, &noise].concat();
            for plain in [noise, few, runs, again, far] {
                let length = pack(&plain);
                assert!(length <= snap::raw::max_compress_len(plain.len()), "{size}: {length}");
            }
        }
    }

    #[test]
    fn near_and_far_matches_are_found() {
        assert!(pack(&vec![7; 100_000]) < 5_000);
        let text = b"bench_family_requests_total";
        assert!(pack(&[&text[..], &[1], text, &[2], text].concat()) < 50);
        let lines: Vec<String> =
            (0..2_500).map(|line| format!("series_{}\n", line * 7_919)).collect();
        let lines = lines.concat();
        let once = pack(lines.as_bytes());
        let twice = pack([&lines[..], &lines].concat().as_bytes());
        assert!(30_000 < lines.len() && twice < once + once / 5, "{once} and then {twice}");
    }
}
