//! From a body's bytes to the pipelines: what all protocols of a receiver share.

use std::sync::Arc;

use bytes::Bytes;
use futures::future::join_all;
use throughline_model::{Clock, Signal, Tenant};
use throughline_pipeline::{Delivery, MemoryPermit, Pipeline, Refusal, Registry};
use throughline_wire::otlp::{self, Decoded, Encoding};

use super::compression::Coding;
use super::door::Visit;
use super::fault::Fault;
use super::meters::SignalMeters;

/// Decodes requests and hands them to every pipeline that names the receiver.
#[derive(Debug)]
pub struct Intake {
    receiver: Arc<str>,
    pipelines: Vec<Arc<Pipeline>>,
    clock: Arc<dyn Clock>,
    registry: Registry,
}

/// A request whose body has arrived.
#[derive(Debug)]
pub(super) struct Parcel {
    pub(super) signal: Signal,
    pub(super) tenant: Tenant,
    pub(super) encoding: Encoding,
    pub(super) coding: Coding,
    pub(super) body: Bytes,
    pub(super) limit_bytes: usize,
    pub(super) visit: Visit,
}

/// A request that was stored, all but what was rejected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Taken {
    pub(super) rejected: u64,
    pub(super) message: Option<String>,
}

/// Bodies above this are decoded on a thread that may block, so that they do not hold up others;
/// smaller ones take less time than the way there and back. What is compressed is counted as
/// four times its size.
const DECODE_INLINE_BYTES: usize = 128 << 10;

impl Intake {
    /// An intake for a receiver under its name in the configuration (`otlp`, `otlp/browser`).
    #[must_use]
    pub fn new(
        receiver: &str,
        pipelines: Vec<Arc<Pipeline>>,
        clock: Arc<dyn Clock>,
        registry: Registry,
    ) -> Self {
        Self { receiver: receiver.into(), pipelines, clock, registry }
    }

    pub(super) fn receiver(&self) -> &str {
        &self.receiver
    }

    pub(super) fn registry(&self) -> &Registry {
        &self.registry
    }

    /// Whether any pipeline takes the signal.
    pub(super) fn takes(&self, signal: Signal) -> Result<(), Fault> {
        let takes = self.pipelines.iter().any(|pipeline| pipeline.signal() == signal);
        if takes { Ok(()) } else { Err(Fault::NoPipeline(signal.name())) }
    }

    /// Decompresses, decodes, and runs every pipeline of the signal.
    pub(super) async fn take(&self, parcel: Parcel, meters: &SignalMeters) -> Result<Taken, Fault> {
        let received_ns = self.clock.now_ns();
        let Parcel { signal, tenant, encoding, coding, body, limit_bytes, mut visit } = parcel;
        let expansion = if coding == Coding::Identity { 1 } else { 4 };
        let inline = body.len() * expansion <= DECODE_INLINE_BYTES;
        let unpack = move || {
            let unpacked = unpack(signal, encoding, coding, body, limit_bytes, &mut visit.memory);
            (unpacked, visit)
        };
        let (unpacked, visit) = if inline {
            unpack()
        } else {
            let task = tokio::task::spawn_blocking(unpack).await;
            task.map_err(|_| Fault::Internal("decoding failed".to_owned()))?
        };
        let (raw, decoded) = unpacked?;
        meters.bytes.add(raw.len() as u64);
        let delivery = Delivery {
            tenant,
            signal,
            encoding: encoding.code(),
            pipeline: "".into(),
            received_ns,
            raw,
            batch: decoded.batch,
        };
        let answer = self.deliver(delivery).await;
        drop(visit);
        match &answer {
            Ok(()) => meters.accepted.add(decoded.accepted),
            Err(_) => meters.refused.add(decoded.accepted),
        }
        answer.map(|()| Taken { rejected: decoded.rejected, message: decoded.rejection })
    }

    async fn deliver(&self, delivery: Delivery) -> Result<(), Fault> {
        if delivery.batch.num_rows() == 0 {
            return Ok(());
        }
        let mut takers = self.pipelines.iter().filter(|pipeline| pipeline.signal() == delivery.signal);
        let answer = match (takers.next(), takers.next()) {
            (Some(only), None) => only.run(delivery).await,
            _ => {
                let takers = self.pipelines.iter().filter(|pipeline| pipeline.signal() == delivery.signal);
                let answers = join_all(takers.map(|pipeline| pipeline.run(delivery.clone()))).await;
                answers.into_iter().filter_map(Result::err).reduce(Refusal::prevailing).map_or(Ok(()), Err)
            }
        };
        answer.map_err(Fault::Refused)
    }
}

fn unpack(
    signal: Signal,
    encoding: Encoding,
    coding: Coding,
    body: Bytes,
    limit_bytes: usize,
    memory: &mut MemoryPermit,
) -> Result<(Bytes, Decoded), Fault> {
    let raw = coding.decompress(body, limit_bytes, memory)?;
    let decoded = otlp::decode(signal, encoding, &raw)?;
    memory.grow(decoded.batch.get_array_memory_size() as u64)?;
    Ok((raw, decoded))
}
