//! Plays cert-manager: makes the secrets that the chart's certificates ask for, good for their names, and for the addresses that these
//! have here.

use std::{collections::BTreeMap, fs, path::Path};

use anyhow::{Context, Result, bail};
use rcgen::ExtendedKeyUsagePurpose;
use serde_json::Value;

use super::{names::Names, pods::text, volumes::Secret};
use crate::certificates::{Authority, Validity};

/// A certificate, and the secret that is to hold it.
#[derive(Clone, Debug)]
pub struct Wanted {
    secret: String,
    names: Vec<String>,
    /// As cert-manager calls them.
    usages: Vec<String>,
}

impl Wanted {
    pub fn new(secret: &str, name: &str, usages: &[&str]) -> Self {
        let usages = usages.iter().map(|&usage| usage.to_owned()).collect();
        Self { secret: secret.to_owned(), names: vec![name.to_owned()], usages }
    }
}

/// All but authorities' own.
pub(super) fn wanted(objects: &[Value]) -> Result<Vec<Wanted>> {
    let certificates = objects.iter().filter(|object| object.get("kind").is_some_and(|kind| kind == "Certificate"));
    let certificates = certificates.filter(|object| object.pointer("/spec/isCA").is_none_or(|is_ca| is_ca == false));
    let wanted = certificates.map(|certificate| {
        let listed = |pointer: &str| {
            let list = certificate.pointer(pointer).and_then(Value::as_array).into_iter().flatten();
            list.filter_map(|entry| Some(entry.as_str()?.to_owned())).collect()
        };
        let secret = text(certificate, "/spec/secretName")?;
        Ok(Wanted { secret, names: listed("/spec/dnsNames"), usages: listed("/spec/usages") })
    });
    wanted.collect()
}

/// Secrets by their names. One authority signs everything, and its own certificate is in all of them.
pub(super) fn issued(
    wanted: impl Iterator<Item = Wanted>,
    names: &Names,
    folder: &Path,
) -> Result<BTreeMap<String, Secret>> {
    let authority = Authority::new(folder, "cluster")?;
    let secrets = wanted.map(|Wanted { secret, names: dns, usages }| {
        let addresses = dns.iter().flat_map(|name| names.matching(name)).map(|address| address.to_string());
        let subjects: Vec<String> = dns.iter().cloned().chain(addresses).collect();
        let uses: Vec<_> = usages.iter().filter_map(|usage| use_of(usage).transpose()).collect::<Result<_>>()?;
        let pair = authority.issue_for(&secret, &subjects, &uses, Validity::Now)?;
        let files = [("tls.crt", &pair.cert), ("tls.key", &pair.key), ("ca.crt", &authority.ca)];
        let files = files.into_iter().map(|(name, file)| {
            let text = fs::read_to_string(file).with_context(|| format!("no {name}"))?;
            Ok((name.to_owned(), text))
        });
        Ok((secret, files.collect::<Result<_>>()?))
    });
    secrets.collect()
}

/// None: it is what every certificate here is good for.
fn use_of(usage: &str) -> Result<Option<ExtendedKeyUsagePurpose>> {
    match usage {
        "server auth" => Ok(Some(ExtendedKeyUsagePurpose::ServerAuth)),
        "client auth" => Ok(Some(ExtendedKeyUsagePurpose::ClientAuth)),
        "digital signature" => Ok(None),
        other => bail!("usage {other}: not known here"),
    }
}
