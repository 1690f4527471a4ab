//! The stacks of the locations other than the home one.
//!
//! The home stack keeps the list in its parameter `Locations`, so that a location that was removed from samconfig.toml is
//! removed by the next deployment.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::{fs, io};

use aws_call::CallError;
use aws_config::{Region, SdkConfig};
use domain::location::{LIST_FORM, LocationList, stack_name};
use domain::{EnvironmentName, LocationName};

use crate::account::Account;
use crate::parameters::Parameters;

/// Why the locations are not known.
#[derive(Debug, thiserror::Error)]
pub enum LocationsError {
    #[error("could not read `{}`", path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error("`{}` is not valid TOML", path.display())]
    Toml { path: PathBuf, source: Box<toml::de::Error> },
    #[error("`Locations` of environment `{environment}` is `{value}`; expected {LIST_FORM}")]
    List { environment: EnvironmentName, value: String },
    #[error(
        "`Locations` is `{value}`; expected a list with `{home}`, the location of the stack\n\
         hint: the parameter `Location` names it; without it, it is the region"
    )]
    NoHome { value: String, home: String },
    #[error(
        "`Locations` is `{given}` on the command line and `{file}` in samconfig.toml; expected the same list\n\
         hint: the alarms are rendered from samconfig.toml"
    )]
    Differs { given: String, file: String },
    #[error("could not read stack `{stack}`")]
    Stack { stack: String, source: CallError },
}

/// The locations of every environment in samconfig.toml; none if the file does not exist.
///
/// # Errors
/// When the file or a list in it is not valid.
pub fn of_samconfig(
    root: &Path,
) -> Result<BTreeMap<EnvironmentName, Vec<LocationName>>, LocationsError> {
    let path = root.join("samconfig.toml");
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(BTreeMap::new()),
        Err(source) => return Err(LocationsError::Read { path, source }),
    };
    let config: toml::Table =
        text.parse().map_err(|source| LocationsError::Toml { path, source: Box::new(source) })?;
    let lists = config.iter().filter_map(|(name, section)| {
        let overrides = section.get("deploy")?.get("parameters")?.get("parameter_overrides")?;
        let list = overrides.get(PARAMETER)?.as_str().filter(|list| !list.is_empty())?;
        Some((name.parse().ok()?, list))
    });
    lists.map(|(environment, list)| parsed(environment, list)).collect()
}

const PARAMETER: &str = "Locations";

fn parsed(
    environment: EnvironmentName,
    list: &str,
) -> Result<(EnvironmentName, Vec<LocationName>), LocationsError> {
    match list.parse() {
        Ok(LocationList(names)) => Ok((environment, names)),
        Err(()) => Err(LocationsError::List { environment, value: list.to_owned() }),
    }
}

/// One stack beside the home stack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocationStack {
    pub location: LocationName,
    pub stack: String,
    pub region: String,
}

impl LocationStack {
    fn of(environment: &EnvironmentName, home_region: &str, location: &LocationName) -> Self {
        let region = if location.is_region() { location.as_str() } else { home_region };
        Self {
            location: location.clone(),
            stack: stack_name(environment, home_region, location),
            region: region.to_owned(),
        }
    }

    /// The configuration for the region of the stack.
    #[must_use]
    pub fn aws(&self, home: &SdkConfig) -> SdkConfig {
        home.to_builder().region(Region::new(self.region.clone())).build()
    }

    /// The parameters of the stack: those that the home stack has too, and where the home is.
    #[must_use]
    pub fn parameters(&self, home: &Home<'_>) -> Parameters {
        let of_home = [
            ("HomeRegion", home.region),
            ("ReportBucket", output(home, "ReportBucket")),
            ("HomeKeyArn", output(home, "KeyArn")),
            ("SamplesQueueUrl", output(home, "SamplesQueueUrl")),
            ("Location", self.location.as_str()),
            ("Kind", if self.location.is_region() { "region" } else { "agent" }),
        ];
        let mut all = home.parameters.clone();
        all.extend(of_home.map(|(name, value)| (name.to_owned(), value.to_owned())));
        all
    }
}

fn output<'a>(home: &Home<'a>, name: &str) -> &'a str {
    home.outputs.get(name).map_or("", String::as_str)
}

/// The deployed home stack.
#[derive(Clone, Copy, Debug)]
pub struct Home<'a> {
    pub region: &'a str,
    pub parameters: &'a Parameters,
    pub outputs: &'a BTreeMap<String, String>,
}

/// The stacks to deploy.
///
/// # Errors
/// When the list is not valid, has no home location, or differs from that of samconfig.toml.
pub fn stacks(
    environment: &EnvironmentName,
    home_region: &str,
    given: &Parameters,
    file: &Parameters,
) -> Result<Vec<LocationStack>, LocationsError> {
    let listed = |values: &Parameters| values.get(PARAMETER).cloned().unwrap_or_default();
    let value = listed(file);
    if given.contains_key(PARAMETER) && listed(given) != value {
        return Err(LocationsError::Differs { given: listed(given), file: value });
    }
    if value.is_empty() {
        return Ok(Vec::new());
    }
    let (_, names) = parsed(environment.clone(), &value)?;
    let of = |name: &str| given.get(name).or(file.get(name)).filter(|value| !value.is_empty());
    let home = of("Location").map_or(home_region, String::as_str);
    if !names.iter().any(|name| name.as_str() == home) {
        return Err(LocationsError::NoHome { value, home: home.to_owned() });
    }
    let others = names.iter().filter(|name| name.as_str() != home);
    Ok(others.map(|name| LocationStack::of(environment, home_region, name)).collect())
}

