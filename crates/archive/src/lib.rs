//! Files, folders and archives, read as streams: what a status report, XO's `logs.tgz` or a copied `/var/log` holds.
//!
//! How to use it: make a [`Walk`], give it a path and a closure. The closure gets each regular file as a [`Member`]: where it
//! was ([`Place`]), when it was changed, and its bytes (`Member` is a [`Read`](std::io::Read)). [`Layout::classify`] says from
//! the place what the file is to XAPI, and whose; [`Hosts`] gathers that, and says at the end which hosts there are.
//!
//! ```
//! use archive::{Flow, Hosts, Kind, Layout, Limits, Walk};
//! use std::io::Read;
//!
//! # fn main() -> std::io::Result<()> {
//! # let folder = tempfile::tempdir()?;
//! # std::fs::create_dir_all(folder.path().join("var/log"))?;
//! # std::fs::write(folder.path().join("var/log/xensource.log"), "Mar  1 00:00:00 h xapi: text\n")?;
//! # let path = folder.path();
//! let (layout, mut hosts) = (Layout::default(), Hosts::default());
//! let report = Walk::new(Limits::default()).walk(path, &mut |member| {
//!     let Some(filed) = layout.classify(member.place()) else { return Ok(Flow::Continue) };
//!     hosts.add(&filed);
//!     if filed.kind == Kind::Inventory {
//!         hosts.inventory(&filed.root, &member.text(64 << 10)?);
//!     } else {
//!         let mut first = [0; 16];
//!         let _ = member.decoded()?.read(&mut first)?;
//!     }
//!     Ok(Flow::Continue)
//! })?;
//! assert_eq!((report.members, report.broken.len()), (1, 0));
//! assert_eq!(hosts.resolve().list().len(), 1);
//! # Ok(())
//! # }
//! ```
//!
//! What is opened: folders, `tar`, `zip`, and both within each other; a `tar` in gzip, bzip2 or zstd. The format is told from the
//! first bytes, never from the name. A file that is compressed but no archive (`xensource.log.2.gz`, `….ndjson.zst`) is a
//! member as it is: its reader decides, by [`Member::decoded`], whether to unpack it.
//!
//! Promises:
//! - nothing is unpacked to disk under any name, so that absolute paths, `..`, links and devices in an archive are harmless.
//!   Links are not followed; they and special files are counted. A zip within another archive can't be read forward: it alone
//!   goes to a temporary file that has no name and a size limit;
//! - memory is bounded, whatever an archive says of itself; so are depth, members and bytes unpacked ([`Limits`]);
//! - what is damaged, cut off, encrypted, or beyond a limit is told in [`Report::broken`] with the reason, and the rest goes
//!   on. Behind a damaged place in a compressed tar there is no rest.
//!
//! Leaves to others: what the bytes mean, and in which order they are wanted: members come in the archive's own order, those
//! of a folder by name.

mod disk;
mod layout;
mod limits;
mod magic;
mod member;
mod meter;
mod peek;
mod report;
mod tarball;
mod walk;
mod zipball;

pub use disk::Slice;
pub use layout::{
    Filed, Host, HostId, Hosts, Kind, Layout, LogName, Resolved, Root, Rotation, Source, installation_uuid,
    inventory_value, trace_host,
};
pub use limits::{Limit, Limits};
pub use magic::Packing;
pub use member::{Member, Modified, Place};
pub use report::{Broken, Reason, Report};
pub use walk::{Flow, Visitor, Walk};
