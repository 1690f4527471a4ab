use super::*;

fn target(url: &str) -> Target {
    serde_json::from_value(serde_json::json!({
        "url": url,
        "auth": { "login": { "username": "probe", "password": "${secret:vigie/bot#password}" } },
        "inputs": { "token": "${ssm:/vigie/token}", "list": ["${secret:vigie/bot#password}", 1] },
    }))
    .unwrap()
}

/// Every secret of the target is `canary-1`, `canary-2`, … in the order of its references.
fn filled(target: &Target) -> FilledTarget {
    let references = secret_references(target).into_iter().zip(1..);
    let secrets = references.map(|(reference, n)| (reference, format!("canary-{n}").into()));
    FilledTarget::new(target, &secrets.collect(), &HashMap::new()).unwrap()
}

#[test]
fn every_secret_is_referenced_once() {
    let references = secret_references(&target("https://chat.example.com:8443/bot"));
    let references: Vec<String> = references.iter().map(ToString::to_string).collect();
    assert_eq!(references, ["secret:vigie/bot#password", "ssm:/vigie/token"]);
}

#[test]
fn secrets_are_filled_in_and_redacted() {
    let filled = filled(&target("https://chat.example.com:8443/bot"));
    assert_eq!(filled.inputs()["list"][0], "canary-1");
    assert_eq!(filled.inputs()["token"], "canary-2");
    assert_eq!(filled.instance(), "chat.example.com:8443");
    assert_eq!(filled.public_url(), "https://chat.example.com:8443/bot");
    assert_eq!(filled.redact("a canary-1 and canary-2!"), "a [secret] and [secret]!");
    let debug = format!("{filled:?}");
    assert!(debug.contains("chat.example.com") && !debug.contains("canary"), "{debug}");
}

#[test]
fn secret_in_the_address_is_not_shown() {
    let in_host = filled(&target("https://${secret:host}.example.com/${secret:path}/"));
    assert_eq!(in_host.instance(), "[secret].example.com:443");
    assert_eq!(in_host.public_url(), "https://[secret].example.com/[secret]");
    assert_eq!(
        in_host.redact("`/canary-2/queue` of canary-1.example.com"),
        "`/[secret]/queue` of [secret].example.com"
    );
    let password = filled(&target("https://probe:hunter-2@chat.example.com"));
    assert_eq!(password.redact("hunter-2, Basic cHJvYmU6aHVudGVyLTI="), "[secret], Basic [secret]");
    assert_eq!(password.public_url(), "https://chat.example.com");
}

#[test]
fn parts_of_headers_are_redacted() {
    let target = serde_json::from_value(serde_json::json!({
        "url": "https://chat.example.com",
        "auth": { "headers": {
            "Authorization": "Bearer canary-token-998877",
            "Cookie": "session=canary-cookie-554433; theme=dark",
            "Proxy-Authorization": "Basic cHJvYmU6Y2FuYXJ5LWJhc2lj",
            "X-Stage": "prod",
        }},
    }));
    let filled = filled(&target.unwrap());
    assert_eq!(
        filled.redact(
            "auth token is canary-token-998877; cookie canary-cookie-554433; canary-basic; prod, dark"
        ),
        "auth token is [secret]; cookie [secret]; [secret]; prod, dark"
    );
}

#[test]
fn credentials_in_the_query_are_redacted() {
    let target = serde_json::from_value(serde_json::json!({
        "url": "https://chat.example.com/?access_token=canary-1234&tenant=acme-corp",
        "query": { "api_key": "canary-5678", "lang": "fr-CA-canonical" },
    }));
    let filled = filled(&target.unwrap());
    assert_eq!(
        filled.redact("canary-1234 canary-5678 acme-corp fr-CA-canonical"),
        "[secret] [secret] acme-corp fr-CA-canonical"
    );
}

#[test]
fn credentials_of_a_scrape_are_filled_in_and_redacted() {
    let http = serde_json::json!({
        "basic_auth": { "username": "probe", "password": "${secret:vigie/metrics}" },
        "tls_config": { "cert": "pem", "key": "canary-key", "server_name": "bot.internal" },
    });
    let http: ScrapeHttp = serde_json::from_value(http).unwrap();
    let target = Target::new(Template::literal("https://10.0.0.1"));
    let references = scrape_references(&target, &http);
    let secrets = [(references[0].clone(), "hush-hush".into())].into();
    let (filled, scrape) =
        FilledTarget::for_scrape(&target, &http, &secrets, &HashMap::new()).unwrap();
    let header = scrape.authorization.unwrap();
    assert_eq!(header.expose_secret(), "Basic cHJvYmU6aHVzaC1odXNo");
    let tls = scrape.tls.unwrap();
    assert_eq!(tls.server_name.as_deref(), Some("bot.internal"));
    assert_eq!(tls.client_certificate.unwrap().certificate, "pem");
    assert_eq!(
        filled.redact("hush-hush cHJvYmU6aHVzaC1odXNo canary-key"),
        "[secret] [secret] [secret]"
    );
    let bound = [(references[0].clone(), vec!["other".to_owned()])].into();
    let error = FilledTarget::for_scrape(&target, &http, &secrets, &bound).map(drop).unwrap_err();
    assert!(matches!(error, FillError::OtherHost { .. }), "{error}");
}

#[test]
fn missing_secret_is_named() {
    let target = target("https://chat.example.com");
    let error = FilledTarget::new(&target, &HashMap::new(), &HashMap::new()).unwrap_err();
    assert_eq!(error.fault(), OwnFault::Secret);
    assert_eq!(
        error.to_string(),
        "`${secret:vigie/bot#password}` in the probe's target has no value"
    );
}

#[test]
fn secret_is_not_sent_to_a_host_it_is_not_bound_to() {
    let cases = [
        ("https://chat.example.com/bot", true),
        ("https://CHAT.example.com:8443", true),
        ("https://eu.bots.example.com", true),
        ("https://bots.example.com", false),
        ("https://evilbots.example.com", false),
        ("https://chat.example.com.evil.test", false),
        ("https://chat.example.com@evil.test", false),
        ("http://127.0.0.1:9001", false),
    ];
    for (url, allowed) in cases {
        let target = target(url);
        let references = secret_references(&target);
        let secrets = references.iter().map(|one| (one.clone(), "canary".into())).collect();
        let hosts = ["chat.example.com".to_owned(), "*.bots.example.com".to_owned()];
        let bound = [(references[0].clone(), hosts.into())].into();
        let filled = FilledTarget::new(&target, &secrets, &bound);
        assert_eq!(filled.is_ok(), allowed, "{url}");
        let Err(error) = filled else { continue };
        assert_eq!(error.fault(), OwnFault::Secret);
        let text = error.to_string();
        assert!(text.contains("may be sent only to `chat.example.com`, `*.bots."), "{text}");
        assert!(!text.contains("canary"), "{text}");
    }
}

#[test]
fn invalid_address_is_not_repeated() {
    let error = FilledTarget::new(
        &serde_json::from_value(serde_json::json!({ "url": "canary" })).unwrap(),
        &HashMap::new(),
        &HashMap::new(),
    );
    let error = error.unwrap_err();
    assert_eq!(error.fault(), OwnFault::Settings);
    assert!(!error.to_string().contains("canary"), "{error}");
}
