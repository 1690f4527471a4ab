//! The status page, which is written after the run requests are sent.

use std::time::Duration;

use cloudwatch::OwnMetric;
use domain::Probe;
use jiff::Timestamp;
use lambda_kit::chain;
use status_site::Updated;
use tokio::time::Instant;
use tracing::{info, warn};

use crate::Dispatcher;

/// No page is begun after this time.
const BEGIN: Duration = Duration::from_secs(25);
/// The longest time of an update. The function has a minute, of which sending may take 20 seconds.
const TIMEOUT: Duration = Duration::from_secs(35);

impl Dispatcher {
    /// Writes the pages that have changed. A failure is logged: the run requests are sent already, and a retry of the
    /// invocation would send them twice.
    pub(crate) async fn update_status_page(&self, probes: &[Probe]) {
        let Some(site) = &self.status else { return };
        let updating = Box::pin(site.update(probes, Timestamp::now(), Instant::now() + BEGIN));
        let Ok(Updated { probes, failures }) = tokio::time::timeout(TIMEOUT, updating).await else {
            warn!("Status page could not be updated: timed out");
            return self.count(OwnMetric::StatusPageErrors, 1).await;
        };
        for error in &failures {
            warn!(error = chain(error), "Status page could not be updated");
        }
        info!(probes, failures = failures.len(), "Status page updated");
        self.count(OwnMetric::StatusPageErrors, failures.len()).await;
    }
}
