//! Labels of a series as remote write 1.0 encodes them: protobuf field 1 of `TimeSeries`, once per label.

use crate::varint;

/// The block of these labels, in their order.
pub(super) fn encode(labels: &[(&str, &str)]) -> Box<[u8]> {
    let field = |text: &str| 1 + varint::len(text.len() as u64) + text.len();
    let inner = |(name, value): &(&str, &str)| field(name) + field(value);
    let lengths = labels.iter().map(|label| inner(label) + varint::len(inner(label) as u64) + 1);
    // The exact capacity, since a vector that shrinks to a box leaves unusable gaps in the heap.
    let mut block = Vec::with_capacity(lengths.sum());
    for label @ (name, value) in labels {
        let inner = inner(label);
        block.push(0x0a);
        varint::put(&mut block, inner as u64);
        block.push(0x0a);
        varint::put(&mut block, name.len() as u64);
        block.extend_from_slice(name.as_bytes());
        block.push(0x12);
        varint::put(&mut block, value.len() as u64);
        block.extend_from_slice(value.as_bytes());
    }
    block.into_boxed_slice()
}

/// A label in its encoded form, whose UTF-8 needs no validation.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct LabelBytes<'a> {
    pub(crate) name: &'a [u8],
    pub(crate) value: &'a [u8],
    /// Field 1 of `TimeSeries`.
    pub(super) field: &'a [u8],
}

impl<'a> LabelBytes<'a> {
    /// The label at the start of `bytes`.
    fn read(bytes: &'a [u8]) -> Option<Self> {
        let (length, inside) = varint::get(bytes.get(1..)?)?;
        let end = bytes.len() - inside.len() + usize::try_from(length).ok()?;
        let (name, rest) = text_field(inside)?;
        let (value, _) = text_field(rest)?;
        Some(Self { name, value, field: bytes.get(..end)? })
    }
}

/// The content of a field, and what follows it.
fn text_field(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, after) = varint::get(bytes.get(1..)?)?;
    after.split_at_checked(usize::try_from(length).ok()?)
}

/// The labels of a series, sorted by name.
#[derive(Clone)]
pub(crate) struct Labels<'a> {
    /// The rest of a block.
    rest: &'a [u8],
    /// The labels of the group of a packed series.
    shared: &'a [u8],
    places: std::slice::Iter<'a, u32>,
}

impl<'a> Labels<'a> {
    pub(super) fn of_block(block: &'a [u8]) -> Self {
        Self { rest: block, shared: &[], places: [].iter() }
    }

    pub(super) fn of_group(shared: &'a [u8], places: &'a [u32]) -> Self {
        Self { rest: &[], shared, places: places.iter() }
    }
}

impl<'a> Iterator for Labels<'a> {
    type Item = LabelBytes<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Some(place) = self.places.next() {
            return LabelBytes::read(self.shared.get(*place as usize..)?);
        }
        let label = LabelBytes::read(self.rest)?;
        self.rest = &self.rest[label.field.len()..];
        Some(label)
    }
}

pub(super) fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("the block was built from text")
}
