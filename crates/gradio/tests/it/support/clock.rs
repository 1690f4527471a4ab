//! A clock for tests with time limits, so that a busy machine cannot change their outcome.
//!
//! The tests run with a paused clock. Client and server share one thread. The clock moves only after
//! both had many turns to read what was sent and the server received nothing new meanwhile.

use std::convert::Infallible;
use std::future::Future;
use std::pin::pin;
use std::time::Duration;

use futures_util::future::{Either, select};
use tokio::time::advance;

use super::scripted::Server;

/// How far the clock moves at a time, and how far while the server sends without a pause.
const STEP: Duration = Duration::from_millis(10);
const FLOODED_STEP: Duration = Duration::from_millis(100);
/// Turns of all other tasks before the clock moves; each polls the sockets once.
const TURNS: usize = 32;

/// Runs a client. The clock starts to move once the server has a connection, because a lookup of its
/// name runs on another thread.
pub(crate) async fn with_server<T>(server: &Server, client: impl Future<Output = T>) -> T {
    let time = async {
        loop {
            let before = server.activity();
            if server.floods() {
                // There is always something to read.
                pass(1, FLOODED_STEP).await;
                continue;
            }
            turns(TURNS).await;
            if before > 0 && server.activity() == before {
                advance(STEP).await;
            }
        }
    };
    run(client, time).await
}

/// Runs a client that reaches no server.
pub(crate) async fn without_server<T>(client: impl Future<Output = T>) -> T {
    let time = async {
        loop {
            pass(TURNS, STEP).await;
        }
    };
    run(client, time).await
}

async fn run<T>(client: impl Future<Output = T>, time: impl Future<Output = Infallible>) -> T {
    match select(pin!(client), pin!(time)).await {
        Either::Left((outcome, _)) => outcome,
        Either::Right((never, _)) => match never {},
    }
}

async fn pass(count: usize, step: Duration) {
    turns(count).await;
    advance(step).await;
}

async fn turns(count: usize) {
    for _ in 0..count {
        tokio::task::yield_now().await;
    }
    // The kernel may deliver data on a thread of its own.
    std::thread::yield_now();
}
