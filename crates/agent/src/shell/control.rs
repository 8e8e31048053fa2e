//! The control socket: a Unix socket, root's alone (0600), on which `status` asks.
//!
//! Protocol: the client sends one line with a question (`status`), the agent answers with one JSON object and closes.

use super::wakeup::Sender;
use crate::engine::Status;
use rustix::fs::Mode;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::time::Duration;

/// How long either side waits for the other.
const PATIENCE: Duration = Duration::from_secs(5);
/// Between attempts to take a client who can't be taken.
const BREATH: Duration = Duration::from_millis(200);
/// The longest question.
const QUESTION: u64 = 1024;

/// The listening socket; dropping it removes the file.
pub(crate) struct Control {
    path: PathBuf,
    closed: Arc<AtomicBool>,
}

impl Drop for Control {
    /// Wakes the thread, so that it ends, and removes the file.
    fn drop(&mut self) {
        self.closed.store(true, Ordering::Release);
        let _ = UnixStream::connect(&self.path);
        let _ = std::fs::remove_file(&self.path);
    }
}

/// Listens at `path` on a thread of its own; `ask` makes the event that brings the engine's answer back.
///
/// # Errors
/// If the socket can't be made. A file left behind by a killed agent is replaced; one in use is not.
pub(crate) fn listen<E: Send + 'static>(
    path: &Path,
    sender: Sender<E>,
    ask: impl Fn(SyncSender<Status>) -> E + Send + 'static,
) -> io::Result<Control> {
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent)?;
    }
    if UnixStream::connect(path).is_ok() {
        return Err(io::Error::new(io::ErrorKind::AddrInUse, "another agent listens there"));
    }
    let _ = std::fs::remove_file(path);
    let listener = bind(path)?;
    let closed = Arc::new(AtomicBool::new(false));
    let ended = Arc::clone(&closed);
    let serve = move || {
        for client in listener.incoming() {
            if ended.load(Ordering::Acquire) {
                return;
            }
            match client {
                // A client that goes away is its own affair.
                Ok(client) => drop(answer(client, &sender, &ask)),
                // No descriptor is left, as a rule: the client waits in the queue, and asking again at once would spin.
                Err(_) => std::thread::park_timeout(BREATH),
            }
        }
    };
    std::thread::Builder::new().name("control".to_owned()).spawn(serve)?;
    Ok(Control { path: path.to_path_buf(), closed })
}

/// Makes the socket without a moment in which others could connect.
fn bind(path: &Path) -> io::Result<UnixListener> {
    let before = rustix::process::umask(Mode::from_raw_mode(0o177));
    let bound = UnixListener::bind(path);
    rustix::process::umask(before);
    let bound = bound?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))?;
    Ok(bound)
}

fn answer<E>(
    mut client: UnixStream,
    sender: &Sender<E>,
    ask: &impl Fn(SyncSender<Status>) -> E,
) -> io::Result<()> {
    client.set_read_timeout(Some(PATIENCE))?;
    client.set_write_timeout(Some(PATIENCE))?;
    let mut question = String::new();
    BufReader::new(&client).take(QUESTION).read_line(&mut question)?;
    if question.trim() != "status" {
        return writeln!(client, "{{\"error\":\"there is one question: status\"}}");
    }
    let (reply, replies) = sync_channel(1);
    if !sender.send(ask(reply)) {
        return Ok(());
    }
    let status = replies.recv_timeout(PATIENCE).map_err(|_| io::Error::from(io::ErrorKind::TimedOut))?;
    // In one piece: a host has thousands of files, and each of their numbers would be a write of its own.
    let mut text = serde_json::to_vec(&status)?;
    text.push(b'\n');
    client.write_all(&text)
}

/// Asks the agent that listens at `path`; gives its JSON.
///
/// # Errors
/// If nobody listens there or no answer comes within five seconds.
pub(crate) fn ask(path: &Path) -> io::Result<serde_json::Value> {
    let mut stream = UnixStream::connect(path)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    writeln!(stream, "status")?;
    let mut text = String::new();
    stream.read_to_string(&mut text)?;
    serde_json::from_str(&text).map_err(io::Error::from)
}
