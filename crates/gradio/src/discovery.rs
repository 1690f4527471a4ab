//! Describes an app for a user who writes a probe.

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::Value;
use tokio::time::Instant;

use crate::app::App;
use crate::arguments::{self, Values};
use crate::config::{AppConfig, Protocol};
use crate::connect::{open, render};
use crate::description::Description;
use crate::endpoint::kinds::{asks_for_secret, shown, takes_text};
use crate::endpoint::{Choice, How, Plan, candidates, choose};
use crate::failure::{Error, Fault};
use crate::http::Http;
use crate::info::fetch_info;
use crate::phases::Phases;
use crate::settings::Settings;
use crate::tls;

/// The description of an app.
#[derive(Clone, Debug)]
pub struct Discovery {
    /// Such as `6.31.0`; empty when the app does not report it.
    pub gradio_version: String,
    /// Protocol of the queue.
    pub protocol: Protocol,
    /// Title of the page.
    pub title: Option<String>,
    /// `owner/name` on Hugging Face Spaces.
    pub space_id: Option<String>,
    /// Number of the app's functions, including those that only update the page.
    pub functions: usize,
    /// Every way to chat with the app, the best first: the client uses that one unless an endpoint
    /// is configured. Empty when there is no chat.
    pub candidates: Vec<Candidate>,
    /// Notes for a user who writes a probe, such as JavaScript that is not run.
    pub warnings: Vec<String>,
    /// Times of connecting.
    pub phases: Phases,
}

/// One way to chat with an app.
#[derive(Clone, Debug)]
pub struct Candidate {
    /// The chat that a conversation uses.
    pub description: Description,
    /// Whether the endpoint is part of the public API.
    pub public: bool,
    /// Label of the message box.
    pub message_label: Option<String>,
}

/// Every way to chat with an app, the best first, from its description.
#[must_use]
pub fn ways_to_chat(config: &AppConfig) -> Vec<Description> {
    let ways = candidates(config, &Choice::default()).into_iter();
    ways.map(|plan| Description::of(config, &plan, &HashMap::new(), &Values::default())).collect()
}

impl Discovery {
    pub(crate) async fn run(settings: &Arc<Settings>) -> Result<Self, Error> {
        let began = Instant::now();
        let until = began + settings.limits.conversation;
        let failed =
            |fault: Fault, phases| Error::new(fault.redacted(&settings.secrets), phases, None);
        let mut http = Http::new(settings).map_err(|fault| failed(fault, Phases::default()))?;
        let mut phases = Phases::default();
        let found: Result<(App, Value, Vec<Plan>), Fault> = async {
            let mut app = open(&mut http, began, until, &mut phases).await?;
            // Optional: only the parameter names are missing without it.
            let info = fetch_info(&http, &app, until).await.unwrap_or_default();
            let plans = plans(&app.config, &settings.choice)?;
            if !plans.is_empty() {
                return Ok((app, info, plans));
            }
            // The chat may be in what `gr.render` functions return.
            let (http, hash) = (Arc::new(http), tls::random_name());
            render(&http, &mut app, &hash, &mut Values::default(), until).await?;
            let plans = self::plans(&app.config, &settings.choice)?;
            Ok((app, info, plans))
        }
        .await;
        let (app, info, plans) = found.map_err(|fault| failed(fault, phases.clone()))?;
        let config = &app.config;
        let one = |plan: Plan| {
            let start = plan.start(config);
            let names: HashMap<_, _> = arguments::parameter_names(config, plan.api(config), &info);
            let description = Description::of(config, &plan, &names, &Values::default());
            Candidate {
                public: start.is_public(),
                message_label: description.message_label.clone(),
                description,
            }
        };
        Ok(Self {
            gradio_version: config.version.clone(),
            protocol: config.protocol,
            title: config.title.clone(),
            space_id: config.space_id.clone(),
            functions: config.dependencies.len(),
            warnings: warnings(config, &plans),
            candidates: plans.into_iter().map(one).collect(),
            phases,
        })
    }
}

/// Every way to chat with the app; a configured endpoint is the first.
fn plans(config: &AppConfig, choice: &Choice) -> Result<Vec<Plan>, Fault> {
    let mut plans = candidates(config, choice);
    if choice.endpoint.is_some() {
        let chosen = choose(config, choice)?;
        plans.retain(|plan| *plan != chosen);
        plans.insert(0, chosen);
    }
    Ok(plans)
}

/// Notes for a user who writes a probe.
fn warnings(config: &AppConfig, plans: &[Plan]) -> Vec<String> {
    let mut warnings = Vec::new();
    if let Some(best) = plans.first() {
        let all = best.steps.iter().map(|&at| &config.dependencies[at]);
        let javascript = all.filter(|one| one.runs_javascript());
        let javascript: Vec<_> = javascript.map(|one| one.id().to_string()).collect();
        if !javascript.is_empty() {
            warnings.push(format!(
                "functions with JavaScript, which Vigie does not run: {}",
                javascript.join(", ")
            ));
        }
        if !config.is_visible(best.message) || !config.is_interactive(best.message) {
            let message = shown(config, best.message);
            warnings.push(format!(
                "the message box ({message}) is hidden or disabled when the page loads"
            ));
        }
        if !best.timers.is_empty() {
            warnings.push("a timer of the page brings the reply; Vigie polls it".to_owned());
        }
        if best.replies.len() > 1 {
            let replies: Vec<_> = best.replies.iter().map(|&id| shown(config, id)).collect();
            warnings.push(format!(
                "several outputs show a reply ({}); each is checked, set `target.reply` to choose",
                replies.join(", ")
            ));
        }
        if plans.iter().any(|plan| plan.message != best.message && plan.how <= How::Chain) {
            warnings.push(
                "the app has several chats; set `target.message` or `target.endpoint` to choose"
                    .to_owned(),
            );
        }
    }
    let loads = config.dependencies.iter().filter(|one| one.has_event("load")).count();
    if loads > 0 {
        warnings.push(format!(
            "functions that the page runs when it loads: {loads}; Vigie runs those that the chat needs"
        ));
    }
    let mut secrets: Vec<_> = config.components.keys().copied().collect();
    let message = plans.first().map(|plan| plan.message);
    secrets.retain(|&id| takes_text(config.kind(id)) && asks_for_secret(config, id));
    secrets.retain(|&id| Some(id) != message);
    secrets.sort_unstable();
    warnings.extend(
        secrets.into_iter().map(|id| {
            format!("{} may need a value; set it with `target.inputs`", shown(config, id))
        }),
    );
    if config.pages.len() > 1 {
        let mut pages: Vec<_> = config.pages.keys().map(|page| format!("`/{page}`")).collect();
        pages.sort_unstable();
        warnings.push(format!(
            "the app has several pages ({}); use the URL of one, or set `target.page`",
            pages.join(", ")
        ));
    }
    warnings
}
