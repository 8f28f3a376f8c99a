//! Apache Kafka in KRaft mode: one node that is broker and controller.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};

use crate::install::Installed;
use crate::kind::Kind;
use crate::launch;
use crate::ports::Ports;
use crate::process::Signal;
use crate::site::Site;

/// How long a broker may take to end when it writes the archive of its classes.
const REHEARSAL_END: Duration = Duration::from_secs(90);

/// Where one broker with a handful of topics has room, and a quick start counts more than speed.
const JVM: &[&str] = &[
    "-Xms64m",
    "-Xmx384m",
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
    "-Dorg.slf4j.simpleLogger.showDateTime=true",
    "-Dorg.slf4j.simpleLogger.dateTimeFormat=HH:mm:ss.SSS",
];

pub(crate) fn command(site: &Site, installed: &Installed, ports: Ports) -> anyhow::Result<Command> {
    let config = site.write("server.properties", &properties(site, ports))?;
    if cluster_id(site).is_err() {
        std::fs::remove_dir_all(site.data()).ok();
        let mut format = java(installed);
        format.args(["kafka.tools.StorageTool", "format", "--cluster-id", &new_cluster_id(site)]);
        format.arg("--config").arg(&config);
        site.run(format)?;
    }
    let mut kafka = java(installed);
    kafka.arg("kafka.Kafka").arg(config);
    Ok(kafka)
}

/// Java with the archive of parsed classes that halves the time of a start; the first run that ends
/// well leaves it (see [`rehearse`]). A Java that finds the archive to be another's ignores it.
fn java(installed: &Installed) -> Command {
    let archive = installed.program("classes.jsa");
    let option = if archive.exists() { "SharedArchiveFile" } else { "ArchiveClassesAtExit" };
    let mut java = Command::new("java");
    java.args(JVM).arg(format!("-XX:{option}={}", archive.display()));
    java.arg("-cp").arg(installed.program("*"));
    java
}

/// Starts a broker once and ends it, which takes the archive of its classes.
pub(crate) fn rehearse(installed: &Installed) -> anyhow::Result<()> {
    let folder = installed.program("rehearsal");
    let site = Site::at(Kind::Kafka, &folder)?;
    let mut launched = launch::on_new_ports(&site, installed, &mut |_, _| Ok(()))?;
    launched.process.end(Signal::Term, REHEARSAL_END)?;
    launched.child.wait()?;
    Ok(std::fs::remove_dir_all(folder)?)
}

/// Settings for a quick start and a node without neighbours.
fn properties(site: &Site, ports: Ports) -> String {
    let Ports { client, controller } = ports;
    format!(
        "process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
listeners=PLAINTEXT://127.0.0.1:{client},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{client}
controller.listener.names=CONTROLLER
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs={data}
auto.create.topics.enable=true
num.partitions=1
offsets.topic.num.partitions=1
offsets.topic.replication.factor=1
transaction.state.log.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.num.partitions=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
log.cleaner.dedupe.buffer.size=16777216
{config}
",
        data = site.data().display(),
        config = site.config,
    )
}

/// 22 characters of base64, as Kafka writes a UUID.
fn new_cluster_id(site: &Site) -> String {
    format!("{}AAAAAA", site.fingerprint())
}

/// The cluster's id, once its folder is formatted.
pub(crate) fn cluster_id(site: &Site) -> anyhow::Result<String> {
    let text = std::fs::read_to_string(site.data().join("meta.properties"))?;
    let id = text.lines().find_map(|line| line.strip_prefix("cluster.id="));
    Ok(id.context("meta.properties without a cluster.id")?.trim().to_owned())
}

/// Its metadata (API key 3, version 4) names our cluster and a broker that can be talked to.
pub(crate) fn is_ready(mut stream: TcpStream, cluster: &str) -> anyhow::Result<()> {
    let mut request: Vec<u8> = Vec::new();
    request.extend([0, 3, 0, 4, 0, 0, 0, 1]); // API key, version, correlation id
    request.extend([0xff, 0xff]); // no client id
    request.extend([0, 0, 0, 0, 0]); // no topics, none created
    stream.write_all(&u32::try_from(request.len())?.to_be_bytes())?;
    stream.write_all(&request)?;

    let mut length = [0; 4];
    stream.read_exact(&mut length)?;
    let length = u32::from_be_bytes(length);
    ensure!(length <= 1 << 20, "an answer of {length} bytes");
    let mut answer = vec![0; length as usize];
    stream.read_exact(&mut answer)?;

    let mut fields = Fields(&answer);
    fields.take(8)?; // correlation id, throttle time
    let brokers = fields.int()?;
    for _ in 0..brokers {
        fields.take(4)?;
        fields.text()?;
        fields.take(4)?;
        fields.text()?;
    }
    let name = fields.text()?;
    ensure!(name == cluster, "another server has the port: cluster {name:?}");
    if brokers == 0 {
        bail!("the broker is fenced yet");
    }
    Ok(())
}

/// The fields of an answer, one after the other.
struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn take(&mut self, length: usize) -> anyhow::Result<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length).context("an answer that is cut off")?;
        self.0 = rest;
        Ok(taken)
    }

    fn int(&mut self) -> anyhow::Result<i32> {
        Ok(i32::from_be_bytes(self.take(4)?.try_into()?))
    }

    /// A text, or the empty text for none.
    fn text(&mut self) -> anyhow::Result<String> {
        let length = i16::from_be_bytes(self.take(2)?.try_into()?);
        let bytes = self.take(usize::try_from(length).unwrap_or(0))?;
        Ok(String::from_utf8_lossy(bytes).into_owned())
    }
}
