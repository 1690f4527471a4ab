//! The steps of a deployment, in order. The first step that fails ends it.

use std::path::{Path, PathBuf};

use aws_config::SdkConfig;
use domain::EnvironmentName;

use crate::account::{Account, AccountError};
use crate::build::{Architecture, ArchiveError, Build};
use crate::checkout::Checkout;
use crate::doctor::{self, Finding, Severity};
use crate::error::AnyError;
use crate::facts::{self, UsedSecrets};
use crate::locations::{self, Home, LocationStack, LocationsError};
use crate::parameters::{self, Parameters, ParametersError};
use crate::progress::{Progress, StepError};
use crate::python::SAM;
use crate::removal;

/// The environment whose stack cannot be deleted by mistake.
const PROTECTED: &str = "prod";

/// Files for SAM CLI.
const FOLDER: &str = "target/deploy";

/// Why nothing, or not everything, was deployed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DeployError {
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    #[error("the functions of this archive are for {found}; download the archive for {wanted}")]
    Architecture { found: &'static str, wanted: &'static str },
    #[error(transparent)]
    Step(#[from] StepError),
    #[error(transparent)]
    Account(#[from] AccountError),
    #[error(transparent)]
    Parameters(#[from] ParametersError),
    #[error(transparent)]
    Locations(#[from] LocationsError),
    #[error("could not ask whether to delete the stack")]
    Question(#[source] std::io::Error),
    #[error("nothing was deployed: {errors} errors, see above")]
    Refused { errors: usize },
}

/// The current folder is not part of a checkout or archive.
#[derive(Debug, thiserror::Error)]
#[error(
    "`{}` is not in a checkout or release archive of Vigie\nhint: a deployment needs infra/ and samconfig.toml",
    .folder.display()
)]
pub struct NoRootError {
    folder: PathBuf,
}

/// What is deployed.
pub struct Deployment<'a> {
    pub environment: &'a EnvironmentName,
    /// arm64 if `None`; on an emulator, that of this machine.
    pub architecture: Option<Architecture>,
    /// Override the parameters of samconfig.toml.
    pub parameters: Parameters,
    /// Secrets of the probes, for the doctor.
    pub secrets: UsedSecrets,
    /// Deploys although no address receives notifications.
    pub without_notifications: bool,
    /// Whether to delete the stack of a failed first deployment, given its status.
    pub recreate: &'a (dyn Fn(&str) -> std::io::Result<bool> + Sync),
}

impl Deployment<'_> {
    /// Examines the account, then builds, validates and deploys the stack. Returns whether it is new.
    pub async fn run(
        mut self,
        checkout: &Checkout<'_>,
        aws: &SdkConfig,
        progress: &Progress,
    ) -> Result<bool, DeployError> {
        let on_emulator = aws.endpoint_url().is_some();
        let build = self.build(checkout.root, on_emulator)?;
        let mut values = std::mem::take(&mut self.parameters);
        if on_emulator {
            values.insert("Platform".to_owned(), "emulator".to_owned());
        }
        let account = async {
            let account = Account::of(aws).await?;
            let shown = account.to_string();
            Ok::<_, AnyError>((account, shown))
        };
        let account = progress.step("check the credentials", account).await?;
        let stack = format!("vigie-{}", self.environment);
        self.delete_failed_stack(&account, &stack, progress).await?;
        let is_new = self.examine(checkout.root, &account, &values, progress).await?;
        let file = parameters::of_samconfig(checkout.root, self.environment.as_str())?;
        let locations = locations::stacks(self.environment, &account.region, &values, &file)?;
        let before = locations::deployed(&account, self.environment).await?.others;

        prepare(checkout, build, progress).await?;
        let environment = self.environment.as_str();
        let folder = checkout.root.join(FOLDER);
        let deploy = async {
            let mut sam = checkout.sam_deploy(environment, build, &folder, None, values)?;
            checkout.processes.show("sam-deploy", &mut sam).await?;
            Ok::<_, AnyError>(((), format!("stack vigie-{environment} in {}", account.region)))
        };
        progress.step("deploy", deploy).await?;
        let step = LocationStep { checkout, account: &account, environment, build, stack: &stack };
        for location in &locations {
            step.run(location, progress).await?;
        }
        for location in before.iter().filter(|location| !locations.contains(location)) {
            removal::remove_location(aws, location, progress).await?;
        }
        if environment == PROTECTED && !on_emulator {
            let protect = async {
                account.protect(&stack, true).await?;
                Ok::<_, AnyError>(((), "`vigie remove` turns it off"))
            };
            progress.step("turn on termination protection", protect).await?;
        }
        // Every new address has to confirm: the deployment ends with those that have not.
        for address in account.unconfirmed(environment).await? {
            progress.note(format!("`{address}` has to confirm the mail from AWS Notifications"));
        }
        Ok(is_new)
    }

    /// Where the functions come from: an archive, or a build for the emulator or AWS.
    fn build(&self, root: &Path, on_emulator: bool) -> Result<Build, DeployError> {
        match (Build::of_archive(root)?, self.architecture) {
            (Some(archive), Some(other)) if other != archive.architecture() => {
                let (found, wanted) = (archive.architecture().as_str(), other.as_str());
                Err(DeployError::Architecture { found, wanted })
            }
            (Some(archive), _) => Ok(archive),
            (None, None) if on_emulator => Ok(Build::for_emulator()),
            (None, architecture) => Ok(Build::Release(architecture.unwrap_or(Architecture::Arm64))),
        }
    }

    /// Deletes the stack of a first deployment that failed, if the user agrees.
    async fn delete_failed_stack(
        &self,
        account: &Account,
        stack: &str,
        progress: &Progress,
    ) -> Result<(), DeployError> {
        if let Some(status) = account.existing_stack(stack).await?
            && doctor::is_failed_creation(&status)
            && (self.recreate)(&status).map_err(DeployError::Question)?
        {
            let delete = async {
                account.delete_stack(stack).await?;
                Ok::<_, AnyError>(((), stack.to_owned()))
            };
            progress.step("delete the failed stack", delete).await?;
        }
        Ok(())
    }

    /// Fails if the doctor finds an error. Returns whether the stack is new.
    async fn examine(
        &mut self,
        root: &Path,
        account: &Account,
        values: &Parameters,
        progress: &Progress,
    ) -> Result<bool, DeployError> {
        let secrets = std::mem::take(&mut self.secrets);
        let examined = async {
            let facts = facts::collect(root, account, self.environment, values, secrets).await?;
            let findings = doctor::examine(&facts);
            let shown = format!("{} problems", findings.len());
            Ok::<_, AnyError>(((findings, facts.stack_status.is_none()), shown))
        };
        let (findings, is_new) = progress.step("examine the account", examined).await?;
        refuse(&findings, self.without_notifications, progress)?;
        Ok(is_new)
    }
}

