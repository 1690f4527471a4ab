//! What an error of the HTTP client says about its cause.

use std::error::Error as _;
use std::io;

use crate::redact;

pub(super) fn url_of(error: &reqwest::Error) -> String {
    error.url().map_or_else(String::new, |url| format!("`{}`", redact::line(url.path())))
}

/// The innermost cause; the outer ones only say that sending failed.
pub(super) fn root_cause(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}

/// Whether the server sent something that is not HTTP, or sent it without a request.
pub(super) fn parse_error(error: &reqwest::Error) -> bool {
    // hyper has no method for this error.
    let unasked = "received unexpected message from connection";
    hyper_errors(error).any(|error| error.is_parse() || error.to_string() == unasked)
}

/// The alert by which the server ended a TLS connection.
pub(super) fn tls_alert(error: &reqwest::Error) -> Option<&rustls::Error> {
    let mut found = sources(error).filter_map(|cause| match cause.downcast_ref::<io::Error>() {
        Some(io) => io.get_ref()?.downcast_ref::<rustls::Error>(),
        None => cause.downcast_ref::<rustls::Error>(),
    });
    found.find(|error| matches!(error, rustls::Error::AlertReceived(_)))
}

/// Errors of the connection; none when only its content is malformed.
pub(super) fn hyper_errors(error: &reqwest::Error) -> impl Iterator<Item = &hyper::Error> {
    sources(error).filter_map(|cause| cause.downcast_ref::<hyper::Error>())
}

pub(super) fn sources(
    error: &reqwest::Error,
) -> impl Iterator<Item = &(dyn std::error::Error + 'static)> {
    std::iter::successors(error.source(), |&cause| cause.source())
}
