//! Checks one receiver of the file.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use domain::Template;
use domain::probe::PerEnvironment;
use domain::template::Part;
use serde_saphyr::Spanned;

use super::raw::{Mistake, RawReceiver, RawSetting, place};
use super::{Audience, Body, Kind, Method, RESERVED, Receiver, Setting, TopicFormat, Webhook};
use crate::template;

const LONGEST_NAME: usize = 40;
/// The longest template of a body, in bytes.
const LONGEST_BODY: usize = 64 * 1024;
const MOST_HEADERS: usize = 20;

const TYPES: &str = "expected `pagerduty`, `slack`, `teams`, `webhook` or `sns`";

struct Check<'a> {
    raw: &'a RawReceiver,
    at: Range<usize>,
    mistakes: &'a mut Vec<Mistake>,
}

/// `None` after a mistake.
pub(super) fn receiver(
    one: &Spanned<RawReceiver>,
    mistakes: &mut Vec<Mistake>,
) -> Option<Receiver> {
    let before = mistakes.len();
    let mut check = Check { raw: &one.value, at: place(one), mistakes };
    let name = check.name();
    let kind = check.kind();
    let audiences = check.audiences(kind.as_ref());
    let receiver = Receiver {
        name: name?,
        kind: kind?,
        audiences: audiences?,
        reminders: one.value.reminders.unwrap_or(false),
        environments: one.value.environments.clone(),
    };
    (mistakes.len() == before).then_some(receiver)
}

