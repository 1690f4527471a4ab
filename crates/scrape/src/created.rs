//! `_created` lines of OpenMetrics: since when a counter counts.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::num::NonZeroU64;

use exposition::{Kind, Sample};

/// What a line is to the series beside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// A value; it may have a start that stands elsewhere on the page, under the same group.
    Value { group: Option<Group> },
    /// The start of all values of a group.
    Created { group: Group },
}

/// Hash of a family's name and of the labels that tell its metrics apart. Never 0, so that none takes
/// no room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Group(NonZeroU64);

/// What `sample` is within the family that was declared last.
pub(crate) fn role(sample: &Sample<'_>, family: &str, kind: Kind) -> Role {
    let counts = matches!(kind, Kind::Counter | Kind::Histogram | Kind::Summary);
    let suffix = sample.name().strip_prefix(family).filter(|_| counts);
    match suffix {
        Some("_created") => Role::Created { group: group(sample, family) },
        Some("_total" | "_bucket" | "_sum" | "_count") => {
            Role::Value { group: Some(group(sample, family)) }
        }
        Some("") if kind == Kind::Summary => Role::Value { group: Some(group(sample, family)) },
        _ => Role::Value { group: None },
    }
}

fn group(sample: &Sample<'_>, family: &str) -> Group {
    let mut labels: Vec<_> =
        sample.labels().filter(|(name, _)| !matches!(*name, "le" | "quantile")).collect();
    labels.sort_unstable();
    let mut hasher = DefaultHasher::new();
    family.hash(&mut hasher);
    labels.hash(&mut hasher);
    Group(NonZeroU64::new(hasher.finish()).unwrap_or(NonZeroU64::MIN))
}
