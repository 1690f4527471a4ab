//! The HTTP client of a scrape and its TLS settings.

use std::net::SocketAddr;
use std::sync::Arc;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::redirect::Policy;
use url::{Host, Url};

/// How a target is authenticated by TLS.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tls {
    /// The only trusted certificate authorities, as PEM. `None`: those of the system.
    pub ca: Option<Vec<u8>>,
    /// Certificate authorities that are trusted in addition to those of the system, as PEM.
    pub more_ca: Option<Vec<u8>>,
    /// Certificate and private key of the client, as PEM.
    pub identity: Option<Vec<u8>>,
    /// The name that the client requests and that the certificate must have, instead of the host of the
    /// URL. [`crate::Request::server_name`] has the same value.
    pub server_name: Option<String>,
    /// Accept any certificate.
    pub insecure_skip_verify: bool,
}

/// A client for [`crate::fetch`]. Create one and keep it: it has connections and certificates.
///
/// It does not decompress: [`crate::fetch`] does, since the decoder of the HTTP client ignores what follows
/// the first member of a gzip stream.
pub fn client(user_agent: &str) -> Result<reqwest::Client, reqwest::Error> {
    build(reqwest::Client::builder(), user_agent)
}

/// As [`client`], with settings for TLS. With a [`Tls::server_name`] the client is for the host of `url`
/// only.
pub fn client_with_tls(
    user_agent: &str,
    tls: &Tls,
    url: &Url,
) -> Result<reqwest::Client, reqwest::Error> {
    let mut builder = reqwest::Client::builder();
    if let Some(ca) = &tls.ca {
        builder = builder.tls_certs_only(reqwest::Certificate::from_pem_bundle(ca)?);
    }
    if let Some(ca) = &tls.more_ca {
        builder = builder.tls_certs_merge(reqwest::Certificate::from_pem_bundle(ca)?);
    }
    if let Some(identity) = &tls.identity {
        builder = builder.identity(reqwest::Identity::from_pem(identity)?);
    }
    if tls.insecure_skip_verify {
        builder = builder.tls_danger_accept_invalid_certs(true);
    }
    if tls.server_name.is_some() {
        let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']).to_owned();
        // A proxy would resolve the name itself, and HTTP/2 would send it instead of the header `Host`.
        builder = builder.dns_resolver(Arc::new(OneHost(host))).no_proxy().http1_only();
    }
    build(builder, user_agent)
}

fn build(
    builder: reqwest::ClientBuilder,
    user_agent: &str,
) -> Result<reqwest::Client, reqwest::Error> {
    builder
        .user_agent(user_agent)
        .no_gzip()
        .no_brotli()
        .no_deflate()
        // `fetch` follows redirects: the HTTP client would drop `Authorization` from `http` to `https`.
        .redirect(Policy::none())
        .build()
}

/// Resolves every name to the addresses of one host.
struct OneHost(String);

impl Resolve for OneHost {
    fn resolve(&self, _: Name) -> Resolving {
        let host = self.0.clone();
        Box::pin(async move {
            let found: Vec<SocketAddr> =
                tokio::net::lookup_host((host.as_str(), 0)).await?.collect();
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

/// Whether this can be a [`Tls::server_name`]: a host name, not an address.
#[must_use]
pub fn is_server_name(name: &str) -> bool {
    matches!(Host::parse(name), Ok(Host::Domain(_)))
}

/// The URL to connect to and the header `Host`, when the server has another name than the host of its URL.
///
/// The HTTP client has no setting for this name: it uses the host of the URL.
pub(crate) fn addressed(url: &Url, server_name: Option<&str>) -> (Url, Option<String>) {
    let name = server_name.filter(|name| url.scheme() == "https" && is_server_name(name));
    let mut named = url.clone();
    if name.is_none() || named.set_host(name).is_err() {
        return (url.clone(), None);
    }
    let host = url.host_str().unwrap_or_default();
    let host = url.port().map_or(host.to_owned(), |port| format!("{host}:{port}"));
    (named, Some(host))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn server_name_replaces_the_host_of_https_only() {
        let cases = [
            ("https://10.0.0.1:8443/m", Some("bot"), "https://bot:8443/m", Some("10.0.0.1:8443")),
            ("https://[::1]/m", Some("bot"), "https://bot/m", Some("[::1]")),
            ("http://10.0.0.1/m", Some("bot"), "http://10.0.0.1/m", None),
            ("https://10.0.0.1/m", Some("10.0.0.2"), "https://10.0.0.1/m", None),
            ("https://10.0.0.1/m", None, "https://10.0.0.1/m", None),
        ];
        for (url, name, expected, host) in cases {
            let (named, header) = addressed(&url.parse().unwrap(), name);
            assert_eq!((named.as_str(), header.as_deref()), (expected, host), "{url}");
        }
    }
}
