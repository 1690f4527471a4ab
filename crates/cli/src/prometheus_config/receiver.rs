//! `remote_write`: the receiver and the queue before it.

use domain::USER_AGENT;
use remote_write::{Auth, Settings};
use samples::Protocol;
use scrape_engine::engine::Batches;
use secrecy::{ExposeSecret as _, SecretString};

use super::section::Section;

pub(super) struct Receiver {
    pub(super) settings: Settings,
    pub(super) sigv4_region: Option<String>,
    pub(super) batches: Batches,
    pub(super) capacity: Option<usize>,
}

/// `None` when the URL is not valid, which is then reported.
pub(super) fn read(mut section: Section<'_>) -> Option<Receiver> {
    let url = section.text("url").unwrap_or_default();
    let settings = Settings::new(&url);
    if let Err(error) = &settings {
        section.problem("url", &format!("is not valid: {error}"));
    }
    let mut settings = settings.ok()?;
    USER_AGENT.clone_into(&mut settings.user_agent);
    section.ignore("name");
    if let Some(timeout) = section.duration("remote_timeout") {
        settings.timeout = timeout;
    }
    if let Some(message) = section.text("protobuf_message") {
        match message.as_str() {
            "prometheus.WriteRequest" => settings.protocol = Protocol::V1,
            "io.prometheus.write.v2.Request" => settings.protocol = Protocol::V2,
            _ => section.invalid(
                "protobuf_message",
                &message,
                "`prometheus.WriteRequest` or `io.prometheus.write.v2.Request`",
            ),
        }
    }
    settings.headers =
        section.pairs("headers").into_iter().map(|(name, value)| (name, value.into())).collect();
    settings.auth = authentication(&mut section);
    if let Some(mut tls) = section.section("tls_config") {
        settings.ca = tls.text("ca").map(String::into_bytes).or_else(|| tls.file("ca_file"));
        tls.finish();
    }
    let sigv4_region = section.section("sigv4").map(|mut sigv4| {
        let region = sigv4.text("region").unwrap_or_default();
        if region.is_empty() {
            sigv4.problem("region", "is not set; expected a region, such as `eu-west-1`");
        }
        sigv4.finish();
        region
    });
    settings.exemplars_over_1_0 = section.flag("send_exemplars").unwrap_or(false);
    settings.checks.histograms_over_1_0 = section.flag("send_native_histograms").unwrap_or(false);
    if let Some(mut metadata) = section.section("metadata_config") {
        settings.metadata = metadata.flag("send").unwrap_or(true);
        metadata.ignore("send_interval");
        metadata.ignore("max_samples_per_send");
        metadata.finish();
    }
    section.only("enable_http2", true);
    section.only("follow_redirects", false);
    let (batches, capacity) = queue(&mut section, &mut settings);
    section.finish();
    Some(Receiver { settings, sigv4_region, batches, capacity })
}

fn queue(section: &mut Section<'_>, settings: &mut Settings) -> (Batches, Option<usize>) {
    let mut batches = Batches::default();
    let Some(mut queue) = section.section("queue_config") else { return (batches, None) };
    if let Some(most) = queue.limit("max_samples_per_send") {
        (batches.most, settings.max_samples) = (most, most);
    }
    if let Some(deadline) = queue.duration("batch_send_deadline") {
        batches.deadline = deadline;
    }
    if let Some(first) = queue.duration("min_backoff") {
        settings.backoff.first = first;
    }
    if let Some(longest) = queue.duration("max_backoff") {
        settings.backoff.longest = longest;
    }
    if let Some(age) = queue.duration("sample_age_limit") {
        settings.checks.max_age = (!age.is_zero()).then_some(age);
    }
    let capacity = queue.limit("capacity");
    // One request at a time keeps the order. 429 is always retried.
    for key in ["min_shards", "max_shards", "retry_on_http_429"] {
        queue.ignore(key);
    }
    queue.finish();
    (batches, capacity)
}

/// `basic_auth` or `authorization`.
fn authentication(section: &mut Section<'_>) -> Auth {
    let basic = section.section("basic_auth").map(basic);
    let bearer = section.section("authorization").map(|mut authorization| {
        let kind = authorization.text("type").unwrap_or_else(|| "Bearer".to_owned());
        if !kind.eq_ignore_ascii_case("bearer") {
            authorization.invalid("type", &kind, "`Bearer`");
        }
        let token = credentials(&mut authorization);
        authorization.finish();
        token
    });
    match (basic, bearer) {
        (Some(_), Some(_)) => {
            section.problem("basic_auth", "and `authorization` are set; expected one of them");
            Auth::None
        }
        (Some((user, password)), None) => Auth::Basic { user, password },
        (None, Some(token)) => Auth::Bearer(token),
        (None, None) => Auth::None,
    }
}

/// User and password.
pub(super) fn basic(mut section: Section<'_>) -> (String, SecretString) {
    let user = section.text("username").or_else(|| {
        section.secret_file("username_file").map(|name| name.expose_secret().to_owned())
    });
    let password = section.secret("password").or_else(|| section.secret_file("password_file"));
    section.finish();
    (user.unwrap_or_default(), password.unwrap_or_default())
}

/// `credentials` or `credentials_file`.
pub(super) fn credentials(section: &mut Section<'_>) -> SecretString {
    let credentials =
        section.secret("credentials").or_else(|| section.secret_file("credentials_file"));
    credentials.unwrap_or_else(|| {
        section.problem("credentials", "is not set; expected a token");
        SecretString::default()
    })
}
