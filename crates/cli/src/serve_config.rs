//! The settings file of `vigie serve`.

mod receivers;
mod zone;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ::receivers::Configuration;
use anyhow::{Context as _, bail, ensure};
use domain::EnvironmentName;
use notify::Zone;
use serde::Deserialize;
use status_page::Language;

use crate::files::read_text;
use crate::mail::MailConfig;
use crate::status::Settings;

/// Largest settings file, in bytes.
const LARGEST_FILE: usize = 64 * 1024;
/// How long runs are kept when the file does not say it.
const RETENTION: &str = "90d";

/// The settings file.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct ServeConfig {
    /// The title of the status page.
    title: Option<String>,
    /// `en` or `fr`; the language of the browser if left out.
    language: Option<String>,
    /// The public address of the status page, for the feed and for links in notifications.
    address: Option<String>,
    /// See `--public`.
    pub(crate) public: bool,
    /// See `--data`.
    pub(crate) data: Option<PathBuf>,
    /// How long runs are kept, such as `90d`.
    retention: Option<String>,
    /// Notifications by mail; none if left out.
    pub(crate) mail: Option<MailConfig>,
    notifications: NotificationConfig,
    /// As in `infra/routes.json`.
    routes: Vec<toml::Table>,
    /// As in `infra/routes.json`. `${NAME}` is an environment variable.
    receivers: Vec<toml::Table>,
}

/// The section `[notifications]`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct NotificationConfig {
    /// How often a page that stays open is repeated, such as `4h`; never if left out.
    remind_every: Option<String>,
    /// After how long a page is escalated, such as `30m`.
    escalate_after: Option<String>,
    /// Such as `Europe/Paris`; the time zone of the machine if left out.
    time_zone: Option<String>,
    /// Whether a mail on Mondays lists the availability of each probe.
    weekly_mail: bool,
}

impl ServeConfig {
    /// The settings of `path`; the defaults without a path.
    pub(crate) fn read(path: Option<&Path>) -> anyhow::Result<Self> {
        let Some(path) = path else { return Ok(Self::default()) };
        let text = read_text(path, LARGEST_FILE, "")?;
        Self::parse(&text).with_context(|| format!("`{}` is not valid", path.display()))
    }

    fn parse(text: &str) -> anyhow::Result<Self> {
        let config: Self = toml::from_str(text)?;
        config.retention()?;
        config.remind_every()?;
        config.escalate_after()?;
        config.zone()?;
        ensure!(
            config.mail.is_some() || !config.weekly_mail(),
            "`notifications.weekly_mail` is `true`; expected the section `[mail]` with it"
        );
        if let Some(code) = &config.language
            && code.parse::<Language>().is_err()
        {
            bail!("`language` is `{code}`; expected `en` or `fr`");
        }
        if let Some(address) = &config.address {
            let is_page = address.starts_with("https://") || address.starts_with("http://");
            ensure!(
                is_page,
                "`address` is `{address}`; expected an address such as `https://status.example.com`"
            );
        }
        Ok(config)
    }

    /// How long runs are kept.
    pub(crate) fn retention(&self) -> anyhow::Result<Duration> {
        let text = self.retention.as_deref().unwrap_or(RETENTION);
        match probe_file::parse_duration(text) {
            Some(retention) if Duration::from_secs(86_400) <= retention => Ok(retention),
            _ => bail!(
                "`retention` is `{text}`; expected a duration from `1d` to `366d`, such as `90d`"
            ),
        }
    }

    /// The language of notifications.
    pub(crate) fn notification_language(&self) -> notify::Language {
        self.language.as_ref().and_then(|code| code.parse().ok()).unwrap_or_default()
    }

    /// How often a page that stays open is repeated.
    pub(crate) fn remind_every(&self) -> anyhow::Result<Option<Duration>> {
        duration("remind_every", self.notifications.remind_every.as_ref())
    }

    /// After how long a page is escalated.
    pub(crate) fn escalate_after(&self) -> anyhow::Result<Option<Duration>> {
        duration("escalate_after", self.notifications.escalate_after.as_ref())
    }

    /// The time zone of notifications.
    pub(crate) fn zone(&self) -> anyhow::Result<Zone> {
        zone::zone(self.notifications.time_zone.as_deref(), |name| std::env::var(name).ok())
    }

    /// Whether the weekly mail is sent.
    pub(crate) fn weekly_mail(&self) -> bool {
        self.notifications.weekly_mail
    }

    /// The receivers and routes, with the values of environment variables.
    pub(crate) fn receivers(
        &self,
        environment: &EnvironmentName,
        variable: impl Fn(&str) -> Option<String>,
    ) -> anyhow::Result<Configuration> {
        receivers::configuration(&self.routes, &self.receivers, environment, variable)
    }

