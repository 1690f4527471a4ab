//! The runbook is the same in both languages, and its commands are run or have a reason why not.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use testkit::dashboards::{root, rule_files};
use testkit::runbook::{Block, Run, Runbook};

const ENGLISH: &str = "docs/runbook.md";
const FRENCH: &str = "docs/runbook.fr.md";

#[test]
fn both_languages_have_the_same_sections() {
    let (english, french) = (Runbook::read(ENGLISH), Runbook::read(FRENCH));
    let levels = |runbook: &Runbook| -> Vec<usize> {
        runbook.headings.iter().map(|heading| heading.level).collect()
    };
    for (english, french) in english.headings.iter().zip(&french.headings) {
        assert_eq!(english.level, french.level, "`{}` and `{}`", english.text, french.text);
        // Names that a reader may search for are not translated.
        let names = |text: &str| -> Vec<String> {
            text.split('`').skip(1).step_by(2).map(str::to_owned).collect()
        };
        assert_eq!(names(&english.text), names(&french.text));
    }
    assert_eq!(levels(&english), levels(&french));
    assert!(english.headings.len() > 30);
}

#[test]
fn every_alert_has_a_section_in_both_languages() {
    let alerts: Vec<String> = rule_files()
        .into_iter()
        .flat_map(|(_, file)| file.groups)
        .flat_map(|group| group.rules)
        .filter_map(|rule| rule.alert)
        .collect();
    let template = fs::read_to_string(root().join("infra/self-monitoring.yaml")).unwrap();
    let watch = template.split("AlarmName: !Sub \"vigie-${Environment}-").skip(1);
    let watch: Vec<&str> = watch.filter_map(|rest| rest.split('"').next()).collect();
    assert!(alerts.len() > 10 && watch.len() > 10);
    for path in [ENGLISH, FRENCH] {
        let runbook = Runbook::read(path);
        for alert in &alerts {
            let found = runbook.headings.iter().any(|heading| heading.text == *alert);
            assert!(found, "{path}: no section `{alert}`");
        }
        for alarm in &watch {
            let name = format!("`{alarm}`");
            let found = runbook.headings.iter().any(|heading| heading.text.contains(&name));
            assert!(found, "{path}: no section names {name}");
        }
        let text = fs::read_to_string(root().join(path)).unwrap();
        for reason in domain::Reason::ALL {
            assert!(text.contains(&format!("| `{reason}` |")), "{path}: reason `{reason}`");
        }
    }
}

/// In French a space precedes such a mark, and a line must not break there.
#[test]
fn french_punctuation_follows_a_no_break_space() {
    let text = fs::read_to_string(root().join(FRENCH)).unwrap();
    let prose = text.split("```").step_by(2).flat_map(str::lines);
    for line in prose.filter(|line| !line.trim_start().starts_with("<!--")) {
        for part in line.split('`').step_by(2) {
            let torn = [" :", " ;", " ?", " !", " %", " »", "« "];
            let torn = torn.into_iter().find(|torn| part.contains(torn));
            assert!(torn.is_none(), "`{}` without a no-break space: {line}", torn.unwrap());
        }
    }
}

#[test]
fn both_languages_have_the_same_commands() {
    let (english, french) = (Runbook::read(ENGLISH), Runbook::read(FRENCH));
    // A reason for not running a block is prose, so it is translated.
    let comparable = |block: &Block| {
        let by = match &block.run {
            Some(Run::By(by)) => by.clone(),
            Some(Run::Not { .. }) => "not run".to_owned(),
            None => "missing".to_owned(),
        };
        (block.language.clone(), block.text.clone(), by)
    };
    let english: Vec<_> = english.blocks.iter().map(comparable).collect();
    let french: Vec<_> = french.blocks.iter().map(comparable).collect();
    for (english, french) in english.iter().zip(&french) {
        assert_eq!(english, french);
    }
    assert_eq!(english.len(), french.len());
}

/// A block in one of these languages is commands.
const SHELLS: [&str; 5] = ["sh", "bash", "shell", "console", "zsh"];

/// `archive` is tests/e2e/tests/scenarios/standalone/archive.rs, `deployed` a scenario, the others are below.
const RUNNERS: [&str; 4] = ["tools", "observe", "deployed", "archive"];

#[test]
fn every_command_is_run_or_has_a_reason() {
    let mut count = 0;
    for page in pages() {
        let path = page.display();
        let runbook = Runbook::parse(&fs::read_to_string(&page).expect("a page"));
        let commands = runbook.blocks.iter().filter(|block| SHELLS.contains(&&*block.language));
        for block in commands {
            count += 1;
            match &block.run {
                Some(Run::By(who)) => {
                    assert!(RUNNERS.contains(&&**who), "{path}: `{who}` is not a known runner");
                }
                Some(Run::Not { reason }) => assert!(reason.len() > 10, "{path}:\n{}", block.text),
                None => panic!("{path}: no comment names the runner of\n{}", block.text),
            }
        }
    }
    assert!(count > 100, "{count} blocks of commands");
}

