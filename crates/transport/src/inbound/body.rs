//! Reads bodies within bounds of size, memory and time.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::body::Body;
use throughline_pipeline::MemoryPermit;

use super::fault::Fault;

/// A body that is being read. Its bytes are accounted for as they arrive.
pub(super) struct BodyReader<'a, B> {
    body: &'a mut B,
    memory: &'a mut MemoryPermit,
    limit_bytes: usize,
    idle: Duration,
    /// A body that comes in one piece is never copied.
    first: Bytes,
    /// All of the body, once a second piece has come.
    rest: BytesMut,
}

impl<'a, B> BodyReader<'a, B>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: std::fmt::Display,
{
    pub(super) fn new(
        body: &'a mut B,
        memory: &'a mut MemoryPermit,
        limit_bytes: usize,
        idle: Duration,
    ) -> Self {
        Self { body, memory, limit_bytes, idle, first: Bytes::new(), rest: BytesMut::new() }
    }

    /// Reads until so many bytes are there; false when the body ends before.
    pub(super) async fn fill(&mut self, bytes: usize) -> Result<bool, Fault> {
        while self.len() < bytes {
            if !self.read_frame().await? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// The first bytes of what was read.
    pub(super) fn head<const N: usize>(&self) -> Option<[u8; N]> {
        let read = if self.rest.is_empty() { &self.first[..] } else { &self.rest[..] };
        read.first_chunk().copied()
    }

    /// Reads to the end.
    pub(super) async fn finish(mut self) -> Result<Bytes, Fault> {
        while self.read_frame().await? {}
        if self.rest.is_empty() {
            return Ok(self.first);
        }
        Ok(self.rest.freeze())
    }

    fn len(&self) -> usize {
        if self.rest.is_empty() { self.first.len() } else { self.rest.len() }
    }

    async fn read_frame(&mut self) -> Result<bool, Fault> {
        let frame = tokio::time::timeout(self.idle, self.body.frame()).await.map_err(|_| Fault::Slow)?;
        let Some(frame) = frame else {
            return Ok(false);
        };
        let frame = frame.map_err(|error| Fault::Broken(error.to_string()))?;
        let Ok(data) = frame.into_data() else {
            return Ok(true);
        };
        let total = self.len() + data.len();
        if total > self.limit_bytes {
            return Err(Fault::TooLarge { limit_bytes: self.limit_bytes });
        }
        self.memory.grow_to(total as u64)?;
        if self.first.is_empty() {
            self.first = data;
        } else {
            if self.rest.is_empty() {
                let announced = usize::try_from(self.body.size_hint().lower()).unwrap_or_default();
                self.rest.reserve(self.first.len() + data.len() + announced.min(self.limit_bytes));
                self.rest.extend_from_slice(&self.first);
            }
            self.rest.extend_from_slice(&data);
        }
        Ok(true)
    }
}

/// How much of an unwanted body is read so that the sender gets to see the answer.
const DISCARD_BYTES_MAX: usize = 4 << 20;
const DISCARD_TIME: Duration = Duration::from_secs(2);

/// Reads and forgets what is left of a body that was refused unread, within bounds. A sender over
/// HTTP/1 that is still writing when the connection closes may never see the answer.
pub(super) async fn discard<B: Body<Data = Bytes> + Unpin>(mut body: B) {
    let reading = async {
        let mut left = DISCARD_BYTES_MAX;
        while let Some(Ok(frame)) = body.frame().await {
            let bytes = frame.data_ref().map_or(0, Bytes::len);
            match left.checked_sub(bytes) {
                Some(rest) => left = rest,
                None => return,
            }
        }
    };
    // Running out of time is the same as running out of bytes: the connection closes.
    let _ = tokio::time::timeout(DISCARD_TIME, reading).await;
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::sync::Arc;

    use futures::stream;
    use http_body_util::StreamBody;
    use hyper::body::Frame;
    use throughline_model::SystemClock;
    use throughline_pipeline::{MemoryLimiter, MemoryLimiterSettings, Registry};

    use super::*;

    fn permit() -> MemoryPermit {
        let settings = MemoryLimiterSettings { limit_mib: 1 << 20, ..MemoryLimiterSettings::default() };
        MemoryLimiter::new(&settings, Arc::new(SystemClock), &Registry::default()).unwrap().admit(0).unwrap()
    }

    fn pieces(pieces: &[&'static str]) -> impl Body<Data = Bytes, Error = Infallible> + Unpin {
        let frames: Vec<_> =
            pieces.iter().map(|piece| Ok(Frame::data(Bytes::from_static(piece.as_bytes())))).collect();
        StreamBody::new(stream::iter(frames))
    }

    #[tokio::test]
    async fn puts_pieces_together_and_accounts_for_them() {
        let (mut body, mut memory) = (pieces(&["ab", "", "cd", "e"]), permit());
        let mut reader = BodyReader::new(&mut body, &mut memory, 10, Duration::from_secs(1));
        assert!(reader.fill(3).await.unwrap());
        assert_eq!(reader.head::<3>().unwrap(), *b"abc");
        assert_eq!(reader.finish().await.unwrap(), "abcde");
        assert_eq!(memory.bytes(), 5);
    }

    #[tokio::test]
    async fn stops_at_the_limit() {
        let (mut body, mut memory) = (pieces(&["abc", "def"]), permit());
        let reader = BodyReader::new(&mut body, &mut memory, 5, Duration::from_secs(1));
        assert_eq!(reader.finish().await, Err(Fault::TooLarge { limit_bytes: 5 }));
    }

    #[tokio::test(start_paused = true)]
    async fn gives_up_on_a_body_that_stands_still() {
        let mut body = StreamBody::new(stream::pending::<Result<Frame<Bytes>, Infallible>>());
        let mut memory = permit();
        let reader = BodyReader::new(&mut body, &mut memory, 5, Duration::from_secs(30));
        assert_eq!(reader.finish().await, Err(Fault::Slow));
    }
}
