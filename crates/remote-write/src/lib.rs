//! Sends samples to a Prometheus remote write receiver, and loses none on the way.
