//! Reads expressions. Operators bind in the usual order: `OR`, `AND`, comparison, sum, product.

use super::{Node, Operator};

/// Longest expression of `PutMetricAlarm`, in bytes. It also limits the depth of the recursion.
const LONGEST: usize = 2_048;

/// Why an expression was not read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidExpression {
    pub(super) text: String,
    /// Where reading stopped.
    pub(super) at: usize,
}

type Read<T> = Result<T, InvalidExpression>;

/// The operators of each level, from the one that binds least. A longer operator comes before its prefix.
const LEVELS: &[&[(&str, Operator)]] = &[
    &[("OR", Operator::Or), ("||", Operator::Or)],
    &[("AND", Operator::And), ("&&", Operator::And)],
    &[
        ("==", Operator::Equal),
        ("!=", Operator::NotEqual),
        ("<=", Operator::LessOrEqual),
        (">=", Operator::GreaterOrEqual),
        ("<", Operator::Less),
        (">", Operator::Greater),
    ],
    &[("+", Operator::Add), ("-", Operator::Subtract)],
    &[("*", Operator::Multiply), ("/", Operator::Divide)],
];

pub(super) fn parse(text: &str) -> Read<Node> {
    let mut parser = Parser { text, at: 0 };
    if text.len() > LONGEST {
        return Err(parser.invalid());
    }
    let node = parser.level(LEVELS)?;
    if parser.rest().is_empty() { Ok(node) } else { Err(parser.invalid()) }
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Parser<'a> {
    fn invalid(&self) -> InvalidExpression {
        InvalidExpression { text: self.text.chars().take(80).collect(), at: self.at }
    }

    /// The unread text without leading spaces.
    fn rest(&mut self) -> &'a str {
        let rest = self.text[self.at..].trim_start();
        self.at = self.text.len() - rest.len();
        rest
    }

    fn accepts(&mut self, token: &str) -> bool {
        let found = self.rest().starts_with(token);
        if found {
            self.at += token.len();
        }
        found
    }

    fn expect(&mut self, token: &str) -> Read<()> {
        if self.accepts(token) { Ok(()) } else { Err(self.invalid()) }
    }

    fn level(&mut self, levels: &[&[(&str, Operator)]]) -> Read<Node> {
        let Some((operators, tighter)) = levels.split_first() else { return self.operand() };
        let mut left = self.level(tighter)?;
        while let Some((_, operator)) = operators.iter().find(|(token, _)| self.accepts(token)) {
            let right = self.level(tighter)?;
            left = Node::Operation(*operator, Box::new(left), Box::new(right));
        }
        Ok(left)
    }

    fn operand(&mut self) -> Read<Node> {
        if self.accepts("(") {
            let inner = self.level(LEVELS)?;
            self.expect(")")?;
            return Ok(inner);
        }
        match self.word() {
            "" => Err(self.invalid()),
            "IF" => self.condition(),
            "FILL" => self.filled(),
            word if word.starts_with(|first: char| first.is_ascii_digit()) => {
                word.parse().map(Node::Number).map_err(|_| self.invalid())
            }
            word if word.starts_with(|first: char| first.is_ascii_lowercase()) => {
                Ok(Node::Metric(word.to_owned()))
            }
            _ => Err(self.invalid()),
        }
    }

    /// Letters, digits, `_` and `.`.
    fn word(&mut self) -> &'a str {
        let rest = self.rest();
        let in_word = |letter: char| letter.is_ascii_alphanumeric() || "_.".contains(letter);
        let end = rest.find(|letter| !in_word(letter)).unwrap_or(rest.len());
        self.at += end;
        &rest[..end]
    }

    fn condition(&mut self) -> Read<Node> {
        self.expect("(")?;
        let condition = Box::new(self.level(LEVELS)?);
        self.expect(",")?;
        let then = Box::new(self.level(LEVELS)?);
        let otherwise = if self.accepts(",") { Some(Box::new(self.level(LEVELS)?)) } else { None };
        self.expect(")")?;
        Ok(Node::If(condition, then, otherwise))
    }

    fn filled(&mut self) -> Read<Node> {
        self.expect("(")?;
        let series = Box::new(self.level(LEVELS)?);
        self.expect(",")?;
        let sign = if self.accepts("-") { -1.0 } else { 1.0 };
        let filler: f64 = self.word().parse().map_err(|_| self.invalid())?;
        self.expect(")")?;
        Ok(Node::Fill(series, sign * filler))
    }
}
