//! Types and help texts over remote write 1.0, in requests of their own as Prometheus sends them.

use samples::{Protocol, encode_metadata};

use super::Delivery;
use crate::answer::{Answer, Sent};
use crate::metadata::SentMetadata;

/// Families of a request, as in Prometheus.
const FAMILIES: usize = 500;

impl Delivery<'_> {
    /// Sends the metadata of families that were not sent in this interval. The samples do not depend on
    /// it: after a failure it is sent again later.
    pub(super) async fn send_metadata(&mut self) {
        let protocol = self.client.protocol;
        let is_wanted = self.client.settings.metadata && !self.client.metadata.is_rejected;
        if protocol != Protocol::V1 || !is_wanted {
            return;
        }
        let families = self.client.metadata.take_new(self.entries);
        for families in families.chunks(FAMILIES) {
            let body = encode_metadata(families).into();
            let sent = Sent { protocol, samples: 0, histograms: 0, proven: false };
            self.outcome.requests += 1;
            match self.client.once(&body, sent, self.now(), self.policy.until).await {
                Answer::Accepted { .. } => {}
                Answer::Rejected(rejection) => {
                    tracing::info!(%rejection, "Receiver rejects metadata; it is no longer sent");
                    self.client.metadata.is_rejected = true;
                    return;
                }
                _ => {
                    self.client.metadata = SentMetadata::default();
                    return;
                }
            }
        }
    }
}
