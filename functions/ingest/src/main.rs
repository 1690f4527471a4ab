//! Lambda that receives CloudWatch metric streams from Firehose. Wiring only; the logic is in `lib.rs`.

use std::time::{Duration, SystemTime};

use aws_config::timeout::TimeoutConfig;
use aws_lambda_events::lambda_function_urls::LambdaFunctionUrlRequest;
use ingest::{Config, Ingest, Services};
use lambda_runtime::{Error, LambdaEvent, service_fn};
use secrets::Secrets;

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    lambda_kit::init_logs()?;
    let config = Config::from_env(lambda_kit::process_env)?;

    // Created once per execution environment: credentials and connections outlive an event.
    let limits = TimeoutConfig::builder().operation_timeout(Duration::from_secs(5)).build();
    let aws = aws_config::from_env().timeout_config(limits).load().await;
    let services = Services {
        sqs: aws_sdk_sqs::Client::new(&aws),
        cloudwatch: aws_sdk_cloudwatch::Client::new(&aws),
        secrets: Secrets::new(
            aws_sdk_secretsmanager::Client::new(&aws),
            secrets::ParameterStore::new(&aws),
        ),
    };
    let ingest = &Ingest::new(config, services);

    let handle = async move |event: LambdaEvent<LambdaFunctionUrlRequest>| {
        Ok::<_, Error>(ingest.handle(event.payload, SystemTime::now().into()).await)
    };
    lambda_runtime::run(service_fn(handle)).await.map_err(anyhow::Error::from_boxed)
}
