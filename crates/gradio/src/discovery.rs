//! What an app offers, for a user who writes a probe.

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::Value;
use tokio::time::Instant;

use crate::app::App;
use crate::arguments::{self, Values};
use crate::config::{AppConfig, Protocol};
use crate::connect::open;
use crate::description::Description;
use crate::endpoint::{Choice, Plan, candidates};
use crate::failure::{Error, Fault};
use crate::http::Http;
use crate::info::fetch_info;
use crate::phases::Phases;
use crate::settings::Settings;

/// What an app offers.
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
    /// Times of connecting.
    pub phases: Phases,
}

/// One way to chat with an app.
#[derive(Clone, Debug)]
pub struct Candidate {
    /// What a conversation would use.
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
        let found: Result<(App, Value), Fault> = async {
            let app = open(&mut http, began, until, &mut phases).await?;
            // Optional: only the parameter names are missing without it.
            let info = fetch_info(&http, &app, until).await.unwrap_or_default();
            Ok((app, info))
        }
        .await;
        let (app, info) = found.map_err(|fault| failed(fault, phases.clone()))?;
        let config = &app.config;
        let one = |plan: Plan| {
            let start = plan.start(config);
            let names: HashMap<_, _> = arguments::parameter_names(config, start, &info);
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
            candidates: candidates(config, &settings.choice).into_iter().map(one).collect(),
            phases,
        })
    }
}
