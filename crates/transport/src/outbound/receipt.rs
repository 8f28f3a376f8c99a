//! Reads answers: partial success, and the delay of a `google.rpc.Status`.

use std::time::Duration;

use throughline_wire::protobuf::{Fault, Reader};

use super::client::Receipt;

/// Reads an export response. The field numbers are the same for all signals. An answer that
/// cannot be read is a success all the same: the status said so.
pub(super) fn protobuf(body: &[u8]) -> Receipt {
    read_response(body).unwrap_or_default()
}

fn read_response(body: &[u8]) -> Result<Receipt, Fault> {
    let mut receipt = Receipt::default();
    let mut response = Reader::new(body);
    while let Some(tag) = response.tag()? {
        if tag.field() != 1 || !tag.is_len() {
            response.skip(tag)?;
            continue;
        }
        let mut partial = Reader::new(response.bytes(tag)?);
        while let Some(tag) = partial.tag()? {
            match tag.field() {
                1 => receipt.rejected = partial.varint(tag)?,
                2 => receipt.message = String::from_utf8_lossy(partial.bytes(tag)?).into_owned(),
                _ => partial.skip(tag)?,
            }
        }
    }
    Ok(receipt)
}

/// Reads an export response in JSON.
pub(super) fn json(body: &[u8]) -> Receipt {
    let answer: serde_json::Value = serde_json::from_slice(body).unwrap_or_default();
    let partial = &answer["partialSuccess"];
    let rejected = ["rejectedSpans", "rejectedLogRecords", "rejectedDataPoints"].iter().find_map(|key| {
        let value = &partial[key];
        value.as_u64().or_else(|| value.as_str()?.parse().ok())
    });
    let message = partial["errorMessage"].as_str().unwrap_or_default().to_owned();
    Receipt { rejected: rejected.unwrap_or_default(), message }
}

/// The `retry_delay` of the `RetryInfo` among a status's details.
pub(super) fn retry_delay(status: &[u8]) -> Option<Duration> {
    read_status(status).ok().flatten()
}

fn read_status(status: &[u8]) -> Result<Option<Duration>, Fault> {
    let mut status = Reader::new(status);
    while let Some(tag) = status.tag()? {
        if tag.field() != 3 || !tag.is_len() {
            status.skip(tag)?;
            continue;
        }
        let (mut any, mut is_retry_info, mut value) = (Reader::new(status.bytes(tag)?), false, &[][..]);
        while let Some(tag) = any.tag()? {
            match tag.field() {
                1 => is_retry_info = any.bytes(tag)?.ends_with(b"/google.rpc.RetryInfo"),
                2 => value = any.bytes(tag)?,
                _ => any.skip(tag)?,
            }
        }
        if is_retry_info {
            return read_retry_info(value).map(Some);
        }
    }
    Ok(None)
}

fn read_retry_info(value: &[u8]) -> Result<Duration, Fault> {
    let (mut info, mut delay) = (Reader::new(value), Duration::ZERO);
    while let Some(tag) = info.tag()? {
        if tag.field() != 1 || !tag.is_len() {
            info.skip(tag)?;
            continue;
        }
        let mut duration = Reader::new(info.bytes(tag)?);
        while let Some(tag) = duration.tag()? {
            match tag.field() {
                1 => delay += Duration::from_secs(duration.varint(tag)?.min(86_400)),
                2 => delay += Duration::from_nanos(duration.varint(tag)?.min(999_999_999)),
                _ => duration.skip(tag)?,
            }
        }
    }
    Ok(delay)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_partial_success_in_both_encodings() {
        let expected = Receipt { rejected: 5, message: "bad".into() };
        assert_eq!(protobuf(b"\x0a\x07\x08\x05\x12\x03bad"), expected);
        for body in [
            r#"{"partialSuccess":{"rejectedSpans":"5","errorMessage":"bad"}}"#,
            r#"{"partialSuccess":{"rejectedLogRecords":5,"errorMessage":"bad"}}"#,
        ] {
            assert_eq!(json(body.as_bytes()), expected);
        }
    }

    #[test]
    fn answers_without_partial_success_or_without_sense_are_success() {
        for body in [&b""[..], b"\x0a\x00", b"\xff", b"{}", b"<html>"] {
            assert_eq!(protobuf(body), Receipt::default());
            assert_eq!(json(body), Receipt::default());
        }
    }

    #[test]
    fn reads_the_delay_of_retry_info_among_other_details() {
        let url = b"type.googleapis.com/google.rpc.RetryInfo";
        let mut any = vec![0x0a, url.len() as u8];
        any.extend_from_slice(url);
        any.extend_from_slice(b"\x12\x0a\x0a\x08\x08\x03\x10\x80\xca\xb5\xee\x01");
        let mut status = b"\x08\x0e\x12\x01x\x1a\x02\x0a\x00\x1a".to_vec();
        status.push(any.len() as u8);
        status.extend_from_slice(&any);
        assert_eq!(retry_delay(&status), Some(Duration::from_millis(3_500)));
        assert_eq!(retry_delay(b"\x08\x0e"), None);
    }
}
