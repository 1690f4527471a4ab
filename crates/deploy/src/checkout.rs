//! The template and the tools of a checkout.

use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};

use tokio::process::Command;

use crate::build::{Build, FUNCTIONS};
use crate::error::FileError;
use crate::locations::LocationStack;
use crate::parameters::{self, Parameters, ParametersError};
use crate::process::Processes;
use crate::python::SAM;

/// Why `sam deploy` was not prepared.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TemplateError {
    #[error(transparent)]
    File(#[from] FileError),
    #[error(transparent)]
    Parameters(#[from] ParametersError),
    #[error("the template packages {found} functions; expected {}", FUNCTIONS.len())]
    Functions { found: usize },
}

/// A checkout and the programs that it starts.
pub struct Checkout<'a> {
    pub root: &'a Path,
    pub processes: &'a Processes,
}

impl Checkout<'_> {
    /// `sam deploy` of the functions of `build`, with `values` over those of samconfig.toml.
    ///
    /// Writes its files to `folder`. With `alarms`, that file replaces infra/alarms.yaml.
    pub fn sam_deploy(
        &self,
        environment: &str,
        build: Build,
        folder: &Path,
        alarms: Option<&Path>,
        values: Parameters,
    ) -> Result<Command, TemplateError> {
        let infra = self.root.join("infra");
        let source = infra.join("template.yaml");
        let source = fs::read_to_string(&source).map_err(FileError::reading(&source))?;
        let mut all = parameters::of_samconfig(self.root, environment)?;
        all.insert("Architecture".to_owned(), build.architecture().as_str().to_owned());
        all.extend(values);
        let file = parameters::write_for_sam(folder, &parameters::complete(&source, &all)?)?;
        let template = folder.join("template.yaml");
        let (text, found) = located(&source, &infra, |name| build.package(self.root, name), alarms);
        if found != FUNCTIONS.len() {
            return Err(TemplateError::Functions { found });
        }
        fs::write(&template, text).map_err(FileError::writing(&template))?;
        Ok(self.sam_deploy_file(environment, &template, &file))
    }

    /// `sam deploy` of a location. `values`: those of the home stack and where it is.
    pub fn sam_deploy_location(
        &self,
        environment: &str,
        build: Build,
        folder: &Path,
        location: &LocationStack,
        mut values: Parameters,
    ) -> Result<Command, TemplateError> {
        let infra = self.root.join("infra");
        let source = infra.join("location.yaml");
        let source = fs::read_to_string(&source).map_err(FileError::reading(&source))?;
        let known = parameters::of_template(&source)?;
        values.retain(|name, _| known.contains_key(name));
        let folder = folder.join(&location.stack);
        let file = parameters::write_for_sam(&folder, &parameters::complete(&source, &values)?)?;
        let template = folder.join("template.yaml");
        let (text, _) = located(&source, &infra, |name| build.package(self.root, name), None);
        fs::write(&template, text).map_err(FileError::writing(&template))?;
        let mut sam = self.sam_deploy_file(environment, &template, &file);
        let (stack, region) = (&location.stack, &location.region);
        sam.args(["--stack-name", stack, "--s3-prefix", stack, "--region", region]);
        Ok(sam)
    }

    fn sam_deploy_file(&self, environment: &str, template: &Path, parameters: &Path) -> Command {
        let mut sam = self.sam();
        sam.args(["deploy", "--config-env", environment, "--config-file"])
            .arg(self.root.join("samconfig.toml"))
            .arg("--template-file")
            .arg(template)
            .args(["--no-progressbar", "--parameter-overrides"])
            .arg(format!("file://{}", parameters.display()));
        sam
    }

    /// SAM CLI.
    #[must_use]
    pub fn sam(&self) -> Command {
        let mut command = SAM.command(self.root, SAM.program(self.root, "sam"));
        command.env("SAM_CLI_TELEMETRY", "0");
        // SAM CLI does not read AWS_REGION.
        if std::env::var_os("AWS_DEFAULT_REGION").is_none()
            && let Some(region) = std::env::var_os("AWS_REGION")
        {
            command.env("AWS_DEFAULT_REGION", region);
        }
        command
    }
}