/// Installs SAM CLI, builds the functions, and validates the template.
async fn prepare(
    checkout: &Checkout<'_>,
    build: Build,
    progress: &Progress,
) -> Result<(), StepError> {
    let install = async {
        SAM.install(checkout.root, checkout.processes).await?;
        Ok::<_, AnyError>(((), "in .venv/"))
    };
    progress.step("install the tools", install).await?;
    let compile = async {
        let changed = checkout.build_functions(build, progress).await?;
        let how = if changed { "built" } else { "unchanged" };
        Ok::<_, AnyError>(((), format!("{how} for {}", build.architecture().as_str())))
    };
    progress.step("build", compile).await?;
    let validate = async {
        let mut sam = checkout.sam();
        sam.args(["validate", "--lint", "--template-file", "infra/template.yaml"]);
        checkout.processes.run("sam-validate", &mut sam).await?;
        Ok::<_, AnyError>(((), "sam validate --lint"))
    };
    progress.step("validate", validate).await
}

/// The deployment of locations after their home stack.
struct LocationStep<'a> {
    checkout: &'a Checkout<'a>,
    account: &'a Account,
    environment: &'a str,
    build: Build,
    /// The home stack.
    stack: &'a str,
}

impl LocationStep<'_> {
    async fn run(&self, location: &LocationStack, progress: &Progress) -> Result<(), StepError> {
        let Self { checkout, account, environment, build, stack } = *self;
        let deploy = async {
            let parameters = account.stack_parameters(stack).await?;
            let outputs = account.stack_outputs(stack).await?;
            let region = &account.region;
            let home = Home { region, parameters: &parameters, outputs: &outputs };
            let (values, folder) = (location.parameters(&home), checkout.root.join(FOLDER));
            let mut sam =
                checkout.sam_deploy_location(environment, build, &folder, location, values)?;
            checkout.processes.show("sam-deploy", &mut sam).await?;
            Ok::<_, AnyError>(((), format!("stack {} in {}", location.stack, location.region)))
        };
        progress.step(&format!("deploy location {}", location.location), deploy).await?;
        if !location.location.is_region() {
            let role = account.stack_outputs(&location.stack).await.unwrap_or_default();
            let role = role.get("RoleArn").map_or("in its stack", String::as_str);
            let LocationStack { location, .. } = location;
            progress.note(format!(
                "start the agent: vigie agent --environment {environment} --location {location}; its role is {role}"
            ));
        }
        Ok(())
    }
}

/// Shows the findings and fails when one of them makes a deployment useless.
fn refuse(
    findings: &[Finding],
    without_notifications: bool,
    progress: &Progress,
) -> Result<(), DeployError> {
    for finding in findings {
        progress.note(finding);
    }
    let expected = |finding: &&Finding| without_notifications && finding.is_no_address();
    let errors = findings.iter().filter(|finding| finding.severity == Severity::Error);
    let errors = errors.filter(|finding| !expected(finding)).count();
    if errors == 0 { Ok(()) } else { Err(DeployError::Refused { errors }) }
}

/// The checkout or unpacked archive that contains `folder`.
pub fn find_root(folder: &Path) -> Result<&Path, NoRootError> {
    let is_root = |folder: &&Path| {
        folder.join("infra/template.yaml").is_file() && folder.join("samconfig.toml").is_file()
    };
    let root = folder.ancestors().find(is_root);
    root.ok_or_else(|| NoRootError { folder: folder.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Facts;

    #[test]
    fn only_errors_that_were_not_accepted_refuse_a_deployment() {
        let facts = |environment: &str, status: Option<&str>| Facts {
            environment: environment.to_owned(),
            stack_status: status.map(str::to_owned),
            ..Facts::default()
        };
        let cases = [
            ("dev without addresses", facts("dev", None), false, false),
            ("prod without addresses", facts("prod", None), false, true),
            ("prod, accepted", facts("prod", None), true, false),
            ("failed stack, accepted", facts("prod", Some("ROLLBACK_COMPLETE")), true, true),
        ];
        for (name, facts, accepted, refused) in cases {
            let result = refuse(&doctor::examine(&facts), accepted, &Progress::default());
            assert_eq!(result.is_err(), refused, "{name}");
        }
    }

    #[test]
    fn checkout_is_found_from_a_folder_in_it() {
        let root = crate::run::root();
        assert_eq!(find_root(&root.join("crates/deploy/src")).unwrap(), root);
        let outside = find_root(Path::new("/")).unwrap_err().to_string();
        assert!(outside.starts_with("`/` is not in a checkout"), "{outside}");
    }
}
