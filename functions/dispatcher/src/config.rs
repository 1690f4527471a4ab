//! Settings of the dispatcher.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::str::FromStr;

use domain::location::{LIST_FORM, LocationList};
use domain::{EnvironmentName, LocationName};
use lambda_kit::{SettingError, Settings};
use status_page::{Audience, Language};
use status_site::SiteSettings;

/// Settings, read once at start.
#[derive(Clone, Debug)]
pub struct Config {
    pub environment: EnvironmentName,
    pub runs_queue_url: String,
    /// `None` when the environment has one location.
    pub locations: Option<Locations>,
    /// The key of the signatures is stored here.
    pub report_bucket: String,
    pub probes: ProbesFrom,
    /// Whether probes have alarms. If so, a probe without one is reported.
    pub alarms: bool,
    /// Values of `${UPPER_CASE}` in probe files.
    pub variables: BTreeMap<String, String>,
    /// Whether the runs are added to the run history.
    pub history: bool,
    /// `None` without a status page.
    pub status: Option<StatusPage>,
}

/// The status page.
#[derive(Clone, Debug)]
pub struct StatusPage {
    pub site: SiteSettings,
    /// The table with the run history and the alarm records.
    pub table_name: String,
}

/// The locations of an environment with several ones.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Locations {
    /// All of them, in the order of the parameter.
    pub deployed: Vec<LocationName>,
    /// The location of the prober in the home region.
    pub home: LocationName,
    /// Region of this function.
    pub home_region: String,
}

/// Folder in which Lambda mounts layers.
const LAYERS: &str = "/opt";

/// Where the probe files are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProbesFrom {
    /// In a folder of the function's file system, by default that of its layers.
    Folder(PathBuf),
    /// In S3, so that a probe changes without a deployment.
    Bucket { bucket: String, prefix: String },
}

impl FromStr for ProbesFrom {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        if text.starts_with('/') {
            return Ok(Self::Folder(text.into()));
        }
        let (bucket, prefix) = text
            .strip_prefix("s3://")
            .map(|path| path.split_once('/').unwrap_or((path, "")))
            .ok_or(())?;
        if bucket.is_empty() {
            Err(())
        } else {
            Ok(Self::Bucket { bucket: bucket.to_owned(), prefix: prefix.to_owned() })
        }
    }
}

/// `on` or `off`, as in the template's parameter.
struct Switch(bool);

impl FromStr for Switch {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        match text {
            "on" => Ok(Self(true)),
            "off" => Ok(Self(false)),
            _ => Err(()),
        }
    }
}

/// `off`, `internal` or `public`.
struct Readers(Option<Audience>);

impl FromStr for Readers {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        match text {
            "off" => Ok(Self(None)),
            "internal" => Ok(Self(Some(Audience::Internal))),
            "public" => Ok(Self(Some(Audience::Public))),
            _ => Err(()),
        }
    }
}

/// `NAME=value,NAME2=value`. A comma within a value is written `\,`.
struct Variables(BTreeMap<String, String>);

impl FromStr for Variables {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let mut pairs: Vec<String> = vec![String::new()];
        let mut characters = text.chars().peekable();
        while let Some(character) = characters.next() {
            match character {
                '\\' if characters.peek() == Some(&',') => {
                    pairs.last_mut().ok_or(())?.extend(characters.next());
                }
                ',' => pairs.push(String::new()),
                other => pairs.last_mut().ok_or(())?.push(other),
            }
        }
        let pair = |pair: &String| {
            let (name, value) = pair.split_once('=').ok_or(())?;
            let allowed =
                |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_';
            let name = name.trim();
            let valid = !name.is_empty() && name.bytes().all(allowed);
            if valid { Ok((name.to_owned(), value.to_owned())) } else { Err(()) }
        };
        pairs
            .iter()
            .filter(|pair| !pair.trim().is_empty())
            .map(pair)
            .collect::<Result<_, ()>>()
            .map(Self)
    }
}

impl Config {
    /// # Errors
    /// The first setting that is missing or invalid.
    pub fn from_env(env: impl Fn(&str) -> Option<String>) -> Result<Self, SettingError> {
        let settings = Settings::new(env);
        let variables: Option<Variables> = settings
            .parsed("PROBE_VARIABLES", "`NAME=value,OTHER=value` with names in upper case")?;
        Ok(Self {
            environment: settings
                .required_as("VIGIE_ENVIRONMENT", "a name such as `dev` or `prod`")?,
            runs_queue_url: settings.required("RUNS_QUEUE_URL", "the URL of the queue of runs")?,
            locations: locations(&settings)?,
            report_bucket: settings
                .required("REPORT_BUCKET", "the name of the bucket of reports")?,
            probes: settings
                .parsed("PROBES", "a folder such as `/opt`, or `s3://BUCKET/PREFIX`")?
                .unwrap_or_else(|| ProbesFrom::Folder(LAYERS.into())),
            alarms: settings.parsed("PROBE_ALARMS", "`on` or `off`")?.is_none_or(|Switch(on)| on),
            variables: variables.map(|variables| variables.0).unwrap_or_default(),
            history: settings.parsed("RUN_HISTORY", "`on` or `off`")?.is_some_and(|Switch(on)| on),
            status: status_page(&settings)?,
        })
    }
}

