//! Weeks of a bot: bursts of network errors, deployments, slow periods and outages.

pub(super) const WEEK: i64 = 7 * 86_400;

/// A stretch of time in seconds of its week.
#[derive(Clone, Copy)]
pub(super) struct Span {
    pub(super) from: i64,
    pub(super) until: i64,
}

impl Span {
    fn holds(&self, at: i64) -> bool {
        self.from <= at && at < self.until
    }
}

pub(super) struct Run {
    pub(super) due: i64,
    /// When CloudWatch shows its measurements.
    pub(super) visible_from: i64,
    pub(super) down: bool,
    pub(super) degraded: bool,
}

/// One week of a bot.
pub(super) struct Week {
    pub(super) runs: Vec<Run>,
    pub(super) outages: Vec<Span>,
    pub(super) slow: Vec<Span>,
}

impl Week {
    /// `failing`: the share of single attempts that fail by chance. `wait`: the pause before a retry.
    pub(super) fn new(number: i64, failing: f64, wait: i64) -> Self {
        let mut dice = Dice(u64::try_from(number).unwrap_or(0) ^ failing.to_bits());
        // Network errors: four times a day, 5 to 45 s in which 7 of 10 attempts fail.
        let bursts = dice.spans(28, 5.0, 45.0);
        // A deploy on each working day: the bot is unavailable for 20 to 90 s. No mail is needed.
        let deploys = dice.spans(5, 20.0, 90.0);
        // Slow periods of 10 to 60 min: 6 of 10 runs miss an objective, 2 of 100 attempts time out.
        let slow = dice.spans(3, 600.0, 3_600.0);
        // Two real outages a week, 1 min to 1 h.
        let outages = dice.spans(2, 60.0, 3_600.0);
        let busy = busy_minutes([&bursts, &deploys, &slow, &outages]);
        let mut week = Self { runs: Vec::new(), outages, slow };
        for minute in 0..WEEK / 60 {
            // The second of the minute follows from the probe's name, so each week has another one.
            let due = minute * 60 + number * 17 % 60;
            let is_busy = usize::try_from(minute).is_ok_and(|minute| busy[minute]);
            let mut attempt = |at: i64| {
                let within = |spans: &[Span]| is_busy && spans.iter().any(|span| span.holds(at));
                let chance = if within(&week.outages) || within(&deploys) {
                    1.0
                } else if within(&bursts) {
                    0.7
                } else if within(&week.slow) {
                    failing + 0.02
                } else {
                    failing
                };
                dice.share() < chance
            };
            let first_failed = attempt(due);
            let down = first_failed && attempt(due + wait + 1);
            let late =
                is_busy && week.slow.iter().any(|span| span.holds(due)) && dice.share() < 0.6;
            let duration = if down { wait + 8 } else { 5 };
            let degraded = !down && (first_failed || late);
            week.runs.push(Run { due, visible_from: due + duration + 8, down, degraded });
        }
        week
    }
}

/// The minutes whose runs may meet one of the spans, so that the others need no search.
fn busy_minutes(spans: [&[Span]; 4]) -> Vec<bool> {
    let minutes = usize::try_from(WEEK / 60).expect("a week");
    let mut busy = vec![false; minutes];
    for span in spans.into_iter().flatten() {
        // A run is due within its minute, and its retry follows within the next one.
        let (first, last) = ((span.from - 120).max(0) / 60, span.until / 60);
        for minute in first..=last {
            if let Some(busy) = usize::try_from(minute).ok().and_then(|minute| busy.get_mut(minute))
            {
                *busy = true;
            }
        }
    }
    busy
}

/// `SplitMix64`: chance that is the same on every machine.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// From 0, included, to 1, excluded.
    fn share(&mut self) -> f64 {
        f64::from(u32::try_from(self.next() >> 32).unwrap_or(0)) / 4_294_967_296.0
    }

    /// `count` stretches of the week; short ones are more frequent than long ones.
    #[expect(clippy::cast_possible_truncation, reason = "seconds of a week")]
    fn spans(&mut self, count: usize, shortest: f64, longest: f64) -> Vec<Span> {
        let span = |_| {
            let length = shortest * (longest / shortest).powf(self.share());
            let from = (self.share() * 604_800.0) as i64;
            Span { from, until: from + length as i64 }
        };
        (0..count).map(span).collect()
    }
}
