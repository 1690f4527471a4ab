//! [`Memory`] as bytes, for a process that does not keep it.

use std::fmt::Write as _;

use exposition::{Format, Line, Reader};
use samples::{NAME, Series};

use crate::memory::{BEFORE, Memory, NEVER};

/// First byte of [`Memory::to_bytes`].
const VERSION: u8 = 1;

/// The value of a series is a sum of these.
const TRACKED: u32 = 1;
const NEVER_SENT: u32 = 2;
const FAILED: u32 = 4;

/// Bytes of a state after decompression, at most: the state of a page of several times the size that a
/// function with 1 GiB of memory can scrape.
const BYTES: usize = 128 << 20;

/// Why bytes are not a valid memory. Start with [`Memory::new`] then.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StateError {
    #[error("the state of the target has version {version}; expected {VERSION}")]
    Version { version: u8 },
    #[error("the state of the target is damaged: {what}")]
    Damaged { what: &'static str },
}

impl Memory {
    /// The series of the target, compressed: about a tenth of the page's size.
    ///
    /// It changes only when series are added or removed ([`crate::Scrape::memory_changed`]). The last times
    /// of series with timestamps are not stored, since they change with each scrape: such a sample may be
    /// sent again, which receivers accept.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut text = String::new();
        for (index, slot) in self.slots.iter().enumerate() {
            let Some(series) = slot.series.as_ref().filter(|_| slot.main as usize == index) else {
                continue;
            };
            // In the form of a page, so that the parser of pages reads it. All names are in quotes, since
            // they may be UTF-8.
            text.push('{');
            quote(&mut text, series.name());
            for (name, value) in series.labels().filter(|(name, _)| *name != NAME) {
                text.push(',');
                quote(&mut text, name);
                text.push('=');
                quote(&mut text, value);
            }
            text.push_str("} ");
            let flags = [
                (self.is_tracked(slot), TRACKED),
                (slot.last_at == NEVER, NEVER_SENT),
                (self.stood_on_failed_page(slot), FAILED),
            ];
            let flags: u32 = flags.iter().filter(|(set, _)| *set).map(|(_, flag)| flag).sum();
            let _ = writeln!(text, "{flags}");
        }
        let mut bytes = vec![VERSION];
        // Fails only beyond 4 GiB, which no page reaches. The state is then invalid.
        bytes.extend(snap::raw::Encoder::new().compress_vec(text.as_bytes()).unwrap_or_default());
        bytes
    }

    /// Reads [`Memory::to_bytes`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, StateError> {
        let damaged = |what| StateError::Damaged { what };
        let (version, packed) = bytes.split_first().ok_or(damaged("it is empty"))?;
        if *version != VERSION {
            return Err(StateError::Version { version: *version });
        }
        let length = snap::raw::decompress_len(packed).map_err(|_| damaged("not compressed"))?;
        if BYTES < length {
            return Err(damaged("too large"));
        }
        let text = snap::raw::Decoder::new()
            .decompress_vec(packed)
            .map_err(|_| damaged("can't be decompressed"))?;
        let mut memory = Self::new();
        // The series of a failed page were seen in the round before.
        memory.round = 2;
        for line in Reader::new(&text, Format::Prometheus) {
            let Ok(Line::Sample(sample)) = line else {
                return Err(damaged("not a list of series"));
            };
            let labels: Vec<_> = sample.labels().collect();
            let labels = labels.iter().map(|(name, value)| (&**name, &**value));
            let series =
                Series::new(&sample.name(), labels).map_err(|_| damaged("not a series"))?;
            memory.add_unwritten(series);
            let set = |flag: u32| {
                (0..8).any(|value| {
                    f64::from(value).to_bits() == sample.value.to_bits() && value & flag != 0
                })
            };
            let round = memory.round;
            if let Some(slot) = memory.slots.last_mut() {
                slot.tracked = if set(TRACKED) { round } else { 0 };
                slot.last_at = if set(NEVER_SENT) { NEVER } else { BEFORE };
                slot.seen = if set(FAILED) { round - 1 } else { 0 };
            }
        }
        Ok(memory)
    }
}

/// Appends `value` in double quotes.
fn quote(text: &mut String, value: &str) {
    text.push('"');
    for char in value.chars() {
        match char {
            '\\' => text.push_str(r"\\"),
            '"' => text.push_str("\\\""),
            '\n' => text.push_str(r"\n"),
            other => text.push(other),
        }
    }
    text.push('"');
}
