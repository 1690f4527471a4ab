//! A conversation with an app: the turns.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;

use crate::app::App;
use crate::arguments::{Values, typed};
use crate::config::{AppConfig, Id};
use crate::connect::{Connected, connect};
use crate::description::Description;
use crate::endpoint::kinds::{is_chat, shown};
use crate::endpoint::{Choice, ENTERING, Graph, How, Plan, choose};
use crate::engine::{Engine, State};
use crate::failure::{Error, Failure, Fault};
use crate::heartbeat::Heartbeat;
use crate::http::Http;
use crate::page;
use crate::page_functions::PageFunctions;
use crate::phases::Phases;
use crate::reply::{Reply, Toast};
use crate::reply_track::{ReplySource, ReplyTrack, Shown};
use crate::settings::Settings;
use crate::side::SideFunctions;
use crate::timers;
use crate::transport::Streams;
use crate::turn::{Progress, Turn};
use crate::upload::{Upload, upload};

/// A conversation with its own connection, cookies and server-side session.
///
/// Dropping it ends the conversation; [`Session::close`] also waits until the server can notice.
/// Dropping the future of [`Session::say`] cancels the event on the server, in the background.
pub struct Session {
    http: Arc<Http>,
    app: App,
    choice: Choice,
    plan: Plan,
    values: Values,
    hash: String,
    deadline: Instant,
    phases: Phases,
    description: Description,
    heartbeat: Option<Heartbeat>,
}

impl Session {
    pub(crate) async fn connect(settings: &Arc<Settings>) -> Result<Self, Error> {
        let Connected {
            http,
            app,
            choice,
            plan,
            values,
            hash,
            deadline,
            phases,
            description,
            heartbeat,
        } = connect(settings).await?;
        Ok(Self { http, app, choice, plan, values, hash, deadline, phases, description, heartbeat })
    }

