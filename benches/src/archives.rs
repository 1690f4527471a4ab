//! Section `archives`: the size of the archive that Lambda downloads for a cold start, with its limit.

use anyhow::ensure;
use deploy::build::{Architecture, Build};

use crate::functions::{FUNCTIONS, archive_mib};
use crate::table::{Bench, Table};

/// Fails when an archive is larger than its limit.
pub(crate) async fn measure(bench: &Bench<'_>) -> anyhow::Result<Vec<Table>> {
    bench.functions().await?;
    let folder = Build::Release(Architecture::HOST).folder(bench.root);
    let (mut rows, mut large) = (Vec::new(), Vec::new());
    for (name, limit) in FUNCTIONS {
        let size = archive_mib(&folder.join(name).join("bootstrap"))?;
        rows.push(vec![name.to_owned(), format!("{size:.1}"), format!("{limit:.1}")]);
        if limit < size {
            large.push(format!("`{name}` has {size:.1} MiB; expected at most {limit:.1}"));
        }
    }
    ensure!(large.is_empty(), "{}", large.join("\n"));
    Ok(vec![Table {
        title: "Functions: archives".to_owned(),
        notes: Vec::new(),
        header: ["function", "zip MiB", "limit"].map(str::to_owned).to_vec(),
        rows,
    }])
}
