//! The archive for AWS: functions, templates, settings, probes, dashboards and rules.
//!
//! It has the folders of a checkout, so that every command of the documentation works in it. SAM CLI and
//! `vigie deploy` deploy from it without a compiler.

use std::fs;
use std::path::Path;

use anyhow::{Context, ensure};
use deploy::build::{Architecture, FUNCTIONS};

use crate::entry::{Entry, copy, copy_folder};
use crate::pack;

/// The templates with functions, and the number of these.
const TEMPLATES: [(&str, usize); 2] =
    [("infra/template.yaml", FUNCTIONS.len()), ("infra/location.yaml", 1)];

pub(crate) const FOLDERS: [&str; 4] = ["docs", "examples/cdk", "infra", "probes"];

/// Written into samconfig.toml instead of its first comment, which is about a checkout.
const SAMCONFIG_HEADER: &str = "\
# One section for each environment. `vigie deploy dev` and `sam deploy --config-env dev` deploy one.
#
";

/// The entries of the archive. `functions` has one folder with a `bootstrap` for each function.
pub fn entries(
    root: &Path,
    functions: &Path,
    architecture: Architecture,
) -> anyhow::Result<Vec<Entry>> {
    let mut entries = Vec::new();
    for folder in FOLDERS {
        entries.extend(copy_folder(root, folder)?);
    }
    for (path, functions) in TEMPLATES {
        let entry = entries.iter_mut().find(|entry| entry.path == path).context(path)?;
        let text = std::str::from_utf8(&entry.content)?;
        entry.content = template(text, architecture, functions).context(path)?.into_bytes();
    }
    for name in FUNCTIONS {
        let bootstrap = functions.join(name).join("bootstrap");
        let program = fs::read(&bootstrap)
            .with_context(|| format!("`{}` was not built", bootstrap.display()))?;
        let package = pack::zip(&[Entry::program("bootstrap", program)])?;
        entries.push(Entry::file(format!("functions/{name}.zip"), package));
    }
    let settings = fs::read_to_string(root.join("samconfig.toml"))?;
    entries.push(Entry::file("samconfig.toml", samconfig(&settings)?));
    for name in ["sam.txt", "uv.txt"] {
        let text = fs::read_to_string(root.join("crates/deploy/requirements").join(name))?;
        entries.push(Entry::file(format!("requirements/{name}"), text));
    }
    let readme = copy(root, "packaging/archive/README-aws.md")?;
    entries.push(Entry { path: "README.md".to_owned(), ..readme });
    // docs/costs.md refers to the prices.
    for name in ["LICENSE", "CHANGELOG.md", "crates/cli/prices.json"] {
        entries.push(copy(root, name)?);
    }
    Ok(entries)
}

/// The template with the `count` packaged functions and the architecture of the archive.
fn template(text: &str, architecture: Architecture, count: usize) -> anyhow::Result<String> {
    let mut functions = 0;
    let mut parameter = "";
    let mut architectures = 0;
    let mut lines = String::with_capacity(text.len());
    for line in text.lines() {
        if line.starts_with("  ") && !line.starts_with("   ") {
            parameter = line.trim();
        }
        let replaced = if let Some(name) = line.trim().strip_prefix("CodeUri: ../target/lambda/") {
            functions += 1;
            let indent = &line[..line.len() - line.trim_start().len()];
            Some(format!("{indent}CodeUri: ../functions/{name}.zip"))
        } else if parameter == "Architecture:" && line.trim() == "Default: arm64" {
            architectures += 1;
            Some(format!("    Default: {}", architecture.as_str()))
        } else {
            None
        };
        lines.push_str(replaced.as_deref().unwrap_or(line));
        lines.push('\n');
    }
    ensure!(functions == count, "the template packages {functions} functions");
    ensure!(architectures == 1, "the template has no default of `Architecture`");
    Ok(lines)
}

/// The settings without the sections of `sam build`; `sam deploy` reads the template of the archive.
fn samconfig(text: &str) -> anyhow::Result<String> {
    let mut lines = String::from(SAMCONFIG_HEADER);
    let mut deployments = 0;
    let mut in_build = false;
    let (_, body) = text.split_once("\n#\n").context("samconfig.toml begins with a comment")?;
    for line in body.lines() {
        if line.starts_with('[') {
            in_build = line.contains(".build.");
        } else if line.starts_with("# ---") {
            in_build = false;
        }
        if in_build {
            continue;
        }
        lines.push_str(line);
        lines.push('\n');
        if line.ends_with(".deploy.parameters]") {
            deployments += 1;
            lines.push_str("template_file = \"infra/template.yaml\"\n");
        }
    }
    ensure!(deployments > 0, "samconfig.toml has no section for a deployment");
    ensure!(lines.parse::<toml::Table>().is_ok(), "samconfig.toml of the archive is not valid");
    Ok(lines)
}

