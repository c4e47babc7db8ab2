//! What pods mount, as folders of this machine.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::{
    names::Names,
    own_address,
    pods::{Pod, strings, text},
};

/// Files by their names.
pub type Secret = BTreeMap<String, String>;

/// What a cluster has that the chart does not bring.
#[derive(Clone, Debug, Default)]
pub struct Given {
    pub secrets: BTreeMap<String, Secret>,
    /// By the names of claims.
    pub claims: BTreeMap<String, PathBuf>,
    /// By the references of OCI images.
    pub images: BTreeMap<String, PathBuf>,
}

/// Of one pod: the folders of its volumes.
pub(super) struct Volumes(BTreeMap<String, PathBuf>);

/// Of one container: where it finds them, and where they are.
#[derive(Debug)]
pub(super) struct Mounts(Vec<(String, PathBuf)>);

impl Given {
    pub fn secret(&self, name: &str) -> Result<&Secret> {
        self.secrets.get(name).with_context(|| format!("no secret {name} in {:?}", self.secrets.keys()))
    }
}

impl Volumes {
    /// Made below a folder of the pod's own. What configuration maps say of names and of its own address is said in the addresses here.
    pub(super) fn make(pod: &Pod, folder: &Path, objects: &[Value], given: &Given, names: &Names) -> Result<Self> {
        let mut volumes = BTreeMap::new();
        for name in &pod.claims {
            volumes.insert(name.clone(), folder.join(name));
        }
        for volume in pod.spec.get("volumes").and_then(Value::as_array).into_iter().flatten() {
            let name = text(volume, "/name")?;
            let own = folder.join(&name);
            let made = if let Some(map) = volume.get("configMap") {
                let texts = config_map(objects, &text(map, "/name")?)?;
                let here = |text: &String| names.resolved(&own_address(text, pod.address));
                written(&own, &texts.iter().map(|(file, text)| (file.clone(), here(text))).collect())?
            } else if let Some(secret) = volume.get("secret") {
                written(&own, &chosen(secret, given.secret(&text(secret, "/secretName")?)?)?)?
            } else if let Some(claim) = volume.get("persistentVolumeClaim") {
                given.claims.get(&text(claim, "/claimName")?).context("no such claim")?.clone()
            } else if let Some(image) = volume.get("image") {
                given.images.get(&text(image, "/reference")?).context("no such image")?.clone()
            } else if volume.get("emptyDir").is_some() {
                own
            } else {
                bail!("{volume}: not known here");
            };
            volumes.insert(name, made);
        }
        for folder in volumes.values() {
            fs::create_dir_all(folder)?;
        }
        Ok(Self(volumes))
    }

    pub(super) fn mounts(&self, container: &Value) -> Result<Mounts> {
        let mut mounts = Vec::new();
        for mount in container.get("volumeMounts").and_then(Value::as_array).into_iter().flatten() {
            let (path, name) = (text(mount, "/mountPath")?, text(mount, "/name")?);
            let folder = self.0.get(&name).with_context(|| format!("{path}: no volume {name}"))?;
            mounts.push((path, folder.clone()));
        }
        Ok(Mounts(mounts))
    }
}

impl Mounts {
    /// One more, of what an image holds.
    pub(super) fn and(mut self, path: &str, folder: PathBuf) -> Self {
        self.0.push((path.to_owned(), folder));
        self
    }

    /// The path as it is here. An error: nothing is mounted there.
    pub(super) fn path(&self, path: &str) -> Result<String> {
        let below = |mount: &str| path.strip_prefix(mount).filter(|rest| rest.is_empty() || rest.starts_with('/'));
        let found = self.0.iter().filter_map(|(mount, folder)| Some((mount, folder, below(mount)?)));
        let (_, folder, rest) =
            found.max_by_key(|(mount, ..)| mount.len()).with_context(|| format!("{path} is not mounted"))?;
        Ok(format!("{}{rest}", folder.display()))
    }
}

fn config_map(objects: &[Value], name: &str) -> Result<BTreeMap<String, String>> {
    let is_it = |object: &&Value| {
        object.get("kind").is_some_and(|kind| kind == "ConfigMap")
            && object.pointer("/metadata/name").is_some_and(|known| known == name)
    };
    let map = objects.iter().find(is_it).with_context(|| format!("no map {name}"))?;
    Ok(strings(map.get("data")))
}

/// The whole secret, or the items that the volume names.
fn chosen(volume: &Value, secret: &Secret) -> Result<Secret> {
    let Some(items) = volume.get("items").and_then(Value::as_array) else { return Ok(secret.clone()) };
    let chosen = items.iter().map(|item| {
        let (key, path) = (text(item, "/key")?, text(item, "/path")?);
        Ok((path, secret.get(&key).with_context(|| format!("no key {key}"))?.clone()))
    });
    chosen.collect()
}

fn written(folder: &Path, files: &Secret) -> Result<PathBuf> {
    fs::create_dir_all(folder)?;
    for (name, text) in files {
        fs::write(folder.join(name), text)?;
    }
    Ok(folder.to_owned())
}
