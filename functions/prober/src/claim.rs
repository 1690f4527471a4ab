//! Claims a run, so that it is made once although its order may arrive twice.
//!
//! A conditional put on probe and due time. When the table fails, the run is made anyway: a run too
//! many is cheap, a run too few is a blind spot.

use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use domain::EnvironmentName;
use domain::message::Run;
use jiff::Timestamp;
use lambda_kit::chain;
use tracing::warn;

/// How long a claim is kept: longer than a message can stay in the queue of runs.
const KEPT: Duration = Duration::from_secs(2 * 86_400);

/// How long the table may take before the run goes on without it.
const PATIENCE: Duration = Duration::from_secs(2);

/// Whether the run is ours to make.
pub(crate) async fn claim(
    table: &Client,
    table_name: &str,
    environment: &EnvironmentName,
    run: &Run,
    due: Timestamp,
) -> bool {
    let (probe, run) = (&run.probe.name, &run.id);
    // A put that was carried out but whose answer was lost is tried again by the SDK: it must not
    // find itself taken by itself.
    let owner = format!("{:016x}", fastrand::u64(..));
    let expires = due.as_second().saturating_add_unsigned(KEPT.as_secs());
    let put = table
        .put_item()
        .table_name(table_name)
        .item("pk", AttributeValue::S(format!("run#{environment}#{probe}")))
        .item("sk", AttributeValue::S(due.to_string()))
        .item("expires_at", AttributeValue::N(expires.to_string()))
        .item("owner", AttributeValue::S(owner.clone()))
        .condition_expression("attribute_not_exists(pk) OR #owner = :owner")
        .expression_attribute_names("#owner", "owner")
        .expression_attribute_values(":owner", AttributeValue::S(owner))
        .send();
    match tokio::time::timeout(PATIENCE, put).await {
        Ok(Ok(_)) => true,
        Ok(Err(error)) => {
            let taken = error
                .as_service_error()
                .is_some_and(aws_sdk_dynamodb::operation::put_item::PutItemError::is_conditional_check_failed_exception);
            if !taken {
                warn!(error = chain(&error), %run, %probe, "the run could not be claimed and is made anyway");
            }
            !taken
        }
        Err(_) => {
            warn!(%run, %probe, "the claim took too long and the run is made anyway");
            true
        }
    }
}
