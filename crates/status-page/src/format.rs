//! Numbers, durations and times in the language of the page.

use std::time::Duration;

use jiff::Timestamp;
use maud::{Markup, html};

use crate::locale::Language;

/// A percentage with two decimals. It is rounded down, so that 100 % means all.
pub(crate) fn percent(value: f64, language: Language) -> String {
    let text = if value >= 100.0 {
        "100".to_owned()
    } else {
        format!("{:.2}", (value * 100.0).floor() / 100.0)
    };
    match language {
        Language::English => format!("{text}%"),
        Language::French => format!("{}\u{a0}%", text.replace('.', ",")),
    }
}

/// A whole percentage, rounded down.
pub(crate) fn whole_percent(value: f64, language: Language) -> String {
    let space = if language == Language::French { "\u{a0}" } else { "" };
    format!("{:.0}{space}%", value.floor())
}

/// A latency: `850 ms`, `1.24 s`, `12.4 s`.
pub(crate) fn latency(time: Duration, language: Language) -> String {
    let seconds = time.as_secs_f64();
    let text = if seconds < 0.9995 {
        return format!("{:.0}\u{a0}ms", seconds * 1_000.0);
    } else if seconds < 9.995 {
        format!("{seconds:.2}")
    } else {
        format!("{seconds:.1}")
    };
    format!("{}\u{a0}s", decimal(&text, language))
}

fn decimal(text: &str, language: Language) -> String {
    match language {
        Language::English => text.to_owned(),
        Language::French => text.replace('.', ","),
    }
}

/// A latency; a dash for one that is not known.
pub(crate) fn known_latency(time: Option<Duration>, language: Language) -> String {
    time.map_or_else(|| "–".to_owned(), |time| latency(time, language))
}

/// The rule of an alarm, which is `2 of 3` in English.
pub(crate) fn rule(english: &str, language: Language) -> String {
    match language {
        Language::English => english.to_owned(),
        Language::French => english.replace(" of ", " sur "),
    }
}

/// A length of time in its two largest units: `3 min`, `2 h 5 min`, `4 d 3 h`.
pub(crate) fn length(time: Duration, language: Language) -> String {
    let seconds = time.as_secs();
    let (minutes, hours, days) = (seconds / 60, seconds / 3_600, seconds / 86_400);
    let day = if language == Language::French { "j" } else { "d" };
    let two = |large: u64, unit: &str, small: u64, smaller: &str| {
        if small == 0 {
            format!("{large}\u{a0}{unit}")
        } else {
            format!("{large}\u{a0}{unit} {small}\u{a0}{smaller}")
        }
    };
    if days > 0 {
        two(days, day, hours % 24, "h")
    } else if hours > 0 {
        two(hours, "h", minutes % 60, "min")
    } else if minutes > 0 {
        two(minutes, "min", if minutes < 10 { seconds % 60 } else { 0 }, "s")
    } else {
        format!("{seconds}\u{a0}s")
    }
}

/// A time in UTC. The script shows it in the reader's time zone.
pub(crate) fn time(at: Timestamp, language: Language) -> Markup {
    let machine = at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    html! { time datetime=(machine) { (moment(at, language)) } }
}

/// The time of a run, with seconds: several runs of a probe may be in the same minute.
pub(crate) fn second(at: Timestamp, language: Language) -> Markup {
    let machine = at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    let text = format!("{}, {}", date(at, language), at.strftime("%H:%M:%S UTC"));
    html! { time.second datetime=(machine) { (text) } }
}

/// `25 Nov 2026, 14:05 UTC`.
pub(crate) fn moment(at: Timestamp, language: Language) -> String {
    format!("{}, {}", date(at, language), at.strftime("%H:%M UTC"))
}

/// `25 Nov 2026`.
pub(crate) fn date(at: Timestamp, language: Language) -> String {
    const FRENCH: [&str; 12] = [
        "janv.", "févr.", "mars", "avr.", "mai", "juin", "juil.", "août", "sept.", "oct.", "nov.",
        "déc.",
    ];
    match language {
        Language::English => at.strftime("%-d %b %Y").to_string(),
        Language::French => {
            let date = at.to_zoned(jiff::tz::TimeZone::UTC);
            let month = usize::try_from(date.month() - 1).unwrap_or(0);
            format!("{} {} {}", date.day(), FRENCH[month], date.year())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Language::{English, French};

    #[test]
    fn percentage_is_rounded_down() {
        let cases = [
            (100.0, "100%", "100\u{a0}%"),
            (99.999, "99.99%", "99,99\u{a0}%"),
            (0.0, "0.00%", "0,00\u{a0}%"),
        ];
        for (value, english, french) in cases {
            assert_eq!((&*percent(value, English), &*percent(value, French)), (english, french));
        }
    }

    #[test]
    fn durations_have_at_most_three_digits_or_two_units() {
        let ms = Duration::from_millis;
        for (time, expected) in
            [(0, "0 ms"), (850, "850 ms"), (1_000, "1.00 s"), (12_440, "12.4 s")]
        {
            assert_eq!(latency(ms(time), English), expected.replace(' ', "\u{a0}"));
        }
        assert_eq!(latency(ms(1_240), French), "1,24\u{a0}s");
        let lengths = [
            (9, "9 s"),
            (95, "1 min 35 s"),
            (600, "10 min"),
            (7_500, "2 h 5 min"),
            (86_400, "1 d"),
            (97_200, "1 d 3 h"),
        ];
        for (seconds, expected) in lengths {
            let text = length(Duration::from_secs(seconds), English).replace('\u{a0}', " ");
            assert_eq!(text, expected);
        }
    }

    #[test]
    fn dates_are_written_in_the_language() {
        let at: Timestamp = "2026-08-05T14:05:09Z".parse().unwrap();
        assert_eq!(moment(at, English), "5 Aug 2026, 14:05 UTC");
        assert_eq!(moment(at, French), "5 août 2026, 14:05 UTC");
    }
}
