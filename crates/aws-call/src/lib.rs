//! Signed calls of single AWS operations.
//!
//! An SDK crate generates every operation of its service: `aws-sdk-ssm` took 75 s of a cold build to read
//! one parameter. Services of which Vigie uses one or two operations with a JSON body are called from
//! here; the others keep their SDK crate.

mod answer;
mod error;
mod sign;

use std::sync::OnceLock;
use std::time::{Duration, SystemTime};

use aws_credential_types::provider::SharedCredentialsProvider;
use aws_types::SdkConfig;
use reqwest::Method;
use serde_json::Value;

pub use answer::{Answer, xml_texts};
use answer::{is_transient, read};
pub use error::CallError;
use sign::Signer;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// How long a call may take and how often it is tried.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Of one attempt.
    pub timeout: Duration,
    /// At least 1. Only connection failures, throttling and server errors are retried.
    pub attempts: u32,
    /// The longest pause before the second attempt; it doubles before each further one.
    pub pause: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        let (timeout, pause) = (Duration::from_secs(10), Duration::from_millis(500));
        Self { timeout, attempts: 3, pause }
    }
}

/// Calls the services of one region with one set of credentials.
pub struct Client {
    credentials: Option<SharedCredentialsProvider>,
    region: Option<String>,
    endpoint: Option<String>,
    fips: bool,
    limits: Limits,
    // Created by the first call, since loading the trusted certificates takes 2 ms.
    http: OnceLock<reqwest::Client>,
}

/// One request, before it is signed.
struct Call<'a> {
    service: &'a str,
    /// Named by errors.
    operation: &'a str,
    method: Method,
    /// With its query.
    path: &'a str,
    headers: &'a [(&'static str, &'a str)],
    body: Vec<u8>,
}

impl Client {
    /// Region, credentials and endpoint are those of `aws`.
    #[must_use]
    pub fn new(aws: &SdkConfig) -> Self {
        Self {
            credentials: aws.credentials_provider(),
            region: aws.region().map(ToString::to_string),
            endpoint: aws.endpoint_url().map(|url| url.trim_end_matches('/').to_owned()),
            fips: aws.use_fips().unwrap_or_default(),
            limits: Limits::default(),
            http: OnceLock::new(),
        }
    }

    #[must_use]
    pub fn with_limits(self, limits: Limits) -> Self {
        Self { limits, http: OnceLock::new(), ..self }
    }

    /// Calls an operation of a service that speaks AWS JSON 1.1; `target` is such as
    /// `AmazonSSM.GetParameter`.
    pub async fn json(
        &self,
        service: &str,
        target: &str,
        input: &Value,
    ) -> Result<Value, CallError> {
        let call = Call {
            service,
            operation: target,
            method: Method::POST,
            path: "/",
            headers: &[("content-type", "application/x-amz-json-1.1"), ("x-amz-target", target)],
            body: input.to_string().into_bytes(),
        };
        let answer = self.call(&call).await?;
        let malformed = |source| CallError::Json { service: service.to_owned(), source };
        serde_json::from_slice(&answer.body).map_err(malformed)
    }

    /// Calls an operation of a service that speaks REST with JSON, such as Lambda. `path` is percent-encoded.
    pub async fn rest(
        &self,
        service: &str,
        method: Method,
        path: &str,
        body: Vec<u8>,
    ) -> Result<Answer, CallError> {
        let headers = &[("content-type", "application/json")];
        self.call(&Call { service, operation: path, method, path, headers, body }).await
    }

    /// Calls an operation of a service that speaks AWS Query, such as STS; returns its XML.
    pub async fn query(
        &self,
        service: &str,
        version: &str,
        action: &str,
        parameters: &[(&str, &str)],
    ) -> Result<String, CallError> {
        let mut form = url::form_urlencoded::Serializer::new(String::new());
        form.append_pair("Action", action).append_pair("Version", version);
        form.extend_pairs(parameters);
        let call = Call {
            service,
            operation: action,
            method: Method::POST,
            path: "/",
            headers: &[("content-type", "application/x-www-form-urlencoded")],
            body: form.finish().into_bytes(),
        };
        let answer = self.call(&call).await?;
        Ok(String::from_utf8_lossy(&answer.body).into_owned())
    }

    async fn call(&self, call: &Call<'_>) -> Result<Answer, CallError> {
        let mut pause = self.limits.pause;
        for _ in 1..self.limits.attempts {
            match self.attempt(call).await {
                Err(error) if is_transient(&error) => {
                    tokio::time::sleep(pause.mul_f64(fastrand::f64())).await;
                    pause *= 2;
                }
                result => return result,
            }
        }
        self.attempt(call).await
    }

    async fn attempt(&self, call: &Call<'_>) -> Result<Answer, CallError> {
        let failed = |source| CallError::Http { service: call.service.to_owned(), source };
        let http = self.http(call.service)?;
        let region = self.region.as_deref().ok_or(CallError::Region)?;
        let endpoint = self.endpoint(call.service, region);
        let mut request = http.request(call.method.clone(), format!("{endpoint}{}", call.path));
        for (name, value) in call.headers {
            request = request.header(*name, *value);
        }
        let mut request = request.body(call.body.clone()).build().map_err(failed)?;
        let credentials = self.credentials.as_ref().ok_or(CallError::NoCredentials)?;
        let signer = Signer { region, service: call.service, credentials };
        signer.sign(&mut request, &call.body, SystemTime::now()).await?;
        let response = http.execute(request).await.map_err(failed)?;
        read(response, call.service, call.operation).await
    }

    fn endpoint(&self, service: &str, region: &str) -> String {
        if let Some(endpoint) = &self.endpoint {
            return endpoint.clone();
        }
        let fips = if self.fips { "-fips" } else { "" };
        let china = if region.starts_with("cn-") { ".cn" } else { "" };
        format!("https://{service}{fips}.{region}.amazonaws.com{china}")
    }

    fn http(&self, service: &str) -> Result<&reqwest::Client, CallError> {
        if let Some(http) = self.http.get() {
            return Ok(http);
        }
        let built = reqwest::Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(self.limits.timeout)
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|source| CallError::Http { service: service.to_owned(), source })?;
        Ok(self.http.get_or_init(|| built))
    }
}

#[cfg(test)]
mod tests;