/// The locations of a deployed environment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeployedLocations {
    /// The location of the home stack; `None` unless the environment has several locations.
    pub home: Option<LocationName>,
    pub others: Vec<LocationStack>,
}

/// The locations of a deployed home stack; none if it does not exist.
///
/// # Errors
/// When the stack cannot be read.
pub async fn deployed(
    account: &Account,
    environment: &EnvironmentName,
) -> Result<DeployedLocations, LocationsError> {
    let stack = format!("vigie-{environment}");
    let values = account.stack_parameters(&stack).await;
    let values = values.map_err(|source| LocationsError::Stack { stack, source })?;
    Ok(of_parameters(&values, &account.region, environment))
}

fn of_parameters(
    values: &BTreeMap<String, String>,
    region: &str,
    environment: &EnvironmentName,
) -> DeployedLocations {
    let Some(Ok(LocationList(names))) = values.get(PARAMETER).map(|list| list.parse()) else {
        return DeployedLocations::default();
    };
    let home = values.get("Location").filter(|name| !name.is_empty());
    let home = home.map_or(region, String::as_str);
    let (home, others): (Vec<_>, Vec<_>) =
        names.into_iter().partition(|name| name.as_str() == home);
    let others = others.iter().map(|name| LocationStack::of(environment, region, name));
    DeployedLocations { home: home.into_iter().next(), others: others.collect() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parameters::of_pairs;

    fn prod() -> EnvironmentName {
        "prod".parse().unwrap()
    }

    #[test]
    fn locations_are_read_from_samconfig() {
        let root = tempfile::tempdir().unwrap();
        assert!(of_samconfig(root.path()).unwrap().is_empty());
        let write = |list: &str| {
            let text = format!(
                "version = 0.1\n[dev.deploy.parameters]\nregion = \"eu-west-3\"\n\
                 [prod.deploy.parameters.parameter_overrides]\nLocations = \"{list}\"\n"
            );
            fs::write(root.path().join("samconfig.toml"), text).unwrap();
            of_samconfig(root.path())
        };
        let names = ["eu-west-3", "office"].map(|name| name.parse().unwrap());
        assert_eq!(write("eu-west-3, office").unwrap(), [(prod(), names.to_vec())].into());
        assert!(write("").unwrap().is_empty());
        assert_eq!(
            write("Paris").unwrap_err().to_string(),
            "`Locations` of environment `prod` is `Paris`; expected one to five different names, such as \
             `eu-west-3,us-east-1,office`"
        );
    }

    #[test]
    fn every_location_but_the_home_one_has_a_stack() {
        let file = of_pairs(["Locations=eu-west-3,us-east-1,office"]).unwrap();
        let found = stacks(&prod(), "eu-west-3", &Parameters::new(), &file).unwrap();
        let found: Vec<_> =
            found.iter().map(|one| (one.stack.as_str(), one.region.as_str())).collect();
        let expected =
            [("vigie-prod-of-eu-west-3", "us-east-1"), ("vigie-prod-agent-office", "eu-west-3")];
        assert_eq!(found, expected);
        assert_eq!(
            stacks(&prod(), "eu-west-3", &file, &Parameters::new()).unwrap_err().to_string(),
            "`Locations` is `eu-west-3,us-east-1,office` on the command line and `` in samconfig.toml; expected \
             the same list\nhint: the alarms are rendered from samconfig.toml"
        );
    }

    #[test]
    fn list_without_the_home_location_is_refused() {
        let none = Parameters::new();
        let file = |pairs: &[&str]| of_pairs(pairs.iter().copied()).unwrap();
        assert_eq!(stacks(&prod(), "eu-west-3", &none, &none).unwrap(), []);
        let other = file(&["Locations=us-east-1,office"]);
        let error = stacks(&prod(), "eu-west-3", &none, &other).unwrap_err().to_string();
        assert!(
            error
                .starts_with("`Locations` is `us-east-1,office`; expected a list with `eu-west-3`")
        );
        let named = file(&["Locations=us-east-1,paris", "Location=paris"]);
        assert_eq!(stacks(&prod(), "eu-west-3", &none, &named).unwrap().len(), 1);
    }

    #[test]
    fn deployed_locations_are_those_of_the_stack() {
        let found = |pairs: &[&str]| {
            let values = of_pairs(pairs.iter().copied()).unwrap();
            of_parameters(&values, "eu-west-3", &prod())
        };
        assert_eq!(found(&["Locations="]), DeployedLocations::default());
        let all = found(&["Location=paris", "Locations=us-east-1,paris,office"]);
        let others: Vec<&str> = all.others.iter().map(|one| one.location.as_str()).collect();
        assert_eq!(all.home.as_ref().map(LocationName::as_str), Some("paris"));
        assert_eq!(others, ["us-east-1", "office"]);
    }

    #[test]
    fn location_stack_knows_its_home() {
        let location = LocationStack::of(&prod(), "eu-west-3", &"us-east-1".parse().unwrap());
        let parameters = of_pairs(["Environment=prod", "Location=", "Metrics=full"]).unwrap();
        let outputs = [("ReportBucket".to_owned(), "reports".to_owned())].into();
        let home = Home { region: "eu-west-3", parameters: &parameters, outputs: &outputs };
        let all = location.parameters(&home);
        let agent = LocationStack::of(&prod(), "eu-west-3", &"office".parse().unwrap());
        assert_eq!(agent.parameters(&home)["Kind"], "agent");
        let expected = [
            "Environment=prod",
            "HomeKeyArn=",
            "HomeRegion=eu-west-3",
            "Kind=region",
            "Location=us-east-1",
            "Metrics=full",
            "ReportBucket=reports",
            "SamplesQueueUrl=",
        ];
        assert_eq!(all, of_pairs(expected).unwrap());
    }
}
