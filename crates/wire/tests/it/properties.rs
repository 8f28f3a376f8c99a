//! Properties of decoding and encoding, over random messages.

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use proptest::prelude::*;
use prost::Message;
use rand::SeedableRng;
use rand::rngs::StdRng;
use serde::Serialize;
use serde::de::DeserializeOwned;
use throughline_model::Signal;
use throughline_wire::otlp::{self, Encoding};

use crate::generate::{Generator, Taste};
use crate::mutate::{mutate, reshape};
use crate::oracle::{Items, actual, decode, expected};

/// A random request of a signal, as protobuf and as the JSON of the generated types.
fn request(signal: Signal, seed: u64, taste: Taste) -> (Vec<u8>, Vec<u8>) {
    fn both<M: Message + Serialize>(message: &M) -> (Vec<u8>, Vec<u8>) {
        (message.encode_to_vec(), serde_json::to_vec(message).unwrap())
    }
    let mut generator = Generator::new(seed, taste);
    match signal {
        Signal::Traces => both::<ExportTraceServiceRequest>(&generator.traces()),
        Signal::Logs => both::<ExportLogsServiceRequest>(&generator.logs()),
        Signal::Metrics => both::<ExportMetricsServiceRequest>(&generator.metrics()),
    }
}

/// JSON as the generated types read it, as protobuf.
fn reread<M: Message + DeserializeOwned>(json: &[u8]) -> serde_json::Result<Vec<u8>> {
    serde_json::from_slice::<M>(json).map(|message| message.encode_to_vec())
}

fn signal() -> impl Strategy<Value = Signal> {
    prop::sample::select(Signal::ALL.to_vec())
}

/// Shows the first item that differs.
fn same(left: &Items, right: &Items) -> Result<(), TestCaseError> {
    for (left, right) in left.rows.iter().zip(&right.rows) {
        prop_assert_eq!(left, right);
    }
    prop_assert_eq!((left.rows.len(), left.rejected), (right.rows.len(), right.rejected));
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(256) })]

    #[test]
    fn decodes_what_the_generated_types_decode(signal in signal(), seed: u64) {
        let (protobuf, _) = request(signal, seed, Taste::Anything);
        same(&decode(signal, Encoding::Protobuf, &protobuf), &expected(signal, &protobuf).unwrap())?;
    }

    #[test]
    fn what_is_encoded_again_reads_the_same(signal in signal(), seed: u64) {
        let (protobuf, _) = request(signal, seed, Taste::Anything);
        let decoded = otlp::decode(signal, Encoding::Protobuf, &protobuf).unwrap();
        let mut before = expected(signal, &protobuf).unwrap().sorted();
        before.rejected = 0;
        let again = otlp::encode(signal, &decoded.batch, Encoding::Protobuf).unwrap();
        same(&expected(signal, &again).unwrap().sorted(), &before)?;
        let json = otlp::encode(signal, &decoded.batch, Encoding::Json).unwrap();
        same(&decode(signal, Encoding::Json, &json).sorted(), &before)?;
    }

    #[test]
    fn json_of_the_generated_types_decodes_as_their_protobuf(signal in signal(), seed: u64) {
        let (protobuf, json) = request(signal, seed, Taste::Plain);
        let from_json = otlp::decode(signal, Encoding::Json, &json);
        prop_assert!(from_json.is_ok(), "{:?} {}", from_json, String::from_utf8_lossy(&json));
        let from_json = from_json.unwrap();
        let from_protobuf = otlp::decode(signal, Encoding::Protobuf, &protobuf).unwrap();
        same(&actual(signal, &from_json), &actual(signal, &from_protobuf))?;
        prop_assert!(from_json == from_protobuf);
    }

    #[test]
    fn our_json_reads_back_with_the_generated_types(signal in signal(), seed: u64) {
        let (protobuf, _) = request(signal, seed, Taste::Plain);
        let decoded = otlp::decode(signal, Encoding::Protobuf, &protobuf).unwrap();
        let json = otlp::encode(signal, &decoded.batch, Encoding::Json).unwrap();
        let read = match signal {
            Signal::Traces => reread::<ExportTraceServiceRequest>(&json),
            Signal::Logs => reread::<ExportLogsServiceRequest>(&json),
            Signal::Metrics => reread::<ExportMetricsServiceRequest>(&json),
        };
        prop_assert!(read.is_ok(), "{:?} {}", read, String::from_utf8_lossy(&json));
        let again = expected(signal, &read.unwrap()).unwrap();
        same(&again.sorted(), &actual(signal, &decoded).sorted_without_rejected())?;
    }

    #[test]
    fn damaged_requests_are_taken_or_refused_as_the_generated_types_do(signal in signal(), seed: u64) {
        let (mut bytes, _) = request(signal, seed, Taste::Anything);
        let (other, _) = request(signal, seed ^ 1, Taste::Anything);
        let mut random = StdRng::seed_from_u64(seed);
        if seed.is_multiple_of(2) {
            bytes = reshape(&mut random, &bytes);
        } else {
            mutate(&mut random, &mut bytes, &other);
        }
        let verdict = crate::oracle::compare(signal, &bytes);
        prop_assert!(verdict.is_ok(), "{}", verdict.unwrap_err());
    }
}
