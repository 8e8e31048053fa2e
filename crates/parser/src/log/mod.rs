//! Log lines (under construction: the evidence they give is in [`crate::evidence`]).
