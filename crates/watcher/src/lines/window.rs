//! The bytes between the source and the framer.

use std::io;

/// The least that is read at once, but for half of it; the buffer is twice as large while lines are short.
const CHUNK: usize = 64 << 10;
/// For a long line the buffer grows by a quarter, and by this at most: a line of the greatest length takes hardly more
/// than itself.
const STEP_MAX: usize = 1 << 20;

/// A buffer that slides over a stream: `len` bytes from the frame's start on, and a few before it.
#[derive(Default)]
pub(crate) struct Window {
    buffer: Vec<u8>,
    start: usize,
    end: usize,
}

impl Window {
    /// Forgets its bytes, and gives back the memory that long lines took.
    pub(crate) fn clear(&mut self) {
        (self.start, self.end) = (0, 0);
        self.shrink();
    }

    /// What is not consumed yet.
    pub(crate) fn bytes(&self) -> &[u8] {
        self.buffer.get(self.start..self.end).unwrap_or_default()
    }

    /// How many bytes are not consumed yet.
    pub(crate) fn len(&self) -> usize {
        self.end - self.start
    }

    /// Up to `max` bytes just before the first that is not consumed.
    pub(crate) fn before(&self, max: usize) -> &[u8] {
        self.buffer.get(self.start.saturating_sub(max)..self.start).unwrap_or_default()
    }

    /// Moves past `len` bytes.
    pub(crate) fn consume(&mut self, len: usize) {
        self.start = (self.start + len).min(self.end);
    }

    /// Takes in what `read` gives; 0 at the end of what there is.
    pub(crate) fn fill(&mut self, read: impl FnOnce(&mut [u8]) -> io::Result<usize>) -> io::Result<usize> {
        self.make_room();
        let room = self.buffer.get_mut(self.end..).unwrap_or_default();
        let read = read(room)?.min(room.len());
        self.end += read;
        Ok(read)
    }

    /// Room for a chunk: what is consumed is dropped but for a marker's length, and the buffer grows only for a
    /// line that fills most of it.
    fn make_room(&mut self) {
        if self.buffer.len() - self.end < CHUNK {
            self.slide();
        }
        if self.buffer.len() - self.end < CHUNK / 2 {
            let step = (self.buffer.len() / 4).clamp(2 * CHUNK, STEP_MAX);
            // Not doubled, as `resize` alone would have it.
            self.buffer.reserve_exact(step);
            self.buffer.resize(self.buffer.len() + step, 0);
        }
    }

    /// Drops what is consumed, but for a marker's length.
    fn slide(&mut self) {
        let keep = self.start.saturating_sub(crate::identify::MARKER_MAX);
        if keep > 0 {
            self.buffer.copy_within(keep..self.end, 0);
            self.start -= keep;
            self.end -= keep;
        }
    }

    /// Gives back what a long line took. Where lines of some hundred KiB are common, their room is kept.
    pub(crate) fn shrink(&mut self) {
        if self.buffer.len() <= 4 * CHUNK {
            return;
        }
        self.slide();
        if self.end < CHUNK {
            self.buffer.truncate(2 * CHUNK);
            self.buffer.shrink_to_fit();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_slides_over_a_stream() {
        let stream: Vec<u8> = (0..2_000_000u32).map(|n| n.to_le_bytes()[0]).collect();
        let (mut window, mut at, mut seen) = (Window::default(), 0, 0);
        loop {
            let read = window.fill(|room| {
                let n = room.len().min(stream.len() - at).min(70_000);
                room[..n].copy_from_slice(&stream[at..at + n]);
                Ok(n)
            });
            at += read.as_ref().unwrap();
            assert_eq!(window.bytes(), &stream[seen..at]);
            let step = window.len() / 2 + 1;
            window.consume(step);
            seen = (seen + step).min(at);
            assert!(stream[..seen].ends_with(window.before(64)));
            if read.unwrap() == 0 {
                break;
            }
        }
        assert!(window.buffer.len() <= 4 * CHUNK);
    }

    #[test]
    fn a_long_line_takes_a_step_more_than_itself_and_gives_it_back() {
        for read_before in [0, 3 * CHUNK] {
            let mut window = Window::default();
            while window.len() < 128 * CHUNK {
                window.fill(|room| Ok(room.len())).unwrap();
                assert!(window.buffer.capacity() <= window.len() + STEP_MAX + CHUNK);
            }
            window.consume(window.len() - 100);
            window.fill(|room| Ok(read_before.min(room.len()))).unwrap();
            window.consume(window.len() - 100);
            window.shrink();
            assert_eq!((window.len(), window.before(1000).len()), (100, crate::identify::MARKER_MAX));
            assert!(window.buffer.capacity() <= 2 * CHUNK);
        }
    }

    #[test]
    fn cleared_it_is_small_again() {
        let mut window = Window::default();
        while window.buffer.len() <= 16 * CHUNK {
            window.fill(|room| Ok(room.len())).unwrap();
        }
        window.clear();
        assert!(window.buffer.capacity() <= 2 * CHUNK);
    }
}
