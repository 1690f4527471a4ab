//! Lambda that turns alarms into notifications.
//!
//! Wiring only; the logic is in `lib.rs`.

use alerts::{Alerts, Clients, Config};
use anyhow::Error;
use aws_config::timeout::TimeoutConfig;
use aws_lambda_events::sqs::SqsEvent;
use jiff::Timestamp;
use lambda_runtime::{LambdaEvent, service_fn};
use std::time::Duration;

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    lambda_kit::init_logs()?;
    let config = Config::from_env(lambda_kit::process_env)?;

    // A mail waits for each of these calls, so there is time for two attempts.
    let timeouts = TimeoutConfig::builder()
        .operation_attempt_timeout(Duration::from_secs(10))
        .operation_timeout(Duration::from_secs(20))
        .build();
    let aws = aws_config::from_env().timeout_config(timeouts).load().await;
    let alerts = &Alerts::new(config, Clients::new(&aws));

    let handle = async move |event: LambdaEvent<SqsEvent>| {
        Ok::<_, lambda_runtime::Error>(alerts.handle(event.payload, Timestamp::now()).await)
    };
    lambda_runtime::run(service_fn(handle)).await.map_err(Error::from_boxed)
}
