//! Bounds the memory of parsed JSON.
//!
//! A parsed value takes up to 16 times the memory of its text (`[[],[],…]`), so a limit on bytes alone
//! does not bound it.

use serde_json::Value;

/// Values of one document; a parsed value takes 32 bytes and its text.
const MAX_VALUES: usize = 400_000;

/// Whether a JSON text has more values than any app needs.
pub(crate) fn has_too_many_values(json: &[u8]) -> bool {
    // Each value has at least two bytes of text: itself and a separator.
    if json.len() <= 2 * MAX_VALUES {
        return false;
    }
    let mut count = 0;
    let (mut in_string, mut escaped) = (false, false);
    for &byte in json {
        if in_string {
            in_string = escaped || byte != b'"';
            escaped = !escaped && byte == b'\\';
        } else {
            in_string = byte == b'"';
            count += usize::from(matches!(byte, b',' | b'[' | b'{' | b':'));
        }
    }
    count > MAX_VALUES
}

/// Approximate bytes of a value in memory.
pub(crate) fn size_of_value(value: &Value) -> usize {
    const NODE: usize = size_of::<Value>();
    NODE + match value {
        Value::String(text) => text.len(),
        Value::Array(items) => items.iter().map(size_of_value).sum(),
        Value::Object(map) => {
            map.iter().map(|(key, value)| NODE + key.len() + size_of_value(value)).sum()
        }
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn separators_outside_strings_are_counted() {
        let text = format!("[\"{}\"]", "\\\",[{".repeat(500_000));
        assert!(!has_too_many_values(text.as_bytes()));
        let values = format!("[{}0]", "0,".repeat(500_000));
        assert!(has_too_many_values(values.as_bytes()));
        assert!(!has_too_many_values(b"[1,2,3]"));
    }
}
