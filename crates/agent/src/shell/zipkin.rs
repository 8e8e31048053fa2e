//! Zipkin over HTTP, at the address of `zipkin.listen`.
//!
//! `POST /api/v2/spans` and `POST /`, as Alloy's receiver and Tempo have them: a JSON array, gzip too. 202 when the spans
//! are on disk; 400 with what is wrong; 413; 415; 503 with Retry-After while too much waits to be delivered or the disk is
//! full.
//!
//! Bounded: few requests at a time, some seconds each, bodies of 16 MiB. One thread writes; requests that come while it
//! waits for the disk are written together.

use super::clock::Clock;
use super::driver::Event;
use super::listener::{Listener, Port};
use super::wakeup::Sender;
use crate::receiver::body::{self, MOST, Refusal};
use crate::receiver::spool::{Full, Spool};
use bytes::Bytes;
use http::header::{ALLOW, CONTENT_ENCODING, CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full as FullBody, LengthLimitError, Limited};
use hyper::body::Incoming;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::Duration;
use tokio::sync::oneshot;

/// Requests that wait for the disk; more are asked to come again.
const QUEUE: usize = 64;
/// Bytes that are written at once, about.
const BATCH: usize = 4 << 20;
/// How often settled files are removed.
const TIDY: Duration = Duration::from_secs(5);
/// When a sender that is asked to wait shall come again.
const AGAIN: &str = "5";

/// Lines to be written, and who waits for that.
struct Wish {
    lines: Vec<u8>,
    written: oneshot::Sender<bool>,
}

/// Receives until it is stopped. The thread that writes ends with it.
///
/// # Errors
/// No thread is to be had.
pub(crate) fn serve(
    port: Port,
    directory: PathBuf,
    clock: Clock,
    engine: Sender<Event>,
    runtime: &tokio::runtime::Handle,
) -> std::io::Result<Listener> {
    let (wishes, queue) = sync_channel(QUEUE);
    let writer = Writer { directory, clock, engine, queue };
    std::thread::Builder::new().name("zipkin".to_owned()).spawn(move || writer.run())?;
    let answer = move |request| answer(request, wishes.clone());
    Ok(Listener::start(port, runtime, answer))
}

async fn answer(request: Request<Incoming>, wishes: SyncSender<Wish>) -> Response<FullBody<Bytes>> {
    if !matches!(request.uri().path(), "/" | "/api/v2/spans") {
        return text(StatusCode::NOT_FOUND, "there is /api/v2/spans, and / for the same");
    }
    if request.method() != Method::POST {
        let mut refused = text(StatusCode::METHOD_NOT_ALLOWED, "POST spans to it");
        refused.headers_mut().insert(ALLOW, HeaderValue::from_static("POST"));
        return refused;
    }
    if let Some(kind) = foreign_kind(&request) {
        let message = format!("Content-Type {kind} is not taken; send application/json");
        return text(StatusCode::UNSUPPORTED_MEDIA_TYPE, &message);
    }
    match read(request).await {
        Ok(None) => empty(StatusCode::ACCEPTED),
        Ok(Some(lines)) => write(lines, &wishes).await,
        Err(refused) => refused,
    }
}

/// Zipkin's other formats. Whatever else is said, curl's form among it, may well be JSON.
fn foreign_kind(request: &Request<Incoming>) -> Option<&str> {
    let kind = request.headers().get(CONTENT_TYPE)?.to_str().ok()?;
    let foreign = ["protobuf", "thrift"].iter().any(|name| kind.to_ascii_lowercase().contains(name));
    foreign.then_some(kind)
}

async fn read(request: Request<Incoming>) -> Result<Option<Vec<u8>>, Response<FullBody<Bytes>>> {
    let encoding = request.headers().get(CONTENT_ENCODING).and_then(|value| value.to_str().ok());
    let encoding = encoding.map(str::to_owned);
    let body = Limited::new(request.into_body(), MOST).collect().await.map_err(|error| {
        let too_large = error.downcast_ref::<LengthLimitError>().is_some();
        if too_large {
            refused(&Refusal::TooLarge)
        } else {
            text(StatusCode::BAD_REQUEST, "the body broke off")
        }
    })?;
    let body = body.to_bytes().to_vec();
    let line = body::unpacked(body, encoding.as_deref()).and_then(body::line);
    line.map_err(|refusal| refused(&refusal))
}

