//! `GET /metrics` over HTTP/1, at the address of `telemetry.prometheus`.
//!
//! Bounded: few clients at a time, one answer a connection, a few seconds each. An address that can't be had is told as
//! degraded and tried again; it never stops the agent.

use super::{Source, prometheus};
use crate::shell::about::About;
use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, header};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

/// How soon an address that could not be had is asked for again.
const AGAIN: Duration = Duration::from_secs(5);
/// Connections at a time; more wait in the kernel's queue.
const CLIENTS: usize = 8;
/// How long one connection may take, the engine's answer included.
const PATIENCE: Duration = Duration::from_secs(15);
/// How long the client may take to ask.
const ASKING: Duration = Duration::from_secs(5);
const TEXT: &str = "text/plain; version=0.0.4";

/// What is served.
#[derive(Clone)]
struct Page {
    source: Source,
    resource: Arc<Vec<(String, String)>>,
}

/// The listener; open until [`Server::stop`].
pub(crate) struct Server {
    task: JoinHandle<()>,
    runtime: Handle,
}

impl Server {
    /// Closes the address; when this returns, another may take it. Blocks, so not to be called from a task.
    pub(crate) fn stop(self) {
        self.task.abort();
        let _ = self.runtime.block_on(self.task);
    }
}

/// Serves until it is stopped; how it stands is told to `about`.
pub(crate) fn serve(
    address: SocketAddr,
    runtime: &Handle,
    resource: Vec<(String, String)>,
    source: Source,
    about: Arc<About>,
) -> Server {
    let page = Page { source, resource: Arc::new(resource) };
    Server { task: runtime.spawn(listen(address, page, about)), runtime: runtime.clone() }
}

async fn listen(address: SocketAddr, page: Page, about: Arc<About>) {
    let mut told = None;
    loop {
        let error = match TcpListener::bind(address).await {
            Ok(listener) => {
                about.prometheus(address, None);
                if told.take().is_some() {
                    tracing::info!(id = "XO1022", %address, "metrics can be asked for again");
                }
                accept(&listener, &page).await
            }
            Err(error) => error,
        };
        let why = error.to_string();
        about.prometheus(address, Some(&why));
        if told.as_ref() != Some(&why) {
            tracing::warn!(id = "XO1021", %address, %why, "metrics can't be asked for");
            told = Some(why);
        }
        tokio::time::sleep(AGAIN).await;
    }
}

/// Takes clients until the listener fails.
async fn accept(listener: &TcpListener, page: &Page) -> std::io::Error {
    let room = Arc::new(Semaphore::new(CLIENTS));
    loop {
        // It is never closed.
        let Ok(place) = Arc::clone(&room).acquire_owned().await else { continue };
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => return error,
        };
        let page = page.clone();
        tokio::spawn(async move {
            let _ = tokio::time::timeout(PATIENCE, converse(stream, page)).await;
            drop(place);
        });
    }
}

/// One question, one answer. A client that goes away is its own affair.
async fn converse(stream: TcpStream, page: Page) -> Result<(), hyper::Error> {
    let service = service_fn(move |request| answer(request, page.clone()));
    http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(ASKING)
        .keep_alive(false)
        .max_buf_size(16 << 10)
        .serve_connection(TokioIo::new(stream), service)
        .await
}

async fn answer(request: Request<Incoming>, page: Page) -> Result<Response<Full<Bytes>>, Infallible> {
    let answer = match (request.method(), request.uri().path()) {
        (&Method::GET | &Method::HEAD, "/metrics") => metrics(page).await,
        (_, "/metrics") => {
            let mut refused = plain(StatusCode::METHOD_NOT_ALLOWED, "GET it\n".to_owned());
            refused.headers_mut().insert(header::ALLOW, header::HeaderValue::from_static("GET, HEAD"));
            refused
        }
        _ => plain(StatusCode::NOT_FOUND, "there is /metrics\n".to_owned()),
    };
    Ok(answer)
}

async fn metrics(page: Page) -> Response<Full<Bytes>> {
    let Page { source, resource } = page;
    // The engine may take a moment, and the source blocks until it answers.
    let text =
        tokio::task::spawn_blocking(move || source().map(|status| prometheus::text(&status, &resource)));
    match text.await {
        Ok(Some(text)) => plain(StatusCode::OK, text),
        _ => plain(StatusCode::SERVICE_UNAVAILABLE, "the agent does not answer\n".to_owned()),
    }
}

fn plain(status: StatusCode, text: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(text)));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static(TEXT));
    response
}
