//! TLS: which certificates are accepted, what is said of the others, and files that are renewed.

use std::path::PathBuf;

use exporter::classify::{Answer, Failure, TlsFailure};
use exporter::transport::{PemProblem, Protocol, Settings, SettingsError, TlsFiles, Transport};
use http::Version;

use crate::certificates::{Authority, server};
use crate::server::{Server, grpc_response, response, serve, serve_tls};
use crate::{body, check_failed, settings, transport};

fn https(server: &Server, host: &str, protocol: Protocol, authority: &Authority) -> Settings {
    let mut settings = settings(format!("https://{host}:{}/v1/traces", server.address.port()), protocol);
    settings.tls.ca_file = Some(authority.file().to_owned());
    settings
}

async fn trusting(authority: &Authority, name: &str, from: i32, to: i32) -> Server {
    serve_tls(server(authority.certify(name, from, to), None), |_| response(200, &[], "")).await
}

#[tokio::test]
async fn a_good_certificate_is_accepted() {
    let authority = Authority::new();
    for name in ["localhost", "127.0.0.1"] {
        let server = trusting(&authority, name, 2000, 4000).await;
        let settings = https(&server, name, Protocol::HttpProtobuf, &authority);
        let answer = transport(&settings).send(body()).await;
        assert!(matches!(&answer, Answer::Http(http) if http.status == 200), "{answer}");
        assert_eq!(server.only().version, Version::HTTP_11);
    }
}

#[tokio::test]
async fn grpc_takes_tls_too() {
    let authority = Authority::new();
    let certified = server(authority.certify("localhost", 2000, 4000), None);
    let server = serve_tls(certified, |_| grpc_response(Some(b""), &[("grpc-status", "0")])).await;
    let settings = https(&server, "localhost", Protocol::Grpc, &authority);
    let answer = transport(&settings).send(body()).await;
    assert!(matches!(&answer, Answer::Grpc(grpc) if grpc.code == tonic::Code::Ok), "{answer}");
    assert_eq!(server.only().version, Version::HTTP_2);
}

#[tokio::test]
async fn a_bad_certificate_is_named_and_nothing_sent() {
    let (authority, other) = (Authority::new(), Authority::new());
    let cases = [
        (trusting(&authority, "elsewhere", 2000, 4000).await, TlsFailure::WrongHost),
        (trusting(&authority, "localhost", 2000, 2001).await, TlsFailure::Expired),
        (trusting(&authority, "localhost", 3000, 3001).await, TlsFailure::NotYetValid),
        (trusting(&other, "localhost", 2000, 4000).await, TlsFailure::UnknownIssuer),
    ];
    for (server, expected) in cases {
        for protocol in [Protocol::HttpProtobuf, Protocol::Grpc] {
            let settings = https(&server, "localhost", protocol, &authority);
            let answer = transport(&settings).send(body()).await;
            let file = authority.file().display().to_string();
            assert!(answer.to_string().ends_with(&file), "{answer} does not name {file}");
            check_failed(answer, Failure::Tls(expected), false);
        }
        assert!(server.seen().is_empty());
    }
}

#[tokio::test]
async fn another_name_can_be_asked_for() {
    let authority = Authority::new();
    let server = trusting(&authority, "collector.internal", 2000, 4000).await;
    let mut settings = https(&server, "localhost", Protocol::HttpProtobuf, &authority);
    settings.tls.server_name = Some("collector.internal".to_owned());
    let answer = transport(&settings).send(body()).await;
    assert!(matches!(answer, Answer::Http(_)), "{answer}");
}

#[tokio::test]
async fn a_server_without_tls_is_told() {
    let authority = Authority::new();
    let plain = serve(|_| response(200, &[], "")).await;
    let settings = https(&plain, "localhost", Protocol::HttpProtobuf, &authority);
    check_failed(transport(&settings).send(body()).await, Failure::Tls(TlsFailure::NotTls), false);
}

