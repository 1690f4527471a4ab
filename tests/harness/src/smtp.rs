//! A mail server that keeps received mails. It supports the part of SMTP and MIME that Alertmanager
//! uses. <https://www.rfc-editor.org/rfc/rfc5321>

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

use crate::net::loopback;

/// A mail as it was sent.
#[derive(Clone, Debug, Default)]
pub struct ReceivedMail {
    /// Recipients of the envelope.
    pub to: Vec<String>,
    pub subject: String,
    /// Headers, and all parts with decoded transfer encoding.
    pub text: String,
}

/// Receives until it is dropped.
pub struct MailServer {
    pub address: SocketAddr,
    mails: Arc<Mutex<Vec<ReceivedMail>>>,
    task: tokio::task::JoinHandle<()>,
}

impl MailServer {
    /// Opens on a free port.
    pub async fn open() -> anyhow::Result<Self> {
        let listener = TcpListener::bind(loopback(0)).await?;
        let address = listener.local_addr()?;
        let mails = Arc::<Mutex<Vec<ReceivedMail>>>::default();
        let kept = Arc::clone(&mails);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let kept = Arc::clone(&kept);
                // A sender that closes the connection early has sent no mail.
                tokio::spawn(async move { converse(stream, &kept).await });
            }
        });
        Ok(Self { address, mails, task })
    }

    /// All mails so far, oldest first.
    #[must_use]
    pub fn mails(&self) -> Vec<ReceivedMail> {
        self.mails.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for MailServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn converse(stream: TcpStream, kept: &Mutex<Vec<ReceivedMail>>) -> std::io::Result<()> {
    let (read, mut write) = stream.into_split();
    let mut lines = BufReader::new(read).lines();
    let mut mail = ReceivedMail::default();
    write.write_all(b"220 mail for the tests\r\n").await?;
    while let Some(line) = lines.next_line().await? {
        let verb = line.split([' ', ':']).next().unwrap_or_default().to_ascii_uppercase();
        let answer = match verb.as_str() {
            "EHLO" | "HELO" | "MAIL" | "RSET" | "NOOP" => "250 ok",
            "RCPT" => {
                let address = line.split_once('<').and_then(|(_, rest)| rest.split_once('>'));
                mail.to.extend(address.map(|(address, _)| address.to_owned()));
                "250 ok"
            }
            "DATA" => {
                write.write_all(b"354 go on, end with a point\r\n").await?;
                let mut raw = String::new();
                while let Some(line) = lines.next_line().await? {
                    if line == "." {
                        break;
                    }
                    raw.push_str(line.strip_prefix('.').unwrap_or(&line));
                    raw.push('\n');
                }
                let mut done = std::mem::take(&mut mail);
                done.subject = header(&raw, "Subject");
                done.text = unquoted(&raw);
                kept.lock().unwrap_or_else(PoisonError::into_inner).push(done);
                "250 kept"
            }
            "QUIT" => {
                write.write_all(b"221 bye\r\n").await?;
                break;
            }
            _ => "502 not here",
        };
        write.write_all(format!("{answer}\r\n").as_bytes()).await?;
    }
    Ok(())
}

/// The value of a header; empty when there is none.
fn header(raw: &str, name: &str) -> String {
    let value = raw.lines().take_while(|line| !line.is_empty()).find_map(|line| {
        let (found, value) = line.split_once(':')?;
        found.eq_ignore_ascii_case(name).then(|| value.trim().to_owned())
    });
    value.unwrap_or_default()
}

/// Decodes quoted-printable: <https://www.rfc-editor.org/rfc/rfc2045#section-6.7>.
fn unquoted(raw: &str) -> String {
    let joined = raw.replace("=\n", "");
    let mut bytes = Vec::with_capacity(joined.len());
    let mut rest = joined.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        let code = after.get(..2).and_then(|code| std::str::from_utf8(code).ok());
        match code.and_then(|code| u8::from_str_radix(code, 16).ok()) {
            Some(value) if byte == b'=' => {
                bytes.push(value);
                rest = &after[2..];
            }
            _ => {
                bytes.push(byte);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn mail_is_kept_decoded() {
        let server = MailServer::open().await.unwrap();
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        let sent = "EHLO me\r\nMAIL FROM:<a@example.com>\r\nRCPT TO:<b@example.com>\r\nDATA\r\n\
                    To: b@example.com\r\nSubject: [FIRING:1] InstanceDown\r\n\r\n\
                    is d=\r\nown: 100 =3D caf=C3=A9\r\n..point\r\n.\r\nQUIT\r\n";
        stream.write_all(sent.as_bytes()).await.unwrap();
        let mut answers = String::new();
        tokio::io::AsyncReadExt::read_to_string(&mut stream, &mut answers).await.unwrap();
        assert!(answers.ends_with("250 kept\r\n221 bye\r\n"), "{answers}");
        let [mail] = &server.mails()[..] else { panic!("{:?}", server.mails()) };
        assert_eq!(mail.to, ["b@example.com"]);
        assert_eq!(mail.subject, "[FIRING:1] InstanceDown");
        assert!(mail.text.ends_with("is down: 100 = café\n.point\n"), "{}", mail.text);
    }
}
