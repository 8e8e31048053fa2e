//! What the tests, benches and the demo lean on: a stand-in for XAPI, a collector that can be told to misbehave,
//! and the ledger that says what must arrive.
//!
//! Nothing here depends on the agent's own crates: formats are written and read a second time, from XAPI's side,
//! so that a mistake in the one can't hide in the other.

pub mod collector;
pub mod decoder;
pub mod driver;
pub mod ledger;
pub mod proxy;
pub mod samples;
pub mod standin;
pub mod watched;
