//! How `limits.memory` is shared out.
//!
//! | share | of the limit | for |
//! |---|---|---|
//! | correlation | 1/2 | held lines, task index, span window |
//! | requests | 1/8 a signal | filling, waiting, assembled and compressed |
//! | reading | the rest | lines, decoder windows, the window of folded spans |
//!
//! Of a limit below 16 MiB the first gets less, and of one below 22 MiB the second, down to 1/3 and 1/16: what the rest needs,
//! and what no share counts (the names and places of files, the store), does not shrink with the limit.

/// What is needed beside the shares of correlation and requests, however low the limit is.
const FIXED: usize = 8 << 20;

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
        let spare = limit.saturating_sub(FIXED);
        Self {
            limit,
            correlation: (limit / 2).min(spare).max(limit / 3),
            requests: (limit / 8).min(spare / 5).max(limit / 16),
        }
    }

    /// How many spans of each service are remembered, so that a second copy is known: one for 512 bytes of the limit, 16,384
    /// at least. Copies are written together: of a busy host's 30 spans a second the least reaches back for nine minutes.
    pub(crate) fn folded_spans(&self) -> usize {
        (self.limit / 512).clamp(1 << 14, 1 << 16)
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
        let low = Shares::of(12 << 20);
        assert_eq!((low.correlation, low.requests), (4 << 20, (4 << 20) / 5));
        let default = Shares::of(32 << 20);
        assert_eq!((default.correlation, default.requests), (16 << 20, 4 << 20));
        assert_eq!((low.folded_spans(), default.folded_spans()), (24_576, 65_536));
        assert_eq!(Shares::of(32 << 20).window_log(), 22);
        assert_eq!(Shares::of(8 << 20).window_log(), 20);
    }
}
