//! One call of one of the app's functions.

use serde_json::{Value, json};

use crate::app::App;
use crate::config::Dependency;

/// A function with the values to send.
pub(crate) struct Call<'a> {
    pub(crate) app: &'a App,
    pub(crate) function: &'a Dependency,
    pub(crate) session: &'a str,
    pub(crate) data: Vec<Value>,
}

impl Call<'_> {
    /// Request body of every route. Older versions ignore keys that they do not know.
    pub(crate) fn body(&self) -> Value {
        let trigger = self.function.targets().find_map(|(component, _)| component);
        json!({
            "data": self.data,
            "event_data": null,
            "fn_index": self.function.id(),
            "trigger_id": trigger,
            "session_hash": self.session,
        })
    }
}
