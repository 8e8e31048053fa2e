//! TLS: the collector refuses and shows what it was told to.

use crate::client::spans;
use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use hyper_rustls::HttpsConnectorBuilder;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use prost::Message;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};
use std::sync::Arc;
use testkit::collector::tls::{Authority, Identity, ServerTls, Validity};
use testkit::collector::{Collector, Options, Signal};

fn client(ca: &Authority, identity: Option<&Identity>) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(ca.certificate().as_bytes()).unwrap()).unwrap();
    let builder = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots);
    match identity {
        None => builder.with_no_client_auth(),
        Some(identity) => {
            let certificate = CertificateDer::from_pem_slice(identity.certificate.as_bytes()).unwrap();
            let key = PrivateKeyDer::from_pem_slice(identity.key.as_bytes()).unwrap();
            builder.with_client_auth_cert(vec![certificate], key).unwrap()
        }
    }
}

/// Whether three spans came through.
async fn sends(collector: &Collector, config: ClientConfig) -> bool {
    let connector =
        HttpsConnectorBuilder::new().with_tls_config(config).https_only().enable_all_versions().build();
    let client: Client<_, Full<Bytes>> = Client::builder(TokioExecutor::new()).build(connector);
    let request = Request::post(format!("{}/v1/traces", collector.http_url()))
        .header("content-type", "application/x-protobuf")
        .body(Full::from(spans(3).encode_to_vec()))
        .unwrap();
    let accepted = client.request(request).await.is_ok_and(|response| response.status() == 200);
    assert_eq!(collector.read(|state| state.stored(Signal::Traces) > 0), accepted);
    accepted
}

fn start(identity: Identity, client_ca: Option<String>) -> Collector {
    let tls = Some(ServerTls { identity, client_ca });
    Collector::start(Options { tls, ..Options::default() }).unwrap()
}

#[tokio::test]
async fn a_client_trusts_the_right_name_of_the_right_authority_in_time() {
    let (ours, other) = (Authority::new("ours").unwrap(), Authority::new("other").unwrap());
    let cases = [
        ("localhost", Validity::Now, &ours, true),
        ("elsewhere", Validity::Now, &ours, false),
        ("localhost", Validity::Expired, &ours, false),
        ("localhost", Validity::Now, &other, false),
    ];
    for (name, validity, trusted, accepted) in cases {
        let collector = start(ours.server(&[name], validity).unwrap(), None);
        assert_eq!(sends(&collector, client(trusted, None)).await, accepted, "{name} {validity:?}");
    }
}

#[tokio::test]
async fn a_sender_can_be_asked_for_a_certificate() {
    let (ours, other) = (Authority::new("ours").unwrap(), Authority::new("other").unwrap());
    let good = ours.client("agent", Validity::Now).unwrap();
    let strange = other.client("agent", Validity::Now).unwrap();
    for (identity, accepted) in [(Some(&good), true), (Some(&strange), false), (None, false)] {
        let collector = start(ours.server(&["localhost"], Validity::Now).unwrap(), Some(ours.certificate()));
        assert_eq!(sends(&collector, client(&ours, identity)).await, accepted);
    }
}
