//! Maintenance windows of a probe: recurring times in which its alarms do not notify and its runs do not count
//! against its availability.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp, ToSpan as _};
use serde::{Deserialize, Serialize};

use crate::cron::Cron;
use crate::time_zone::TimeZoneName;
use crate::wire;

/// A recurring window.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Maintenance {
    /// When it starts, in the wall-clock time of `time_zone`.
    pub cron: Cron,
    /// How long it lasts: whole minutes from [`Maintenance::SHORTEST`] to [`Maintenance::LONGEST`].
    #[serde(with = "wire::seconds", rename = "length_seconds")]
    pub length: Duration,
    pub time_zone: TimeZoneName,
}

impl Maintenance {
    /// The shortest and the longest window of a mute rule of CloudWatch.
    pub const SHORTEST: Duration = Duration::from_secs(60);
    pub const LONGEST: Duration = Duration::from_secs(15 * 86_400);

    /// Whether an instant is inside of the window. The start belongs to it, the end does not.
    ///
    /// A start that the change to summer time skips is an hour later; one that occurs twice is the first.
    #[must_use]
    pub fn contains(&self, instant: Timestamp) -> bool {
        let Ok(length) = SignedDuration::try_from(self.length) else { return false };
        let zone = self.time_zone.rules();
        let Ok(earliest) = instant.checked_sub(length) else { return false };
        let last = instant.to_zoned(zone.clone()).date();
        // A day earlier, because a skipped start is moved to a later time.
        let first = earliest.to_zoned(zone.clone()).date();
        let first = first.checked_sub(1.day()).unwrap_or(first);
        let days = std::iter::successors(Some(last), |day| day.yesterday().ok())
            .take_while(|day| *day >= first);
        let starts = days.flat_map(|day| self.cron.starts_on(day));
        starts
            .filter_map(|start| zone.to_timestamp(start).ok())
            .any(|start| earliest < start && start <= instant)
    }

    /// Whether each window begins before the one before it ends, so that there is no time without maintenance.
    ///
    /// Windows repeat within 15 days or end, so every hour of two months shows it.
    #[must_use]
    pub fn never_ends(&self) -> bool {
        // Any Monday; minute 59, because a window that starts every hour may leave out the end of it.
        let start = Timestamp::constant(1_767_571_140, 0);
        let hours = (0..61 * 24).map(|hour| start + SignedDuration::from_hours(hour));
        let mut hours =
            hours.flat_map(|hour| [0, 15, 30, 45].map(|m| hour + SignedDuration::from_mins(m)));
        hours.all(|instant| self.contains(instant))
    }
}

/// Whether an instant is inside of one of the windows.
#[must_use]
pub fn is_maintenance(windows: &[Maintenance], instant: Timestamp) -> bool {
    windows.iter().any(|window| window.contains(instant))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(cron: &str, minutes: u64, time_zone: &str) -> Maintenance {
        Maintenance {
            cron: cron.parse().unwrap(),
            length: Duration::from_secs(60 * minutes),
            time_zone: time_zone.parse().unwrap(),
        }
    }

    #[test]
    fn window_contains_its_start_and_not_its_end() {
        let cases = [
            // Sunday 2 o'clock in Paris is 1:00 UTC in winter and 0:00 UTC in summer.
            ("0 2 ? * SUN *", 60, "Europe/Paris", "2026-11-29T00:59:59Z", false),
            ("0 2 ? * SUN *", 60, "Europe/Paris", "2026-11-29T01:00:00Z", true),
            ("0 2 ? * SUN *", 60, "Europe/Paris", "2026-11-29T01:59:59Z", true),
            ("0 2 ? * SUN *", 60, "Europe/Paris", "2026-11-29T02:00:00Z", false),
            ("0 2 ? * SUN *", 60, "Europe/Paris", "2026-07-05T00:30:00Z", true),
            ("0 2 ? * SUN *", 60, "Europe/Paris", "2026-11-30T01:30:00Z", false),
            // 2:30 does not exist on 29 March 2026: it is 3:30 then, 1:30 UTC.
            ("30 2 ? * SUN *", 30, "Europe/Paris", "2026-03-29T01:29:00Z", false),
            ("30 2 ? * SUN *", 30, "Europe/Paris", "2026-03-29T01:45:00Z", true),
            // 2:30 occurs twice on 25 October 2026: the first is 0:30 UTC.
            ("30 2 ? * SUN *", 30, "Europe/Paris", "2026-10-25T00:40:00Z", true),
            ("30 2 ? * SUN *", 30, "Europe/Paris", "2026-10-25T01:40:00Z", false),
            // Over midnight, over a month's end, for days.
            ("30 23 * * *", 60, "UTC", "2026-12-01T00:15:00Z", true),
            ("0 18 ? * FRI *", 3_600, "UTC", "2026-11-30T05:59:00Z", true),
            ("0 18 ? * FRI *", 3_600, "UTC", "2026-11-30T06:00:00Z", false),
            ("0 0 1 * ? *", 21_600, "UTC", "2026-12-15T23:59:59Z", true),
            ("0 0 1 * ? *", 21_600, "UTC", "2026-12-16T00:00:00Z", false),
        ];
        for (cron, minutes, zone, at, inside) in cases {
            let window = window(cron, minutes, zone);
            assert_eq!(window.contains(at.parse().unwrap()), inside, "{cron} {zone} {at}");
        }
    }

    #[test]
    fn window_that_never_ends_is_recognised() {
        let cases = [
            ("0 2 * * *", 60, false),
            ("0 * * * *", 59, false),
            ("0 * * * *", 60, true),
            ("0 0 ? * MON,THU *", 4 * 1_440, true),
            ("0 0 ? * MON,THU *", 3 * 1_440, false),
        ];
        for (cron, minutes, never) in cases {
            assert_eq!(window(cron, minutes, "UTC").never_ends(), never, "{cron} {minutes}");
        }
    }

    #[test]
    fn window_survives_a_run_request() {
        let window = window("0 2 ? * SUN *", 60, "Europe/Paris");
        let text = serde_json::to_string(&window).unwrap();
        assert_eq!(
            text,
            r#"{"cron":"0 2 * * SUN","length_seconds":3600.0,"time_zone":"Europe/Paris"}"#
        );
        assert_eq!(serde_json::from_str::<Maintenance>(&text).unwrap(), window);
    }

    #[test]
    fn any_of_several_windows_counts() {
        let windows = [window("0 2 * * *", 60, "UTC"), window("0 14 * * *", 60, "UTC")];
        let inside =
            |at: &str| is_maintenance(&windows, format!("2026-11-30T{at}:00Z").parse().unwrap());
        assert_eq!(["02:10", "03:10", "14:59", "15:00"].map(inside), [true, false, true, false]);
    }
}
