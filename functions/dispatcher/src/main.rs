//! Lambda that plans, every minute, what is due in the next one.
//!
//! Wiring only. What it decides is in `lib.rs`.

use dispatcher::{Config, Dispatcher, Fired, probes};
use lambda_kit::process_env;
use lambda_runtime::{LambdaEvent, service_fn};

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    lambda_kit::init_logs()?;
    let config = Config::from_env(&process_env)?;

    // Built once per execution environment: credentials and connections outlive an event.
    let aws = aws_config::load_from_env().await;
    let source = probes::Source::new(&config, &aws);
    let dispatcher = &Dispatcher::new(
        config,
        source,
        aws_sdk_sqs::Client::new(&aws),
        aws_sdk_cloudwatch::Client::new(&aws),
    );

    let handle = async move |event: LambdaEvent<Fired>| dispatcher.handle(event.payload).await;
    lambda_runtime::run(service_fn(handle)).await.map_err(anyhow::Error::from_boxed)
}
