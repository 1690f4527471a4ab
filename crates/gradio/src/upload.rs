//! Files that are sent with a message: uploaded first, then named in the value of the message box.

use http::StatusCode;
use http::header::CONTENT_TYPE;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::app::App;
use crate::failure::{Failure, Fault};
use crate::http::{Http, HttpError};
use crate::redact;
use crate::tls;

/// A file to send with a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upload {
    /// Its name; the ending gives the media type.
    pub name: String,
    /// Its content.
    pub bytes: Vec<u8>,
}

/// Uploads files and returns their values, as the message box holds them.
pub(crate) async fn upload(
    http: &Http,
    app: &App,
    files: &[Upload],
    until: Instant,
) -> Result<Vec<Value>, Fault> {
    send(http, app, files, until).await.map_err(|error| match error {
        HttpError::Fault(fault) | HttpError::EndOfStream(fault) => fault,
        HttpError::TimedOut => Fault::new(
            Failure::Timeout,
            "the upload of the files did not finish before the time limit of the conversation",
        ),
    })
}

async fn send(
    http: &Http,
    app: &App,
    files: &[Upload],
    until: Instant,
) -> Result<Vec<Value>, HttpError> {
    let boundary = format!("----vigie{}", tls::random_name());
    let mut url = app.api("upload");
    url.query_pairs_mut().append_pair("upload_id", &tls::random_name());
    let request = http
        .request(Method::POST, url)
        .header(CONTENT_TYPE, format!("multipart/form-data; boundary={boundary}"))
        .body(form(files, &boundary));
    let response = http.send(request, until).await?;
    if response.status() != StatusCode::OK {
        return Err(http.refusal(response, until).await.into());
    }
    let body = http.body(response, http.settings.limits.decompressed_bytes, until).await?;
    let paths: Vec<String> = serde_json::from_slice(&body).unwrap_or_default();
    if paths.len() != files.len() {
        let prose =
            format!("`upload` returned {}; expected the path of each file", redact::excerpt(&body));
        return Err(HttpError::new(Failure::StreamBroken, prose));
    }
    Ok(files.iter().zip(&paths).map(|(file, path)| value(app, file, path)).collect())
}

/// The value of an uploaded file, as the page sends it.
fn value(app: &App, file: &Upload, path: &str) -> Value {
    json!({
        "path": path,
        "url": app.api(&format!("file={path}")).as_str(),
        "orig_name": file.name,
        "size": file.bytes.len(),
        "mime_type": media_type(&file.name),
        "is_stream": false,
        "meta": { "_type": "gradio.FileData" },
    })
}

/// A body of type `multipart/form-data` (RFC 7578). Names are escaped as in the HTML standard.
fn form(files: &[Upload], boundary: &str) -> Vec<u8> {
    let mut body = Vec::new();
    for file in files {
        let name = file.name.replace('"', "%22").replace('\r', "%0D").replace('\n', "%0A");
        let head = format!(
            "--{boundary}\r\nContent-Disposition: form-data; name=\"files\"; \
             filename=\"{name}\"\r\nContent-Type: {}\r\n\r\n",
            media_type(&file.name)
        );
        body.extend_from_slice(head.as_bytes());
        body.extend_from_slice(&file.bytes);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(format!("--{boundary}--\r\n").as_bytes());
    body
}

fn media_type(name: &str) -> &'static str {
    let ending = name.rsplit_once('.').map(|(_, ending)| ending.to_ascii_lowercase());
    match ending.as_deref().unwrap_or_default() {
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "gif" => "image/gif",
        "webp" => "image/webp",
        "svg" => "image/svg+xml",
        "pdf" => "application/pdf",
        "json" => "application/json",
        "txt" | "log" => "text/plain",
        "md" => "text/markdown",
        "csv" => "text/csv",
        "html" | "htm" => "text/html",
        "wav" => "audio/wav",
        "mp3" => "audio/mpeg",
        "mp4" => "video/mp4",
        _ => "application/octet-stream",
    }
}
