//! First pass: YAML to a tree in which every value and every key has its place in the file.
//!
//! serde-saphyr stops at the first mistake. Therefore it only builds the tree, and the second pass
//! checks it.

use std::fmt;
use std::ops::Range;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::{Location, Spanned};

/// The byte range of a value or a key in the source.
pub(crate) type Place = Range<usize>;

/// A YAML value and its place.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Node {
    pub(crate) value: Value,
    pub(crate) at: Place,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    Null,
    Bool(bool),
    Integer(i64),
    Float(f64),
    Text(String),
    List(Vec<Node>),
    Map(Vec<(Key, Node)>),
}

/// A key of a mapping, with its place.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Key {
    pub(crate) text: String,
    pub(crate) at: Place,
}

impl Node {
    /// The kind of value, for messages.
    pub(crate) fn kind(&self) -> &'static str {
        match self.value {
            Value::Null => "nothing",
            Value::Bool(_) => "true or false",
            Value::Integer(_) | Value::Float(_) => "a number",
            Value::Text(_) => "text",
            Value::List(_) => "a list",
            Value::Map(_) => "a mapping",
        }
    }

    /// The place to underline. A mapping in block style begins at its first key.
    pub(crate) fn place(&self) -> Place {
        match self.entries().first() {
            Some((key, _)) if self.at.is_empty() => key.at.clone(),
            _ => self.at.clone(),
        }
    }

    /// The entries of a mapping; none for anything else.
    pub(crate) fn entries(&self) -> &[(Key, Node)] {
        if let Value::Map(entries) = &self.value { entries } else { &[] }
    }

    /// The value of the first entry with this key.
    pub(crate) fn get(&self, key: &str) -> Option<&Self> {
        self.entries().iter().find(|(name, _)| name.text == key).map(|(_, value)| value)
    }

    /// As JSON. A number that JSON does not have becomes null.
    pub(crate) fn to_json(&self) -> serde_json::Value {
        match &self.value {
            Value::Null => serde_json::Value::Null,
            Value::Bool(set) => (*set).into(),
            Value::Integer(number) => (*number).into(),
            Value::Float(number) => (*number).into(),
            Value::Text(text) => text.as_str().into(),
            Value::List(items) => items.iter().map(Self::to_json).collect(),
            Value::Map(entries) => {
                entries.iter().map(|(key, value)| (key.text.clone(), value.to_json())).collect()
            }
        }
    }
}

/// Reads a document into its tree. Editors and tools add `---` at the end, which is not another document.
pub(crate) fn read(source: &str) -> Result<Node, serde_saphyr::Error> {
    let source = without_last_mark(source);
    serde_saphyr::from_str_with_options(
        source,
        serde_saphyr::options! {
            budget: serde_saphyr::budget! {
                max_depth: 24,
                max_nodes: 20_000,
                max_events: 60_000,
                max_aliases: 200,
                max_anchors: 200,
                max_merge_keys: 100,
                max_documents: 1,
            },
            // The second pass notes them with both places.
            duplicate_keys: serde_saphyr::DuplicateKeyPolicy::PassThrough,
            strict_booleans: true,
            with_snippet: false,
        },
    )
}

/// The source without a `---` that only comments follow.
fn without_last_mark(source: &str) -> &str {
    let mut rest = source;
    loop {
        rest = rest.trim_end();
        let start = rest.rfind('\n').map_or(0, |newline| newline + 1);
        match &rest[start..] {
            _ if start == 0 => return source,
            line if line == "---" || line.starts_with("--- #") => return &rest[..start],
            line if line.starts_with('#') => rest = &rest[..start],
            _ => return source,
        }
    }
}

fn place(location: Location) -> Place {
    let bytes = |number: Option<u64>| number.and_then(|number| usize::try_from(number).ok());
    let start = bytes(location.span().byte_offset()).unwrap_or(0);
    start..start.saturating_add(bytes(location.span().byte_len()).unwrap_or(0))
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let spanned = Spanned::<Value>::deserialize(from)?;
        Ok(Self { value: spanned.value, at: place(spanned.referenced) })
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(Values)
    }
}

