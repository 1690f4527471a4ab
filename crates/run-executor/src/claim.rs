//! Claims a run with a conditional put on probe and due time, since SQS may deliver a run request twice.
//!
//! When the table is unavailable, the run is executed anyway: a duplicate run costs little, a missing run
//! hides an outage.

use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use domain::EnvironmentName;
use domain::LocationName;
use domain::chain;
use domain::run_request::Run;
use jiff::Timestamp;
use tracing::warn;

/// Time to live of a claim, longer than the retention of the queue of runs.
const TIME_TO_LIVE: Duration = Duration::from_secs(2 * 86_400);

/// Time limit of the put. After it, the run is made without a claim.
const TIMEOUT: Duration = Duration::from_secs(2);

/// Records that the test message `id` of a deployment arrived; `vigie deploy` waits for this item.
pub(crate) async fn record_test(table: &Client, table_name: &str, id: &str) {
    let expires = Timestamp::now().as_second().saturating_add(86_400);
    let put = table
        .put_item()
        .table_name(table_name)
        .item("pk", AttributeValue::S(format!("test#{id}")))
        .item("sk", AttributeValue::S("prober".to_owned()))
        .item("expires_at", AttributeValue::N(expires.to_string()))
        .send();
    match tokio::time::timeout(TIMEOUT, put).await {
        Ok(Ok(_)) => {}
        Ok(Err(error)) => warn!(error = chain(&error), id, "Recording a test message failed"),
        Err(_) => warn!(id, "Recording a test message timed out"),
    }
}

/// When and where runs are due.
#[derive(Clone, Debug)]
pub(crate) struct Due {
    pub(crate) at: Timestamp,
    /// `None` unless the environment has several locations.
    pub(crate) location: Option<LocationName>,
    /// Whether the runs are added to the run history.
    pub(crate) recorded: bool,
}

impl Due {
    /// Each location makes its own run.
    fn key(&self) -> String {
        match &self.location {
            Some(location) => format!("{}#{location}", self.at),
            None => self.at.to_string(),
        }
    }
}

/// Whether this invocation makes the run.
pub(crate) async fn claim(
    table: &Client,
    table_name: &str,
    environment: &EnvironmentName,
    run: &Run,
    due: &Due,
) -> bool {
    let (probe, run) = (&run.probe.name, &run.id);
    // The SDK retries a put whose response was lost. The owner lets the retry succeed.
    let owner = format!("{:016x}", fastrand::u64(..));
    let expires = due.at.as_second().saturating_add_unsigned(TIME_TO_LIVE.as_secs());
    let put = table
        .put_item()
        .table_name(table_name)
        .item("pk", AttributeValue::S(format!("run#{environment}#{probe}")))
        .item("sk", AttributeValue::S(due.key()))
        .item("expires_at", AttributeValue::N(expires.to_string()))
        .item("owner", AttributeValue::S(owner.clone()))
        .condition_expression("attribute_not_exists(pk) OR #owner = :owner")
        .expression_attribute_names("#owner", "owner")
        .expression_attribute_values(":owner", AttributeValue::S(owner))
        .send();
    match tokio::time::timeout(TIMEOUT, put).await {
        Ok(Ok(_)) => true,
        Ok(Err(error)) => {
            let taken = error
                .as_service_error()
                .is_some_and(aws_sdk_dynamodb::operation::put_item::PutItemError::is_conditional_check_failed_exception);
            if !taken {
                warn!(error = chain(&error), %run, %probe, "Claiming a run failed; the run is executed anyway");
            }
            !taken
        }
        Err(_) => {
            warn!(%run, %probe, "Claiming a run timed out; the run is executed anyway");
            true
        }
    }
}
