//! Settings of the prober.

use domain::metrics::Detail;
use lambda_kit::{SettingError, Settings};
use run_executor::Config;

/// Settings, read once at start.
///
/// # Errors
/// The first setting that is missing or invalid.
pub fn config_from_env(env: impl Fn(&str) -> Option<String>) -> Result<Config, SettingError> {
    let settings = Settings::new(env);
    let region = settings.optional("AWS_REGION").unwrap_or_else(|| "unknown".to_owned());
    let detail: Option<Detail> = settings.parsed("METRICS", "`essential` or `full`")?;
    // Set by Lambda, in MiB.
    let memory: Option<usize> =
        settings.parsed("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "a whole number of MiB")?;
    Ok(Config {
        environment: settings.required_as("VIGIE_ENVIRONMENT", "a name such as `dev` or `prod`")?,
        location: settings.optional("VIGIE_LOCATION").unwrap_or(region),
        runs_queue_url: settings.required("RUNS_QUEUE_URL", "the URL of the queue of runs")?,
        home_region: settings.optional("HOME_REGION"),
        samples_queue_url: settings.optional("SAMPLES_QUEUE_URL"),
        report_bucket: settings.required("REPORT_BUCKET", "the name of the bucket of reports")?,
        table_name: settings.required("TABLE_NAME", "the name of the state table")?,
        detail: detail.unwrap_or_default(),
        memory_bytes: memory.unwrap_or(256) << 20,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMPLETE: &[(&str, &str)] = &[
        ("VIGIE_ENVIRONMENT", "dev"),
        ("RUNS_QUEUE_URL", "http://q"),
        ("REPORT_BUCKET", "b"),
        ("TABLE_NAME", "t"),
        ("AWS_REGION", "eu-west-3"),
    ];

    fn config(more: &[(&str, &str)]) -> Result<Config, SettingError> {
        let env = |name: &str| {
            more.iter()
                .chain(COMPLETE)
                .find(|(known, _)| *known == name)
                .map(|(_, value)| (*value).to_owned())
        };
        config_from_env(env)
    }

    #[test]
    fn optional_setting_has_a_default() {
        let config = config(&[]).unwrap();
        assert_eq!(config.location, "eu-west-3");
        assert_eq!((config.samples_queue_url, config.detail), (None, Detail::Essential));
        assert_eq!(config.home_region, None);
    }

    #[test]
    fn invalid_setting_is_refused_by_name() {
        assert_eq!(
            config(&[("METRICS", "all")]).unwrap_err().to_string(),
            "`METRICS` is `all`; expected `essential` or `full`"
        );
        assert_eq!(
            config(&[("VIGIE_ENVIRONMENT", "Dev!")]).unwrap_err().to_string(),
            "`VIGIE_ENVIRONMENT` is `Dev!`; expected a name such as `dev` or `prod`"
        );
    }
}
