//! The command line: what each command says, and the code it ends with.

use crate::harness::{DEADLINE, Rig, count, sandbox, word};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use testkit::driver::{Exit, Sandbox};

fn finish(sandbox: &Sandbox, arguments: &[&str]) -> Exit {
    sandbox.finish(arguments, DEADLINE).unwrap()
}

/// Runs `check` on a configuration.
fn check(text: &str) -> Exit {
    let sandbox = sandbox();
    let path = sandbox.root().join("x.toml");
    std::fs::write(&path, text).unwrap();
    finish(&sandbox, &["check", "--config", "x.toml"])
}

#[test]
fn wrong_usage_ends_with_2() {
    let sandbox = sandbox();
    for (arguments, said) in [
        (vec![], "Usage"),
        (vec!["rnu"], "rnu"),
        (vec!["run", "--colour"], "--colour"),
        (vec!["check", "--config"], "--config"),
        (vec!["status", "--json", "extra"], "extra"),
        (vec!["run", "--config", "/no/such/file.toml"], "/no/such/file.toml"),
        (vec!["check", "--config", "/no/such/file.toml"], "/no/such/file.toml"),
    ] {
        let exit = finish(&sandbox, &arguments);
        assert_eq!(exit.status.code(), Some(2), "{arguments:?}: {exit:?}");
        assert!(exit.stderr.contains(said), "{arguments:?}: {exit:?}");
        assert_eq!(exit.stdout, "", "{arguments:?}");
    }
}

#[test]
fn help_and_version_are_given() {
    let sandbox = sandbox();
    let version = finish(&sandbox, &["--version"]);
    assert_eq!(version.stdout, concat!("xapi-observer ", env!("CARGO_PKG_VERSION"), "\n"));
    let help = finish(&sandbox, &["--help"]);
    for command in ["run", "check", "status"] {
        assert!(help.stdout.contains(&format!("\n  {command} ")), "{}", help.stdout);
        let own = finish(&sandbox, &[command, "--help"]);
        assert_eq!(own.status.code(), Some(0));
        assert!(own.stdout.contains("--config <FILE>"), "{}", own.stdout);
    }
    assert_eq!((version.status.code(), help.status.code()), (Some(0), Some(0)));
}

#[test]
fn row_32_check_lists_every_mistake_with_its_line_and_key() {
    let exit = check(
        "[export]\ntimeuot = \"3s\"\nprotocol = \"grcp\"\n[limits]\nmemory = \"12 apples\"\n[[logs]]\npath = \"/a\"\n\
         [[logs]]\npath = \"/a.1\"\n[traces]\nattach_logs = \"some\"\n",
    );
    assert_eq!(exit.status.code(), Some(2));
    let lines: Vec<&str> = exit.stderr.lines().collect();
    let expected = [
        "x.toml:2: export.timeuot: there is no such key; did you mean export.timeout?",
        "x.toml:3: export.protocol: \"grcp\" is not allowed here",
        "x.toml:5: limits.memory: \"12 apples\" is not allowed here",
        "x.toml:8: logs[].path: /a.1 is read already as /a",
        "x.toml:11: traces.attach_logs: \"some\" is not allowed here",
    ];
    assert_eq!(lines.len(), expected.len(), "{lines:#?}");
    for (line, expected) in lines.iter().zip(expected) {
        assert!(line.starts_with(expected), "{line} is not {expected}");
    }
}

#[test]
fn check_names_a_mistake_in_the_environment() {
    let mut sandbox = sandbox();
    sandbox.env("OTEL_EXPORTER_OTLP_PROTOCOL", "carrier-pigeon");
    let exit = finish(&sandbox, &["check"]);
    assert_eq!(exit.status.code(), Some(2));
    assert!(exit.stderr.contains("OTEL_EXPORTER_OTLP_PROTOCOL"), "{}", exit.stderr);
}

#[test]
fn the_sample_is_a_good_configuration() {
    let sandbox = sandbox();
    let sample = finish(&sandbox, &["check", "--sample"]);
    assert_eq!(sample.status.code(), Some(0));
    let exit = check(&sample.stdout);
    assert_eq!((exit.status.code(), exit.stderr.as_str()), (Some(0), ""), "{}", sample.stdout);
    assert_eq!(exit.stdout, "the configuration is good (x.toml)\n");
}

#[test]
fn the_default_configuration_may_be_absent() {
    let exit = finish(&sandbox(), &["check"]);
    assert_eq!(exit.status.code(), Some(0), "{}", exit.stderr);
    let default = Path::new("/etc/xapi-observer/xapi-observer.toml");
    let named = if default.exists() { default.to_str().unwrap() } else { "defaults" };
    assert_eq!(exit.stdout, format!("the configuration is good ({named})\n"));
}

