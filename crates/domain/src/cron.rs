//! Cron expressions as the mute rules of CloudWatch accept them.
//!
//! Five fields: minute, hour, day of the month, month, day of the week. A sixth field, the year, may follow, as in
//! EventBridge; it must be `*`, because a mute rule has no year. `?` means `*`.
//!
//! Days of the week are names only: `1` is Sunday in EventBridge and Monday in other cron dialects. `L`, `W` and `#`
//! are refused, because mute rules do not have them. Steps such as `*/15` are written out as lists.

use std::fmt;
use std::str::FromStr;

use jiff::civil::{Date, DateTime, Time, Weekday};
use serde::{Deserialize, Serialize};

/// The times at which something starts, in the wall-clock time of some time zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Cron {
    minutes: Values,
    hours: Values,
    days: Values,
    months: Values,
    weekdays: Values,
}

/// Why a text is not a cron expression.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidCron {
    #[error("the cron expression has {0} fields; expected five or six, such as `0 2 ? * SUN *`")]
    Fields(usize),
    #[error("the {field} is `{value}`; expected {expected}")]
    Field { field: &'static str, value: String, expected: &'static str },
    #[error(
        "both a day of the month and a day of the week; expected `?` or `*` for one of them, such \
         as `0 2 ? * SUN *`"
    )]
    BothDays,
    #[error(
        "the day does not occur in any of the months; expected a day that occurs, such as `0 2 1 * ? *`"
    )]
    NoSuchDay,
}

/// The values of a field, one bit each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Values(u64);

/// A field of a cron expression.
struct Field {
    name: &'static str,
    first: u8,
    last: u8,
    /// Names of the values, from `first` on.
    names: &'static [&'static str],
    /// Whether numbers are accepted.
    numbers: bool,
    expected: &'static str,
}

const MINUTE: Field = Field {
    name: "minute",
    first: 0,
    last: 59,
    names: &[],
    numbers: true,
    expected: "0 to 59, such as `0` or `0,30`",
};
const HOUR: Field = Field {
    name: "hour",
    first: 0,
    last: 23,
    names: &[],
    numbers: true,
    expected: "0 to 23, such as `2` or `2-4`",
};
const DAY: Field = Field {
    name: "day of the month",
    first: 1,
    last: 31,
    names: &[],
    numbers: true,
    expected: "1 to 31, `?` or `*`",
};
const MONTH: Field = Field {
    name: "month",
    first: 1,
    last: 12,
    names: &["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"],
    numbers: true,
    expected: "1 to 12, `JAN` to `DEC`, or `*`",
};
const WEEKDAY: Field = Field {
    name: "day of the week",
    first: 0,
    last: 6,
    names: &["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"],
    numbers: false,
    expected: "names such as `SUN` or `MON-FRI`, `?` or `*`",
};

impl Cron {
    /// The starts on a day, in order.
    pub fn starts_on(&self, date: Date) -> impl Iterator<Item = DateTime> {
        let hours = self.hours.iter(HOUR.first, HOUR.last);
        let minutes = self.minutes;
        let times = hours.flat_map(move |hour| {
            let of_hour = minutes.iter(MINUTE.first, MINUTE.last);
            of_hour.filter_map(move |minute| {
                Time::new(i8::try_from(hour).ok()?, i8::try_from(minute).ok()?, 0, 0).ok()
            })
        });
        times.filter(move |_| self.is_on(date)).map(move |time| date.to_datetime(time))
    }

    fn is_on(&self, date: Date) -> bool {
        self.days.has(date.day().unsigned_abs())
            && self.months.has(date.month().unsigned_abs())
            && self.weekdays.has(sunday_offset(date.weekday()))
    }
}

fn sunday_offset(day: Weekday) -> u8 {
    day.to_sunday_zero_offset().unsigned_abs()
}

impl FromStr for Cron {
    type Err = InvalidCron;

    fn from_str(text: &str) -> Result<Self, InvalidCron> {
        let fields: Vec<&str> = text.split_ascii_whitespace().collect();
        let (minute, hour, day, month, weekday) = match fields[..] {
            [minute, hour, day, month, weekday] | [minute, hour, day, month, weekday, "*"] => {
                (minute, hour, day, month, weekday)
            }
            [_, _, _, _, _, year] => {
                return Err(InvalidCron::Field {
                    field: "year",
                    value: year.to_owned(),
                    expected: "`*`, because a mute rule has no year",
                });
            }
            _ => return Err(InvalidCron::Fields(fields.len())),
        };
        let cron = Self {
            minutes: MINUTE.read(minute)?,
            hours: HOUR.read(hour)?,
            days: DAY.read(any_day(day))?,
            months: MONTH.read(month)?,
            weekdays: WEEKDAY.read(any_day(weekday))?,
        };
        cron.checked()
    }
}

/// `?` stands for no condition, like `*`.
fn any_day(value: &str) -> &str {
    if value == "?" { "*" } else { value }
}

impl Cron {
    fn checked(self) -> Result<Self, InvalidCron> {
        if self.days != DAY.all() && self.weekdays != WEEKDAY.all() {
            return Err(InvalidCron::BothDays);
        }
        let longest = self.months.iter(MONTH.first, MONTH.last).map(longest_month).max();
        let earliest = self.days.iter(DAY.first, DAY.last).next();
        if earliest > longest { Err(InvalidCron::NoSuchDay) } else { Ok(self) }
    }
}

