//! When the weekly mail is due, and what it counts. The function `alerts` and `vigie serve` send it.

use std::time::Duration;

use domain::{AvailabilityObjective, ProbeName};
use jiff::Timestamp;
use jiff::civil::Weekday;

use crate::locale::Zone;
use crate::notification::{ProbeWeek, Runs};

/// The shortest time between two mails.
pub const PERIOD: Duration = Duration::from_secs(6 * 86_400);
/// The mail counts the last days of UTC before today.
pub const WEEK_DAYS: i64 = 7;
/// The days of the error budget.
pub const BUDGET_DAYS: i64 = AvailabilityObjective::DAYS as i64;

/// The mail is sent on Mondays from this hour on.
const HOUR: i8 = 8;

/// Whether the mail is due, if it was not sent within the last [`PERIOD`].
#[must_use]
pub fn is_due(now: Timestamp, zone: &Zone) -> bool {
    let there = now.to_zoned(zone.rules.clone());
    there.weekday() == Weekday::Monday && HOUR <= there.hour()
}

/// Runs of a probe.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Counted {
    pub week: Sums,
    pub budget: Sums,
}

/// Runs with a verdict. CloudWatch counts in floating point.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Sums {
    pub passed: f64,
    pub total: f64,
}

impl Counted {
    /// From the runs of days: the day of UTC since 1970, those that passed, and those with a verdict.
    #[must_use]
    pub fn of_days(days: impl IntoIterator<Item = (i64, u64, u64)>, today: i64) -> Self {
        let mut counted = Self::default();
        for (day, passed, total) in days {
            if (today - BUDGET_DAYS..today).contains(&day) {
                counted.budget.add(passed, total);
            }
            if (today - WEEK_DAYS..today).contains(&day) {
                counted.week.add(passed, total);
            }
        }
        counted
    }

    /// The line of the probe; `None` without runs in the week.
    #[must_use]
    pub fn week_of(
        &self,
        probe: ProbeName,
        objective: Option<AvailabilityObjective>,
    ) -> Option<ProbeWeek> {
        let Sums { passed, total } = self.budget;
        Some(ProbeWeek {
            runs: Runs::of(self.week.passed, self.week.total)?,
            budget_left: objective
                .and_then(|objective| objective.budget_left(total - passed, total)),
            probe,
        })
    }
}

impl Sums {
    #[expect(clippy::cast_precision_loss, reason = "counts of runs are far below 2^53")]
    fn add(&mut self, passed: u64, total: u64) {
        self.passed += passed as f64;
        self.total += total as f64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mail_is_due_on_mondays_from_eight_o_clock_in_the_zone() {
        let rules = jiff::tz::TimeZone::fixed(jiff::tz::offset(9));
        let zone = Zone { name: "Asia/Tokyo".to_owned(), rules };
        let cases = [
            ("2026-11-22T22:59:59Z", false),
            ("2026-11-22T23:00:00Z", true),
            ("2026-11-23T14:59:59Z", true),
            ("2026-11-23T15:00:00Z", false),
        ];
        for (at, expected) in cases {
            assert_eq!(is_due(at.parse().unwrap(), &zone), expected, "{at}");
        }
    }

    #[test]
    fn today_and_days_before_the_budget_do_not_count() {
        let days =
            [(69, 1, 1), (70, 90, 100), (92, 10, 10), (93, 49, 50), (99, 50, 50), (100, 0, 9)];
        let counted = Counted::of_days(days, 100);
        assert_eq!((counted.week.passed, counted.week.total), (99.0, 100.0));
        assert_eq!((counted.budget.passed, counted.budget.total), (199.0, 210.0));
        let objective = AvailabilityObjective::from_percent(90.0);
        let week = counted.week_of("bot".parse().unwrap(), objective).unwrap();
        assert_eq!(week.runs, Runs { passed: 99, total: 100 });
        let left = week.budget_left.unwrap();
        assert!((left - (1.0 - 11.0 / 21.0)).abs() < 1e-9, "{left}");
        assert_eq!(Counted::of_days(days, 200).week_of("bot".parse().unwrap(), None), None);
    }
}
