//! How long our own thread was ready to run and was not let, so that our slowness is told and never
//! booked on the bot without a trace.
//!
//! Linux counts it per thread in `/proc/thread-self/schedstat`: time on the CPU, time waiting on a
//! run queue (a CPU quota that is used up counts as waiting), number of slices; the first two in
//! nanoseconds. See the kernel's documentation, "Scheduler Statistics".

use std::time::Duration;

/// The time this thread has waited for a CPU since it began; `None` where the system does not tell.
pub(crate) fn waited() -> Option<Duration> {
    read(&std::fs::read_to_string("/proc/thread-self/schedstat").ok()?)
}

fn read(schedstat: &str) -> Option<Duration> {
    let nanoseconds = schedstat.split_ascii_whitespace().nth(1)?.parse().ok()?;
    Some(Duration::from_nanos(nanoseconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_figure_is_the_wait() {
        assert_eq!(read("123 2500000 7\n"), Some(Duration::from_micros(2_500)));
        assert_eq!(read(""), None);
        assert_eq!(read("1 x 2"), None);
    }
}
