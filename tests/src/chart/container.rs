//! What Kubernetes would make of a container's arguments and environment, and that as a command of this machine: addresses for names,
//! folders for mounts, the pod's address for "all of mine".

use std::{collections::BTreeMap, path::Path};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use super::{
    names::Names,
    own_address,
    pods::{Pod, text},
    volumes::{Given, Mounts, Volumes},
};
use crate::up::bundled_models;

/// A command with nothing around it: no variable but these.
#[derive(Clone, Debug)]
pub(super) struct Line {
    pub program: String,
    pub arguments: Vec<String>,
    pub variables: BTreeMap<String, String>,
}

/// Where containers run.
pub(super) struct Site<'a> {
    pub pod: &'a Pod,
    pub volumes: &'a Volumes,
    pub names: &'a Names,
    pub given: &'a Given,
}

/// `specfuse`: the program that plays all of ours.
pub(super) fn line(container: &Value, site: &Site<'_>, specfuse: &Path) -> Result<Line> {
    let image = text(container, "/image")?;
    let name = image.rsplit('/').next().and_then(|name| name.split(':').next()).context("no image")?;
    let specfuse = specfuse.to_str().context("the program's name is not UTF-8")?;
    let mut mounts = site.volumes.mounts(container)?;
    let (program, role) = match name {
        "specfuse" => (specfuse, None),
        "specfuse-coordinator" => (specfuse, Some("coordinator")),
        "specfuse-worker" => (specfuse, Some("worker")),
        "etcd" => ("etcd", None),
        other => bail!("{other}: an image that cannot be played"),
    };
    match container.get("command").and_then(|command| command.get(0)).and_then(Value::as_str) {
        None if name != "etcd" => {}
        Some("etcd") if name == "etcd" => {}
        other => bail!("{name}: command {other:?}"),
    }
    if role == Some("worker") {
        mounts = mounts.and("/models", bundled_models());
    }
    let defined = variables(container, site)?;
    let given = container.get("args").and_then(Value::as_array).context("no arguments")?.iter();
    let given = given.map(|given| given.as_str().context("an argument that is no text"));
    let arguments = given.map(|given| here(&expanded(given?, &defined), site, &mounts));
    let arguments = role.map(|role| Ok(role.to_owned())).into_iter().chain(arguments).collect::<Result<Vec<_>>>()?;
    let variables = defined.iter().map(|(name, value)| Ok((name.clone(), here(value, site, &mounts)?)));
    Ok(Line { program: program.to_owned(), arguments, variables: variables.collect::<Result<_>>()? })
}

/// As Kubernetes defines them: a value sees those before it.
fn variables(container: &Value, site: &Site<'_>) -> Result<BTreeMap<String, String>> {
    let mut defined = BTreeMap::new();
    for variable in container.get("env").and_then(Value::as_array).into_iter().flatten() {
        let value = match variable.get("valueFrom") {
            None => expanded(&text(variable, "/value")?, &defined),
            Some(from) if from.get("fieldRef").is_some() => match text(from, "/fieldRef/fieldPath")?.as_str() {
                "metadata.name" => site.pod.name.clone(),
                "metadata.namespace" => site.pod.namespace.clone(),
                "spec.nodeName" => "node".to_owned(),
                other => bail!("{other}: not known here"),
            },
            Some(from) => {
                let (secret, key) = (text(from, "/secretKeyRef/name")?, text(from, "/secretKeyRef/key")?);
                site.given.secret(&secret)?.get(&key).with_context(|| format!("{secret}: no key {key}"))?.clone()
            }
        };
        defined.insert(text(variable, "/name")?, value);
    }
    Ok(defined)
}

/// $(NAME) is the variable's value, where there is one; $$ is one $.
fn expanded(text: &str, variables: &BTreeMap<String, String>) -> String {
    let (mut said, mut rest) = (String::new(), text);
    while let Some((before, after)) = rest.split_once('$') {
        said.push_str(before);
        let name = after.strip_prefix('(').and_then(|after| after.split_once(')'));
        rest = match (after.strip_prefix('$'), name) {
            (Some(after), _) => {
                said.push('$');
                after
            }
            (None, Some((name, after))) if variables.contains_key(name) => {
                said.push_str(&variables[name]);
                after
            }
            (None, _) => {
                said.push('$');
                after
            }
        };
    }
    said + rest
}

/// Fails where something is left that means nothing here.
fn here(text: &str, site: &Site<'_>, mounts: &Mounts) -> Result<String> {
    // In this order: what is outside of the cluster may have an address that is a pod's own, were it said in a pod.
    let text = site.names.resolved(&own_address(text, site.pod.address));
    let (flag, value) = match text.strip_prefix("--").and_then(|flag| flag.split_once('=')) {
        Some((flag, value)) => (format!("--{flag}="), value),
        None => (String::new(), text.as_str()),
    };
    ensure!(!value.contains(".svc") && !value.contains("$("), "{text}: what does it stand for?");
    Ok(if value.starts_with('/') { format!("{flag}{}", mounts.path(value)?) } else { text })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_expanded_as_kubernetes_does_it() {
        let known = BTreeMap::from([("A".to_owned(), "1$".to_owned())]);
        let expanded = |text| expanded(text, &known);
        assert_eq!(expanded("$(A).$(B).$$(A).$A.$"), "1$.$(B).$(A).$A.$");
        assert_eq!(expanded("$(A"), "$(A");
    }
}