/// Every page of the repository for users and contributors.
fn pages() -> Vec<PathBuf> {
    let mut pages = Vec::new();
    for folder in ["", "crates", "docs", "examples", "packaging", "tests"] {
        crate::repository::list(&root().join(folder), folder.is_empty(), &mut pages);
    }
    pages.retain(|path| path.extension() == Some("md".as_ref()));
    pages
}

/// `<!-- run: tools -->`: needs only the repository and Debian's Prometheus packages.
#[test]
fn commands_that_need_only_the_tools_succeed() {
    if tools_are_missing() {
        return;
    }
    let runbook = Runbook::read(ENGLISH);
    let commands: Vec<&str> = runbook.commands("tools").collect();
    assert!(!commands.is_empty());
    for command in commands {
        run(command, &[]);
    }
}

/// `<!-- run: observe -->`: against the Prometheus and Alertmanager that observe.sh starts for a chatbot.
#[test]
fn commands_for_prometheus_and_alertmanager_succeed() {
    if tools_are_missing() {
        return;
    }
    let bot = Bot::start();
    let observed = Observed::start(&bot.address, "");
    let variables = [
        ("PROMETHEUS", observed.prometheus.as_str()),
        ("ALERTMANAGER", observed.alertmanager.as_str()),
        ("BOT", bot.url.as_str()),
    ];
    // Otherwise the first commands of the page run a few seconds too early.
    let wait = "curl --silent --fail --retry 60 --retry-delay 1 --retry-all-errors";
    run(&format!("{wait} $PROMETHEUS/-/ready && {wait} $ALERTMANAGER/-/ready"), &variables);
    let runbook = Runbook::read(ENGLISH);
    let commands: Vec<&str> = runbook.commands("observe").collect();
    assert!(commands.len() > 5);
    for command in commands {
        run(command, &variables);
    }
}

/// Compose uses the same file and does not evaluate its values.
#[test]
fn settings_are_not_evaluated_by_a_shell() {
    if tools_are_missing() {
        return;
    }
    let settings = "# a comment\nSMTP_FROM=Vigie <vigie@example.com>  # no quotes\n\
        SMTP_SMARTHOST=\"smtp.example.com:587\" # quotes\n\
        ALERT_EMAIL='oncall@example.com'\nPROMETHEUS_PORT=nonsense";
    let observed = Observed::start("localhost:9", settings);
    let alertmanager = observed.data.path().join("alertmanager.yml");
    let alertmanager = fs::read_to_string(alertmanager).expect("its configuration");
    for expected in
        ["'Vigie <vigie@example.com>'", "'smtp.example.com:587'", "'oncall@example.com'"]
    {
        assert!(alertmanager.contains(expected), "no {expected} in\n{alertmanager}");
    }
}

/// Whether Debian's packages are missing; prints a message, and fails if `VIGIE_REQUIRE_TOOLS` is set, as in `make test`.
#[expect(clippy::print_stderr, reason = "a test that did not run must say so")]
pub(crate) fn tools_are_missing() -> bool {
    let tools = ["promtool", "amtool", "prometheus", "prometheus-alertmanager", "curl"];
    let Some(missing) = crate::missing_tool(&tools) else { return false };
    assert!(std::env::var_os("VIGIE_REQUIRE_TOOLS").is_none(), "`{missing}` is not installed");
    eprintln!(
        "SKIPPED: `{missing}` is not installed (Debian: prometheus, prometheus-alertmanager, curl)"
    );
    true
}

#[track_caller]
fn run(command: &str, variables: &[(&str, &str)]) {
    let mut shell = Command::new("sh");
    shell.args(["-euc", command]).current_dir(root()).envs(variables.iter().copied());
    let output = shell.output().expect("sh runs");
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command}\n{said}");
}

/// Answers every request with one metric until the test ends.
struct Bot {
    address: String,
    url: String,
}

impl Bot {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("an address").to_string();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(mut stream) = stream else { continue };
                let mut request = [0; 4_096];
                let _ = stream.read(&mut request);
                let body = "chatbot_requests_total{outcome=\"ok\"} 1\n";
                let head = "HTTP/1.1 200 OK\r\ncontent-type: text/plain; version=0.0.4\r\nconnection: close";
                let _ = write!(stream, "{head}\r\ncontent-length: {}\r\n\r\n{body}", body.len());
            }
        });
        let url = format!("http://{address}");
        Self { address, url }
    }
}

