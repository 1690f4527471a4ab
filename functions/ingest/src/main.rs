//! Lambda that sends a CloudWatch metric stream to the bridge. Wiring only; the logic is in `lib.rs`.

use std::time::{Duration, SystemTime};

use aws_config::timeout::TimeoutConfig;
use ingest::{Config, Ingest, Invocation, Services};
use lambda_runtime::{Error, LambdaEvent, service_fn};

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    lambda_kit::init_logs()?;
    let config = Config::from_env(lambda_kit::process_env)?;

    // Created once per execution environment: credentials and connections outlive an event.
    let limits = TimeoutConfig::builder().operation_timeout(Duration::from_secs(10)).build();
    let aws = aws_config::from_env().timeout_config(limits).load().await;
    let services = Services {
        sqs: aws_sdk_sqs::Client::new(&aws),
        cloudwatch: aws_sdk_cloudwatch::Client::new(&aws),
    };
    let ingest = &Ingest::new(config, services);

    let handle = async move |event: LambdaEvent<Invocation>| {
        Ok::<_, Error>(ingest.handle(event.payload, SystemTime::now().into()).await)
    };
    lambda_runtime::run(service_fn(handle)).await.map_err(anyhow::Error::from_boxed)
}
