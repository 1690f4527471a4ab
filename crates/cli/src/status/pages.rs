//! HTTP routes of the status page.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::Arc;

use axum::extract::{Path, Query, Request, State};
use axum::http::header::{
    ACCEPT_LANGUAGE, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HOST, REFERRER_POLICY,
    VARY, WWW_AUTHENTICATE, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Extension, Router};
use domain::{ProbeName, Report};
use futures_util::stream;
use history::{HistoryError, IncidentId, Reader};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use status_page::badge::{self, Badge};
use status_page::model::Range;
use status_page::views::{self, Views};
use status_page::{Audience, Language, Site, api, feed};
use tokio::sync::watch;
use tracing::warn;

use super::access::{Access, Permission};
use super::actions;
use super::readers::Readers;
use crate::exporter::Exporter;

/// What the operator chose for the page.
#[derive(Clone, Debug, Default)]
pub(crate) struct Settings {
    pub(crate) title: String,
    /// `None`: the language that the browser asks for.
    pub(crate) language: Option<Language>,
    /// The public address of the page; `None`: the one of the request.
    pub(crate) address: Option<String>,
}

/// What the routes need.
pub(crate) struct StatusPages {
    pub(crate) settings: Settings,
    pub(crate) access: Access,
    pub(crate) exporter: Arc<Exporter>,
    pub(crate) readers: Readers,
    /// The newest reports of an earlier process.
    pub(crate) previous: BTreeMap<ProbeName, Arc<Report>>,
    pub(crate) changed: watch::Receiver<u64>,
    pub(crate) stopped: watch::Receiver<bool>,
}

type Pages = Arc<StatusPages>;

/// The routes of the status page in front of `exporter`, with access control for all of them.
pub(crate) fn router(pages: Pages, exporter: Router) -> Router {
    let status = Router::new()
        .route("/", get(overview))
        .route("/page/{number}", get(overview_page))
        .route("/probes/{name}", get(probe))
        .route("/probes/{name}/{range}", get(probe_in_range))
        .route("/probes/{name}/runs/{due}", get(report))
        .route("/incidents", get(incidents))
        .route("/incidents/{number}", get(incident))
        .route("/feed.atom", get(atom))
        .route("/badge/{name}/{file}", get(show_badge))
        .route("/api/v1/status", get(api_status))
        .route("/api/v1/probes/{name}", get(api_probe))
        .route("/api/v1/incidents", get(api_incidents))
        .route("/api/v1/schema.json", get(async || typed(JSON, api::SCHEMA)))
        .route("/assets/status.css", get(async || asset("text/css", status_page::STYLE)))
        .route("/assets/status.js", get(async || asset("text/javascript", status_page::SCRIPT)))
        .route("/assets/{file}", get(icon))
        .route("/events", get(events))
        .with_state(Arc::clone(&pages));
    let actions = actions::router(Arc::clone(&pages.exporter));
    let all = status.merge(actions).merge(exporter).fallback(not_found);
    all.layer(axum::middleware::from_fn_with_state(pages, guard))
}

const HTML: &str = "text/html; charset=utf-8";
const JSON: &str = "application/json";
const SVG: &str = "image/svg+xml";

/// Paths that the public may not read: they name addresses and reasons, or run probes.
const INTERNAL: [&str; 2] = ["/metrics", "/probe"];

