//! Scrapes a target on an exact grid and puts what it finds into the queue.

use std::time::Duration;

use samples::Timestamp;
use scrape::{Labels, Memory, Request, Scrape};

use crate::Queue;

/// What to scrape, and how often.
pub struct Target {
    pub request: Request,
    pub labels: Labels,
    /// At least 1 ms.
    pub every: Duration,
}

/// Scrapes for ever. Samples are stamped with the grid, multiples of [`Target::every`] since 1970,
/// whatever the delay: so no interval is empty and none has two. `clock` tells the time of day; when it is
/// set back by more than two intervals the grid begins anew, and which receiver takes that is its own affair.
pub async fn scrape_for_ever(
    client: &reqwest::Client,
    target: &Target,
    queue: &Queue,
    clock: impl Fn() -> Timestamp,
) {
    let mut memory = Memory::new();
    let mut was_up = None;
    let mut last = Timestamp::default();
    loop {
        let now = clock();
        if now + 2 * target.every < last {
            let seconds = last.since(now).as_secs();
            tracing::warn!(seconds, "the clock was set back; scraping goes on from the new time");
            // The memory would wait for the old time to come again.
            (last, memory) = (Timestamp::default(), Memory::new());
        }
        // Never the same moment twice, also when the clock is set back a little.
        let at = next(now, target.every).max(next(last, target.every));
        tokio::time::sleep(at.since(now)).await;
        last = at;
        let scrape = scrape::scrape(client, &target.request, &target.labels, &mut memory, at).await;
        tell(target, &scrape, &mut was_up);
        let dropped = queue.push(scrape.entries);
        if dropped > 0 {
            tracing::warn!(dropped, "the queue is full; the oldest samples made room");
        }
    }
}

/// The first moment of the grid after `now`.
fn next(now: Timestamp, every: Duration) -> Timestamp {
    let every = i64::try_from(every.as_millis()).unwrap_or(i64::MAX).max(1);
    let passed = now.as_millis().rem_euclid(every);
    now + Duration::from_millis((every - passed).unsigned_abs())
}

fn tell(target: &Target, scrape: &Scrape, was_up: &mut Option<bool>) {
    let is_up = scrape.error.is_none();
    let host = target.request.url.host_str().unwrap_or_default();
    if let Some(error) = &scrape.error
        && *was_up != Some(false)
    {
        let cause = chain(error);
        tracing::warn!(target = host, cause, "the target can't be scraped");
    } else if is_up && *was_up == Some(false) {
        tracing::info!(target = host, "the target is scraped again");
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

    #[tokio::test(start_paused = true)]
    async fn a_clock_that_is_set_back_an_hour_does_not_stop_the_scrapes() {
        let target = Target {
            request: Request {
                // Nobody is there: a scrape that finds nothing is stamped like any other.
                url: "http://127.0.0.1:1/metrics".parse().unwrap(),
                headers: http::HeaderMap::default(),
                timeout: Duration::from_millis(100),
                limits: scrape::Limits::default(),
            },
            labels: Labels::new("job", "instance", []),
            every: Duration::from_secs(1),
        };
        let start = Instant::now();
        let clock = || {
            let set_back =
                Duration::from_secs(if start.elapsed().as_secs() < 5 { 0 } else { 3600 });
            Timestamp::from_millis(7_200_000) + start.elapsed() - set_back
        };
        let (client, queue) = (scrape::client("test").unwrap(), Queue::new(1000));
        let scraping = scrape_for_ever(&client, &target, &queue, clock);
        let _ = tokio::time::timeout(Duration::from_millis(8500), scraping).await;

        let entries = queue.take(1000);
        let ups = entries.iter().filter(|entry| entry.series.name() == "up");
        let seconds: Vec<i64> = ups.map(|entry| entry.at().as_millis() / 1000).collect();
        assert_eq!(seconds, [7201, 7202, 7203, 7204, 7205, 3606, 3607, 3608]);
    }

    #[test]
    fn the_grid_is_multiples_of_the_interval_and_always_ahead() {
        let cases = [(0, 1000), (1, 1000), (999, 1000), (1000, 2000), (-1, 0)];
        for (now, expected) in cases {
            let actual = next(Timestamp::from_millis(now), Duration::from_secs(1));
            assert_eq!(actual.as_millis(), expected, "{now}");
        }
    }
}
