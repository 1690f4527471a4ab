//! Lambda that plans the runs of the next minute. Wiring only; the logic is in `lib.rs`.

use std::time::Duration;

use aws_config::Region;
use aws_config::timeout::TimeoutConfig;
use dispatcher::{Config, Destination, Dispatcher, Event, StatusPage};
use lambda_kit::process_env;
use lambda_runtime::{LambdaEvent, service_fn};
use notification_store::NotificationStore;
use run_table::RunTable;
use status_site::StatusSite;

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    lambda_kit::init_logs()?;
    let config = Config::from_env(process_env)?;

    // Created once per execution environment: credentials and connections outlive an event.
    // A call that hangs must leave time for the others within the function's timeout of a minute.
    let timeouts = TimeoutConfig::builder()
        .operation_attempt_timeout(Duration::from_secs(3))
        .operation_timeout(Duration::from_secs(10))
        .build();
    let aws = aws_config::from_env().timeout_config(timeouts).load().await;
    let destinations = Destination::all(&config, |region| {
        let region = region.map(|region| Region::new(region.to_owned()));
        let region = region.or_else(|| aws.region().cloned());
        aws_sdk_sqs::Client::new(&aws.to_builder().region(region).build())
    });
    let s3 = aws_sdk_s3::Client::new(&aws);
    let status = config.status.clone().map(|StatusPage { site, table_name }| {
        let table = aws_sdk_dynamodb::Client::new(&aws);
        let runs = RunTable::new(table.clone(), table_name.clone());
        StatusSite::new(site, s3.clone(), runs, NotificationStore::new(table, table_name))
    });
    let cloudwatch = aws_sdk_cloudwatch::Client::new(&aws);
    let dispatcher = &Dispatcher::new(config, s3, destinations, cloudwatch, status);

    let handle = async move |event: LambdaEvent<Event>| dispatcher.handle(event.payload).await;
    lambda_runtime::run(service_fn(handle)).await.map_err(anyhow::Error::from_boxed)
}
