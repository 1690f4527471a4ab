//! From Firehose: CloudWatch metric streams, on to the bridge's queue.
