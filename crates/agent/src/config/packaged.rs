//! The file that the package installs: all keys with their defaults, and the logs of a host beside xensource.log.

use super::sample::all_keys;

const HEAD: &str = "\
# xapi-observer: every key with its default, and SMlog beside xensource.log. An absent key has its default, too.
# Durations: \"500ms\" \"30s\" \"10m\"; sizes: \"64KiB\" \"16MiB\". After a change: xapi-observer check, then
# systemctl reload xapi-observer. All keys at length: docs/configuration.md
";

const LOGS: &str = "
# The storage manager's log. Its lines name no task and join no trace.
[[logs]]
path = \"/var/log/SMlog\"
format = \"smlog\"

# Who asked XAPI for what: names of users and addresses of clients.
# [[logs]]
# path = \"/var/log/audit.log\"
# format = \"audit\"

# Other programs of dom0.
# [[logs]]
# path = \"/var/log/daemon.log\"
# format = \"syslog\"
";

/// `packaging/xapi-observer.toml`.
pub(super) fn packaged() -> String {
    all_keys(HEAD, LOGS)
}
