//! What is made of connections that do not come about, or end too early.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use exporter::classify::{Answer, Failure};
use exporter::transport::{Protocol, Settings};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::certificates::Authority;
use crate::server::{Seen, connection, raw, raw_answer, read_head, response};
use crate::{body, check_failed, settings, transport};

/// Reads until the other side closes.
async fn swallow(mut tcp: TcpStream) {
    let mut buffer = vec![0; 1 << 16];
    while tcp.read(&mut buffer).await.is_ok_and(|n| n > 0) {}
}

fn both(address: std::net::SocketAddr) -> [Settings; 2] {
    [Protocol::HttpProtobuf, Protocol::Grpc].map(|protocol| settings(format!("http://{address}"), protocol))
}

#[tokio::test]
async fn nobody_listens() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    for settings in both(address) {
        check_failed(transport(&settings).send(body()).await, Failure::Connect, false);
    }
}

#[tokio::test]
async fn the_name_is_unknown() {
    for protocol in [Protocol::HttpProtobuf, Protocol::Grpc] {
        let settings = settings("http://collector.invalid:4318".to_owned(), protocol);
        let answer = transport(&settings).send(body()).await;
        assert!(answer.to_string().contains("collector.invalid: "), "{answer}");
        check_failed(answer, Failure::UnknownHost, false);
    }
}

#[tokio::test]
async fn the_server_never_answers() {
    let silent = raw(swallow).await;
    for mut settings in both(silent) {
        settings.timeout = Duration::from_millis(300);
        check_failed(transport(&settings).send(body()).await, Failure::Timeout, true);
    }
}

#[tokio::test]
async fn the_handshake_never_ends() {
    let silent = raw(swallow).await;
    let mut settings = settings(format!("https://{silent}"), Protocol::HttpProtobuf);
    let authority = Authority::new();
    settings.tls.ca_file = Some(authority.file().to_owned());
    settings.timeout = Duration::from_millis(300);
    check_failed(transport(&settings).send(body()).await, Failure::Timeout, false);
}

#[tokio::test]
async fn the_connection_ends_without_an_answer() {
    let closes = raw_answer(b"").await;
    let settings = settings(format!("http://{closes}"), Protocol::HttpProtobuf);
    check_failed(transport(&settings).send(body()).await, Failure::Reset, true);
}

#[tokio::test]
async fn the_connection_is_reset() {
    let resets = raw(|mut tcp| async move {
        read_head(&mut tcp).await;
        // Unread bytes make the kernel send RST at close.
        drop(tcp);
    })
    .await;
    let settings = settings(format!("http://{resets}"), Protocol::HttpProtobuf);
    check_failed(transport(&settings).send(body()).await, Failure::Reset, true);
}

#[tokio::test]
async fn success_that_is_cut_off_is_no_success() {
    let cut = raw_answer(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n\x0a").await;
    let settings = settings(format!("http://{cut}"), Protocol::HttpProtobuf);
    check_failed(transport(&settings).send(body()).await, Failure::Reset, true);
}

#[tokio::test]
async fn an_error_that_is_cut_off_is_the_error() {
    let cut = raw_answer(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 100\r\n\r\nbad").await;
    let settings = settings(format!("http://{cut}"), Protocol::HttpProtobuf);
    let Answer::Http(answer) = transport(&settings).send(body()).await else { panic!("no answer") };
    assert_eq!((answer.status, answer.message.as_str()), (400, "bad"));
}

#[tokio::test]
async fn the_answer_is_not_http() {
    let ssh = raw_answer(b"SSH-2.0-OpenSSH_9.2p1\r\n").await;
    let settings = settings(format!("http://{ssh}"), Protocol::HttpProtobuf);
    check_failed(transport(&settings).send(body()).await, Failure::Protocol, true);
}

#[tokio::test]
async fn a_grpc_request_to_an_http1_server_fails_and_is_not_taken_as_delivered() {
    let http1 = raw_answer(b"HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\n").await;
    let settings = settings(format!("http://{http1}"), Protocol::Grpc);
    crate::failed(transport(&settings).send(body()).await);
}

#[tokio::test]
async fn an_answer_before_the_end_of_the_request_is_the_answer() {
    let early = raw(|mut tcp| async move {
        read_head(&mut tcp).await;
        tcp.write_all(b"HTTP/1.1 413 Content Too Large\r\ncontent-length: 0\r\n\r\n").await.unwrap();
        swallow(tcp).await;
    })
    .await;
    let settings = settings(format!("http://{early}"), Protocol::HttpProtobuf);
    let Answer::Http(answer) = transport(&settings).send(vec![0; 32 << 20].into()).await else {
        panic!("no answer")
    };
    assert_eq!(answer.status, 413);
}

/// A connection that went dead shows only by its silence. The next request must not wait on it too.
#[tokio::test]
async fn after_a_failure_a_new_connection_is_made() {
    for protocol in [Protocol::HttpProtobuf, Protocol::Grpc] {
        let connections = Arc::new(AtomicUsize::new(0));
        let counted = connections.clone();
        let address = raw(move |tcp| {
            let first = counted.fetch_add(1, Ordering::SeqCst) == 0;
            async move {
                if first {
                    swallow(tcp).await;
                } else {
                    connection(tcp, Arc::default(), Arc::new(|_: &Seen| response(404, &[], ""))).await;
                }
            }
        })
        .await;
        let mut settings = settings(format!("http://{address}"), protocol);
        settings.timeout = Duration::from_millis(500);
        let transport = transport(&settings);
        check_failed(transport.send(body()).await, Failure::Timeout, true);
        let answer = transport.send(body()).await;
        assert!(matches!(&answer, Answer::Http(http) if http.status == 404), "{answer}");
        assert_eq!(connections.load(Ordering::SeqCst), 2);
    }
}

#[tokio::test]
async fn a_request_that_is_dropped_leaves_the_transport_usable() {
    for protocol in [Protocol::HttpProtobuf, Protocol::Grpc] {
        let (reached, wait) = tokio::sync::oneshot::channel();
        let reached = Mutex::new(Some(reached));
        let address = raw(move |mut tcp| {
            let reached = reached.lock().unwrap().take();
            async move {
                let Some(reached) = reached else {
                    return connection(tcp, Arc::default(), Arc::new(|_: &Seen| response(404, &[], "")))
                        .await;
                };
                tcp.read_u8().await.unwrap();
                reached.send(()).unwrap();
                swallow(tcp).await;
            }
        })
        .await;
        let transport = transport(&settings(format!("http://{address}"), protocol));
        tokio::select! {
            answer = transport.send(body()) => panic!("answered: {answer}"),
            begun = wait => begun.unwrap(),
        }
        if protocol == Protocol::HttpProtobuf {
            let answer = transport.send(body()).await;
            assert!(matches!(&answer, Answer::Http(http) if http.status == 404), "{answer}");
        }
    }
}
