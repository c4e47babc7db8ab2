//! Which names and ports a cluster has, and the addresses that stand for them here: what its name service and its services do.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::{IpAddr, SocketAddr},
};

use anyhow::{Context, Result};
use serde_json::Value;

use super::pods::{Pod, strings, text};

/// By "name:port". A port that no service and no container tells of is not there.
#[derive(Clone, Debug, Default)]
pub struct Names(BTreeMap<String, Vec<SocketAddr>>);

impl Names {
    /// Of all services and pods.
    pub fn of(objects: &[Value], pods: &[Pod]) -> Result<Self> {
        let mut names = Self::default();
        for service in objects.iter().filter(|object| object.get("kind").is_some_and(|kind| kind == "Service")) {
            let name = text(service, "/metadata/name")?;
            let host = format!("{name}.{}.svc", text(service, "/metadata/namespace")?);
            let selector = strings(service.pointer("/spec/selector"));
            let is_headless = service.pointer("/spec/clusterIP").is_some_and(|address| address == "None");
            let selected: Vec<&Pod> = pods.iter().filter(|pod| pod.has(&selector) && !pod.is_test).collect();
            for port in service.pointer("/spec/ports").and_then(Value::as_array).context("no ports")? {
                let target = port.get("targetPort").context("no targetPort")?;
                let behind = selected.iter().map(|pod| Ok(SocketAddr::from((pod.address, pod.port(target)?))));
                let number = port.get("port").and_then(Value::as_u64).context("no port")?;
                let behind = behind.collect::<Result<_>>()?;
                if !is_headless {
                    names.add(format!("{host}:{number}"), behind);
                }
            }
            // A headless service names pods, and nothing stands between their ports and who calls. By its own name nobody is called: a
            // certificate for that is good for none of them.
            for pod in selected.iter().filter(|pod| pod.subdomain.as_deref() == Some(&name)) {
                for port in pod.ports() {
                    names.add(format!("{}.{host}:{port}", pod.name), vec![SocketAddr::from((pod.address, port))]);
                }
            }
        }
        Ok(names)
    }

    /// One more, of what is outside of the chart.
    pub fn add(&mut self, name: String, addresses: Vec<SocketAddr>) {
        self.0.insert(name, addresses);
    }

    pub fn addresses(&self, name: &str) -> Result<&[SocketAddr]> {
        Ok(self.0.get(name).with_context(|| format!("no {name} in {:?}", self.0.keys()))?)
    }

    /// The text with addresses for names: the first, where there are several.
    pub fn resolved(&self, text: &str) -> String {
        let mut names: Vec<(&String, &SocketAddr)> =
            self.0.iter().filter_map(|(name, addresses)| Some((name, addresses.first()?))).collect();
        // A pod's name ends with its service's.
        names.sort_by_key(|(name, _)| std::cmp::Reverse(name.len()));
        names.iter().fold(text.to_owned(), |text, (name, address)| text.replace(*name, &address.to_string()))
    }

    /// Whom a certificate for this name is good for; "*" stands for one label.
    pub fn matching(&self, pattern: &str) -> BTreeSet<IpAddr> {
        let is_match = |name: &str| match (pattern.strip_prefix("*."), name.split_once('.')) {
            (Some(domain), Some((_, rest))) => domain == rest,
            (Some(_), None) => false,
            (None, _) => pattern == name,
        };
        let hosts = self.0.iter().filter(|(name, _)| name.rsplit_once(':').is_some_and(|(host, _)| is_match(host)));
        hosts.flat_map(|(_, addresses)| addresses.iter().map(SocketAddr::ip)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_name_counts_and_a_star_is_one_label() -> Result<()> {
        let mut names = Names::default();
        names.add("workers.demo.svc:7071".to_owned(), vec!["127.0.0.8:7071".parse()?]);
        names.add("one-0.workers.demo.svc:7071".to_owned(), vec!["127.0.0.9:7071".parse()?]);
        assert_eq!(names.resolved("--a=one-0.workers.demo.svc:7071"), "--a=127.0.0.9:7071");
        assert_eq!(names.resolved("http://workers.demo.svc:7071/"), "http://127.0.0.8:7071/");
        assert_eq!(names.resolved("workers.demo.svc:7072"), "workers.demo.svc:7072");
        assert_eq!(names.matching("*.workers.demo.svc"), BTreeSet::from(["127.0.0.9".parse()?]));
        assert_eq!(names.matching("*.demo.svc"), BTreeSet::from(["127.0.0.8".parse()?]));
        assert_eq!(names.matching("workers.demo"), BTreeSet::new());
        Ok(())
    }
}
