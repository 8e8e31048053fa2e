//! `status`: asks the running agent and shows its answer, for people or as JSON.

use super::check::load;
use crate::cli::{Failure, Outcome, StatusOptions};
use crate::shell::control;
use serde_json::Value;
use std::fmt::Write as _;

/// Asks over the control socket of the configuration.
#[expect(clippy::print_stdout, reason = "its answer")]
pub(crate) fn main(options: &StatusOptions) -> Outcome {
    let settings = load(options.config.config.as_deref())?;
    let socket = settings.telemetry.socket;
    let status = control::ask(&socket).map_err(|error| {
        Failure::Running(format!(
            "no agent answers on {}: {error}; is it running? (systemctl status xapi-observer)",
            socket.display()
        ))
    })?;
    if options.json {
        println!("{status}");
    } else {
        print!("{}", show(&status));
    }
    Ok(())
}

/// The answer for people.
fn show(status: &Value) -> String {
    let mut text = String::new();
    let uptime = status["uptime_seconds"].as_u64().unwrap_or_default();
    let _ = writeln!(text, "xapi-observer {} up {}", word(&status["version"]), seconds(uptime));
    let _ = writeln!(
        text,
        "host {} uuid {} pool {}",
        word(&status["host"]["name"]),
        word(&status["host"]["uuid"]),
        word(&status["host"]["pool_uuid"])
    );
    for trouble in status["degraded"].as_array().into_iter().flatten() {
        let _ = writeln!(text, "degraded: {}", word(trouble));
    }
    signals(&mut text, status);
    correlation(&mut text, &status["correlation"]);
    files(&mut text, status);
    text
}

fn signals(text: &mut String, status: &Value) {
    for (name, signal) in status["signals"].as_object().into_iter().flatten() {
        let tally = &signal["tally"];
        let _ = write!(text, "{name}: {} → {}", word(&signal["state"]), word(&signal["endpoint"]));
        if let Some(since) = signal["since_seconds"].as_u64() {
            let _ = write!(text, " for {}: {}", seconds(since), word(&signal["why"]));
        }
        let _ = writeln!(
            text,
            "\n  {} read, {} delivered, {} requests",
            tally["records"], tally["delivered"], tally["requests"]
        );
        for kind in ["dropped", "refused", "set_aside", "resent", "lost_bytes"] {
            for (reason, number) in tally[kind].as_object().into_iter().flatten() {
                let _ = writeln!(text, "  {}: {number} ({reason})", kind.replace('_', " "));
            }
        }
    }
}

fn correlation(text: &mut String, correlation: &Value) {
    let share = correlation["joined_share"].as_f64().map(|share| format!("{:.1} %", share * 100.0));
    let _ = writeln!(
        text,
        "correlation: {} of the lines with an id joined, {} held",
        share.unwrap_or_else(|| "none".to_owned()),
        correlation["held_lines"]
    );
    for (outcome, number) in correlation["outcomes"].as_object().into_iter().flatten() {
        let _ = writeln!(text, "  {outcome}: {number}");
    }
}

fn files(text: &mut String, status: &Value) {
    let _ = writeln!(
        text,
        "files: {} drained trace files, watched by {}",
        status["drained_files"],
        word(&status["watching"])
    );
    for file in status["files"].as_array().into_iter().flatten() {
        let age = file["oldest_seconds"]
            .as_u64()
            .map(|age| format!(", oldest {}", seconds(age)))
            .unwrap_or_default();
        let _ = writeln!(
            text,
            "  {} {}: {} of {} bytes, {} behind{age}",
            word(&file["path"]),
            word(&file["state"]),
            file["offset"],
            file["size"],
            file["lag_bytes"]
        );
    }
}

fn word(value: &Value) -> &str {
    value.as_str().unwrap_or("unknown")
}

fn seconds(count: u64) -> String {
    match count {
        0..60 => format!("{count}s"),
        60..3600 => format!("{}m{}s", count / 60, count % 60),
        3600..86_400 => format!("{}h{}m", count / 3600, count / 60 % 60),
        _ => format!("{}d{}h", count / 86_400, count / 3600 % 24),
    }
}
