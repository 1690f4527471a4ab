//! The table of `vigie top`: where its values come from, and how they are shown.

mod cloudwatch;
mod keys;
mod serve;
mod snapshot;
mod table;
mod view;

pub(crate) use cloudwatch::CloudWatchSource;
pub(crate) use keys::{Key, Terminal, keys, write};
pub(crate) use snapshot::Snapshot;
pub(crate) use table::Table;
pub(crate) use view::View;

use crate::serve_client::ServeClient;

/// Where the values come from.
pub(crate) enum Source {
    /// A running `vigie serve`.
    Serve(ServeClient),
    /// A deployed environment.
    CloudWatch(CloudWatchSource),
}

impl Source {
    /// The current values of at least the `wanted` worst probes.
    pub(crate) async fn fetch(&self, wanted: usize) -> anyhow::Result<Snapshot> {
        match self {
            Self::Serve(client) => Ok(serve::fetch(client, wanted).await?),
            Self::CloudWatch(source) => source.fetch(jiff::Timestamp::now()).await,
        }
    }

    /// What is shown, for the title.
    pub(crate) fn name(&self) -> String {
        match self {
            Self::Serve(client) => client.name(),
            Self::CloudWatch(source) => source.name(),
        }
    }
}
