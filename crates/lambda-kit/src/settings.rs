//! Settings from the environment, read once at start and refused with the variable, its value and
//! what was expected.

use std::str::FromStr;
use std::time::Duration;

/// Why a function does not start.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SettingError {
    #[error("`{name}` is not set; expected {expected}")]
    Missing { name: String, expected: &'static str },
    #[error("`{name}` is `{value}`; expected {expected}")]
    Wrong { name: String, value: String, expected: &'static str },
}

/// The settings behind a look-up, which is the process's environment or a test's closure.
pub struct Settings<'a> {
    look_up: &'a dyn Fn(&str) -> Option<String>,
}

impl<'a> Settings<'a> {
    #[must_use]
    pub fn new(look_up: &'a dyn Fn(&str) -> Option<String>) -> Self {
        Self { look_up }
    }

    /// A text that may be left out.
    #[must_use]
    pub fn optional(&self, name: &str) -> Option<String> {
        (self.look_up)(name).filter(|value| !value.is_empty())
    }

    /// A text that must be there.
    ///
    /// # Errors
    /// When it is not set.
    pub fn required(&self, name: &str, expected: &'static str) -> Result<String, SettingError> {
        self.optional(name).ok_or_else(|| SettingError::Missing { name: name.to_owned(), expected })
    }

    /// A value that is read from its text; `None` when it is not set.
    ///
    /// # Errors
    /// When the text is no such value.
    pub fn parsed<T: FromStr>(
        &self,
        name: &str,
        expected: &'static str,
    ) -> Result<Option<T>, SettingError> {
        self.optional(name)
            .map(|value| match value.parse() {
                Ok(parsed) => Ok(parsed),
                Err(_) => Err(SettingError::Wrong { name: name.to_owned(), value, expected }),
            })
            .transpose()
    }

    /// A value that must be there and is read from its text.
    ///
    /// # Errors
    /// When it is not set, or its text is no such value.
    pub fn required_as<T: FromStr>(
        &self,
        name: &str,
        expected: &'static str,
    ) -> Result<T, SettingError> {
        let missing = || SettingError::Missing { name: name.to_owned(), expected };
        self.parsed(name, expected)?.ok_or_else(missing)
    }

    /// Whole seconds, or `default` when not set.
    ///
    /// # Errors
    /// When the text is no whole number.
    pub fn seconds(&self, name: &str, default: Duration) -> Result<Duration, SettingError> {
        Ok(self.parsed(name, "whole seconds, such as `20`")?.map_or(default, Duration::from_secs))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(value: Option<&str>, expected: Result<u64, &str>) {
        let look_up = |_: &str| value.map(str::to_owned);
        let actual = Settings::new(&look_up).seconds("TURN_SECONDS", Duration::from_secs(7));
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
    fn a_missing_setting_says_what_was_expected() {
        let none = |_: &str| None;
        let missing = Settings::new(&none)
            .required("RUNS_QUEUE_URL", "the URL of the runs queue")
            .unwrap_err();
        assert_eq!(
            missing.to_string(),
            "`RUNS_QUEUE_URL` is not set; expected the URL of the runs queue"
        );
    }
}
