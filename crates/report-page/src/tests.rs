//! The page as a whole. The end-to-end test `report_page` opens it in a browser.

use std::time::Duration;

use domain::report::{Attempt, Cause, Failure, Report};
use domain::{OwnFault, Phases};
use testkit::reports::{attempt, eventful, hostile, report, turn};

use crate::render;

/// Tags of a page, as written: `</p`, `<i`.
fn tags(page: &str) -> Vec<String> {
    let name = |rest: &str| {
        rest.chars().take_while(|c| c.is_ascii_alphanumeric() || matches!(c, '/' | '!')).collect()
    };
    page.match_indices('<').map(|(at, _)| name(&page[at + 1..])).collect()
}

#[test]
fn hostile_reply_is_escaped() {
    let page = render(&hostile());
    assert!(!page.contains("<script") && !page.contains("<img") && !page.contains("<u>"));
    assert!(!page.contains("href=\"javascript"));
    assert!(page.contains("&lt;script&gt;document.title='RAN'&lt;/script&gt;"));
    for hidden in ['\u{202e}', '\u{202c}', '\u{1b}', '\u{0}'] {
        assert!(!page.contains(hidden), "U+{:04X}", u32::from(hidden));
        assert!(page.contains(&format!("U+{:04X}", u32::from(hidden))));
    }
    let known = [
        "!DOCTYPE", "html", "head", "meta", "title", "style", "body", "main", "header", "section",
        "article", "div", "span", "p", "h1", "h2", "h3", "dl", "dt", "dd", "ul", "li", "i", "b",
        "bdi", "code", "a", "details", "summary",
    ];
    for tag in tags(&page) {
        assert!(known.contains(&tag.trim_start_matches('/')), "<{tag}");
    }
}

#[test]
fn every_tag_is_closed() {
    for report in [report(vec![attempt(vec![turn(400, "a", "b")])]), eventful(), hostile()] {
        let mut open: Vec<String> = Vec::new();
        for tag in tags(&render(&report)) {
            match tag.strip_prefix('/') {
                Some(closed) => assert_eq!(open.pop().as_deref(), Some(closed)),
                None if tag == "meta" || tag == "!DOCTYPE" => {}
                None => open.push(tag),
            }
        }
        assert_eq!(open, Vec::<String>::new());
    }
}

#[test]
fn page_loads_no_other_resource() {
    let page = render(&Report { runbook: None, ..eventful() });
    for outside in ["http://", "https://", "url(", "@import", "<link", "<script", "src="] {
        assert!(!page.contains(outside), "{outside}");
    }
    assert!(page.contains("default-src 'none'"));
}

#[test]
fn page_shows_failures_checks_and_times() {
    let page = render(&eventful());
    for text in [
        "down · check_failed",
        "Attempt 1 of 2: <bdi>the stream ended before the reply was complete",
        "contains &quot;Ada&quot;",
        "received <bdi>Désolé",
        "<summary><bdi>Thinking, Used the tool calculator</bdi></summary>",
        "with <bdi>image table.png</bdi>",
        "first chunk 3.60 s, objective 3.00 s",
        "Gradio 6.31.0, first event since its start",
        "until 2027-02-01, 70 days left",
        "vigie report reports/support-bot/2026/11/22/110500Z-",
    ] {
        assert!(page.contains(text), "{text}");
    }
}

#[test]
fn run_error_has_a_page() {
    let failure = Failure {
        cause: Cause::Own(OwnFault::Secret),
        prose: "`secret:x` could not be read".to_owned(),
    };
    let failed = Attempt {
        phases: Phases::default(),
        certificate_expires: None,
        app: None,
        failure: Some(failure),
        duration: Duration::ZERO,
        ..attempt(Vec::new())
    };
    let page = render(&report(vec![failed]));
    assert!(page.contains("could not run · secret") && page.contains("2 turns were not reached"));
    assert!(render(&report(Vec::new())).contains("No attempt was made"));
}

/// `PAGES=folder cargo test -p report-page` writes the pages for viewing.
#[test]
fn pages_are_written_to_a_folder_on_request() {
    let pages = [
        (
            "up",
            report(vec![attempt(vec![
                turn(400, "My name is Ada.", "Hello Ada!"),
                turn(3_300, "What is my name?", "Your name is Ada."),
            ])]),
        ),
        ("eventful", eventful()),
        ("hostile", hostile()),
    ];
    for (name, report) in pages {
        let page = render(&report);
        assert!(page.ends_with("</html>"));
        if let Some(folder) = std::env::var_os("PAGES") {
            std::fs::write(std::path::Path::new(&folder).join(format!("{name}.html")), page)
                .unwrap();
        }
    }
}
