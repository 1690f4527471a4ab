//! All that an app offers, for a person who is about to write a probe.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use serde_json::Value;
use tokio::time::Instant;

use crate::arguments::{self, Values};
use crate::client::Settings;
use crate::config::{AppConfig, Protocol};
use crate::describe::{App, describe};
use crate::endpoint::{Plan, candidates};
use crate::failure::{Error, Fault};
use crate::http::Http;
use crate::phases::Phases;
use crate::session::{Description, fetch_info, phases_of, scrubbed};

/// What an app offers.
#[derive(Clone, Debug)]
pub struct Discovery {
    /// Such as `6.31.0`; empty when the app does not say.
    pub gradio_version: String,
    /// How events are carried.
    pub protocol: Protocol,
    /// The page's title.
    pub title: Option<String>,
    /// `owner/name` on Hugging Face Spaces.
    pub space_id: Option<String>,
    /// How many functions the app has, the page's own included.
    pub functions: usize,
    /// Every way to chat with it, the best first: that one is taken when none is named. Empty when
    /// there is no chat.
    pub candidates: Vec<Candidate>,
    /// How long it took to find out.
    pub phases: Phases,
}

/// One way to chat with an app.
#[derive(Clone, Debug)]
pub struct Candidate {
    /// What a conversation by this way would be.
    pub description: Description,
    /// Whether the app offers it as part of its API.
    pub public: bool,
    /// What the page calls the box that the message goes into.
    pub message_label: Option<String>,
}

/// Every way to chat with an app, the best first, from its description alone.
#[must_use]
pub fn ways_to_chat(config: &AppConfig) -> Vec<Description> {
    let ways = candidates(config, &BTreeSet::new()).into_iter();
    ways.map(|plan| Description::of(config, &plan, &HashMap::new(), &Values::default())).collect()
}

impl Discovery {
    pub(crate) async fn make(settings: &Arc<Settings>) -> Result<Self, Error> {
        let began = Instant::now();
        let until = began + settings.limits.conversation;
        let failed = |fault, phases| Error::new(scrubbed(fault, settings), phases, None);
        let mut http = Http::new(settings).map_err(|fault| failed(fault, Phases::default()))?;
        let found: Result<(App, Value), Fault> = async {
            let app = describe(&mut http, until).await?;
            // Without it there are no parameters' names to show; the rest is worth showing.
            let info = fetch_info(&http, &app, until).await.unwrap_or_default();
            Ok((app, info))
        }
        .await;
        let (app, info) = found.map_err(|fault| failed(fault, http.tracker.phases()))?;
        let config = &app.config;
        let one = |plan: Plan| {
            let start = plan.start(config);
            let names: HashMap<_, _> = arguments::parameter_names(config, start, &info);
            let label = config.props(plan.message).and_then(|props| props.label.clone());
            Candidate {
                description: Description::of(config, &plan, &names, &Values::default()),
                public: start.is_public(),
                message_label: label.filter(|label| !label.is_empty()),
            }
        };
        Ok(Self {
            gradio_version: config.version.clone(),
            protocol: config.protocol,
            title: config.title.clone(),
            space_id: config.space_id.clone(),
            functions: config.dependencies.len(),
            candidates: candidates(config, &BTreeSet::new()).into_iter().map(one).collect(),
            phases: phases_of(&http, &app, began),
        })
    }
}
