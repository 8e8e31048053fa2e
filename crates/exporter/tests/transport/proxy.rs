//! Proxies: plain requests are forwarded, TLS and gRPC go through a tunnel.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use exporter::classify::{Answer, Blocked, Class, Failure, classify};
use exporter::transport::{Protocol, Proxy, ProxyEnvironment, Settings};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::certificates::{Authority, server};
use crate::server::{grpc_response, raw, read_head, response, serve, serve_tls};
use crate::{body, check_failed, settings, transport};

/// A proxy that opens tunnels to `upstream`, whatever it is asked for, and keeps the heads of the requests.
async fn tunnels(upstream: SocketAddr) -> (SocketAddr, Arc<Mutex<Vec<String>>>) {
    let heads: Arc<Mutex<Vec<String>>> = Arc::default();
    let kept = heads.clone();
    let address = raw(move |mut tcp| {
        let heads = kept.clone();
        async move {
            let head = read_head(&mut tcp).await;
            heads.lock().unwrap().push(head);
            let mut up = TcpStream::connect(upstream).await.unwrap();
            tcp.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").await.unwrap();
            let _ = tokio::io::copy_bidirectional(&mut tcp, &mut up).await;
        }
    })
    .await;
    (address, heads)
}

/// A proxy that answers CONNECT so.
async fn refuses(answer: &'static [u8]) -> SocketAddr {
    raw(move |mut tcp| async move {
        read_head(&mut tcp).await;
        let _ = tcp.write_all(answer).await;
        let _ = tcp.shutdown().await;
    })
    .await
}

fn by(proxy: SocketAddr, user: &str, mut settings: Settings) -> Settings {
    settings.proxy = Proxy::Url(format!("http://{user}{proxy}"));
    settings
}

#[tokio::test]
async fn a_plain_request_is_forwarded_with_its_whole_url() {
    let proxy = serve(|_| response(200, &[], "")).await;
    let url = "http://collector.example:4318/v1/traces".to_owned();
    let settings = by(proxy.address, "user:pass@", settings(url.clone(), Protocol::HttpProtobuf));
    let answer = transport(&settings).send(body()).await;
    assert!(matches!(answer, Answer::Http(_)), "{answer}");
    let seen = proxy.only();
    assert_eq!(seen.uri.to_string(), url);
    assert_eq!(seen.header("host"), Some("collector.example:4318"));
    assert_eq!(seen.header("proxy-authorization"), Some("Basic dXNlcjpwYXNz"));
}

#[tokio::test]
async fn the_environment_names_a_proxy_and_what_goes_without() {
    let (proxy, direct) = (serve(|_| response(200, &[], "")).await, serve(|_| response(200, &[], "")).await);
    let environment = ProxyEnvironment::read(|name| match name {
        "http_proxy" => Some(proxy.url("")),
        "NO_PROXY" => Some("127.0.0.0/8".to_owned()),
        _ => None,
    });
    for url in ["http://collector.example/v1/traces".to_owned(), direct.url("/v1/traces")] {
        let mut settings = settings(url, Protocol::HttpProtobuf);
        settings.proxy = Proxy::Environment(environment.clone());
        let answer = transport(&settings).send(body()).await;
        assert!(matches!(answer, Answer::Http(_)), "{answer}");
    }
    assert_eq!(proxy.only().uri.to_string(), "http://collector.example/v1/traces");
    assert_eq!(direct.only().uri.to_string(), "/v1/traces");
}

#[tokio::test]
async fn https_goes_through_a_tunnel_and_tls_ends_at_the_endpoint() {
    let authority = Authority::new();
    let certified = server(authority.certify("collector.example", 2000, 4000), None);
    let endpoint = serve_tls(certified, |_| response(200, &[], "")).await;
    let (proxy, heads) = tunnels(endpoint.address).await;
    let url = "https://collector.example/v1/traces".to_owned();
    let mut settings = by(proxy, "user:pass@", settings(url, Protocol::HttpProtobuf));
    settings.tls.ca_file = Some(authority.file().to_owned());
    settings.headers = vec![("authorization".to_owned(), "secret".to_owned())];
    let answer = transport(&settings).send(body()).await;
    assert!(matches!(answer, Answer::Http(_)), "{answer}");
    let head = heads.lock().unwrap().join("");
    assert!(head.starts_with("CONNECT collector.example:443 HTTP/1.1\r\n"), "{head}");
    assert!(head.to_ascii_lowercase().contains("proxy-authorization: basic dxnlcjpwyxnz"), "{head}");
    assert!(!head.contains("secret"), "{head}");
    let seen = endpoint.only();
    assert_eq!(seen.header("proxy-authorization"), None);
    assert_eq!(seen.uri.to_string(), "/v1/traces");
}

#[tokio::test]
async fn grpc_goes_through_a_tunnel_also_without_tls() {
    let endpoint = serve(|_| grpc_response(Some(b""), &[("grpc-status", "0")])).await;
    let (proxy, heads) = tunnels(endpoint.address).await;
    let settings = by(proxy, "", settings("http://collector.example:4317".to_owned(), Protocol::Grpc));
    let answer = transport(&settings).send(body()).await;
    assert!(matches!(answer, Answer::Grpc(_)), "{answer}");
    let head = heads.lock().unwrap().join("");
    assert!(head.starts_with("CONNECT collector.example:4317 HTTP/1.1\r\n"), "{head}");
}

#[tokio::test]
async fn a_proxy_that_refuses_is_told_from_the_endpoint() {
    let authority = Authority::new();
    let cases: [(&'static [u8], Failure); 4] = [
        (b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n", Failure::ProxyCredentials),
        (b"HTTP/1.1 502 Bad Gateway\r\n\r\n", Failure::Proxy),
        (b"what?\r\n\r\n", Failure::Proxy),
        (b"", Failure::Proxy),
    ];
    for (answer, expected) in cases {
        let proxy = refuses(answer).await;
        let mut settings =
            by(proxy, "", settings("https://collector.example".to_owned(), Protocol::HttpProtobuf));
        settings.tls.ca_file = Some(authority.file().to_owned());
        check_failed(transport(&settings).send(body()).await, expected, false);
    }
}

#[tokio::test]
async fn a_forwarding_proxys_own_refusal_blocks() {
    let proxy = serve(|_| response(407, &[], "")).await;
    let url = "http://collector.example/v1/traces".to_owned();
    let settings = by(proxy.address, "", settings(url, Protocol::HttpProtobuf));
    let answer = transport(&settings).send(body()).await;
    let class = classify(&answer, model::Now::default());
    assert_eq!(class, Class::Blocked { why: Blocked::Proxy, not_before: None });
}

#[tokio::test]
async fn a_proxy_that_is_down_is_no_connection() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let gone = listener.local_addr().unwrap();
    drop(listener);
    let settings = by(gone, "", settings("http://collector.example".to_owned(), Protocol::HttpProtobuf));
    check_failed(transport(&settings).send(body()).await, Failure::Connect, false);
}
