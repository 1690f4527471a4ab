//! The keys `basic_auth`, `authorization` and `tls_config` of `scrape`, as in Prometheus.

use domain::Template;
use domain::scrape_http::{Authorization, BasicAuth, ScrapeHttp, TlsConfig};

use crate::diagnostic::Diagnostic;
use crate::keys::{AUTHORIZATION, BASIC_AUTH, TLS_CONFIG};
use crate::node::{Node, Place};
use crate::walk::{Fields, Scope, Walk};

const SCOPE: Scope<'_> = Scope { words: &["environment"], secrets: true };

pub(crate) fn scrape_http(walk: &mut Walk<'_>, fields: &Fields<'_>) -> Option<ScrapeHttp> {
    let basic = fields.get("basic_auth");
    if let (Some(_), Some((key, _))) = (basic, fields.entry("authorization")) {
        let message = "both `basic_auth` and `authorization` are set";
        walk.note(Diagnostic::new(&key.at, message, "expected one of them"));
    }
    let basic_auth = basic.map(|node| basic_auth(walk, node));
    let authorization = fields.get("authorization").map(|node| authorization(walk, node));
    let tls_config = fields.get("tls_config").map(|node| tls_config(walk, node));
    Some(ScrapeHttp {
        basic_auth: basic_auth.map_or(Some(None), |auth| auth.map(Some))?,
        authorization: authorization.map_or(Some(None), |auth| auth.map(Some))?,
        tls_config: tls_config.map_or(Some(None), |tls| tls.map(Some))?,
    })
}

fn basic_auth(walk: &mut Walk<'_>, node: &Node) -> Option<BasicAuth> {
    let fields = walk.fields(node, &BASIC_AUTH, &node.place())?;
    let username = fields.get("username").and_then(|node| walk.template(node, SCOPE));
    let password = fields.get("password");
    let password = password.map_or(Some(Template::default()), |node| walk.template(node, SCOPE));
    Some(BasicAuth { username: username?, password: password? })
}

fn authorization(walk: &mut Walk<'_>, node: &Node) -> Option<Authorization> {
    let fields = walk.fields(node, &AUTHORIZATION, &node.place())?;
    let scheme = fields.get("type");
    let scheme =
        scheme.map_or(Some(Template::literal("Bearer")), |node| walk.template(node, SCOPE));
    let credentials = fields.get("credentials").and_then(|node| walk.template(node, SCOPE));
    Some(Authorization { scheme: scheme?, credentials: credentials? })
}

fn tls_config(walk: &mut Walk<'_>, node: &Node) -> Option<TlsConfig> {
    let fields = walk.fields(node, &TLS_CONFIG, &node.place())?;
    check_certificates(walk, &fields, node.place());
    let mut text = |name: &str| match fields.get(name) {
        None => Some(None),
        Some(node) => walk.template(node, SCOPE).map(Some),
    };
    let (ca, ca_file) = (text("ca"), text("ca_file"));
    let (cert, key) = (text("cert"), text("key"));
    let server_name = text("server_name");
    let insecure = fields.get("insecure_skip_verify");
    let insecure_skip_verify = insecure.map_or(Some(false), |node| walk.boolean(node));
    Some(TlsConfig {
        ca: ca?,
        ca_file: ca_file?,
        cert: cert?,
        key: key?,
        server_name: server_name?,
        insecure_skip_verify: insecure_skip_verify?,
    })
}

fn check_certificates(walk: &mut Walk<'_>, fields: &Fields<'_>, place: Place) {
    let has = |name: &str| fields.get(name).is_some();
    if has("ca") && has("ca_file") {
        let message = "both `ca` and `ca_file` are set";
        walk.note(Diagnostic::new(&place, message, "expected one of them"));
    }
    if has("cert") != has("key") {
        let expected = "expected both `cert` and `key`";
        walk.note(Diagnostic::new(&place, "the client certificate is incomplete", expected));
    }
}
