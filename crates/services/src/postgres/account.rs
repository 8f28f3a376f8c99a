//! Whom PostgreSQL runs as. It refuses to run as root; then it is the user that its package makes.

use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::Context as _;

use crate::process::are_root;

/// A user other than our own.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Account {
    user: u32,
    group: u32,
}

impl Account {
    /// The user that PostgreSQL must run as, or none when our own will do.
    pub(crate) fn needed() -> anyhow::Result<Option<Self>> {
        if !are_root()? {
            return Ok(None);
        }
        let users = std::fs::read_to_string("/etc/passwd").context("/etc/passwd cannot be read")?;
        let user = users.lines().find_map(|line| {
            let fields: Vec<&str> = line.split(':').collect();
            let is_it = *fields.first()? == "postgres";
            is_it.then_some(Self { user: fields.get(2)?.parse().ok()?, group: fields.get(3)?.parse().ok()? })
        });
        user.map(Some)
            .context("PostgreSQL does not run as root, and there is no user \"postgres\" to run it as")
    }

    /// Makes a command run as this user, in none of our groups.
    pub(crate) fn run_as(self, command: &mut Command) {
        command.uid(self.user).gid(self.group);
    }

    /// Gives a folder to this user.
    pub(crate) fn own(self, folder: &Path) -> anyhow::Result<()> {
        std::os::unix::fs::chown(folder, Some(self.user), Some(self.group))
            .with_context(|| format!("{} cannot be given to PostgreSQL's user", folder.display()))
    }

    /// Whether this user can come to a folder: root alone may enter a folder above it.
    pub(crate) fn reaches(self, folder: &Path) -> anyhow::Result<bool> {
        let mut test = Command::new("test");
        test.arg("-x").arg(folder).current_dir("/").stdin(Stdio::null());
        self.run_as(&mut test);
        Ok(test.status().context("`test` cannot be run as PostgreSQL's user")?.success())
    }
}
