//! Requests to the JSON interface of a running `vigie serve`.

use std::time::Duration;

use reqwest::{RequestBuilder, Response, StatusCode};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Serialize;
use serde::de::DeserializeOwned;
use url::Url;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// The longest time between two parts of an answer. An open stream has a part every 15 seconds.
const READ_TIMEOUT: Duration = Duration::from_secs(45);
/// The longest time of an answer.
const TIMEOUT: Duration = Duration::from_secs(10);
/// The largest answer, in bytes. A page of 50 probes has about 30 KB.
const LARGEST_ANSWER: usize = 4 * 1024 * 1024;

/// Why a request failed. It never contains the token.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ServeError {
    #[error("`URL` is `{address}`; expected an address such as `https://status.example.com`")]
    Address { address: String },
    #[error("could not connect to `{address}`")]
    Connect { address: String, source: reqwest::Error },
    #[error("`{address}` requires a token\nhint: set `VIGIE_TOKEN` to the token of `vigie serve`")]
    Token { address: String },
    #[error("`{address}` has no `{path}`; expected the address of `vigie serve`")]
    NotFound { address: String, path: String },
    #[error("`{address}` answered with HTTP status {status}")]
    Status { address: String, status: StatusCode },
    #[error("the answer of `{address}` has more than {LARGEST_ANSWER} bytes")]
    TooLarge { address: String },
    #[error("the answer of `{address}` is not one of `vigie serve`")]
    Format { address: String, source: serde_json::Error },
}

/// A running `vigie serve`.
#[derive(Clone)]
pub(crate) struct ServeClient {
    address: Url,
    token: Option<SecretString>,
    http: reqwest::Client,
}

impl ServeClient {
    /// With the token in `VIGIE_TOKEN`.
    pub(crate) fn new(
        address: Url,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, ServeError> {
        let name = address.origin().ascii_serialization();
        if !matches!(address.scheme(), "http" | "https") {
            return Err(ServeError::Address { address: address.to_string() });
        }
        let http = reqwest::Client::builder()
            .user_agent(domain::USER_AGENT)
            .connect_timeout(CONNECT_TIMEOUT)
            .read_timeout(READ_TIMEOUT)
            // A redirect would carry the token to another host.
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|source| ServeError::Connect { address: name, source })?;
        let token = variable("VIGIE_TOKEN").filter(|token| !token.is_empty());
        Ok(Self { address, token: token.map(SecretString::from), http })
    }

    /// The address without path and credentials.
    pub(crate) fn name(&self) -> String {
        self.address.origin().ascii_serialization()
    }

    pub(crate) async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, ServeError> {
        self.json(self.http.get(self.url(path)), path).await
    }

    pub(crate) async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
    ) -> Result<T, ServeError> {
        self.json(self.http.post(self.url(path)).json(body), path).await
    }

    /// The server-sent events; there is one whenever runs were stored.
    pub(crate) async fn events(&self) -> Result<Response, ServeError> {
        self.send(self.http.get(self.url("events")), "events").await
    }

    fn url(&self, path: &str) -> String {
        format!("{}/{path}", self.address.as_str().trim_end_matches('/'))
    }

    async fn json<T: DeserializeOwned>(
        &self,
        request: RequestBuilder,
        path: &str,
    ) -> Result<T, ServeError> {
        let response = self.send(request.timeout(TIMEOUT), path).await?;
        let body = self.body(response).await?;
        let format = |source| ServeError::Format { address: self.name(), source };
        serde_json::from_slice(&body).map_err(format)
    }

    async fn send(&self, request: RequestBuilder, path: &str) -> Result<Response, ServeError> {
        let request = match &self.token {
            Some(token) => request.bearer_auth(token.expose_secret()),
            None => request,
        };
        let response = request.send().await.map_err(|source| self.failed(source))?;
        let address = self.name();
        match response.status() {
            StatusCode::OK => Ok(response),
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Err(ServeError::Token { address }),
            StatusCode::NOT_FOUND => Err(ServeError::NotFound { address, path: path.to_owned() }),
            status => Err(ServeError::Status { address, status }),
        }
    }

    async fn body(&self, mut response: Response) -> Result<Vec<u8>, ServeError> {
        let mut body = Vec::new();
        while let Some(part) = response.chunk().await.map_err(|source| self.failed(source))? {
            if LARGEST_ANSWER < body.len() + part.len() {
                return Err(ServeError::TooLarge { address: self.name() });
            }
            body.extend_from_slice(&part);
        }
        Ok(body)
    }

    fn failed(&self, source: reqwest::Error) -> ServeError {
        ServeError::Connect { address: self.name(), source: source.without_url() }
    }
}
