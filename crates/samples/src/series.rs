//! A series: its complete set of labels, sorted, unique and already encoded.

mod labels;
mod packed;

use std::collections::hash_map::DefaultHasher;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

pub(crate) use self::labels::LabelBytes;
use self::labels::{Labels, text};
use self::packed::Group;
use crate::Metadata;

/// The label that holds the metric's name.
pub const NAME: &str = "__name__";

/// Name and labels of a series. Cheap to clone, to compare and to hash.
///
/// The labels are stored as remote write 1.0 encodes them, so encoding a request copies bytes.
/// Metadata is attached to a series but does not identify it: two series that differ only in
/// metadata are equal.
///
/// ```
/// use samples::Series;
///
/// let series = Series::new("up", [("job", "gradio_chatbot"), ("instance", "bot:7860")])?;
/// assert_eq!(series.name(), "up");
/// assert_eq!(series.label("job"), Some("gradio_chatbot"));
/// assert_eq!(series.to_string(), r#"up{instance="bot:7860",job="gradio_chatbot"}"#);
/// # Ok::<(), samples::InvalidSeries>(())
/// ```
#[derive(Clone)]
pub struct Series(Kept);

/// How a series is kept.
#[derive(Clone)]
enum Kept {
    Single(Arc<Inner>),
    Packed(Arc<Group>, u32),
}

struct Inner {
    header: Header,
    metadata: Option<Arc<Metadata>>,
    /// Invariant: written by [`labels::encode`], sorted by name.
    block: Box<[u8]>,
}

/// What is known of the labels without reading them.
#[derive(Clone, Copy)]
struct Header {
    hash: u64,
    /// Bytes.
    longest_value: u32,
    /// Number of labels, `__name__` included.
    count: u16,
    /// All names have only characters that remote write 1.0 accepts.
    legacy: bool,
}

/// Why a set of labels does not form a series.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidSeries {
    #[error("the series has no name")]
    NoName,
    #[error("a label of `{series}` has an empty name")]
    EmptyLabelName { series: String },
    #[error("`{series}` has the label `{label}` twice")]
    DuplicateLabel { series: String, label: String },
}

impl InvalidSeries {
    /// A stable word, for counting.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::NoName => "no_name",
            Self::EmptyLabelName { .. } => "empty_label_name",
            Self::DuplicateLabel { .. } => "duplicate_label",
        }
    }
}

impl Series {
    /// A series from its name and its other labels, in any order.
    ///
    /// A label with an empty value is removed: for Prometheus both forms are the same series.
    pub fn new<'a>(
        name: &'a str,
        labels: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<Self, InvalidSeries> {
        Self::from_labels(std::iter::once((NAME, name)).chain(labels))
    }

    /// A series from all its labels, `__name__` included, in any order.
    pub fn from_labels<'a>(
        labels: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<Self, InvalidSeries> {
        let mut labels: Vec<(&str, &str)> =
            labels.into_iter().filter(|(_, value)| !value.is_empty()).collect();
        labels.sort_unstable();
        let name = labels.iter().find(|(name, _)| *name == NAME).map(|(_, value)| *value);
        let Some(name) = name else { return Err(InvalidSeries::NoName) };
        if labels.first().is_some_and(|(name, _)| name.is_empty()) {
            return Err(InvalidSeries::EmptyLabelName { series: name.to_owned() });
        }
        if let Some(pair) = labels.windows(2).find(|pair| pair[0].0 == pair[1].0) {
            return Err(InvalidSeries::DuplicateLabel {
                series: name.to_owned(),
                label: pair[0].0.to_owned(),
            });
        }
        Ok(Self::from_sorted(&labels))
    }

    fn from_sorted(labels: &[(&str, &str)]) -> Self {
        let block = labels::encode(labels);
        let mut hasher = DefaultHasher::new();
        hasher.write(&block);
        let legacy = labels.iter().all(|&(name, value)| {
            if name == NAME { is_legacy_metric(value) } else { is_legacy_label(name) }
        });
        let longest = labels.iter().map(|(_, value)| value.len()).max().unwrap_or(0);
        let header = Header {
            hash: hasher.finish(),
            longest_value: u32::try_from(longest).unwrap_or(u32::MAX),
            count: u16::try_from(labels.len()).unwrap_or(u16::MAX),
            legacy,
        };
        Self::single(Inner { header, metadata: None, block })
    }

    fn single(inner: Inner) -> Self {
        Self(Kept::Single(Arc::new(inner)))
    }

    fn of_group(group: &Arc<Group>, index: u32) -> Self {
        Self(Kept::Packed(Arc::clone(group), index))
    }

    /// The same series, which share memory from now on: it is freed when none of them is used any more.
    #[must_use]
    pub fn pack(series: &[&Self]) -> Vec<Self> {
        packed::pack(series)
    }

