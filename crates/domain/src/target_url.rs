//! The address of a Gradio app.

use std::fmt;
use std::str::FromStr;

use url::Url;

/// The address of a Gradio app, with every secret filled in.
///
/// It is parsed once. The client, the report, the labels and the commands in notifications are made
/// from it. The address of a Space's page on Hugging Face is replaced by the address of the app
/// (`OWNER-NAME.hf.space`). The fragment is dropped, the query is kept.
///
/// The address may hold credentials: use [`Self::without_secrets`] to show it.
#[derive(Clone, PartialEq, Eq)]
pub struct TargetUrl(Url);

/// Why a text is not the address of an app. The text is not repeated: it may hold a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidTargetUrl {
    #[error("the address is not a URL; expected an address such as `https://chat.example.com`")]
    Syntax(#[source] url::ParseError),
    #[error(
        "the scheme is neither `https` nor `http`; expected an address such as `https://chat.example.com`"
    )]
    Scheme,
    #[error(
        "the address contains white space; expected an address such as `https://chat.example.com`"
    )]
    WhiteSpace,
}

impl TargetUrl {
    /// The whole address, credentials included.
    #[must_use]
    pub fn as_url(&self) -> &Url {
        &self.0
    }

    /// `HOST:PORT`, as Prometheus writes it in the label `instance`.
    ///
    /// ```
    /// let url: domain::TargetUrl = "https://chat.example.com/bot?x".parse()?;
    /// assert_eq!(url.instance(), "chat.example.com:443");
    /// # Ok::<_, domain::InvalidTargetUrl>(())
    /// ```
    #[must_use]
    pub fn instance(&self) -> String {
        let host = self.0.host_str().unwrap_or_default();
        format!("{host}:{}", self.0.port_or_known_default().unwrap_or_default())
    }

    /// The address without user and password. The query may still hold a secret.
    #[must_use]
    pub fn without_credentials(&self) -> String {
        let mut url = self.0.clone();
        // Neither fails for an address with a host, and there is no other.
        let _ = (url.set_username(""), url.set_password(None));
        url.into()
    }

    /// Scheme, host, port and path, without user, password, query and trailing slash.
    ///
    /// ```
    /// let url: domain::TargetUrl = "https://me:secret@chat.example.com:8443/bot/?key=1".parse()?;
    /// assert_eq!(url.without_secrets(), "https://chat.example.com:8443/bot");
    /// # Ok::<_, domain::InvalidTargetUrl>(())
    /// ```
    #[must_use]
    pub fn without_secrets(&self) -> String {
        let mut url = self.0.clone();
        // Neither fails for an address with a host, and there is no other.
        let _ = (url.set_username(""), url.set_password(None));
        url.set_query(None);
        url.as_str().trim_end_matches('/').to_owned()
    }
}

impl FromStr for TargetUrl {
    type Err = InvalidTargetUrl;

    fn from_str(text: &str) -> Result<Self, InvalidTargetUrl> {
        if text.contains(|character: char| character.is_whitespace() || character.is_control()) {
            return Err(InvalidTargetUrl::WhiteSpace);
        }
        let mut url = Url::parse(text).map_err(InvalidTargetUrl::Syntax)?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(InvalidTargetUrl::Scheme);
        }
        url.set_fragment(None);
        if let Some(host) = space_host(&url) {
            let query = url.query().map(str::to_owned);
            url = Url::parse(&format!("https://{host}")).map_err(InvalidTargetUrl::Syntax)?;
            url.set_query(query.as_deref());
        }
        Ok(Self(url))
    }
}

/// The host that serves a Space; `None` if the address is not that of a Space's page.
///
/// See <https://huggingface.co/docs/hub/spaces-embed#direct-url>.
fn space_host(page: &Url) -> Option<String> {
    if page.host_str()? != "huggingface.co" {
        return None;
    }
    let mut path = page.path_segments()?;
    let (spaces, owner, name) = (path.next()?, path.next()?, path.next()?);
    if spaces != "spaces" || owner.is_empty() || name.is_empty() {
        return None;
    }
    let label = format!("{owner}-{name}").to_ascii_lowercase();
    let label: String = label
        .chars()
        .map(|character| if character.is_ascii_alphanumeric() { character } else { '-' })
        .collect();
    Some(format!("{label}.hf.space"))
}

/// Credentials may be in every part of an address.
impl fmt::Debug for TargetUrl {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.debug_tuple("TargetUrl").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn address_has_an_instance_label_and_a_public_form() {
        for (text, instance, public) in [
            ("http://localhost:7860", "localhost:7860", "http://localhost:7860"),
            ("https://Chat.Example.com", "chat.example.com:443", "https://chat.example.com"),
            ("http://[::1]:7860/", "[::1]:7860", "http://[::1]:7860"),
            ("https://h:8443/bot/?tenant=a#x", "h:8443", "https://h:8443/bot"),
            ("https://user:canary@h/bot", "h:443", "https://h/bot"),
            (
                "https://huggingface.co/spaces/Some_One/My.Bot?x=1",
                "some-one-my-bot.hf.space:443",
                "https://some-one-my-bot.hf.space",
            ),
        ] {
            let url: TargetUrl = text.parse().unwrap();
            assert_eq!((&*url.instance(), &*url.without_secrets()), (instance, public), "{text}");
            assert!(!format!("{url:?}").contains("canary"));
        }
    }

    #[test]
    fn query_and_path_are_kept() {
        let url: TargetUrl = "https://h/bot?tenant=a&lang=fr#top".parse().unwrap();
        assert_eq!(url.as_url().as_str(), "https://h/bot?tenant=a&lang=fr");
        let space: TargetUrl = "https://huggingface.co/spaces/o/n?x=1".parse().unwrap();
        assert_eq!(space.as_url().as_str(), "https://o-n.hf.space/?x=1");
    }

    #[test]
    fn invalid_addresses_are_rejected() {
        for text in ["", "chat.example.com", "ftp://h", "https://", "https://a b", "http://h\n"] {
            assert!(text.parse::<TargetUrl>().is_err(), "{text:?}");
        }
    }
}
