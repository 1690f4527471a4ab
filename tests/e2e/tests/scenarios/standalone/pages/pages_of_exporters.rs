//! Pages in the style of common exporters, and one page for each form of a number, a time, a name or a label.

use std::fmt::Write as _;

use super::set::{OPEN_METRICS, TEXT};

/// Name, content type and body.
type Page = (String, &'static str, String);

pub(crate) fn all() -> Vec<Page> {
    let mut pages = Vec::new();
    for (name, body) in [
        ("node", node()),
        ("containers", containers()),
        ("api-server", api_server()),
        ("state-of-objects", state_of_objects()),
        ("virtual-machine", virtual_machine()),
        ("language-model", language_model()),
        ("black-box", black_box()),
        ("queue-broker", queue_broker()),
        ("labels-41", many_labels(41)),
        ("labels-130", many_labels(130)),
        ("long-value-5000", format!("a{{b=\"{}\"}} 1\n", "x".repeat(5000))),
        ("long-value-70000", format!("a{{b=\"{}\"}} 1\n", "x".repeat(70_000))),
        ("long-help", format!("# HELP a {}\n# TYPE a gauge\na 1\n", "x".repeat(70_000))),
        ("long-comment", format!("# {}\na 1\n", "x".repeat(70_000))),
        ("interleaved-families", INTERLEAVED.to_owned()),
        (
            "utf-8-names",
            "{\"a.b\"} 1\n{\"c d\",\"e.f\"=\"g\"} 2\nplain{\"h.i\"=\"j\"} 3\n".to_owned(),
        ),
        ("own-times", "a 1 @+1500@\nb 2\nc 3 @-1500@\nd 4 @+3600000@\n".to_owned()),
        ("own-time-and-twin", "a 1 @+1500@\na 2\n".to_owned()),
    ] {
        pages.push((format!("exporter-{name}"), TEXT, body));
    }
    for (name, body) in OPEN {
        pages.push((format!("exporter-om-{name}"), OPEN_METRICS, format!("{body}# EOF\n")));
    }
    for (index, form) in NUMBERS.iter().enumerate() {
        pages.push((format!("number-{index:02}-text"), TEXT, format!("a {form}\nb 1\n")));
        let open = format!("a {form}\nb 1\n# EOF\n");
        pages.push((format!("number-{index:02}-om"), OPEN_METRICS, open));
    }
    for (index, form) in LINES.iter().enumerate() {
        pages.push((format!("line-{index:02}-text"), TEXT, format!("before 1\n{form}\nafter 2\n")));
        let open = format!("before 1\n{form}\nafter 2\n# EOF\n");
        pages.push((format!("line-{index:02}-om"), OPEN_METRICS, open));
    }
    pages
}

const NUMBERS: &[&str] = &[
    "0",
    "-0",
    "+0",
    "1",
    "+1",
    "-1",
    "1.",
    ".5",
    "-.5",
    "00012",
    "1e3",
    "1E3",
    "1e+3",
    "1e-3",
    "1e400",
    "-1e400",
    "1e-400",
    "5e-324",
    "1.7976931348623157e308",
    "0x1p4",
    "0X1P-2",
    "0x1",
    "0b1",
    "0o7",
    "1_000",
    "Inf",
    "+Inf",
    "-Inf",
    "inf",
    "INF",
    "infinity",
    "-Infinity",
    "NaN",
    "nan",
    "NAN",
    "+NaN",
    "-nan",
    "123456789012345678901234567890",
    "0.1",
    "3.141592653589793238",
    "9007199254740993",
    "1e",
    "e1",
    "--1",
    "1,5",
    "1 ",
    " 1",
    "\u{663}",
    "true",
    "0x",
    ".",
    "+",
    "1f",
    "1e3.5",
];

const LINES: &[&str] = &[
    "a{b=\"c\"} 1",
    "a{b=\"c\",} 1",
    "a{b=\"c\",d=\"e\"} 1",
    "a{b=\"c\", d=\"e\"} 1",
    "a{ b = \"c\" } 1",
    "a {b=\"c\"} 1",
    "a{b=\"c\"}1",
    "a{} 1",
    "a{,} 1",
    "a{b=\"\"} 1",
    "a{b=\"\\\"\\\\\\n\"} 1",
    "a{b=\"\\t\"} 1",
    "a{b=\"\u{e9}\u{4e2d}\u{1f600}\"} 1",
    "a{b='c'} 1",
    "a{b=c} 1",
    "a{b} 1",
    "a{=\"c\"} 1",
    "a{b=\"c\" 1",
    "a{b=\"c} 1",
    "a{b=\"c\"d=\"e\"} 1",
    "a{b=\"c\",b=\"d\"} 1",
    "a{__name__=\"c\"} 1",
    "a{job=\"other\"} 1",
    "a{instance=\"other\",exported_instance=\"third\"} 1",
    "a:b:c 1",
    ":a 1",
    "_a 1",
    "9a 1",
    "a-b 1",
    "a.b 1",
    "a 1 1800000000000",
    "a 1 1800000000",
    "a 1 1800000000.123",
    "a 1 -5",
    "a 1 x",
    "a 1 2 3",
    "a",
    "a ",
    "\ta 1",
    "a\t1",
    "#",
    "# ",
    "# comment",
    "#comment",
    "# HELP a text",
    "# HELP a",
    "# HELP a two\\nlines \\\\ and \\\"quotes\\\"",
    "# TYPE a counter",
    "# TYPE a Counter",
    "# TYPE a",
    "# TYPE a unknown",
    "# TYPE a untyped",
    "# TYPE a gaugehistogram",
    "# UNIT a_seconds seconds",
    "# UNIT a seconds",
    "# EOF",
    "a 1 # {trace=\"x\"} 1",
    "a_total 1 # {trace=\"x\"} 1",
    "a_total 1 # {trace=\"x\"} 1 1800000000.5",
    "a_bucket{le=\"+Inf\"} 1 # {trace=\"x\",span=\"y\"} 0.5",
    "a_bucket{le=\"1\"} 1",
    "a_bucket{le=\"1e3\"} 1",
    "a{quantile=\"0.5\"} NaN",
    "a 1\r",
    "\u{feff}a 1",
    "a{b=\"\u{0}\"} 1",
];

const INTERLEAVED: &str = "# TYPE a counter\n# HELP a First.\n# TYPE b gauge\n# HELP b Second.\na 1\nb 2\na{x=\"1\"} 3\nb{x=\"1\"} 4\n";

const OPEN: &[(&str, &str)] = &[
    (
        "counters",
        "# TYPE a counter\n# UNIT a_seconds seconds\n# HELP a Help.\na_total 1\na_created 1700000000.25\n",
    ),
    (
        "counter-with-unit",
        "# TYPE a_seconds counter\n# UNIT a_seconds seconds\na_seconds_total 1\na_seconds_created 1700000000.25\n",
    ),
    ("info", "# TYPE a info\na_info{version=\"1\"} 1\n"),
    ("state-set", "# TYPE a stateset\na{a=\"on\"} 1\na{a=\"off\"} 0\n"),
    (
        "gauge-histogram",
        "# TYPE a gaugehistogram\na_bucket{le=\"1.0\"} 1\na_bucket{le=\"+Inf\"} 2\na_gcount 2\na_gsum 3\n",
    ),
    (
        "histogram-with-exemplars",
        "# TYPE a histogram\na_bucket{le=\"0.1\"} 1 # {trace=\"one\"} 0.05\na_bucket{le=\"+Inf\"} 2 # {trace=\"two\"} 7 1700000000.5\na_count 2\na_sum 7.05\na_created 1700000000\n",
    ),
    (
        "summary",
        "# TYPE a summary\na{quantile=\"0.5\"} 1\na{quantile=\"0.99\"} NaN\na_count 2\na_sum 3\na_created 1700000000\n",
    ),
    ("utf-8-names", "# TYPE \"a.b\" gauge\n{\"a.b\"} 1\n{\"a.b\",\"c d\"=\"e\"} 2\n"),
    ("own-times", "a 1 @+1500@\nb 2\n"),
    ("unknown", "# TYPE a unknown\na 1\n"),
    (
        "long-exemplar",
        "# TYPE a counter\na_total 1 # {x=\"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\"} 1\n",
    ),
];

fn family(page: &mut String, name: &str, kind: &str, help: &str) {
    let _ = writeln!(page, "# HELP {name} {help}\n# TYPE {name} {kind}");
}

fn node() -> String {
    let mut page = String::new();
    family(&mut page, "node_cpu_seconds_total", "counter", "Seconds the CPUs spent in each mode.");
    for cpu in 0..8 {
        for (index, mode) in ["idle", "iowait", "irq", "nice", "softirq", "steal", "system", "user"]
            .into_iter()
            .enumerate()
        {
            let value =
                1234.5 * f64::from(cpu + 1) + f64::from(u8::try_from(index).unwrap_or(0)) / 8.0;
            let _ =
                writeln!(page, "node_cpu_seconds_total{{cpu=\"{cpu}\",mode=\"{mode}\"}} {value}");
        }
    }
    family(&mut page, "node_filesystem_avail_bytes", "gauge", "Filesystem space available.");
    for (device, mount) in [("/dev/vda1", "/"), ("tmpfs", "/run"), ("C:\\\\", "a \\\"b\\\"")] {
        let labels = format!("device=\"{device}\",fstype=\"ext4\",mountpoint=\"{mount}\"");
        let _ = writeln!(page, "node_filesystem_avail_bytes{{{labels}}} 1.234567890e+11");
    }
    family(&mut page, "node_uname_info", "gauge", "Labels of uname.");
    page.push_str("node_uname_info{domainname=\"(none)\",machine=\"x86_64\",nodename=\"n\",release=\"6.1\",sysname=\"Linux\",version=\"#1 SMP\"} 1\n");
    page
}

fn containers() -> String {
    let mut page = String::new();
    family(&mut page, "container_cpu_usage_seconds_total", "counter", "CPU time consumed.");
    for number in 0..40 {
        let labels = format!(
            "container=\"c{number}\",cpu=\"total\",id=\"/kubepods.slice/pod{number:08x}\",image=\"registry/img:{number}\",name=\"k8s_{number}\",namespace=\"default\",pod=\"pod-{number}\""
        );
        let _ = writeln!(
            page,
            "container_cpu_usage_seconds_total{{{labels}}} {number}.25 @+{}@",
            1000 + number
        );
    }
    page
}

fn api_server() -> String {
    let mut page = String::new();
    family(&mut page, "apiserver_request_duration_seconds", "histogram", "Latency by verb.");
    for verb in ["GET", "LIST", "PATCH", "WATCH"] {
        for (count, le) in
            ["0.005", "0.025", "0.1", "1", "5", "10", "60", "+Inf"].iter().enumerate()
        {
            let _ = writeln!(
                page,
                "apiserver_request_duration_seconds_bucket{{verb=\"{verb}\",le=\"{le}\"}} {}",
                count * 7
            );
        }
        let _ = writeln!(page, "apiserver_request_duration_seconds_sum{{verb=\"{verb}\"}} 12.5");
        let _ = writeln!(page, "apiserver_request_duration_seconds_count{{verb=\"{verb}\"}} 49");
    }
    page
}

fn state_of_objects() -> String {
    let mut page = String::new();
    family(&mut page, "kube_pod_status_phase", "gauge", "The pods current phase.");
    for pod in 0..30 {
        for phase in ["Pending", "Succeeded", "Failed", "Unknown", "Running"] {
            let value = u8::from(phase == "Running");
            let _ = writeln!(
                page,
                "kube_pod_status_phase{{namespace=\"default\",pod=\"pod-{pod}\",uid=\"{pod:032x}\",phase=\"{phase}\"}} {value}"
            );
        }
    }
    page
}

fn virtual_machine() -> String {
    let mut page = String::new();
    family(
        &mut page,
        "go_gc_duration_seconds",
        "summary",
        "Pause duration of garbage collections.",
    );
    for (quantile, value) in [("0", "2.1e-05"), ("0.25", "4e-05"), ("0.5", "NaN"), ("1", "0.001")] {
        let _ = writeln!(page, "go_gc_duration_seconds{{quantile=\"{quantile}\"}} {value}");
    }
    page.push_str("go_gc_duration_seconds_sum 0.25\ngo_gc_duration_seconds_count 31\n");
    family(&mut page, "jvm_memory_used_bytes", "gauge", "Used bytes of a memory area.");
    for pool in ["G1 Eden Space", "CodeHeap 'profiled nmethods'", "Metaspace"] {
        let _ = writeln!(page, "jvm_memory_used_bytes{{area=\"heap\",id=\"{pool}\",}} 1.2345678E7");
    }
    page
}

fn language_model() -> String {
    let mut page = String::new();
    family(&mut page, "vllm:num_requests_running", "gauge", "Number of requests in execution.");
    page.push_str("vllm:num_requests_running{model_name=\"org/small-7b\"} 3.0\n");
    family(&mut page, "vllm:time_to_first_token_seconds", "histogram", "Time to first token.");
    for (count, le) in ["0.001", "0.02", "0.5", "1.0", "2560.0", "+Inf"].iter().enumerate() {
        let _ = writeln!(
            page,
            "vllm:time_to_first_token_seconds_bucket{{le=\"{le}\",model_name=\"org/small-7b\"}} {count}.0"
        );
    }
    page.push_str("vllm:time_to_first_token_seconds_count{model_name=\"org/small-7b\"} 5.0\n");
    page.push_str("vllm:time_to_first_token_seconds_sum{model_name=\"org/small-7b\"} 0.75\n");
    page
}

fn black_box() -> String {
    "# HELP probe_success Whether the probe was a success\n# TYPE probe_success gauge\nprobe_success 1\n\
     # TYPE probe_duration_seconds gauge\nprobe_duration_seconds 0.012345678\n\
     # TYPE probe_http_duration_seconds gauge\nprobe_http_duration_seconds{phase=\"connect\"} 1.2e-05\n\
     probe_http_duration_seconds{phase=\"resolve\"} 0\nprobe_ssl_earliest_cert_expiry 1.8e+09\nup 5\n"
        .to_owned()
}

fn queue_broker() -> String {
    let mut page = String::new();
    for queue in ["q1", "q2", "q3"] {
        for name in ["messages_ready", "messages_unacked"] {
            let _ = writeln!(page, "# TYPE broker_queue_{name} gauge");
            let _ = writeln!(page, "broker_queue_{name}{{queue=\"{queue}\",vhost=\"/\"}} 7");
        }
    }
    page
}

fn many_labels(count: usize) -> String {
    let labels: Vec<String> = (0..count).map(|number| format!("l{number}=\"{number}\"")).collect();
    format!("a{{{}}} 1\n", labels.join(","))
}
