//! A coordinator whose port speaks TLS, and what its flags ask for.

use std::{
    fs,
    path::{Path, PathBuf},
};

use clap::Parser;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use specfuse_proto::v1::ensemble_service_client::EnsembleServiceClient;
use specfuse_runtime::tls::{self, ClientTls, ClientTlsFiles};
use tonic::{Status, transport::Endpoint};

use super::*;
use crate::config::{Args, Config};

#[derive(Parser)]
struct Cli {
    #[command(flatten)]
    args: Args,
}

/// Signs certificates for this machine, and for clients; the files go with the value.
struct Authority {
    folder: tempfile::TempDir,
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let this = Self { folder: tempfile::tempdir().unwrap(), issuer };
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(["127.0.0.1".to_owned()]).unwrap();
        fs::write(this.ca(), this.issuer.pem()).unwrap();
        fs::write(this.cert(), params.signed_by(&key, &this.issuer).unwrap().pem()).unwrap();
        fs::write(this.key(), key.serialize_pem()).unwrap();
        this
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn ca(&self) -> PathBuf {
        self.path("ca")
    }

    fn cert(&self) -> PathBuf {
        self.path("cert")
    }

    fn key(&self) -> PathBuf {
        self.path("key")
    }

    /// What a client trusts, and what it shows if it shows anything.
    fn client(&self, shown: Option<&Self>) -> ClientTls {
        let (cert, key) = (shown.map(Self::cert), shown.map(Self::key));
        let files = ClientTlsFiles::given(("--ca", Some(self.ca())), ("--cert", cert), ("--key", key));
        ClientTls::load(files.unwrap().unwrap()).unwrap()
    }
}

/// A file of configuration and flags, as the program takes them.
fn loaded(text: &str, flags: &[(&str, &Path)]) -> Result<Config, String> {
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), text).unwrap();
    let mut words = vec!["coordinator".into(), "--config".into(), file.path().as_os_str().to_owned()];
    words.extend(flags.iter().flat_map(|(flag, value)| [(*flag).into(), value.as_os_str().to_owned()]));
    let told = Config::load(&Cli::try_parse_from(words).map_err(|error| error.to_string())?.args);
    told.map_err(|error| error.to_string().replace(&file.path().display().to_string(), "FILE"))
}

async fn asked(coordinator: &Coordinator, scheme: &str, tls: Option<&ClientTls>) -> Result<String, Status> {
    let endpoint = Endpoint::from_shared(format!("{scheme}://{}", coordinator.address)).unwrap();
    let mut client = EnsembleServiceClient::new(tls::channel(endpoint, tls));
    let told = coordinator::finish(client.generate(ask("well?")).await?.into_inner()).await;
    told.end.as_ref().map_err(Clone::clone)?;
    Ok(text(&told))
}

#[tokio::test]
async fn a_port_with_tls_takes_no_plaintext_and_with_mutual_tls_no_stranger() {
    let a = sound("a").await;
    let text = format!("workers = [{:?}]\n[ensembles.solo]\nmembers = [\"a\"]", a.url);
    let (ours, other) = (Authority::new(), Authority::new());
    let (cert, key, ca) = (ours.cert(), ours.key(), ours.ca());
    let flags = [("--tls-cert", cert.as_path()), ("--tls-key", &key), ("--tls-client-ca", &ca)];
    for mutual in [false, true] {
        let config = loaded(&text, if mutual { &flags } else { &flags[..2] }).unwrap();
        let coordinator = Coordinator::start_as(config).await;
        assert_eq!(asked(&coordinator, "https", Some(&ours.client(Some(&ours)))).await.unwrap(), " yes");
        assert!(asked(&coordinator, "http", None).await.is_err());
        assert!(asked(&coordinator, "https", Some(&other.client(None))).await.is_err());
        for stranger in [None, Some(&other)] {
            let answer = asked(&coordinator, "https", Some(&ours.client(stranger))).await;
            assert_eq!(answer.is_err(), mutual, "{answer:?}");
        }
    }
}

#[test]
fn a_flag_that_cannot_be_obeyed_is_named() {
    let ours = Authority::new();
    let (ca, cert, key, none) = (ours.ca(), ours.cert(), ours.key(), ours.path("none"));
    let ensembles = "[ensembles.solo]\nmembers = [\"a\"]";
    let plain = format!("workers = [\"http://a:1\"]\n{ensembles}");
    let secure = format!("workers = [\"https://a:1\"]\n{ensembles}");
    let etcd = Path::new("etcd://127.0.0.1:1");
    type Flags<'a> = &'a [(&'a str, &'a Path)];
    let cases: [(&str, Flags<'_>, &str); 9] = [
        (&plain, &[("--worker-ca", &ca)], "FILE: workers: \"http://a:1\" must be https, because --worker-ca is given"),
        (&secure, &[], "FILE: workers: \"https://a:1\" needs --worker-ca"),
        (&plain, &[("--worker-cert", &cert), ("--worker-key", &key)], "--worker-cert needs --worker-ca"),
        (&secure, &[("--worker-ca", &ca), ("--worker-cert", &cert)], "--worker-cert needs --worker-key"),
        (&plain, &[("--tls-cert", &cert)], "--tls-cert needs --tls-key"),
        (&plain, &[("--tls-client-ca", &ca)], "--tls-client-ca needs --tls-cert"),
        (&plain, &[("--api-keys", &none)], "--api-keys "),
        (&plain, &[("--discovery", etcd)], "FILE: workers: --discovery finds them: leave out one of the two"),
        (ensembles, &[], "FILE: workers: there must be at least one, here or by --discovery"),
    ];
    for (text, flags, expected) in cases {
        let error = loaded(text, flags).expect_err(expected);
        assert!(error.starts_with(expected), "{expected}: {error}");
    }
    assert!(loaded(&secure, &[("--worker-ca", &ca), ("--worker-cert", &cert), ("--worker-key", &key)]).is_ok());
    assert!(loaded(ensembles, &[("--discovery", etcd)]).is_ok());
}
