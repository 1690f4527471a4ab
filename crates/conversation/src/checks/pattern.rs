//! Makes a regex fit a folded text.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::ops::Range;

use regex_syntax::ast::{
    self, Ast, ClassBracketed, ClassSetItem, Concat, Literal, Visitor, parse::Parser,
};
use unicode_normalization::UnicodeNormalization as _;

use super::fold::fold;

/// The regex with its literal characters folded as those of the text are, also where they are escaped
/// (`\u2013`). A class keeps its characters beside the folded ones. `None` if it is not a regex.
pub(super) fn fold_pattern(pattern: &str) -> Option<String> {
    let pattern: String = pattern.nfc().collect();
    let tree = Parser::new().parse(&pattern).ok()?;
    let Ok(mut replaced) = ast::visit(&tree, Edits::default());
    replaced.sort_by_key(|(span, _)| span.start);
    let mut folded = String::with_capacity(pattern.len());
    let mut done = 0;
    for (span, text) in replaced {
        folded.push_str(pattern.get(done..span.start)?);
        folded.push_str(&text);
        done = span.end;
    }
    folded.push_str(pattern.get(done..)?);
    Some(folded)
}

/// Parts of the pattern with their replacements.
#[derive(Default)]
struct Edits {
    replaced: Vec<(Range<usize>, String)>,
    /// Where literal white space follows other white space. A folded text has one space there.
    repeated: BTreeSet<usize>,
    /// Whether each of the open classes is negated.
    negated: Vec<bool>,
}

impl Edits {
    fn find_repeated(&mut self, concat: &Concat) {
        for pair in concat.asts.windows(2) {
            if let [Ast::Literal(first), Ast::Literal(second)] = pair
                && first.c.is_whitespace()
                && second.c.is_whitespace()
            {
                self.repeated.insert(second.span.start.offset);
            }
        }
    }

    fn fold_literal(&mut self, literal: &Literal) {
        let span = range(&literal.span);
        if self.repeated.contains(&span.start) {
            self.replaced.push((span, String::new()));
        } else if let Some(folded) = changed(literal.c) {
            // A quantifier after the character applies to all of them.
            let text = match folded.chars().count() {
                1 => escaped(&folded),
                _ => format!("(?:{})", escaped(&folded)),
            };
            self.replaced.push((span, text));
        }
    }

    fn fold_item(&mut self, span: Range<usize>, characters: &[char]) {
        // `[^\n]` must not exclude all spaces.
        let is_negated = self.negated.contains(&true);
        let characters = characters.iter().filter(|one| !(is_negated && one.is_whitespace()));
        let mut folded: Vec<char> =
            characters.filter_map(|one| changed(*one)?.chars().next()).collect();
        folded.dedup();
        if !folded.is_empty() {
            let folded: String = folded.into_iter().collect();
            self.replaced.push((span.end..span.end, escaped(&folded)));
        }
    }

    fn open(&mut self, class: &ClassBracketed) {
        self.negated.push(class.negated);
    }
}

impl Visitor for Edits {
    type Output = Vec<(Range<usize>, String)>;
    type Err = Infallible;

    fn finish(self) -> Result<Self::Output, Infallible> {
        Ok(self.replaced)
    }

    fn visit_pre(&mut self, tree: &Ast) -> Result<(), Infallible> {
        match tree {
            Ast::Concat(concat) => self.find_repeated(concat),
            Ast::Literal(literal) => self.fold_literal(literal),
            Ast::ClassBracketed(class) => self.open(class),
            _ => {}
        }
        Ok(())
    }

    fn visit_post(&mut self, tree: &Ast) -> Result<(), Infallible> {
        if matches!(tree, Ast::ClassBracketed(_)) {
            self.negated.pop();
        }
        Ok(())
    }

    fn visit_class_set_item_pre(&mut self, item: &ClassSetItem) -> Result<(), Infallible> {
        match item {
            ClassSetItem::Literal(literal) => self.fold_item(range(&literal.span), &[literal.c]),
            ClassSetItem::Range(both) => {
                self.fold_item(range(&both.span), &[both.start.c, both.end.c]);
            }
            ClassSetItem::Bracketed(class) => self.open(class),
            _ => {}
        }
        Ok(())
    }

    fn visit_class_set_item_post(&mut self, item: &ClassSetItem) -> Result<(), Infallible> {
        if matches!(item, ClassSetItem::Bracketed(_)) {
            self.negated.pop();
        }
        Ok(())
    }
}

fn range(span: &ast::Span) -> Range<usize> {
    span.start.offset..span.end.offset
}

/// The folded form of a character; `None` if it is the same.
fn changed(character: char) -> Option<String> {
    let folded = fold(character.encode_utf8(&mut [0; 4]));
    (!folded.chars().eq([character])).then_some(folded)
}

/// As a part of a regex, also of one with the flag `x`, in which spaces mean nothing.
fn escaped(text: &str) -> String {
    regex_syntax::escape(text).replace(' ', r"\x20")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_of_a_pattern_are_folded() {
        for (pattern, folded) in [
            ("9\u{2013}18\u{a0}h", r"9\-18\x20h"),
            (r"9\u2013\x{2014}", r"9\-\-"),
            ("[\u{2013}a]", "[\u{2013}\\-a]"),
            ("[\u{2010}-\u{2015}]", "[\u{2010}-\u{2015}\\-]"),
            ("[\u{2019}-\u{201c}]", "[\u{2019}-\u{201c}'\"]"),
            ("[^\u{2013}]", "[^\u{2013}\\-]"),
            (r"[^\n]+ [\n]", r"[^\n]+ [\n\x20]"),
            (r"[^a[\n]]", r"[^a[\n]]"),
            ("l\u{2019}\u{e9}t\u{e9}", "l'été"),
            ("e\u{301}", "é"),
            ("\u{2026}+", r"(?:\.\.\.)+"),
            ("[!\u{2026}]", "[!\u{2026}\\.]"),
            ("co\u{ad}?operate", "co(?:)?operate"),
            (r"a\n\n b\n*", r"a\x20b\x20*"),
            (r"a.b\.\*(?i)\d+[a-z&&[^b]]", r"a.b\.\*(?i)\d+[a-z&&[^b]]"),
        ] {
            assert_eq!(fold_pattern(pattern).as_deref(), Some(folded), "{pattern}");
            assert!(regex::Regex::new(folded).is_ok(), "{folded}");
        }
        assert_eq!(fold_pattern("("), None);
    }
}
