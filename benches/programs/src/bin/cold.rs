//! Measures one cold invocation of the bridge: 10,000 samples of one scrape, from exec to the answer.
//!
//! ```text
//! cargo lambda build --release --package bridge
//! cargo run -p bench-programs --bin cold -- target/lambda/bridge/bootstrap [SAMPLES]
//! ```
//!
//! The Lambda runtime API, the receiver and the AWS services are this program; the bridge is the real
//! one. Prints time, CPU and memory as JSON; `make bench ONLY=bridge` computes medians. CPU comes from the
//! kernel's scheduler, in nanoseconds.
#![allow(clippy::print_stdout, reason = "it prints measurements")]
#![allow(clippy::unwrap_used, reason = "a measurement that can't go on ends")]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant, SystemTime};

use samples::message;
use samples::{Entry, Timestamp};
use serde_json::json;

struct Cost {
    wall: Duration,
    cpu: Duration,
    peak_mib: f64,
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let samples = arguments.get(1).map_or(10_000, |text| text.parse().unwrap());
    let cost = invoke(&arguments[0], samples);
    let measurements = json!({
        "wall_ms": cost.wall.as_secs_f64() * 1e3,
        "cpu_ms": cost.cpu.as_secs_f64() * 1e3,
        "peak_mib": cost.peak_mib,
    });
    println!("{measurements}");
}

fn invoke(program: &str, samples: usize) -> Cost {
    let event = event(samples);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let (answered, answer) = mpsc::channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let (event, answered) = (event.clone(), answered.clone());
            std::thread::spawn(move || serve(stream.unwrap(), &event, &answered));
        }
    });
    let began = Instant::now();
    let mut child = Command::new(program)
        .env_clear()
        .envs([
            ("AWS_LAMBDA_RUNTIME_API", address.as_str()),
            ("AWS_LAMBDA_FUNCTION_NAME", "bridge"),
            ("AWS_LAMBDA_FUNCTION_VERSION", "1"),
            ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128"),
            ("AWS_LAMBDA_LOG_GROUP_NAME", "bridge"),
            ("AWS_LAMBDA_LOG_STREAM_NAME", "bridge"),
            ("AWS_REGION", "eu-west-1"),
            ("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"),
            ("AWS_SECRET_ACCESS_KEY", "example"),
            ("AWS_ENDPOINT_URL", &format!("http://{address}")),
            ("VIGIE_ENVIRONMENT", "bench"),
            ("REMOTE_WRITE_URL", &format!("http://{address}/api/v1/write")),
            ("REPORT_BUCKET", "reports"),
            ("SAMPLES_QUEUE_URL", &format!("http://{address}/1/samples.fifo")),
            ("SAMPLES_DEAD_LETTER_URL", &format!("http://{address}/1/samples-dead.fifo")),
        ])
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let failures = answer.recv_timeout(Duration::from_secs(60)).unwrap();
    let wall = began.elapsed();
    let (cpu, peak_mib) = used(&child);
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(failures, r#"{"batchItemFailures":[]}"#, "everything was sent");
    Cost { wall, cpu, peak_mib }
}

/// CPU time and the highest resident set in MiB.
fn used(child: &Child) -> (Duration, f64) {
    let folder = format!("/proc/{}", child.id());
    let tasks = std::fs::read_dir(format!("{folder}/task")).unwrap();
    let nanos = tasks.map(|task| {
        let stat = std::fs::read_to_string(task.unwrap().path().join("schedstat")).unwrap();
        stat.split(' ').next().unwrap().parse::<u64>().unwrap()
    });
    let cpu = Duration::from_nanos(nanos.sum());
    let status = std::fs::read_to_string(format!("{folder}/status")).unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    let kib: f64 = peak.trim().trim_end_matches(" kB").parse().unwrap();
    (cpu, kib / 1024.0)
}

fn serve(stream: TcpStream, event: &str, answered: &mpsc::Sender<String>) {
    let mut stream = BufReader::new(stream);
    loop {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if stream.read_line(&mut head).unwrap_or(0) == 0 {
                return;
            }
        }
        let length = head.lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse().unwrap())
        });
        let mut body = if head.to_lowercase().contains("transfer-encoding: chunked") {
            chunks(&mut stream)
        } else {
            vec![0; length.unwrap_or(0)]
        };
        if length.is_some() {
            stream.read_exact(&mut body).unwrap();
        }
        let path = head.split(' ').nth(1).unwrap();
        let answer = if path.ends_with("/invocation/next") {
            let deadline = SystemTime::now() + Duration::from_secs(60);
            let deadline = deadline.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_millis();
            let headers = format!(
                "Lambda-Runtime-Aws-Request-Id: 1\r\nLambda-Runtime-Deadline-Ms: {deadline}\r\n\
                 Lambda-Runtime-Invoked-Function-Arn: arn:aws:lambda:eu-west-1:1:function:bridge\r\n"
            );
            reply(200, &headers, event)
        } else if path.ends_with("/response") {
            answered.send(String::from_utf8_lossy(&body).into_owned()).unwrap();
            return; // The next invocation never comes.
        } else if path == "/api/v1/write" {
            reply(204, "", "")
        } else {
            // CloudWatch's PutMetricData: an empty map in CBOR.
            reply(
                200,
                "Smithy-Protocol: rpc-v2-cbor\r\nContent-Type: application/cbor\r\n",
                "\u{a0}",
            )
        };
        stream.get_mut().write_all(&answer).unwrap();
    }
}

fn chunks(stream: &mut BufReader<TcpStream>) -> Vec<u8> {
    let mut body = Vec::new();
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).unwrap();
        let length = usize::from_str_radix(line.trim(), 16).unwrap();
        let start = body.len();
        body.resize(start + length + 2, 0);
        stream.read_exact(&mut body[start..]).unwrap();
        body.truncate(start + length);
        if length == 0 {
            return body;
        }
    }
}

fn reply(status: u16, headers: &str, body: &str) -> Vec<u8> {
    // Latin-1, so that one character is one byte.
    let body: Vec<u8> = body.chars().map(|each| u8::try_from(each).unwrap_or(b'?')).collect();
    let head = format!("HTTP/1.1 {status} OK\r\n{headers}Content-Length: {}\r\n\r\n", body.len());
    [head.into_bytes(), body].concat()
}

/// One scrape of so many counters, as the queue delivers it.
fn event(samples: usize) -> String {
    let now: Timestamp = SystemTime::now().into();
    let entries: Vec<Entry> = (0..samples)
        .map(|number| {
            let name = format!("bench_family_{:04}_requests_total", number / 50);
            let route = format!("/api/v1/things/{}", number % 50);
            let labels = [
                ("route", route.as_str()),
                ("code", "200"),
                ("instance", "bot:7860"),
                ("job", "gradio_chatbot"),
                ("environment", "bench"),
                ("location", "eu-west-1"),
            ];
            let value = f64::from(u32::try_from(number).unwrap()) * 17.5;
            Entry::of(&name, labels, Some(value), now).unwrap()
        })
        .collect();
    let messages = message::encode("bot", "run", now, &entries).messages;
    let records = messages.iter().enumerate().map(|(index, message)| {
        json!({
            "messageId": index.to_string(),
            "receiptHandle": index.to_string(),
            "body": message.body,
            "attributes": {
                "MessageGroupId": "bot",
                "ApproximateReceiveCount": "1",
                "SentTimestamp": now.as_millis().to_string(),
            },
            "eventSource": "aws:sqs",
        })
    });
    json!({ "Records": records.collect::<Vec<_>>() }).to_string()
}