struct Values;

impl<'de> Visitor<'de> for Values {
    type Value = Value;

    fn expecting(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str("a YAML value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, from: D) -> Result<Value, D::Error> {
        Value::deserialize(from)
    }

    fn visit_bool<E>(self, set: bool) -> Result<Value, E> {
        Ok(Value::Bool(set))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Value, E> {
        Ok(Value::Integer(number))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Value, E> {
        #[expect(
            clippy::cast_precision_loss,
            reason = "beyond i64 only the magnitude matters here"
        )]
        Ok(i64::try_from(number).map_or(Value::Float(number as f64), Value::Integer))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Value, E> {
        Ok(Value::Float(number))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(Value::Text(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut from: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = from.next_element()? {
            items.push(item);
        }
        Ok(Value::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut from: A) -> Result<Value, A::Error> {
        let mut entries = Vec::new();
        while let Some(key) = from.next_key::<Spanned<String>>()? {
            let key = Key { text: key.value, at: place(key.referenced) };
            let mut value: Node = from.next_value()?;
            // An empty value has no position.
            if value.value == Value::Null && value.at.is_empty() {
                value.at = key.at.clone();
            }
            entries.push((key, value));
        }
        Ok(Value::Map(entries))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dump(node: &Node, source: &str, to: &mut Vec<String>) {
        to.push(format!("{}: {:?}", node.kind(), &source[node.at.clone()]));
        if let Value::List(items) = &node.value {
            for item in items {
                dump(item, source, to);
            }
        }
        for (key, value) in node.entries() {
            to.push(format!("key {:?}", &source[key.at.clone()]));
            dump(value, source, to);
        }
    }

    #[test]
    fn every_value_and_key_has_its_position() {
        let source = concat!(
            "a: \"é\\n\"\nb: [1, no, {c: 2.5}]\nd:\n  e: true\n  'f': >\n    folded\n    text\n",
            "g:\nh: &x x\ni: *x\n",
        );
        let node = read(source).unwrap();
        let mut places = Vec::new();
        dump(&node, source, &mut places);
        let expected = [
            r#"a mapping: """#,
            r#"key "a""#,
            r#"text: "\"é\\n\"""#,
            r#"key "b""#,
            r#"a list: "[""#,
            r#"a number: "1""#,
            r#"text: "no""#,
            r#"a mapping: "{""#,
            r#"key "c""#,
            r#"a number: "2.5""#,
            r#"key "d""#,
            r#"a mapping: """#,
            r#"key "e""#,
            r#"true or false: "true""#,
            r#"key "'f'""#,
            r#"text: "folded\n    text\n""#,
            r#"key "g""#,
            r#"nothing: "g""#,
            r#"key "h""#,
            r#"text: "x""#,
            r#"key "i""#,
            r#"text: "*x""#,
        ];
        assert_eq!(places, expected);
    }

    #[test]
    fn deeply_nested_or_expanding_file_is_rejected() {
        let nested = "[".repeat(200);
        assert!(read(&nested).is_err());
        let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
        for level in 1..10 {
            let before = level - 1;
            let aliases = vec![format!("*a{before}"); 10].join(", ");
            bomb.extend([
                "a",
                &level.to_string(),
                ": &a",
                &level.to_string(),
                " [",
                &aliases,
                "]\n",
            ]);
        }
        assert!(read(&bomb).is_err());
        assert!(read("a: 1\n---\nb: 2\n").is_err());
    }

    #[test]
    fn mark_at_the_end_is_not_a_document() {
        let plain = read("a: 1\n").unwrap();
        for end in ["---", "---\n\n", "---\r\n", "--- # end\n", "---\n# end\n#\n"] {
            assert_eq!(read(&format!("a: 1\n{end}")).unwrap(), plain, "{end:?}");
        }
        assert!(read("---\na: 1\n# --- b\n").is_ok());
    }
}
