//! The pods that rendered manifests ask for, each on a host of its own: there the ports of its containers are as they are rendered.

use std::{collections::BTreeMap, net::Ipv4Addr};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::pod;
use crate::network::Host;

#[derive(Clone, Debug)]
pub struct Pod {
    pub name: String,
    pub namespace: String,
    pub address: Ipv4Addr,
    pub labels: BTreeMap<String, String>,
    pub spec: Value,
    /// The headless service that names it.
    pub subdomain: Option<String>,
    /// Volumes that it has for itself.
    pub claims: Vec<String>,
    /// It asks and ends, when helm is told to test.
    pub is_test: bool,
}

/// As many as the manifests say; there must be hosts for all of them.
pub(super) fn pods(objects: &[Value], hosts: &[Host]) -> Result<Vec<Pod>> {
    let mut hosts = hosts.iter();
    let mut pods = Vec::new();
    for object in objects {
        let Some(spec) = pod(object) else { continue };
        let kind = text(object, "/kind")?;
        let template = if kind == "Pod" { object } else { object.pointer("/spec/template").context("no template")? };
        let replicas = object.pointer("/spec/replicas").and_then(Value::as_u64).unwrap_or(1);
        for replica in 0..replicas {
            let name = text(object, "/metadata/name")?;
            pods.push(Pod {
                name: if kind == "Pod" { name } else { format!("{name}-{replica}") },
                namespace: text(object, "/metadata/namespace")?,
                address: hosts.next().context("too few hosts")?.address,
                labels: strings(template.pointer("/metadata/labels")),
                spec: spec.clone(),
                subdomain: text(object, "/spec/serviceName").ok(),
                claims: names(object.pointer("/spec/volumeClaimTemplates"), "/metadata/name"),
                is_test: text(object, "/metadata/annotations/helm.sh~1hook").is_ok_and(|hook| hook == "test"),
            });
        }
    }
    ensure!(!pods.is_empty(), "no pods");
    Ok(pods)
}

impl Pod {
    /// Such as "worker".
    pub fn component(&self) -> &str {
        self.labels.get("app.kubernetes.io/component").map_or("", String::as_str)
    }

    /// The one that runs.
    pub fn container(&self) -> Result<&Value> {
        self.spec.pointer("/containers/0").context("no container")
    }

    pub fn init_containers(&self) -> impl Iterator<Item = &Value> {
        self.spec.get("initContainers").and_then(Value::as_array).into_iter().flatten()
    }

    /// The number of a container's port, by what it is called.
    pub fn port(&self, port: &Value) -> Result<u16> {
        let ports = self.container()?.get("ports").and_then(Value::as_array).context("no ports")?;
        let is_it = |known: &&Value| known.get("name") == Some(port) || known.get("containerPort") == Some(port);
        let found = ports.iter().find(is_it).and_then(|known| known.get("containerPort")?.as_u64());
        Ok(found.with_context(|| format!("{}: no port {port}", self.name))?.try_into()?)
    }

    pub fn ports(&self) -> Vec<u16> {
        let ports = self.container().ok().and_then(|container| container.get("ports")?.as_array());
        let numbers =
            ports.into_iter().flatten().filter_map(|port| port.get("containerPort")?.as_u64()?.try_into().ok());
        numbers.collect()
    }

    pub fn has(&self, labels: &BTreeMap<String, String>) -> bool {
        labels.iter().all(|(name, value)| self.labels.get(name) == Some(value))
    }
}

pub(super) fn text(object: &Value, pointer: &str) -> Result<String> {
    let found = object.pointer(pointer).and_then(Value::as_str);
    Ok(found.with_context(|| format!("no {pointer}"))?.to_owned())
}

/// A map of texts; none is an empty one.
pub(super) fn strings(map: Option<&Value>) -> BTreeMap<String, String> {
    let entries = map.and_then(Value::as_object).into_iter().flatten();
    entries.filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned()))).collect()
}

fn names(list: Option<&Value>, pointer: &str) -> Vec<String> {
    let entries = list.and_then(Value::as_array).into_iter().flatten();
    entries.filter_map(|entry| text(entry, pointer).ok()).collect()
}
