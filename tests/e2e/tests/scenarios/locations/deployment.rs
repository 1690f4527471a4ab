//! An environment with three locations beside the environment `local`, and the faults of a location.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime};

use anyhow::{Context, ensure};
use aws_sdk_cloudwatch::types::{Dimension, Metric, MetricDataQuery, MetricStat};
use deploy::account::Account;
use deploy::build::Build;
use deploy::checkout::Checkout;
use deploy::locations::{self, Home, LocationStack};
use deploy::parameters::Parameters;
use deploy::progress::Progress;
use deploy::removal;
use futures_util::future::try_join_all;
use harness::command;
use harness::environment::{LocalEnvironment, PROBES_BUCKET, put_probes};
use harness::local_aws::{REGION, aws_variables};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::process::Command;

/// A section of samconfig.toml.
pub(super) const ENVIRONMENT: &str = "dev";
pub(super) const PROBE: &str = "located";
/// Folder of probe files.
const PROBES: &str = "locations";
/// Nothing listens on port 9.
const NO_PROXY_SERVER: &str = "http://127.0.0.1:9";

/// The home stack and the stacks of two further regions.
pub(super) struct Deployment<'a> {
    env: &'a LocalEnvironment,
    stacks: Vec<LocationStack>,
}

impl<'a> Deployment<'a> {
    /// Deploys the home stack, then the others, as `vigie deploy` does.
    pub(super) async fn start(
        env: &'a LocalEnvironment,
        others: [&str; 2],
    ) -> anyhow::Result<Self> {
        let folder = env.state.join(PROBES);
        let listed = format!("{REGION},{}", others.join(","));
        put_probes(&env.s3, PROBES).await?;
        let alarms = render(env, &folder, &listed).await?;

        // Functions reach the local AWS by its address; a proxy that is set is used for the name.
        let bots = format!("BOT_URL=http://localhost:{}", env.bot.port);
        let values: Parameters = [
            ("Platform", "emulator"),
            ("Locations", &listed),
            ("Probes", &format!("s3://{PROBES_BUCKET}/{PROBES}")),
            ("ProbeVariables", &bots),
            ("AlertEmail", "locations@example.com"),
            ("GroupWindowSeconds", "5"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into();
        let stacks = locations::stacks(&ENVIRONMENT.parse()?, REGION, &Parameters::new(), &values)?;
        ensure!(stacks.len() == others.len(), "{stacks:?}");
        let deployment = Self { env, stacks };
        if let Err(error) = deployment.deploy(&folder, &alarms, values).await {
            deployment.remove().await?;
            return Err(error);
        }
        Ok(deployment)
    }

    async fn deploy(&self, folder: &Path, alarms: &Path, values: Parameters) -> anyhow::Result<()> {
        let env = self.env;
        let checkout = Checkout { root: &env.root, processes: &env.processes };
        let build = Build::for_emulator();
        let mut sam = checkout.sam_deploy(ENVIRONMENT, build, folder, Some(alarms), values)?;
        let sam = sam.envs(aws_variables(&env.aws.endpoint));
        env.processes.run("sam-deploy-home", sam).await?;
        let topics = format!("vigie-{ENVIRONMENT}-");
        let sns = aws_sdk_sns::Client::new(&env.aws.config);
        env.inbox.stand_in_for_mail_of(&sns, &topics).await?;

        let account = Account::of(&env.aws.config).await?;
        let stack = format!("vigie-{ENVIRONMENT}");
        let parameters = account.stack_parameters(&stack).await?;
        let outputs = account.stack_outputs(&stack).await?;
        let home = Home { region: REGION, parameters: &parameters, outputs: &outputs };
        let each = self.stacks.iter().map(async |location| {
            let values = location.parameters(&home);
            let mut sam =
                checkout.sam_deploy_location(ENVIRONMENT, build, folder, location, values)?;
            let sam = sam.envs(aws_variables(&env.aws.endpoint));
            let log = format!("sam-deploy-{}", location.location);
            anyhow::Ok(env.processes.run(&log, sam).await?)
        });
        try_join_all(each).await?;
        Ok(())
    }

    /// Removes all stacks, as `vigie remove` does.
    pub(super) async fn remove(&self) -> anyhow::Result<()> {
        let (config, progress) = (&self.env.aws.config, Progress::default());
        removal::remove(config, &ENVIRONMENT.parse()?, false, &progress).await?;
        for location in &self.stacks {
            let there = Account::of(&location.aws(config)).await?;
            let status = there.stack_status(&location.stack).await?;
            let gone = status.as_deref().is_none_or(|status| status == "DELETE_COMPLETE");
            ensure!(gone, "stack `{}` is {status:?} after the removal", location.stack);
        }
        Ok(())
    }

    /// Whether the bot was up, in each period with results of `location` in the last minute.
    pub(super) async fn results(&self, location: &str) -> anyhow::Result<Vec<f64>> {
        let dimensions = [("Environment", ENVIRONMENT), ("Probe", PROBE), ("Location", location)]
            .map(|(name, value)| Dimension::builder().name(name).value(value).build());
        let metric = Metric::builder().namespace("Vigie").metric_name("Success");
        let metric = metric.set_dimensions(Some(dimensions.to_vec())).build();
        let stat = MetricStat::builder().metric(metric).period(10).stat("Minimum").build();
        let query = MetricDataQuery::builder().id("read").metric_stat(stat).build();
        let now = SystemTime::now();
        let answer = self.env.cloudwatch.get_metric_data();
        let answer = answer.start_time((now - Duration::from_secs(60)).into());
        let answer = answer.end_time((now + Duration::from_secs(60)).into());
        let answer = answer.metric_data_queries(query).send().await?;
        Ok(answer
            .metric_data_results()
            .iter()
            .flat_map(|result| result.values().to_vec())
            .collect())
    }

    /// Cuts the network between the prober of a location and the bot, or restores it: its proxy does not answer.
    pub(super) async fn cut(&self, location: &str, cut: bool) -> anyhow::Result<()> {
        let stack = self.stack(location)?;
        let path = format!("/functions/{}-prober/configuration", stack.stack);
        let function = self.lambda(stack, Method::GET, &path, &Value::Null).await?;
        let variables = &function["Environment"]["Variables"];
        let mut variables: BTreeMap<String, Value> = serde_json::from_value(variables.clone())?;
        for (name, value) in [("HTTP_PROXY", NO_PROXY_SERVER), ("NO_PROXY", "127.0.0.1")] {
            variables.remove(name);
            if cut {
                variables.insert(name.to_owned(), json!(value));
            }
        }
        let changes = json!({ "Environment": { "Variables": variables } });
        self.lambda(stack, Method::PUT, &path, &changes).await.map(drop)
    }

    /// Stops the prober of a location, or starts it again: it receives no run requests.
    pub(super) async fn stop(&self, location: &str, stopped: bool) -> anyhow::Result<()> {
        let stack = self.stack(location)?;
        let path = format!("/event-source-mappings?FunctionName={}-prober", stack.stack);
        let mappings = self.lambda(stack, Method::GET, &path, &Value::Null).await?;
        let id = mappings["EventSourceMappings"][0]["UUID"].as_str();
        let path = format!("/event-source-mappings/{}", id.context("no event source mapping")?);
        self.lambda(stack, Method::PUT, &path, &json!({ "Enabled": !stopped })).await.map(drop)
    }

    fn stack(&self, location: &str) -> anyhow::Result<&LocationStack> {
        let stack = self.stacks.iter().find(|stack| stack.location.as_str() == location);
        stack.with_context(|| format!("no stack of `{location}`"))
    }

    async fn lambda(
        &self,
        stack: &LocationStack,
        method: Method,
        path: &str,
        body: &Value,
    ) -> anyhow::Result<Value> {
        let body = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
        let client = aws_call::Client::new(&stack.aws(&self.env.aws.config));
        let answer = client.rest("lambda", method, &format!("/2015-03-31{path}"), body).await?;
        serde_json::from_slice(&answer.body).with_context(|| path.to_owned())
    }
}

/// The alarms of the probes for these locations, as `vigie render` writes them.
async fn render(
    env: &LocalEnvironment,
    folder: &Path,
    locations: &str,
) -> anyhow::Result<std::path::PathBuf> {
    let infra = folder.join("infra");
    fs::create_dir_all(&infra)?;
    let config = format!(
        "version = 0.1\n[{ENVIRONMENT}.deploy.parameters.parameter_overrides]\nLocations = \"{locations}\"\n"
    );
    fs::write(folder.join("samconfig.toml"), config)?;
    let mut vigie = Command::new(command::build(&env.root, &env.processes).await?);
    vigie.arg("render").arg("--probes").arg(env.root.join("tests/e2e/probes").join(PROBES));
    vigie.arg("--output").arg(&infra);
    env.processes.run("render-locations", &mut vigie).await?;
    Ok(infra.join("alarms.yaml"))
}
