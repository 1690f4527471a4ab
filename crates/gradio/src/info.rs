//! The description of the app's API (`/info`), which names the parameters.

use reqwest::{Method, StatusCode};
use serde_json::Value;
use tokio::time::Instant;

use crate::app::App;
use crate::failure::{Failure, Fault};
use crate::http::{Http, HttpError, response_path};
use crate::redact;

/// Reads `/info`; null when the app has none.
pub(crate) async fn fetch_info(http: &Http, app: &App, until: Instant) -> Result<Value, Fault> {
    fetch(http, app, until).await.map_err(|error| match error {
        HttpError::Fault(fault) | HttpError::EndOfStream(fault) => fault,
        HttpError::TimedOut => {
            let prose = "`/info` was not received before the time limit of the conversation";
            Fault::new(Failure::Timeout, prose)
        }
    })
}

async fn fetch(http: &Http, app: &App, until: Instant) -> Result<Value, HttpError> {
    let response = http.send(http.request(Method::GET, app.api("info")), until).await?;
    match response.status() {
        StatusCode::OK => {}
        StatusCode::NOT_FOUND => return Ok(Value::Null),
        _ => return Err(http.refusal(response, until).await.into()),
    }
    let path = response_path(&response);
    let body = http.body(response, http.settings.limits.config_bytes, until).await?;
    serde_json::from_slice(&body).map_err(|_| {
        let prose = format!("`{path}` returned {}; expected JSON", redact::excerpt(&body));
        HttpError::new(Failure::NotGradio, prose)
    })
}
