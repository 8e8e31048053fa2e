//! `man`: the manual page, made from the command line's own description, so that it is never behind.
//!
//! Hidden, as only the package needs it: `xapi-observer man > xapi-observer.1`.

use crate::cli::{Cli, Failure, Outcome};
use clap::{Command, CommandFactory};
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, italic, roman};
use std::io::{self, Write};

/// Sections that the command line does not know of: title, then an entry and what it is.
const SECTIONS: &[(&str, &[(&str, &str)])] = &[
    (
        "EXIT STATUS",
        &[
            ("0", "Done."),
            ("1", "Failed while running."),
            ("2", "Wrong usage or configuration. systemd does not start the agent again after it."),
        ],
    ),
    (
        "SIGNALS",
        &[
            (
                "SIGTERM, SIGINT",
                "End run within 8 seconds; open requests get 5. A second one ends it at once.",
            ),
            ("SIGHUP", "Reads the configuration again. A wrong one is refused, and the old one stays."),
        ],
    ),
    (
        "FILES",
        &[
            ("/etc/xapi-observer/xapi-observer.toml", "The configuration. It may be absent."),
            (
                "/etc/sysconfig/xapi-observer",
                "Variables for the service, such as HTTPS_PROXY. It may be absent.",
            ),
            (
                "/var/lib/xapi-observer",
                "Checkpoints: how far each file has been delivered; rejected/: what could not be.",
            ),
            ("/run/xapi-observer/control.sock", "Where status asks."),
            ("/usr/share/doc/xapi-observer", "Each key, metric and message, and how to deploy it."),
        ],
    ),
    (
        "ENVIRONMENT",
        &[
            ("OTEL_EXPORTER_OTLP_*, OTEL_RESOURCE_ATTRIBUTES", "Fill what the configuration leaves unset."),
            ("HTTPS_PROXY, HTTP_PROXY, NO_PROXY", "The proxy, where the configuration names none."),
            ("NO_COLOR", "No colour, on a terminal too."),
            ("NOTIFY_SOCKET, WATCHDOG_USEC", "Set by systemd, which is told how run gets on."),
        ],
    ),
    ("SEE ALSO", &[("xapi-observer-backup(1), systemctl(1)", "")]),
];

/// Prints the page, in roff.
pub(crate) fn main() -> Outcome {
    let printed = page().and_then(|page| io::stdout().lock().write_all(&page));
    printed.map_err(|error| Failure::Running(format!("the page can't be printed: {error}")))
}

/// One page for all commands.
fn page() -> io::Result<Vec<u8>> {
    let mut program = Cli::command();
    program.build();
    let man = Man::new(program.clone()).manual("User Commands");
    let mut page = Vec::new();
    man.render_title(&mut page)?;
    man.render_name_section(&mut page)?;
    man.render_synopsis_section(&mut page)?;
    man.render_description_section(&mut page)?;
    Roff::new().control("SH", ["COMMANDS"]).to_writer(&mut page)?;
    for command in
        program.get_subcommands().filter(|command| !command.is_hide_set() && command.get_name() != "help")
    {
        render_command(command, &mut page)?;
    }
    SECTIONS.iter().try_for_each(|(title, entries)| render_section(title, entries, &mut page))?;
    Ok(page)
}

/// Heading, what it does, and its arguments.
fn render_command(command: &Command, page: &mut Vec<u8>) -> io::Result<()> {
    let about = command.get_long_about().or(command.get_about()).map(ToString::to_string).unwrap_or_default();
    let mut roff = Roff::new();
    let usage = command.clone().render_usage().to_string();
    roff.control("SS", [usage.trim_start_matches("Usage: ")]);
    roff.text([roman(format!("{about}."))]);
    for argument in
        command.get_arguments().filter(|argument| !argument.is_hide_set() && argument.get_id() != "help")
    {
        roff.control("TP", []);
        roff.text(vec![bold(argument.to_string())]);
        let help = argument.get_help().map(ToString::to_string).unwrap_or_default();
        let defaults = argument.get_default_values().iter().map(|value| value.to_string_lossy());
        let default = defaults.collect::<Vec<_>>().join(" ");
        let flag = !argument.get_action().takes_values();
        let default =
            if default.is_empty() || flag { String::new() } else { format!(" [default: {default}]") };
        roff.text([roman(format!("{help}{default}"))]);
    }
    roff.to_writer(page)
}

fn render_section(title: &str, entries: &[(&str, &str)], page: &mut Vec<u8>) -> io::Result<()> {
    let mut roff = Roff::new();
    roff.control("SH", [title]);
    for (entry, text) in entries {
        if text.is_empty() {
            roff.text([roman(*entry)]);
        } else {
            roff.control("TP", []);
            roff.text([italic(*entry)]);
            roff.text([roman(*text)]);
        }
    }
    roff.to_writer(page)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_and_argument_has_its_place() {
        let page = String::from_utf8(page().unwrap()).unwrap().replace('\\', "");
        let program = Cli::command();
        for command in program.get_subcommands().filter(|command| !command.is_hide_set()) {
            let heading = format!(".SS \"xapi-observer {}", command.get_name());
            assert!(page.contains(&heading), "{heading} is not in\n{page}");
            for long in command.get_arguments().filter_map(|argument| argument.get_long()) {
                assert!(page.contains(&format!("--{long}")), "--{long} of {}", command.get_name());
            }
        }
        for section in ["NAME", "SYNOPSIS", "DESCRIPTION", "COMMANDS", "EXIT STATUS", "FILES"] {
            assert!(
                page.contains(&format!(".SH {section}")) || page.contains(&format!(".SH \"{section}\"")),
                "{section}"
            );
        }
        assert!(!page.contains("xapi-observer man"), "a hidden command is not shown");
    }
}
