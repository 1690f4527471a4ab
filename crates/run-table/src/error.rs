//! Why the table could not be used.

use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::batch_get_item::BatchGetItemError;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::query::QueryError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use domain::ProbeName;

/// Why the run history could not be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RunTableError {
    #[error("could not record a run of probe `{probe}`")]
    Record { probe: ProbeName, source: Box<SdkError<UpdateItemError>> },
    #[error("could not read the runs of probe `{probe}`")]
    Runs { probe: ProbeName, source: Box<SdkError<QueryError>> },
    #[error("the runs of probe `{probe}` have more than {pages} MB; expected a shorter period")]
    TooMany { probe: ProbeName, pages: usize },
    #[error("could not read the last runs")]
    Recent { source: Box<SdkError<BatchGetItemError>> },
    #[error("could not read the last runs: the table is throttled")]
    Throttled,
    #[error("could not store a day of probe `{probe}`")]
    Day { probe: ProbeName, source: Box<SdkError<PutItemError>> },
    #[error("could not read the incidents")]
    Incidents { source: Box<SdkError<QueryError>> },
    #[error("could not store an incident of probe `{probe}`")]
    Incident { probe: ProbeName, source: Box<SdkError<PutItemError>> },
    #[error("could not encode an incident of probe `{probe}`")]
    Encode { probe: ProbeName, source: serde_json::Error },
}
