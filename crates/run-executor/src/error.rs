//! Why something was not published.

use std::path::PathBuf;

use aws_sdk_s3::error::SdkError;
use aws_sdk_s3::operation::delete_object::DeleteObjectError;
use aws_sdk_s3::operation::put_object::PutObjectError;
use cloudwatch::PutError;
use run_table::RunTableError;
use samples::InvalidSeries;

use crate::page::RequestError;
use crate::runs::TargetError;

/// Why a result, or a part of it, was not published.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PublishError {
    #[error("could not publish metrics")]
    Metrics(#[from] PutError),
    #[error("could not publish samples")]
    Samples(#[from] SamplesError),
    #[error("could not add a run to the history")]
    History(#[from] RunTableError),
    #[error("could not store the report of run `{run}`")]
    Report { run: String, source: StoreError },
    #[error("could not publish the scrape of probe `{probe}`")]
    Scrape { probe: String, source: ScrapeError },
}

impl PublishError {
    /// A stable word for each variant, for `error_type`.
    #[must_use]
    pub fn error_type(&self) -> &'static str {
        match self {
            Self::Metrics(_) => "Metrics",
            Self::Samples(_) => "Samples",
            Self::History(_) => "History",
            Self::Report { .. } => "Report",
            Self::Scrape { .. } => "Scrape",
        }
    }
}

/// Why samples were not sent to the bridge's queue.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SamplesError {
    #[error(transparent)]
    Series(#[from] InvalidSeries),
    #[error("the queue of samples rejected a batch")]
    Send(#[from] sqs_batch::SendError),
}

/// Why an object in the report bucket was not changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    #[error("could not serialize the report")]
    Serialize(#[from] serde_json::Error),
    #[error("could not store `{key}`")]
    Put { key: String, source: Box<SdkError<PutObjectError>> },
    #[error("could not delete `{key}`")]
    Delete { key: String, source: Box<SdkError<DeleteObjectError>> },
}

/// Why a scrape was not published. A target that does not respond is not an error: its `up` is 0.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ScrapeError {
    #[error("a rule of `metric_relabel_configs` is not valid")]
    Rule(#[from] relabel::InvalidRule),
    #[error("could not create the HTTP client")]
    Client(#[from] reqwest::Error),
    #[error("could not read `{}`", path.display())]
    CaFile { path: PathBuf, source: std::io::Error },
    #[error("`server_name` is `{name}`; expected a host name, such as `bot.example.com`")]
    ServerName { name: String },
    #[error(transparent)]
    Target(#[from] TargetError),
    #[error(transparent)]
    Request(#[from] RequestError),
    #[error(transparent)]
    Samples(#[from] SamplesError),
    #[error(transparent)]
    State(#[from] StoreError),
}
