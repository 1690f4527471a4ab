//! Who may read which page.

use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::{ExposeSecret as _, SecretString};
use status_page::Audience;

/// Who may read the pages.
#[derive(Debug)]
pub(crate) struct Access {
    /// Whether everyone may read the public pages.
    pub(crate) public: bool,
    /// The token for everything else; `None` without `--public` means that all readers are on this machine.
    pub(crate) token: Option<SecretString>,
}

/// What a request may read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Permission {
    /// All pages as this audience; the public may not read metrics, run probes or open reports.
    Read(Audience),
    /// Nothing without the token.
    Denied,
}

impl Access {
    /// Whether the command may listen beyond this machine.
    pub(crate) fn is_restricted(&self) -> bool {
        self.public || self.token.is_some()
    }

    pub(crate) fn permission(&self, headers: &HeaderMap) -> Permission {
        match &self.token {
            Some(token) if sent_token(headers).is_some_and(|sent| is_same(&sent, token)) => {
                Permission::Read(Audience::Internal)
            }
            _ if self.public => Permission::Read(Audience::Public),
            Some(_) => Permission::Denied,
            None => Permission::Read(Audience::Internal),
        }
    }
}

/// The token of a request: a bearer token, or the password of basic authentication, which browsers ask for.
fn sent_token(headers: &HeaderMap) -> Option<String> {
    let (scheme, value) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    if scheme.eq_ignore_ascii_case("bearer") {
        return Some(value.trim().to_owned());
    }
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = String::from_utf8(STANDARD.decode(value.trim()).ok()?).ok()?;
    decoded.split_once(':').map(|(_, password)| password.to_owned())
}

/// Compares in a time that depends only on the lengths.
fn is_same(sent: &str, token: &SecretString) -> bool {
    let (sent, token) = (sent.as_bytes(), token.expose_secret().as_bytes());
    let different = sent.iter().zip(token).fold(0, |all, (a, b)| all | (a ^ b));
    sent.len() == token.len() && different == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn permission_depends_on_mode_and_token() {
        const INTERNAL: Permission = Permission::Read(Audience::Internal);
        const PUBLIC: Permission = Permission::Read(Audience::Public);
        let basic = |text: &str| format!("Basic {}", STANDARD.encode(text));
        let cases = [
            // public, token, header, expected
            (false, None, None, INTERNAL),
            (false, Some("t"), None, Permission::Denied),
            (false, Some("t"), Some("Bearer t".to_owned()), INTERNAL),
            (false, Some("t"), Some("Bearer tt".to_owned()), Permission::Denied),
            (false, Some("t"), Some(basic("me:t")), INTERNAL),
            (false, Some("t"), Some(basic("t")), Permission::Denied),
            (false, Some("t"), Some("Basic !".to_owned()), Permission::Denied),
            (true, None, None, PUBLIC),
            (true, None, Some("Bearer t".to_owned()), PUBLIC),
            (true, Some("t"), Some("Bearer wrong".to_owned()), PUBLIC),
            (true, Some("t"), Some("bearer t".to_owned()), INTERNAL),
        ];
        for (public, token, header, expected) in cases {
            let access = Access { public, token: token.map(SecretString::from) };
            let mut headers = HeaderMap::new();
            if let Some(header) = &header {
                headers.insert(AUTHORIZATION, header.parse().unwrap());
            }
            assert_eq!(access.permission(&headers), expected, "{public} {token:?} {header:?}");
        }
    }
}
