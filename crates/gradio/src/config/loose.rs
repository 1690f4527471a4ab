//! Readers of fields that may have an unexpected type.

use serde::Deserialize;
use serde::de::{DeserializeOwned, Deserializer};
use serde_json::Value;

/// Returns the default for a value of an unexpected type.
pub(super) fn loose<'de, D: Deserializer<'de>, T: DeserializeOwned + Default>(
    deserializer: D,
) -> Result<T, D::Error> {
    let value = Value::deserialize(deserializer)?;
    Ok(T::deserialize(value).unwrap_or_default())
}

/// Reads a label. Since 6.0 a translated label is `__i18n__` and a JSON object with its key.
pub(super) fn label<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<String>, D::Error> {
    let label: Option<String> = loose(deserializer)?;
    let key = label.as_deref().and_then(|label| {
        let translation: Value = serde_json::from_str(label.strip_prefix("__i18n__")?).ok()?;
        Some(translation.get("key")?.as_str()?.rsplit('.').next()?.to_owned())
    });
    Ok(key.or(label))
}
