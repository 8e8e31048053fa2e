//! A collector that only answers: it takes requests off the wire, counts them, and says 200.
//!
//! No decoding: whatever it did would be done while the agent waits. Its processor time is not counted; it has threads
//! of its own in this process, while the agent is another one.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

/// What it does with a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mood {
    /// Takes it.
    Answer,
    /// Takes it and counts the records of OTLP/JSON in it.
    Count,
    /// Takes it and remembers it with its time.
    Keep,
    /// Says 503.
    Refuse,
}

/// A request that was kept.
pub(crate) struct Kept {
    pub(crate) at: Instant,
    /// As it was sent.
    pub(crate) body: Vec<u8>,
    pub(crate) gzip: bool,
}

/// What came so far.
#[derive(Default)]
pub(crate) struct Came {
    pub(crate) requests: u64,
    /// Of the bodies, as they were on the wire.
    pub(crate) bytes: u64,
    /// Log records, where they are counted.
    pub(crate) records: u64,
    /// When the last one came.
    pub(crate) last: Option<Instant>,
    pub(crate) kept: Vec<Kept>,
}

/// A listening one; it lives as long as the process.
pub(crate) struct Sink {
    address: SocketAddr,
    came: Arc<Mutex<Came>>,
}

impl Sink {
    /// Listens on a port of its own.
    pub(crate) fn start(mood: Mood) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        let came = Arc::new(Mutex::new(Came::default()));
        let shared = Arc::clone(&came);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let came = Arc::clone(&shared);
                std::thread::spawn(move || serve(stream, mood, &came));
            }
        });
        Ok(Self { address, came })
    }

    /// Where to send to.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Looks at what came.
    pub(crate) fn read<R>(&self, look: impl FnOnce(&mut Came) -> R) -> R {
        look(&mut self.came.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Until the connection ends, in whatever way.
fn serve(stream: TcpStream, mood: Mood, came: &Mutex<Came>) {
    let _ = stream.set_nodelay(true);
    let mut reader = BufReader::with_capacity(256 << 10, stream);
    let mut body = Vec::new();
    while let Ok(Some(gzip)) = request(&mut reader, &mut body) {
        let at = Instant::now();
        let status = if mood == Mood::Refuse { "503 Service Unavailable" } else { "200 OK" };
        let answer =
            format!("HTTP/1.1 {status}\r\ncontent-type: application/x-protobuf\r\ncontent-length: 0\r\n\r\n");
        let records = if mood == Mood::Count { records(&body) } else { 0 };
        {
            let mut came = came.lock().unwrap_or_else(PoisonError::into_inner);
            came.requests += 1;
            came.bytes += body.len() as u64;
            came.records += records;
            came.last = Some(at);
            if mood == Mood::Keep {
                came.kept.push(Kept { at, body: body.clone(), gzip });
            }
        }
        if reader.get_mut().write_all(answer.as_bytes()).is_err() {
            return;
        }
    }
}

fn records(body: &[u8]) -> u64 {
    memchr::memmem::find_iter(body, "\"timeUnixNano\":").count() as u64
}

/// Reads a request; whether its body is gzipped. `None` at the end.
fn request(reader: &mut BufReader<TcpStream>, body: &mut Vec<u8>) -> io::Result<Option<bool>> {
    let (mut length, mut gzip, mut line) = (0, false, String::new());
    loop {
        line.clear();
        if reader.read_line(&mut line)? == 0 {
            return Ok(None);
        }
        let header = line.trim_end().to_ascii_lowercase();
        if header.is_empty() {
            break;
        }
        if let Some(value) = header.strip_prefix("content-length:") {
            length = value.trim().parse().map_err(io::Error::other)?;
        }
        gzip |= header == "content-encoding: gzip";
    }
    body.resize(length, 0);
    reader.read_exact(body)?;
    Ok(Some(gzip))
}
