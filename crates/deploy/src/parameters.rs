//! The parameters of a stack: those of samconfig.toml, the command line, and the template's defaults.
//!
//! Every parameter is passed on every deploy. CloudFormation keeps the old value of one that is not
//! passed, so that a line deleted from samconfig.toml, or a new default, would have no effect.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use toml::Value;

use crate::error::FileError;

/// Values by parameter name.
pub type Parameters = BTreeMap<String, String>;

/// Why the parameters of a stack are not known.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ParametersError {
    #[error(transparent)]
    File(#[from] FileError),
    #[error("samconfig.toml is not valid TOML")]
    Syntax(#[from] toml::de::Error),
    #[error("samconfig.toml has no section for environment `{environment}`; it has {known}")]
    NoSection { environment: String, known: String },
    #[error("samconfig.toml has no [{environment}.deploy.parameters.parameter_overrides]")]
    NoOverrides { environment: String },
    #[error("`{name}` of samconfig.toml is of type {found}; expected {expected}")]
    Type { name: String, found: &'static str, expected: &'static str },
    #[error("`{pair}` is not a parameter; expected `Name=value`, such as `Language=fr`")]
    NotAPair { pair: String },
    #[error("`{line}` ends with a backslash; expected a character after it")]
    OpenBackslash { line: String },
    #[error("a quote is not closed in `{line}`")]
    OpenQuote { line: String },
    #[error("the template has no parameters")]
    NoParameters,
    #[error("the template has no parameter `{name}`")]
    Unknown { name: String },
    #[error("parameter `{name}` has no value")]
    NoValue { name: String },
    #[error("could not encode the parameters")]
    Encode(#[from] toml::ser::Error),
}

/// The values that samconfig.toml gives to `environment`.
pub fn of_samconfig(root: &Path, environment: &str) -> Result<Parameters, ParametersError> {
    let file = root.join("samconfig.toml");
    let text = fs::read_to_string(&file).map_err(FileError::reading(&file))?;
    parse_samconfig(&text, environment)
}

fn parse_samconfig(text: &str, environment: &str) -> Result<Parameters, ParametersError> {
    let config: toml::Table = text.parse()?;
    let section = config.get(environment).ok_or_else(|| {
        let known = config.iter().filter(|(_, value)| value.is_table()).map(|(name, _)| &**name);
        let known = known.collect::<Vec<&str>>().join(", ");
        ParametersError::NoSection { environment: environment.to_owned(), known }
    })?;
    let overrides = ["deploy", "parameters", "parameter_overrides"]
        .iter()
        .try_fold(section, |value, key| value.get(key))
        .ok_or_else(|| ParametersError::NoOverrides { environment: environment.to_owned() })?;
    let of_type = |name: &str, value: &Value, expected| ParametersError::Type {
        name: name.to_owned(),
        found: value.type_str(),
        expected,
    };
    let Value::Table(overrides) = overrides else {
        return Err(of_type("parameter_overrides", overrides, "a table"));
    };
    let text = |(name, value): (&String, &Value)| match value {
        Value::String(text) => Ok((name.clone(), text.clone())),
        Value::Integer(number) => Ok((name.clone(), number.to_string())),
        other => Err(of_type(name, other, "a string or a number")),
    };
    overrides.iter().map(text).collect()
}

/// The parameters of `PARAMETERS` or `--parameter`: one `Name=value` an entry.
pub fn of_pairs<'a>(
    pairs: impl IntoIterator<Item = &'a str>,
) -> Result<Parameters, ParametersError> {
    let pair = |pair: &str| {
        let (name, value) = pair
            .split_once('=')
            .ok_or_else(|| ParametersError::NotAPair { pair: pair.to_owned() })?;
        Ok((name.to_owned(), value.to_owned()))
    };
    pairs.into_iter().map(pair).collect()
}

/// Splits a line into words, as a shell does: quotes and backslashes keep spaces.
pub fn split_words(line: &str) -> Result<Vec<String>, ParametersError> {
    let (mut words, mut word, mut quote) = (Vec::new(), None::<String>, None);
    let mut characters = line.chars();
    while let Some(character) = characters.next() {
        match (quote, character) {
            (None, ' ' | '\t' | '\n') => words.extend(word.take()),
            (None, '"' | '\'') => {
                quote = Some(character);
                word.get_or_insert_default();
            }
            (Some(open), close) if open == close => quote = None,
            (None | Some('"'), '\\') => {
                let open = || ParametersError::OpenBackslash { line: line.to_owned() };
                let next = characters.next().ok_or_else(open)?;
                word.get_or_insert_default().push(next);
            }
            (_, other) => word.get_or_insert_default().push(other),
        }
    }
    if quote.is_some() {
        return Err(ParametersError::OpenQuote { line: line.to_owned() });
    }
    words.extend(word);
    Ok(words)
}

/// All parameters of a template with their defaults; `None` for a required one.
pub fn of_template(text: &str) -> Result<BTreeMap<String, Option<String>>, ParametersError> {
    let mut parameters = BTreeMap::new();
    let mut current: Option<String> = None;
    let section = text.lines().skip_while(|line| line.trim_end() != "Parameters:").skip(1);
    for line in section.take_while(|line| line.is_empty() || line.starts_with([' ', '#'])) {
        let name = line.strip_prefix("  ").filter(|rest| !rest.starts_with([' ', '#']));
        if let Some(name) = name.and_then(|rest| rest.trim_end().strip_suffix(':')) {
            parameters.insert(name.to_owned(), None);
            current = Some(name.to_owned());
        } else if let (Some(name), Some(default)) = (&current, line.strip_prefix("    Default:")) {
            parameters.insert(name.clone(), Some(scalar(default.trim())));
        }
    }
    if parameters.is_empty() {
        return Err(ParametersError::NoParameters);
    }
    Ok(parameters)
}

/// The text of a YAML scalar in one line.
fn scalar(text: &str) -> String {
    let quoted = |quote: char| text.strip_prefix(quote)?.strip_suffix(quote);
    if let Some(inner) = quoted('"') {
        return inner.replace("\\\"", "\"").replace("\\\\", "\\");
    }
    if let Some(inner) = quoted('\'') {
        return inner.replace("''", "'");
    }
    text.split(" #").next().unwrap_or(text).trim_end().to_owned()
}

/// Every parameter of the template: its value in `values`, else its default.
pub fn complete(template: &str, values: &Parameters) -> Result<Parameters, ParametersError> {
    let known = of_template(template)?;
    if let Some(unknown) = values.keys().find(|name| !known.contains_key(*name)) {
        return Err(ParametersError::Unknown { name: unknown.clone() });
    }
    let value = |(name, default): (String, Option<String>)| {
        let value = values.get(&name).cloned().or(default);
        match value {
            Some(value) => Ok((name, value)),
            None => Err(ParametersError::NoValue { name }),
        }
    };
    known.into_iter().map(value).collect()
}

/// Writes a file for `sam deploy --parameter-overrides file://…`; returns its path.
pub fn write_for_sam(folder: &Path, parameters: &Parameters) -> Result<PathBuf, ParametersError> {
    fs::create_dir_all(folder).map_err(FileError::writing(folder))?;
    let encoded: BTreeMap<&str, String> =
        parameters.iter().map(|(name, value)| (name.as_str(), encode(&encode(value)))).collect();
    let file = folder.join("parameters.toml");
    fs::write(&file, toml::to_string(&encoded)?).map_err(FileError::writing(&file))?;
    Ok(file)
}

/// Reverses what SAM CLI does to each value it reads from a file (`_unquote_wrapped_quotes` in its
/// cli/types.py): it removes one pair of quotes, then turns `\ `, `\"` and `\'` into the second character. SAM CLI
/// does it twice: for the file, and for the option that names the file.
fn encode(value: &str) -> String {
    let mut encoded = String::from('"');
    let mut characters = value.chars().peekable();
    while let Some(character) = characters.next() {
        encoded.push(character);
        if character == '\\' && characters.peek().is_some_and(|next| " \"'".contains(*next)) {
            encoded.push('\\');
        }
    }
    encoded.push('"');
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAMCONFIG: &str = r#"
        version = 0.1
        [prod.deploy.parameters]
        stack_name = "vigie-prod"
        [prod.deploy.parameters.parameter_overrides]
        Environment = "prod"
        MaintenanceSchedule = "cron(0 2 ? * SUN *)"
        ProbeVariables = "A=1,B=two words"
        LogRetentionDays = 90
        [old.deploy.parameters]
        parameter_overrides = ["Environment=old"]
    "#;

    #[test]
    fn samconfig_values_keep_spaces_and_commas() {
        let found = parse_samconfig(SAMCONFIG, "prod").unwrap();
        assert_eq!(found["MaintenanceSchedule"], "cron(0 2 ? * SUN *)");
        assert_eq!(found["ProbeVariables"], "A=1,B=two words");
        assert_eq!(found["LogRetentionDays"], "90");
    }

    #[test]
    fn samconfig_mistake_is_named() {
        let cases = [
            ("qa", "samconfig.toml has no section for environment `qa`; it has old, prod"),
            ("old", "`parameter_overrides` of samconfig.toml is of type array; expected a table"),
        ];
        for (environment, expected) in cases {
            let error = parse_samconfig(SAMCONFIG, environment).unwrap_err();
            assert_eq!(error.to_string(), expected);
        }
    }

    #[test]
    fn words_are_split_as_by_a_shell() {
        let cases: [(&str, &[&str]); 6] = [
            ("A=1 B=2", &["A=1", "B=2"]),
            (r#"A="two words"  B=''"#, &["A=two words", "B="]),
            ("'A=it is' B=x\\ y", &["A=it is", "B=x y"]),
            (r#"A="say \"hi\"""#, &["A=say \"hi\""]),
            (r"A='back\slash'", &["A=back\\slash"]),
            ("", &[]),
        ];
        for (line, expected) in cases {
            assert_eq!(split_words(line).unwrap(), expected, "{line}");
        }
        assert!(split_words("A='open").is_err());
    }

    #[test]
    fn every_parameter_is_passed_with_value_or_default() {
        let template = "Metadata: x\nParameters:\n  Environment:\n    Type: String\n\n  # A comment\n  \
                        Language:\n    Description: >-\n      Text: with a colon\n    Default: en\n  \
                        Empty:\n    Default: \"\"\n  Days:\n    Default: 30 # days\nResources:\n  X:\n    \
                        Default: no\n";
        let values = of_pairs(["Environment=dev", "Language=fr"]).unwrap();
        let all = complete(template, &values).unwrap();
        let expected = of_pairs(["Days=30", "Empty=", "Environment=dev", "Language=fr"]).unwrap();
        assert_eq!(all, expected);

        let required = complete(template, &Parameters::new()).unwrap_err();
        assert_eq!(required.to_string(), "parameter `Environment` has no value");
        let unknown = complete(template, &of_pairs(["Langage=fr"]).unwrap()).unwrap_err();
        assert_eq!(unknown.to_string(), "the template has no parameter `Langage`");
    }

    #[test]
    fn every_parameter_of_the_shipped_template_has_a_value() {
        let root = crate::run::root();
        let template = fs::read_to_string(root.join("infra/template.yaml")).unwrap();
        for environment in ["local", "dev", "staging", "prod"] {
            let values = of_samconfig(root, environment).unwrap();
            let all = complete(&template, &values).unwrap();
            assert_eq!(all["Environment"], environment);
            assert!(40 < all.len(), "{} parameters", all.len());
        }
    }
}
