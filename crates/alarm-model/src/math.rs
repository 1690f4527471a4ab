//! Metric math: the part of it that alarms on several metrics need.
//!
//! Numbers, metrics by their id, `+ - * /`, comparisons, `AND`, `OR`, `IF` and `FILL` with a number, with
//! the rules of the page [Using metric math]: in arithmetic and comparisons between two series a missing value
//! counts as 0; a point is missing if all its series are missing, if it would be a division by zero, or if `IF`
//! has no value for it.
//!
//! What a missing value gives together with a number is not documented; see [`WithNumber`].
//!
//! [Using metric math]: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html

mod parser;

use std::fmt;

use crate::alarm::{Alarm, Statistic, StatisticSet};
use crate::evaluation::Evaluation;
use crate::state::StateValue;
use crate::time::Time;

pub use parser::InvalidExpression;

/// An expression over metrics.
#[derive(Clone, Debug, PartialEq)]
pub struct Expression(pub(crate) Node);

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Node {
    Number(f64),
    Metric(String),
    Operation(Operator, Box<Node>, Box<Node>),
    If(Box<Node>, Box<Node>, Option<Box<Node>>),
    Fill(Box<Node>, f64),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operator {
    Add,
    Subtract,
    Multiply,
    Divide,
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    And,
    Or,
}

/// What an operator between a missing value and a number gives. The guide does not say, so a rule that is
/// deployed must give the same state with both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WithNumber {
    /// The result is missing.
    Missing,
    /// The missing value counts as 0.
    Zero,
}

/// A value at one time.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Value {
    Scalar(f64),
    /// A point of a series; `None` if it is missing.
    Point(Option<f64>),
}

impl Value {
    fn number(self) -> Option<f64> {
        match self {
            Self::Scalar(number) => Some(number),
            Self::Point(point) => point,
        }
    }
}

impl Expression {
    /// # Errors
    /// When the text has another form than those above.
    pub fn parse(text: &str) -> Result<Self, InvalidExpression> {
        parser::parse(text).map(Self)
    }

    /// The value at one time; `None` if it is missing. `metric` gives the values of the metrics at that time.
    #[must_use]
    pub fn value(
        &self,
        metric: &dyn Fn(&str) -> Option<f64>,
        with_number: WithNumber,
    ) -> Option<f64> {
        Evaluator { metric, with_number }.value(&self.0).number()
    }
}

struct Evaluator<'a> {
    metric: &'a dyn Fn(&str) -> Option<f64>,
    with_number: WithNumber,
}

impl Evaluator<'_> {
    fn value(&self, node: &Node) -> Value {
        match node {
            Node::Number(number) => Value::Scalar(*number),
            Node::Metric(id) => Value::Point((self.metric)(id)),
            Node::Operation(operator, left, right) => {
                self.operation(*operator, self.value(left), self.value(right))
            }
            Node::If(condition, then, otherwise) => {
                self.choice(self.value(condition), then, otherwise.as_deref())
            }
            Node::Fill(series, filler) => {
                Value::Point(Some(self.value(series).number().unwrap_or(*filler)))
            }
        }
    }

    fn operation(&self, operator: Operator, left: Value, right: Value) -> Value {
        let as_zero = self.with_number == WithNumber::Zero;
        let operands = match (left, right) {
            (Value::Scalar(left), Value::Scalar(right)) => {
                return operator.apply(left, right).map_or(Value::Point(None), Value::Scalar);
            }
            (Value::Point(None), Value::Point(None)) => None,
            (Value::Point(left), Value::Point(right)) => {
                Some((left.unwrap_or(0.0), right.unwrap_or(0.0)))
            }
            (Value::Point(None), Value::Scalar(right)) => as_zero.then_some((0.0, right)),
            (Value::Scalar(left), Value::Point(None)) => as_zero.then_some((left, 0.0)),
            (Value::Point(Some(left)), Value::Scalar(right))
            | (Value::Scalar(left), Value::Point(Some(right))) => Some((left, right)),
        };
        Value::Point(operands.and_then(|(left, right)| operator.apply(left, right)))
    }

    /// A missing point of the chosen series is 0 for a condition that is true, and missing otherwise.
    fn choice(&self, condition: Value, then: &Node, otherwise: Option<&Node>) -> Value {
        let Some(holds) = condition.number() else { return Value::Point(None) };
        if holds != 0.0 {
            return Value::Point(Some(self.value(then).number().unwrap_or(0.0)));
        }
        Value::Point(otherwise.and_then(|node| self.value(node).number()))
    }
}

impl Operator {
    /// `None` for a division by zero.
    #[expect(clippy::float_cmp, reason = "the operators == and != of metric math")]
    fn apply(self, left: f64, right: f64) -> Option<f64> {
        let truth = |holds: bool| if holds { 1.0 } else { 0.0 };
        Some(match self {
            Self::Add => left + right,
            Self::Subtract => left - right,
            Self::Multiply => left * right,
            Self::Divide if right == 0.0 => return None,
            Self::Divide => left / right,
            Self::Equal => truth(left == right),
            Self::NotEqual => truth(left != right),
            Self::Less => truth(left < right),
            Self::LessOrEqual => truth(left <= right),
            Self::Greater => truth(left > right),
            Self::GreaterOrEqual => truth(left >= right),
            Self::And => truth(left != 0.0 && right != 0.0),
            Self::Or => truth(left != 0.0 || right != 0.0),
        })
    }
}

/// A metric of an expression.
#[derive(Clone, Debug, PartialEq)]
pub struct MathMetric {
    /// Its id in the expression.
    pub id: String,
    pub statistic: Statistic,
}

/// An alarm on an expression.
#[derive(Clone, Debug, PartialEq)]
pub struct MathAlarm {
    /// Its statistic is not used.
    pub alarm: Alarm,
    pub expression: Expression,
    pub metrics: Vec<MathMetric>,
    pub with_number: WithNumber,
}

impl MathAlarm {
    /// The state at `now`. `visible` has the values of each metric, in the order of [`MathAlarm::metrics`].
    #[must_use]
    pub fn evaluate(
        &self,
        now: Time,
        visible: &[Vec<StatisticSet>],
        current: StateValue,
    ) -> Evaluation {
        self.alarm.evaluate(now, &self.points(now, visible), current)
    }

    /// The values of the expression in the evaluation range.
    #[must_use]
    pub fn points(&self, now: Time, visible: &[Vec<StatisticSet>]) -> Vec<StatisticSet> {
        let slots = self.alarm.slots(now);
        let filled: Vec<Vec<Option<StatisticSet>>> =
            visible.iter().map(|sets| Alarm::fill(&slots, sets)).collect();
        let value_in = |slot: usize, id: &str| {
            let index = self.metrics.iter().position(|metric| metric.id == id)?;
            let set = filled.get(index)?.get(slot)?.as_ref()?;
            Some(set.value(self.metrics[index].statistic))
        };
        let point = |(index, slot): (usize, &crate::window::Slot)| {
            let value = self.expression.value(&|id| value_in(index, id), self.with_number)?;
            Some(StatisticSet::of(slot.start, value))
        };
        slots.iter().enumerate().filter_map(point).collect()
    }
}

impl fmt::Display for InvalidExpression {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { text, at } = self;
        write!(to, "`{text}` is not an expression of the model; expected another form at byte {at}")
    }
}

impl std::error::Error for InvalidExpression {}
