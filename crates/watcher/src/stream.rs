//! One stream.