    /// The same series with metadata.
    #[must_use]
    pub fn with_metadata(self, metadata: Arc<Metadata>) -> Self {
        let metadata = Some(metadata);
        let kept = match self.0 {
            Kept::Single(inner) => Arc::try_unwrap(inner).map_err(Kept::Single),
            packed @ Kept::Packed(..) => Err(packed),
        };
        match kept {
            Ok(inner) => Self::single(Inner { metadata, ..inner }),
            Err(shared) => {
                let shared = Self(shared);
                let mut block = Vec::with_capacity(shared.encoded_length());
                shared.put_block(&mut block);
                let block = block.into_boxed_slice();
                Self::single(Inner { header: *shared.header(), metadata, block })
            }
        }
    }

    /// Type, help and unit of the metric; `None` when the target did not declare them.
    #[must_use]
    pub fn metadata(&self) -> Option<&Arc<Metadata>> {
        match &self.0 {
            Kept::Single(inner) => inner.metadata.as_ref(),
            Kept::Packed(group, index) => group.metadata(*index),
        }
    }

    /// The metric's name.
    #[must_use]
    pub fn name(&self) -> &str {
        self.label(NAME).unwrap_or_default()
    }

    /// The value of a label; `None` when the series does not have it.
    #[must_use]
    pub fn label(&self, name: &str) -> Option<&str> {
        let found = self.label_bytes().find(|each| each.name == name.as_bytes());
        found.map(|label| text(label.value))
    }

    /// All labels sorted by name, `__name__` included.
    pub fn labels(&self) -> impl Iterator<Item = (&str, &str)> {
        self.label_bytes().map(|label| (text(label.name), text(label.value)))
    }

    /// Number of labels, `__name__` included.
    #[must_use]
    pub fn label_count(&self) -> usize {
        usize::from(self.header().count)
    }

    /// Bytes of the longest label value, including the metric name.
    #[must_use]
    pub fn longest_value(&self) -> usize {
        self.header().longest_value as usize
    }

    /// Whether remote write 1.0 accepts every name (`[a-zA-Z_:][a-zA-Z0-9_:]*` for the metric,
    /// the same without the colon for labels).
    #[must_use]
    pub fn is_legacy(&self) -> bool {
        self.header().legacy
    }

    /// Bytes that the labels take in a remote write 1.0 request.
    #[must_use]
    pub fn encoded_length(&self) -> usize {
        match &self.0 {
            Kept::Single(inner) => inner.block.len(),
            Kept::Packed(group, index) => group.length(*index),
        }
    }

    /// Appends the labels as remote write 1.0 encodes them.
    pub(crate) fn put_block(&self, out: &mut Vec<u8>) {
        match &self.0 {
            Kept::Single(inner) => out.extend_from_slice(&inner.block),
            Kept::Packed(..) => {
                self.label_bytes().for_each(|label| out.extend_from_slice(label.field));
            }
        }
    }

    fn header(&self) -> &Header {
        match &self.0 {
            Kept::Single(inner) => &inner.header,
            Kept::Packed(group, index) => group.header(*index),
        }
    }

    /// For the hash tables of the encoder.
    pub(crate) fn short_hash(&self) -> u32 {
        let [a, b, c, d, ..] = self.header().hash.to_le_bytes();
        u32::from_le_bytes([a, b, c, d])
    }

    pub(crate) fn label_bytes(&self) -> Labels<'_> {
        match &self.0 {
            Kept::Single(inner) => Labels::of_block(&inner.block),
            Kept::Packed(group, index) => group.labels(*index),
        }
    }

    /// The address of the labels, which is unique while a clone of the series exists.
    pub(crate) fn address(&self) -> (usize, u32) {
        match &self.0 {
            Kept::Single(inner) => (Arc::as_ptr(inner).addr(), 0),
            Kept::Packed(group, index) => (Arc::as_ptr(group).addr(), *index),
        }
    }

    pub(crate) fn is_same_object(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (Kept::Single(one), Kept::Single(other)) => Arc::ptr_eq(one, other),
            (Kept::Packed(one, index), Kept::Packed(other, at)) => {
                index == at && Arc::ptr_eq(one, other)
            }
            _ => false,
        }
    }
}

/// `[a-zA-Z_:][a-zA-Z0-9_:]*`
fn is_legacy_metric(name: &str) -> bool {
    is_legacy(name, |byte| byte == b':')
}

/// `[a-zA-Z_][a-zA-Z0-9_]*`
fn is_legacy_label(name: &str) -> bool {
    is_legacy(name, |_| false)
}

fn is_legacy(name: &str, also: impl Fn(u8) -> bool) -> bool {
    let start = |byte: u8| byte.is_ascii_alphabetic() || byte == b'_' || also(byte);
    name.bytes().next().is_some_and(start)
        && name.bytes().all(|byte| start(byte) || byte.is_ascii_digit())
}

impl PartialEq for Series {
    fn eq(&self, other: &Self) -> bool {
        self.is_same_object(other)
            || (self.header().hash == other.header().hash
                && self.label_bytes().eq(other.label_bytes()))
    }
}

impl Eq for Series {}

impl Hash for Series {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.header().hash);
    }
}

