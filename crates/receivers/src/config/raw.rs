//! The file as it is written, with the place of each value.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::ops::Range;

use domain::EnvironmentName;
use domain::probe::PerEnvironment;
use notify::route::Route;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_saphyr::Spanned;

/// A mistake in the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// What is wrong, with the value in backticks.
    pub message: String,
    /// The expected value.
    pub expected: String,
    /// Bytes of the file.
    pub at: Range<usize>,
}

pub(super) fn span(location: &serde_saphyr::Location) -> Range<usize> {
    let bytes = |number: Option<u64>| number.and_then(|number| usize::try_from(number).ok());
    let start = bytes(location.span().byte_offset()).unwrap_or(0);
    start..start.saturating_add(bytes(location.span().byte_len()).unwrap_or(0).max(1))
}

/// The bytes of a value.
pub(super) fn place<T>(value: &Spanned<T>) -> Range<usize> {
    span(&value.referenced)
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    #[serde(default, rename = "$schema")]
    _schema: Option<String>,
    #[serde(default)]
    pub(super) routes: Vec<Route>,
    #[serde(default)]
    pub(super) receivers: Vec<Spanned<RawReceiver>>,
}

/// A receiver with the keys of all types.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawReceiver {
    pub(super) name: Option<Spanned<String>>,
    #[serde(rename = "type")]
    pub(super) kind: Option<Spanned<String>>,
    pub(super) send: Option<Spanned<Vec<Spanned<String>>>>,
    pub(super) reminders: Option<bool>,
    pub(super) environments: Option<BTreeSet<EnvironmentName>>,
    pub(super) routing_key: Option<Spanned<RawSetting>>,
    pub(super) url: Option<Spanned<RawSetting>>,
    pub(super) method: Option<Spanned<String>>,
    pub(super) headers: Option<Spanned<BTreeMap<String, Spanned<RawSetting>>>>,
    pub(super) body: Option<Spanned<String>>,
    pub(super) template: Option<Spanned<String>>,
    pub(super) signing_key: Option<Spanned<RawSetting>>,
    pub(super) topic: Option<Spanned<RawSetting>>,
    pub(super) format: Option<Spanned<String>>,
}

/// A text, or one for each environment.
#[derive(Clone)]
pub(super) struct RawSetting(pub(super) PerEnvironment<String>);

impl<'de> Deserialize<'de> for RawSetting {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(Settings).map(Self)
    }
}

struct Settings;

impl<'de> Visitor<'de> for Settings {
    type Value = PerEnvironment<String>;

    fn expecting(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str("a text, or an object with a text for each environment")
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(PerEnvironment::Same(text.to_owned()))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut from: A) -> Result<Self::Value, A::Error> {
        let mut values = BTreeMap::new();
        while let Some((environment, text)) = from.next_entry::<EnvironmentName, String>()? {
            values.insert(environment, text);
        }
        Ok(PerEnvironment::By(values))
    }
}
