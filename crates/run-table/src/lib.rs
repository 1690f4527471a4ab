//! The run history of an environment on AWS, in its `DynamoDB` table.
//!
//! An item holds the runs of a probe that were due within ten minutes, one attribute for each run. A write sets its
//! own attribute only, so that probers at several locations never read before they write, and a repeated write
//! changes nothing. With one run a minute an item stays below 1 KB, the unit that a write is paid by; see
//! `docs/decisions.md`.

mod error;
mod items;
mod reading;
mod writing;

use std::time::Duration;

use aws_sdk_dynamodb::Client;

pub use error::RunTableError;
pub use items::BUCKET;

/// How long runs, days and incidents are kept.
pub const KEPT: Duration = Duration::from_secs(92 * 86_400);

/// The table.
#[derive(Clone, Debug)]
pub struct RunTable {
    client: Client,
    table: String,
}

impl RunTable {
    #[must_use]
    pub fn new(client: Client, table: impl Into<String>) -> Self {
        Self { client, table: table.into() }
    }
}
