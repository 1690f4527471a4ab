//! The paths that a module names.

/// What a module names in `use` declarations and elsewhere.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Paths {
    pub(super) imports: Vec<Import>,
    /// Paths outside `use`, such as `crate::page::fetch` in a call.
    pub(super) inline: Vec<Vec<String>>,
}

/// One name that a `use` declaration brings in.
#[derive(Debug, PartialEq)]
pub(super) struct Import {
    pub(super) path: Vec<String>,
    /// The name in this module; `*` for a glob.
    pub(super) name: String,
    pub(super) is_public: bool,
}

/// Reads the words of a file.
pub(super) fn of(words: &[&str]) -> Paths {
    let mut paths = Paths::default();
    let mut at = 0;
    while at < words.len() {
        if words[at] == "use" && words.get(at + 1).is_some_and(|next| *next != "<") {
            let is_public = at > 0 && ["pub", ")"].contains(&words[at - 1]);
            at += 1;
            tree(words, &mut at, &[], is_public, &mut paths.imports);
        } else if is_name(words[at]) && words.get(at + 1) == Some(&"::") {
            let mut path = vec![words[at].to_owned()];
            while words.get(at + 1) == Some(&"::") && words.get(at + 2).is_some_and(|w| is_name(w))
            {
                path.push(words[at + 2].to_owned());
                at += 2;
            }
            paths.inline.push(path);
        }
        at += 1;
    }
    paths
}

fn is_name(word: &str) -> bool {
    word.starts_with(|first: char| first.is_alphabetic() || first == '_')
}

/// One branch of a `use` tree; `at` is then on the `,`, `}` or `;` behind it.
fn tree(
    words: &[&str],
    at: &mut usize,
    before: &[String],
    is_public: bool,
    imports: &mut Vec<Import>,
) {
    let mut path = before.to_vec();
    let mut name = None;
    while let Some(&word) = words.get(*at) {
        match word {
            "," | "}" | ";" => break,
            "{" => {
                while words.get(*at).is_some_and(|word| *word != "}") {
                    *at += 1;
                    tree(words, at, &path, is_public, imports);
                }
                *at += 1;
                return;
            }
            "as" => {
                name = words.get(*at + 1).map(|word| (*word).to_owned());
                *at += 1;
            }
            "::" => {}
            _ => path.push(word.to_owned()),
        }
        *at += 1;
    }
    if path.len() == before.len() {
        return;
    }
    if path.len() > 1 && path.last().is_some_and(|last| last == "self") {
        path.pop();
    }
    let name = name.or_else(|| path.last().cloned());
    imports.extend(name.map(|name| Import { path, name, is_public }));
}

#[test]
fn use_trees_are_read() {
    let read = |code: &str| {
        let paths = of(&super::tokens::of(code));
        let imports =
            paths.imports.iter().map(|one| format!("{} as {}", one.path.join("::"), one.name));
        let inline = paths.inline.iter().map(|path| path.join("::"));
        imports.chain(inline).collect::<Vec<_>>()
    };
    for (code, expected) in [
        ("use crate::a::B;", vec!["crate::a::B as B"]),
        (
            "use a::{self, b::{C, D as E}, f::*};",
            vec!["a as a", "a::b::C as C", "a::b::D as E", "a::f::* as *"],
        ),
        ("pub(crate) use super::{a,};", vec!["super::a as a"]),
        ("fn x() -> impl Y + use<'a> { crate::a::b(c::<D>()) }", vec!["crate::a::b", "c"]),
    ] {
        assert_eq!(read(code), expected, "{code}");
    }
    assert!(of(&super::tokens::of("pub use a::B;")).imports[0].is_public);
    assert!(!of(&super::tokens::of("use a::B;")).imports[0].is_public);
}
