//! The pages about all probes, and the files that never change.

use std::collections::BTreeMap;
use std::sync::Arc;

use domain::{Probe, ProbeName};
use run_record::Snapshot;
use status_page::State::{Degraded, Down, NoData, Up};
use status_page::views::{Views, overviews};
use status_page::{Site, api, badge, feed};

use crate::objects::{HTML, JSON, SVG};
use crate::{Pages, SiteError, StatusSite};

impl StatusSite {
    pub(crate) async fn write_overview(
        &self,
        pages: &Pages,
        probes: &BTreeMap<ProbeName, Arc<Probe>>,
        site: &Site,
    ) -> Result<(), SiteError> {
        let known = pages.incidents.values().cloned().collect();
        let source = Snapshot::new(BTreeMap::new(), Vec::new(), i64::MIN, known);
        let latest = BTreeMap::new();
        let views = Views { source: &source, probes, latest: &latest, now: site.now };
        let Ok(incidents) = views.incidents(None);
        let summaries = pages.probes.values().map(|shown| shown.summary.clone()).collect();
        for overview in overviews(summaries, incidents.clone(), site.now) {
            let page = status_page::overview(site, &overview);
            if overview.page == 1 {
                self.objects.put("index.html", HTML, page.clone()).await?;
                self.objects.put_json("api/v1/status", &api::status(site, &overview)).await?;
            }
            if overview.pages > 1 {
                self.objects.put(&format!("page/{}", overview.page), HTML, page).await?;
            }
        }
        self.objects.put("incidents", HTML, status_page::incidents(site, &incidents)).await?;
        let feed = feed::atom(site, &incidents);
        self.objects.put("feed.atom", "application/atom+xml; charset=utf-8", feed).await?;
        self.objects.put_json("api/v1/incidents", &api::incidents(site, &incidents)).await
    }

    pub(crate) async fn write_assets(&self, site: &Site) -> Result<(), SiteError> {
        let texts = [
            ("assets/status.css", "text/css", status_page::STYLE.to_owned()),
            ("assets/status.js", "text/javascript", status_page::SCRIPT.to_owned()),
            ("api/v1/schema.json", JSON, api::SCHEMA.to_owned()),
            ("404.html", HTML, status_page::message(site, "404")),
        ];
        for (key, kind, text) in texts {
            self.objects.put(key, kind, text).await?;
        }
        for state in [Up, Degraded, Down, NoData] {
            let key = format!("assets/icon-{}.svg", state.as_str());
            self.objects.put(&key, SVG, badge::icon(state)).await?;
        }
        Ok(())
    }
}
