//! Scrapes a target on an exact grid and puts the result into the queue.

use std::time::Duration;

use samples::Timestamp;
use scrape::{Labels, Memory, Request, Scrape};

use crate::Queue;

/// What to scrape, and how often.
pub struct Target {
    /// See [`scrape::client`].
    pub client: reqwest::Client,
    pub request: Request,
    pub labels: Labels,
    /// The scrape interval, at least 1 ms. The time limit of a request is not longer.
    pub every: Duration,
}

/// Scrapes until the future is dropped.
///
/// Samples are stamped with the grid, multiples of [`Target::every`] since 1970. A target that hangs
/// misses no grid point: a scrape that starts late gets less time. When the clock is set back by more
/// than two intervals, the grid begins again. `clock` returns the wall clock time.
pub async fn scrape_for_ever(target: &Target, queue: &Queue, clock: impl Fn() -> Timestamp) {
    let mut memory = Memory::new();
    let mut was_up = None;
    let mut last = None;
    loop {
        let now = clock();
        if let Some(before) = last.filter(|last| now + 2 * target.every < *last) {
            let seconds = before.since(now).as_secs();
            tracing::warn!(seconds, "Clock was set back; scraping continues at the new time");
            // The memory would drop samples until the old time is reached again.
            (last, memory) = (None, Memory::new());
        }
        let at = next_scrape(now, last, target.every);
        tokio::time::sleep(at.since(now)).await;
        last = Some(at);
        let mut request = target.request.clone();
        request.timeout = request.timeout.min((at + target.every).since(clock()));
        let scrape =
            scrape::scrape(&target.client, &request, &target.labels, &mut memory, at).await;
        log(target, &scrape, &mut was_up);
        let dropped = queue.push(scrape.entries);
        if dropped > 0 {
            tracing::warn!(dropped, "Queue is full; dropped the oldest samples");
        }
    }
}

/// The grid point of the next scrape, which may be up to one interval ago when the last scrape took
/// long. Never the same point twice.
fn next_scrape(now: Timestamp, last: Option<Timestamp>, every: Duration) -> Timestamp {
    let Some(last) = last else { return after(now, every) };
    let next = after(last, every);
    if now < next + every { next } else { after(now, every) - every }
}

/// The first grid point after `time`.
fn after(time: Timestamp, every: Duration) -> Timestamp {
    let every = i64::try_from(every.as_millis()).unwrap_or(i64::MAX).max(1);
    let passed = time.as_millis().rem_euclid(every);
    time + Duration::from_millis((every - passed).unsigned_abs())
}

/// Logs when a target goes down or comes back.
fn log(target: &Target, scrape: &Scrape, was_up: &mut Option<bool>) {
    let is_up = scrape.error.is_none();
    let instance = scrape::instance_of(&target.request.url).unwrap_or_default();
    if let Some(error) = &scrape.error
        && *was_up != Some(false)
    {
        let cause = chain(error);
        tracing::warn!(target = instance, cause, "Scrape failed");
    } else if is_up && *was_up == Some(false) {
        tracing::info!(target = instance, "Scrape succeeds again");
    }
    *was_up = Some(is_up);
}

fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |line, cause| format!("{line}: {cause}"))
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::*;

    fn target(url: &str) -> Target {
        Target {
            client: scrape::client("test").unwrap(),
            request: Request {
                url: url.parse().unwrap(),
                headers: http::HeaderMap::default(),
                timeout: Duration::from_secs(1),
                limits: scrape::Limits::default(),
                server_name: None,
                fallback: None,
                histograms: scrape::Histograms::default(),
            },
            labels: Labels::new("job", "instance", []),
            every: Duration::from_secs(1),
        }
    }

    /// Seconds of the samples of `up` after so many milliseconds.
    async fn seconds_of_up(
        target: &Target,
        milliseconds: u64,
        clock: impl Fn() -> Timestamp,
    ) -> Vec<i64> {
        let queue = Queue::new(1000);
        let scraping = scrape_for_ever(target, &queue, clock);
        let _ = tokio::time::timeout(Duration::from_millis(milliseconds), scraping).await;
        let entries = queue.take(1000);
        let ups = entries.iter().filter(|entry| entry.series.name() == "up");
        ups.map(|entry| entry.at().as_millis() / 1000).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn clock_set_back_an_hour_does_not_stop_scrapes() {
        let start = Instant::now();
        let clock = || {
            let set_back =
                Duration::from_secs(if start.elapsed().as_secs() < 5 { 0 } else { 3600 });
            Timestamp::from_millis(7_200_000) + start.elapsed() - set_back
        };
        // Nothing listens there.
        let seconds = seconds_of_up(&target("http://127.0.0.1:1/metrics"), 8500, clock).await;
        assert_eq!(seconds, [7201, 7202, 7203, 7204, 7205, 3606, 3607, 3608]);
    }

    #[tokio::test(start_paused = true)]
    async fn hung_target_misses_no_grid_point() {
        // Accepts connections and never answers.
        let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/metrics", silent.local_addr().unwrap());
        let start = Instant::now();
        let clock = || Timestamp::from_millis(7_200_000) + start.elapsed();
        let seconds = seconds_of_up(&target(&url), 6500, clock).await;
        assert_eq!(seconds, [7201, 7202, 7203, 7204, 7205]);
    }

    #[test]
    fn next_scrape_is_the_next_grid_point_or_a_recent_one() {
        let cases = [
            ("first", 1, None, 1000),
            ("on time", 1100, Some(1000), 2000),
            ("a little late", 2010, Some(1000), 2000),
            ("two intervals late", 4010, Some(1000), 4000),
            ("clock set back a little", 900, Some(1000), 2000),
        ];
        for (name, now, last, expected) in cases {
            let last = last.map(Timestamp::from_millis);
            let next = next_scrape(Timestamp::from_millis(now), last, Duration::from_secs(1));
            assert_eq!(next.as_millis(), expected, "{name}");
        }
    }

    #[test]
    fn grid_is_multiples_of_the_interval() {
        let cases = [(0, 1000), (1, 1000), (999, 1000), (1000, 2000), (-1, 0)];
        for (now, expected) in cases {
            let actual = after(Timestamp::from_millis(now), Duration::from_secs(1));
            assert_eq!(actual.as_millis(), expected, "{now}");
        }
    }
}
