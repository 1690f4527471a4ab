//! Requests that change something: an acknowledgement.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::header::ORIGIN;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Extension, Json, Router};
use domain::ProbeName;
use jiff::Timestamp;
use notify::Acknowledgement;
use serde::{Deserialize, Serialize};
use status_page::{Audience, Site};

use crate::exporter::Exporter;

/// The longest name of a person.
const LONGEST_NAME: usize = 80;

/// The body of an acknowledgement.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AcknowledgeRequest {
    pub(crate) by: String,
}

/// The answer to an acknowledgement.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct Acknowledged {
    /// The number of incidents.
    pub(crate) acknowledged: usize,
}

/// The routes, behind the access control of all pages.
pub(super) fn router(exporter: Arc<Exporter>) -> Router {
    let path = "/api/v1/probes/{name}/acknowledgement";
    Router::new().route(path, post(acknowledge)).with_state(exporter)
}

async fn acknowledge(
    State(exporter): State<Arc<Exporter>>,
    Extension(site): Extension<Site>,
    Path(name): Path<String>,
    headers: HeaderMap,
    Json(request): Json<AcknowledgeRequest>,
) -> Response {
    // A browser sends `Origin`: a page of another site could send the request without its user's knowledge.
    if site.audience != Audience::Internal || headers.contains_key(ORIGIN) {
        return (StatusCode::FORBIDDEN, "use `vigie alerts ack` with the token\n").into_response();
    }
    let by = redact::one_line(&request.by, LONGEST_NAME);
    if by.is_empty() {
        return (StatusCode::BAD_REQUEST, "`by` is empty; expected your name\n").into_response();
    }
    let Ok(name) = name.parse::<ProbeName>() else { return not_found() };
    match exporter.acknowledge(&name, Acknowledgement { by, at: Timestamp::now() }).await {
        Some(0) => not_found(),
        Some(acknowledged) => Json(Acknowledged { acknowledged }).into_response(),
        None => (StatusCode::SERVICE_UNAVAILABLE, "the history is busy\n").into_response(),
    }
}

fn not_found() -> Response {
    (StatusCode::NOT_FOUND, "the probe has no open incident\n").into_response()
}
