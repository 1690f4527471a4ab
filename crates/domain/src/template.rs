//! Text with places to fill in: `${NAME}`, `${nonce}`, `${secret:ID#key}`, `${ssm:/path}`.
//!
//! The places are filled in at different times by different programs (variables by the dispatcher
//! or the command, secrets by the prober, the nonce and saved parts during the conversation). So a
//! template is parsed once and kept in parts: what was filled in is a literal from then on and is
//! never interpreted again, even when it contains `${`.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// One piece of a [`Template`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Part {
    /// Literal text.
    Literal(String),
    /// `${UPPER_CASE}`: an environment variable of the dispatcher or the command.
    Variable(String),
    /// `${lower_case}`: `nonce`, `environment`, or a part saved from an earlier reply.
    Word(String),
    /// `${secret:…}` or `${ssm:…}`.
    Secret(SecretReference),
}

/// Where a secret is stored.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum SecretReference {
    /// `secret:ID` or `secret:ID#key`: Secrets Manager, by name or ARN; the key names a field of a
    /// secret that is a JSON object.
    SecretsManager { id: String, key: Option<String> },
    /// `ssm:/path`: Parameter Store.
    ParameterStore(String),
}

/// A text with places to fill in; written as `${…}`, where `$${` stands for a literal `${`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Template(Vec<Part>);

/// Why a text is not a template.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidTemplate {
    #[error("`${{` at character {at} is not closed by `}}`; for a literal `${{` write `$${{`")]
    Unclosed { at: usize },
    #[error(
        "`${{{place}}}` is not known; expected `${{UPPER_CASE}}`, `${{lower_case}}`, `${{secret:ID#key}}` or `${{ssm:/path}}`"
    )]
    Unknown { place: String, at: usize },
    #[error("`${{{name}}}` may not be used: `AWS_…` variables hold credentials")]
    AwsVariable { name: String, at: usize },
}

impl InvalidTemplate {
    /// Where the mistake begins, in characters from the start of the text.
    #[must_use]
    pub fn at(&self) -> usize {
        match self {
            Self::Unclosed { at } | Self::Unknown { at, .. } | Self::AwsVariable { at, .. } => *at,
        }
    }
}

impl Template {
    /// A template that is this very text, with nothing to fill in.
    #[must_use]
    pub fn literal(text: impl Into<String>) -> Self {
        Self(vec![Part::Literal(text.into())])
    }

    #[must_use]
    pub fn parts(&self) -> &[Part] {
        &self.0
    }

    /// Fills in every place for which `fill` has a text; the others stay as they are.
    ///
    /// What is filled in becomes a literal.
    ///
    /// # Errors
    /// The first error of `fill`.
    pub fn fill<'a, E>(
        &self,
        mut fill: impl FnMut(&Part) -> Result<Option<Cow<'a, str>>, E>,
    ) -> Result<Self, E> {
        let mut filled: Vec<Part> = Vec::with_capacity(self.0.len());
        for part in &self.0 {
            let part = match fill_place(part, &mut fill)? {
                Some(text) => Part::Literal(text.into_owned()),
                None => part.clone(),
            };
            // Literals side by side are one: two templates with the same text are equal.
            match (filled.last_mut(), part) {
                (Some(Part::Literal(before)), Part::Literal(text)) => before.push_str(&text),
                (_, part) => filled.push(part),
            }
        }
        Ok(Self(filled))
    }

    /// The text, when nothing is left to fill in; otherwise the first place that is.
    ///
    /// # Errors
    /// The part that is not filled in.
    pub fn text(&self) -> Result<String, &Part> {
        self.0
            .iter()
            .map(|part| if let Part::Literal(text) = part { Ok(text.as_str()) } else { Err(part) })
            .collect()
    }
}

fn fill_place<'a, E>(
    part: &Part,
    fill: &mut impl FnMut(&Part) -> Result<Option<Cow<'a, str>>, E>,
) -> Result<Option<Cow<'a, str>>, E> {
    if matches!(part, Part::Literal(_)) { Ok(None) } else { fill(part) }
}

impl FromStr for Template {
    type Err = InvalidTemplate;

    fn from_str(text: &str) -> Result<Self, InvalidTemplate> {
        let mut parts = Vec::new();
        let mut literal = String::new();
        let mut rest = text;
        while let Some(start) = rest.find("${") {
            if rest[..start].ends_with('$') {
                literal.push_str(&rest[..start - 1]);
                literal.push_str("${");
                rest = &rest[start + 2..];
                continue;
            }
            literal.push_str(&rest[..start]);
            let at = text[..text.len() - rest.len() + start].chars().count();
            let inside = &rest[start + 2..];
            let end = inside.find('}').ok_or(InvalidTemplate::Unclosed { at })?;
            if !literal.is_empty() {
                parts.push(Part::Literal(std::mem::take(&mut literal)));
            }
            parts.push(place(&inside[..end], at)?);
            rest = &inside[end + 1..];
        }
        literal.push_str(rest);
        if !literal.is_empty() {
            parts.push(Part::Literal(literal));
        }
        Ok(Self(parts))
    }
}

