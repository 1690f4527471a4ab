//! Plays a probe against its target: turns, retries, checks; and tells what was seen in a report.
