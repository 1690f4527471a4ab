//! Holds conversations with Gradio chatbots, whatever their version, and times them.
//!
//! Gradio changed its protocol six times between 3.1 and 6: WebSockets, then event streams of
//! which each release knew a new kind. An app's own description tells which one it speaks and what
//! it is made of; from that the chat is found, be it a `ChatInterface`, a chain of `gr.Blocks`
//! events or a text box with an answer beside it.
//!
//! ```no_run
//! # async fn example() -> Result<(), gradio::Error> {
//! let client = gradio::Client::builder("https://chat.example.com").build()?;
//! let mut conversation = client.connect().await?;
//! conversation.say("My name is Ada.", &mut |_| {}).await?;
//! let reply = conversation.say("What is my name?", &mut |_| {}).await?;
//! println!("{} after {:?}", reply.text, reply.timing.first_text);
//! # Ok(())
//! # }
//! ```
//!
//! What goes wrong has exactly one [`Failure`]; what is read or awaited is bounded by [`Limits`].

mod arguments;
mod certificate;
mod client;
mod describe;
mod discovery;
mod endpoint;
mod failure;
mod farewell;
mod http;
mod limits;
mod patience;
mod phases;
mod redact;
mod session;
mod space;
mod timing;
mod tls;
mod transport;
mod turn;

// What is read from outside, open to whoever wants to test or fuzz it by itself.
pub mod config;
pub mod diff;
pub mod event_stream;
pub mod message;
pub mod reply;

pub use arguments::Input;
pub use client::{Client, ClientBuilder, Proxy};
pub use config::Protocol;
pub use discovery::{Candidate, Discovery, ways_to_chat};
pub use endpoint::{EndpointChoice, How};
pub use failure::{Error, Failure, Partial};
pub use limits::Limits;
pub use phases::Phases;
pub use reply::{Part, Reply, Thought};
pub use session::{Description, Session};
pub use timing::TurnTiming;
pub use turn::Progress;