    /// The description of the app.
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
        self.say_with_files(text, &[], progress).await
    }

    /// Sends a message with files. The times of the turn do not include the upload, because the page
    /// uploads a file when the user chooses it.
    pub async fn say_with_files(
        &mut self,
        text: &str,
        files: &[Upload],
        progress: &mut (dyn FnMut(Progress) + Send),
    ) -> Result<Reply, Error> {
        let http = self.http.clone();
        self.prepare(text, files).await.map_err(|fault| {
            let fault = fault.redacted(&http.settings.secrets);
            Error::new(fault, self.phases.clone(), None)
        })?;
        let config = &self.app.config;
        let text = typed(config, self.plan.message, text);
        let tracks = self.plan.replies.iter().map(|&id| self.reply_track(id, text)).collect();
        let limits = &http.settings.limits;
        let mut turn =
            Turn::begin(limits, config.protocol, grain(config), self.deadline, tracks, progress);
        turn.by_timer = !self.plan.timers.is_empty();
        let turn = Mutex::new(turn);
        let outcome = self.run(&turn).await;
        let turn = turn.into_inner().unwrap_or_else(PoisonError::into_inner);
        match outcome {
            Ok(()) => Ok(turn.into_reply()),
            Err(fault) => {
                let fault = fault.redacted(&http.settings.secrets);
                Err(Error::new(fault, self.phases.clone(), Some(turn.into_partial())))
            }
        }
    }

    /// Types the message, as far as the page lets a user do it: an earlier turn may have locked the
    /// message box or the button.
    async fn prepare(&mut self, text: &str, files: &[Upload]) -> Result<(), Fault> {
        let check_page = self.http.settings.check_page;
        if check_page {
            self.follow_the_chat();
            page::check_box(&self.app.config, self.plan.message)?;
        }
        self.run_typing(|event| event == ENTERING).await?;
        let files = self.upload(files).await?;
        self.values.set_message(&self.app.config, self.plan.message, text, &files);
        self.run_typing(|event| event != ENTERING).await?;
        if check_page {
            page::check_triggers(&self.app.config, &self.enabled_by_server())?;
        }
        Ok(())
    }

    /// Takes another box of the same chat if the last turn hid or locked the one before: a welcome page has
    /// a box of its own.
    fn follow_the_chat(&mut self) {
        let config = &self.app.config;
        let is_usable = |plan: &Plan| page::check_box(config, plan.message).is_ok();
        if is_usable(&self.plan) {
            return;
        }
        let other = choose(config, &self.choice).ok();
        let other = other.filter(|plan| plan.replies == self.plan.replies && is_usable(plan));
        if let Some(plan) = other {
            self.plan = plan;
        }
    }

    async fn upload(&self, files: &[Upload]) -> Result<Vec<Value>, Fault> {
        let (config, message) = (&self.app.config, self.plan.message);
        if files.is_empty() {
            return Ok(Vec::new());
        }
        if !self.values.accepts_files(config, message) {
            let shown = shown(config, message);
            let prose = format!("the message box ({shown}) does not accept files");
            return Err(Fault::new(Failure::Settings, prose));
        }
        upload(&self.http, &self.app, files, self.deadline).await
    }

    /// Runs what these events of the message box trigger.
    async fn run_typing(&mut self, has: impl Fn(&str) -> bool) -> Result<(), Fault> {
        let functions: BTreeSet<usize> = self.plan.typing.iter().copied().collect();
        let all = &self.app.config.dependencies;
        let message = Some(self.plan.message);
        let is_start =
            |at: &usize| all[*at].targets().any(|(id, event)| id == message && has(event));
        let starts: Vec<usize> = functions.iter().copied().filter(is_start).collect();
        if starts.is_empty() {
            return Ok(());
        }
        let mut page = PageFunctions {
            http: &self.http,
            app: &mut self.app,
            session: &self.hash,
            values: &mut self.values,
        };
        page.run(&functions, starts, self.deadline).await?;
        Ok(())
    }

    /// The components that send the message; none if JavaScript, which is not run, may enable them.
    fn enabled_by_server(&self) -> Vec<Id> {
        let config = &self.app.config;
        let triggers = &self.plan.triggers;
        let by_javascript = config.dependencies.iter().filter(|one| !one.runs_on_server());
        let mut outputs = by_javascript.flat_map(|one| &one.outputs);
        if outputs.any(|id| triggers.contains(id)) { Vec::new() } else { triggers.clone() }
    }

    /// Ends the conversation. Waits until the heartbeat's connection is closed, so that the server
    /// frees the session even if this process is suspended next.
    pub async fn close(mut self) {
        if let Some(heartbeat) = self.heartbeat.take() {
            heartbeat.stop().await;
        }
    }

    fn reply_track(&self, id: Id, message: &str) -> ReplyTrack {
        let config = &self.app.config;
        let label = config.props(id).and_then(|props| props.label.clone());
        ReplyTrack::new(ReplySource {
            id,
            kind: config.kind(id).to_owned(),
            label: label.filter(|label| !label.is_empty()),
            before: self.values.get(config, id),
            message: message.to_owned(),
            may_show_conversation: self.plan.how != How::Api,
            shown: self.shown(id),
            reasoning_tags: self.reasoning_tags(),
            is_message_box: id == self.plan.message && self.plan.how == How::Plain,
        })
    }

    fn shown(&self, id: Id) -> Shown {
        let config = &self.app.config;
        match config.props(id) {
            Some(props) if props.is_static() => Shown::Nothing,
            // Measured with 4.44 and 6.31; 5.50 shows tables.
            _ if is_chat(config.kind(id)) && config.release().0 != 5 => Shown::NoTables,
            _ => Shown::All,
        }
    }

    /// The tags of thoughts, which the API of a `ChatInterface` leaves in the text.
    fn reasoning_tags(&self) -> Vec<(String, String)> {
        let mut components = self.app.config.components.values();
        let chat = components.find(|one| is_chat(&one.kind)).filter(|_| self.plan.how == How::Api);
        let props = chat.and_then(|chat| chat.props.as_ref());
        props.map(|props| props.reasoning_tags.clone()).unwrap_or_default()
    }

    async fn run(&mut self, turn: &Mutex<Turn<'_>>) -> Result<(), Fault> {
        let values = Mutex::new(std::mem::take(&mut self.values));
        let graph = Graph::new(&self.app.config);
        let (streams, updates) = (Streams::default(), Mutex::default());
        let engine = |steps: &[usize], side: SideFunctions| Engine {
            http: &self.http,
            app: &self.app,
            session: &self.hash,
            graph: &graph,
            steps: steps.iter().copied().collect::<BTreeSet<_>>(),
            side,
            values: &values,
            turn,
            streams: &streams,
            updates: &updates,
            progress: Mutex::default(),
            longest_stream: None,
            goes_on: false,
        };
        let Plan { starts, steps, side, timers, timer_steps, typing_beside, .. } = &self.plan;
        let starts: Vec<usize> = starts.iter().chain(typing_beside).copied().collect();
        let (side, started) = SideFunctions::new(side);
        let event = engine(steps, side);
        let ticks = engine(timer_steps, SideFunctions::default());
        let functions = async {
            if timers.is_empty() {
                event.run(starts).await
            } else {
                timers::run(&event, starts, &ticks, timers, self.deadline).await
            }
        };
        let outcome = event.side.run_beside(functions, event.run_side(started)).await;
        let State { error, reply_failed, signs, rendered, .. } =
            event.progress.into_inner().unwrap_or_else(PoisonError::into_inner);
        self.values = values.into_inner().unwrap_or_else(PoisonError::into_inner);
        for (id, update) in updates.into_inner().unwrap_or_else(PoisonError::into_inner) {
            self.app.config.update(id, &update);
        }
        let replies = self.plan.replies.clone();
        self.take_rendered(rendered);
        outcome?;
        let has_no_page = !self.http.settings.check_page || self.plan.how == How::Api;
        let is_silent = turn.lock().unwrap_or_else(PoisonError::into_inner).is_silent();
        if let Some(error) = signs.into_error(&self.app.config, is_silent || has_no_page) {
            return Err(error);
        }
        if self.http.settings.check_page && self.plan.how != How::Api {
            let shown = page::shown_replies(&self.app.config, &replies)?;
            turn.lock().unwrap_or_else(PoisonError::into_inner).keep_replies(&shown);
        }
        let Some(error) = error else { return Ok(()) };
        let mut turn = turn.lock().unwrap_or_else(PoisonError::into_inner);
        let is_last = reply_failed.is_some_and(|failed| turn.is_unchanged_since(failed));
        if turn.is_silent() || is_last {
            return Err(error);
        }
        let level = "error".to_owned();
        turn.add_toast(Toast { level, title: String::new(), text: error.prose });
        Ok(())
    }

    /// Takes new components and functions, so that the next turn uses them.
    fn take_rendered(&mut self, rendered: Vec<Value>) {
        let is_new = !rendered.is_empty();
        for rendered in rendered {
            self.app.config.add_rendered(rendered);
        }
        if is_new && let Ok(plan) = choose(&self.app.config, &self.choice) {
            self.plan = plan;
        }
    }
}

/// Interval at which the server polls its outgoing messages.
pub(crate) fn grain(config: &AppConfig) -> Option<Duration> {
    match config.release() {
        (4 | 5, _) => Some(Duration::from_millis(50)),
        (6, 0) => Some(Duration::from_millis(1)),
        _ => None,
    }
}
