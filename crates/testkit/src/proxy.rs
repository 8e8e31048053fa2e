//! A TCP proxy on loopback that fails below HTTP: black holes, half-closed and reset connections, cuts, delays.
//!
//! Promises: the mode can change while it runs and then holds for open connections too; bytes that pass are
//! unchanged and in order. Leaves to others: what flows through it ([`crate::collector`] answers badly by itself).

use crate::watched::{Late, Watched};
use std::fmt;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// What happens to connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Bytes pass.
    Pass,
    /// Connections are accepted, nothing passes, nothing closes: as behind a firewall that drops packets.
    BlackHole,
    /// The client is told that no more bytes will come to it; what it sends still passes.
    HalfClose,
    /// Connections are reset: those that are open now, and new ones at once.
    Reset,
    /// Each piece passes so much later.
    Delay(Duration),
    /// A connection is closed after so many bytes from the client.
    CutAfter(u64),
    /// Nobody listens: new connections are refused; open ones are reset.
    Refuse,
}

/// What passed so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Connections accepted.
    pub connections: u64,
    /// Bytes from clients to the target.
    pub up: u64,
    /// Bytes from the target to clients.
    pub down: u64,
}

impl fmt::Display for Stats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} connections, {} bytes up, {} down", self.connections, self.up, self.down)
    }
}

/// A running proxy; ends, and its connections with it, when it is dropped.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    mode: Option<watch::Sender<Mode>>,
    stats: Arc<Watched<Stats>>,
    thread: Option<JoinHandle<()>>,
}

