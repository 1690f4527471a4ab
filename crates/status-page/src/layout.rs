//! What all pages have in common.

use maud::{DOCTYPE, Markup, html};

use crate::format;
use crate::language::Texts;
use crate::model::{Site, State};
use report_page::Text;

/// The entry of the navigation that is marked as current.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Section {
    Overview,
    Incidents,
    Other,
}

/// A page with this title, whose icon shows `state`.
pub(crate) fn page(
    site: &Site,
    title: &str,
    state: State,
    section: Section,
    content: &Markup,
) -> String {
    let texts = site.language.texts();
    let current = |this: Section| (section == this).then_some("page");
    let page = html! {
        (DOCTYPE)
        html lang=(site.language.code()) {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="referrer" content="same-origin";
                title { (Text(title)) }
                link rel="icon" type="image/svg+xml" href={ "/assets/icon-" (state.as_str()) ".svg" };
                link rel="stylesheet" href="/assets/status.css";
                link rel="alternate" type="application/atom+xml" href="/feed.atom" title=(texts.incidents);
                script src="/assets/status.js" defer {}
            }
            body data-state=(state.as_str()) {
                a.skip href="#main" { (texts.skip) }
                header.site {
                    div.inner {
                        a.brand href="/" { span.mark aria-hidden="true" {} (Text(&site.title)) }
                        nav {
                            a href="/" aria-current=[current(Section::Overview)] { (texts.overview) }
                            a href="/incidents" aria-current=[current(Section::Incidents)] { (texts.incidents) }
                            a href="/feed.atom" { (texts.feed) }
                        }
                    }
                }
                main #main tabindex="-1" { (content) }
                footer {
                    div.inner {
                        p { (texts.updated) " " (format::time(site.now, site.language)) span #live hidden { " · " (texts.live) } }
                        p { a href="/api/v1/status" { "JSON" } " · Vigie " (env!("CARGO_PKG_VERSION")) }
                    }
                }
            }
        }
    };
    page.into_string()
}

/// A page with one sentence, such as for a page that does not exist.
#[must_use]
pub fn message(site: &Site, title: &str) -> String {
    let content = html! { section.card { h1 { (Text(title)) } p { a href="/" { (site.language.texts().overview) } } } };
    page(site, title, State::NoData, Section::Other, &content)
}

/// A coloured label with the name of a state.
pub(crate) fn pill(state: State, texts: &Texts) -> Markup {
    html! { span.pill.(state.as_str()) { span.lamp aria-hidden="true" {} ((texts.state)(state)) } }
}
