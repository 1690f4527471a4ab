//! The metric families that a page declares.

use std::borrow::Cow;
use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Arc;

use exposition::Kind;
use samples::{Metadata, MetricKind};

/// What the name of a sample may have after the family name.
const SUFFIXES: [&str; 8] =
    ["_total", "_bucket", "_sum", "_count", "_created", "_info", "_gsum", "_gcount"];

/// The families of a page, by name. Their lines may be anywhere before their samples.
#[derive(Default)]
pub(crate) struct Families<'p>(HashMap<Cow<'p, str>, Family<'p>>);

/// A declared family.
#[derive(Default)]
pub(crate) struct Family<'p> {
    pub(crate) kind: Option<Kind>,
    pub(crate) help: String,
    pub(crate) unit: &'p str,
    /// Created when the first new series needs it.
    metadata: Option<Arc<Metadata>>,
}

impl<'p> Families<'p> {
    /// The family `name`, to declare something about it.
    pub(crate) fn declare(&mut self, name: Cow<'p, str>) -> &mut Family<'p> {
        let family = self.0.entry(name).or_default();
        family.metadata = None;
        family
    }

    /// Name and type of the family of a sample; without a family an empty name.
    pub(crate) fn of(&self, sample: &str) -> (&str, Kind) {
        let found = candidates(sample).find_map(|name| self.0.get_key_value(name));
        found.map_or(("", Kind::Unknown), |(name, family)| {
            (&**name, family.kind.unwrap_or(Kind::Unknown))
        })
    }

    /// A hash of all declarations.
    pub(crate) fn hash(&self) -> u64 {
        self.0.iter().fold(0, |sum: u64, (name, family)| {
            let mut hasher = DefaultHasher::new();
            (name, family.kind.map(metric_kind), &family.help, family.unit).hash(&mut hasher);
            sum.wrapping_add(hasher.finish())
        })
    }

    /// The metadata of the family of a sample; `None` when nothing is declared.
    pub(crate) fn metadata_of(&mut self, sample: &str) -> Option<Arc<Metadata>> {
        let name = candidates(sample).find(|name| self.0.contains_key(*name))?;
        let family = self.0.get_mut(name)?;
        let metadata = family.metadata.get_or_insert_with(|| {
            Arc::new(Metadata {
                family: name.to_owned(),
                kind: family.kind.map_or(MetricKind::Unknown, metric_kind),
                help: family.help.clone(),
                unit: family.unit.to_owned(),
            })
        });
        Some(Arc::clone(metadata))
    }
}

/// The names that the family of a sample may have.
fn candidates(sample: &str) -> impl Iterator<Item = &str> {
    let stems = SUFFIXES.iter().filter_map(move |suffix| sample.strip_suffix(suffix));
    std::iter::once(sample).chain(stems)
}

fn metric_kind(kind: Kind) -> MetricKind {
    match kind {
        Kind::Counter => MetricKind::Counter,
        Kind::Gauge => MetricKind::Gauge,
        Kind::Histogram => MetricKind::Histogram,
        Kind::GaugeHistogram => MetricKind::GaugeHistogram,
        Kind::Summary => MetricKind::Summary,
        Kind::Info => MetricKind::Info,
        Kind::StateSet => MetricKind::StateSet,
        Kind::Unknown => MetricKind::Unknown,
    }
}
