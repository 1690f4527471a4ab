//! The bill is compared with arithmetic, with the templates and with the documentation.

use std::time::Duration;

use super::usage::*;
use super::*;

const ASSUMED: Assumed = Assumed {
    run: Duration::from_secs(5),
    memory: 256,
    all_metrics: false,
    remote_write: false,
    bridge_memory: 256,
    samples: 1_000,
    heartbeat: false,
    locations: 1,
    agents: 0,
    history: History::Off,
    key_rotations: 0,
    network: Network::Public,
};

fn probes(count: usize, every: &str) -> Vec<Probe> {
    probes_at("http://x", count, every)
}

fn probes_at(url: &str, count: usize, every: &str) -> Vec<Probe> {
    let one = |number: usize| {
        let text = format!(
            "probe: bot-{number}\nevery: {every}\ntarget: {{ url: \"{url}\" }}\nconversation: [ {{ say: hi }} ]\n"
        );
        let spec = probe_file::parse(&text, "bot.yaml").unwrap();
        spec.resolve(&"prod".parse().unwrap(), &|_| None).unwrap()
    };
    (0..count).map(one).collect()
}

fn line(bill: &[Line], name: &str) -> f64 {
    bill.iter().find(|line| line.name == name).unwrap().dollars
}

#[test]
fn bill_of_a_probe_per_minute_matches_arithmetic() {
    let prices = Prices::built_in();
    let bill = bill(&probes(1, "1m"), ASSUMED, &prices);
    // 43,200 runs of 5.3 s with 0.25 GB, and 43,200 tenths of a second of the dispatcher and of alerts.
    let seconds = 43_200.0 * 5.3 * 0.25 + 43_200.0 * 0.1 * 0.125 + 43_200.0 * 0.1 * 0.25;
    let lambda = seconds * 0.000_013_333_4 + 129_600.0 / 1e6 * 0.2;
    assert!((line(&bill, "Lambda") - lambda).abs() < 1e-9);
    assert!((line(&bill, "CloudWatch metrics") - (2.0 + 1.0 / 24.0 + 4.0) * 0.3).abs() < 1e-9);
    assert!((line(&bill, "CloudWatch alarms") - 25.0 * 0.1).abs() < 1e-9);
    assert!((synthetics(&probes(1, "1m"), &prices) - 51.84).abs() < 1e-9);
}

#[test]
fn bill_of_three_locations_matches_arithmetic() {
    let prices = Prices::built_in();
    let three = Assumed { locations: 3, ..ASSUMED };
    let of = |assumed, name| line(&bill(&probes(1, "1m"), assumed, &prices), name);
    let more = |name| of(three, name) - of(ASSUMED, name);
    // Two metrics of each location; six instead of one in the vote, three alarms of locations, and
    // that about their dead letters.
    assert!((more("CloudWatch metrics") - 6.0 * 0.3).abs() < 1e-9);
    assert!((more("CloudWatch alarms") - 9.0 * 0.1).abs() < 1e-9);
    let runs = 86_400.0 * (5.3 * 0.25 * 0.000_013_333_4 + 0.2 / 1e6);
    assert!((more("Lambda") - runs).abs() < 1e-9);

    let mut narrowed = probes(1, "1m");
    let locations = Some(vec!["eu-west-3".parse().unwrap()]);
    narrowed[0].placement = domain::Placement { locations, spread: false };
    let alarms = line(&bill(&narrowed, three, &prices), "CloudWatch alarms");
    assert!((alarms - of(ASSUMED, "CloudWatch alarms") - 0.1).abs() < 1e-9);
}

#[test]
fn runs_of_an_agent_use_no_lambda() {
    let prices = Prices::built_in();
    let at = |locations, agents| Assumed { locations, agents, ..ASSUMED };
    let of = |assumed, name| line(&bill(&probes(1, "1m"), assumed, &prices), name);
    let more = |name| of(at(2, 1), name) - of(ASSUMED, name);
    assert!(more("Lambda").abs() < 1e-9);
    assert!((more("CloudWatch metrics") - 4.0 * 0.3).abs() < 1e-9);
    assert!((of(at(2, 1), "CloudWatch metrics") - of(at(2, 0), "CloudWatch metrics")).abs() < 1e-9);
    // A request that sends, one that receives, one that deletes, and six polls a minute.
    assert!((more("Queues") - 43_200.0 * 9.0 / 1e6 * 0.4).abs() < 1e-9, "{}", more("Queues"));
    assert!(more("Logs").abs() < 1e-9);
}

#[test]
fn probes_share_invocations() {
    let prices = Prices::built_in();
    let one = line(&bill(&probes(1, "1m"), ASSUMED, &prices), "Lambda");
    let hundred = line(&bill(&probes(100, "1m"), ASSUMED, &prices), "Lambda");
    assert!(hundred < one * 20.0, "{one} {hundred}");
}