impl Check<'_> {
    fn wrong(&mut self, at: Range<usize>, message: String, expected: impl Into<String>) {
        self.mistakes.push(Mistake { message, expected: expected.into(), at });
    }

    fn name(&mut self) -> Option<String> {
        let expected = format!("expected 1 to {LONGEST_NAME} of a-z, 0-9 and -, such as `on-call`");
        let Some(name) = &self.raw.name else {
            self.wrong(self.at.clone(), "a receiver has no `name`".to_owned(), expected);
            return None;
        };
        let text = &name.value;
        let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if text.is_empty() || LONGEST_NAME < text.len() || !text.bytes().all(allowed) {
            self.wrong(place(name), format!("`name` is `{text}`"), expected);
            return None;
        }
        if RESERVED.contains(&text.as_str()) {
            let message = format!("`name` is `{text}`, which is a topic of the stack");
            self.wrong(place(name), message, "expected another name");
            return None;
        }
        Some(text.clone())
    }

    fn kind(&mut self) -> Option<Kind> {
        let Some(kind) = &self.raw.kind else {
            self.wrong(self.at.clone(), "a receiver has no `type`".to_owned(), TYPES);
            return None;
        };
        let raw = self.raw;
        match kind.value.as_str() {
            "pagerduty" => {
                self.only("pagerduty", &["routing_key", "url"]);
                let routing_key = self.required("routing_key", raw.routing_key.as_ref());
                let url = self.optional(raw.url.as_ref())?;
                Some(Kind::PagerDuty { routing_key: routing_key?, url })
            }
            "slack" => {
                self.only("slack", &["url"]);
                Some(Kind::Slack { url: self.required("url", raw.url.as_ref())? })
            }
            "teams" => {
                self.only("teams", &["url"]);
                Some(Kind::Teams { url: self.required("url", raw.url.as_ref())? })
            }
            "webhook" => self.webhook().map(Kind::Webhook),
            "sns" => {
                self.only("sns", &["topic", "format"]);
                let topic = self.required("topic", raw.topic.as_ref());
                let format = self.format();
                Some(Kind::Sns { topic: topic?, format: format? })
            }
            other => {
                self.wrong(place(kind), format!("`type` is `{other}`"), TYPES);
                None
            }
        }
    }

    /// Reports keys that a receiver of this type does not have.
    fn only(&mut self, kind: &str, keys: &[&str]) {
        let raw = self.raw;
        let at = |setting: &Option<Spanned<RawSetting>>| setting.as_ref().map(place);
        let text = |text: &Option<Spanned<String>>| text.as_ref().map(place);
        let own = [
            ("routing_key", at(&raw.routing_key)),
            ("url", at(&raw.url)),
            ("method", text(&raw.method)),
            ("headers", raw.headers.as_ref().map(place)),
            ("body", text(&raw.body)),
            ("template", text(&raw.template)),
            ("signing_key", at(&raw.signing_key)),
            ("topic", at(&raw.topic)),
            ("format", text(&raw.format)),
        ];
        let listed: Vec<String> = keys.iter().map(|key| format!("`{key}`")).collect();
        for (key, at) in own {
            if let Some(at) = at.filter(|_| !keys.contains(&key)) {
                let message = format!("a receiver of type `{kind}` has no `{key}`");
                self.wrong(at, message, format!("expected only {}", listed.join(", ")));
            }
        }
    }

    fn required(&mut self, key: &str, setting: Option<&Spanned<RawSetting>>) -> Option<Setting> {
        if setting.is_none() {
            let message = format!("the receiver has no `{key}`");
            self.wrong(self.at.clone(), message, format!("expected the key `{key}`"));
        }
        self.setting(setting?)
    }

    #[expect(clippy::option_option, reason = "the outer `None` is a mistake")]
    fn optional(&mut self, setting: Option<&Spanned<RawSetting>>) -> Option<Option<Setting>> {
        match setting {
            None => Some(None),
            Some(setting) => self.setting(setting).map(Some),
        }
    }

    fn setting(&mut self, setting: &Spanned<RawSetting>) -> Option<Setting> {
        let texts: Vec<&String> = match &setting.value.0 {
            PerEnvironment::Same(text) => vec![text],
            PerEnvironment::By(texts) => texts.values().collect(),
        };
        if texts.is_empty() || texts.iter().any(|text| text.is_empty()) {
            self.wrong(place(setting), "the value is empty".to_owned(), "expected some text");
            return None;
        }
        for text in texts {
            // `${environment}` may be part of the name of a secret.
            let text = text.replace("${environment}", "prod");
            let expected = "expected `${environment}`, `${secret:ID#key}` or `${ssm:/path}`";
            let mistake = match text.parse::<Template>() {
                Err(error) => Some(error.to_string()),
                Ok(template) => template.parts().iter().find_map(|part| match part {
                    Part::Variable(_) | Part::Word(_) => {
                        Some(format!("`{part}` has no value here"))
                    }
                    Part::Literal(_) | Part::Secret(_) => None,
                }),
            };
            if let Some(message) = mistake {
                self.wrong(place(setting), message, expected);
                return None;
            }
        }
        Some(setting.value.0.clone())
    }

    fn audiences(&mut self, kind: Option<&Kind>) -> Option<BTreeSet<Audience>> {
        let expected = "expected a list of `page`, `ticket` and `escalation`";
        let Some(send) = &self.raw.send else {
            let all = [Audience::Page, Audience::Ticket];
            // A ticket must not wake a person.
            let count = if matches!(kind, Some(Kind::PagerDuty { .. })) { 1 } else { 2 };
            return Some(all.into_iter().take(count).collect());
        };
        if send.value.is_empty() {
            self.wrong(place(send), "`send` is empty".to_owned(), expected);
            return None;
        }
        let mut audiences = BTreeSet::new();
        for word in &send.value {
            let audience = match word.value.as_str() {
                "page" => Audience::Page,
                "ticket" => Audience::Ticket,
                "escalation" => Audience::Escalation,
                other => {
                    self.wrong(place(word), format!("`send` has `{other}`"), expected);
                    return None;
                }
            };
            audiences.insert(audience);
        }
        if audiences.contains(&Audience::Page) && audiences.contains(&Audience::Escalation) {
            let expected = "expected one of them: an escalation goes to a receiver that the page did not go to";
            self.wrong(place(send), "`send` has `page` and `escalation`".to_owned(), expected);
            return None;
        }
        Some(audiences)
    }

    fn webhook(&mut self) -> Option<Webhook> {
        let raw = self.raw;
        self.only("webhook", &["url", "method", "headers", "body", "template", "signing_key"]);
        let url = self.required("url", raw.url.as_ref());
        let method = self.method();
        let headers = self.headers();
        let body = self.body();
        let signing_key = self.optional(raw.signing_key.as_ref());
        Some(Webhook {
            url: url?,
            method: method?,
            headers: headers?,
            body: body?,
            signing_key: signing_key?,
        })
    }

    fn method(&mut self) -> Option<Method> {
        let Some(method) = &self.raw.method else { return Some(Method::default()) };
        match method.value.as_str() {
            "POST" => Some(Method::Post),
            "PUT" => Some(Method::Put),
            "PATCH" => Some(Method::Patch),
            other => {
                let message = format!("`method` is `{other}`");
                self.wrong(place(method), message, "expected `POST`, `PUT` or `PATCH`");
                None
            }
        }
    }

    fn headers(&mut self) -> Option<BTreeMap<String, Setting>> {
        let Some(headers) = &self.raw.headers else { return Some(BTreeMap::new()) };
        if MOST_HEADERS < headers.value.len() {
            let message = format!("the receiver has {} headers", headers.value.len());
            self.wrong(place(headers), message, format!("expected at most {MOST_HEADERS}"));
            return None;
        }
        let mut all = BTreeMap::new();
        for (name, value) in &headers.value {
            let own = ["host", "content-length", "transfer-encoding", "connection"];
            let valid = reqwest::header::HeaderName::from_bytes(name.as_bytes()).is_ok();
            if !valid || own.contains(&name.to_lowercase().as_str()) {
                let message = format!("`{name}` cannot be set as a header");
                self.wrong(place(value), message, "expected a name such as `Authorization`");
                return None;
            }
            all.insert(name.clone(), self.setting(value)?);
        }
        Some(all)
    }

    fn body(&mut self) -> Option<Body> {
        let (at, body) = match (&self.raw.body, &self.raw.template) {
            (None, None) => return Some(Body::Event),
            (Some(body), Some(_)) => {
                let message = "the receiver has both `body` and `template`".to_owned();
                self.wrong(place(body), message, "expected one of them");
                return None;
            }
            (None, Some(name)) => {
                if let Some(known) = template::named(&name.value) {
                    (place(name), Body::Named(known))
                } else {
                    let names: Vec<String> =
                        template::NAMES.iter().map(|name| format!("`{name}`")).collect();
                    let message = format!("`template` is `{}`", name.value);
                    let expected = format!("expected one of {}", names.join(", "));
                    self.wrong(place(name), message, expected);
                    return None;
                }
            }
            (Some(body), None) if LONGEST_BODY < body.value.len() => {
                let message = format!("the template has {} bytes", body.value.len());
                self.wrong(place(body), message, format!("expected at most {LONGEST_BODY}"));
                return None;
            }
            (Some(body), None) => (place(body), Body::Template(body.value.clone())),
        };
        match template::check(&body, self.is_json()) {
            Ok(()) => Some(body),
            Err(error) => {
                let mut causes = vec![error.to_string()];
                let mut source = std::error::Error::source(&error);
                while let Some(cause) = source {
                    causes.push(cause.to_string());
                    source = cause.source();
                }
                let message = format!("`body` is not usable: {}", causes.join(": "));
                self.wrong(at, message, "expected a minijinja template over the event");
                None
            }
        }
    }

    /// Whether the body is JSON: the default.
    fn is_json(&self) -> bool {
        let headers = self.raw.headers.iter().flat_map(|headers| &headers.value);
        let mut types = headers.filter(|(name, _)| name.eq_ignore_ascii_case("content-type"));
        types.next().is_none_or(|(_, value)| match &value.value.0 {
            PerEnvironment::Same(text) => text.contains("json"),
            PerEnvironment::By(texts) => texts.values().all(|text| text.contains("json")),
        })
    }

    fn format(&mut self) -> Option<TopicFormat> {
        let Some(format) = &self.raw.format else { return Some(TopicFormat::Json) };
        match format.value.as_str() {
            "text" => Some(TopicFormat::Text),
            "json" => Some(TopicFormat::Json),
            "cloudwatch" => Some(TopicFormat::CloudWatch),
            "amazon_q" => Some(TopicFormat::AmazonQ),
            other => {
                let message = format!("`format` is `{other}`");
                let expected = "expected `text`, `json`, `cloudwatch` or `amazon_q`";
                self.wrong(place(format), message, expected);
                None
            }
        }
    }
}
