//! Scrapes a target on an exact grid and puts the result into the queue.

use std::time::Duration;

use domain::chain;
use domain::report::stable_hash;
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
/// Samples are stamped with the grid of the target. A target that hangs misses no grid point: a scrape
/// that starts late gets less time. When the clock is set back by more than two intervals, the grid
/// begins again. `clock` returns the wall clock time.
pub async fn scrape_forever(target: &Target, queue: &Queue, clock: impl Fn() -> Timestamp) {
    let grid = Grid::of(target);
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
        let at = grid.next_scrape(now, last);
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

/// The times at which a target is scraped: multiples of its interval since 1970, and an offset.
#[derive(Clone, Copy, Debug)]
struct Grid {
    every: Duration,
    /// Less than `every`. It follows from the URL and the labels of the target, so that the targets of a
    /// process and of several processes are not all scraped at the same instant, as in Prometheus.
    offset: Duration,
}

impl Grid {
    fn of(target: &Target) -> Self {
        let up = target.labels.up().map(|series| series.to_string()).unwrap_or_default();
        Self::new(&format!("{} {up}", target.request.url), target.every)
    }

    /// `identity` is the same for the same target only.
    fn new(identity: &str, every: Duration) -> Self {
        let every = every.max(Duration::from_millis(1));
        let hash = stable_hash(identity);
        let offset = hash % u64::try_from(every.as_millis()).unwrap_or(u64::MAX);
        Self { every, offset: Duration::from_millis(offset) }
    }

    /// The grid point of the next scrape, which may be up to one interval ago when the last scrape took
    /// long. Never the same point twice.
    fn next_scrape(self, now: Timestamp, last: Option<Timestamp>) -> Timestamp {
        let Some(last) = last else { return self.after(now) };
        let next = self.after(last);
        if now < next + self.every { next } else { self.after(now) - self.every }
    }

    /// The first grid point after `time`.
    fn after(self, time: Timestamp) -> Timestamp {
        let every = i64::try_from(self.every.as_millis()).unwrap_or(i64::MAX);
        let passed = (time - self.offset).as_millis().rem_euclid(every);
        time + Duration::from_millis((every - passed).unsigned_abs())
    }
}

/// Logs when scrapes of a target begin to fail and when they succeed again.
fn log(target: &Target, scrape: &Scrape, was_up: &mut Option<bool>) {
    let is_up = scrape.error.is_none();
    let instance = scrape::instance_of(&target.request.url).unwrap_or_default();
    if let Some(error) = &scrape.error
        && *was_up != Some(false)
    {
        let error = chain(error);
        tracing::warn!(target = instance, error, "Scrape failed");
    } else if is_up && *was_up == Some(false) {
        tracing::info!(target = instance, "Scrape succeeds again");
    }
    *was_up = Some(is_up);
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

    /// Seconds of the samples of `up`, without the offset, after so many milliseconds.
    async fn seconds_of_up(
        target: &Target,
        milliseconds: u64,
        clock: impl Fn() -> Timestamp,
    ) -> Vec<i64> {
        let queue = Queue::new(1000);
        let offset = Grid::of(target).offset;
        let scraping = scrape_forever(target, &queue, || clock() + offset);
        let _ = tokio::time::timeout(Duration::from_millis(milliseconds), scraping).await;
        let entries = queue.take(1000);
        let ups = entries.iter().filter(|entry| entry.series.name() == "up");
        let millis = |entry: &samples::Entry| (entry.at() - offset).as_millis();
        assert!(ups.clone().all(|entry| millis(entry) % 1000 == 0));
        ups.map(|entry| millis(entry) / 1000).collect()
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
        let grid = Grid { every: Duration::from_secs(1), offset: Duration::from_millis(300) };
        let cases = [
            ("first", 301, None, 1300),
            ("on time", 1400, Some(1300), 2300),
            ("a little late", 2310, Some(1300), 2300),
            ("two intervals late", 4310, Some(1300), 4300),
            ("clock set back a little", 1200, Some(1300), 2300),
        ];
        for (name, now, last, expected) in cases {
            let next =
                grid.next_scrape(Timestamp::from_millis(now), last.map(Timestamp::from_millis));
            assert_eq!(next.as_millis(), expected, "{name}");
        }
    }

    #[test]
    fn grid_is_multiples_of_the_interval_and_an_offset() {
        let cases = [
            (0, 0, 1000),
            (0, 1, 1000),
            (0, 999, 1000),
            (0, 1000, 2000),
            (0, -1, 0),
            (300, 0, 300),
            (300, 300, 1300),
            (300, 299, 300),
            (300, -701, -700),
        ];
        for (offset, now, expected) in cases {
            let offset = Duration::from_millis(offset);
            let grid = Grid { every: Duration::from_secs(1), offset };
            let actual = grid.after(Timestamp::from_millis(now));
            assert_eq!(actual.as_millis(), expected, "{now} with {offset:?}");
        }
    }

    #[test]
    fn targets_are_scraped_at_different_times() {
        let offset = |number: u32, every| Grid::new(&format!("bot-{number}"), every).offset;
        let every = Duration::from_secs(15);
        let seconds: std::collections::BTreeSet<u64> =
            (0..200).map(|number| offset(number, every).as_secs()).collect();
        assert_eq!(seconds, (0..15).collect());
        assert_eq!(offset(1, every), offset(1, every));
        assert!(offset(1, Duration::from_millis(1)).is_zero());
    }
}
