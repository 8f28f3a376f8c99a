//! Content codings, decompressed within bounds.

use std::io::{self, Read};

use bytes::Bytes;
use flate2::read::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};
use throughline_pipeline::MemoryPermit;

use super::fault::Fault;

/// A content coding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Coding {
    Identity,
    Gzip,
    Zstd,
    Deflate,
}

/// For `Accept-Encoding` and `grpc-accept-encoding`.
pub(super) const ACCEPTED: &str = "gzip, zstd, deflate, identity";

/// Windows of up to 16 MiB: all that zstd's levels make without `--long`.
const ZSTD_WINDOW_LOG_MAX: u32 = 24;

const STEP_BYTES: usize = 64 << 10;

impl Coding {
    /// The coding of a `Content-Encoding` or `grpc-encoding` header.
    pub(super) fn from_header(value: Option<&http::HeaderValue>) -> Result<Self, Fault> {
        let Some(value) = value else {
            return Ok(Self::Identity);
        };
        let name = String::from_utf8_lossy(value.as_bytes()).trim().to_ascii_lowercase();
        match name.as_str() {
            "" | "identity" => Ok(Self::Identity),
            "gzip" | "x-gzip" => Ok(Self::Gzip),
            "zstd" => Ok(Self::Zstd),
            "deflate" | "zlib" => Ok(Self::Deflate),
            _ => Err(Fault::Coding(name)),
        }
    }

    /// Decompresses what decompresses to at most so many bytes.
    pub(super) fn decompress(
        self,
        body: Bytes,
        limit_bytes: usize,
        memory: &mut MemoryPermit,
    ) -> Result<Bytes, Fault> {
        match self {
            Self::Identity => Ok(body),
            Self::Gzip => drain(MultiGzDecoder::new(&body[..]), body.len(), limit_bytes, memory),
            Self::Deflate if is_zlib(&body) => {
                drain(ZlibDecoder::new(&body[..]), body.len(), limit_bytes, memory)
            }
            Self::Deflate => drain(DeflateDecoder::new(&body[..]), body.len(), limit_bytes, memory),
            Self::Zstd => {
                let decoder = zstd::stream::read::Decoder::with_buffer(&body[..]).and_then(|mut decoder| {
                    decoder.window_log_max(ZSTD_WINDOW_LOG_MAX)?;
                    Ok(decoder)
                });
                drain(decoder.map_err(corrupt)?, body.len(), limit_bytes, memory)
            }
        }
    }
}

/// Some senders leave the zlib header out, against RFC 9110.
fn is_zlib(body: &[u8]) -> bool {
    match body {
        [method, flags, ..] => method & 0x0f == 8 && (u16::from(*method) << 8 | u16::from(*flags)) % 31 == 0,
        _ => false,
    }
}

fn corrupt(error: io::Error) -> Fault {
    Fault::Malformed { message: format!("the body does not decompress: {error}"), field: None }
}

fn drain(
    mut decoder: impl Read,
    compressed_bytes: usize,
    limit_bytes: usize,
    memory: &mut MemoryPermit,
) -> Result<Bytes, Fault> {
    let mut out: Vec<u8> = Vec::new();
    let mut reserved = 0;
    loop {
        // Reading one byte more than the limit tells too large from just fitting.
        let want = STEP_BYTES.max(out.len()).max(compressed_bytes).min(limit_bytes + 1 - out.len());
        let need = out.len() + want;
        if need > reserved {
            memory.grow((need - reserved) as u64)?;
            reserved = need;
        }
        let read = decoder.by_ref().take(want as u64).read_to_end(&mut out).map_err(corrupt)?;
        if out.len() > limit_bytes {
            return Err(Fault::TooLarge { limit_bytes });
        }
        if read < want {
            memory.shrink((reserved - out.len()) as u64);
            return Ok(out.into());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::Arc;

    use throughline_model::SystemClock;
    use throughline_pipeline::{MemoryLimiter, MemoryLimiterSettings, Registry};

    use super::*;

    fn permit(limit_mib: u64) -> MemoryPermit {
        let settings = MemoryLimiterSettings { limit_mib, ..MemoryLimiterSettings::default() };
        let probe = Box::new(NoMemory);
        MemoryLimiter::with_probe(&settings, probe, Arc::new(SystemClock), &Registry::default())
            .unwrap()
            .admit(0)
            .unwrap()
    }

    #[derive(Debug)]
    struct NoMemory;

    impl throughline_pipeline::memory_limiter::MemoryProbe for NoMemory {
        fn used_bytes(&self) -> Option<u64> {
            Some(0)
        }
        fn available_bytes(&self) -> Option<u64> {
            None
        }
    }

    fn compress(coding: Coding, data: &[u8]) -> Bytes {
        let level = flate2::Compression::fast();
        let out = match coding {
            Coding::Identity => data.to_vec(),
            Coding::Zstd => zstd::encode_all(data, 1).unwrap(),
            Coding::Gzip => {
                let mut encoder = flate2::write::GzEncoder::new(Vec::new(), level);
                encoder.write_all(data).unwrap();
                encoder.finish().unwrap()
            }
            Coding::Deflate => {
                let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), level);
                encoder.write_all(data).unwrap();
                encoder.finish().unwrap()
            }
        };
        out.into()
    }

    const CODINGS: [Coding; 4] = [Coding::Identity, Coding::Gzip, Coding::Zstd, Coding::Deflate];

    #[test]
    fn every_coding_comes_back_whole_at_any_size() {
        for coding in CODINGS {
            for size in [0, 1, STEP_BYTES - 1, STEP_BYTES, STEP_BYTES + 1, 1_000_000] {
                let data: Vec<u8> = (0..size).map(|i| (i % 251) as u8).collect();
                let mut memory = permit(64);
                let out = coding.decompress(compress(coding, &data), 1_000_000, &mut memory).unwrap();
                assert!(out == data, "{coding:?} {size}");
            }
        }
    }

    #[test]
    fn deflate_without_the_zlib_header_is_understood() {
        let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(b"hello").unwrap();
        let body = encoder.finish().unwrap().into();
        assert_eq!(Coding::Deflate.decompress(body, 10, &mut permit(1)).unwrap(), "hello");
    }

    #[test]
    fn a_bomb_stops_at_the_limit_and_before_memory_runs_out() {
        let bomb = vec![0; 50 << 20];
        for coding in [Coding::Gzip, Coding::Zstd, Coding::Deflate] {
            let body = compress(coding, &bomb);
            let mut memory = permit(64);
            let fault = coding.decompress(body.clone(), 4 << 20, &mut memory).unwrap_err();
            assert_eq!(fault, Fault::TooLarge { limit_bytes: 4 << 20 });
            let fault = coding.decompress(body, 64 << 20, &mut permit(8)).unwrap_err();
            assert!(matches!(fault, Fault::Refused(_)), "{fault:?}");
        }
    }

    #[test]
    fn garbage_and_torn_bodies_are_malformed() {
        for coding in [Coding::Gzip, Coding::Zstd, Coding::Deflate] {
            let whole = compress(coding, &[7; 1000]);
            for body in [Bytes::from_static(b"\x28\xb5garbage"), whole.slice(..whole.len() - 3)] {
                let fault = coding.decompress(body, 10_000, &mut permit(64));
                assert!(matches!(fault, Err(Fault::Malformed { .. })), "{coding:?} {fault:?}");
            }
        }
    }
}
