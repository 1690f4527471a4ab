//! Which redirects are followed.

use http::header::AUTHORIZATION;
use reqwest::redirect::{Action, Attempt};

use crate::network::AddressPolicy;
use crate::settings::Settings;

/// Credentials that a redirect would carry to its target.
#[derive(Clone, Copy)]
pub(super) enum Credentials {
    None,
    /// A login cookie or custom headers.
    Forwarded,
    /// `Authorization`, which the HTTP client drops when scheme or port change. The app would then
    /// respond as if the credentials were wrong.
    Dropped,
}

impl Credentials {
    pub(super) fn of(settings: &Settings) -> Self {
        if settings.secrets.is_empty() {
            Self::None
        } else if settings.headers.contains_key(AUTHORIZATION) {
            Self::Dropped
        } else {
            Self::Forwarded
        }
    }
}

/// Follows redirects, but never takes credentials to another origin or out of TLS.
pub(super) fn redirect(
    attempt: Attempt<'_>,
    limit: usize,
    credentials: Credentials,
    addresses: &AddressPolicy,
) -> Action {
    if attempt.previous().len() > limit {
        return attempt.error("too many redirects");
    }
    let to = attempt.url();
    if let Err(error) = addresses.check(to) {
        return attempt.error(error);
    }
    let follows = attempt.previous().last().is_some_and(|from| {
        let upgrade = from.host() == to.host() && from.scheme() == "http" && to.scheme() == "https";
        match credentials {
            Credentials::None => true,
            Credentials::Forwarded => upgrade || from.origin() == to.origin(),
            Credentials::Dropped => from.origin() == to.origin(),
        }
    });
    if follows { attempt.follow() } else { attempt.stop() }
}
