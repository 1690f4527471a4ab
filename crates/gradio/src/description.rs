//! The description of an app and how the conversation uses it.

use std::collections::HashMap;

use crate::arguments::{self, Input, Values};
use crate::config::{AppConfig, Dependency, Id, Protocol};
use crate::endpoint::kinds::takes_files;
use crate::endpoint::{How, Plan};

/// The description of an app and how the conversation uses it.
#[derive(Clone, Debug, PartialEq)]
pub struct Description {
    /// Such as `6.31.0`; empty when the app does not report it.
    pub gradio_version: String,
    /// Protocol of the queue.
    pub protocol: Protocol,
    /// In which way the app is a chat.
    pub how: How,
    /// Id of the function that takes the message.
    pub endpoint_id: Id,
    /// API name of that function without the leading slash; `None` for a private function.
    pub endpoint_name: Option<String>,
    /// Title of the page.
    pub title: Option<String>,
    /// `owner/name` on Hugging Face Spaces.
    pub space_id: Option<String>,
    /// Inputs of the chat besides the message.
    pub inputs: Vec<Input>,
    /// Ids of the functions that make up a turn, in order.
    pub steps: Vec<Id>,
    /// Label of the message box.
    pub message_label: Option<String>,
    /// Labels and types of the outputs with the reply.
    pub replies: Vec<(Option<String>, String)>,
    /// Ids of functions of a turn with JavaScript, which is not run: the server may get other values
    /// than from a browser.
    pub javascript: Vec<Id>,
    /// Whether the message box also takes files.
    pub multimodal: bool,
    /// Whether the function that replies uses the queue.
    pub queued: bool,
    /// Whether replies are streamed; `None` before 4.19, which did not report it.
    pub streams: Option<bool>,
}

impl Description {
    pub(crate) fn of(
        config: &AppConfig,
        plan: &Plan,
        names: &HashMap<Id, String>,
        values: &Values,
    ) -> Self {
        let start = plan.start(config);
        let label = |id: Id| {
            let label = config.props(id).and_then(|props| props.label.clone());
            label.filter(|label| !label.is_empty())
        };
        let writes_reply =
            |one: &&Dependency| one.outputs.iter().any(|id| plan.replies.contains(id));
        // What follows the answer may write it once more.
        let mut writers = plan.functions(config).filter(writes_reply);
        let streaming = writers.find(|one| one.is_generator() == Some(true));
        let replying = streaming.or_else(|| plan.functions(config).rev().find(writes_reply));
        let all = plan.steps.iter().map(|&at| &config.dependencies[at]);
        let javascript = all.filter(|one| one.runs_javascript()).map(Dependency::id);
        let replies = plan.replies.iter().map(|&id| (label(id), config.kind(id).to_owned()));
        Self {
            gradio_version: config.version.clone(),
            protocol: config.protocol,
            how: plan.how,
            endpoint_id: start.id(),
            endpoint_name: start.api_name.clone(),
            title: config.title.clone(),
            space_id: config.space_id.clone(),
            inputs: arguments::inputs(config, &arguments::further(config, plan), names, values),
            steps: plan.functions(config).map(Dependency::id).collect(),
            message_label: label(plan.message),
            replies: replies.collect(),
            javascript: javascript.collect(),
            multimodal: takes_files(config.kind(plan.message)),
            queued: replying.is_some_and(|one| config.is_queued(one)),
            streams: replying
                .filter(|_| config.release() >= (4, 19))
                .and_then(Dependency::is_generator),
        }
    }
}
