//! Errors of functions for which the page shows no toast.
//!
//! The page then covers the outputs of the function with the word "Error", until a function that writes them
//! succeeds. Users see nothing of an error if no output is visible.

use crate::config::{AppConfig, Id};
use crate::failure::Fault;

/// The errors so far.
#[derive(Default)]
pub(crate) struct Signs {
    /// Components that show an error.
    marked: Vec<Id>,
    /// The first error.
    first: Option<Fault>,
}

impl Signs {
    /// A function has failed.
    pub(crate) fn add(&mut self, fault: Fault, shown_on: &[Id]) {
        tracing::debug!(error = fault.prose, "A function failed without a toast");
        self.marked.extend(shown_on);
        self.first.get_or_insert(fault);
    }

    /// A function has succeeded.
    pub(crate) fn clear(&mut self, shown_on: &[Id]) {
        self.marked.retain(|id| !shown_on.contains(id));
    }

    /// The error that users see; the first one, seen or not, if `counts_unseen`.
    pub(crate) fn into_error(self, config: &AppConfig, counts_unseen: bool) -> Option<Fault> {
        let is_seen = |id: &Id| shows_status(config.kind(*id)) && config.is_visible(*id);
        let is_seen = self.marked.iter().any(is_seen);
        self.first.filter(|_| is_seen || counts_unseen)
    }
}

/// Whether components of this type show the status of a function.
fn shows_status(kind: &str) -> bool {
    const NONE: [&str; 9] = [
        "",
        "state",
        "browserstate",
        "button",
        "downloadbutton",
        "uploadbutton",
        "timer",
        "tabs",
        "tabitem",
    ];
    !NONE.contains(&kind)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::failure::Failure;

    #[test]
    fn error_is_seen_on_a_visible_output() {
        type Row<'r> = (&'r str, &'r [Id], &'r [Id], bool, bool);
        let component = |id: Id, kind: &str, visible: bool| json!({ "id": id, "type": kind, "props": { "visible": visible } });
        let components = [
            component(1, "chatbot", true),
            component(2, "textbox", false),
            component(3, "state", true),
        ];
        let config = json!({ "components": components, "dependencies": [] });
        let config = AppConfig::parse(config.to_string().as_bytes()).unwrap();
        let rows: [Row<'_>; 6] = [
            ("visible", &[1], &[], false, true),
            ("hidden", &[2], &[], false, false),
            ("state", &[3], &[], false, false),
            ("no outputs", &[], &[], false, false),
            ("a later function succeeds", &[1], &[1], false, false),
            ("unseen errors count", &[2], &[], true, true),
        ];
        for (name, failed, succeeded, counts_unseen, is_seen) in rows {
            let mut signs = Signs::default();
            signs.add(Fault::new(Failure::AppError, "no model"), failed);
            signs.clear(succeeded);
            assert_eq!(signs.into_error(&config, counts_unseen).is_some(), is_seen, "{name}");
        }
    }
}