    /// The settings of the page.
    pub(crate) fn page(&self) -> Settings {
        let address = self.address.as_ref().map(|text| text.trim_end_matches('/').to_owned());
        Settings {
            title: self.title.clone().unwrap_or_else(|| "Vigie".to_owned()),
            language: self.language.as_ref().and_then(|code| code.parse().ok()),
            address,
        }
    }
}

/// Parses a duration of the section `[notifications]`.
fn duration(name: &str, text: Option<&String>) -> anyhow::Result<Option<Duration>> {
    let Some(text) = text else { return Ok(None) };
    let Some(time) = probe_file::parse_duration(text).filter(|time| !time.is_zero()) else {
        bail!("`notifications.{name}` is `{text}`; expected a duration such as `4h`");
    };
    Ok(Some(time))
}

/// The folder for the history: of systemd, of the XDG specification, or of macOS.
pub(crate) fn state_folder(variable: impl Fn(&str) -> Option<OsString>) -> anyhow::Result<PathBuf> {
    let set = |name: &str| variable(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    if let Some(folder) = set("STATE_DIRECTORY") {
        return Ok(folder);
    }
    if let Some(folder) = set("XDG_STATE_HOME") {
        return Ok(folder.join("vigie"));
    }
    let Some(home) = set("HOME") else {
        bail!(
            "there is no folder for the history, because `HOME` is not set\nhint: pass `--data FOLDER`"
        );
    };
    let inside = if cfg!(target_os = "macos") {
        "Library/Application Support/vigie"
    } else {
        ".local/state/vigie"
    };
    Ok(home.join(inside))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn too_large_file_is_not_cut() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("vigie.toml");
        std::fs::write(&path, "# comment\n".repeat(LARGEST_FILE / 10 + 1)).unwrap();
        let error = ServeConfig::read(Some(&path)).unwrap_err().to_string();
        assert!(error.ends_with("vigie.toml` is larger than 65536 bytes"), "{error}");
    }

    #[test]
    fn invalid_settings_are_named() {
        let cases = [
            ("titel = \"x\"", "unknown field `titel`"),
            ("language = \"de\"", "`language` is `de`; expected `en` or `fr`"),
            ("retention = \"5\"", "`retention` is `5`; expected a duration"),
            ("retention = \"1h\"", "expected a duration from `1d` to `366d`"),
            ("address = \"status.example.com\"", "expected an address such as"),
            ("[notifications]\nremind_every = \"soon\"", "`notifications.remind_every` is `soon`"),
            ("[notifications]\nweekly_mail = true", "expected the section `[mail]` with it"),
            ("[notifications]\ntime_zone = \"Mars\"", "`notifications.time_zone` is `Mars`"),
        ];
        for (text, expected) in cases {
            let error = format!("{:#}", ServeConfig::parse(text).unwrap_err());
            assert!(error.contains(expected), "{error}");
        }
        let config =
            ServeConfig::parse("title = \"Bots\"\naddress = \"https://s.example/\"").unwrap();
        assert_eq!(config.page().title, "Bots");
        assert_eq!(config.page().address.as_deref(), Some("https://s.example"));
        assert_eq!(config.retention().unwrap(), Duration::from_secs(90 * 86_400));
    }

    #[test]
    fn settings_of_init_are_valid_with_and_without_the_examples() {
        let text = crate::commands::init::SETTINGS;
        ServeConfig::parse(text).unwrap();
        let uncommented: Vec<&str> =
            text.lines().skip(1).map(|line| line.trim_start_matches("# ")).collect();
        let config = ServeConfig::parse(&uncommented.join("\n")).unwrap();
        assert!(config.mail.is_some() && config.page().language.is_some() && config.weekly_mail());
        let local = "local".parse().unwrap();
        let key = |name: &str| (name == "PAGERDUTY_KEY").then(|| "0".repeat(32));
        assert_eq!(config.receivers(&local, key).unwrap().receivers.len(), 1);
    }

    #[test]
    fn history_is_in_the_state_folder_of_the_platform() {
        let folder = |set: &[(&str, &str)]| {
            let find = |name: &str| set.iter().find(|(other, _)| *other == name);
            state_folder(|name| find(name).map(|(_, value)| value.into()))
        };
        let home = ("HOME", "/home/ana");
        assert_eq!(
            folder(&[home, ("STATE_DIRECTORY", "/var/lib/vigie")]).unwrap(),
            Path::new("/var/lib/vigie")
        );
        assert_eq!(folder(&[home, ("XDG_STATE_HOME", "/x")]).unwrap(), Path::new("/x/vigie"));
        assert!(folder(&[home]).unwrap().ends_with("vigie"));
        let error = folder(&[("HOME", "")]).unwrap_err().to_string();
        assert!(error.contains("`--data FOLDER`"), "{error}");
    }
}