#[test]
fn high_resolution_alarms_cost_more_and_disabled_probes_nothing() {
    let prices = Prices::built_in();
    let base = total(&bill(&[], ASSUMED, &prices));
    let alarms = line(&bill(&probes(1, "10s"), ASSUMED, &prices), "CloudWatch alarms");
    assert!((alarms - (2.3 + 0.6)).abs() < 1e-9);
    let off: Vec<Probe> =
        probes(1, "1m").into_iter().map(|probe| Probe { enabled: false, ..probe }).collect();
    assert!((total(&bill(&off, ASSUMED, &prices)) - base).abs() < 1e-9);
}

#[test]
fn templates_have_the_counted_resources() {
    let template = [
        include_str!("../../../../infra/template.yaml"),
        include_str!("../../../../infra/self-monitoring.yaml"),
        include_str!("../../../../infra/dashboard.yaml"),
    ]
    .concat();
    let counted = [
        ("CloudWatch::Dashboard", OWN_DASHBOARDS),
        ("Scheduler::Schedule", CALLED_EACH_MINUTE),
        ("KMS::Key", 1.0),
        // A composite alarm costs as much as five alarms and is not in the bill.
        ("CloudWatch::CompositeAlarm", 0.0),
    ];
    for (resource, counted) in counted {
        let line = format!("Type: AWS::{resource}");
        let found = template.lines().filter(|found| found.trim() == line).count();
        assert!((float(found) - counted).abs() < 0.5, "{found} of {resource}");
    }
    let metrics = template.lines().filter(|line| line.trim().starts_with("MetricName: "));
    let metrics = metrics.count();
    // Two more are created only with a metric stream, one with an escalation, one with a status page, and one
    // with several locations.
    let counted = OWN_ALARM_METRICS + BRIDGE_ALARMS + 5.0;
    assert!((float(metrics) - counted).abs() < 0.5, "{metrics} metrics of alarms");
}

#[test]
fn cost_of_an_environment_and_of_ten_bots_stays_low() {
    let prices = Prices::built_in();
    let base = total(&bill(&[], ASSUMED, &prices));
    assert!(base <= 8.0, "{base}");
    let ten = total(&bill(&probes(10, "1m"), ASSUMED, &prices)) / 10.0;
    assert!(ten <= 2.5, "{ten}");
}

#[test]
fn history_and_status_page_cost_at_most_15_cents_a_probe() {
    let prices = Prices::built_in();
    let added = |count, history| {
        let of =
            |history| total(&bill(&probes(count, "1m"), Assumed { history, ..ASSUMED }, &prices));
        of(history) - of(History::Off)
    };
    let records = added(1, History::Records);
    assert!((records - 43_200.0 * 0.625 / 1e6).abs() < 1e-9, "{records}");
    let page = added(10, History::StatusPage) / 10.0;
    assert!((0.1..=0.15).contains(&page), "{page}");
    let each = added(11, History::StatusPage) - added(10, History::StatusPage);
    assert!(each <= 0.12, "{each}");
}

#[test]
fn options_add_their_lines() {
    let prices = Prices::built_in();
    let of = |assumed| bill(&[], assumed, &prices);
    let heartbeat = of(Assumed { heartbeat: true, ..ASSUMED });
    let requests = "CloudWatch requests";
    let added = line(&heartbeat, requests) - line(&of(ASSUMED), requests);
    assert!((added - 1.728).abs() < 1e-9, "{added}");
    let with_bridge = |bridge_memory| {
        let assumed = Assumed { remote_write: true, bridge_memory, ..ASSUMED };
        line(&bill(&probes(1, "1m"), assumed, &prices), "Lambda")
    };
    // 43,200 batches of 0.2 s with 256 MB more.
    let added = with_bridge(512) - with_bridge(256);
    assert!((added - 43_200.0 * 0.2 * 0.25 * 0.000_013_333_4).abs() < 1e-9, "{added}");
    let rotated = of(Assumed { key_rotations: 2, ..ASSUMED });
    let key = "Encryption key";
    assert!((line(&rotated, key) - line(&of(ASSUMED), key) - 2.0).abs() < 1e-9);
    for (network, dollars) in [(Network::Endpoints, 28.8), (Network::NatGateway, 32.4)] {
        let bill = of(Assumed { network, ..ASSUMED });
        assert!((line(&bill, "VPC") - dollars).abs() < 1e-9, "{network:?}");
    }
}

#[test]
fn samples_of_a_scrape_add_their_cost() {
    let prices = Prices::built_in();
    let text = "probe: bot\nevery: 1m\ntarget: { url: http://x }\nscrape: { path: /metrics, every: 1m }\nconversation: [ { say: hi } ]\n";
    let spec = probe_file::parse(text, "bot.yaml").unwrap();
    let probe = spec.resolve(&"prod".parse().unwrap(), &|_| None).unwrap();
    let of = |samples| {
        let assumed = Assumed { remote_write: true, samples, ..ASSUMED };
        bill(std::slice::from_ref(&probe), assumed, &prices)
    };
    let more = |name| line(&of(101_000), name) - line(&of(1_000), name);
    // Two functions spend 2.1 µs of a processor with 1,769 MB on each of 43,200 times 100,000 samples.
    let lambda = 2.0 * 43_200.0 * 0.21 * (1_769.0 / 1_024.0) * 0.000_013_333_4;
    assert!((more("Lambda") - lambda).abs() < 1e-6, "{}", more("Lambda"));
    // 25 requests instead of one, to send and to receive.
    let queues = 2.0 * 43_200.0 * 24.0 / 1e6 * 0.5;
    assert!((more("Queues") - queues).abs() < 1e-6, "{}", more("Queues"));
    let hundred_thousand = 100.0 * of_thousand_samples(&prices) * 43_200.0;
    let ratio = (more("Lambda") + more("Queues")) / hundred_thousand;
    assert!((0.95..=1.05).contains(&ratio), "{ratio}");
}

