//! An open port: HTTP/1, bounded, and tried again where the address can't be had.
//!
//! Promises: few clients at a time, one answer a connection, some seconds each. An address that can't be had is told as
//! degraded and tried again; it never stops the agent. Leaves to others: what is answered.

use super::about::About;
use bytes::Bytes;
use http::{Request, Response};
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
/// How long one connection may take, the answer included.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long the client may take to send its headers.
const ASKING: Duration = Duration::from_secs(5);

/// Which port, and who is told how it stands.
#[derive(Clone)]
pub(crate) struct Port {
    /// The key of the configuration, as `about` knows it.
    pub(crate) name: &'static str,
    pub(crate) address: SocketAddr,
    pub(crate) about: Arc<About>,
}

/// The listener; open until [`Listener::stop`].
pub(crate) struct Listener {
    task: JoinHandle<()>,
    runtime: Handle,
}

impl Listener {
    /// Answers with `answer` until it is stopped.
    pub(crate) fn start<F, R>(port: Port, runtime: &Handle, answer: F) -> Self
    where
        F: Fn(Request<Incoming>) -> R + Clone + Send + Sync + 'static,
        R: Future<Output = Response<Full<Bytes>>> + Send + 'static,
    {
        Self { task: runtime.spawn(listen(port, answer)), runtime: runtime.clone() }
    }

    /// Closes the address; when this returns, another may take it. Blocks, so not to be called from a task.
    pub(crate) fn stop(self) {
        self.task.abort();
        let _ = self.runtime.block_on(self.task);
    }
}

async fn listen<F, R>(port: Port, answer: F)
where
    F: Fn(Request<Incoming>) -> R + Clone + Send + Sync + 'static,
    R: Future<Output = Response<Full<Bytes>>> + Send + 'static,
{
    let Port { name, address, about } = port;
    let mut told = None;
    loop {
        let error = match TcpListener::bind(address).await {
            Ok(listener) => {
                about.listener(name, address, None);
                if told.take().is_some() {
                    tracing::info!(id = "XO1022", name, %address, "can be reached again");
                }
                accept(&listener, &answer).await
            }
            Err(error) => error,
        };
        let why = error.to_string();
        about.listener(name, address, Some(&why));
        if told.as_ref() != Some(&why) {
            tracing::warn!(id = "XO1021", name, %address, %why, "can't be reached");
            told = Some(why);
        }
        tokio::time::sleep(AGAIN).await;
    }
}

/// Takes clients until the listener fails.
async fn accept<F, R>(listener: &TcpListener, answer: &F) -> std::io::Error
where
    F: Fn(Request<Incoming>) -> R + Clone + Send + Sync + 'static,
    R: Future<Output = Response<Full<Bytes>>> + Send + 'static,
{
    let room = Arc::new(Semaphore::new(CLIENTS));
    loop {
        // It is never closed.
        let Ok(place) = Arc::clone(&room).acquire_owned().await else { continue };
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => return error,
        };
        let answer = answer.clone();
        tokio::spawn(async move {
            let _ = tokio::time::timeout(PATIENCE, converse(stream, answer)).await;
            drop(place);
        });
    }
}

/// One question, one answer. A client that goes away is its own affair.
async fn converse<F, R>(stream: TcpStream, answer: F) -> Result<(), hyper::Error>
where
    F: Fn(Request<Incoming>) -> R + Send + 'static,
    R: Future<Output = Response<Full<Bytes>>> + Send + 'static,
{
    let service = service_fn(move |request| {
        let answer = answer(request);
        async move { Ok::<_, Infallible>(answer.await) }
    });
    http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(ASKING)
        .keep_alive(false)
        .max_buf_size(16 << 10)
        .serve_connection(TokioIo::new(stream), service)
        .await
}
