//! From the queue: holds conversations, publishes what was seen.
