//! What all simulations share: the settings, as the configuration gives them.

use super::script::HOST;
use crate::config::{self, Settings};

pub(super) struct Fixture {
    pub(super) settings: Settings,
    /// Holds the inventory file.
    _directory: tempfile::TempDir,
}

impl Fixture {
    pub(super) fn new() -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let inventory = directory.path().join("inventory");
        std::fs::write(&inventory, format!("INSTALLATION_UUID='{HOST}'\n")).expect("a file");
        let text = format!(
            "[traces]\ndirectory = \"/log/dt\"\n[[logs]]\npath = \"/log/xensource.log\"\ntimezone = \"UTC\"\n\
             [[logs]]\npath = \"/log/SMlog\"\nformat = \"smlog\"\ntimezone = \"UTC\"\n\
             [host]\ninventory = \"{}\"\n[limits]\nmax_age = \"0s\"\n",
            inventory.display()
        );
        let settings = config::parse(&directory.path().join("agent.toml"), &text, &|_| None);
        Self { settings: settings.unwrap_or_else(|problems| panic!("{problems}")), _directory: directory }
    }
}