/// The template with absolute paths of functions and nested stacks, and the number of functions.
fn located(
    template: &str,
    infra: &Path,
    package: impl Fn(&str) -> PathBuf,
    alarms: Option<&Path>,
) -> (String, usize) {
    let mut packaged = 0;
    let mut line = |line: &str| {
        let indent = &line[..line.len() - line.trim_start().len()];
        // `../target/lambda/NAME` in a checkout, `../functions/NAME.zip` in an archive.
        let code = line.trim().strip_prefix("CodeUri: ").map(Path::new);
        if let Some(name) = code.and_then(Path::file_stem).and_then(|name| name.to_str()) {
            packaged += 1;
            return format!("{indent}CodeUri: {}\n", package(name).display());
        }
        if let Some(folder) = line.trim().strip_prefix("ContentUri: ") {
            return format!("{indent}ContentUri: {}\n", infra.join(folder).display());
        }
        if let Some(file) =
            line.trim().strip_prefix("Location: ").filter(|file| file.contains(".yaml"))
        {
            let file = match alarms.filter(|_| file == "alarms.yaml") {
                Some(alarms) => alarms.to_owned(),
                None => infra.join(file),
            };
            return format!("{indent}Location: {}\n", file.display());
        }
        format!("{line}\n")
    };
    let text: String = template.lines().map(&mut line).collect();
    (text, packaged)
}

/// A hash of the names and contents of all files below `inputs`.
pub(crate) fn fingerprint(root: &Path, inputs: &[&str]) -> Result<u64, FileError> {
    let mut files = Vec::new();
    for input in inputs {
        collect(&root.join(input), &mut files)?;
    }
    files.sort();
    let mut hasher = DefaultHasher::new();
    for file in files {
        file.strip_prefix(root).unwrap_or(&file).hash(&mut hasher);
        fs::read(&file).map_err(FileError::reading(&file))?.hash(&mut hasher);
    }
    Ok(hasher.finish())
}

fn collect(path: &Path, files: &mut Vec<PathBuf>) -> Result<(), FileError> {
    if path.is_dir() {
        for entry in fs::read_dir(path).map_err(FileError::reading(path))? {
            collect(&entry.map_err(FileError::reading(path))?.path(), files)?;
        }
    } else if path.is_file() {
        files.push(path.to_owned());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn template_refers_to_absolute_paths() {
        let root = crate::run::root();
        let template = fs::read_to_string(root.join("infra/template.yaml")).unwrap();
        let infra = Path::new("/c/infra");
        let package = |name: &str| Path::new("/c/target/lambda").join(name);
        let (own, packaged) = located(&template, infra, package, None);
        assert_eq!(packaged, FUNCTIONS.len());
        assert!(own.contains("CodeUri: /c/target/lambda/prober\n"));
        assert!(own.contains("ContentUri: /c/infra/../probes\n"));
        assert!(own.contains("Location: /c/infra/alarms.yaml\n"));
        let alarms = Path::new("/c/alarms.yaml");
        let (other, _) = located(&template, infra, package, Some(alarms));
        assert!(other.contains("Location: /c/alarms.yaml\n"));
        assert!(!other.contains("Location: /c/infra/alarms.yaml"));
    }

    #[test]
    fn fingerprint_changes_with_every_file() {
        let root = tempfile::tempdir().unwrap();
        let file = |name: &str| root.path().join(name);
        let now = || fingerprint(root.path(), &["crates", "Cargo.toml", "absent"]).unwrap();
        fs::create_dir_all(file("crates/domain")).unwrap();
        fs::write(file("Cargo.toml"), "[workspace]").unwrap();
        fs::write(file("crates/domain/lib.rs"), "fn a() {}").unwrap();
        let mut seen = vec![now()];
        assert_eq!(seen, [now()]);

        fs::write(file("crates/domain/lib.rs"), "fn b() {}").unwrap();
        seen.push(now());
        fs::write(file("crates/domain/new.rs"), "").unwrap();
        seen.push(now());
        fs::rename(file("crates/domain/new.rs"), file("crates/domain/other.rs")).unwrap();
        seen.push(now());

        let different: std::collections::BTreeSet<u64> = seen.iter().copied().collect();
        assert_eq!(different.len(), seen.len());
    }
}
