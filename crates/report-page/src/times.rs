//! Durations as a person reads them.

use std::fmt;
use std::time::Duration;

use maud::Render;

/// `8 ms`, `0.35 s`, `4.2 s`, `2 min 5 s`.
pub(crate) struct Seconds(pub(crate) Duration);

impl fmt::Display for Seconds {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs_f64();
        if seconds < 0.000_95 {
            write!(to, "{:.1} ms", seconds * 1e3)
        } else if seconds < 0.099_5 {
            write!(to, "{:.0} ms", seconds * 1e3)
        } else if seconds < 9.995 {
            write!(to, "{seconds:.2} s")
        } else if seconds < 119.95 {
            write!(to, "{seconds:.1} s")
        } else {
            let whole = self.0.as_secs();
            write!(to, "{} min {} s", whole / 60, whole % 60)
        }
    }
}

impl Render for Seconds {
    fn render_to(&self, page: &mut String) {
        page.push_str(&self.to_string());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn duration_is_rounded_by_its_size() {
        let shown = |micros| Seconds(Duration::from_micros(micros)).to_string();
        assert_eq!(shown(400), "0.4 ms");
        assert_eq!(shown(8_000), "8 ms");
        assert_eq!(shown(350_000), "0.35 s");
        assert_eq!(shown(4_200_000), "4.20 s");
        assert_eq!(shown(42_000_000), "42.0 s");
        assert_eq!(shown(125_000_000), "2 min 5 s");
    }
}