/// A running observe.sh.
struct Observed {
    script: Child,
    prometheus: String,
    alertmanager: String,
    // Deleted last.
    data: tempfile::TempDir,
}

impl Observed {
    /// `settings` are the content of its `.env`.
    fn start(target: &str, settings: &str) -> Self {
        let data = tempfile::tempdir().expect("a folder");
        let file = data.path().join("settings.env");
        fs::write(&file, settings).expect("a file");
        let free = || {
            TcpListener::bind("127.0.0.1:0")
                .expect("a free port")
                .local_addr()
                .expect("an address")
                .port()
                .to_string()
        };
        let mut script = Command::new(root().join("infra/observability/observe.sh"))
            .env("DATA", data.path())
            .env("ENV_FILE", file)
            .env("TARGETS", target)
            .env("PROMETHEUS_PORT", free())
            .env("ALERTMANAGER_PORT", free())
            .stdout(Stdio::piped())
            .spawn()
            .expect("observe.sh starts");
        let lines = BufReader::new(script.stdout.take().expect("it is piped"))
            .lines()
            .map_while(Result::ok);
        let lines: Vec<String> = lines.take_while(|line| !line.starts_with("Ctrl-C")).collect();
        let address = |name: &str| {
            let line = lines
                .iter()
                .find(|line| line.starts_with(name))
                .expect("observe.sh prints its addresses");
            line.split_whitespace().nth(1).expect("an address").to_owned()
        };
        let (prometheus, alertmanager) = (address("Prometheus"), address("Alertmanager"));
        Self { script, prometheus, alertmanager, data }
    }
}

impl Drop for Observed {
    fn drop(&mut self) {
        // SIGTERM, so that the script stops its programs; `Child::kill` would not stop them.
        let _ = Command::new("kill").arg(self.script.id().to_string()).status();
        let _ = self.script.wait();
    }
}

#[test]
fn internal_links_of_the_documentation_resolve() {
    let pages = fs::read_dir(root().join("docs")).expect("docs/").flatten();
    let pages =
        pages.map(|page| page.path()).filter(|page| page.extension() == Some("md".as_ref()));
    let top = ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "SECURITY.md"];
    let reference = fs::read_dir(root().join("docs/reference")).expect("docs/reference/").flatten();
    let pages = pages.chain(reference.map(|page| page.path()));
    for path in pages.chain(top.map(|name| root().join(name))) {
        let text = fs::read_to_string(&path).unwrap();
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            if link.contains("://") {
                continue;
            }
            let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
            let folder = path.parent().expect("a folder");
            let target = if file.is_empty() { path.clone() } else { folder.join(file) };
            assert!(target.exists(), "{}: `{link}` leads nowhere", path.display());
            if !anchor.is_empty() {
                let there = Runbook::parse(&fs::read_to_string(&target).unwrap());
                let found = there.headings.iter().any(|heading| heading.anchor() == anchor);
                assert!(found, "{}: `{link}`: no such section", path.display());
            }
        }
    }
}

#[test]
fn make_targets_in_the_documentation_exist() {
    let makefile = fs::read_to_string(root().join("Makefile")).unwrap();
    let targets: Vec<&str> = makefile
        .lines()
        .filter(|line| !line.starts_with(['\t', '.', '#']))
        .filter_map(|line| line.split_once(':').map(|(target, _)| target))
        .collect();
    let mut seen = 0;
    for path in [ENGLISH, FRENCH, "README.md", "docs/decisions.md", "docs/deploying.md"] {
        let text = fs::read_to_string(root().join(path)).unwrap();
        // In prose a command is between backticks, in a block at the start of a line or after variables.
        for (at, _) in text.match_indices("make ") {
            let before = text[..at].chars().next_back();
            let line = &text[text[..at].rfind('\n').map_or(0, |end| end + 1)..at];
            let variables = line.split_whitespace().all(|word| word.contains('='));
            if before != Some('`') && !variables {
                continue;
            }
            let target = text[at + 5..].split(|c: char| !c.is_ascii_lowercase() && c != '-');
            let target = target.into_iter().next().unwrap_or_default();
            assert!(targets.contains(&target), "{path}: there is no target `{target}`");
            seen += 1;
        }
    }
    assert!(seen > 5, "{seen} commands");
}

/// The README shows a current mail.
#[test]
fn mail_in_the_readme_equals_a_snapshot() {
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    let (_, mail) = readme.split_once("```text\nSubject: ").expect("a mail");
    let (mail, _) = mail.split_once("\nLINKS …").expect("its links are cut");
    let held = "crates/notify/tests/it/snapshots/down-check_failed.en.snap";
    let held = fs::read_to_string(root().join(held)).unwrap();
    assert!(held.contains(&format!("Subject: {mail}\nLINKS\n")), "{mail}");
}
