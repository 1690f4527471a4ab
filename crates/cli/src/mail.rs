//! Sends mails by SMTP, in threads that may block: the async client of lettre would need a second set of proc macros.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use lettre::message::header::ContentType;
use lettre::message::{Mailbox, MessageBuilder};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, Tls, TlsParameters};
use lettre::{Message, SmtpTransport, Transport as _};
use notify::mail::Mail;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;

/// The longest time of one command of the conversation with the server.
const TIMEOUT: Duration = Duration::from_secs(30);

/// The section `[mail]` of the settings file.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct MailConfig {
    /// `HOST:PORT`.
    server: String,
    #[serde(default)]
    tls: TlsMode,
    /// The password is read from `VIGIE_SMTP_PASSWORD`.
    user: Option<String>,
    from: String,
    /// Who gets pages, and tickets if `tickets_to` is left out.
    to: Vec<String>,
    #[serde(default)]
    tickets_to: Vec<String>,
    #[serde(default)]
    escalate_to: Vec<String>,
    /// A PEM file of certificate authorities to trust in addition to the system's.
    ca_file: Option<PathBuf>,
}

/// How the connection is encrypted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum TlsMode {
    /// From the first byte, usually on port 465.
    Tls,
    /// After the command STARTTLS, usually on port 587. A server without it is refused.
    #[default]
    Starttls,
    /// Not at all.
    None,
}

/// Sends mails.
pub(crate) struct Mailer {
    transport: SmtpTransport,
    from: Mailbox,
    page: Vec<Mailbox>,
    tickets: Vec<Mailbox>,
    escalation: Vec<Mailbox>,
}

/// Who gets a mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Recipients {
    Page,
    Tickets,
    Escalation,
}

/// Why a mail was not sent.
#[derive(Debug, thiserror::Error)]
pub(crate) enum MailError {
    #[error("could not write the mail")]
    Write(#[source] lettre::error::Error),
    #[error("the mail server did not accept the mail")]
    Send(#[source] lettre::transport::smtp::Error),
    #[error("sending the mail panicked")]
    Panicked(#[source] tokio::task::JoinError),
}

impl MailError {
    /// Whether the server may have accepted the mail.
    pub(crate) fn is_uncertain(&self) -> bool {
        match self {
            Self::Write(_) => false,
            Self::Panicked(_) => true,
            Self::Send(error) => error.is_timeout() || error.is_response(),
        }
    }
}

impl Mailer {
    /// `password` is required if the settings name a user.
    pub(crate) fn new(config: &MailConfig, password: Option<SecretString>) -> anyhow::Result<Self> {
        let (host, port) = config
            .server
            .rsplit_once(':')
            .and_then(|(host, port)| Some((host, port.parse::<u16>().ok()?)))
            .with_context(|| {
                format!("`mail.server` is `{}`; expected a host and a port, such as `mail.example.com:587`", config.server)
            })?;
        let tls = tls(config, host)?;
        let mut builder =
            SmtpTransport::builder_dangerous(host).port(port).tls(tls).timeout(Some(TIMEOUT));
        if let Some(user) = &config.user {
            let password =
                password.context("`mail.user` needs the password in `VIGIE_SMTP_PASSWORD`")?;
            ensure!(
                config.tls != TlsMode::None,
                "`mail.tls` is `none`; expected `tls` or `starttls`, because `mail.user` sends a password"
            );
            let password = password.expose_secret().to_owned();
            builder = builder.credentials(Credentials::new(user.clone(), password));
        }
        let list = |name: &str, addresses: &[String]| {
            addresses.iter().map(|text| mailbox(name, text)).collect::<anyhow::Result<Vec<_>>>()
        };
        let page = list("mail.to", &config.to)?;
        ensure!(!page.is_empty(), "`mail.to` is empty; expected at least one address");
        let tickets = list("mail.tickets_to", &config.tickets_to)?;
        Ok(Self {
            transport: builder.build(),
            from: mailbox("mail.from", &config.from)?,
            tickets: if tickets.is_empty() { page.clone() } else { tickets },
            escalation: list("mail.escalate_to", &config.escalate_to)?,
            page,
        })
    }

    /// Whether there are recipients of escalations.
    pub(crate) fn escalates(&self) -> bool {
        !self.escalation.is_empty()
    }

    pub(crate) async fn send(&self, to: Recipients, mail: &Mail) -> Result<(), MailError> {
        let to = match to {
            Recipients::Page => &self.page,
            Recipients::Tickets => &self.tickets,
            Recipients::Escalation => &self.escalation,
        };
        let message = message(self.from.clone(), to, mail).map_err(MailError::Write)?;
        let transport = self.transport.clone();
        let sent = tokio::task::spawn_blocking(move || transport.send(&message)).await;
        sent.map_err(MailError::Panicked)?.map(drop).map_err(MailError::Send)
    }
}

fn message(from: Mailbox, to: &[Mailbox], mail: &Mail) -> Result<Message, lettre::error::Error> {
    let builder = to.iter().cloned().fold(Message::builder().from(from), MessageBuilder::to);
    builder.subject(mail.subject.clone()).header(ContentType::TEXT_PLAIN).body(mail.body.clone())
}

fn mailbox(name: &str, text: &str) -> anyhow::Result<Mailbox> {
    text.parse().with_context(|| {
        format!("`{name}` is `{text}`; expected a mail address, such as `oncall@example.com`")
    })
}

fn tls(config: &MailConfig, host: &str) -> anyhow::Result<Tls> {
    let encrypted: fn(TlsParameters) -> Tls = match config.tls {
        TlsMode::Tls => Tls::Wrapper,
        TlsMode::Starttls => Tls::Required,
        TlsMode::None => return Ok(Tls::None),
    };
    let mut parameters = TlsParameters::builder(host.to_owned());
    if let Some(path) = &config.ca_file {
        let could_not_read = || format!("could not read `{}`", path.display());
        let pem = std::fs::read(path).with_context(could_not_read)?;
        let certificates = Certificate::from_pem(&pem).with_context(could_not_read)?;
        parameters = parameters.add_root_certificate(certificates);
    }
    Ok(encrypted(parameters.build().context("could not set up TLS for mails")?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(text: &str) -> MailConfig {
        toml::from_str(text).unwrap()
    }

    #[test]
    fn invalid_settings_are_named() {
        let good = "server = \"m:25\"\nfrom = \"a@b.example\"\nto = [\"c@d.example\"]\n";
        let cases = [
            (good.replace("m:25", "m"), "`mail.server` is `m`"),
            (good.replace("a@b.example", "a"), "`mail.from` is `a`"),
            (good.replace("\"c@d.example\"", ""), "`mail.to` is empty"),
            (format!("{good}user = \"u\"\n"), "`VIGIE_SMTP_PASSWORD`"),
        ];
        for (text, expected) in cases {
            let error = Mailer::new(&config(&text), None).err().unwrap();
            assert!(format!("{error:#}").contains(expected), "{error:#}");
        }
        let plain = config(&format!("{good}user = \"u\"\ntls = \"none\"\n"));
        let error = Mailer::new(&plain, Some("canary".into())).err().unwrap().to_string();
        assert!(error.contains("`mail.tls` is `none`") && !error.contains("canary"), "{error}");
        assert!(toml::from_str::<MailConfig>(&format!("{good}password = \"x\"")).is_err());
    }
}
