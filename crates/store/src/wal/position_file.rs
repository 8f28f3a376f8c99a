//! The file in which a reader of the log keeps its place across restarts.

use std::io;
use std::path::{Path, PathBuf};

use crate::wal::disk::Disk;
use crate::wal::record::Position;

const MAGIC: [u8; 8] = *b"TLPOS1\r\n";
const LEN: usize = 36;
const SUFFIX: &str = ".position";

/// The file of a reader: its name with everything but letters, digits, `-` and `_` as `%xx`.
fn path(dir: &Path, name: &str) -> PathBuf {
    let mut file = String::new();
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_' {
            file.push(char::from(byte));
        } else {
            file.push_str(&format!("%{byte:02x}"));
        }
    }
    dir.join(file + SUFFIX)
}

/// The reader whose file this is.
fn name(path: &Path) -> Option<String> {
    let mut rest = path.file_name()?.to_str()?.strip_suffix(SUFFIX)?.bytes();
    let mut name = Vec::new();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let digit = |byte: u8| char::from(byte).to_digit(16);
            let value = digit(rest.next()?)? * 16 + digit(rest.next()?)?;
            name.push(u8::try_from(value).ok()?);
        } else {
            name.push(byte);
        }
    }
    String::from_utf8(name).ok()
}

/// Replaces the position, durably.
pub(crate) fn write(disk: &dyn Disk, dir: &Path, name: &str, position: Position) -> io::Result<()> {
    let mut bytes = MAGIC.to_vec();
    for field in [position.file, position.offset, position.number] {
        bytes.extend_from_slice(&field.to_le_bytes());
    }
    bytes.extend_from_slice(&crc32c::crc32c(&bytes).to_le_bytes());
    let path = path(dir, name);
    let temporary = path.with_extension("position-new");
    match disk.remove(&temporary) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let file = disk.create(&temporary, 0)?;
    file.write_at(&bytes, 0)?;
    file.sync()?;
    disk.rename(&temporary, &path)?;
    disk.sync_dir(dir)
}

/// Forgets a reader.
pub(crate) fn remove(disk: &dyn Disk, dir: &Path, name: &str) -> io::Result<()> {
    match disk.remove(&path(dir, name)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

/// The reader and position in a file; none when it is no position file or is damaged.
pub(crate) fn read(disk: &dyn Disk, path: &Path) -> io::Result<Option<(String, Position)>> {
    let Some(name) = name(path) else { return Ok(None) };
    let mut bytes = [0; LEN];
    if disk.open(path)?.read_at(&mut bytes, 0)? != LEN {
        return Ok(None);
    }
    let field =
        |at: usize| bytes.get(at..at + 8).and_then(|field| field.try_into().ok()).map(u64::from_le_bytes);
    let crc = crc32c::crc32c(&bytes[..32]).to_le_bytes();
    if bytes[..8] != MAGIC || bytes[32..] != crc {
        return Ok(None);
    }
    let (Some(file), Some(offset), Some(number)) = (field(8), field(16), field(24)) else { return Ok(None) };
    Ok(Some((name, Position { file, offset, number })))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wal::disk::OsDisk;

    #[test]
    fn a_position_survives_and_a_damaged_one_is_not_believed() {
        let dir = tempfile::tempdir().unwrap();
        let position = Position { file: 3, offset: 4_096, number: 17 };
        for reader in ["otlp/backup", "a%b", "ünïcode"] {
            write(&OsDisk, dir.path(), reader, Position::default()).unwrap();
            write(&OsDisk, dir.path(), reader, position).unwrap();
            let path = path(dir.path(), reader);
            assert_eq!(read(&OsDisk, &path).unwrap(), Some((reader.to_owned(), position)));
            OsDisk.open(&path).unwrap().write_at(b"x", 20).unwrap();
            assert_eq!(read(&OsDisk, &path).unwrap(), None);
            remove(&OsDisk, dir.path(), reader).unwrap();
            remove(&OsDisk, dir.path(), reader).unwrap();
        }
    }
}