impl Proxy {
    /// Listens on a port of the system's choice and passes on to `target`.
    ///
    /// # Errors
    /// If no port or thread can be had.
    pub fn start(target: SocketAddr) -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let (mode, changes) = watch::channel(Mode::Pass);
        let stats = Arc::new(Watched::new(Stats::default()));
        let listen = Listen { address, target, mode: changes, stats: Arc::clone(&stats) };
        let thread = std::thread::Builder::new()
            .name("proxy".into())
            .spawn(move || runtime.block_on(listen.run(listener)))?;
        Ok(Self { address, mode: Some(mode), stats, thread: Some(thread) })
    }

    /// Where it listens.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.address
    }

    /// `http://127.0.0.1:PORT`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// From now on this mode, for open connections too.
    pub fn set(&self, mode: Mode) {
        if let Some(sender) = &self.mode {
            sender.send_replace(mode);
        }
    }

    /// What passed so far.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.stats.read(|stats| *stats)
    }

    /// Blocks until the condition on what passed holds.
    ///
    /// # Errors
    /// [`Late`] if it does not within `deadline`.
    pub fn wait_for(&self, condition: impl FnMut(&Stats) -> bool, deadline: Duration) -> Result<(), Late> {
        self.stats.wait_for(condition, deadline)
    }

    /// As [`Self::wait_for`], without blocking the thread. Cancel safe.
    ///
    /// # Errors
    /// [`Late`], as there.
    pub async fn wait(&self, condition: impl FnMut(&Stats) -> bool, deadline: Duration) -> Result<(), Late> {
        self.stats.wait(condition, deadline).await
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        drop(self.mode.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// The listening side. Ends when the mode's sender is gone.
struct Listen {
    address: SocketAddr,
    target: SocketAddr,
    mode: watch::Receiver<Mode>,
    stats: Arc<Watched<Stats>>,
}

impl Listen {
    async fn run(mut self, listener: std::net::TcpListener) {
        let mut listener = TcpListener::from_std(listener).ok();
        loop {
            if *self.mode.borrow() == Mode::Refuse {
                listener = None;
            } else if listener.is_none() {
                listener = TcpListener::bind(self.address).await.ok();
            }
            tokio::select! {
                changed = self.mode.changed() => if changed.is_err() { return },
                Some(client) = accept(listener.as_ref()) => self.connect(client),
            }
        }
    }

    fn connect(&self, client: TcpStream) {
        self.stats.update(|stats| stats.connections += 1);
        let (target, mode, stats) = (self.target, self.mode.clone(), Arc::clone(&self.stats));
        tokio::spawn(connection(client, target, mode, stats));
    }
}

async fn accept(listener: Option<&TcpListener>) -> Option<TcpStream> {
    match listener {
        Some(listener) => listener.accept().await.ok().map(|(client, _)| client),
        None => std::future::pending().await,
    }
}

/// How a connection ends, other than by both sides' own doing.
enum End {
    Reset,
    Close,
}

impl From<io::Error> for End {
    /// An error on one side shows on the other as a reset.
    fn from(_: io::Error) -> Self {
        Self::Reset
    }
}

async fn connection(
    mut client: TcpStream,
    target: SocketAddr,
    mut mode: watch::Receiver<Mode>,
    stats: Arc<Watched<Stats>>,
) {
    // In a black hole not even the target sees the connection.
    if mode.wait_for(|mode| *mode != Mode::BlackHole).await.is_err() {
        return;
    }
    let Ok(mut target) = TcpStream::connect(target).await else {
        let _ = client.set_zero_linger();
        return;
    };
    let _ = (client.set_nodelay(true), target.set_nodelay(true));
    let end = {
        let (from_client, to_client) = client.split();
        let (from_target, to_target) = target.split();
        let up = Pump { mode: mode.clone(), up: true, passed: 0, stats: &stats };
        let down = Pump { mode, up: false, passed: 0, stats: &stats };
        tokio::try_join!(up.run(from_client, to_target), down.run(from_target, to_client))
    };
    if let Err(End::Reset) = end {
        let _ = (client.set_zero_linger(), target.set_zero_linger());
    }
}

/// One direction of a connection.
struct Pump<'a> {
    mode: watch::Receiver<Mode>,
    up: bool,
    passed: u64,
    stats: &'a Watched<Stats>,
}

impl Pump<'_> {
    async fn run(
        mut self,
        mut from: impl AsyncRead + Unpin,
        mut to: impl AsyncWrite + Unpin,
    ) -> Result<(), End> {
        let mut buffer = vec![0; 64 * 1024];
        loop {
            let mode = *self.mode.borrow_and_update();
            match mode {
                Mode::Reset | Mode::Refuse => return Err(End::Reset),
                Mode::HalfClose if !self.up => to.shutdown().await?,
                _ => {}
            }
            let read = tokio::select! {
                changed = self.mode.changed() => match changed { Ok(()) => continue, Err(_) => return Err(End::Close) },
                read = from.read(&mut buffer), if mode != Mode::BlackHole => read?,
            };
            if read == 0 {
                to.shutdown().await?;
                return Ok(());
            }
            self.pass(mode, buffer.get(..read).unwrap_or_default(), &mut to).await?;
        }
    }

    async fn pass(
        &mut self,
        mode: Mode,
        bytes: &[u8],
        to: &mut (impl AsyncWrite + Unpin),
    ) -> Result<(), End> {
        let bytes = match mode {
            Mode::Delay(delay) => {
                tokio::time::sleep(delay).await;
                bytes
            }
            Mode::HalfClose if !self.up => return Ok(()),
            Mode::CutAfter(limit) if self.up => {
                let left = usize::try_from(limit.saturating_sub(self.passed)).unwrap_or(usize::MAX);
                bytes.get(..left).unwrap_or(bytes)
            }
            _ => bytes,
        };
        to.write_all(bytes).await?;
        self.count(bytes.len() as u64);
        match mode {
            Mode::CutAfter(limit) if self.up && self.passed >= limit => Err(End::Close),
            _ => Ok(()),
        }
    }

    fn count(&mut self, bytes: u64) {
        self.passed += bytes;
        let up = self.up;
        self.stats.update(|stats| if up { stats.up += bytes } else { stats.down += bytes });
    }
}
