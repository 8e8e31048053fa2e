//! `doctor`: looks at the host and at the way to the collector, and says of each thing whether it is as it should be,
//! and what mends it.
//!
//! Each room has two parts: *facts* are gathered (files, the kernel, the network), and a pure function makes *findings*
//! of them, so that every finding is tested without the host that has it.
//!
//! Promises: changes nothing, and asks neither XAPI nor any program (there is no login to use, and `xe` on a host in
//! trouble may hang): what XAPI does is told from the files it writes. Works as any user, and says where it could not
//! look. Shows no header, no key and no content of a line. `docs/doctor.md` has each finding.

mod answer;
mod config;
mod file;
mod finding;
mod host;
mod logs;
mod marked;
mod network;
mod observers;
mod report;
mod root;
mod running;
mod secrets;
mod smapi;
mod space;
mod state;
mod system;
mod traces;

use super::draw::Style;
use super::run::runtime;
use crate::cli::{DoctorOptions, Failure, Outcome};
use crate::shell::clock::Clock;
use finding::Finding;
use report::Report;
use root::{Loaded, Root};
use secrets::Secrets;

/// Gathers, judges, shows; ends with 1 if anything fails.
#[expect(clippy::print_stdout, reason = "its answer")]
pub(crate) fn main(options: &DoctorOptions) -> Outcome {
    let root = Root::new(options.root.as_deref())?;
    let loaded = root.load(options.config.config.as_deref())?;
    let settings = &loaded.settings;
    let clock = Clock::start();
    let runtime = runtime()?;
    let mut findings = look(&loaded, &root, clock);
    let network = runtime.block_on(network::gather(&settings.export, clock));
    findings.extend(network::judge(&network));
    let marked = options.send_test.then(|| runtime.block_on(marked::send(settings, clock)));
    // A name server that hangs is left behind.
    runtime.shutdown_background();
    let secrets = Secrets::new(settings);
    let report = Report::new(findings, marked, &secrets);
    if options.json {
        println!("{}", report.json());
    } else {
        print!("{}", report.text(Style::of_stdout(0, 0).paint()));
    }
    if report.fails() { Err(Failure::Told) } else { Ok(()) }
}

/// What the host itself says.
fn look(loaded: &Loaded, root: &Root, clock: Clock) -> Vec<Finding> {
    let settings = &loaded.settings;
    let now = clock.now().unix_seconds();
    let rights = system::Rights::gather();
    let host = host::Facts::gather(root, &settings.inventory);
    let mut all = config::judge(&config::Facts::gather(loaded));
    all.extend(host::judge(&host));
    all.push(system::judge_rights(&rights));
    let mut directories = settings.logs.len();
    if let Some(settings) = &settings.traces {
        let traces = traces::Facts::gather(&settings.directory);
        directories += traces.directories;
        all.extend(traces::judge(&traces, &host.tracing(), &rights, now));
        all.extend(observers::judge(&observers::Sample::read(&traces)));
        all.extend(smapi::judge(&smapi::Facts::gather(root, &traces, now), &host.tracing()));
    }
    let logs = settings.logs.iter().map(logs::Facts::gather);
    logs.for_each(|log| all.extend(logs::judge(&log, &rights, now)));
    all.extend(system::judge_inotify(&system::Inotify::gather(root, directories)));
    all.extend(space::judge(&space::gather(settings)));
    all.extend(state::judge(&state::Facts::gather(&settings.checkpoint), &rights));
    all.extend(running::judge(&running::Facts::gather(&settings.telemetry.socket)));
    all
}
