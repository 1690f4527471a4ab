//! Lambda that runs the probes that are due and publishes the results. Wiring only; the logic is in
//! `lib.rs`.

use lambda_kit::process_env;
use lambda_runtime::{LambdaEvent, service_fn};
use prober::{Event, Prober, config_from_env};
use run_executor::Clients;

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    lambda_kit::init_logs()?;
    let config = config_from_env(process_env)?;

    // Created once per execution environment: credentials and connections outlive an event.
    let clients = Clients::load(config.home_region.as_deref()).await;
    let prober = &Prober::new(config, clients);

    let handle = async move |event: LambdaEvent<Event>| {
        prober.handle(event.payload, lambda_kit::time_left(&event.context)).await
    };
    lambda_runtime::run(service_fn(handle)).await.map_err(anyhow::Error::from_boxed)
}
