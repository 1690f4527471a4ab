//! Runs many conversations at once with a chat server in another process, and compares the reported
//! times with that server's log.
//!
//! ```text
//! cargo run --profile dist -p bench-programs --bin many -- CONVERSATIONS TURNS CHUNKS MILLISECONDS
//! ```
//!
//! Prints one line of JSON: successes, error of the first chunk's time, CPU and memory of
//! this process.

use std::collections::HashMap;
use std::error::Error;
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant, SystemTime};

use gradio::{Client, Limits, Proxy};
use serde_json::json;

/// A message, and when the first chunk of its reply arrived by the clock of the server's log.
type Arrival = (String, f64);

fn main() -> Result<(), Box<dyn Error>> {
    let numbers: Vec<usize> =
        std::env::args().skip(1).map(|one| one.parse()).collect::<Result<_, _>>()?;
    let &[conversations, turns, chunks, pause] = numbers.as_slice() else {
        return Err("usage: many CONVERSATIONS TURNS CHUNKS MILLISECONDS".into());
    };
    let here = std::env::current_exe()?;
    let log = std::env::temp_dir().join(format!("chat-server-{}.log", std::process::id()));
    let mut server = Command::new(here.with_file_name("chat_server"))
        .args([chunks.to_string(), pause.to_string()])
        .arg(&log)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let mut url = String::new();
    BufReader::new(server.stdout.take().ok_or("no output")?).read_line(&mut url)?;

    // One core, like the smallest Lambda.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let limits = Limits {
        conversation: Duration::from_secs(120),
        connect: Duration::from_secs(60),
        ..Limits::default()
    };
    let client = Client::builder(url.trim()).proxy(Proxy::None).limits(limits).build()?;
    let began = Instant::now();
    let outcomes: Vec<Result<Vec<Arrival>, gradio::Error>> = runtime.block_on(async {
        let all: Vec<_> = (0..conversations)
            .map(|number| tokio::spawn(converse(client.clone(), number, turns)))
            .collect();
        let mut outcomes = Vec::new();
        for one in all {
            outcomes.extend(one.await);
        }
        outcomes
    });
    let wall = began.elapsed();
    let (cpu, peak) = (cpu_seconds(), peak_kib());
    drop(server.stdin.take());
    server.wait()?;

    let sent = first_chunks(&std::fs::read_to_string(&log)?);
    std::fs::remove_file(&log)?;
    let failed: Vec<_> = outcomes.iter().filter_map(|one| one.as_ref().err()).collect();
    let arrivals = outcomes.iter().flatten().flatten();
    let mut off: Vec<f64> =
        arrivals.filter_map(|(said, at)| Some((at - sent.get(said)?) * 1e3)).collect();
    off.sort_by(f64::total_cmp);
    let percentile =
        |percent: usize| off.get((off.len() * percent / 100).min(off.len().saturating_sub(1)));
    let report = json!({
        "conversations": conversations, "turns": turns, "succeeded": outcomes.len() - failed.len(),
        "failed": failed.first().map(ToString::to_string), "replies_compared": off.len(),
        "first_chunk_off_ms": { "p50": percentile(50), "p99": percentile(99) },
        "wall_seconds": wall.as_secs_f64(), "cpu_seconds": cpu, "peak_kib": peak,
    });
    writeln!(std::io::stdout(), "{report}")?;
    Ok(())
}

async fn converse(
    client: Client,
    number: usize,
    turns: usize,
) -> Result<Vec<Arrival>, gradio::Error> {
    let mut session = client.connect().await?;
    let mut arrivals = Vec::new();
    for turn in 0..turns {
        let said = format!("{number}/{turn}");
        let sent = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let reply = session.say(&said, &mut |_| {}).await?;
        arrivals.push((said, (sent + reply.timing.first_chunk.unwrap_or_default()).as_secs_f64()));
    }
    Ok(arrivals)
}

fn first_chunks(log: &str) -> HashMap<String, f64> {
    let lines = log.lines().filter_map(|line| line.split_once(' '));
    lines.filter_map(|(said, at)| Some((said.to_owned(), at.parse().ok()?))).collect()
}

/// User and system time of the main thread; `None` without /proc.
fn cpu_seconds() -> Option<f64> {
    let stat = std::fs::read_to_string("/proc/self/schedstat").ok()?;
    Some(stat.split(' ').next()?.parse::<f64>().ok()? / 1e9)
}

fn peak_kib() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}
