//! Parameters reach CloudFormation unchanged: checked with SAM CLI's own parser.

use std::collections::BTreeMap;

use anyhow::ensure;
use deploy::parameters::{Parameters, write_for_sam};
use deploy::process::Processes;
use deploy::python::SAM;
use deploy::run::root;
use libtest_mimic::Completion;
use tokio::process::Command;

/// What SAM CLI makes of the option `--parameter-overrides`.
const CONVERT: &str = "import json, sys; from samcli.cli.types import CfnParameterOverridesType; \
                       print(json.dumps(CfnParameterOverridesType().convert((sys.argv[1],), None, None)))";

pub(super) async fn check() -> anyhow::Result<Completion> {
    let values = [
        "plain",
        "",
        " ",
        "two words",
        "a,b",
        "A=1,B=two words",
        "cron(0 2 ? * SUN *)",
        "say \"hi\"",
        "it's",
        "\"quoted\"",
        "'quoted'",
        "back\\slash",
        "end\\",
        "\\ space",
        "\\\"",
        "\\'",
        "\\\\ two",
        "été",
        "0123",
        "on",
        "null",
        "file://x",
        "ParameterKey=A,ParameterValue=b",
    ];
    let expected: Parameters = values
        .iter()
        .enumerate()
        .map(|(number, value)| (format!("P{number}"), (*value).to_owned()))
        .collect();
    let folder = root().join("target/e2e-parameters");
    let (processes, _) = Processes::open(&folder.join("processes"), &folder.join("logs"))?;
    SAM.install(root(), &processes).await?;

    let file = write_for_sam(&folder, &expected)?;
    let mut python = Command::new(SAM.program(root(), "python"));
    let output =
        python.args(["-c", CONVERT]).arg(format!("file://{}", file.display())).output().await?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let found: BTreeMap<String, String> = serde_json::from_slice(&output.stdout)?;
    ensure!(found == expected, "found {found:?}, expected {expected:?}");
    Ok(Completion::Completed)
}
