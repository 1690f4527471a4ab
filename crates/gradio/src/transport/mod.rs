//! Carries one call to the app and its messages back, in the way that this version of Gradio has.

mod events;
mod predict;
pub(crate) mod websocket;

use std::sync::Arc;

use serde_json::{Value, json};

use crate::config::{Dependency, Protocol};
use crate::describe::App;
use crate::failure::Fault;
use crate::farewell::Farewell;
use crate::http::{Http, Trouble};
use crate::turn::Turn;

/// One call of one function.
pub(crate) struct Call<'a> {
    pub(crate) app: &'a App,
    pub(crate) function: &'a Dependency,
    pub(crate) session: &'a str,
    pub(crate) data: Vec<Value>,
}

impl Call<'_> {
    /// The body that every route takes; older versions ignore what they don't know.
    fn body(&self) -> Value {
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

/// Makes the call; gives the function's values.
pub(crate) async fn make(
    http: &Arc<Http>,
    call: &Call<'_>,
    turn: &mut Turn<'_>,
) -> Result<Vec<Value>, Fault> {
    let mut farewell = Farewell::new(http.clone());
    let outcome = match call.app.config.protocol {
        _ if !call.app.config.is_queued(call.function) => predict::make(http, call, turn).await,
        Protocol::Ws => websocket::make(http, call, turn, &mut farewell).await,
        Protocol::Sse => events::ask_and_answer(http, call, turn, &mut farewell).await,
        _ => events::join_and_follow(http, call, turn, &mut farewell).await,
    };
    if outcome.is_err() {
        farewell.bid().await;
    }
    farewell.nothing_left();
    outcome.map_err(|trouble| match trouble {
        Trouble::Fault(fault) => fault,
        Trouble::Late => turn.patience.ran_out(),
    })
}
