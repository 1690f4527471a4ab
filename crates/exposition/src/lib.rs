//! Reads and writes the Prometheus text format and OpenMetrics.