fn refused(refusal: &Refusal) -> Response<FullBody<Bytes>> {
    let status = match refusal {
        Refusal::Encoding(_) => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        Refusal::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        Refusal::Packed(_) | Refusal::NotJson(_) | Refusal::NotAnArray => StatusCode::BAD_REQUEST,
    };
    text(status, &refusal.to_string())
}

async fn write(lines: Vec<u8>, wishes: &SyncSender<Wish>) -> Response<FullBody<Bytes>> {
    let (written, answer) = oneshot::channel();
    let queued = wishes.try_send(Wish { lines, written }).is_ok();
    if queued && answer.await == Ok(true) {
        return empty(StatusCode::ACCEPTED);
    }
    let mut later =
        text(StatusCode::SERVICE_UNAVAILABLE, "spans that came before wait to be delivered; come again");
    later.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static(AGAIN));
    later
}

fn text(status: StatusCode, words: &str) -> Response<FullBody<Bytes>> {
    let mut response = Response::new(FullBody::new(Bytes::from(format!("{words}\n"))));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}

fn empty(status: StatusCode) -> Response<FullBody<Bytes>> {
    let mut response = Response::new(FullBody::default());
    *response.status_mut() = status;
    response
}

/// The thread that writes.
struct Writer {
    directory: PathBuf,
    clock: Clock,
    engine: Sender<Event>,
    queue: Receiver<Wish>,
}

impl Writer {
    fn run(self) {
        let mut spool = None;
        loop {
            match self.queue.recv_timeout(TIDY) {
                Ok(wish) => self.write(&mut spool, wish),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            self.tidy(&mut spool);
        }
    }

    /// Writes this wish and those behind it, and tells all what became of them.
    fn write(&self, spool: &mut Option<Spool>, first: Wish) {
        let mut waiting = vec![first.written];
        let mut lines = first.lines;
        while lines.len() < BATCH
            && let Ok(wish) = self.queue.try_recv()
        {
            lines.extend_from_slice(&wish.lines);
            waiting.push(wish.written);
        }
        let outcome = self.append(spool, &lines);
        if let Err(Full::Disk(error)) = &outcome {
            tracing::error!(id = "XO1023", directory = %self.directory.display(), %error, "received spans can't be kept; senders are asked to wait");
            *spool = None;
        }
        for written in waiting {
            // Who asked may have gone.
            let _ = written.send(outcome.is_ok());
        }
    }

    fn append(&self, spool: &mut Option<Spool>, lines: &[u8]) -> Result<(), Full> {
        let opened = match spool {
            Some(spool) => spool,
            None => spool.insert(Spool::open(&self.directory).map_err(Full::Disk)?),
        };
        opened.append(lines, &self.time())
    }

    /// RFC 3339 with microseconds, as XAPI names its files.
    fn time(&self) -> String {
        let nanos = i64::try_from(self.clock.now().wall_unix_nano).unwrap_or(i64::MAX);
        let time = chrono::DateTime::from_timestamp_nanos(nanos);
        time.to_rfc3339_opts(chrono::SecondsFormat::Micros, true).replace('Z', "-00:00")
    }

    fn tidy(&self, spool: &mut Option<Spool>) {
        if spool.is_none() {
            *spool = Spool::open(&self.directory).ok();
        }
        let Some(spool) = spool.as_mut().filter(|spool| !spool.is_empty()) else { return };
        if let Some(settled) = ask(&self.engine, &self.directory) {
            spool.remove_settled(&settled);
        }
    }
}

fn ask(engine: &Sender<Event>, below: &Path) -> Option<Vec<(PathBuf, u64)>> {
    let (reply, settled) = sync_channel(1);
    if !engine.send(Event::Settled { below: below.to_path_buf(), reply }) {
        return None;
    }
    settled.recv_timeout(TIDY).ok()
}
