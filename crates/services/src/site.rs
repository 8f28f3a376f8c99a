//! The folder of one server: its configuration, data and log.

use std::fs::{File, OpenOptions};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context as _;

use crate::folders;
use crate::kind::Kind;
use crate::postgres::Account;

/// Where one server lives.
#[derive(Debug, Clone)]
pub(crate) struct Site {
    pub(crate) kind: Kind,
    pub(crate) folder: PathBuf,
    /// Lines for the end of the server's own configuration file.
    pub(crate) config: String,
}

impl Site {
    /// A folder for a server; made when it is not there. It is `folder`, or one outside of the
    /// checkout for a server that runs as another user who cannot reach `folder`.
    pub(crate) fn at(kind: Kind, folder: &Path) -> anyhow::Result<Self> {
        let mut folder = folder.to_path_buf();
        create(&folder)?;
        if kind == Kind::Postgres
            && let Some(account) = Account::needed()?
        {
            if !account.reaches(&folder)? {
                folder = folders::outside(&folder);
                create(&folder)?;
            }
            account.own(&folder)?;
        }
        Ok(Self { kind, folder, config: String::new() })
    }

    /// The folder of the server's data. The server makes it.
    pub(crate) fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    /// 16 hexadecimal digits that no other server on this machine has.
    pub(crate) fn fingerprint(&self) -> String {
        format!("{:016x}", folders::fingerprint(&self.folder))
    }

    /// Writes a file into the folder.
    pub(crate) fn write(&self, name: &str, text: &str) -> anyhow::Result<PathBuf> {
        let path = self.folder.join(name);
        std::fs::write(&path, text).with_context(|| format!("{} cannot be written", path.display()))?;
        Ok(path)
    }

    fn log_path(&self) -> PathBuf {
        self.folder.join("log.txt")
    }

    /// The log, to be written at its end.
    pub(crate) fn log(&self) -> anyhow::Result<File> {
        let path = self.log_path();
        let opened = OpenOptions::new().create(true).append(true).open(&path);
        opened.with_context(|| format!("{} cannot be written", path.display()))
    }

    /// The log's last lines, for an error.
    pub(crate) fn log_end(&self) -> String {
        let bytes = std::fs::read(self.log_path()).unwrap_or_default();
        let text = String::from_utf8_lossy(&bytes);
        let lines: Vec<&str> = text.lines().collect();
        let last = lines.get(lines.len().saturating_sub(12)..).unwrap_or_default();
        format!("end of {}:\n{}", self.log_path().display(), last.join("\n"))
    }

    /// A command that runs in the folder and writes to the log.
    pub(crate) fn logged(&self, mut command: Command) -> anyhow::Result<Command> {
        command.current_dir(&self.folder).stdin(std::process::Stdio::null());
        command.stdout(self.log()?).stderr(self.log()?);
        Ok(command)
    }

    /// Runs a command of the preparation to its end.
    pub(crate) fn run(&self, command: Command) -> anyhow::Result<()> {
        let program = Path::new(command.get_program()).display().to_string();
        let status =
            self.logged(command)?.status().with_context(|| format!("{program} cannot be started"))?;
        anyhow::ensure!(status.success(), "{program} failed: {status}; {}", self.log_end());
        Ok(())
    }
}

fn create(folder: &Path) -> anyhow::Result<()> {
    std::fs::create_dir_all(folder).with_context(|| format!("{} cannot be made", folder.display()))
}
