//! Settings from environment variables, read once at start. An error names the variable, its value and
//! the expected form.

use std::str::FromStr;
use std::time::Duration;

/// Why a function does not start.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SettingError {
    #[error("`{name}` is not set; expected {expected}")]
    Missing { name: String, expected: &'static str },
    #[error("`{name}` is `{value}`; expected {expected}")]
    Invalid { name: String, value: String, expected: &'static str },
}

/// Reads settings through `env`, which is [`crate::process_env`] or a test's closure.
pub struct Settings<F> {
    env: F,
}

impl<F: Fn(&str) -> Option<String>> Settings<F> {
    #[must_use]
    pub fn new(env: F) -> Self {
        Self { env }
    }

    /// An optional text. An empty value counts as not set.
    #[must_use]
    pub fn optional(&self, name: &str) -> Option<String> {
        (self.env)(name).filter(|value| !value.is_empty())
    }

    /// A required text.
    ///
    /// # Errors
    /// When it is not set.
    pub fn required(&self, name: &str, expected: &'static str) -> Result<String, SettingError> {
        self.optional(name).ok_or_else(|| SettingError::Missing { name: name.to_owned(), expected })
    }

    /// An optional value parsed from its text; `None` when it is not set.
    ///
    /// # Errors
    /// When the text is not valid.
    pub fn parsed<T: FromStr>(
        &self,
        name: &str,
        expected: &'static str,
    ) -> Result<Option<T>, SettingError> {
        self.optional(name)
            .map(|value| match value.parse() {
                Ok(parsed) => Ok(parsed),
                Err(_) => Err(SettingError::Invalid { name: name.to_owned(), value, expected }),
            })
            .transpose()
    }

    /// A required value parsed from its text.
    ///
    /// # Errors
    /// When it is not set or the text is not valid.
    pub fn required_as<T: FromStr>(
        &self,
        name: &str,
        expected: &'static str,
    ) -> Result<T, SettingError> {
        let missing = || SettingError::Missing { name: name.to_owned(), expected };
        self.parsed(name, expected)?.ok_or_else(missing)
    }

    /// A whole number of seconds, or `default` when it is not set.
    ///
    /// # Errors
    /// When the text is not a whole number.
    pub fn seconds(&self, name: &str, default: Duration) -> Result<Duration, SettingError> {
        Ok(self.parsed(name, "whole seconds, such as `20`")?.map_or(default, Duration::from_secs))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(value: Option<&str>, expected: Result<u64, &str>) {
        let env = |_: &str| value.map(str::to_owned);
        let actual = Settings::new(env).seconds("TURN_SECONDS", Duration::from_secs(7));
        let expected = expected.map(Duration::from_secs).map_err(str::to_owned);
        assert_eq!(actual.map_err(|error| error.to_string()), expected);
    }

    #[test]
    fn seconds_are_a_whole_number() {
        check(Some("20"), Ok(20));
        check(None, Ok(7));
        check(Some(""), Ok(7));
        check(Some("20s"), Err("`TURN_SECONDS` is `20s`; expected whole seconds, such as `20`"));
        check(Some("-1"), Err("`TURN_SECONDS` is `-1`; expected whole seconds, such as `20`"));
    }

    #[test]
    fn missing_setting_is_named_with_its_form() {
        let missing = Settings::new(|_: &str| None)
            .required("RUNS_QUEUE_URL", "the URL of the runs queue")
            .unwrap_err();
        assert_eq!(
            missing.to_string(),
            "`RUNS_QUEUE_URL` is not set; expected the URL of the runs queue"
        );
    }
}
