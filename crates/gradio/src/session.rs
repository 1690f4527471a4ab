//! A conversation with an app: connecting, and the turns.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::app::App;
use crate::arguments::{self, Values};
use crate::call::Call;
use crate::config::AppConfig;
use crate::describe::{describe, phases_of};
use crate::description::Description;
use crate::endpoint::{Plan, choose};
use crate::failure::{Error, Fault};
use crate::http::Http;
use crate::info::fetch_info;
use crate::phases::Phases;
use crate::reply::Reply;
use crate::settings::Settings;
use crate::tls;
use crate::transport;
use crate::turn::{Progress, Turn};

/// A conversation with its own connection, cookies and server-side session.
///
/// Dropping it ends the conversation. Dropping the future of [`Session::say`] cancels the event on
/// the server, in the background.
pub struct Session {
    http: Arc<Http>,
    app: App,
    plan: Plan,
    values: Values,
    hash: String,
    deadline: Instant,
    phases: Phases,
    description: Description,
}

impl Session {
    pub(crate) async fn connect(settings: &Arc<Settings>) -> Result<Self, Error> {
        let hash = session_hash();
        let began = Instant::now();
        let deadline = began + settings.limits.conversation;
        let mut http = Http::new(settings).map_err(|fault| {
            Error::new(fault.redacted(&settings.secrets), Phases::default(), None)
        })?;
        let mut phases = Phases::default();
        match Self::find(&mut http, began, deadline, &mut phases).await {
            Ok((app, plan, values, description)) => {
                let http = Arc::new(http);
                Ok(Self { http, app, plan, values, hash, deadline, phases, description })
            }
            Err(fault) => {
                let connection = http.tracker.phases();
                let phases =
                    Phases { describe: phases.describe, login: phases.login, ..connection };
                Err(Error::new(fault.redacted(&settings.secrets), phases, None))
            }
        }
    }

    async fn find(
        http: &mut Http,
        began: Instant,
        deadline: Instant,
        phases: &mut Phases,
    ) -> Result<(App, Plan, Values, Description), Fault> {
        let app = describe(http, deadline).await?;
        *phases = phases_of(http, &app, began);
        let settings = http.settings.clone();
        let config = &app.config;
        let named = arguments::labelled(config, &settings.inputs);
        let plan = choose(config, settings.endpoint.as_ref(), &named)?;
        let ids = arguments::further(config, &plan);
        let mut names = HashMap::new();
        let mut values = arguments::resolve(config, &ids, &names, &settings.inputs);
        if values.is_err() {
            // A name that is not a label may be a parameter name, which only `/info` has.
            let info = fetch_info(http, &app, deadline).await?;
            names = arguments::parameter_names(config, plan.start(config), &info);
            values = arguments::resolve(config, &ids, &names, &settings.inputs);
        }
        let values = values?;
        let description = Description::of(config, &plan, &names, &values);
        Ok((app, plan, values, description))
    }

    /// What was found of the app.
    #[must_use]
    pub fn description(&self) -> &Description {
        &self.description
    }

    /// Times of connecting.
    #[must_use]
    pub fn phases(&self) -> &Phases {
        &self.phases
    }

    /// Sends a message and waits for the whole reply; `progress` is called as it arrives.
    ///
    /// The conversation can continue after an error. An empty reply is not an error.
    pub async fn say(
        &mut self,
        text: &str,
        progress: &mut (dyn FnMut(Progress) + Send),
    ) -> Result<Reply, Error> {
        let http = self.http.clone();
        let (limits, protocol) = (&http.settings.limits, self.app.config.protocol);
        let grain = grain(&self.app.config);
        let mut turn = Turn::begin(limits, protocol, grain, self.deadline, progress);
        match self.run(text, &mut turn).await {
            Ok(()) => Ok(turn.into_reply()),
            Err(fault) => {
                let partial = turn.into_partial();
                let fault = fault.redacted(&http.settings.secrets);
                Err(Error::new(fault, self.phases.clone(), Some(partial)))
            }
        }
    }

    async fn run(&mut self, text: &str, turn: &mut Turn<'_>) -> Result<(), Fault> {
        let config = &self.app.config;
        self.values.set_message(config, self.plan.message, text);
        for step in &self.plan.steps {
            let function = &config.dependencies[step.position];
            let reply = step.reply.map(|at| {
                let id = function.outputs[at];
                (at, config.kind(id).to_owned(), self.values.get(config, id))
            });
            turn.begin_step(reply, config.is_queued(function));
            let data = self.values.arguments(config, function);
            let call = Call { app: &self.app, function, session: &self.hash, data };
            let outputs = transport::make(&self.http, &call, turn).await?;
            self.values.keep(config, function, outputs);
        }
        Ok(())
    }
}

/// Interval at which the server polls its outgoing messages.
fn grain(config: &AppConfig) -> Option<Duration> {
    match config.release() {
        (4 | 5, _) => Some(Duration::from_millis(50)),
        (6, 0) => Some(Duration::from_millis(1)),
        _ => None,
    }
}

/// A random session name of ten letters and digits, like those of browsers.
fn session_hash() -> String {
    const SIGNS: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
    tls::random::<10>().iter().map(|byte| char::from(SIGNS[usize::from(byte & 31)])).collect()
}
