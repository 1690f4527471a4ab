//! The event and the response of a Firehose transformation function.
//!
//! Firehose accepts a record only if the response has its ID, a result and data.
//! <https://docs.aws.amazon.com/firehose/latest/dev/data-transformation-status-model.html>

use serde::{Deserialize, Serialize};

/// The records of one invocation. Lambda limits the event to 6 MB.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Invocation {
    pub invocation_id: String,
    pub records: Vec<Record>,
}

/// A record as Firehose received it.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Record {
    pub record_id: String,
    /// In base64.
    pub data: String,
}

/// The response: one entry for each record of the event.
#[derive(Clone, Debug, Serialize)]
pub struct Transformed {
    pub records: Vec<TransformedRecord>,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TransformedRecord {
    pub record_id: String,
    pub result: Outcome,
    /// The data of the event: Firehose rejects a record without data, also a dropped one.
    pub data: String,
}

/// What Firehose does with a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Outcome {
    /// All its samples are in the queue. Firehose stores nothing.
    Dropped,
    /// Some of its values were not valid. Firehose stores the record in the report bucket.
    Ok,
    /// It was not queued. Firehose stores it in the report bucket, in the folder of failed records.
    ProcessingFailed,
}
