//! `scrape_configs`: each target with its labels, limits and rules.

use std::collections::BTreeSet;
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use domain::USER_AGENT;
use exposition::Format;
use http::{HeaderMap, HeaderName, HeaderValue};
use relabel::{Config, LabelSet, Rule};
use scrape::{Histograms, Labels, Limits, Request, Tls};
use scrape_engine::scraping::Target;
use secrecy::ExposeSecret as _;
use url::Url;

use super::ConfigError;
use super::receiver::{basic, credentials};
use super::section::Section;
use super::units;

const EXPECTED_TARGETS: &str = "is not set; expected `targets`, such as `[\"bot:7860\"]`";

/// Settings for all targets.
pub(super) struct Global {
    interval: Duration,
    timeout: Duration,
    limits: Limits,
    native_histograms: bool,
    classic_histograms: bool,
    external: Vec<(String, String)>,
}

impl Global {
    pub(super) fn read(section: Option<Section<'_>>) -> Self {
        let mut global = Self {
            interval: Duration::from_secs(60),
            timeout: Duration::from_secs(10),
            limits: Limits::default(),
            native_histograms: false,
            classic_histograms: false,
            external: Vec::new(),
        };
        let Some(mut section) = section else { return global };
        global.interval = time(&mut section, "scrape_interval").unwrap_or(global.interval);
        let timeout = timeout(&mut section, global.interval);
        global.timeout = timeout.unwrap_or(global.timeout.min(global.interval));
        global.limits = limits(&mut section, global.limits);
        global.native_histograms = section.flag("scrape_native_histograms").unwrap_or(false);
        global.classic_histograms =
            section.flag("always_scrape_classic_histograms").unwrap_or(false);
        let set = |(name, value): (String, String)| (name, expanded(&value, process_env));
        global.external = section.pairs("external_labels").into_iter().map(set).collect();
        for key in ["evaluation_interval", "rule_query_offset", "query_log_file"] {
            section.ignore(key);
        }
        section.finish();
        global
    }
}

/// A time; as in Prometheus, 0 is the same as no setting.
fn time(section: &mut Section<'_>, key: &str) -> Option<Duration> {
    section.duration(key).filter(|time| !time.is_zero())
}

fn timeout(section: &mut Section<'_>, interval: Duration) -> Option<Duration> {
    let timeout = time(section, "scrape_timeout");
    if timeout.is_some_and(|timeout| timeout > interval) {
        let text = format!("is longer than the interval, {interval:?}");
        section.problem("scrape_timeout", &text);
    }
    timeout.map(|timeout| timeout.min(interval))
}

