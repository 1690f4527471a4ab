//! Custom notifications of Amazon Q Developer in chat applications:
//! <https://docs.aws.amazon.com/chatbot/latest/adminguide/custom-notifs.html>.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::event::Event;
use crate::text::{cut, markdown};

/// Limits of the schema, in characters.
const LONGEST_TITLE: usize = 250;
const LONGEST_DESCRIPTION: usize = 8_000;
const LONGEST_STEP: usize = 350;
const LONGEST_KEYWORD: usize = 75;
const LONGEST_THREAD: usize = 250;
const MOST_STEPS: usize = 10;

/// Messages of one alarm form a thread.
pub(super) fn message(event: &Event) -> Value {
    let mut description = format!("{}\n{}", markdown(&event.headline), markdown(&event.impact));
    for detail in &event.details {
        let (label, value) = (markdown(&detail.label), markdown(&detail.value));
        let _ = write!(description, "\n*{label}*: {value}");
    }
    let links = &event.links;
    let links = [("Report", &links.report), ("Runbook", &links.runbook), ("Alarm", &links.alarm)];
    let mut steps: Vec<String> =
        event.steps.iter().map(|step| cut(&markdown(step), LONGEST_STEP)).collect();
    for (label, url) in links {
        let link =
            url.as_ref().map(|url| format!("<{}|{label}>", url.replace(['<', '>', '|'], "")));
        // A link that is cut opens nothing.
        steps.extend(link.filter(|link| link.chars().count() <= LONGEST_STEP));
    }
    steps.truncate(MOST_STEPS);
    let keywords = [&event.environment, event.probe.as_ref().unwrap_or(&event.alarm.name)];
    json!({
        "version": "1.0",
        "source": "custom",
        "id": event.id,
        "content": {
            "textType": "client-markdown",
            "title": cut(&event.title, LONGEST_TITLE),
            "description": cut(&description, LONGEST_DESCRIPTION),
            "nextSteps": steps,
            "keywords": keywords.map(|word| cut(word, LONGEST_KEYWORD)),
        },
        "metadata": {
            "threadId": cut(&event.key, LONGEST_THREAD),
            "summary": cut(&event.summary, LONGEST_TITLE),
            "eventType": event.status,
            "relatedResources": [cut(&event.alarm.name, 250)],
            "additionalContext": { "environment": event.environment, "severity": event.severity },
        },
    })
}