#[test]
fn sample_in_the_queue_has_the_assumed_size() {
    let at = samples::Timestamp::from_millis(1_800_000_000_000);
    let entry = |number: usize| {
        let (cpu, mode) =
            ((number / 8).to_string(), ["user", "system", "idle", "nice"][number % 4]);
        let labels = [
            ("cpu", cpu.as_str()),
            ("mode", mode),
            ("instance", "chat.example.com:443"),
            ("job", "gradio_chatbot"),
        ];
        let name = ["node_cpu_seconds_total", "node_cpu_guest_seconds_total"][number / 4 % 2];
        samples::Entry::of(name, labels, Some(float(number) * 1.37), at).unwrap()
    };
    let entries: Vec<_> = (0..1_000).map(entry).collect();
    let encoded = samples::message::encode("group", "run", at, &entries);
    let bytes: usize = encoded.messages.iter().map(|message| message.body.len()).sum();
    let each = float(bytes) / 1_000.0;
    assert!((0.8..=1.2).contains(&(each / QUEUE_BYTES_A_SAMPLE)), "{each} bytes");
}

/// The numbers of a row of the table in `docs/costs.md`.
fn documented(row: &str) -> Vec<f64> {
    let page = include_str!("../../../../docs/costs.md");
    let line = page.lines().find(|line| line.starts_with(&format!("| {row} |")));
    let line = line.unwrap_or_else(|| panic!("no row `{row}`"));
    let cells = line.split('|').skip(2).map(|cell| cell.trim_matches([' ', '*']).replace(',', ""));
    cells
        .map_while(|cell| if cell.is_empty() { Some(f64::NAN) } else { cell.parse().ok() })
        .collect()
}

#[test]
fn documented_table_equals_the_bill() {
    let prices = Prices::built_in();
    let counts = [0, 1, 10, 100];
    let bills = |url| counts.map(|count| bill(&probes_at(url, count, "1m"), ASSUMED, &prices));
    let (plain, tls) = (bills("http://x"), bills("https://x"));
    let sum = |names: &[&str], bills: &[Vec<Line>; 4]| {
        bills.each_ref().map(|bill| names.iter().map(|name| line(bill, name)).sum::<f64>())
    };
    let totals = |bills: &[Vec<Line>; 4]| bills.each_ref().map(|bill| total(bill));
    let added: [f64; 4] = std::array::from_fn(|index| total(&tls[index]) - total(&plain[index]));
    let small = ["Queues", "Logs", "Mail", "Schedule, table, reports"];
    let rows = [
        ("Lambda", sum(&["Lambda"], &plain)),
        ("metrics", sum(&["CloudWatch metrics"], &plain)),
        ("alarms", sum(&["CloudWatch alarms"], &plain)),
        ("CloudWatch requests", sum(&["CloudWatch requests"], &plain)),
        ("queues, logs, mail, schedule, table, reports", sum(&small, &plain)),
        ("encryption key", sum(&["Encryption key"], &plain)),
        ("dashboard", sum(&["Dashboard"], &plain)),
        ("**total without TLS**", totals(&plain)),
        ("TLS", added),
        ("**total**", totals(&tls)),
    ];
    for (row, expected) in rows {
        let found = documented(row);
        for (index, dollars) in expected.into_iter().enumerate() {
            assert!((found[index] - dollars).abs() < 0.011, "{row}: {found:?}, {dollars:.2}");
        }
    }
    let each: Vec<f64> = (1..4).map(|index| total(&tls[index]) / float(counts[index])).collect();
    for (found, dollars) in documented("per bot")[1..].iter().zip(each) {
        assert!((found - dollars).abs() < 0.011, "per bot: {found}, {dollars:.2}");
    }
}

#[test]
fn price_list_of_another_region_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("prices.json");
    let own = include_str!("../../prices.json").replace("us-east-1", "eu-west-3");
    std::fs::write(&file, own.replace("\"kms_key\": 1.00", "\"kms_key\": 7.00")).unwrap();
    let prices = Prices::read(&file).unwrap();
    assert_eq!(prices.region, "eu-west-3");
    let more =
        total(&bill(&[], ASSUMED, &prices)) - total(&bill(&[], ASSUMED, &Prices::built_in()));
    assert!((more - 6.0).abs() < 1e-9, "{more}");
    std::fs::write(&file, "{}").unwrap();
    let error = format!("{:#}", Prices::read(&file).err().unwrap());
    assert!(error.contains("is not valid; expected a price list"), "{error}");
}
