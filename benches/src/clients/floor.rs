//! The conversation over a raw socket with the minimum that Gradio requires, to measure the part of the overhead
//! that is the server's.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, SystemTime};

use anyhow::{Context, bail};
use serde_json::{Value, json};

use super::turn::Turn;

const SESSION: &str = "floor";

/// One connection, kept open as every client does.
struct Connection {
    stream: TcpStream,
    address: SocketAddr,
    buffer: Vec<u8>,
}

/// Sends all messages, each after the reply to the previous one; blocks.
pub(super) fn converse(address: SocketAddr, says: &[String]) -> anyhow::Result<Vec<Turn>> {
    let stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(Duration::from_secs(30)))?;
    let mut connection = Connection { stream, address, buffer: Vec::new() };
    let function = connection.function()?;
    says.iter().map(|said| connection.say(function, said)).collect()
}

impl Connection {
    /// The number of the chat's function.
    fn function(&mut self) -> anyhow::Result<u64> {
        self.send("GET", "/config", "")?;
        // Whole once it can be read.
        let config = loop {
            self.read()?;
            let text = self.text();
            let (_, body) = text.split_once("\r\n\r\n").unwrap_or_default();
            if let Ok(config) = serde_json::from_str::<Value>(body) {
                break config;
            }
        };
        let functions = config["dependencies"].as_array().context("no functions")?;
        let chat = functions.iter().find(|one| one["api_name"] == "chat").context("no chat")?;
        chat["id"].as_u64().context("no number")
    }

    fn say(&mut self, function: u64, said: &str) -> anyhow::Result<Turn> {
        let body = json!({ "data": [said, null], "fn_index": function, "session_hash": SESSION });
        let sent_at = now();
        self.send("POST", "/gradio_api/queue/join", &body.to_string())?;
        self.read_until("}")?;
        self.send("GET", &format!("/gradio_api/queue/data?session_hash={SESSION}"), "")?;
        while !self.text().contains(r#""process_generating""#) {
            self.read()?;
        }
        let first_at = now();
        self.read_until("\r\n0\r\n\r\n")?;
        let text = self.text();
        let end = text.rfind(r#""process_completed""#).context("the reply has no end")?;
        Ok(Turn { sent_at, first_at, text: text[end..].to_owned() })
    }

    fn send(&mut self, method: &str, path: &str, body: &str) -> anyhow::Result<()> {
        self.buffer.clear();
        let (host, length) = (self.address, body.len());
        let request = format!(
            "{method} {path} HTTP/1.1\r\nhost: {host}\r\naccept-encoding: identity\r\n\
             content-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
        );
        Ok(self.stream.write_all(request.as_bytes())?)
    }

    fn read_until(&mut self, end: &str) -> anyhow::Result<()> {
        while !self.buffer.ends_with(end.as_bytes()) {
            self.read()?;
        }
        Ok(())
    }

    fn read(&mut self) -> anyhow::Result<()> {
        let mut piece = [0; 16 * 1024];
        let length = self.stream.read(&mut piece)?;
        if length == 0 {
            bail!("the server closed the connection after `{}`", self.text());
        }
        self.buffer.extend_from_slice(&piece[..length]);
        Ok(())
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.buffer).into_owned()
    }
}

fn now() -> f64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0.0, |now| now.as_secs_f64())
}
