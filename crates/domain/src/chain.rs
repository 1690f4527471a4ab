//! The text of an error for logs and reports.

use std::error::Error;
use std::fmt::Write as _;

/// An error and its causes in one line: `could not store the report: service error: access denied`.
#[must_use]
pub fn chain(error: &dyn Error) -> String {
    let mut line = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let text = error.to_string();
        // Some libraries repeat the cause in their own message.
        if !line.contains(&text) {
            let _ = write!(line, ": {text}");
        }
        cause = error.source();
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct Layer(&'static str, Option<Box<Layer>>);

    impl std::fmt::Display for Layer {
        fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            to.write_str(self.0)
        }
    }

    impl Error for Layer {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            self.1.as_deref().map(|cause| cause as _)
        }
    }

    #[test]
    fn chain_lists_each_cause_once() {
        let cause = Layer("access denied", None);
        let service = Layer("service error", Some(Box::new(cause)));
        let error = Layer("saving: service error", Some(Box::new(service)));
        assert_eq!(chain(&error), "saving: service error: access denied");
    }
}