fn process_env(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// The value of an external label with the environment variables that it names, such as `${REGION}`, as in Prometheus 3.
/// `$$` is a dollar sign.
fn expanded(value: &str, env: impl Fn(&str) -> Option<String>) -> String {
    let mut out = String::new();
    let mut rest = value;
    while let Some((before, after)) = rest.split_once('$') {
        out.push_str(before);
        let is_name = |char: char| char.is_ascii_alphanumeric() || char == '_';
        let (name, left) = match after.strip_prefix('{').and_then(|inside| inside.split_once('}')) {
            Some(braced) => braced,
            None if after.starts_with('$') => after.split_at(1),
            None => after.split_at(after.find(|char| !is_name(char)).unwrap_or(after.len())),
        };
        match name {
            "" | "$" => out.push('$'),
            name => out.push_str(&env(name).unwrap_or_default()),
        }
        rest = left;
    }
    out + rest
}

fn limits(section: &mut Section<'_>, default: Limits) -> Limits {
    Limits {
        body_bytes: section.size("body_size_limit").unwrap_or(default.body_bytes),
        samples: section.limit("sample_limit").or(default.samples),
        labels: section.limit("label_limit").or(default.labels),
        label_name_bytes: section.limit("label_name_length_limit").or(default.label_name_bytes),
        label_value_bytes: section.limit("label_value_length_limit").or(default.label_value_bytes),
        ..default
    }
}

/// What the targets of a job have in common.
struct Job {
    name: String,
    interval: Duration,
    timeout: Duration,
    path: String,
    scheme: String,
    params: Vec<(String, Vec<String>)>,
    headers: HeaderMap,
    limits: Limits,
    fallback: Option<Format>,
    histograms: Histograms,
    honor_labels: bool,
    honor_timestamps: bool,
    relabel: Vec<Rule>,
    metric_relabel: Vec<Rule>,
    external: Vec<(String, String)>,
    tls: Tls,
    /// `None` if each target needs its own.
    client: Option<reqwest::Client>,
}

/// Why an address is not a target.
enum TargetError {
    Invalid(&'static str),
    Client(reqwest::Error),
}

/// The targets of a job. `jobs` has the names of those before it.
pub(super) fn read(
    mut section: Section<'_>,
    global: &Global,
    jobs: &mut BTreeSet<String>,
) -> Result<Vec<Target>, ConfigError> {
    let name = section.text("job_name").unwrap_or_default();
    if name.is_empty() {
        section.problem("job_name", "is not set; expected the label `job`");
    } else if !jobs.insert(name.clone()) {
        section.invalid("job_name", &name, "a name that no other job has");
    }
    let interval = time(&mut section, "scrape_interval").unwrap_or(global.interval);
    let timeout = timeout(&mut section, interval);
    let tls = section.section("tls_config").map(tls).unwrap_or_default();
    let mut job = Job {
        name,
        interval,
        timeout: timeout.unwrap_or(global.timeout.min(interval)),
        path: section.text("metrics_path").unwrap_or_else(|| "/metrics".to_owned()),
        scheme: section.text("scheme").unwrap_or_else(|| "http".to_owned()),
        params: section.lists("params"),
        headers: headers(&mut section),
        limits: limits(&mut section, global.limits),
        fallback: fallback(&mut section),
        histograms: histograms(&mut section, global),
        honor_labels: section.flag("honor_labels").unwrap_or(false),
        honor_timestamps: section.flag("honor_timestamps").unwrap_or(true),
        relabel: rules(&mut section, "relabel_configs"),
        metric_relabel: rules(&mut section, "metric_relabel_configs"),
        external: global.external.clone(),
        tls,
        client: None,
    };
    section.only("enable_compression", true);
    section.only("enable_http2", true);
    section.only("follow_redirects", true);
    let mut targets = Vec::new();
    for mut group in section.sections("static_configs") {
        let labels = group.pairs("labels");
        let addresses = group.texts("targets");
        if addresses.is_empty() {
            group.problem("targets", EXPECTED_TARGETS);
        }
        for address in addresses {
            match job.target(&address, &labels) {
                Ok(target) => targets.extend(target),
                Err(TargetError::Invalid(what)) => group.invalid("targets", &address, what),
                Err(TargetError::Client(source)) => return Err(ConfigError::Client { source }),
            }
        }
        group.finish();
    }
    section.finish();
    Ok(targets)
}

impl Job {
    /// The target at an address. `None` when `relabel_configs` drops it. The error says what was expected.
    fn target(
        &mut self,
        address: &str,
        labels: &[(String, String)],
    ) -> Result<Option<Target>, TargetError> {
        let mut set = self.discovered(address, labels);
        if !relabel::apply(&self.relabel, &mut set) {
            return Ok(None);
        }
        let get = |name: &str| set.get(name).map_or("", String::as_str);
        let expected = TargetError::Invalid;
        let url = self.url(&set).ok_or(expected("a host and a port, such as `bot:7860`"))?;
        let every = units::duration(get("__scrape_interval__")).filter(|every| !every.is_zero());
        let every = every.ok_or(expected("a valid label `__scrape_interval__`"))?;
        let timeout = units::duration(get("__scrape_timeout__"));
        let timeout = timeout.filter(|timeout| !timeout.is_zero() && *timeout <= every);
        let timeout = timeout
            .ok_or(expected("a valid label `__scrape_timeout__`, not longer than the interval"))?;
        let instance = match get("instance") {
            "" => get("__address__"),
            instance => instance,
        };
        let more = set
            .iter()
            .filter(|(name, _)| {
                !name.starts_with("__") && !["job", "instance"].contains(&name.as_str())
            })
            .map(|(name, value)| (name.as_str(), value.as_str()));
        let mut labels = Labels::new(get("job"), instance, more)
            .with_rules(self.metric_relabel.clone())
            .with_external(self.external.clone());
        if self.honor_labels {
            labels = labels.with_honored_labels();
        }
        if !self.honor_timestamps {
            labels = labels.without_timestamps();
        }
        let client = self.client(&url).map_err(TargetError::Client)?;
        let request = Request {
            url,
            headers: self.headers.clone(),
            timeout,
            limits: self.limits,
            server_name: self.tls.server_name.clone(),
            fallback: self.fallback,
            histograms: self.histograms,
        };
        Ok(Some(Target { client, request, labels, every }))
    }

    /// The labels of a target before `relabel_configs`. As in Prometheus, a label of the group that is not empty replaces
    /// that of the job.
    fn discovered(&self, address: &str, labels: &[(String, String)]) -> LabelSet {
        let of_group = labels.iter().filter(|(_, value)| !value.is_empty()).cloned();
        let mut set: LabelSet = of_group.collect();
        set.insert("__address__".to_owned(), address.to_owned());
        let of_job = [
            ("job", self.name.clone()),
            ("__scheme__", self.scheme.clone()),
            ("__metrics_path__", self.path.clone()),
            ("__scrape_interval__", format!("{}ms", self.interval.as_millis())),
            ("__scrape_timeout__", format!("{}ms", self.timeout.as_millis())),
        ];
        for (name, value) in of_job {
            set.entry(name.to_owned()).or_insert(value);
        }
        for (name, values) in &self.params {
            if let Some(first) = values.first() {
                set.entry(format!("__param_{name}")).or_insert_with(|| first.clone());
            }
        }
        set
    }

    /// The client for a target. The targets of a job share one, unless it is bound to a host.
    fn client(&mut self, url: &Url) -> Result<reqwest::Client, reqwest::Error> {
        if let Some(client) = &self.client {
            return Ok(client.clone());
        }
        let client = scrape::client_with_tls(USER_AGENT, &self.tls, url)?;
        self.client = self.tls.server_name.is_none().then(|| client.clone());
        Ok(client)
    }

    fn url(&self, set: &LabelSet) -> Option<Url> {
        let get = |name: &str| set.get(name).map_or("", String::as_str);
        let (scheme, address) = (get("__scheme__"), get("__address__"));
        if !["http", "https"].contains(&scheme) || address.is_empty() || address.contains('/') {
            return None;
        }
        let mut url = Url::parse(&format!("{scheme}://{address}")).ok()?;
        url.set_path(get("__metrics_path__"));
        let mut pairs: Vec<(String, String)> = Vec::new();
        for (name, values) in &self.params {
            let first = set.get(&format!("__param_{name}"));
            let rest = values.iter().skip(1);
            pairs.extend(first.into_iter().chain(rest).map(|value| (name.clone(), value.clone())));
        }
        for (name, value) in set {
            // Added by `relabel_configs`.
            if let Some(name) = name.strip_prefix("__param_")
                && self.params.iter().all(|(known, _)| known != name)
            {
                pairs.push((name.to_owned(), value.clone()));
            }
        }
        if !pairs.is_empty() {
            url.query_pairs_mut().extend_pairs(pairs);
        }
        Some(url)
    }
}

fn tls(mut section: Section<'_>) -> Tls {
    let mut pem = |text: &str, file: &str| {
        section.text(text).map(String::into_bytes).or_else(|| section.file(file))
    };
    let ca = pem("ca", "ca_file");
    let (certificate, key) = (pem("cert", "cert_file"), pem("key", "key_file"));
    let identity = match (certificate, key) {
        (Some(certificate), Some(key)) => Some([certificate, b"\n".to_vec(), key].concat()),
        (None, None) => None,
        _ => {
            section.problem("cert_file", "and `key_file` are only useful together");
            None
        }
    };
    let server_name = section.text("server_name");
    if let Some(name) = server_name.as_ref().filter(|name| !scrape::is_server_name(name)) {
        section.invalid("server_name", name, "a host name, such as `bot.example.com`");
    }
    let insecure_skip_verify = section.flag("insecure_skip_verify").unwrap_or(false);
    section.finish();
    Tls { ca, more_ca: None, identity, server_name, insecure_skip_verify }
}

/// Headers of `basic_auth`, `authorization` and `http_headers`.
fn headers(section: &mut Section<'_>) -> HeaderMap {
    let mut headers = HeaderMap::new();
    let mut authorization = None;
    if let Some(basic) = section.section("basic_auth").map(basic) {
        let (user, password) = basic;
        let pair = BASE64_STANDARD.encode(format!("{user}:{}", password.expose_secret()));
        authorization = Some(format!("Basic {pair}"));
    }
    if let Some(mut token) = section.section("authorization") {
        if authorization.is_some() {
            section.problem("basic_auth", "and `authorization` are set; expected one of them");
        }
        let kind = token.text("type").unwrap_or_else(|| "Bearer".to_owned());
        let secret = credentials(&mut token);
        authorization = Some(format!("{kind} {}", secret.expose_secret()));
        token.finish();
    }
    if let Some(text) = authorization {
        match HeaderValue::try_from(text) {
            Ok(mut value) => {
                value.set_sensitive(true);
                headers.insert(http::header::AUTHORIZATION, value);
            }
            Err(_) => section.own_problem("a secret has a character that a header cannot contain"),
        }
    }
    if let Some(mut list) = section.section("http_headers") {
        for name in list.keys() {
            let Some(mut header) = list.section(&name) else { continue };
            for value in header.texts("values") {
                match (HeaderName::try_from(name.as_str()), HeaderValue::try_from(value)) {
                    (Ok(name), Ok(value)) => drop(headers.append(name, value)),
                    _ => header.problem("values", "cannot be a header"),
                }
            }
            header.finish();
        }
    }
    headers
}

fn histograms(section: &mut Section<'_>, global: &Global) -> Histograms {
    let native = section.flag("scrape_native_histograms").unwrap_or(global.native_histograms);
    let classic =
        section.flag("always_scrape_classic_histograms").unwrap_or(global.classic_histograms);
    match (native, classic) {
        (false, _) => Histograms::Classic,
        (true, false) => Histograms::Native,
        (true, true) => Histograms::Both,
    }
}

fn fallback(section: &mut Section<'_>) -> Option<Format> {
    let protocol = section.text("fallback_scrape_protocol")?;
    let format = fallback_format(&protocol);
    if format.is_none() {
        section.invalid("fallback_scrape_protocol", &protocol, FALLBACK);
    }
    format
}

/// The accepted names of a fallback.
pub(crate) const FALLBACK: &str = "`PrometheusText0.0.4`, `PrometheusText1.0.0`, `OpenMetricsText0.0.1` or `OpenMetricsText1.0.0`";

pub(crate) fn fallback_format(name: &str) -> Option<Format> {
    match name {
        "PrometheusText0.0.4" | "PrometheusText1.0.0" => Some(Format::Prometheus),
        "OpenMetricsText0.0.1" | "OpenMetricsText1.0.0" => Some(Format::OpenMetrics),
        _ => None,
    }
}

fn rules(section: &mut Section<'_>, key: &str) -> Vec<Rule> {
    let mut rules = Vec::new();
    for rule in section.sections(key) {
        let path = rule.path().to_owned();
        let config: Result<Config, _> = serde_json::from_value(rule.into_value(&["modulus"]));
        let problem = match config.map(|config| Rule::new(&config)) {
            Ok(Ok(rule)) => {
                rules.push(rule);
                continue;
            }
            Ok(Err(error)) => error.to_string(),
            Err(error) => error.to_string(),
        };
        section.problem_at(&path, &problem);
    }
    rules
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn external_label_has_environment_variables() {
        let env = |name: &str| (name == "REGION").then(|| "eu".to_owned());
        let cases = [
            ("plain", "plain"),
            ("${REGION}-1", "eu-1"),
            ("$REGION/$REGION", "eu/eu"),
            ("a$$b", "a$b"),
            ("${MISSING}x", "x"),
            ("ends with $", "ends with $"),
        ];
        for (value, expected) in cases {
            assert_eq!(expanded(value, env), expected, "{value}");
        }
    }
}
