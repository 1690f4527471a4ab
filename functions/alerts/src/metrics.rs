//! Metrics about the function itself.

use std::time::Duration;

use cloudwatch::OwnMetric;
use jiff::Timestamp;
use lambda_kit::chain;

use crate::handler::Alerts;

/// The longest time that publishing may take.
const PUBLISH_TIMEOUT: Duration = Duration::from_secs(5);

impl Alerts {
    /// Publishes a value. A failure is only logged.
    pub(crate) async fn count(&self, metric: OwnMetric, value: f64, now: Timestamp) {
        let datum = cloudwatch::own(metric, &self.config.environment, value, now);
        let put = cloudwatch::put(&self.clients.cloudwatch, vec![datum]);
        let name = metric.name();
        match tokio::time::timeout(PUBLISH_TIMEOUT, put).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                tracing::error!(error = chain(&error), name, "Metric was not published");
            }
            Err(_) => tracing::error!(name, "Metric was not published in time"),
        }
    }
}
