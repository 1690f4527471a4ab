//! Type, help and unit of a metric.

/// Type, help and unit of a metric. Remote write 2.0 carries it with each series.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Metadata {
    /// The family as the target declares it. Empty when unknown, as over remote write 2.0, which does not
    /// carry it.
    pub family: String,
    pub kind: MetricKind,
    /// Empty when unknown.
    pub help: String,
    /// Empty when unknown.
    pub unit: String,
}

/// The types of Prometheus and OpenMetrics, numbered as remote write 2.0 does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[repr(i32)]
pub enum MetricKind {
    #[default]
    Unknown = 0,
    Counter = 1,
    Gauge = 2,
    Histogram = 3,
    GaugeHistogram = 4,
    Summary = 5,
    Info = 6,
    StateSet = 7,
}

impl From<i32> for MetricKind {
    fn from(number: i32) -> Self {
        match number {
            1 => Self::Counter,
            2 => Self::Gauge,
            3 => Self::Histogram,
            4 => Self::GaugeHistogram,
            5 => Self::Summary,
            6 => Self::Info,
            7 => Self::StateSet,
            _ => Self::Unknown,
        }
    }
}
