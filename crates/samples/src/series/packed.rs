//! Series that share their labels, for a sender that keeps many for long.
//!
//! Most labels of a series are those of its neighbours. A group has each label once, and its series share one
//! count of references: a series of a usual page takes a quarter of the memory, and to clone it for each
//! sample touches no memory of its own.

use std::collections::HashMap;
use std::sync::Arc;

use super::labels::Labels;
use super::{Header, Series};
use crate::Metadata;

/// Instead of an index: no metadata.
const NONE: u32 = u32::MAX;

/// Series that are kept together.
pub(super) struct Group {
    members: Box<[Member]>,
    /// Of all members: where each label is in `labels`, in the order of names.
    places: Box<[u32]>,
    /// Protobuf fields as in a block, each label once.
    labels: Box<[u8]>,
    metadata: Box<[Arc<Metadata>]>,
}

struct Member {
    header: Header,
    /// Bytes of the block.
    length: u32,
    /// Index of the first label in [`Group::places`].
    start: u32,
    /// Index into [`Group::metadata`].
    metadata: u32,
}

impl Group {
    pub(super) fn header(&self, index: u32) -> &Header {
        &self.members[index as usize].header
    }

    pub(super) fn length(&self, index: u32) -> usize {
        self.members[index as usize].length as usize
    }

    pub(super) fn metadata(&self, index: u32) -> Option<&Arc<Metadata>> {
        self.metadata.get(self.members[index as usize].metadata as usize)
    }

    pub(super) fn labels(&self, index: u32) -> Labels<'_> {
        let member = &self.members[index as usize];
        let (start, count) = (member.start as usize, usize::from(member.header.count));
        Labels::of_group(&self.labels, &self.places[start..start + count])
    }
}

/// Builds a group.
#[derive(Default)]
struct Builder<'s> {
    members: Vec<Member>,
    places: Vec<u32>,
    labels: Vec<u8>,
    metadata: Vec<Arc<Metadata>>,
    /// Places of the labels.
    known: HashMap<&'s [u8], u32>,
}

impl<'s> Builder<'s> {
    fn add(&mut self, series: &'s Series) {
        let start = narrow(self.places.len());
        for label in series.label_bytes() {
            let labels = &mut self.labels;
            let place = self.known.entry(label.field).or_insert_with(|| {
                let place = narrow(labels.len());
                labels.extend_from_slice(label.field);
                place
            });
            self.places.push(*place);
        }
        let metadata = series.metadata().map_or(NONE, |metadata| self.intern(metadata));
        let (header, length) = (*series.header(), narrow(series.encoded_length()));
        self.members.push(Member { header, length, start, metadata });
    }

    /// Series of a family follow each other.
    fn intern(&mut self, metadata: &Arc<Metadata>) -> u32 {
        if self.metadata.last().is_none_or(|last| !Arc::ptr_eq(last, metadata)) {
            self.metadata.push(Arc::clone(metadata));
        }
        narrow(self.metadata.len() - 1)
    }

    fn build(self) -> Group {
        Group {
            members: self.members.into(),
            places: self.places.into(),
            labels: self.labels.into(),
            metadata: self.metadata.into(),
        }
    }
}

/// The same series in one group. It lives as long as one of them; a series with more than 65,535 labels
/// stays alone.
pub(super) fn pack(all: &[&Series]) -> Vec<Series> {
    let fits = |series: &&&Series| series.header().count < u16::MAX;
    let mut builder = Builder::default();
    all.iter().filter(fits).for_each(|series| builder.add(series));
    let (group, mut index) = (Arc::new(builder.build()), 0..);
    let packed = |series: &&Series| {
        let index = index.next().filter(|_| fits(&series));
        index.map_or_else(|| (*series).clone(), |index| Series::of_group(&group, index))
    };
    all.iter().map(packed).collect()
}

/// A page has less than 4 GiB, and so have the labels of a group.
fn narrow(place: usize) -> u32 {
    u32::try_from(place).unwrap_or(u32::MAX)
}