/// Checks the token, passes the audience to the pages and adds the headers of all responses.
async fn guard(State(pages): State<Pages>, mut request: Request, next: Next) -> Response {
    let path = request.uri().path().to_owned();
    if path == "/-/healthy" || path == "/-/ready" {
        return next.run(request).await;
    }
    let permission = pages.access.permission(request.headers());
    let audience = match permission {
        Permission::Read(Audience::Public) if INTERNAL.contains(&path.as_str()) => {
            return denied(pages.access.token.is_some());
        }
        Permission::Read(audience) => audience,
        Permission::Denied => return denied(true),
    };
    let site = pages.site(audience, request.headers());
    request.extensions_mut().insert(site);
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    let set = [
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (REFERRER_POLICY, "same-origin"),
        (CONTENT_SECURITY_POLICY, status_page::CONTENT_SECURITY_POLICY),
        (CACHE_CONTROL, "no-cache"),
        (VARY, "accept-language, authorization"),
    ];
    for (name, value) in set {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    response
}

/// 401 makes a browser ask for the token; without a token a prompt would not help.
fn denied(has_token: bool) -> Response {
    if has_token {
        let realm = [(WWW_AUTHENTICATE, "Basic realm=\"Vigie: any user, the token as password\"")];
        return (StatusCode::UNAUTHORIZED, realm, "the token is missing or wrong\n")
            .into_response();
    }
    let hint = "this page is not public; set `VIGIE_TOKEN` and send it as bearer token\n";
    (StatusCode::FORBIDDEN, hint).into_response()
}

impl StatusPages {
    fn site(&self, audience: Audience, headers: &HeaderMap) -> Site {
        let text = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
        let language = self.settings.language;
        let host = text(HOST).unwrap_or("localhost");
        Site {
            title: self.settings.title.clone(),
            language: language.unwrap_or_else(|| accepted(text(ACCEPT_LANGUAGE))),
            audience,
            now: Timestamp::now(),
            address: self.settings.address.clone().unwrap_or_else(|| format!("http://{host}")),
        }
    }

    /// Runs `make` with the data of the pages in a thread that may block.
    async fn read<T: Send + 'static>(
        self: &Arc<Self>,
        now: Timestamp,
        make: impl FnOnce(&Views<'_, Reader>) -> Result<T, HistoryError> + Send + 'static,
    ) -> Result<T, Failure> {
        let Ok(turn) = Arc::clone(&self.readers.turns).acquire_owned().await else {
            return Err(Failure::History);
        };
        let pages = Arc::clone(self);
        let read = move || {
            let _turn = turn;
            let probes = pages.exporter.probes();
            let mut latest = pages.previous.clone();
            latest.extend(pages.exporter.latest());
            let read =
                |source: &Reader| make(&Views { source, probes: &probes, latest: &latest, now });
            pages.readers.with(|reader| reader.at_once(read))
        };
        match tokio::task::spawn_blocking(read).await {
            Ok(Ok(made)) => Ok(made),
            Ok(Err(error)) => {
                let error = format!("{:#}", anyhow::Error::new(error));
                warn!(error, "The history could not be read");
                Err(Failure::History)
            }
            Err(_) => Err(Failure::History),
        }
    }
}

/// The first of `fr` and `en` that the browser names. Quality values are ignored: browsers sort by them.
fn accepted(header: Option<&str>) -> Language {
    let mut tags = header.unwrap_or_default().split(',');
    let primary = |tag: &str| tag.trim().split(['-', ';']).next().unwrap_or_default().to_owned();
    tags.find_map(|tag| primary(tag).to_ascii_lowercase().parse().ok()).unwrap_or_default()
}

/// Why there is no page.
enum Failure {
    NotFound,
    History,
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        match self {
            Self::NotFound => (StatusCode::NOT_FOUND, "not found\n").into_response(),
            Self::History => {
                let text = "the history could not be read; see the log\n";
                (StatusCode::INTERNAL_SERVER_ERROR, text).into_response()
            }
        }
    }
}

fn typed(kind: &'static str, body: impl IntoResponse) -> Response {
    let mut response = body.into_response();
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}

fn asset(kind: &'static str, text: &'static str) -> Response {
    let mut response = typed(kind, text);
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("max-age=300"));
    response
}

fn json(value: &impl Serialize) -> Response {
    match serde_json::to_string(value) {
        Ok(text) => typed(JSON, text + "\n"),
        Err(_) => Failure::History.into_response(),
    }
}

fn name(text: &str) -> Result<ProbeName, Failure> {
    text.parse().map_err(|_| Failure::NotFound)
}

