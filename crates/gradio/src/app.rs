//! An app whose description was read, and the addresses of its routes.

use std::time::Duration;

use url::Url;

use crate::config::AppConfig;

/// An app that was found.
#[derive(Debug)]
pub(crate) struct App {
    pub(crate) config: AppConfig,
    /// Address of the app after redirects, without trailing slash.
    pub(crate) base: Url,
    /// Duration of the login.
    pub(crate) login: Option<Duration>,
}

impl App {
    /// Address of a route of the app's API, such as `queue/join`.
    pub(crate) fn api(&self, route: &str) -> Url {
        join(&self.base, &format!("{}/{route}", self.config.api_prefix))
    }
}

/// Appends a route to the path of an address.
pub(crate) fn join(base: &Url, route: &str) -> Url {
    let mut url = base.clone();
    url.set_path(&format!("{}{route}", base.path().trim_end_matches('/')));
    url
}

/// Removes a route from the end of an address; `None` if the address does not end in it.
pub(crate) fn base_of(reached: &Url, route: &str) -> Option<Url> {
    let mut base = reached.clone();
    base.set_path(reached.path().strip_suffix(route)?);
    base.set_query(None);
    base.set_fragment(None);
    Some(base)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base_of_undoes_join() {
        for (base, joined) in [
            ("http://h/", "http://h/config"),
            ("http://h/my/bot", "http://h/my/bot/config"),
            ("http://h/my/bot/", "http://h/my/bot/config"),
        ] {
            let base = Url::parse(base).unwrap();
            let reached = join(&base, "/config");
            assert_eq!(reached.as_str(), joined);
            let back = base_of(&reached, "/config").unwrap();
            assert_eq!(join(&back, "/config"), reached);
        }
        assert_eq!(base_of(&Url::parse("http://h/login").unwrap(), "/config"), None);
    }
}
