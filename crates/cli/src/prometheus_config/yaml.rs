//! Reads YAML in which every scalar is the text as it is written. Prometheus takes `version: 1.10`, `password: 0123` and
//! `enabled: yes` as texts where it expects texts.

use std::fmt;
use std::ops::Range;

use serde::Deserialize;
use serde::de::{Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::Value;
use serde_saphyr::Spanned;

/// The document as JSON. Scalars are strings, except `null`.
pub(super) fn read(source: &str) -> Result<Value, serde_saphyr::Error> {
    Ok(serde_saphyr::from_str::<Node>(source)?.json(source))
}

struct Node {
    tree: Tree,
    at: Range<usize>,
}

enum Tree {
    Null,
    Text(String),
    /// A number or a truth value.
    Plain,
    List(Vec<Node>),
    Map(Vec<(String, Node)>),
}

impl Node {
    fn json(self, source: &str) -> Value {
        match self.tree {
            Tree::Null => Value::Null,
            Tree::Text(text) => Value::String(text),
            Tree::Plain => source.get(self.at).unwrap_or_default().trim().into(),
            Tree::List(items) => items.into_iter().map(|item| item.json(source)).collect(),
            Tree::Map(entries) => {
                entries.into_iter().map(|(key, value)| (key, value.json(source))).collect()
            }
        }
    }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let spanned = Spanned::<Tree>::deserialize(from)?;
        let span = spanned.defined.span();
        let bytes = |number: Option<u64>| number.and_then(|number| usize::try_from(number).ok());
        let start = bytes(span.byte_offset()).unwrap_or(0);
        let length = bytes(span.byte_len()).unwrap_or(0);
        Ok(Self { tree: spanned.value, at: start..start.saturating_add(length) })
    }
}

impl<'de> Deserialize<'de> for Tree {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(Trees)
    }
}

struct Trees;

impl<'de> Visitor<'de> for Trees {
    type Value = Tree;

    fn expecting(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str("a YAML value")
    }

    fn visit_unit<E>(self) -> Result<Tree, E> {
        Ok(Tree::Null)
    }

    fn visit_none<E>(self) -> Result<Tree, E> {
        Ok(Tree::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, from: D) -> Result<Tree, D::Error> {
        Tree::deserialize(from)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Tree, E> {
        Ok(Tree::Plain)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Tree, E> {
        Ok(Tree::Plain)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Tree, E> {
        Ok(Tree::Plain)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Tree, E> {
        Ok(Tree::Plain)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Tree, E> {
        Ok(Tree::Text(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut from: A) -> Result<Tree, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = from.next_element()? {
            items.push(item);
        }
        Ok(Tree::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut from: A) -> Result<Tree, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = from.next_entry()? {
            entries.push(entry);
        }
        Ok(Tree::Map(entries))
    }
}

#[cfg(test)]
mod tests {
    use super::read;

    #[test]
    fn scalars_are_texts_as_they_are_written() {
        let source = "a: 1.10\nb: 0123\nc: yes\nd: [1_000, 0x1F, -5, 1e3, true]\ne: &x 2.50\nf: *x\ng:\nh: ~\n\
                      i: \"é 1\"\nj: { k: 007 }\nl: 8 # comment\n";
        let expected = serde_json::json!({
            "a": "1.10", "b": "0123", "c": "yes", "d": ["1_000", "0x1F", "-5", "1e3", "true"],
            "e": "2.50", "f": "2.50", "g": null, "h": null, "i": "é 1", "j": { "k": "007" }, "l": "8",
        });
        assert_eq!(read(source).unwrap(), expected);
        assert!(read("a: 1\na: 2\n").is_err(), "a key that is used twice");
    }
}
