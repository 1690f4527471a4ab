//! Three turns of 50 tokens, one every 20 ms, with real Gradio servers that log their times.

use anyhow::ensure;

use super::peers::{self, Peer};
use super::server::{Certificate, Server, Times};
use super::turn::Turn;
use super::{floor, written};
use crate::table::{Bench, Table, median};
use harness::python::{Environment, GRADIO, gradio};

const GRADIO_5: Environment = gradio!("5.50.0");
const SAYS: [&str; 3] = ["one", "two", "three"];
const LAST_TOKEN: &str = "t49";

/// Measurements of all runs of one row, in milliseconds and MB.
#[derive(Clone, Debug, Default)]
struct Measurements {
    first_request: Vec<f64>,
    /// The whole program.
    wall: Vec<f64>,
    cpu: Vec<f64>,
    peak: Vec<f64>,
    /// Of each turn: the time to the first chunk minus the app's own time.
    overhead: Vec<f64>,
    /// From the prompt to the start of the app's function.
    asking: Vec<f64>,
    /// From the app's first token until the server sends it.
    serving: Vec<f64>,
    /// From there until the client has it.
    receiving: Vec<f64>,
}

/// The measurements with one server.
struct Setting {
    name: &'static str,
    environment: Environment,
    tls: bool,
}

const SETTINGS: [Setting; 3] = [
    Setting { name: "6.31", environment: GRADIO, tls: false },
    Setting { name: "6.31, HTTPS", environment: GRADIO, tls: true },
    Setting { name: "5.50", environment: GRADIO_5, tls: false },
];

pub(super) async fn measure(bench: &Bench<'_>) -> anyhow::Result<Table> {
    let install = async {
        for environment in [GRADIO, GRADIO_5] {
            environment.install(bench.root, bench.processes).await?;
        }
        anyhow::Ok((peers::install(bench).await?, "Gradio 6.31 and 5.50, both of its clients"))
    };
    let peers = bench.progress.step("install servers and clients", install).await?;
    let certificate = Certificate::make(&bench.root.join("target/bench"))?;
    let mut rows = Vec::new();
    for setting in SETTINGS {
        let name = format!("three turns with Gradio {}", setting.name);
        let work = async {
            let certificate = setting.tls.then_some(&certificate);
            let server = Server::start(bench, setting.environment, certificate).await?;
            let measured = converse(bench, &server, &peers).await;
            server.stop().await;
            let measured = measured?;
            let shown = format!("{} clients, {} runs each", measured.len(), bench.runs);
            Ok::<_, anyhow::Error>((measured, shown))
        };
        for (client, measurements) in bench.progress.step(&name, work).await? {
            rows.push(row(setting.name, &client, measurements));
        }
    }
    Ok(table(rows, &peers))
}

/// Runs the clients alternately, so that other load on the machine affects all of them equally.
async fn converse(
    bench: &Bench<'_>,
    server: &Server,
    peers: &[Peer],
) -> anyhow::Result<Vec<(String, Measurements)>> {
    let says = SAYS.map(str::to_owned);
    // The first run of a new server is the slowest.
    Peer::Vigie.converse(bench, server, &says).await?;
    let mut bare = Measurements::default();
    let mut measured = vec![Measurements::default(); peers.len()];
    for _ in 0..bench.runs {
        if server.authority.is_none() {
            server.forget()?;
            let (address, says) = (server.address, says.clone());
            let turns =
                tokio::task::spawn_blocking(move || floor::converse(address, &says)).await??;
            bare.add_turns(&turns, &server.times()?)?;
        }
        for (peer, measurements) in peers.iter().zip(&mut measured) {
            server.forget()?;
            let output = peer.converse(bench, server, &says).await?;
            let times = server.times()?;
            measurements.add_turns(&output.turns, &times)?;
            let first_request = times.requests.first().copied().unwrap_or_default();
            measurements.first_request.push((first_request - output.spawned_at) * 1e3);
            measurements.wall.push(output.wall_seconds * 1e3);
            measurements.cpu.push(output.cpu_seconds * 1e3);
            measurements.peak.push(output.peak_kib * 1024.0 / 1e6);
        }
    }
    let bare = server.authority.is_none().then(|| ("bare socket".to_owned(), bare));
    let names = peers.iter().map(|peer| peer.name().to_owned());
    Ok(bare.into_iter().chain(names.zip(measured)).collect())
}

impl Measurements {
    fn add_turns(&mut self, turns: &[Turn], times: &Times) -> anyhow::Result<()> {
        let count = SAYS.len();
        let seen = [turns.len(), times.starts.len(), times.firsts.len(), times.sents.len()];
        ensure!(seen == [count; 4], "of {count} turns the client and the server saw {seen:?}");
        for (at, turn) in turns.iter().enumerate() {
            ensure!(turn.text.contains(LAST_TOKEN), "a reply was not complete: `{}`", turn.text);
            let (start, first) = (times.starts[at], times.firsts[at]);
            let ms = |from: f64, to: f64| (to - from) * 1e3;
            self.overhead.push(ms(turn.sent_at, turn.first_at) - ms(start, first));
            self.asking.push(ms(turn.sent_at, start));
            self.serving.push(ms(first, times.sents[at]));
            self.receiving.push(ms(times.sents[at], turn.first_at));
        }
        Ok(())
    }
}

fn row(server: &str, client: &str, measurements: Measurements) -> Vec<String> {
    let Measurements { first_request, wall, cpu, peak, overhead, asking, serving, receiving } =
        measurements;
    vec![
        server.to_owned(),
        client.to_owned(),
        written(median(first_request), 0),
        written(median(overhead), 1),
        written(median(asking), 1),
        written(median(serving), 1),
        written(median(receiving), 1),
        written(median(wall), 0),
        written(median(cpu), 0),
        written(median(peak), 0),
    ]
}

fn table(rows: Vec<Vec<String>>, peers: &[Peer]) -> Table {
    let header = [
        "Gradio",
        "client",
        "start → first request, ms",
        "first chunk over the app's own time, ms a turn",
        "… asking",
        "… serving",
        "… receiving",
        "whole program, ms",
        "CPU, ms",
        "peak memory, MB",
    ];
    let commands = peers.iter().map(|peer| format!("`{}`", peer.command()));
    let mut notes = vec![
        "Three turns of 50 tokens, one every 20 ms, each client in its own process; medians. The \
         server is `tests/apps/timed.py` in `.venv/gradio-VERSION`, which logs its times."
            .to_owned(),
        "First chunk over the app's own time: from the prompt to the first chunk in the client, minus \
         the time that the app needs for its first token. Asking: from the prompt to the start of the \
         app's function. Serving: from the first token to the write on the connection, which depends on \
         the server only. Receiving: from there to the client. The bare socket sends the minimum that \
         Gradio's protocol requires, so it shows the server's share."
            .to_owned(),
        "Chromium's CPU time and memory (proportional set size) include its processes and not the program \
         that types. It waits one second after each reply to be sure that the reply is complete."
            .to_owned(),
        format!("Clients: {}.", commands.collect::<Vec<_>>().join(" · ")),
    ];
    if !peers.contains(&Peer::Node) {
        notes.push("@gradio/client was not measured: Node is not installed.".to_owned());
    }
    Table {
        title: "A conversation, by client".to_owned(),
        notes,
        header: header.map(str::to_owned).to_vec(),
        rows,
    }
}
