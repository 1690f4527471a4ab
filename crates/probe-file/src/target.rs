//! The target. Each of its values may be a mapping by environment.

use std::collections::{BTreeMap, BTreeSet};

use domain::probe::{Auth, ClientCertificate, Login, Page, PerEnvironment, TargetLimits};
use domain::template::Part;
use domain::{EnvironmentName, TargetSpec, Template};

use crate::common::{environment, is_url, texts};
use crate::diagnostic::Diagnostic;
use crate::keys::{AUTH, CLIENT_CERTIFICATE, LIMITS, MOST_BYTES, MOST_REPLIES, TARGET};
use crate::node::{Node, Place, Value};
use crate::walk::{Fields, Scope, Walk};

/// The nonce and saved parts have no value before the conversation.
const SCOPE: Scope<'_> = Scope { words: &["environment"], secrets: true };

/// Reads `target`; `environments` are those that the probe names.
pub(crate) fn target(
    walk: &mut Walk<'_>,
    node: &Node,
    key: &Place,
    environments: Option<&[EnvironmentName]>,
) -> Option<TargetSpec> {
    let fields = walk.fields(node, &TARGET, key)?;
    let known = known_environments(&fields, environments);
    let by = By { environments, known: &known };
    let url = fields.get("url").and_then(|node| by.read(walk, node, |_| false, url));
    let is_auth = |node: &Node| is_auth(node, &known);
    let auth = by.optional(walk, fields.get("auth"), is_auth, auth);
    let endpoint = by.optional(walk, fields.get("endpoint"), |_| false, endpoint);
    let message = by.optional(walk, fields.get("message"), |_| false, label);
    let reply = by.optional(walk, fields.get("reply"), |_| false, labels);
    let page = by.optional(walk, fields.get("page"), |_| false, page);
    let query = by.map(walk, fields.get("query"), "parameters such as `{ tenant: acme }`", text);
    let ca_file = by.optional(walk, fields.get("ca_file"), |_| false, label);
    let is_pair =
        |node: &Node| node.entries().iter().any(|(key, _)| CLIENT_CERTIFICATE.has(&key.text));
    let certificate = fields.get("client_certificate");
    let client_certificate = by.optional(walk, certificate, is_pair, client_certificate);
    let limits =
        fields.get("limits").map_or(Some(TargetLimits::default()), |node| limits(walk, node));
    let inputs = fields.get("inputs").map_or(Some(BTreeMap::new()), |node| inputs(walk, node, by));
    Some(TargetSpec {
        url: url?,
        auth: auth?,
        endpoint: endpoint?,
        message: message?,
        reply: reply?,
        page: page?,
        query: query?,
        ca_file: ca_file?,
        client_certificate: client_certificate?,
        limits: limits?,
        inputs: inputs?,
    })
}

fn text(walk: &mut Walk<'_>, node: &Node) -> Option<Template> {
    walk.template(node, SCOPE)
}

/// Text that is not empty.
fn label(walk: &mut Walk<'_>, node: &Node) -> Option<Template> {
    let label = walk.template(node, SCOPE)?;
    let is_empty = label.parts().is_empty();
    if is_empty {
        walk.note(Diagnostic::new(&node.at, "the text is empty", "expected some text"));
    }
    (!is_empty).then_some(label)
}

/// One label, or a list of labels.
fn labels(walk: &mut Walk<'_>, node: &Node) -> Option<Vec<Template>> {
    let Value::List(items) = &node.value else {
        return label(walk, node).map(|label| vec![label]);
    };
    if !(1..=MOST_REPLIES).contains(&items.len()) {
        let message = format!("a list of {} outputs", items.len());
        let expected = format!("expected 1 to {MOST_REPLIES} outputs");
        walk.note(Diagnostic::new(&node.at, message, expected));
        return None;
    }
    items.iter().map(|item| label(walk, item)).collect()
}

fn page(walk: &mut Walk<'_>, node: &Node) -> Option<Page> {
    let expected = "a path such as `/chat`, or `false`";
    match &node.value {
        Value::Bool(false) => return Some(Page::Unchecked),
        Value::Text(path) if path.starts_with('/') => {}
        _ => {
            let message = format!("`{}` is not a page", walk.at(&node.at));
            walk.note(Diagnostic::new(&node.at, message, format!("expected {expected}")));
            return None;
        }
    }
    walk.template(node, SCOPE).map(Page::Path)
}

fn client_certificate(walk: &mut Walk<'_>, node: &Node) -> Option<ClientCertificate> {
    let fields = walk.fields(node, &CLIENT_CERTIFICATE, &node.place())?;
    let certificate = fields.get("certificate").and_then(|node| label(walk, node));
    let key = fields.get("key").and_then(|node| label(walk, node));
    Some(ClientCertificate { certificate: certificate?, key: key? })
}

