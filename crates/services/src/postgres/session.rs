//! As much of PostgreSQL's frontend protocol (version 3.0) as a question needs.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use anyhow::{Context as _, bail};

/// No answer to one of our questions is longer.
const MESSAGE_MAX: usize = 1 << 20;

/// A connection that was trusted without a password.
#[derive(Debug)]
pub(crate) struct Session {
    stream: TcpStream,
}

/// The server said no.
#[derive(Debug, thiserror::Error)]
#[error("PostgreSQL: {message} ({code})")]
pub(crate) struct Refusal {
    /// SQLSTATE.
    pub(crate) code: String,
    message: String,
}

impl Session {
    /// Logs in.
    pub(crate) fn open(stream: TcpStream, user: &str, database: &str) -> anyhow::Result<Self> {
        let mut session = Self { stream };
        let body =
            [b"\x00\x03\x00\x00user\0", user.as_bytes(), b"\0database\0", database.as_bytes(), b"\0\0"];
        session.send(None, &body.concat())?;
        session.answer()?;
        Ok(session)
    }

    /// Runs a statement; the rows as text, NULL as the empty text.
    pub(crate) fn query(&mut self, statement: &str) -> anyhow::Result<Vec<Vec<String>>> {
        self.send(Some(b'Q'), &[statement.as_bytes(), b"\0"].concat())?;
        self.answer()
    }

    fn send(&mut self, kind: Option<u8>, body: &[u8]) -> anyhow::Result<()> {
        let mut message = Vec::from_iter(kind);
        message.extend(u32::try_from(body.len() + 4)?.to_be_bytes());
        message.extend(body);
        Ok(self.stream.write_all(&message)?)
    }

    /// All rows until the server is ready for the next statement.
    fn answer(&mut self) -> anyhow::Result<Vec<Vec<String>>> {
        let mut rows = Vec::new();
        let mut refusal = None;
        loop {
            let (kind, body) = match self.message() {
                Ok(message) => message,
                // After a refusal to log in the connection ends.
                Err(error) => return Err(refusal.map_or(error, |refusal: Refusal| refusal.into())),
            };
            match kind {
                b'Z' => return refusal.map_or(Ok(rows), |refusal| Err(refusal.into())),
                b'D' => rows.push(row(&body).context("a row that is cut off")?),
                b'E' => refusal = Some(Refusal::read(&body)),
                b'R' if body != [0; 4] => bail!("PostgreSQL wants a password"),
                _ => {}
            }
        }
    }

    fn message(&mut self) -> anyhow::Result<(u8, Vec<u8>)> {
        let [mut kind, mut length] = [[0; 4]; 2];
        self.stream.read_exact(&mut kind[..1])?;
        self.stream.read_exact(&mut length)?;
        let length = (u32::from_be_bytes(length) as usize).saturating_sub(4);
        anyhow::ensure!(length <= MESSAGE_MAX, "a message of {length} bytes");
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body)?;
        Ok((kind[0], body))
    }
}

impl Refusal {
    /// Fields are a letter, a text, and a zero.
    fn read(body: &[u8]) -> Self {
        let fields = body.split(|byte| *byte == 0).filter_map(<[u8]>::split_first);
        let field = |letter| {
            let found = fields.clone().find(|(name, _)| **name == letter);
            found.map(|(_, text)| String::from_utf8_lossy(text).into_owned()).unwrap_or_default()
        };
        Self { code: field(b'C'), message: field(b'M') }
    }
}

fn row(body: &[u8]) -> Option<Vec<String>> {
    let (count, mut rest) = body.split_first_chunk::<2>()?;
    let mut row = Vec::new();
    for _ in 0..u16::from_be_bytes(*count) {
        let (length, after) = rest.split_first_chunk::<4>()?;
        let length = usize::try_from(i32::from_be_bytes(*length)).unwrap_or(0);
        let (value, after) = after.split_at_checked(length)?;
        row.push(String::from_utf8_lossy(value).into_owned());
        rest = after;
    }
    Some(row)
}
