//! Bodies of webhooks: minijinja templates over the event.
//!
//! The text of a bot is data in them and is never read as a template. `tojson` makes it a JSON string.

use std::sync::OnceLock;

use minijinja::value::{Serde, Value};
use minijinja::{Environment, Error, ErrorKind, UndefinedBehavior};

use crate::config::Body;
use crate::event::Event;
use crate::{samples, text};

/// Work of a template, in instructions: a loop in a loop must not use up the function's time.
const FUEL: u64 = 200_000;
/// The largest body, in bytes.
const LARGEST_BODY: usize = 512 * 1024;

/// A template that comes with Vigie.
struct Named {
    name: &'static str,
    body: &'static str,
    /// Added to the URL; a template too.
    suffix: &'static str,
    content_type: &'static str,
}

const NAMED: [Named; 5] = [
    Named {
        name: "discord",
        body: include_str!("../templates/discord.json.j2"),
        suffix: "",
        content_type: JSON,
    },
    Named {
        name: "google_chat",
        body: include_str!("../templates/google_chat.json.j2"),
        // Messages with the same `threadKey` form a thread.
        suffix: "?messageReplyOption=REPLY_MESSAGE_FALLBACK_TO_NEW_THREAD",
        content_type: JSON,
    },
    Named {
        name: "incident_io",
        body: include_str!("../templates/incident_io.json.j2"),
        suffix: "",
        content_type: JSON,
    },
    Named {
        name: "ntfy",
        body: include_str!("../templates/ntfy.txt.j2"),
        suffix: "?title={{ title|cut(200)|urlencode }}\
            &priority={{ 3 if action == 'resolve' or severity == 'ticket' else 5 }}\
            &tags={{ 'white_check_mark' if action == 'resolve' else 'rotating_light' }}\
            {% if links.report %}&click={{ links.report|urlencode }}{% endif %}",
        content_type: "text/plain; charset=utf-8",
    },
    Named {
        name: "opsgenie",
        body: include_str!("../templates/opsgenie.json.j2"),
        // An alert is closed or acknowledged below its alias.
        suffix: "{% if action != 'trigger' %}/{{ key|urlencode|replace('/', '%2F') }}/\
            {{ 'close' if action == 'resolve' else 'acknowledge' }}?identifierType=alias{% endif %}",
        content_type: JSON,
    },
];

/// The names for `template` in the file.
pub(crate) const NAMES: [&str; 5] = ["discord", "google_chat", "incident_io", "ntfy", "opsgenie"];

const JSON: &str = "application/json";

/// Why a template gives no body.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TemplateError {
    #[error("the template is not valid")]
    Syntax(#[source] Error),
    #[error("the template failed")]
    Render(#[source] Error),
    #[error("the body has {bytes} bytes; expected at most {LARGEST_BODY}")]
    TooLarge { bytes: usize },
    #[error("the body is not JSON")]
    Json(#[source] serde_json::Error),
}

/// The constant of a name in the file.
pub(crate) fn named(name: &str) -> Option<&'static str> {
    NAMES.into_iter().find(|known| *known == name)
}

/// What a template makes of an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Rendered {
    pub(crate) body: String,
    /// A path and a query that are added to the URL.
    pub(crate) suffix: String,
    pub(crate) content_type: &'static str,
}

pub(crate) fn render(body: &Body, event: &Event) -> Result<Rendered, TemplateError> {
    let (template, suffix, content_type) = match body {
        Body::Event => {
            let body = serde_json::to_string(event).map_err(TemplateError::Json)?;
            return Ok(Rendered { body, suffix: String::new(), content_type: JSON });
        }
        Body::Template(template) => (template.as_str(), "", JSON),
        Body::Named(name) => NAMED
            .iter()
            .find(|known| known.name == *name)
            .map(|known| (known.body, known.suffix, known.content_type))
            .unwrap_or_default(),
    };
    let values = Value::from(Serde(event));
    let body = fill(template, &values)?;
    if LARGEST_BODY < body.len() {
        return Err(TemplateError::TooLarge { bytes: body.len() });
    }
    Ok(Rendered { body, suffix: fill(suffix, &values)?, content_type })
}

/// Renders the template for sample events, one of them with hostile text.
pub(crate) fn check(body: &Body, is_json: bool) -> Result<(), TemplateError> {
    for event in samples::events() {
        let rendered = render(body, &event)?;
        if is_json && rendered.content_type == JSON {
            serde_json::from_str::<serde::de::IgnoredAny>(&rendered.body)
                .map_err(TemplateError::Json)?;
        }
    }
    Ok(())
}

fn fill(template: &str, values: &Value) -> Result<String, TemplateError> {
    let template = environment().template_from_str(template).map_err(TemplateError::Syntax)?;
    template.render(values).map_err(TemplateError::Render)
}

fn environment() -> &'static Environment<'static> {
    static ENVIRONMENT: OnceLock<Environment<'static>> = OnceLock::new();
    ENVIRONMENT.get_or_init(|| {
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::SemiStrict);
        environment.set_fuel(Some(FUEL));
        environment.add_filter("cut", cut);
        environment.add_filter("markdown", |value: &str| text::markdown(value));
        environment.add_filter("plain", plain);
        environment
    })
}

/// `{{ title|cut(130) }}`: at most so many characters.
fn cut(value: &str, most: usize) -> Result<String, Error> {
    if most == 0 {
        return Err(Error::new(ErrorKind::InvalidOperation, "`cut` needs a number from 1"));
    }
    Ok(text::cut(value, most))
}

/// For chats that cannot escape markup: a zero-width space follows each character that can begin it.
fn plain(value: &str) -> String {
    let mut plain = String::with_capacity(value.len());
    for letter in value.chars() {
        plain.push(letter);
        if matches!(letter, '<' | '@' | '*' | '_' | '~' | '`') {
            plain.push('\u{200b}');
        }
    }
    plain
}