fn limits(walk: &mut Walk<'_>, node: &Node) -> Option<TargetLimits> {
    let fields = walk.fields(node, &LIMITS, &node.place())?;
    let mut limit = |name: &str| match fields.get(name) {
        None => Some(None),
        Some(node) => walk.integer(node, 1_024..=MOST_BYTES).map(Some),
    };
    let (event_bytes, output_bytes) = (limit("event_bytes"), limit("output_bytes"));
    let reply_characters = limit("reply_characters");
    Some(TargetLimits {
        event_bytes: event_bytes?,
        output_bytes: output_bytes?,
        reply_characters: reply_characters?,
    })
}

/// The environments of the probe: its own list, or the keys of its `url`.
fn known_environments(fields: &Fields<'_>, named: Option<&[EnvironmentName]>) -> BTreeSet<String> {
    match named {
        Some(named) => named.iter().map(ToString::to_string).collect(),
        None => fields
            .get("url")
            .iter()
            .flat_map(|node| node.entries())
            .map(|(key, _)| key.text.clone())
            .collect(),
    }
}

/// Reads values that may differ by environment.
#[derive(Clone, Copy)]
struct By<'e> {
    environments: Option<&'e [EnvironmentName]>,
    known: &'e BTreeSet<String>,
}

impl By<'_> {
    /// A value that may be left out.
    #[expect(
        clippy::option_option,
        reason = "the outer `None` is a mistake, the inner one a missing key"
    )]
    fn optional<T>(
        self,
        walk: &mut Walk<'_>,
        node: Option<&Node>,
        plain: impl Fn(&Node) -> bool,
        one: impl FnMut(&mut Walk<'_>, &Node) -> Option<T>,
    ) -> Option<Option<PerEnvironment<T>>> {
        match node {
            None => Some(None),
            Some(node) => self.read(walk, node, plain, one).map(Some),
        }
    }

    /// A mapping with free keys, each of whose values may differ by environment.
    fn map<T>(
        self,
        walk: &mut Walk<'_>,
        node: Option<&Node>,
        expected: &str,
        mut one: impl FnMut(&mut Walk<'_>, &Node) -> Option<T>,
    ) -> Option<BTreeMap<String, PerEnvironment<T>>> {
        let Some(node) = node else { return Some(BTreeMap::new()) };
        let mut values = BTreeMap::new();
        for (key, value) in walk.entries(node, expected)? {
            if let Some(value) = self.read(walk, value, |_| false, &mut one) {
                values.insert(key.text.clone(), value);
            }
        }
        Some(values)
    }

    /// A mapping is by environment unless `plain` says that it is one value.
    fn read<T>(
        self,
        walk: &mut Walk<'_>,
        node: &Node,
        plain: impl Fn(&Node) -> bool,
        mut one: impl FnMut(&mut Walk<'_>, &Node) -> Option<T>,
    ) -> Option<PerEnvironment<T>> {
        if !matches!(node.value, Value::Map(_)) || plain(node) {
            return one(walk, node).map(PerEnvironment::Same);
        }
        let mut values = BTreeMap::new();
        for (key, value) in walk.entries(node, "a map by environment")? {
            let name = environment(walk, &key.at, &key.text);
            let value = one(walk, value);
            let Some(name) = name else { continue };
            if self.environments.is_some_and(|named| !named.contains(&name)) {
                let message = format!("`{name}` is not one of the probe's environments");
                let names: Vec<String> =
                    self.known.iter().map(|name| format!("`{name}`")).collect();
                walk.note(Diagnostic::new(
                    &key.at,
                    message,
                    format!("expected {}", names.join(", ")),
                ));
            }
            if let Some(value) = value {
                values.insert(name, value);
            }
        }
        for name in self.environments.unwrap_or_default() {
            if node.get(name.as_str()).is_none_or(|value| value.value == Value::Null) {
                let at = node.place();
                let message = format!("there is no value for `{name}`");
                walk.note(Diagnostic::new(
                    &at,
                    message,
                    "expected one for each of the probe's environments",
                ));
            }
        }
        Some(PerEnvironment::By(values))
    }
}

fn url(walk: &mut Walk<'_>, node: &Node) -> Option<Template> {
    let text = walk.text(node, "text such as `https://chat.example.com`")?;
    let url = walk.template_in(node, text, SCOPE)?;
    let Some(Part::Literal(start)) = url.parts().first() else {
        let empty = url.parts().is_empty();
        if empty {
            walk.note(Diagnostic::new(
                &node.at,
                "the address is empty",
                "expected `https://…` or `http://…`",
            ));
        }
        return (!empty).then_some(url);
    };
    let whole = url.parts().len() == 1;
    let scheme = start.starts_with("https://") || start.starts_with("http://");
    if !scheme || (whole && !is_url(start)) {
        let message = format!("`{text}` is not the address of an app");
        let mistake = Diagnostic::new(&node.at, message, "expected `https://…` or `http://…`");
        let bare = !start.contains("://") && start.contains('.');
        walk.note(if bare {
            mistake.hint(format!("did you mean `https://{text}`?"))
        } else {
            mistake
        });
        return None;
    }
    let authority = text.split("://").nth(1).and_then(|rest| rest.split('/').next());
    if authority.is_some_and(|authority| authority.contains('@')) {
        let message = "an address must not carry credentials";
        let mistake =
            Diagnostic::new(&node.at, message, "expected an address without `user:password@`");
        walk.note(mistake.hint("write them under `auth`, the password as `${secret:ID#key}`"));
        return None;
    }
    Some(url)
}

fn endpoint(walk: &mut Walk<'_>, node: &Node) -> Option<Template> {
    if let Value::Integer(number @ 0..=100_000) = node.value {
        return Some(Template::literal(number.to_string()));
    }
    walk.template(node, SCOPE)
}

/// Whether a mapping under `auth` is an authentication, not a map by environment.
fn is_auth(node: &Node, environments: &BTreeSet<String>) -> bool {
    let misspelt = |key: &str| {
        !environments.contains(key)
            && AUTH.list.iter().any(|known| strsim::damerau_levenshtein(key, known.name) <= 2)
    };
    node.entries().iter().any(|(key, value)| {
        AUTH.has(&key.text) || misspelt(&key.text) || !matches!(value.value, Value::Map(_))
    })
}

fn auth(walk: &mut Walk<'_>, node: &Node) -> Option<Auth> {
    let place = node.place();
    let fields = walk.fields(node, &AUTH, &place)?;
    if fields.iter().next().is_none() {
        let expected = "expected `username` and `password`, `bearer`, or `headers`";
        walk.note(Diagnostic::new(&place, "`auth` has no credentials", expected));
        return None;
    }
    let login = match (fields.get("username"), fields.get("password")) {
        (None, None) => Some(None),
        (Some(username), Some(password)) => {
            let username = walk.template(username, SCOPE);
            let password = walk.template(password, SCOPE);
            username.zip(password).map(|(username, password)| Some(Login { username, password }))
        }
        _ => {
            let expected = "expected both `username` and `password`";
            walk.note(Diagnostic::new(&place, "the log-in is incomplete", expected));
            None
        }
    };
    let bearer = match fields.get("bearer") {
        None => Some(None),
        Some(node) => walk.template(node, SCOPE).map(Some),
    };
    let headers = fields.get("headers").map_or(Some(BTreeMap::new()), |node| headers(walk, node));
    let auth = Auth { login: login?, bearer: bearer?, headers: headers? };
    let is_authorization = |name: &String| name.eq_ignore_ascii_case("authorization");
    if auth.bearer.is_some() && auth.headers.keys().any(is_authorization) {
        let message = "both `bearer` and a header `Authorization`";
        walk.note(Diagnostic::new(&place, message, "expected one of them"));
        return None;
    }
    Some(auth)
}

fn headers(walk: &mut Walk<'_>, node: &Node) -> Option<BTreeMap<String, Template>> {
    let mut headers = BTreeMap::new();
    for (key, value) in walk.entries(node, "headers such as `{ X-Key: … }`")? {
        // RFC 9110, section 5.6.2: a token.
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
        if key.text.is_empty() || !key.text.bytes().all(allowed) {
            let message = format!("`{}` is not the name of a header", key.text);
            walk.note(Diagnostic::new(&key.at, message, "expected letters, digits and `-`"));
        }
        if let Some(value) = walk.template(value, SCOPE) {
            headers.insert(key.text.clone(), value);
        }
    }
    if node.entries().iter().all(|(_, value)| value.value == Value::Null) {
        walk.note(Diagnostic::new(&node.at, "`headers` is empty", "expected at least one header"));
        return None;
    }
    Some(headers)
}

fn inputs(
    walk: &mut Walk<'_>,
    node: &Node,
    by: By<'_>,
) -> Option<BTreeMap<String, PerEnvironment<serde_json::Value>>> {
    let mut inputs = BTreeMap::new();
    for (key, value) in walk.nullable_entries(node, "inputs such as `{ temperature: 0.2 }`")? {
        // An app may take an object: only a mapping of known environments is one by environment.
        let object = |node: &Node| {
            let entries = node.entries();
            entries.is_empty() || !entries.iter().all(|(key, _)| by.known.contains(&key.text))
        };
        if let Some(value) = by.read(walk, value, object, input) {
            inputs.insert(key.text.clone(), value);
        }
    }
    Some(inputs)
}

fn input(walk: &mut Walk<'_>, node: &Node) -> Option<serde_json::Value> {
    let before = walk.mistakes.len();
    texts(node, &mut |node, text| {
        walk.template_in(node, text, SCOPE);
    });
    (walk.mistakes.len() == before).then(|| node.to_json())
}
