//! Turns a target's metrics page into samples, as a Prometheus server would.
