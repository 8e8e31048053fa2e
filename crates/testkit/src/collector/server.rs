//! Listeners and connections.

use super::exchange::Cutter;
use super::{Shared, grpc, http, tls};
use ::http::{Request, Response};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::thread::JoinHandle;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tonic::body::Body;

/// The thread on which a collector lives; ends when it is dropped.
pub(crate) struct Server {
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// Accepts on both listeners, on a thread and a runtime of its own.
    pub(crate) fn start(
        shared: Arc<Shared>,
        listeners: [std::net::TcpListener; 2],
        tls: Option<tls::Acceptor>,
    ) -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let guard = runtime.enter();
        let [http, grpc] = listeners.map(listen);
        let (http, grpc) = (http?, grpc?);
        drop(guard);
        let (stop, stopped) = oneshot::channel();
        let thread = std::thread::Builder::new().name("collector".into()).spawn(move || {
            runtime.block_on(async {
                tokio::select! {
                    () = accept(http, &shared, tls.as_ref()) => {}
                    () = accept(grpc, &shared, tls.as_ref()) => {}
                    _ = stopped => {}
                }
            });
        })?;
        Ok(Self { stop: Some(stop), thread: Some(thread) })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn listen(listener: std::net::TcpListener) -> io::Result<TcpListener> {
    listener.set_nonblocking(true)?;
    TcpListener::from_std(listener)
}

async fn accept(listener: TcpListener, shared: &Arc<Shared>, tls: Option<&tls::Acceptor>) {
    loop {
        // A failed accept (no descriptors left) is the next caller's turn again; the yield lets others close theirs.
        let Ok((stream, _)) = listener.accept().await else {
            tokio::task::yield_now().await;
            continue;
        };
        let _ = stream.set_nodelay(true);
        tokio::spawn(connection(stream, Arc::clone(shared), tls.cloned()));
    }
}

async fn connection(stream: TcpStream, shared: Arc<Shared>, tls: Option<tls::Acceptor>) {
    shared.connections.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    match tls {
        None => serve(stream, shared).await,
        Some(acceptor) => match acceptor.accept(stream).await {
            Ok(stream) => serve(stream, shared).await,
            Err(error) => shared.state.update(|state| state.not_read(format!("TLS: {error}"))),
        },
    }
}

async fn serve(stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static, shared: Arc<Shared>) {
    let cutter = Cutter::default();
    let within = Cutter::clone(&cutter);
    let service = service_fn(move |request| answer(Arc::clone(&shared), Cutter::clone(&within), request));
    tokio::select! {
        // How a connection ends is the sender's business; its requests' outcomes are recorded by themselves.
        () = grpc::connection(TokioIo::new(stream), service) => {}
        () = cutter.notified() => {}
    }
}

async fn answer(
    shared: Arc<Shared>,
    cutter: Cutter,
    request: Request<Incoming>,
) -> Result<Response<Body>, Infallible> {
    let content_type = super::header(request.headers(), "content-type");
    Ok(if content_type.starts_with("application/grpc") {
        grpc::serve(&shared, &cutter, request).await
    } else {
        http::serve(&shared, &cutter, request).await
    })
}
