//! Settings, validated before the first event.

use domain::EnvironmentName;
use lambda_kit::{SettingError, Settings};

/// Settings of the function.
#[derive(Clone, Debug)]
pub struct Config {
    pub environment: EnvironmentName,
    /// The label `location` of all samples.
    pub location: String,
    pub queue_url: String,
}

impl Config {
    pub fn from_env(env: impl Fn(&str) -> Option<String>) -> Result<Self, SettingError> {
        let settings = Settings::new(&env);
        let region = settings.required("AWS_REGION", "a region such as `eu-west-3`")?;
        Ok(Self {
            environment: settings
                .required_as("VIGIE_ENVIRONMENT", "a name such as `dev` or `prod`")?,
            location: settings.optional("VIGIE_LOCATION").unwrap_or(region),
            queue_url: settings.required("SAMPLES_QUEUE_URL", "the URL of the samples queue")?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: [(&str, &str); 3] = [
        ("AWS_REGION", "eu-west-3"),
        ("VIGIE_ENVIRONMENT", "prod"),
        ("SAMPLES_QUEUE_URL", "https://sqs/samples.fifo"),
    ];

    fn read(without: &str) -> Result<Config, SettingError> {
        let find = |name: &str| GOOD.into_iter().find(|(good, _)| *good == name && name != without);
        Config::from_env(|name| find(name).map(|(_, value)| value.to_owned()))
    }

    #[test]
    fn missing_setting_is_reported_by_name() {
        assert_eq!(read("").unwrap().location, "eu-west-3");
        let cases = [
            ("VIGIE_ENVIRONMENT", "a name such as `dev` or `prod`"),
            ("SAMPLES_QUEUE_URL", "the URL of the samples queue"),
        ];
        for (name, expected) in cases {
            assert_eq!(
                read(name).unwrap_err().to_string(),
                format!("`{name}` is not set; expected {expected}")
            );
        }
    }
}