fn longest_month(month: u8) -> u8 {
    match month {
        2 => 29,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

impl Field {
    fn all(&self) -> Values {
        Values((self.first..=self.last).fold(0, |bits, value| bits | 1 << value))
    }

    fn read(&self, text: &str) -> Result<Values, InvalidCron> {
        let wrong = || InvalidCron::Field {
            field: self.name,
            value: text.chars().take(80).collect(),
            expected: self.expected,
        };
        let mut bits = 0;
        for part in text.split(',') {
            bits |= self.part(part).ok_or_else(wrong)?.0;
        }
        Ok(Values(bits))
    }

    /// `*`, `2`, `2-4`, and each with a step: `*/15`, `10-40/10`; `5/20` means `5-59/20`.
    fn part(&self, text: &str) -> Option<Values> {
        let (range, step) = match text.split_once('/') {
            Some((range, step)) => (range, Some(step.parse::<u8>().ok().filter(|step| *step > 0)?)),
            None => (text, None),
        };
        let (first, last) = match range.split_once('-') {
            _ if range == "*" => (self.first, self.last),
            Some((first, last)) => (self.value(first)?, self.value(last)?),
            None => {
                let first = self.value(range)?;
                (first, if step.is_some() { self.last } else { first })
            }
        };
        let values = (first..=last).step_by(usize::from(step.unwrap_or(1)));
        (first <= last).then(|| Values(values.fold(0, |bits, value| bits | 1 << value)))
    }

    fn value(&self, text: &str) -> Option<u8> {
        let named = self.names.iter().position(|name| name.eq_ignore_ascii_case(text));
        if let Some(index) = named {
            return u8::try_from(index).ok().map(|index| self.first + index);
        }
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let number = text.parse().ok().filter(|_| self.numbers && digits)?;
        (self.first..=self.last).contains(&number).then_some(number)
    }

    /// The values as a mute rule takes them: `*`, or values and ranges.
    fn written(&self, values: Values) -> String {
        if values == self.all() {
            return "*".to_owned();
        }
        let mut parts: Vec<(u8, u8)> = Vec::new();
        for value in values.iter(self.first, self.last) {
            match parts.last_mut() {
                Some((_, last)) if *last + 1 == value => *last = value,
                _ => parts.push((value, value)),
            }
        }
        let texts: Vec<String> = parts.into_iter().map(|range| self.range(range)).collect();
        texts.join(",")
    }

    fn range(&self, (first, last): (u8, u8)) -> String {
        let (from, to) = (self.shown(first), self.shown(last));
        if first == last { from } else { format!("{from}-{to}") }
    }

    fn shown(&self, value: u8) -> String {
        let name = self.names.get(usize::from(value - self.first));
        name.map_or_else(|| value.to_string(), |name| (*name).to_owned())
    }
}

impl Values {
    fn has(self, value: u8) -> bool {
        self.0 >> value & 1 == 1
    }

    fn iter(self, first: u8, last: u8) -> impl Iterator<Item = u8> {
        (first..=last).filter(move |value| self.has(*value))
    }
}

/// The five fields of a mute rule: `0 2 * * SUN`.
impl fmt::Display for Cron {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            to,
            "{} {} {} {} {}",
            MINUTE.written(self.minutes),
            HOUR.written(self.hours),
            DAY.written(self.days),
            MONTH.written(self.months),
            WEEKDAY.written(self.weekdays),
        )
    }
}

impl TryFrom<String> for Cron {
    type Error = InvalidCron;

    fn try_from(text: String) -> Result<Self, InvalidCron> {
        text.parse()
    }
}

impl From<Cron> for String {
    fn from(cron: Cron) -> Self {
        cron.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cron_is_written_as_a_mute_rule_takes_it() {
        let cases = [
            ("0 2 ? * SUN *", "0 2 * * SUN"),
            ("0 2 * * sun", "0 2 * * SUN"),
            ("0 22 ? * MON-FRI *", "0 22 * * MON-FRI"),
            ("*/15 0-6,12 1 1-3 ? *", "0,15,30,45 0-6,12 1 JAN-MAR *"),
            ("5/20 * * * *", "5,25,45 * * * *"),
            ("0 1 29 FEB *", "0 1 29 FEB *"),
            ("10-40/10 3 ? * MON,WED,FRI *", "10,20,30,40 3 * * MON,WED,FRI"),
        ];
        for (text, written) in cases {
            let cron: Cron = text.parse().unwrap();
            assert_eq!(cron.to_string(), written, "{text}");
            assert_eq!(written.parse(), Ok(cron), "{text}");
            assert!(cron.to_string().len() <= 250, "{text}");
        }
    }

    #[test]
    fn mistake_in_a_cron_expression_is_named() {
        let cases = [
            ("0 2", "the cron expression has 2 fields; expected five or six"),
            ("60 2 ? * SUN *", "the minute is `60`; expected 0 to 59"),
            ("0 2-1 ? * SUN *", "the hour is `2-1`; expected 0 to 23"),
            ("0 2 ? * 1 *", "the day of the week is `1`; expected names such as `SUN`"),
            ("0 2 ? * SUN#2 *", "the day of the week is `SUN#2`"),
            ("0 2 L * ? *", "the day of the month is `L`"),
            ("0 2 ? 13 SUN *", "the month is `13`"),
            ("0 2 ? * SUN 2026", "the year is `2026`; expected `*`"),
            ("0 2 1 * SUN *", "both a day of the month and a day of the week"),
            ("0 2 30 2 ? *", "the day does not occur in any of the months"),
            ("*/0 2 ? * SUN *", "the minute is `*/0`"),
            ("+5 2 ? * SUN *", "the minute is `+5`"),
        ];
        for (text, expected) in cases {
            let error = text.parse::<Cron>().unwrap_err().to_string();
            assert!(error.starts_with(expected), "{text}: {error}");
        }
    }
}
