//! `vigie schema`: prints the JSON Schema of a probe file, a report, the routes or a notification.

use clap::Args;

use crate::{Exit, Io};

/// Print the JSON Schema of a probe file, for completion and checks in an editor.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  vigie schema > probes/.schema.json
  # First line of a probe file, for editors with the YAML language server:
  # yaml-language-server: $schema=.schema.json")]
pub struct Arguments {
    /// Print the schema of a report instead.
    #[arg(long)]
    report: bool,
    /// Print the schema of infra/routes.json instead.
    #[arg(long, conflicts_with = "report")]
    routes: bool,
    /// Print the schema of the notification that webhooks, SNS subscribers and EventBridge receive.
    #[arg(long, conflicts_with_all = ["report", "routes"])]
    notification: bool,
}

/// Schema of a report, version 1.
const REPORT: &str = include_str!("../../report.schema.json");

pub(crate) fn schema(arguments: &Arguments, io: &mut Io<'_>) -> anyhow::Result<Exit> {
    if arguments.report {
        io.out.write_all(REPORT.as_bytes())?;
    } else if arguments.routes {
        io.out.write_all(receivers::ROUTES_SCHEMA.as_bytes())?;
    } else if arguments.notification {
        io.out.write_all(receivers::EVENT_SCHEMA.as_bytes())?;
    } else {
        writeln!(io.out, "{:#}", probe_file::schema())?;
    }
    Ok(Exit::Success)
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::report::{Attempt, Cause, Failure};
    use domain::{Outcome, OwnFault, Phases, Reason, Report};
    use serde_json::Value;
    use std::time::Duration;

    fn validator() -> jsonschema::Validator {
        jsonschema::validator_for(&serde_json::from_str(REPORT).unwrap()).unwrap()
    }

    #[track_caller]
    fn check(report: &Report) {
        let value = serde_json::to_value(report).unwrap();
        let mistakes: Vec<String> =
            validator().iter_errors(&value).map(|error| error.to_string()).collect();
        assert_eq!(mistakes, Vec::<String>::new());
    }

    #[test]
    fn reports_match_the_schema() {
        let report = testkit::reports::eventful();
        check(&report);
        check(&Report { attempts: Vec::new(), labels: [].into(), ..report.clone() });
        for reason in Reason::ALL {
            check(&Report { outcome: Outcome::Down { reason: *reason }, ..report.clone() });
        }
        let causes = [
            Cause::Target(Reason::Stalled),
            Cause::Own(OwnFault::Deadline),
            Cause::Own(OwnFault::Stalled),
        ];
        for cause in causes {
            let failure = Failure { cause, prose: "x".to_owned() };
            let attempt = Attempt {
                offset: Duration::ZERO,
                duration: Duration::ZERO,
                phases: Phases::default(),
                certificate_expires: None,
                app: None,
                turns: Vec::new(),
                failure: Some(failure),
                cut_short: true,
            };
            let outcome = domain::report::judge(std::slice::from_ref(&attempt));
            check(&Report { outcome, attempts: vec![attempt], ..report.clone() });
        }
    }

    #[test]
    fn schema_refuses_unknown_fields() {
        let mut value = serde_json::to_value(testkit::reports::eventful()).unwrap();
        value["attempts"][0]["turns"][0]["extra"] = Value::from(1);
        assert!(!validator().is_valid(&value));
        value = serde_json::to_value(testkit::reports::eventful()).unwrap();
        value["outcome"] = serde_json::json!({ "kind": "down" });
        assert!(!validator().is_valid(&value));
    }
}
