//! `_created` lines of OpenMetrics: the start times of counters.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::num::NonZeroU64;

use exposition::{Kind, Sample};

/// How a line is related to the other lines of its family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// A value. Its start time may be on another line of the page, with the same group.
    Value { group: Option<Group> },
    /// The start time of all values of a group. As in Prometheus, it is also a series.
    Created { group: Group },
}

/// Hash of a family name and of the labels that distinguish its metrics. Never 0, so that `Option`
/// takes no space.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Group(NonZeroU64);

/// The role of `sample` within a family.
pub(crate) fn role(sample: &Sample<'_>, family: &str, kind: Kind) -> Role {
    let counts = matches!(kind, Kind::Counter | Kind::Histogram | Kind::Summary);
    let name = sample.name();
    let suffix = name.strip_prefix(family).filter(|_| counts && !family.is_empty());
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
        sample.labels().filter(|(name, _)| !matches!(&**name, "le" | "quantile")).collect();
    labels.sort_unstable();
    let mut hasher = DefaultHasher::new();
    family.hash(&mut hasher);
    labels.hash(&mut hasher);
    Group(NonZeroU64::new(hasher.finish()).unwrap_or(NonZeroU64::MIN))
}
