//! Every kind of page, badge, feed and API route, and how long it takes.

use std::time::Instant;

use anyhow::{Context, ensure};
use reqwest::Client;

use super::serve::Serve;

/// Requests for each path and run.
pub(super) const REQUESTS: usize = 100;

/// The measurements of one kind of page.
pub(super) struct Page {
    /// Such as `/probes/PROBE`.
    pub(super) path: String,
    /// The name of the raw read of the same rows.
    pub(super) floor: Option<&'static str>,
    pub(super) milliseconds: Vec<f64>,
    /// The median size of the body.
    pub(super) kib: f64,
}

impl Page {
    /// The time that 95 % of the requests do not exceed.
    pub(super) fn p95(&self) -> f64 {
        let mut sorted = self.milliseconds.clone();
        sorted.sort_by(f64::total_cmp);
        let rank = (sorted.len() * 95).div_ceil(100).max(1);
        sorted.get(rank - 1).copied().unwrap_or_default()
    }
}

/// Paths and the raw reads of the same rows. PROBE, INCIDENT and LAST are replaced; LAST is the last page of the
/// overview.
const PATHS: [(&str, Option<&str>); 25] = [
    ("/", Some("overview")),
    ("/page/LAST", Some("overview")),
    ("/probes/PROBE", Some("24h")),
    ("/probes/PROBE/7d", Some("7d")),
    ("/probes/PROBE/30d", Some("30d")),
    ("/probes/PROBE/90d", Some("90d")),
    ("/incidents", None),
    ("/incidents/INCIDENT", None),
    ("/feed.atom", None),
    ("/badge/PROBE/state.svg", None),
    ("/badge/PROBE/availability-24h.svg", None),
    ("/badge/PROBE/availability-7d.svg", None),
    ("/badge/PROBE/availability-30d.svg", None),
    ("/badge/PROBE/availability-90d.svg", None),
    ("/badge/PROBE/first-chunk.svg", None),
    ("/api/v1/status", Some("overview")),
    ("/api/v1/status?page=LAST", Some("overview")),
    ("/api/v1/probes/PROBE", Some("24h")),
    ("/api/v1/incidents", None),
    ("/api/v1/schema.json", None),
    ("/assets/status.css", None),
    ("/assets/icon-up.svg", None),
    ("/metrics", None),
    ("/-/ready", None),
    ("/-/healthy", None),
];

/// Requests each path `runs` × [`REQUESTS`] times, and a report.
pub(super) async fn measure(
    serve: &Serve,
    probes: usize,
    runs: usize,
) -> anyhow::Result<Vec<Page>> {
    let site = Site {
        address: format!("http://{}", serve.address),
        client: Client::builder().no_proxy().build()?,
    };
    let incidents = site.incidents().await?;
    let last = probes.div_ceil(50).to_string();
    let path_of = |pattern: &str, number: usize| {
        // A step without a common divisor, so that all groups of probes are requested.
        let probe = format!("bot-{}", number * 37 % probes);
        let incident = (1 + number * 37 % incidents).to_string();
        let path = pattern.replace("PROBE", &probe).replace("INCIDENT", &incident);
        path.replace("LAST", &last)
    };
    let mut pages = Vec::new();
    for (pattern, floor) in PATHS {
        let paths = (0..runs * REQUESTS).map(|number| path_of(pattern, number));
        pages.push(site.page(pattern, floor, paths).await?);
    }
    let report = site.report().await?;
    let paths = std::iter::repeat_n(report, runs * REQUESTS);
    pages.insert(8, site.page("/probes/PROBE/runs/DUE", None, paths).await?);
    Ok(pages)
}

struct Site {
    address: String,
    client: Client,
}

impl Site {
    async fn get(&self, path: &str) -> anyhow::Result<String> {
        let response = self.client.get(format!("{}{path}", self.address)).send().await?;
        let status = response.status();
        let body = response.text().await?;
        ensure!(status.is_success(), "`{path}` returned {status}: {body}");
        Ok(body)
    }

    #[expect(clippy::cast_precision_loss, reason = "a size far below 2^53")]
    async fn page(
        &self,
        pattern: &str,
        floor: Option<&'static str>,
        paths: impl Iterator<Item = String>,
    ) -> anyhow::Result<Page> {
        let (mut milliseconds, mut sizes) = (Vec::new(), Vec::new());
        for path in paths {
            let began = Instant::now();
            let body = self.get(&path).await?;
            milliseconds.push(began.elapsed().as_secs_f64() * 1e3);
            sizes.push(body.len() as f64 / 1024.0);
        }
        let kib = crate::table::median(sizes).unwrap_or_default();
        Ok(Page { path: pattern.to_owned(), floor, milliseconds, kib })
    }

    /// The largest number of an incident.
    async fn incidents(&self) -> anyhow::Result<usize> {
        let body = self.get("/api/v1/incidents").await?;
        let body: serde_json::Value = serde_json::from_str(&body)?;
        let numbers = body["incidents"].as_array().context("no incidents")?.iter();
        let largest = numbers.filter_map(|incident| incident["id"].as_u64()).max();
        Ok(usize::try_from(largest.context("no incident")?)?)
    }

    /// The path of a report of a run that failed.
    async fn report(&self) -> anyhow::Result<String> {
        let page = self.get("/probes/bot-9").await?;
        let from = page.find("/probes/bot-9/runs/").context("no run of `bot-9` has a report")?;
        Ok(page[from..].split('"').next().unwrap_or_default().to_owned())
    }
}
