//! logrotate with XAPI's rules, a configuration and a state file of its own.
//!
//! The rules are those of xen-api `scripts/xapi-logrotate.conf` and of the `logrotate.conf` in xcp-ng-release: daily,
//! rename and create, compress with delay, and a HUP to whatever process the pid file names, if it names one.

use super::program;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// The rotation of one log.
pub(super) struct Logrotate {
    configuration: PathBuf,
    state: PathBuf,
    log: PathBuf,
}

impl Logrotate {
    /// For this log; nothing is rotated yet.
    pub(super) fn new(directory: &Path, log: PathBuf, pid_file: &Path) -> Self {
        let configuration = directory.join("logrotate.conf");
        fs::write(&configuration, rules(&log, pid_file)).unwrap();
        // It reads no configuration that others could have written, and rotates in no directory that others write to.
        let safe = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
        safe(&configuration, 0o600);
        safe(log.parent().unwrap(), 0o755);
        Self { configuration, state: directory.join("logrotate.status"), log }
    }

    /// The run of every night, on a log that was rotated some nights ago.
    pub(super) fn daily(&self) {
        let before = format!("logrotate state -- version 2\n\"{}\" 2020-1-1-3:0:0\n", self.log.display());
        fs::write(&self.state, before).unwrap();
        self.run(&[]);
    }

    /// Rotates at once.
    pub(super) fn force(&self) {
        self.run(&["-f"]);
    }

    fn run(&self, how: &[&str]) {
        let mut command = program::command("logrotate");
        program::finish(command.args(how).arg("-s").arg(&self.state).arg(&self.configuration));
    }
}

fn rules(log: &Path, pid_file: &Path) -> String {
    format!(
        r#"daily
rotate 31
create
compress
delaycompress
maxsize 100M

{log} {{
    missingok
    sharedscripts
    maxage 31
    rotate 100
    postrotate
        kill -HUP "$(cat '{pid}' 2>/dev/null)" 2>/dev/null || true
    endscript
}}
"#,
        log = log.display(),
        pid = pid_file.display()
    )
}
