//! Parameters reach CloudFormation unchanged: checked with SAM CLI's own parser.

use std::collections::BTreeMap;
use std::process::Command;

use deploy::parameters::{Parameters, write_for_sam};
use deploy::process::Processes;
use deploy::python::SAM;
use deploy::run::root;

/// What SAM CLI makes of the option `--parameter-overrides`.
const CONVERT: &str = "import json, sys; from samcli.cli.types import CfnParameterOverridesType; \
                       print(json.dumps(CfnParameterOverridesType().convert((sys.argv[1],), None, None)))";

#[tokio::test]
async fn parameters_survive_the_parser_of_sam() {
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
    let (processes, _) = Processes::open(&folder.join("processes"), &folder.join("logs")).unwrap();
    SAM.install(root(), &processes).await.unwrap();

    let file = write_for_sam(&folder, &expected).unwrap();
    let output = Command::new(SAM.program(root(), "python"))
        .args(["-c", CONVERT])
        .arg(format!("file://{}", file.display()))
        .output()
        .unwrap();

    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let found: BTreeMap<String, String> = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(found, expected);
}
