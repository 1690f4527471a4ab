//! Runs probes on this machine: resolves them for an environment and reads their secrets.

use anyhow::{Context, bail};
use conversation::target::secret_references;
use conversation::{FilledTarget, ProbeRun, Prober, ProgressEvent, StallMonitor, TimeLimit};
use domain::probe::PerEnvironment;
use domain::report::{Report, RunId};
use domain::{EnvironmentName, OwnFault, Probe, ProbeSpec, TargetUrl, Template, USER_AGENT, chain};
use jiff::Timestamp;
use secrets::{Fetched, SecretError, Secrets};
use tokio::sync::OnceCell;

/// The environment of probes that name none.
const NO_ENVIRONMENT: &str = "local";

/// The environment in which to run the probes: the one given, else the only one that they name.
///
/// # Errors
/// If a value differs by environment and no environment was given.
pub(crate) fn environment(
    given: Option<&EnvironmentName>,
    probes: &[ProbeSpec],
) -> anyhow::Result<EnvironmentName> {
    if let Some(given) = given {
        return Ok(given.clone());
    }
    let mut named: Vec<&EnvironmentName> =
        probes.iter().flat_map(|probe| probe.environments.iter().flatten()).collect();
    named.sort();
    named.dedup();
    if let [only] = named[..] {
        return Ok(only.clone());
    }
    if let Some(probe) = probes.iter().find(|probe| probe.differs_by_environment()) {
        bail!(
            "probe `{}` has values that differ by environment\nhint: pass `--environment ENV`",
            probe.name
        );
    }
    NO_ENVIRONMENT.parse().context("the name of the default environment")
}

/// The probe in one environment, with another address if one is given.
pub(crate) fn resolved(
    mut probe: ProbeSpec,
    environment: &EnvironmentName,
    target: Option<&TargetUrl>,
) -> anyhow::Result<Probe> {
    if let Some(url) = target {
        let url = Template::literal(url.as_url().as_str());
        probe.target.url = PerEnvironment::Same(url);
    }
    let variable = |name: &str| std::env::var(name).ok();
    let probe = probe.resolve(environment, &variable)?;
    Ok(probe)
}

/// Runs probes on this machine.
pub(crate) struct LocalProber {
    prober: Prober,
    secrets: OnceCell<Secrets>,
}

impl LocalProber {
    /// The location is `VIGIE_LOCATION`, or `local`.
    pub(crate) fn new(environment: EnvironmentName) -> Self {
        let location = std::env::var("VIGIE_LOCATION").ok().filter(|name| !name.is_empty());
        let prober = Prober {
            environment,
            location: location.unwrap_or_else(|| "local".to_owned()),
            user_agent: USER_AGENT.to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            stalls: StallMonitor::default(),
        };
        Self { prober, secrets: OnceCell::new() }
    }

    pub(crate) fn environment(&self) -> &EnvironmentName {
        &self.prober.environment
    }

    fn run_of<'a>(&'a self, probe: &'a Probe, due: Timestamp) -> ProbeRun<'a> {
        self.prober.run_of(RunId::of(self.environment(), &probe.name, due), probe, due)
    }

    /// Makes one run. Every problem is in the report.
    pub(crate) async fn run(
        &self,
        probe: &Probe,
        due: Timestamp,
        progress: &mut (dyn FnMut(ProgressEvent<'_>) + Send),
    ) -> Report {
        let run = self.run_of(probe, due);
        let secrets = match self.secrets_of(probe).await {
            Ok(secrets) => secrets,
            Err(error) => return run.refused(OwnFault::Secret, chain(&error)),
        };
        match FilledTarget::new(&probe.target, &secrets.values, &secrets.hosts) {
            Ok(target) => run.run(&target, TimeLimit::Probe, progress).await,
            Err(error) => run.refused(error.fault(), chain(&error)),
        }
    }

    /// The report of a run that panicked.
    pub(crate) fn panicked(&self, probe: &Probe, due: Timestamp) -> Report {
        self.run_of(probe, due).refused(OwnFault::Internal, "the conversation panicked")
    }

    /// The AWS clients are created only if a probe names a secret: many users have no account.
    async fn secrets_of(&self, probe: &Probe) -> Result<Fetched, SecretError> {
        let references = secret_references(&probe.target);
        if references.is_empty() {
            return Ok(Fetched::default());
        }
        let create = async || {
            let aws = aws_config::load_from_env().await;
            let parameters = secrets::ParameterStore::new(&aws);
            Secrets::new(aws_sdk_secretsmanager::Client::new(&aws), parameters)
        };
        let secrets = self.secrets.get_or_init(create).await;
        secrets.get_all(&references, std::time::Instant::now()).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn probe(more: &str) -> ProbeSpec {
        let text = format!("probe: bot\nevery: 1m\nconversation: [ {{ say: hi }} ]\n{more}");
        probe_file::parse(&text, "bot.yaml").unwrap()
    }

    #[test]
    fn environment_is_required_only_if_values_differ() {
        let named = |given: Option<&str>, probes: &[ProbeSpec]| {
            let given = given.map(|name| name.parse().unwrap());
            environment(given.as_ref(), probes).map(String::from).map_err(|error| error.to_string())
        };
        let plain = probe("target: { url: \"http://x\" }");
        let maps = probe("target: { url: { dev: \"http://d\", prod: \"http://p\" } }");
        let only = probe("environments: [dev]\ntarget: { url: { dev: \"http://d\" } }");
        assert_eq!(named(None, std::slice::from_ref(&plain)).as_deref(), Ok("local"));
        assert_eq!(named(Some("prod"), &[plain]).as_deref(), Ok("prod"));
        assert_eq!(named(None, &[only]).as_deref(), Ok("dev"));
        let refused = named(None, &[maps]).unwrap_err();
        assert!(refused.contains("`--environment ENV`"), "{refused}");
    }

    #[test]
    fn target_option_replaces_the_probe_url() {
        let maps = probe("target: { url: { dev: \"http://d\", prod: \"http://p\" } }");
        let local = "local".parse().unwrap();
        let target: TargetUrl = "http://127.0.0.1:7860".parse().unwrap();
        let probe = resolved(maps, &local, Some(&target)).unwrap();
        assert_eq!(probe.target.url.text().as_deref(), Ok("http://127.0.0.1:7860/"));
    }
}