async fn not_found(Extension(site): Extension<Site>) -> Response {
    (StatusCode::NOT_FOUND, typed(HTML, status_page::message(&site, "404"))).into_response()
}

#[derive(Debug, Deserialize)]
struct PageNumber {
    page: Option<usize>,
}

async fn overview(
    State(pages): State<Pages>,
    Extension(site): Extension<Site>,
    Query(query): Query<PageNumber>,
) -> Result<Response, Failure> {
    show_overview(&pages, site, query.page.unwrap_or(1)).await
}

async fn overview_page(
    State(pages): State<Pages>,
    Extension(site): Extension<Site>,
    Path(number): Path<usize>,
) -> Result<Response, Failure> {
    show_overview(&pages, site, number).await
}

async fn show_overview(pages: &Pages, site: Site, number: usize) -> Result<Response, Failure> {
    let make =
        move |views: &Views<'_, Reader>| Ok(status_page::overview(&site, &views.overview(number)?));
    Ok(typed(HTML, pages.read(Timestamp::now(), make).await?))
}

#[derive(Debug, Deserialize)]
struct RangeQuery {
    range: Option<String>,
}

async fn probe(
    State(pages): State<Pages>,
    Extension(site): Extension<Site>,
    Path(text): Path<String>,
    Query(query): Query<RangeQuery>,
) -> Result<Response, Failure> {
    let range = query.range.and_then(|word| Range::from_word(&word)).unwrap_or_default();
    show_probe(&pages, site, &text, range).await
}

async fn probe_in_range(
    State(pages): State<Pages>,
    Extension(site): Extension<Site>,
    Path((text, word)): Path<(String, String)>,
) -> Result<Response, Failure> {
    let range = Range::from_word(&word).ok_or(Failure::NotFound)?;
    show_probe(&pages, site, &text, range).await
}

async fn show_probe(
    pages: &Pages,
    site: Site,
    text: &str,
    range: Range,
) -> Result<Response, Failure> {
    let name = name(text)?;
    let make = move |views: &Views<'_, Reader>| {
        Ok(views.probe(&name, range)?.map(|page| status_page::probe(&site, &page)))
    };
    let page = pages.read(Timestamp::now(), make).await?.ok_or(Failure::NotFound)?;
    Ok(typed(HTML, page))
}

/// The report of a run, which contains prompts and replies.
async fn report(
    State(pages): State<Pages>,
    Extension(site): Extension<Site>,
    Path((text, due)): Path<(String, i64)>,
) -> Result<Response, Failure> {
    let name = name(&text)?;
    let due = Timestamp::from_millisecond(due).map_err(|_| Failure::NotFound)?;
    let make = move |views: &Views<'_, Reader>| {
        let public = views.probes.get(&name).map(|probe| views::disclosure(probe));
        if !public.is_some_and(|public| site.shown(public).reports()) {
            return Ok(None);
        }
        views.source.report(&name, due)
    };
    let report = pages.read(Timestamp::now(), make).await?.ok_or(Failure::NotFound)?;
    // The page of a report has its style in itself, so that it can be sent as a file.
    let policy = "default-src 'none'; style-src 'unsafe-inline'";
    let mut response = typed(HTML, report_page::render(&report));
    response.headers_mut().insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy));
    Ok(response)
}

async fn incidents(
    State(pages): State<Pages>,
    Extension(site): Extension<Site>,
) -> Result<Response, Failure> {
    let make =
        move |views: &Views<'_, Reader>| Ok(status_page::incidents(&site, &views.incidents(None)?));
    Ok(typed(HTML, pages.read(Timestamp::now(), make).await?))
}

async fn incident(
    State(pages): State<Pages>,
    Extension(site): Extension<Site>,
    Path(number): Path<i64>,
) -> Result<Response, Failure> {
    let make = move |views: &Views<'_, Reader>| {
        let page = views.incident(IncidentId(number))?;
        Ok(page.map(|page| status_page::incident(&site, &page)))
    };
    let page = pages.read(Timestamp::now(), make).await?.ok_or(Failure::NotFound)?;
    Ok(typed(HTML, page))
}

