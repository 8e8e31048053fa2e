//! `check`: reads the configuration, lists every mistake, opens nothing.

use crate::cli::{CheckOptions, Failure, Outcome};
use crate::config;
use std::path::Path;

/// Says what is wrong with the configuration, or that nothing is.
#[expect(clippy::print_stdout, reason = "its answer")]
pub(crate) fn main(options: &CheckOptions) -> Outcome {
    if options.sample {
        print!("{}", config::sample());
        return Ok(());
    }
    let settings = load(options.config.config.as_deref())?;
    let path = options.config.config.as_deref().unwrap_or(Path::new(config::DEFAULT_PATH));
    for warning in config::warnings(path, &settings) {
        println!("warning: {warning}");
    }
    println!(
        "the configuration is good ({})",
        if path.exists() { path.display().to_string() } else { "defaults".to_owned() }
    );
    Ok(())
}

/// Reads the configuration as every command does.
pub(crate) fn load(named: Option<&Path>) -> Result<config::Settings, Failure> {
    config::load(named, &|name| std::env::var(name).ok())
        .map_err(|problems| Failure::Usage(problems.to_string()))
}
