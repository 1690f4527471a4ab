//! From the queue: on to Prometheus by remote write.
