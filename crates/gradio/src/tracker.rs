//! Measures the phases of a connection from inside the HTTP and TLS stack.
//!
//! - DNS: the resolver that the connector calls.
//! - TCP: connected when the TLS library asks its session store for a ticket.
//! - TLS, or TCP of plain HTTP: done when the layer around the connector returns.
//!
//! Only the first connection of a conversation is kept.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::{Instant, SystemTime};

use futures_util::future::BoxFuture;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use rustls::NamedGroup;
use rustls::client::{ClientSessionStore, Tls12ClientSessionValue, Tls13ClientSessionValue};
use rustls_pki_types::ServerName;
use tower::{Layer, Service};

use crate::network::AddressPolicy;
use crate::phases::Phases;

/// Phase that a connection is in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Stage {
    /// Not started.
    #[default]
    Idle,
    Dns,
    Connect,
    Tls,
    Ready,
}

/// Records the phases of connections. Clones share their state.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tracker {
    state: Arc<Mutex<State>>,
    addresses: AddressPolicy,
}

#[derive(Debug, Default)]
struct State {
    stage: Stage,
    since: Option<Instant>,
    /// Phases of the newest connection.
    current: Phases,
    /// Phases of the first connection.
    first: Option<Phases>,
    ready_at: Option<Instant>,
    proxied: bool,
}

impl Tracker {
    pub(crate) fn new(proxied: bool, addresses: AddressPolicy) -> Self {
        Self { state: Arc::new(Mutex::new(State { proxied, ..State::default() })), addresses }
    }

    /// Addresses that requests may have.
    pub(crate) fn addresses(&self) -> &AddressPolicy {
        &self.addresses
    }

    /// Phase of the newest connection.
    pub(crate) fn stage(&self) -> Stage {
        self.state().stage
    }

    /// When the first connection was ready.
    pub(crate) fn ready_at(&self) -> Option<Instant> {
        self.state().ready_at
    }

    /// Phases of the first connection.
    pub(crate) fn phases(&self) -> Phases {
        let state = self.state();
        let mut phases = state.first.as_ref().unwrap_or(&state.current).clone();
        if state.proxied {
            (phases.dns, phases.connect) = (None, None);
        }
        phases
    }

    pub(crate) fn record_certificate_end(&self, end: SystemTime) {
        let mut state = self.state();
        state.current.certificate_end = Some(end);
        if let Some(first) = &mut state.first {
            first.certificate_end.get_or_insert(end);
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Plain values stay consistent if a holder panics.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Enters `stage` and records the time spent in the previous one.
    fn enter(&self, stage: Stage) {
        let now = Instant::now();
        let mut state = self.state();
        let spent = state.since.map(|since| now.duration_since(since));
        match state.stage {
            Stage::Dns => state.current.dns = spent,
            Stage::Connect => state.current.connect = spent,
            Stage::Tls => state.current.tls = spent,
            Stage::Idle | Stage::Ready => {}
        }
        (state.stage, state.since) = (stage, Some(now));
        if stage == Stage::Ready && state.first.is_none() {
            state.first = Some(state.current.clone());
            state.ready_at = Some(now);
        }
    }

    fn begin(&self) {
        let mut state = self.state();
        state.current = Phases::default();
        (state.stage, state.since) = (Stage::Connect, Some(Instant::now()));
    }
}

impl Resolve for Tracker {
    fn resolve(&self, name: Name) -> Resolving {
        let tracker = self.clone();
        Box::pin(async move {
            tracker.begin();
            tracker.state().stage = Stage::Dns;
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let found: Vec<SocketAddr> = found.collect();
            if found.is_empty() {
                return Err("the name has no IP address".into());
            }
            let found = tracker.addresses.filter(name.as_str(), found)?;
            tracker.enter(Stage::Connect);
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

/// Never resumes a session, so that every handshake is a full one, as for a new browser.
impl ClientSessionStore for Tracker {
    fn set_kx_hint(&self, _: ServerName<'static>, _: NamedGroup) {}

    fn kx_hint(&self, _: &ServerName<'_>) -> Option<NamedGroup> {
        None
    }

    fn set_tls12_session(&self, _: ServerName<'static>, _: Tls12ClientSessionValue) {}

    fn tls12_session(&self, _: &ServerName<'_>) -> Option<Tls12ClientSessionValue> {
        None
    }

    fn remove_tls12_session(&self, _: &ServerName<'static>) {}

    fn insert_tls13_ticket(&self, _: ServerName<'static>, _: Tls13ClientSessionValue) {}

    fn take_tls13_ticket(&self, _: &ServerName<'static>) -> Option<Tls13ClientSessionValue> {
        self.enter(Stage::Tls);
        None
    }
}

impl<S> Layer<S> for Tracker {
    type Service = Tracked<S>;

    fn layer(&self, inner: S) -> Self::Service {
        Tracked { inner, tracker: self.clone() }
    }
}

/// Connector whose connections are recorded.
#[derive(Clone, Debug)]
pub(crate) struct Tracked<S> {
    inner: S,
    tracker: Tracker,
}

impl<R, S> Service<R> for Tracked<S>
where
    S: Service<R>,
    S::Future: Send + 'static,
    S::Response: Send,
    S::Error: Send,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = BoxFuture<'static, Result<S::Response, S::Error>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: R) -> Self::Future {
        self.tracker.begin();
        let (connecting, tracker) = (self.inner.call(request), self.tracker.clone());
        Box::pin(async move {
            let connection = connecting.await?;
            tracker.enter(Stage::Ready);
            Ok(connection)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_first_connection_is_recorded() {
        for proxied in [false, true] {
            let tracker = Tracker::new(proxied, AddressPolicy::default());
            tracker.begin();
            assert_eq!(tracker.stage(), Stage::Connect);
            tracker.enter(Stage::Ready);
            let first = tracker.phases();
            assert_eq!(first.connect.is_some(), !proxied);
            assert_eq!((first.dns, first.tls), (None, None));

            tracker.begin();
            tracker.enter(Stage::Tls);
            tracker.enter(Stage::Ready);
            assert_eq!(tracker.phases(), first);
        }
    }
}
