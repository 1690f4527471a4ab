//! The time zone of notifications.

use std::fs;
use std::path::Path;

use anyhow::Context as _;
use domain::TimeZoneName;
use jiff::tz::TimeZone;
use notify::Zone;

/// The zone with this name, else the one of the machine.
pub(crate) fn zone(
    name: Option<&str>,
    variable: impl Fn(&str) -> Option<String>,
) -> anyhow::Result<Zone> {
    match name {
        Some(name) => named(name).with_context(|| {
            format!(
                "`notifications.time_zone` is `{name}`; expected an IANA name, such as `Europe/Paris`"
            )
        }),
        None => Ok(of_machine(variable("TZ"), Path::new("/etc/localtime"))),
    }
}

/// The zone that `TZ` names, or to which the file is a link; UTC if there is none.
fn of_machine(variable: Option<String>, link: &Path) -> Zone {
    let linked = || {
        let path = fs::canonicalize(link).ok()?;
        let (_, name) = path.to_str()?.split_once("/zoneinfo/")?;
        Some(name.to_owned())
    };
    let name = variable.filter(|name| !name.is_empty()).or_else(linked);
    let name = name.as_deref().map(|name| name.trim_start_matches(':'));
    let utc = || Zone { name: "UTC".to_owned(), rules: TimeZone::UTC };
    name.and_then(named).unwrap_or_else(utc)
}

fn named(name: &str) -> Option<Zone> {
    let zone: TimeZoneName = name.parse().ok()?;
    // Notifications show a zone beside UTC only if it is another one.
    let is_utc = matches!(zone.as_str(), "Etc/UTC" | "Etc/UCT" | "Etc/Zulu" | "UCT" | "Zulu");
    let name = if is_utc { TimeZoneName::UTC.as_str() } else { zone.as_str() };
    Some(Zone { name: name.to_owned(), rules: zone.rules().clone() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zone_is_the_setting_then_that_of_the_machine() {
        let found = |setting: Option<&str>, variable: Option<&str>| {
            zone(setting, |_| variable.map(str::to_owned)).unwrap().name
        };
        assert_eq!(found(Some("europe/paris"), Some("Asia/Tokyo")), "Europe/Paris");
        assert_eq!(found(None, Some(":Asia/Tokyo")), "Asia/Tokyo");
        assert_eq!(found(None, Some("Etc/UTC")), "UTC");
        assert!(zone(Some("Mars"), |_| None).is_err());
    }

    #[cfg(unix)]
    #[test]
    fn link_of_the_machine_names_its_zone() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("zoneinfo/America/Lima");
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(&file, "").unwrap();
        let link = folder.path().join("localtime");
        std::os::unix::fs::symlink(&file, &link).unwrap();
        assert_eq!(of_machine(None, &link).name, "America/Lima");
        assert_eq!(of_machine(None, &folder.path().join("missing")).name, "UTC");
    }
}
