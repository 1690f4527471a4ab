//! The target: any of its values may be a map by environment.

use std::collections::{BTreeMap, BTreeSet};

use domain::probe::{Auth, Login, PerEnvironment};
use domain::template::Part;
use domain::{EnvironmentName, TargetSpec, TargetUrl, Template};

use crate::diagnostic::Diagnostic;
use crate::keys::{AUTH, TARGET};
use crate::node::{Node, Place, Value};
use crate::probe::environment;
use crate::walk::{Fields, Scope, Walk};

/// The nonce and saved parts belong to a conversation; they have no value yet when it begins.
const SCOPE: Scope<'_> = Scope { words: &["environment"], secrets: true };

/// Reads `target`; `environments` are the probe's own, where it names them.
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
    let endpoint = match fields.get("endpoint") {
        Some(node) => by.read(walk, node, |_| false, endpoint).map(Some),
        None => Some(None),
    };
    let auth = match fields.get("auth") {
        Some(node) => by.read(walk, node, |node| is_auth(node, &known), auth).map(Some),
        None => Some(None),
    };
    let inputs = fields.get("inputs").map_or(Some(BTreeMap::new()), |node| inputs(walk, node, by));
    Some(TargetSpec { url: url?, auth: auth?, endpoint: endpoint?, inputs: inputs? })
}

/// The environments that this probe speaks of: its own list, or else the keys of its `url`.
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
    /// A mapping is by environment, unless `plain` says that it is one value.
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
            if node.get(name.as_str()).is_none() {
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

/// Whether a text is an address with the scheme `https` or `http`.
pub(crate) fn is_url(text: &str) -> bool {
    text.parse::<TargetUrl>().is_ok()
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
        walk.note(mistake.hint("they belong into `auth`, the password as `${secret:ID#key}`"));
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
    let kinds = [
        fields.get("username").or(fields.get("password")).is_some(),
        fields.get("bearer").is_some(),
        fields.get("headers").is_some(),
    ];
    if kinds.iter().filter(|there| **there).count() != 1 {
        let expected = "expected `username` and `password`, or `bearer`, or `headers`";
        walk.note(Diagnostic::new(&place, "`auth` needs exactly one way to log in", expected));
        return None;
    }
    if let Some(node) = fields.get("bearer") {
        let bearer = walk.template(node, SCOPE)?;
        return Some(Auth { bearer: Some(bearer), ..Auth::default() });
    }
    if let Some(node) = fields.get("headers") {
        return Some(Auth { headers: headers(walk, node)?, ..Auth::default() });
    }
    let (Some(username), Some(password)) = (fields.get("username"), fields.get("password")) else {
        let expected = "expected both `username` and `password`";
        walk.note(Diagnostic::new(&place, "the log-in is incomplete", expected));
        return None;
    };
    let (username, password) = (walk.template(username, SCOPE), walk.template(password, SCOPE));
    let login = Login { username: username?, password: password? };
    Some(Auth { login: Some(login), ..Auth::default() })
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
    if headers.is_empty() && node.entries().is_empty() {
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
    for (key, value) in walk.entries(node, "inputs such as `{ temperature: 0.2 }`")? {
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

/// Every text in a value.
pub(crate) fn texts(node: &Node, see: &mut impl FnMut(&Node, &str)) {
    match &node.value {
        Value::Text(text) => see(node, text),
        Value::List(items) => items.iter().for_each(|item| texts(item, see)),
        Value::Map(entries) => entries.iter().for_each(|(_, value)| texts(value, see)),
        _ => {}
    }
}
