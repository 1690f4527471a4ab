//! [`Memory`] as bytes, for who can't keep it in memory.

use std::fmt::Write as _;

use exposition::{Format, Line, Reader};
use samples::{NAME, Series};

use crate::created::Role;
use crate::memory::{BEFORE, Memory, NEVER};

/// First byte of what [`Memory::to_bytes`] gives.
const VERSION: u8 = 1;

/// The values of the series in it are sums of these.
const TRACKED: u32 = 1;
const NEVER_SENT: u32 = 2;
const FAILED: u32 = 4;

/// Largest state that is unpacked.
const BYTES: usize = 256 << 20;

/// Why bytes are no memory of a target. Begin with [`Memory::new`] then; its documentation says what it costs.
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
    /// It changes only when series come or go ([`crate::Scrape::memory_changed`]). The last times of series
    /// that have times of their own are left out, since they change with every scrape: such a value may
    /// be sent again, which receivers take as the same value.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut text = String::new();
        for (index, slot) in self.slots.iter().enumerate() {
            if matches!(slot.role(), Role::Created { .. }) || slot.books as usize != index {
                continue;
            }
            // A page of metrics once more, so that the parser of pages reads it back. Series on a page have
            // names that it can hold.
            text.push_str(slot.series.name());
            let mut separator = '{';
            for (name, value) in slot.series.labels().filter(|(name, _)| *name != NAME) {
                let _ = write!(text, "{separator}{name}=\"");
                for char in value.chars() {
                    match char {
                        '\\' => text.push_str(r"\\"),
                        '"' => text.push_str("\\\""),
                        '\n' => text.push_str(r"\n"),
                        other => text.push(other),
                    }
                }
                text.push('"');
                separator = ',';
            }
            text.push_str(if separator == ',' { "} " } else { " " });
            let flags = [
                (self.is_tracked(slot), TRACKED),
                (slot.last_at == NEVER, NEVER_SENT),
                (self.stood_on_failed_page(slot), FAILED),
            ];
            let flags: u32 = flags.iter().filter(|(set, _)| *set).map(|(_, flag)| flag).sum();
            let _ = writeln!(text, "{flags}");
        }
        let mut bytes = vec![VERSION];
        // Fails only beyond 4 GiB, which no page reaches; an empty state is then the honest one.
        bytes.extend(snap::raw::Encoder::new().compress_vec(text.as_bytes()).unwrap_or_default());
        bytes
    }

    /// What [`Memory::to_bytes`] gave.
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
        // A round before this one is where a failed page's series were seen.
        memory.round = 2;
        let limits = exposition::Limits { line_bytes: BYTES, labels: usize::MAX };
        for line in Reader::with_limits(&text, Format::Prometheus, limits) {
            let Ok(Line::Sample(sample)) = line else {
                return Err(damaged("not a list of series"));
            };
            let labels: Vec<_> = sample.labels().collect();
            let labels = labels.iter().map(|(name, value)| (*name, &**value));
            let series = Series::new(sample.name(), labels).map_err(|_| damaged("not a series"))?;
            memory.push("", series, Role::Value { group: None });
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
