//! Visits from here: probes resolved for an environment, secrets read when a probe names any.

use std::collections::HashMap;

use anyhow::{Context, bail};
use conversation::{Budget, FilledTarget, Seen, Stalls, Visit};
use domain::probe::PerEnvironment;
use domain::report::{Report, RunId};
use domain::template::Part;
use domain::{EnvironmentName, OwnFault, Probe, ProbeSpec, Template, USER_AGENT};
use jiff::Timestamp;
use secrecy::SecretString;
use secrets::{Reference, Secrets};
use tokio::sync::OnceCell;

/// The environment of probes that name none.
const NO_ENVIRONMENT: &str = "local";

/// The environment to play probes in: the one given, else the only one that they name.
///
/// # Errors
/// When a value differs by environment and none was given.
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
            "probe `{}` has values that differ by environment; say which with `--environment ENV`",
            probe.name
        );
    }
    NO_ENVIRONMENT.parse().context("the name of the default environment")
}

/// The probe as it is played here, at another address when one is given.
pub(crate) fn resolved(
    mut probe: ProbeSpec,
    environment: &EnvironmentName,
    target: Option<&str>,
) -> anyhow::Result<Probe> {
    if let Some(url) = target {
        probe.target.url = PerEnvironment::Same(Template::literal(url));
    }
    let variable = |name: &str| std::env::var(name).ok();
    let probe = probe.resolve(environment, &variable)?;
    Ok(probe)
}

/// An address that was typed in: a scheme and a host.
pub(crate) fn target_url(text: &str) -> Result<String, String> {
    let scheme = text.starts_with("http://") || text.starts_with("https://");
    match domain::probe::instance(text) {
        Some(_) if scheme && !text.contains(char::is_whitespace) => Ok(text.to_owned()),
        _ => Err("expected an address such as `https://chat.example.com`".to_owned()),
    }
}

/// Makes visits from this machine.
pub(crate) struct Visitor {
    pub(crate) environment: EnvironmentName,
    /// Where it stands: `VIGIE_LOCATION`, or `local`.
    pub(crate) location: String,
    secrets: OnceCell<Secrets>,
    stalls: Stalls,
}

impl Visitor {
    pub(crate) fn new(environment: EnvironmentName) -> Self {
        let location = std::env::var("VIGIE_LOCATION").ok().filter(|name| !name.is_empty());
        let location = location.unwrap_or_else(|| "local".to_owned());
        Self { environment, location, secrets: OnceCell::new(), stalls: Stalls::default() }
    }

    fn visit<'p>(&self, probe: &'p Probe, due: Timestamp) -> Visit<'p> {
        Visit {
            run: RunId::of(&self.environment, &probe.name, due),
            probe,
            environment: self.environment.clone(),
            location: self.location.clone(),
            due,
            user_agent: USER_AGENT.to_owned(),
            vigie: env!("CARGO_PKG_VERSION").to_owned(),
            stalls: self.stalls.clone(),
        }
    }

    /// Makes one visit; what went wrong is in its report.
    pub(crate) async fn play(
        &self,
        probe: &Probe,
        due: Timestamp,
        seen: &mut (dyn FnMut(Seen<'_>) + Send),
    ) -> Report {
        let visit = self.visit(probe, due);
        match self.fill(probe).await {
            Ok(target) => visit.play(&target, Budget::Probe, seen).await,
            Err(error) => visit.refused(OwnFault::Secret, format!("{error:#}")),
        }
    }

    /// The report of a visit that was lost by a defect of ours.
    pub(crate) fn lost(&self, probe: &Probe, due: Timestamp) -> Report {
        self.visit(probe, due).refused(OwnFault::Internal, "the conversation panicked")
    }

    async fn fill(&self, probe: &Probe) -> anyhow::Result<FilledTarget> {
        let mut found: HashMap<Part, SecretString> = HashMap::new();
        for place in conversation::target::places(&probe.target) {
            let reference = match &place {
                Part::Secret { id, key } => Reference::Secret { id: id.clone(), key: key.clone() },
                Part::Parameter(path) => Reference::Parameter(path.clone()),
                Part::Literal(_) | Part::Variable(_) | Part::Word(_) => continue,
            };
            let secrets = self.secrets.get_or_init(secrets_of_reader).await;
            found.insert(place, secrets.get(&reference, std::time::Instant::now()).await?);
        }
        Ok(FilledTarget::new(&probe.target, &|part| found.get(part).cloned())?)
    }
}

/// AWS is asked only when a probe names a secret: most people who try a probe have no account at hand.
async fn secrets_of_reader() -> Secrets {
    let aws = aws_config::load_from_env().await;
    Secrets::new(aws_sdk_secretsmanager::Client::new(&aws), aws_sdk_ssm::Client::new(&aws))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn probe(more: &str) -> ProbeSpec {
        let text = format!("probe: bot\nevery: 1m\nconversation: [ {{ say: hi }} ]\n{more}");
        probe_file::parse(&text, "bot.yaml").unwrap()
    }

    #[test]
    fn an_environment_is_asked_for_only_when_it_matters() {
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
    fn another_target_stands_in_for_the_probes_own() {
        let maps = probe("target: { url: { dev: \"http://d\", prod: \"http://p\" } }");
        let local = "local".parse().unwrap();
        let probe = resolved(maps, &local, Some("http://127.0.0.1:7860")).unwrap();
        assert_eq!(probe.target.url.text().as_deref(), Ok("http://127.0.0.1:7860"));
        assert!(target_url("chat.example.com").is_err() && target_url("ftp://x").is_err());
    }
}
