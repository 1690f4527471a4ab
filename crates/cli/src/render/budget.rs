//! The alarms on the error budget of a probe.
//!
//! `budget-fast` is a composite alarm: the long window keeps a short failure from raising it, the short window lets it
//! end with the outage. While the alarm `down` is active it sends nothing, so that an outage is one page. `budget-slow`
//! has one window, a day.
//!
//! Runs are counted by metric math on `Success`. Few runs are not a rate, so the long windows also need
//! [`LEAST_FAILED`] failed runs; a probe with a long interval has no alarm whose window cannot have as many.

use std::time::Duration;

use domain::{AvailabilityObjective, ExtraAlarm, ProbeSpec};

use super::alarm::{base_id, extra_description, quoted};

/// Burn rates: 14.4 uses up 2 % of the budget of 30 days in an hour, 3 uses up 10 % in a day.
const FAST: f64 = 14.4;
const SLOW: f64 = 3.0;
const HOUR: u64 = 3_600;
const DAY: u64 = 86_400;
/// The short window, in seconds; longer if a probe makes less than two runs in it.
const SHORT: u64 = 300;
/// Failed runs in a long window.
pub(super) const LEAST_FAILED: u32 = 3;

/// An alarm of the stack.
pub(super) struct Rendered {
    pub(super) id: String,
    /// Whether it sends notifications itself.
    pub(super) notifies: bool,
    pub(super) text: String,
}

/// The alarms of the error budget of a probe; none without an objective.
pub(super) fn alarms(probe: &ProbeSpec, condition: &str) -> Vec<Rendered> {
    let Some(objective) = probe.objective else { return Vec::new() };
    let budget = Budget { probe, objective, condition };
    let fast = budget.fits(FAST, HOUR).then(|| budget.fast());
    let slow = budget.fits(SLOW, DAY).then(|| budget.slow());
    fast.into_iter().flatten().chain(slow).collect()
}

struct Budget<'a> {
    probe: &'a ProbeSpec,
    objective: AvailabilityObjective,
    condition: &'a str,
}

/// One alarm on the share of failed runs in a window.
struct Window<'a> {
    /// End of the logical ID.
    part: &'a str,
    /// End of the alarm's name.
    suffix: &'a str,
    description: String,
    seconds: u64,
    least_failed: u32,
    threshold: f64,
    actions: &'a str,
}

const ACTIONS: &str = "      AlarmActions: [!Ref AlarmsTopicArn]
      OKActions: [!Ref AlarmsTopicArn]
";

