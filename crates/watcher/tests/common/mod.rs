//! A disk in memory, stricter than a real one, and a reader that keeps account of what it was given.
#![allow(dead_code, unreachable_pub, reason = "each test file uses a part of it")]

pub mod disk;
pub mod reader;
