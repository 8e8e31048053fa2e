//! Servers for tests: one that speaks HTTP/1.1 and HTTP/2, with or without TLS, and one that writes bytes as
//! it is told.

use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{HeaderMap, Request, Response, Uri, Version};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

pub(crate) type Answered = Response<BoxBody<Bytes, Infallible>>;

/// A request as it came.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) method: String,
    pub(crate) uri: Uri,
    pub(crate) version: Version,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Seen {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }
}

/// What a server has seen, and how it is to be reached.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    seen: Arc<Mutex<Vec<Seen>>>,
    connections: Arc<AtomicUsize>,
}

impl Server {
    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    pub(crate) fn only(&self) -> Seen {
        let mut seen = self.seen();
        assert_eq!(seen.len(), 1, "{seen:?}");
        seen.remove(0)
    }

    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }
}

/// Serves `answer` for each request.
pub(crate) async fn serve(answer: impl Fn(&Seen) -> Answered + Send + Sync + 'static) -> Server {
    start(None, answer).await
}

/// The same behind TLS.
pub(crate) async fn serve_tls(
    tls: Arc<rustls::ServerConfig>,
    answer: impl Fn(&Seen) -> Answered + Send + Sync + 'static,
) -> Server {
    start(Some(TlsAcceptor::from(tls)), answer).await
}

async fn start(
    tls: Option<TlsAcceptor>,
    answer: impl Fn(&Seen) -> Answered + Send + Sync + 'static,
) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let server =
        Server { address: listener.local_addr().unwrap(), seen: Arc::default(), connections: Arc::default() };
    let (seen, connections, answer) = (server.seen.clone(), server.connections.clone(), Arc::new(answer));
    tokio::spawn(async move {
        while let Ok((tcp, _)) = listener.accept().await {
            connections.fetch_add(1, Ordering::SeqCst);
            let (seen, answer, tls) = (seen.clone(), answer.clone(), tls.clone());
            tokio::spawn(async move {
                match tls {
                    None => connection(tcp, seen, answer).await,
                    Some(tls) => {
                        if let Ok(stream) = tls.accept(tcp).await {
                            connection(stream, seen, answer).await;
                        }
                    }
                }
            });
        }
    });
    server
}

pub(crate) async fn connection<S, A>(stream: S, seen: Arc<Mutex<Vec<Seen>>>, answer: Arc<A>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    A: Fn(&Seen) -> Answered + Send + Sync + 'static,
{
    let service = service_fn(move |request: Request<Incoming>| {
        let (seen, answer) = (seen.clone(), answer.clone());
        async move {
            let (head, body) = request.into_parts();
            let body = body.collect().await?.to_bytes();
            let request = Seen {
                method: head.method.to_string(),
                uri: head.uri,
                version: head.version,
                headers: head.headers,
                body,
            };
            seen.lock().unwrap().push(request.clone());
            Ok::<_, hyper::Error>(answer(&request))
        }
    });
    // A client that goes away is none of the test's business.
    let _ = Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(stream), service).await;
}

/// A response with a body and headers.
pub(crate) fn response(status: u16, headers: &[(&str, &str)], body: impl Into<Bytes>) -> Answered {
    let mut response = Response::builder().status(status);
    for (name, value) in headers {
        response = response.header(*name, *value);
    }
    response.body(Full::new(body.into()).boxed()).unwrap()
}

/// A gRPC response: a frame around `message`, then trailers.
pub(crate) fn grpc_response(message: Option<&[u8]>, trailers: &[(&'static str, &str)]) -> Answered {
    let mut frames = Vec::new();
    if let Some(message) = message {
        let mut data = vec![0];
        data.extend((message.len() as u32).to_be_bytes());
        data.extend(message);
        frames.push(Ok(Frame::data(Bytes::from(data))));
    }
    if !trailers.is_empty() {
        let pairs = trailers.iter().map(|(name, value)| {
            (http::HeaderName::from_static(name), http::HeaderValue::from_str(value).unwrap())
        });
        frames.push(Ok(Frame::trailers(pairs.collect())));
    }
    let body = StreamBody::new(futures_util::stream::iter(frames)).boxed();
    Response::builder().header("content-type", "application/grpc").body(body).unwrap()
}

/// A listener whose connections are handled by `handle`, one task each.
pub(crate) async fn raw<F>(handle: impl Fn(TcpStream) -> F + Send + Sync + 'static) -> SocketAddr
where
    F: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((tcp, _)) = listener.accept().await {
            tokio::spawn(handle(tcp));
        }
    });
    address
}

/// Reads up to the empty line after a request's headers.
pub(crate) async fn read_head(tcp: &mut TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(tcp.read_u8().await.unwrap());
    }
    String::from_utf8(head).unwrap()
}

/// Reads a request's headers, writes `bytes`, and closes.
pub(crate) async fn raw_answer(bytes: &'static [u8]) -> SocketAddr {
    raw(move |mut tcp| async move {
        read_head(&mut tcp).await;
        let mut buffer = [0; 4096];
        let _ = tcp.read(&mut buffer).await;
        let _ = tcp.write_all(bytes).await;
        let _ = tcp.shutdown().await;
    })
    .await
}
