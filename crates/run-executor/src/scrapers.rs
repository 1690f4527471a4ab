//! The HTTP clients of scrapes, one for each set of TLS settings.

use std::path::Path;

use conversation::FilledTarget;
use conversation::target::{FilledCertificate, FilledScrape, FilledTls};
use scrape::Tls;
use secrecy::ExposeSecret as _;
use tokio::sync::Mutex;

use crate::error::ScrapeError;

/// Clients that are kept. A client has connections and the certificates of the system, whose loading takes
/// as long as the rest of the start.
const MOST: usize = 32;

/// Bytes of a file with certificate authorities, at most.
const LARGEST_FILE: u64 = 1 << 20;

#[derive(Default)]
pub(crate) struct Scrapers {
    clients: Mutex<Vec<Scraper>>,
}

struct Scraper {
    tls: Tls,
    /// The host, for a client that is bound to one.
    host: Option<String>,
    client: reqwest::Client,
}

impl Scrapers {
    /// The client for a scrape; created when it is needed first.
    pub(crate) async fn client(
        &self,
        target: &FilledTarget,
        http: &FilledScrape,
    ) -> Result<reqwest::Client, ScrapeError> {
        let tls = settings(target, http).await?;
        let url = target.url().as_url();
        let host = url.host_str().filter(|_| tls.server_name.is_some()).map(str::to_owned);
        let mut clients = self.clients.lock().await;
        if let Some(known) = clients.iter().find(|known| known.tls == tls && known.host == host) {
            return Ok(known.client.clone());
        }
        let client = scrape::client_with_tls(domain::USER_AGENT, &tls, url)?;
        if clients.len() == MOST {
            clients.remove(0);
        }
        clients.push(Scraper { tls, host, client: client.clone() });
        Ok(client)
    }
}

/// The TLS settings of the scrape, or those of its target.
async fn settings(target: &FilledTarget, http: &FilledScrape) -> Result<Tls, ScrapeError> {
    match &http.tls {
        Some(tls) => own(tls).await,
        None => Ok(Tls {
            more_ca: file(target.ca_file()).await?,
            identity: target.client_certificate().map(identity),
            ..Tls::default()
        }),
    }
}

async fn own(tls: &FilledTls) -> Result<Tls, ScrapeError> {
    if let Some(name) = tls.server_name.as_ref().filter(|name| !scrape::is_server_name(name)) {
        return Err(ScrapeError::ServerName { name: name.clone() });
    }
    let ca = match &tls.ca {
        Some(pem) => Some(pem.clone().into_bytes()),
        None => file(tls.ca_file.as_deref()).await?,
    };
    Ok(Tls {
        ca,
        more_ca: None,
        identity: tls.client_certificate.as_ref().map(identity),
        server_name: tls.server_name.clone(),
        insecure_skip_verify: tls.insecure_skip_verify,
    })
}

fn identity(pair: &FilledCertificate) -> Vec<u8> {
    format!("{}\n{}", pair.certificate, pair.key.expose_secret()).into_bytes()
}

async fn file(path: Option<&str>) -> Result<Option<Vec<u8>>, ScrapeError> {
    let Some(path) = path.map(Path::new) else { return Ok(None) };
    let read = async || {
        if LARGEST_FILE < tokio::fs::metadata(path).await?.len() {
            return Err(std::io::Error::other("the file is larger than 1 MiB"));
        }
        tokio::fs::read(path).await
    };
    let read = read().await;
    read.map(Some).map_err(|source| ScrapeError::CaFile { path: path.to_owned(), source })
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use domain::{Target, Template};

    use super::*;

    fn target(url: &str) -> FilledTarget {
        let target = Target::new(Template::literal(url));
        FilledTarget::new(&target, &HashMap::new(), &HashMap::new()).unwrap()
    }

    fn with(tls: FilledTls) -> FilledScrape {
        FilledScrape { authorization: None, tls: Some(tls) }
    }

    #[tokio::test]
    async fn client_is_kept_for_each_set_of_tls_settings() {
        let scrapers = Scrapers::default();
        let named =
            || with(FilledTls { server_name: Some("bot".to_owned()), ..FilledTls::default() });
        let cases = [
            ("https://a", FilledScrape::default(), 1),
            ("https://b", FilledScrape::default(), 1),
            ("https://b", with(FilledTls::default()), 1),
            ("https://a", named(), 2),
            ("https://a", named(), 2),
            ("https://b", named(), 3),
        ];
        for (url, http, expected) in cases {
            scrapers.client(&target(url), &http).await.unwrap();
            assert_eq!(scrapers.clients.lock().await.len(), expected, "{url}");
        }
    }

    #[tokio::test]
    async fn invalid_tls_settings_are_named() {
        let cases = [
            (
                FilledTls { server_name: Some("10.0.0.1".to_owned()), ..FilledTls::default() },
                "`server_name` is `10.0.0.1`; expected a host name, such as `bot.example.com`",
            ),
            (
                FilledTls { ca_file: Some("/missing.pem".to_owned()), ..FilledTls::default() },
                "could not read `/missing.pem`",
            ),
        ];
        for (tls, expected) in cases {
            let error = Scrapers::default().client(&target("https://a"), &with(tls)).await;
            assert_eq!(error.unwrap_err().to_string(), expected);
        }
    }
}
