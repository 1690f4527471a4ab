//! The Gradio client for a target.

use std::time::Duration;

use gradio::{Client, EndpointChoice, Limits};
use secrecy::ExposeSecret as _;

use crate::target::{FilledCertificate, FilledLogin, FilledPage, FilledTarget};

/// A client that has `left` for its conversation.
pub(crate) fn client(
    target: &FilledTarget,
    left: Duration,
    user_agent: &str,
    traceparent: String,
) -> Result<Client, gradio::Error> {
    let mut builder = Client::builder(target.url().as_url().as_str())
        .limits(limits(target, left))
        .user_agent(user_agent)
        .traceparent(traceparent);
    let auth = target.auth();
    if let Some(FilledLogin { username, password }) = &auth.login {
        builder = builder.login(username.clone(), password.expose_secret());
    }
    for (name, value) in &auth.headers {
        builder = builder.header(name.clone(), value.expose_secret());
    }
    if let Some(token) = &auth.bearer {
        builder = builder.bearer(token.expose_secret());
    }
    if let Some(endpoint) = target.endpoint() {
        let Ok(choice) = endpoint.parse::<EndpointChoice>();
        builder = builder.endpoint(choice);
    }
    if let Some(label) = target.message() {
        builder = builder.message_box(label);
    }
    for label in target.replies() {
        builder = builder.reply_output(label.clone());
    }
    builder = match target.page() {
        None => builder,
        Some(FilledPage::Unchecked) => builder.check_page(false),
        Some(FilledPage::Path(path)) => builder.page(path.clone()),
    };
    for (name, value) in target.query() {
        builder = builder.query(name.clone(), value.clone());
    }
    if let Some(path) = target.ca_file() {
        builder = builder.ca_file(path);
    }
    if let Some(FilledCertificate { certificate, key }) = target.client_certificate() {
        builder = builder.client_certificate(certificate.clone(), key.expose_secret());
    }
    for (name, value) in target.inputs() {
        builder = builder.input(name.clone(), value.clone());
    }
    builder.build()
}

fn limits(target: &FilledTarget, left: Duration) -> Limits {
    // A bot may use all of the probe's time before its first chunk, or between two chunks: silence
    // alone does not end a turn.
    let mut limits = Limits { conversation: left, stall: left, ..Limits::default() };
    let size = |limit: u32| usize::try_from(limit).unwrap_or(usize::MAX);
    let own = target.limits();
    limits.event_bytes = own.event_bytes.map_or(limits.event_bytes, size);
    limits.output_bytes = own.output_bytes.map_or(limits.output_bytes, size);
    limits.reply_chars = own.reply_characters.map_or(limits.reply_chars, size);
    limits
}
