//! How `limits.memory` is shared out.
//!
//! | share | of the limit | for |
//! |---|---|---|
//! | correlation | 1/2 | held lines, task index, span window |
//! | requests | 1/8 a signal | filling, waiting, assembled and compressed |
//! | reading | the rest | lines, decoder windows, the window of folded spans |

/// Bytes for each purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shares {
    pub(crate) limit: usize,
    pub(crate) correlation: usize,
    /// Of one signal.
    pub(crate) requests: usize,
}

impl Shares {
    pub(crate) fn of(limit_bytes: u64) -> Self {
        let limit = usize::try_from(limit_bytes).unwrap_or(usize::MAX);
        Self { limit, correlation: limit / 2, requests: limit / 8 }
    }

    /// The base-2 logarithm of the largest decoder window: an eighth of the limit, 8 MiB at most (as zstd's own
    /// default for decoding), and never below what `zstd --fast` makes (512 KiB).
    pub(crate) fn window_log(&self) -> u32 {
        (self.limit / 8).max(1 << 19).ilog2().clamp(19, 23)
    }
}

#[cfg(test)]
mod tests {
    use super::Shares;

    #[test]
    fn shares_leave_room_for_reading() {
        for limit in [8 << 20, 12 << 20, 32 << 20, 4 << 30] {
            let shares = Shares::of(limit);
            let used = shares.correlation + 2 * shares.requests;
            assert!(used as u64 <= limit / 4 * 3, "{limit}: {shares:?}");
        }
        assert_eq!(Shares::of(32 << 20).window_log(), 22);
        assert_eq!(Shares::of(8 << 20).window_log(), 20);
    }
}