impl Budget<'_> {
    /// The share of failed runs that burns the budget at `rate`, without rounding errors of binary fractions.
    fn threshold(&self, rate: f64) -> f64 {
        (rate * self.objective.error_budget() * 1e6).round() / 1e6
    }

    /// Whether the alarm could rise: a share of failed runs is at most 1, and the window has to hold enough runs.
    fn fits(&self, rate: f64, seconds: u64) -> bool {
        self.threshold(rate) < 1.0
            && Duration::from_secs(seconds) >= self.probe.every * LEAST_FAILED
    }

    fn id(&self, part: &str) -> String {
        base_id(self.probe.name.as_str()) + part
    }

    fn fast(&self) -> Vec<Rendered> {
        let short = SHORT.max((self.probe.every.as_secs() * 2).next_multiple_of(60));
        let threshold = self.threshold(FAST);
        let part_of = |window: &str| {
            format!(
                "Part of vigie-ENV-{}-budget-fast: share of failed runs, {window}.",
                self.probe.name
            )
        };
        let long = self.window(&Window {
            part: "BudgetLong",
            suffix: "budget-long",
            description: part_of("1 hour"),
            seconds: HOUR,
            least_failed: LEAST_FAILED,
            threshold,
            actions: "",
        });
        let short_window = self.window(&Window {
            part: "BudgetShort",
            suffix: "budget-short",
            description: part_of(&format!("{} min", short / 60)),
            seconds: short,
            least_failed: 1,
            threshold,
            actions: "",
        });
        vec![long, short_window, self.composite(short)]
    }

    fn slow(&self) -> Rendered {
        let sentence = format!(
            "{} burns its error budget slowly: more than {} % of the runs of a day failed. {}",
            self.probe.name,
            percent(self.threshold(SLOW)),
            self.used_up(SLOW),
        );
        self.window(&Window {
            part: "BudgetSlow",
            suffix: ExtraAlarm::BudgetSlow.as_str(),
            description: extra_description(self.probe, ExtraAlarm::BudgetSlow, &sentence),
            seconds: DAY,
            least_failed: LEAST_FAILED,
            threshold: self.threshold(SLOW),
            actions: ACTIONS,
        })
    }

    fn used_up(&self, rate: f64) -> String {
        let days = f64::from(AvailabilityObjective::DAYS) / rate;
        format!(
            "At this rate, the error budget of {} days (objective {} %) is used up in {days:.0} days.",
            AvailabilityObjective::DAYS,
            self.objective,
        )
    }

    fn composite(&self, short: u64) -> Rendered {
        let sentence = format!(
            "{} burns its error budget: more than {} % of the runs failed in an hour, and in the last {} min. {}",
            self.probe.name,
            percent(self.threshold(FAST)),
            short / 60,
            self.used_up(FAST),
        );
        let description = extra_description(self.probe, ExtraAlarm::BudgetFast, &sentence);
        let (id, name, condition) = (self.id("BudgetFast"), &self.probe.name, self.condition);
        let (long, short_id, down) =
            (self.id("BudgetLong"), self.id("BudgetShort"), self.id("Down"));
        // The short window is still bad for its whole length after an outage.
        let extension = short + 120;
        let suffix = ExtraAlarm::BudgetFast.as_str();
        let description = quoted(&description);
        let text = format!(
            "  {id}:
    Type: AWS::CloudWatch::CompositeAlarm
    Condition: {condition}
    Properties:
      AlarmName: !Sub vigie-${{Environment}}-{name}-{suffix}
      AlarmDescription: {description}
      AlarmRule: !Sub 'ALARM(\"${{{long}}}\") AND ALARM(\"${{{short_id}}}\")'
      ActionsSuppressor: !GetAtt {down}.Arn
      ActionsSuppressorWaitPeriod: 120
      ActionsSuppressorExtensionPeriod: {extension}
{ACTIONS}"
        );
        Rendered { id, notifies: true, text }
    }

    fn window(&self, window: &Window<'_>) -> Rendered {
        let (id, name, condition) = (self.id(window.part), &self.probe.name, self.condition);
        let Window { suffix, seconds, threshold, actions, least_failed, .. } = window;
        let description = quoted(&window.description);
        let (passed, runs) =
            if self.probe.maintenance.is_empty() { ("s", "n") } else { ("(s - ms)", "(n - mn)") };
        let failed = format!("{runs} - {passed}");
        let metrics = self.metrics(*seconds);
        let text = format!(
            "  {id}:
    Type: AWS::CloudWatch::Alarm
    Condition: {condition}
    Properties:
      AlarmName: !Sub vigie-${{Environment}}-{name}-{suffix}
      AlarmDescription: {description}
      Metrics:
        - Id: failed
          Label: share of failed runs
          Expression: \"IF({failed} >= {least_failed}, ({failed}) / {runs}, 0)\"
{metrics}      EvaluationPeriods: 1
      DatapointsToAlarm: 1
      ComparisonOperator: GreaterThanThreshold
      Threshold: {threshold}
      TreatMissingData: ignore
{actions}"
        );
        Rendered { id, notifies: !actions.is_empty(), text }
    }

    fn metrics(&self, seconds: u64) -> String {
        let all = [("s", "Success", "Sum"), ("n", "Success", "SampleCount")];
        let excluded =
            [("ms", "MaintenanceSuccess", "Sum"), ("mn", "MaintenanceSuccess", "SampleCount")];
        let windows = if self.probe.maintenance.is_empty() { &[][..] } else { &excluded[..] };
        let name = &self.probe.name;
        let one = |(id, metric, statistic): &(&str, &str, &str)| {
            format!(
                "        - Id: {id}
          ReturnData: false
          MetricStat:
            Metric:
              Namespace: Vigie
              MetricName: {metric}
              Dimensions: [{{ Name: Environment, Value: !Ref Environment }}, {{ Name: Probe, Value: \"{name}\" }}]
            Period: {seconds}
            Stat: {statistic}
"
            )
        };
        all.iter().chain(windows).map(one).collect()
    }
}

fn percent(share: f64) -> f64 {
    (share * 1e6).round() / 1e4
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::tests::probe;
    use alarm_model::{
        Alarm, Comparison, Expression, MathAlarm, MathMetric, MissingData, StateValue, Statistic,
        StatisticSet, Time, WithNumber,
    };
    use domain::Probe;

    const START: i64 = 1_795_000_020;

    fn at(minute: i64) -> Time {
        Time::from_unix_seconds(START + 60 * minute)
    }

    fn rendered(part: &str) -> String {
        let objective = AvailabilityObjective::from_percent(99.5);
        let probe = Probe { objective, ..probe("bot", 60) };
        let found = alarms(&probe, "OnAws").into_iter().find(|one| one.id == format!("Bot{part}"));
        found.unwrap().text
    }

    /// The alarm as the template has it.
    fn model(part: &str, with_number: WithNumber) -> MathAlarm {
        let text = rendered(part);
        let value = |name: &str| {
            let mut lines = text.lines();
            lines.find_map(|line| line.trim().strip_prefix(name)).unwrap().trim().to_owned()
        };
        assert_eq!(value("ComparisonOperator:"), "GreaterThanThreshold");
        let period = Duration::from_secs(value("Period:").parse().unwrap());
        let threshold = value("Threshold:").parse().unwrap();
        let metric = |(id, statistic): (&str, _)| MathMetric { id: id.to_owned(), statistic };
        MathAlarm {
            alarm: Alarm {
                missing_data: MissingData::from_api(Some(&value("TreatMissingData:"))).unwrap(),
                ..Alarm::m_of_n(1, 1, period, Comparison::GreaterThan, threshold)
            },
            expression: Expression::parse(value("Expression:").trim_matches('"')).unwrap(),
            metrics: [("s", Statistic::Sum), ("n", Statistic::SampleCount)].map(metric).into(),
            with_number,
        }
    }

    /// The minutes from `START` in which an alarm is active, for one run a minute.
    fn active(part: &str, minutes: i64, is_down: impl Fn(i64) -> bool) -> Vec<i64> {
        let model = model(part, WithNumber::Missing);
        let other = MathAlarm { with_number: WithNumber::Zero, ..model.clone() };
        assert_eq!(model.alarm.check(), Ok(()));
        let run =
            |minute: i64| StatisticSet::of(at(minute), if is_down(minute) { 0.0 } else { 1.0 });
        let mut state = StateValue::InsufficientData;
        let mut active = Vec::new();
        for minute in 0..minutes {
            let runs: Vec<StatisticSet> = ((minute - 1_500).max(0)..minute).map(run).collect();
            let visible = [runs.clone(), runs];
            let next = model.evaluate(at(minute), &visible, state).state;
            // Without data the alarm keeps its state or is OK: this is not documented.
            let same = next == other.evaluate(at(minute), &visible, state).state;
            assert!(same || visible[0].is_empty(), "minute {minute}");
            state = next;
            if state == StateValue::Alarm {
                active.push(minute);
            }
        }
        active
    }

    /// First and last minute of the composite alarm.
    fn fast(minutes: i64, is_down: impl Fn(i64) -> bool + Copy) -> Option<(i64, i64)> {
        let short = active("BudgetShort", minutes, is_down);
        let long = active("BudgetLong", minutes, is_down);
        let both: Vec<i64> = long.into_iter().filter(|minute| short.contains(minute)).collect();
        Some((*both.first()?, *both.last()?))
    }

    #[test]
    fn outage_raises_the_fast_alarm_and_ends_it() {
        let (first, last) = fast(300, |minute| (120..140).contains(&minute)).unwrap();
        assert!((124..=127).contains(&first), "{first}");
        assert!((140..=147).contains(&last), "{last}");
    }

    #[test]
    fn flapping_bot_raises_the_fast_alarm() {
        assert!(fast(300, |minute| minute > 120 && minute % 5 == 0).is_some());
    }

    #[test]
    fn two_failed_runs_raise_no_alarm() {
        let blip = |minute| minute == 120 || minute == 121;
        assert_eq!(fast(300, blip), None);
        assert_eq!(active("BudgetSlow", 300, blip), Vec::<i64>::new());
    }

    #[test]
    fn slow_burn_raises_the_slow_alarm_only() {
        // 2 % of the runs: 4 times the budget of 0.5 %.
        let leaky = |minute| minute % 50 == 49;
        assert_eq!(fast(600, leaky), None);
        assert!(!active("BudgetSlow", 1_500, leaky).is_empty());
        // 1 % is less than 3 times the budget.
        assert!(active("BudgetSlow", 1_500, |minute| minute % 100 == 99).is_empty());
    }

    #[test]
    fn fast_alarm_is_one_page_with_the_outage() {
        let text = rendered("BudgetFast");
        for line in [
            "    Type: AWS::CloudWatch::CompositeAlarm",
            "    Condition: OnAws",
            "      AlarmRule: !Sub 'ALARM(\"${BotBudgetLong}\") AND ALARM(\"${BotBudgetShort}\")'",
            "      ActionsSuppressor: !GetAtt BotDown.Arn",
        ] {
            assert!(text.lines().any(|found| found == line), "{line}\n{text}");
        }
        assert!(text.contains("more than 7.2 % of the runs failed in an hour"), "{text}");
        assert!(text.contains("is used up in 2 days"), "{text}");
    }

    #[test]
    fn runs_in_maintenance_windows_are_subtracted() {
        let window = domain::Maintenance {
            cron: "0 2 ? * SUN *".parse().unwrap(),
            length: Duration::from_secs(3_600),
            time_zone: domain::TimeZoneName::UTC,
        };
        let objective = AvailabilityObjective::from_percent(99.5);
        let probe = Probe { objective, maintenance: vec![window], ..probe("bot", 60) };
        let text = alarms(&probe, "OnAws").pop().unwrap().text;
        let counted = "(n - mn) - (s - ms)";
        assert!(text.contains(&format!("({counted}) / (n - mn)")), "{text}");
        // A metric without values counts as 0 beside one that has them.
        let expression =
            Expression::parse(&format!("IF({counted} >= 3, ({counted}) / (n - mn), 0)"));
        let failed = |n, s, mn: Option<f64>, ms| {
            let metric = move |id: &str| match id {
                "n" => n,
                "s" => s,
                "mn" => mn,
                _ => ms,
            };
            expression.clone().unwrap().value(&metric, WithNumber::Missing)
        };
        assert_eq!(failed(Some(100.0), Some(90.0), None, None), Some(0.1));
        assert_eq!(failed(Some(100.0), Some(90.0), Some(20.0), Some(10.0)), Some(0.0));
        assert_eq!(failed(Some(20.0), Some(0.0), Some(20.0), Some(0.0)), Some(0.0));
        assert_eq!(failed(None, None, None, None), None, "no data");
        assert_eq!(text.matches("MetricName: MaintenanceSuccess").count(), 2);
    }
}