#[tokio::test]
async fn a_server_may_ask_for_our_certificate() {
    let (authority, clients, other) = (Authority::new(), Authority::new(), Authority::new());
    for protocol in [Protocol::HttpProtobuf, Protocol::Grpc] {
        let certified = server(authority.certify("localhost", 2000, 4000), Some(&clients));
        let server = serve_tls(certified, |_| response(200, &[], "")).await;
        let mut settings = https(&server, "localhost", protocol, &authority);
        // In TLS 1.3 the refusal comes after the handshake, and HTTP/2 passes on no more than its words.
        let refused = Failure::Tls(match protocol {
            Protocol::Grpc => TlsFailure::Handshake,
            _ => TlsFailure::ClientCertificate,
        });
        let failed = crate::failed(transport(&settings).send(body()).await);
        assert_eq!(failed.failure, refused, "{}", failed.message);
        assert!(failed.message.contains("CertificateRequired"), "{}", failed.message);

        let set = |settings: &mut Settings, (cert, key): (PathBuf, PathBuf)| {
            settings.tls.cert_file = Some(cert);
            settings.tls.key_file = Some(key);
        };
        set(&mut settings, other.certify_client());
        let failed = crate::failed(transport(&settings).send(body()).await);
        assert_eq!(failed.failure, refused, "{}", failed.message);
        assert!(server.seen().is_empty());

        set(&mut settings, clients.certify_client());
        let answer = transport(&settings).send(body()).await;
        assert!(matches!(answer, Answer::Http(_)), "{answer}");
    }
}

#[tokio::test]
async fn renewed_files_are_used_without_a_restart() {
    let (old, new) = (Authority::new(), Authority::new());
    let server = trusting(&new, "localhost", 2000, 4000).await;
    let transport = transport(&https(&server, "localhost", Protocol::HttpProtobuf, &old));
    check_failed(transport.send(body()).await, Failure::Tls(TlsFailure::UnknownIssuer), false);

    std::fs::write(old.file(), "not a certificate").unwrap();
    check_failed(transport.send(body()).await, Failure::Tls(TlsFailure::UnknownIssuer), false);
    let problem = transport.renewal_problem().expect("the file is damaged");
    assert!(matches!(&*problem, SettingsError::Pem { key: "tls.ca_file", .. }), "{problem}");

    std::fs::write(old.file(), new.pem()).unwrap();
    let answer = transport.send(body()).await;
    assert!(matches!(answer, Answer::Http(_)), "{answer}");
    assert!(transport.renewal_problem().is_none());
}

#[test]
fn files_that_can_not_work_are_named() {
    let authority = Authority::new();
    let (cert, key) = authority.certify_client();
    let other = Authority::new();
    let (_, other_key) = other.certify_client();
    let missing = PathBuf::from("/nowhere/ca.pem");
    let check = |tls: TlsFiles, expected: fn(&SettingsError) -> bool| {
        let mut settings = settings("https://localhost".to_owned(), Protocol::HttpProtobuf);
        settings.tls = TlsFiles { ca_file: tls.ca_file.or(Some(authority.file().to_owned())), ..tls };
        let error = Transport::new(&settings).expect_err("bad files");
        assert!(expected(&error), "{error:?}");
    };
    let files = |cert: Option<&PathBuf>, key: Option<&PathBuf>| TlsFiles {
        cert_file: cert.cloned(),
        key_file: key.cloned(),
        ..TlsFiles::default()
    };
    check(
        TlsFiles { ca_file: Some(missing.clone()), ..TlsFiles::default() },
        |error| matches!(error, SettingsError::File { key: "tls.ca_file", path, .. } if path.ends_with("ca.pem")),
    );
    check(TlsFiles { ca_file: Some(key.clone()), ..TlsFiles::default() }, |error| {
        matches!(error, SettingsError::Pem { key: "tls.ca_file", problem: PemProblem::NothingFound, .. })
    });
    check(files(Some(&cert), None), |error| {
        matches!(error, SettingsError::MissingFile { key: "tls.key_file" })
    });
    check(files(None, Some(&key)), |error| {
        matches!(error, SettingsError::MissingFile { key: "tls.cert_file" })
    });
    check(files(Some(&cert), Some(&missing)), |error| {
        matches!(error, SettingsError::File { key: "tls.key_file", .. })
    });
    check(files(Some(&cert), Some(&cert)), |error| {
        matches!(error, SettingsError::Pem { key: "tls.key_file", problem: PemProblem::NothingFound, .. })
    });
    check(files(Some(&cert), Some(&other_key)), |error| {
        matches!(error, SettingsError::Tls { key: "tls.cert_file", .. })
    });
    let name = TlsFiles { server_name: Some("not a name".to_owned()), ..TlsFiles::default() };
    check(name, |error| matches!(error, SettingsError::ServerName));
}