async fn atom(
    State(pages): State<Pages>,
    Extension(site): Extension<Site>,
) -> Result<Response, Failure> {
    let make = move |views: &Views<'_, Reader>| Ok(feed::atom(&site, &views.incidents(None)?));
    let feed = pages.read(Timestamp::now(), make).await?;
    Ok(typed("application/atom+xml; charset=utf-8", feed))
}

async fn show_badge(
    State(pages): State<Pages>,
    Extension(site): Extension<Site>,
    Path((text, file)): Path<(String, String)>,
) -> Result<Response, Failure> {
    let name = name(&text)?;
    let kind = file.strip_suffix(".svg").and_then(Badge::from_word).ok_or(Failure::NotFound)?;
    let make = move |views: &Views<'_, Reader>| {
        let Some(probe) = views.probes.get(&name) else { return Ok(None) };
        Ok(Some(badge::badge(&views.summary(probe)?, kind, site.language)))
    };
    let svg = pages.read(Timestamp::now(), make).await?.ok_or(Failure::NotFound)?;
    let mut response = typed(SVG, svg);
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("max-age=60"));
    Ok(response)
}

async fn icon(Path(file): Path<String>) -> Result<Response, Failure> {
    use status_page::State::{Degraded, Down, NoData, Up};
    let word = file.strip_prefix("icon-").and_then(|file| file.strip_suffix(".svg"));
    let state = [Up, Degraded, Down, NoData].into_iter().find(|state| Some(state.as_str()) == word);
    Ok(typed(SVG, badge::icon(state.ok_or(Failure::NotFound)?)))
}

async fn api_status(
    State(pages): State<Pages>,
    Extension(site): Extension<Site>,
    Query(query): Query<PageNumber>,
) -> Result<Response, Failure> {
    let number = query.page.unwrap_or(1);
    let make = move |views: &Views<'_, Reader>| Ok(api::status(&site, &views.overview(number)?));
    Ok(json(&pages.read(Timestamp::now(), make).await?))
}

async fn api_probe(
    State(pages): State<Pages>,
    Extension(site): Extension<Site>,
    Path(text): Path<String>,
) -> Result<Response, Failure> {
    let name = name(&text)?;
    let make = move |views: &Views<'_, Reader>| {
        Ok(views.probe(&name, Range::Day)?.map(|page| api::probe_detail(&site, &page)))
    };
    let detail = pages.read(Timestamp::now(), make).await?.ok_or(Failure::NotFound)?;
    Ok(json(&detail))
}

async fn api_incidents(
    State(pages): State<Pages>,
    Extension(site): Extension<Site>,
) -> Result<Response, Failure> {
    let make = move |views: &Views<'_, Reader>| Ok(api::incidents(&site, &views.incidents(None)?));
    Ok(json(&pages.read(Timestamp::now(), make).await?))
}

/// An event whenever runs were stored, until the command ends.
async fn events(State(pages): State<Pages>) -> impl IntoResponse {
    let state = (pages.changed.clone(), pages.stopped.clone());
    let events = stream::unfold(state, async |(mut changed, mut stopped)| {
        tokio::select! {
            change = changed.changed() => change.ok()?,
            _ = stopped.wait_for(|stop| *stop) => return None,
        }
        let number = changed.borrow_and_update().to_string();
        let event = Event::default().event("changed").data(number);
        Some((Ok::<_, Infallible>(event), (changed, stopped)))
    });
    Sse::new(events).keep_alive(KeepAlive::default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn language_is_the_first_that_the_browser_names() {
        let cases = [
            (None, Language::English),
            (Some("fr-FR,fr;q=0.9,en;q=0.8"), Language::French),
            (Some("de, EN-us;q=0.7, fr;q=0.3"), Language::English),
            (Some("de"), Language::English),
        ];
        for (header, expected) in cases {
            assert_eq!(accepted(header), expected, "{header:?}");
        }
    }
}
