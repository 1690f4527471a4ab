//! A conversation: an app that was found, and the turns held with it.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use reqwest::{Method, StatusCode};
use serde_json::Value;
use tokio::time::Instant;

use crate::arguments::{self, Input, Values};
use crate::client::Settings;
use crate::config::{AppConfig, Dependency, Id, Protocol};
use crate::describe::{App, describe};
use crate::endpoint::{How, Plan, choose};
use crate::failure::{Error, Failure, Fault};
use crate::http::{Http, Trouble, response_path};
use crate::phases::Phases;
use crate::redact;
use crate::reply::Reply;
use crate::tls;
use crate::transport::{self, Call};
use crate::turn::{Progress, Turn};

/// A conversation with its own connection, cookies and memory on the server.
///
/// It ends by being dropped. Dropping the future of [`Session::say`] tells the server, in the
/// background, that nobody waits for the reply any longer.
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

/// What was found of an app, and how we talk to it.
#[derive(Clone, Debug, PartialEq)]
pub struct Description {
    /// Such as `6.31.0`; empty when the app does not say.
    pub gradio_version: String,
    /// How events are carried.
    pub protocol: Protocol,
    /// In which way the app is a chat.
    pub how: How,
    /// Number of the function that takes the message.
    pub endpoint_id: Id,
    /// Its API name without the leading slash; `None` for a private one.
    pub endpoint_name: Option<String>,
    /// The page's title.
    pub title: Option<String>,
    /// `owner/name` on Hugging Face Spaces.
    pub space_id: Option<String>,
    /// What the chat takes besides the message.
    pub inputs: Vec<Input>,
    /// Numbers of the functions that make up a turn, in order.
    pub steps: Vec<Id>,
    /// Whether the message box takes files too.
    pub multimodal: bool,
    /// Whether replies wait in the queue.
    pub queued: bool,
    /// Whether replies come in chunks; `None` before 4.19, which did not tell.
    pub streams: Option<bool>,
}

impl Session {
    pub(crate) async fn connect(settings: &Arc<Settings>) -> Result<Self, Error> {
        let hash = session_hash();
        let began = Instant::now();
        let deadline = began + settings.limits.conversation;
        let mut http = Http::new(settings)
            .map_err(|fault| Error::new(scrubbed(fault, settings), Phases::default(), None))?;
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
                Err(Error::new(scrubbed(fault, settings), phases, None))
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
            // Only now the parameters' names matter, which are told elsewhere.
            let info = fetch_info(http, &app, deadline).await?;
            names = arguments::parameter_names(config, plan.start(config), &info);
            values = arguments::resolve(config, &ids, &names, &settings.inputs);
        }
        let values = values?;
        let description = Description::of(config, &plan, &names, &values);
        Ok((app, plan, values, description))
    }

    /// What was found.
    #[must_use]
    pub fn description(&self) -> &Description {
        &self.description
    }

    /// How long it took to get here.
    #[must_use]
    pub fn phases(&self) -> &Phases {
        &self.phases
    }

    /// Says something and waits for the whole reply; `progress` is called as it comes in.
    ///
    /// After an error the conversation may go on: the app keeps what it knew before the turn, as
    /// far as the failure lets it. An empty reply is a reply.
    pub async fn say(
        &mut self,
        text: &str,
        progress: &mut (dyn FnMut(Progress) + Send),
    ) -> Result<Reply, Error> {
        let http = self.http.clone();
        let (limits, protocol) = (&http.settings.limits, self.app.config.protocol);
        let grain = grain(&self.app.config);
        let mut turn = Turn::begin(limits, protocol, grain, self.deadline, progress);
        match self.play(text, &mut turn).await {
            Ok(()) => Ok(turn.into_reply()),
            Err(fault) => {
                let partial = turn.into_partial();
                Err(Error::new(scrubbed(fault, &http.settings), self.phases.clone(), Some(partial)))
            }
        }
    }

    async fn play(&mut self, text: &str, turn: &mut Turn<'_>) -> Result<(), Fault> {
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

impl Description {
    pub(crate) fn of(
        config: &AppConfig,
        plan: &Plan,
        names: &HashMap<Id, String>,
        values: &Values,
    ) -> Self {
        let start = plan.start(config);
        let functions = || plan.steps.iter().map(|step| &config.dependencies[step.position]);
        let replying = plan.steps.iter().rev().find(|step| step.reply.is_some());
        let replying = replying.map(|step| &config.dependencies[step.position]);
        Self {
            gradio_version: config.version.clone(),
            protocol: config.protocol,
            how: plan.how,
            endpoint_id: start.id(),
            endpoint_name: start.api_name.clone(),
            title: config.title.clone(),
            space_id: config.space_id.clone(),
            inputs: arguments::inputs(config, &arguments::further(config, plan), names, values),
            steps: functions().map(Dependency::id).collect(),
            multimodal: config.kind(plan.message) == "multimodaltextbox",
            queued: replying.is_some_and(|one| config.is_queued(one)),
            streams: replying
                .filter(|_| config.release() >= (4, 19))
                .and_then(Dependency::is_generator),
        }
    }
}

/// Times of the beginning, once the app was described.
pub(crate) fn phases_of(http: &Http, app: &App, began: Instant) -> Phases {
    let ready = http.tracker.ready_at().map_or(began, Instant::from_std);
    let describe = ready.elapsed().saturating_sub(app.login.unwrap_or_default());
    Phases { describe: Some(describe), login: app.login, ..http.tracker.phases() }
}

/// The description of the app's API; null when the app has none.
pub(crate) async fn fetch_info(http: &Http, app: &App, until: Instant) -> Result<Value, Fault> {
    let fetch = async {
        let response = http.send(http.request(Method::GET, app.api("info")), until).await?;
        match response.status() {
            StatusCode::OK => {}
            StatusCode::NOT_FOUND => return Ok(Value::Null),
            _ => return Err(Trouble::Fault(http.refusal(response, until).await)),
        }
        let path = response_path(&response);
        let body = http.body(response, http.settings.limits.config_bytes, until).await?;
        serde_json::from_slice(&body).map_err(|_| {
            let prose = format!("`{path}` answered no JSON, {}", redact::excerpt(&body));
            Trouble::new(Failure::NotGradio, prose)
        })
    };
    fetch.await.map_err(|trouble| match trouble {
        Trouble::Fault(fault) => fault,
        Trouble::Late => {
            let prose = "the app did not describe its inputs (`/info`) before the conversation's time ran out";
            Fault::new(Failure::Timeout, prose)
        }
    })
}

pub(crate) fn scrubbed(mut fault: Fault, settings: &Settings) -> Fault {
    fault.prose = redact::scrub(&fault.prose, &settings.secrets);
    fault
}

/// How often the server looks at what it has to send.
fn grain(config: &AppConfig) -> Option<Duration> {
    match config.release() {
        (4 | 5, _) => Some(Duration::from_millis(50)),
        (6, 0) => Some(Duration::from_millis(1)),
        _ => None,
    }
}

/// A name for the conversation that nobody else has: ten letters and digits, as browsers send.
fn session_hash() -> String {
    const SIGNS: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
    tls::random::<10>().iter().map(|byte| char::from(SIGNS[usize::from(byte & 31)])).collect()
}
