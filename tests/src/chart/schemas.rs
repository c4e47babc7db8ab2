//! The schemas of Kubernetes' own kinds, of one version, as a published package has them, made into files that kubeconform reads.

use std::{fs, path::Path};

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use tempfile::TempDir;

use crate::packages::Packages;

const PACKAGE: &str = "kubernetes-validate==1.37.0";

#[derive(Debug)]
pub struct Schemas {
    folder: TempDir,
}

/// Every version that the package has.
#[derive(Debug)]
pub struct AllSchemas {
    packages: Packages,
}

impl Schemas {
    /// None: the package cannot be had, and the test is skipped, having said so.
    pub async fn published() -> Result<Option<AllSchemas>> {
        Ok(Packages::python(&[PACKAGE]).await?.map(|packages| AllSchemas { packages }))
    }

    pub(super) fn folder(&self) -> &Path {
        self.folder.path()
    }
}

impl AllSchemas {
    /// Of a version such as "1.37.0".
    pub fn of(&self, version: &str) -> Result<Schemas> {
        let package = self.packages.python_package("kubernetes_validate")?;
        let source = package.join(format!("kubernetes-json-schema/v{version}-local-strict"));
        let folder = tempfile::tempdir()?;
        let mut files = 0;
        for entry in fs::read_dir(&source).with_context(|| format!("no schemas of {version}"))? {
            let entry = entry?;
            fs::write(folder.path().join(entry.file_name()), local(&fs::read_to_string(entry.path())?)?)?;
            files += 1;
        }
        ensure!(files > 100, "{files} schemas of {version} only");
        Ok(Schemas { folder })
    }
}

/// They name each other by addresses on a server; here they lie side by side.
fn local(schema: &str) -> Result<String> {
    let mut schema: Value = serde_json::from_str(schema)?;
    schema.as_object_mut().context("not a schema")?.remove("$id");
    Ok(schema.to_string().replace("\"/api/_definitions.json", "\"_definitions.json"))
}
