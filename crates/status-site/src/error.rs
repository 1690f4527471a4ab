//! Why a page was not written.

use aws_sdk_s3::error::SdkError;
use aws_sdk_s3::operation::delete_objects::DeleteObjectsError;
use aws_sdk_s3::operation::list_objects_v2::ListObjectsV2Error;
use aws_sdk_s3::operation::put_object::PutObjectError;
use notification_store::StoreError;
use run_table::RunTableError;

/// Why the status page, or a part of it, was not written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SiteError {
    #[error(transparent)]
    History(#[from] RunTableError),
    #[error("could not read the alarm records")]
    Alarms(#[from] StoreError),
    #[error("could not write `{key}`")]
    Put { key: String, source: Box<SdkError<PutObjectError>> },
    #[error("could not list the bucket of the status page")]
    List { source: Box<SdkError<ListObjectsV2Error>> },
    #[error("could not delete the pages of removed probes")]
    Delete { source: Box<SdkError<DeleteObjectsError>> },
    #[error("could not encode `{key}`")]
    Json { key: String, source: serde_json::Error },
}
