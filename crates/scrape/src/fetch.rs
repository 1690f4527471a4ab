//! Fetches a page of metrics as Prometheus does.

use std::io::Read as _;
use std::time::{Duration, Instant};

use exposition::Format;
use exposition::protobuf::{self, Histograms, ProtobufError};
use flate2::read::MultiGzDecoder;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use reqwest::Response;
use url::Url;

use crate::client::addressed;
use crate::incoming::Incoming;
use crate::received::Page;
use crate::{Limits, Memory};

/// The `Accept` header of Prometheus 3: OpenMetrics first, and names in UTF-8.
const ACCEPT: &str = "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2";

/// The same with protobuf first, the only format with native histograms.
const ACCEPT_PROTOBUF: &str = "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;q=0.6,application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,text/plain;version=0.0.4;q=0.2,*/*;q=0.1";

/// Bytes that are decompressed at once.
const CHUNK: usize = 64 << 10;

/// Redirects that are followed, at most, all within one host. Prometheus makes ten requests.
const REDIRECTS: usize = 9;

/// What to fetch.
#[derive(Clone, Debug)]
pub struct Request {
    pub url: Url,
    /// Sent with every request, such as `Authorization`.
    pub headers: HeaderMap,
    /// For the whole page.
    pub timeout: Duration,
    pub limits: Limits,
    /// See [`Tls::server_name`].
    pub server_name: Option<String>,
    /// The format of a page without a known content type. `None`: such a page is an error, as in
    /// Prometheus 3.
    pub fallback: Option<Format>,
    /// With native histograms, protobuf is requested first. As in Prometheus, a protobuf page is read in any
    /// case.
    pub histograms: Histograms,
}

/// Why a page was not fetched.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FetchError {
    #[error("the request failed")]
    Transport { source: reqwest::Error },
    #[error("the page was not received within {} s", timeout.as_secs_f64())]
    Timeout { timeout: Duration },
    #[error("the target answered {status}; expected 200")]
    Status { status: StatusCode },
    #[error(
        "the target redirects to `{location}`; expected at most {REDIRECTS} redirects within its host"
    )]
    Redirect { location: String },
    #[error(
        "the page has the content type `{content_type}`; expected that of a metrics format, or the setting `fallback_scrape_protocol`"
    )]
    ContentType { content_type: String },
    #[error("the page is not valid gzip")]
    Gzip { source: std::io::Error },
    #[error("the page is not valid protobuf exposition")]
    Protobuf { source: ProtobufError },
    #[error("the page is not smaller than the limit of {limit} bytes")]
    TooLarge { limit: usize },
}

/// The target of a redirect that is followed: the same server, or `https` at the same host.
fn next(from: &Url, response: &Response) -> Option<Url> {
    let location = response.headers().get(header::LOCATION)?.to_str().ok()?;
    let to = from.join(location).ok().filter(|_| response.status().is_redirection())?;
    let upgrade = from.host() == to.host() && from.scheme() == "http" && to.scheme() == "https";
    (upgrade || from.origin() == to.origin()).then_some(to)
}

/// Fetches a page within its limits.
pub async fn fetch(client: &reqwest::Client, request: &Request) -> Result<Page, FetchError> {
    fetch_known(client, request, &Memory::new()).await
}

/// As [`fetch`], but the series of `memory` are reduced to their values.
pub(crate) async fn fetch_known(
    client: &reqwest::Client,
    request: &Request,
    memory: &Memory,
) -> Result<Page, FetchError> {
    let response = answer(client, request).await?;
    match format_of(&response, request.fallback) {
        Ok(format) => receive(response, format, request, memory).await,
        Err(error) => {
            // As in Prometheus, a page without any content needs no content type.
            let limits = Limits { body_bytes: CHUNK, ..request.limits };
            let request = Request { limits, ..request.clone() };
            let page = receive(response, Some(Format::Prometheus), &request, memory).await;
            page.ok().filter(Page::is_empty).ok_or(error)
        }
    }
}

fn transport(timeout: Duration) -> impl Fn(reqwest::Error) -> FetchError {
    move |source| {
        if source.is_timeout() {
            FetchError::Timeout { timeout }
        } else {
            // A URL may contain a password or a token.
            FetchError::Transport { source: source.without_url() }
        }
    }
}

/// Sends the request and follows redirects. The answer has the status 200.
async fn answer(client: &reqwest::Client, request: &Request) -> Result<Response, FetchError> {
    let seconds = request.timeout.as_secs_f64().to_string();
    let seconds = HeaderValue::try_from(seconds).unwrap_or(HeaderValue::from_static("10"));
    let began = Instant::now();
    let is_classic = request.histograms == Histograms::Classic;
    let accept = if is_classic { ACCEPT } else { ACCEPT_PROTOBUF };
    let get = |url: &Url| {
        let left = request.timeout.saturating_sub(began.elapsed());
        let (url, host) = addressed(url, request.server_name.as_deref());
        let get =
            client.get(url).header(header::ACCEPT, accept).header(header::ACCEPT_ENCODING, "gzip");
        let get = get.headers(request.headers.clone());
        let get = host.into_iter().fold(get, |get, host| get.header(header::HOST, host));
        get.header("X-Prometheus-Scrape-Timeout-Seconds", &seconds).timeout(left).send()
    };
    let failed = transport(request.timeout);
    let mut url = request.url.clone();
    let mut response = get(&url).await.map_err(&failed)?;
    for _ in 0..REDIRECTS {
        let Some(to) = next(&url, &response) else { break };
        url = to;
        response = get(&url).await.map_err(&failed)?;
    }
    let status = response.status();
    if status == StatusCode::OK {
        return Ok(response);
    }
    Err(match text(&response, header::LOCATION) {
        Some(location) if status.is_redirection() => {
            FetchError::Redirect { location: without_secrets(location) }
        }
        _ => FetchError::Status { status },
    })
}