fn place(inside: &str, at: usize) -> Result<Part, InvalidTemplate> {
    let named = |first: fn(&u8) -> bool, other: fn(&u8) -> bool| {
        inside.as_bytes().first().is_some_and(first) && inside.as_bytes().iter().all(other)
    };
    let secret = |id: &str, key: Option<&str>| {
        let (id, key) = (id.to_owned(), key.map(str::to_owned));
        Part::Secret(SecretReference::SecretsManager { id, key })
    };
    if let Some(reference) = inside.strip_prefix("secret:").filter(|id| is_reference(id)) {
        return Ok(match reference.split_once('#') {
            Some((id, key)) => secret(id, Some(key)),
            None => secret(reference, None),
        });
    }
    if let Some(path) = inside.strip_prefix("ssm:").filter(|path| is_reference(path)) {
        return Ok(Part::Secret(SecretReference::ParameterStore(path.to_owned())));
    }
    if named(u8::is_ascii_uppercase, |b| b.is_ascii_uppercase() || b.is_ascii_digit() || *b == b'_')
    {
        if inside.starts_with("AWS_") {
            return Err(InvalidTemplate::AwsVariable { name: inside.to_owned(), at });
        }
        return Ok(Part::Variable(inside.to_owned()));
    }
    if named(u8::is_ascii_lowercase, |b| b.is_ascii_lowercase() || b.is_ascii_digit() || *b == b'_')
    {
        return Ok(Part::Word(inside.to_owned()));
    }
    Err(InvalidTemplate::Unknown { place: inside.chars().take(80).collect(), at })
}

/// Secret ids, ARNs and parameter paths: what AWS allows in them, and a key after `#`.
fn is_reference(text: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b"/_+=.@-:#".contains(&b);
    let mut halves = text.split('#');
    text.bytes().all(allowed)
        && halves.all(|half| !half.is_empty())
        && text.bytes().filter(|b| *b == b'#').count() <= 1
}

impl fmt::Display for Part {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Literal(text) => to.write_str(&text.replace("${", "$${")),
            Self::Variable(name) | Self::Word(name) => write!(to, "${{{name}}}"),
            Self::Secret(reference) => write!(to, "${{{reference}}}"),
        }
    }
}

/// As in a probe file: `secret:ID#key` or `ssm:/path`. It does not contain the secret.
impl fmt::Display for SecretReference {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SecretsManager { id, key: None } => write!(to, "secret:{id}"),
            Self::SecretsManager { id, key: Some(key) } => write!(to, "secret:{id}#{key}"),
            Self::ParameterStore(path) => write!(to, "ssm:{path}"),
        }
    }
}

impl fmt::Display for Template {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|part| write!(to, "{part}"))
    }
}

impl TryFrom<String> for Template {
    type Error = InvalidTemplate;

    fn try_from(text: String) -> Result<Self, InvalidTemplate> {
        text.parse()
    }
}

impl From<Template> for String {
    fn from(template: Template) -> Self {
        template.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::convert::Infallible;

    #[track_caller]
    fn check(text: &str, expected: &[Part]) {
        let template: Template = text.parse().unwrap();
        assert_eq!(template.parts(), expected);
        assert_eq!(template.to_string(), text, "a template is written as it was read");
    }

    #[test]
    fn every_kind_of_placeholder_is_read_and_written() {
        let literal = |text: &str| Part::Literal(text.to_owned());
        check("", &[]);
        check("plain $ text } {", &[literal("plain $ text } {")]);
        check("a ${nonce}!", &[literal("a "), Part::Word("nonce".into()), literal("!")]);
        check("${BOT_URL}", &[Part::Variable("BOT_URL".into())]);
        let secret = |key: Option<&str>| {
            let (id, key) = ("vigie/bot".to_owned(), key.map(str::to_owned));
            Part::Secret(SecretReference::SecretsManager { id, key })
        };
        check("${secret:vigie/bot#password}", &[secret(Some("password"))]);
        check("${secret:vigie/bot}", &[secret(None)]);
        let parameter = SecretReference::ParameterStore("/vigie/bot".into());
        check("${ssm:/vigie/bot}", &[Part::Secret(parameter)]);
        check("costs $${5}", &[literal("costs ${5}")]);
    }

    #[test]
    fn invalid_placeholder_is_rejected_with_its_position() {
        let cases: &[(&str, usize, &str)] = &[
            ("été ${nonce", 4, "is not closed"),
            ("${Mixed}", 0, "is not known"),
            ("${}", 0, "is not known"),
            ("x ${secret:}", 2, "is not known"),
            ("${secret:a#b#c}", 0, "is not known"),
            ("${AWS_SECRET_ACCESS_KEY}", 0, "hold credentials"),
        ];
        for (text, at, says) in cases {
            let error = text.parse::<Template>().unwrap_err();
            assert_eq!(error.at(), *at, "{text}");
            assert!(error.to_string().contains(says), "{text}: {error}");
        }
    }

    #[test]
    fn inserted_value_is_not_expanded_again() {
        let template: Template = "${BOT} and ${nonce}".parse().unwrap();
        let fill = |part: &Part| {
            Ok::<_, Infallible>(
                matches!(part, Part::Variable(_)).then_some(Cow::Borrowed("${secret:x}")),
            )
        };
        let Ok(filled) = template.fill(fill);
        assert_eq!(filled.to_string(), "$${secret:x} and ${nonce}");
        let read: Template = filled.to_string().parse().unwrap();
        let fill = |_: &Part| Ok::<_, Infallible>(Some(Cow::Borrowed("n")));
        let Ok(read) = read.fill(fill);
        assert_eq!(read.text(), Ok("${secret:x} and n".to_owned()));
    }

    #[test]
    fn placeholder_without_a_value_is_named() {
        let template: Template = "a ${nonce}".parse().unwrap();
        assert_eq!(template.text(), Err(&Part::Word("nonce".into())));
    }
}