#[cfg(test)]
mod tests {
    use deploy::build::Build;

    use super::*;

    /// An archive of this checkout with empty functions, unpacked.
    fn unpacked() -> tempfile::TempDir {
        let functions = tempfile::tempdir().unwrap();
        for name in FUNCTIONS {
            fs::create_dir(functions.path().join(name)).unwrap();
            fs::write(functions.path().join(name).join("bootstrap"), name).unwrap();
        }
        let root = deploy::run::root();
        let entries = entries(root, functions.path(), Architecture::X86).unwrap();
        let bytes = pack::tar(&entries).unwrap();
        let folder = tempfile::tempdir().unwrap();
        tar::Archive::new(bytes.as_slice()).unpack(folder.path()).unwrap();
        folder
    }

    #[test]
    fn routes_of_the_operator_are_those_of_the_layer() {
        let archive = unpacked();
        fs::write(archive.path().join("infra/routes.json"), "changed").unwrap();
        let layer = archive.path().join("infra/routes-layer/routes.json");
        assert_eq!(fs::read_to_string(layer).unwrap(), "changed");
    }

    #[test]
    fn archive_has_what_a_deployment_needs() {
        let archive = unpacked();
        let root = archive.path();
        assert_eq!(Build::of_archive(root).unwrap(), Some(Build::Archive(Architecture::X86)));
        assert_eq!(deploy::steps::find_root(&root.join("probes")).unwrap(), root);
        for path in ["infra/alarms.yaml", "probes/support-bot.yaml", "requirements/uv.txt"] {
            assert!(root.join(path).is_file(), "{path}");
        }
        let sam = fs::read_to_string(root.join("requirements/sam.txt")).unwrap();
        assert!(sam.contains("aws-sam-cli=="), "{sam}");
        assert!(!sam.contains("ziglang") && !sam.contains("cargo-lambda"), "{sam}");
    }

    #[test]
    fn every_local_path_of_the_templates_exists() {
        let archive = unpacked();
        let infra = archive.path().join("infra");
        let texts =
            TEMPLATES.map(|(path, _)| fs::read_to_string(archive.path().join(path)).unwrap());
        let text = texts.concat();
        let paths = text.lines().filter_map(|line| {
            let (key, path) = line.trim().split_once(": ")?;
            let is_path = ["CodeUri", "ContentUri"].contains(&key)
                || (key == "Location" && path.contains(".yaml"));
            is_path.then_some(path)
        });
        let paths: Vec<&str> = paths.collect();
        assert!(FUNCTIONS.len() + 6 <= paths.len(), "{paths:?}");
        for path in paths {
            assert!(infra.join(path).exists(), "{path}");
        }
    }

    #[test]
    fn links_of_the_documentation_lead_to_files() {
        let archive = unpacked();
        let root = archive.path();
        let mut pages = vec![root.join("README.md")];
        for folder in ["docs", "docs/reference", "infra/observability", "examples/cdk"] {
            let files = fs::read_dir(root.join(folder)).unwrap().map(|file| file.unwrap().path());
            pages.extend(files.filter(|file| file.extension() == Some("md".as_ref())));
        }
        let mut links = 0;
        for page in pages {
            let text = fs::read_to_string(&page).unwrap();
            for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
                let file = link.split('#').next().unwrap_or_default();
                if !file.contains("://") {
                    let target = page.parent().unwrap().join(file);
                    assert!(target.exists(), "{}: `{link}`", page.display());
                    links += 1;
                }
            }
        }
        assert!(20 < links, "{links} links");
    }

    #[test]
    fn settings_name_the_template_and_no_build() {
        let archive = unpacked();
        let text = fs::read_to_string(archive.path().join("samconfig.toml")).unwrap();
        let settings: toml::Table = text.parse().unwrap();
        for environment in ["dev", "staging", "prod"] {
            let section = &settings[environment];
            assert!(section.get("build").is_none(), "{environment}");
            let template = &section["deploy"]["parameters"]["template_file"];
            assert_eq!(template.as_str(), Some("infra/template.yaml"), "{environment}");
        }
        for word in ["cargo", "make deploy", "sam build"] {
            assert!(!text.contains(word), "{word}: {text}");
        }
    }
}
