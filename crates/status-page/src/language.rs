//! The texts of the pages in each language.

mod english;
mod french;

use domain::Reason;

use crate::locale::Language;
use crate::model::{Range, State, StateCounts};

impl Language {
    pub(crate) fn texts(self) -> &'static Texts {
        match self {
            Self::English => &english::TEXTS,
            Self::French => &french::TEXTS,
        }
    }
}

/// The texts of one language.
pub(crate) struct Texts {
    pub(crate) overview: &'static str,
    pub(crate) incidents: &'static str,
    pub(crate) feed: &'static str,
    pub(crate) skip: &'static str,
    pub(crate) updated: &'static str,
    pub(crate) live: &'static str,
    pub(crate) since: &'static str,
    pub(crate) availability: &'static str,
    pub(crate) objective: &'static str,
    pub(crate) budget_left: &'static str,
    pub(crate) first_chunk: &'static str,
    pub(crate) reply: &'static str,
    pub(crate) queue: &'static str,
    pub(crate) phases: &'static str,
    pub(crate) phase_names: [&'static str; 4],
    pub(crate) median: &'static str,
    pub(crate) last_24_hours: &'static str,
    pub(crate) location: &'static str,
    pub(crate) locations: &'static str,
    pub(crate) today: &'static str,
    pub(crate) days_ago: &'static str,
    pub(crate) thirty_days_ago: &'static str,
    pub(crate) no_runs: &'static str,
    pub(crate) no_incidents: &'static str,
    pub(crate) current_incidents: &'static str,
    pub(crate) past_incidents: &'static str,
    pub(crate) runs: &'static str,
    pub(crate) last_runs: &'static str,
    pub(crate) verdicts: &'static str,
    pub(crate) reasons: &'static str,
    pub(crate) time: &'static str,
    pub(crate) result: &'static str,
    pub(crate) duration: &'static str,
    pub(crate) report: &'static str,
    pub(crate) retries: &'static str,
    pub(crate) maintenance: &'static str,
    pub(crate) data_table: &'static str,
    pub(crate) chart_period: &'static str,
    pub(crate) certificate: &'static str,
    pub(crate) configuration: &'static str,
    pub(crate) address: &'static str,
    pub(crate) every: &'static str,
    pub(crate) timeout: &'static str,
    pub(crate) rule_down: &'static str,
    pub(crate) rule_degraded: &'static str,
    pub(crate) runbook: &'static str,
    pub(crate) app: &'static str,
    pub(crate) conversation: &'static str,
    pub(crate) turn: &'static str,
    pub(crate) began: &'static str,
    pub(crate) ended: &'static str,
    pub(crate) ongoing: &'static str,
    pub(crate) resolved: &'static str,
    pub(crate) lasted: &'static str,
    pub(crate) expected: &'static str,
    pub(crate) found: &'static str,
    pub(crate) acknowledged: &'static str,
    pub(crate) not_acknowledged: &'static str,
    pub(crate) failed_runs: &'static str,
    pub(crate) page: &'static str,
    pub(crate) previous: &'static str,
    pub(crate) next: &'static str,
    pub(crate) no_probes: &'static str,
    pub(crate) run_error: &'static str,
    pub(crate) what_happened: &'static str,
    pub(crate) what_users_see: &'static str,
    pub(crate) runs_around: &'static str,
    pub(crate) state: fn(State) -> &'static str,
    pub(crate) headline: fn(StateCounts) -> String,
    /// Of a probe in a state, ongoing or resolved.
    pub(crate) incident_title: fn(&str, State, bool) -> String,
    pub(crate) impact: fn(State) -> &'static str,
    pub(crate) why: fn(Reason) -> &'static str,
    pub(crate) range: fn(Range) -> &'static str,
    pub(crate) day_runs: fn(u64, u64) -> String,
    pub(crate) days_left: fn(i64) -> String,
}

#[cfg(test)]
mod tests {
    use crate::locale::Language;

    #[test]
    fn runs_of_a_day_are_counted_in_singular_and_plural() {
        let cases = [
            (0, 1, "1 run, none failed", "1 exécution, aucun échec"),
            (1, 1, "1 of 1 run failed", "1 échec sur 1 exécution"),
            (0, 2, "2 runs, none failed", "2 exécutions, aucun échec"),
            (1, 144, "1 of 144 runs failed", "1 échec sur 144 exécutions"),
            (3, 144, "3 of 144 runs failed", "3 échecs sur 144 exécutions"),
        ];
        for (failed, all, english, french) in cases {
            let texts = [Language::English, Language::French]
                .map(|language| (language.texts().day_runs)(failed, all));
            assert_eq!(texts, [english, french]);
        }
    }
}