#[test]
fn check_warns_of_secrets_that_others_can_read() {
    let sandbox = sandbox();
    let path = sandbox.root().join("x.toml");
    let text = "[export]\nendpoint = \"http://collector.example:4318\"\nheaders = { authorization = \"Bearer x\" }\n";
    std::fs::write(&path, text).unwrap();
    for (mode, readable) in [(0o644, true), (0o600, false)] {
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        let exit = finish(&sandbox, &["check", "--config", "x.toml"]);
        assert_eq!(exit.status.code(), Some(0), "{}", exit.stderr);
        assert_eq!(exit.stdout.contains("chmod 600 x.toml"), readable, "{}", exit.stdout);
        assert!(exit.stdout.contains("headers go to collector.example over http://"), "{}", exit.stdout);
        assert!(!exit.stdout.contains("Bearer"), "{}", exit.stdout);
    }
}

#[test]
fn row_32_check_and_a_refused_run_open_nothing() {
    let mut sandbox = sandbox();
    sandbox.write_config().unwrap();
    let config = sandbox.config_file();
    let config = config.to_str().unwrap();
    assert_eq!(finish(&sandbox, &["check", "--config", config]).status.code(), Some(0));
    sandbox.set_text("export.timeuot", "3s").write_config().unwrap();
    let refused = finish(&sandbox, &["run", "--config", config]);
    assert_eq!(refused.status.code(), Some(2), "{}", refused.stderr);
    assert!(refused.stderr.contains("did you mean export.timeout?"), "{}", refused.stderr);
    assert_eq!(std::fs::read_dir(sandbox.state()).unwrap().count(), 0);
    assert!(!sandbox.socket().exists());
}

#[test]
fn row_32_its_own_log_is_not_to_be_watched() {
    let sandbox = sandbox();
    sandbox.write_config().unwrap();
    let log = std::fs::File::create(sandbox.xensource_log()).unwrap();
    let mut command = sandbox.command(&["run", "--config"]);
    let status = command.arg(sandbox.config_file()).stderr(log).status().unwrap();
    let said = std::fs::read_to_string(sandbox.xensource_log()).unwrap();
    assert_eq!(status.code(), Some(2), "{said}");
    assert!(said.contains("where this program writes its own log"), "{said}");
}

#[test]
fn status_tells_how_a_running_agent_is() {
    let rig = Rig::new();
    // As if it were found between its creation and its first bytes.
    rig.write_trace(1, "");
    let agent = rig.run();
    rig.wait_status(|status| status["files"].as_array().is_some_and(Vec::is_empty));
    rig.write_spans(1..4);
    rig.write_lines(1..6);
    rig.wait_spans(1..4);
    rig.wait_lines(1..6);
    let status = rig.wait_status(|status| {
        count(status, "/signals/traces/tally/delivered") == 3
            && count(status, "/signals/logs/tally/delivered") == 5
    });
    assert_eq!(word(&status, "/host/uuid"), testkit::driver::HOST_UUID);
    assert_eq!(word(&status, "/host/name_label"), "lab");
    assert_eq!(word(&status, "/signals/logs/state"), "ok");
    assert_eq!(word(&status, "/signals/logs/endpoint"), format!("{}/v1/logs", rig.collector.http_url()));
    assert_eq!((count(&status, "/drained_files"), count(&status, "/files/0/lag_bytes")), (1, 0));
    let people = rig.command(&["status"]);
    assert_eq!(people.status.code(), Some(0), "{}", people.stderr);
    for text in ["5 read, 5 delivered", "3 read, 3 delivered", "xensource.log settled", "logs: ok"] {
        assert!(people.stdout.contains(text), "no {text:?} in {}", people.stdout);
    }
    assert!(!people.stdout.contains('\u{1b}'), "{}", people.stdout);
    rig.stop(&agent);
    assert!(!rig.sandbox.socket().exists());
}

#[test]
fn status_without_an_agent_ends_with_1() {
    let rig = Rig::new();
    rig.sandbox.write_config().unwrap();
    for arguments in [&["status"][..], &["status", "--json"]] {
        let exit = rig.command(arguments);
        assert_eq!((exit.status.code(), exit.stdout.as_str()), (Some(1), ""));
        assert!(exit.stderr.contains(rig.sandbox.socket().to_str().unwrap()), "{}", exit.stderr);
    }
}