fn text(response: &Response, name: HeaderName) -> Option<&str> {
    response.headers().get(name).and_then(|value| value.to_str().ok())
}

/// `None` for protobuf.
fn format_of(response: &Response, fallback: Option<Format>) -> Result<Option<Format>, FetchError> {
    let content_type = text(response, header::CONTENT_TYPE).unwrap_or_default();
    if protobuf::is_content_type(content_type) {
        return Ok(None);
    }
    let format = Format::of_content_type(content_type).or(fallback);
    format.map(Some).ok_or_else(|| FetchError::ContentType {
        content_type: content_type.chars().take(200).collect(),
    })
}

/// Receives the page. A text that is not compressed is parsed while it arrives.
async fn receive(
    mut response: Response,
    format: Option<Format>,
    request: &Request,
    memory: &Memory,
) -> Result<Page, FetchError> {
    let is_gzip = text(&response, header::CONTENT_ENCODING) == Some("gzip");
    let limit = request.limits.body_bytes;
    let expected = response.content_length().unwrap_or(0).min(limit as u64);
    let expected = usize::try_from(expected).unwrap_or(0);
    let plain = format.filter(|_| !is_gzip);
    let mut incoming = plain.map(|format| Incoming::new(memory, format, expected));
    let mut body = Vec::with_capacity(if incoming.is_some() { 0 } else { expected });
    // As in Prometheus, a page with as many bytes as the limit is over it. Packed, a small page may be larger.
    let most = if is_gzip { limit.saturating_add(CHUNK) } else { limit };
    let mut received = 0;
    let failed = transport(request.timeout);
    while let Some(chunk) = response.chunk().await.map_err(&failed)? {
        received += chunk.len();
        if most <= received {
            return Err(FetchError::TooLarge { limit });
        }
        match &mut incoming {
            Some(incoming) => incoming.push(&chunk),
            None => body.extend_from_slice(&chunk),
        }
    }
    match (incoming, format) {
        (Some(incoming), _) => Ok(incoming.finish()),
        (None, Some(format)) => {
            let mut incoming = Incoming::new(memory, format, 0);
            unzip(&body, limit, |chunk| incoming.push(chunk))?;
            Ok(incoming.finish())
        }
        (None, None) => {
            if is_gzip {
                let zipped = std::mem::take(&mut body);
                unzip(&zipped, limit, |chunk| body.extend_from_slice(chunk))?;
            }
            converted(&body, request.histograms, request.limits.text_bytes)
        }
    }
}

/// A page in protobuf as OpenMetrics.
fn converted(body: &[u8], histograms: Histograms, limit: usize) -> Result<Page, FetchError> {
    if body.is_empty() {
        // An empty page is not the same as a page without samples.
        return Ok(Page::new(Format::Prometheus, Vec::new()));
    }
    let page = protobuf::convert(body, histograms, limit).map_err(|source| match source {
        ProtobufError::TooLarge { limit } => FetchError::TooLarge { limit },
        source => FetchError::Protobuf { source },
    })?;
    let protobuf::Converted { text, histograms, starts, units } = page;
    Ok(Page { histograms, starts, units, ..Page::new(Format::OpenMetrics, text.into_bytes()) })
}

/// Decompresses all members of a gzip stream and passes chunks to `take`. As in Prometheus, other bytes
/// after a member, and an empty body, are errors.
fn unzip(body: &[u8], limit: usize, mut take: impl FnMut(&[u8])) -> Result<(), FetchError> {
    let (mut decoder, mut chunk) = (MultiGzDecoder::new(body), vec![0; CHUNK]);
    let mut length = 0;
    loop {
        let count = decoder.read(&mut chunk).map_err(|source| FetchError::Gzip { source })?;
        if count == 0 {
            return Ok(());
        }
        length += count;
        if limit <= length {
            return Err(FetchError::TooLarge { limit });
        }
        take(&chunk[..count]);
    }
}

/// The start of a URL without its query, which may contain a token.
fn without_secrets(location: &str) -> String {
    location.split(['?', '#']).next().unwrap_or_default().chars().take(200).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn redirect_is_followed_within_its_host() {
        let cases = [
            ("http://bot:7860/metrics", 301, "/metrics/", Some("http://bot:7860/metrics/")),
            ("http://bot/metrics", 308, "https://bot/metrics", Some("https://bot/metrics")),
            ("http://bot:80/metrics", 302, "https://bot:8443/m", Some("https://bot:8443/m")),
            ("https://bot/metrics", 302, "http://bot/metrics", None),
            ("http://bot/metrics", 302, "http://bot:9090/metrics", None),
            ("http://bot/metrics", 302, "https://other/metrics", None),
            ("http://bot/metrics", 200, "/elsewhere", None),
        ];
        for (from, status, location, expected) in cases {
            let answer = http::Response::builder();
            let answer = answer.status(status).header("location", location).body("").unwrap();
            let next = next(&from.parse().unwrap(), &answer.into());
            assert_eq!(next.as_ref().map(Url::as_str), expected, "{from} to {location}");
        }
    }
}