/// By name, then by labels: the order of text formats.
impl Ord for Series {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.name().cmp(other.name()).then_with(|| self.label_bytes().cmp(other.label_bytes()))
    }
}

impl PartialOrd for Series {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for Series {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())?;
        let mut separator = '{';
        for (name, value) in self.labels().filter(|(name, _)| *name != NAME) {
            write!(f, "{separator}{name}={value:?}")?;
            separator = ',';
        }
        f.write_str(if separator == '{' { "" } else { "}" })
    }
}

impl fmt::Debug for Series {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Series({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(labels: &[(&str, &str)], expected: Result<&str, &str>) {
        let actual = Series::from_labels(labels.iter().copied());
        let actual = actual.map(|series| series.to_string()).map_err(|error| error.to_string());
        assert_eq!(actual.as_deref().map_err(String::as_str), expected);
    }

    #[test]
    fn labels_are_sorted_and_unique() {
        check(&[("b", "2"), (NAME, "up"), ("a", "1")], Ok(r#"up{a="1",b="2"}"#));
        check(&[(NAME, "up")], Ok("up"));
        check(&[(NAME, "up"), ("empty", "")], Ok("up"));
        check(&[(NAME, "up"), ("a", "é\"\n")], Ok(r#"up{a="é\"\n"}"#));
        check(&[("a", "1")], Err("the series has no name"));
        check(&[(NAME, ""), ("a", "1")], Err("the series has no name"));
        check(&[], Err("the series has no name"));
        check(&[(NAME, "up"), ("", "x")], Err("a label of `up` has an empty name"));
        check(&[(NAME, "up"), ("a", "1"), ("a", "2")], Err("`up` has the label `a` twice"));
        check(&[(NAME, "up"), (NAME, "down")], Err("`down` has the label `__name__` twice"));
    }

    #[test]
    fn metadata_does_not_affect_equality() {
        let plain = Series::new("m", [("a", "1"), ("b", "2")]).unwrap();
        let again = Series::new("m", [("b", "2"), ("a", "1")]).unwrap();
        let other = Series::new("m", [("a", "12")]).unwrap();
        let described = again.clone().with_metadata(Arc::new(Metadata::default()));

        assert_eq!(plain, again);
        assert_eq!(plain, described);
        assert_ne!(plain, other);
        assert!(described.metadata().is_some() && again.metadata().is_none());
    }

    #[test]
    fn packed_series_are_equal_to_single_ones() {
        let metadata = Arc::new(Metadata { help: "Help.".to_owned(), ..Metadata::default() });
        let value = "x".repeat(300);
        let series = [
            Series::new("m", [("a", "1"), ("b", "2")]).unwrap().with_metadata(metadata),
            Series::new("m", [("a", "1"), ("b", &value)]).unwrap(),
            Series::new("n.o", [("b", "2")]).unwrap(),
        ];
        let packed = Series::pack(&series.each_ref());
        let again = Series::pack(&packed.iter().collect::<Vec<_>>());
        for ((single, packed), again) in series.iter().zip(&packed).zip(again) {
            let blocks = [single, packed, &again].map(|series| {
                let mut block = Vec::new();
                series.put_block(&mut block);
                assert_eq!(block.len(), series.encoded_length());
                block
            });
            assert!(blocks[0] == blocks[1] && blocks[1] == blocks[2]);
            assert_eq!((single, single.to_string()), (packed, again.to_string()));
            assert_eq!(single.label_count(), packed.label_count());
            assert_eq!(single.is_legacy(), packed.is_legacy());
            assert_eq!(single.longest_value(), packed.longest_value());
            assert!(packed.is_same_object(&packed.clone()) && !packed.is_same_object(single));
            let help = |series: &Series| series.metadata().map(|metadata| metadata.help.clone());
            assert_eq!(help(single), help(packed));
            let described = packed.clone().with_metadata(Arc::new(Metadata::default()));
            assert!(described == *packed && help(&described).as_deref() == Some(""));
        }
        assert!(!packed[0].is_same_object(&packed[1]) && packed[0] != packed[1]);
        assert!(Series::pack(&[]).is_empty());
    }

    #[test]
    fn long_label_values_are_kept() {
        let value = "x".repeat(20_000);
        let series = Series::new("m", [("a", value.as_str()), ("z", "end")]).unwrap();
        assert_eq!(series.label("a"), Some(value.as_str()));
        assert_eq!(series.label("z"), Some("end"));
        assert_eq!(series.label_count(), 3);
    }

    #[test]
    fn is_legacy_accepts_the_names_of_1_0() {
        let cases = [
            ("job:up:sum", "a", true),
            ("http.requests", "a", false),
            ("m", "a:b", false),
            ("m", "a.b", false),
            ("0m", "a", false),
            ("m", "0a", false),
            ("é", "a", false),
            ("m0_", "_a0", true),
        ];
        for (name, label, expected) in cases {
            let series = Series::new(name, [(label, "1")]).unwrap();
            assert_eq!(series.is_legacy(), expected, "{series}");
        }
    }
}
