//! Messages that come several times in a row, which rsyslogd writes once and then as `message repeated N times: [ …]`.
//!
//! Source: rsyslog `runtime/ratelimit.c` (`ratelimitGenRepMsg`): a second copy alone is written as it is, and of a
//! message that is repeated, 800 bytes are.

use std::collections::BTreeMap;
use std::io;
use std::os::unix::net::UnixDatagram;
use std::sync::{Arc, Mutex};
use testkit::ledger::find_marker;
use testkit::standin::{LogMessage, LogSink};

/// One message in so many is repeated.
const EVERY: u64 = 50;
/// How often, in turns.
const TIMES: [u32; 3] = [2, 3, 25];
/// So that its marker, at the end, is within what rsyslogd repeats.
const LONGEST: usize = 700;

/// The markers of repeated lines, and how often each was repeated.
pub(super) type Repeated = BTreeMap<u64, u32>;

/// What was repeated so far.
#[derive(Clone, Default)]
pub(super) struct Repeats(Arc<Mutex<Repeated>>);

impl Repeats {
    /// Sends each message to rsyslogd, and some of them more than once.
    pub(super) fn sink(&self, socket: UnixDatagram) -> LogSink {
        let repeats = self.clone();
        Box::new(move |message| {
            let datagram = message.datagram();
            let times = repeats.note(message);
            (0..=times).try_for_each(|_| send(&socket, &datagram))
        })
    }

    /// How often the message is to be repeated.
    fn note(&self, message: &LogMessage<'_>) -> u32 {
        let Some(marker) = find_marker(message.message, None).filter(|_| may_repeat(message)) else {
            return 0;
        };
        if !marker.is_multiple_of(EVERY) {
            return 0;
        }
        let turn = usize::try_from(marker / EVERY).unwrap() % TIMES.len();
        let times = TIMES.into_iter().nth(turn).unwrap();
        self.0.lock().unwrap().insert(marker, times);
        times
    }

    /// All of them.
    pub(super) fn all(&self) -> Repeated {
        self.0.lock().unwrap().clone()
    }
}

fn may_repeat(message: &LogMessage<'_>) -> bool {
    message.message.len() <= LONGEST && !message.message.starts_with("message repeated")
}

/// Sends a datagram whole.
pub(super) fn send(socket: &UnixDatagram, datagram: &str) -> io::Result<()> {
    let sent = socket.send(datagram.as_bytes())?;
    if sent == datagram.len() { Ok(()) } else { Err(io::Error::other("rsyslogd took a part of a message")) }
}