fn locations<E: Fn(&str) -> Option<String>>(
    settings: &Settings<E>,
) -> Result<Option<Locations>, SettingError> {
    let list: Option<LocationList> = settings.parsed("LOCATIONS", LIST_FORM)?;
    let Some(LocationList(deployed)) = list else { return Ok(None) };
    let expected = "one of the names in `LOCATIONS`";
    let home: LocationName = settings.required_as("VIGIE_LOCATION", expected)?;
    if !deployed.contains(&home) {
        let value = home.to_string();
        let name = "VIGIE_LOCATION".to_owned();
        return Err(SettingError::Invalid { name, value, expected });
    }
    let home_region = settings.required("AWS_REGION", "the region of the function")?;
    Ok(Some(Locations { deployed, home, home_region }))
}

fn status_page<E: Fn(&str) -> Option<String>>(
    settings: &Settings<E>,
) -> Result<Option<StatusPage>, SettingError> {
    let readers: Option<Readers> =
        settings.parsed("STATUS_PAGE", "`off`, `internal` or `public`")?;
    let Some(Readers(Some(audience))) = readers else { return Ok(None) };
    let language: Option<Language> = settings.parsed("LANGUAGE", "`en` or `fr`")?;
    let site = SiteSettings {
        environment: settings.required_as("VIGIE_ENVIRONMENT", "a name such as `dev` or `prod`")?,
        language: language.unwrap_or_default(),
        audience,
        address: settings.optional("STATUS_ADDRESS").unwrap_or_default(),
        bucket: settings.required("STATUS_BUCKET", "the name of the bucket of the status page")?,
        report_bucket: settings.required("REPORT_BUCKET", "the name of the bucket of reports")?,
    };
    let table_name = settings.required("TABLE_NAME", "the name of the state table")?;
    Ok(Some(StatusPage { site, table_name }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(settings: &[(&str, &str)]) -> Result<Config, SettingError> {
        let env = |name: &str| {
            settings.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        };
        Config::from_env(env)
    }

    const COMPLETE: [(&str, &str); 3] =
        [("VIGIE_ENVIRONMENT", "dev"), ("RUNS_QUEUE_URL", "http://q"), ("REPORT_BUCKET", "b")];

    #[test]
    fn variable_may_hold_commas_and_equals_signs() {
        let set = ("PROBE_VARIABLES", r"BOT_URL=http://b/?a=1\,2, OTHER=x");
        let variables = config(&[&COMPLETE[..], &[set]].concat()).unwrap().variables;
        assert_eq!(variables["BOT_URL"], "http://b/?a=1,2");
        assert_eq!(variables["OTHER"], "x");
    }

    #[test]
    fn invalid_setting_is_refused_by_name() {
        let refused = |name, value| {
            config(&[&COMPLETE[..], &[(name, value)]].concat()).unwrap_err().to_string()
        };
        assert_eq!(
            refused("PROBE_VARIABLES", "lower=x"),
            "`PROBE_VARIABLES` is `lower=x`; expected `NAME=value,OTHER=value` with names in upper case"
        );
        assert_eq!(
            refused("PROBES", "file:x"),
            "`PROBES` is `file:x`; expected a folder such as `/opt`, or `s3://BUCKET/PREFIX`"
        );
        assert_eq!(
            refused("PROBE_ALARMS", "yes"),
            "`PROBE_ALARMS` is `yes`; expected `on` or `off`"
        );
        assert_eq!(
            refused("STATUS_PAGE", "on"),
            "`STATUS_PAGE` is `on`; expected `off`, `internal` or `public`"
        );
        assert_eq!(
            refused("STATUS_PAGE", "public"),
            "`STATUS_BUCKET` is not set; expected the name of the bucket of the status page"
        );
        for list in ["eu-west-3,eu-west-3", "Paris", "a,b,c,d,e,f", "a,"] {
            assert_eq!(
                refused("LOCATIONS", list),
                format!(
                    "`LOCATIONS` is `{list}`; expected one to five different names, such as \
                     `eu-west-3,us-east-1,office`"
                )
            );
        }
        assert_eq!(
            config(&[COMPLETE[0], COMPLETE[1], ("LOCATIONS", "a,b"), ("VIGIE_LOCATION", "c")])
                .unwrap_err()
                .to_string(),
            "`VIGIE_LOCATION` is `c`; expected one of the names in `LOCATIONS`"
        );
        assert_eq!(
            config(&[]).unwrap_err().to_string(),
            "`VIGIE_ENVIRONMENT` is not set; expected a name such as `dev` or `prod`"
        );
    }
}
