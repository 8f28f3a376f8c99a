//! Telling secrets from text.

use std::cell::RefCell;
use std::fmt;
use std::ops::Range;

/// What a text seems to hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Secret {
    /// The key says so.
    Key,
    /// The key hints at it and the value looks random.
    Random,
    WebToken,
    Credentials,
    PrivateKey,
    CloudKey,
    AddressPassword,
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Key => "a value under a telling key",
            Self::Random => "a random-looking value under a telling key",
            Self::WebToken => "a JSON web token",
            Self::Credentials => "the credentials of a request",
            Self::PrivateKey => "a private key",
            Self::CloudKey => "a key of a cloud or code host",
            Self::AddressPassword => "a password in an address",
        })
    }
}

/// What `value` seems to hold, as the value of `key`.
pub(crate) fn suspect(key: &str, value: &str) -> Option<Secret> {
    let by_key = match known_suspicion(key) {
        Suspicion::Strong if !is_hidden(value) => Some(Secret::Key),
        Suspicion::Weak if looks_random(value) && !is_hidden(value) => Some(Secret::Random),
        _ => None,
    };
    by_key.or_else(|| find(value).map(|(secret, _)| secret))
}

/// How much a key tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Suspicion {
    None,
    Weak,
    Strong,
}

/// What the last word of a key makes of the rest: `token.type`, `secret_name`.
const ABOUT: &[&str] = &[
    "type", "name", "count", "length", "size", "status", "method", "policy", "version", "ttl", "expiry",
    "result", "id",
];
/// Keys whose suspicion is remembered: a service has the same few again and again.
const KNOWN_KEYS: usize = 256;

/// A key and how much it tells.
type Known = Option<(Box<str>, Suspicion)>;

thread_local! {
    static KNOWN: RefCell<Vec<Known>> = RefCell::new(vec![None; KNOWN_KEYS]);
}

/// [`suspicion`] of a key, remembered by this thread. Where a key lies in memory is where it is
/// looked for: most are constants.
fn known_suspicion(key: &str) -> Suspicion {
    let remembered = KNOWN.try_with(|known| {
        let mut known = known.borrow_mut();
        let slot = known.get_mut((key.as_ptr().addr() >> 3) % KNOWN_KEYS)?;
        if let Some((had, suspicion)) = slot
            && **had == *key
        {
            return Some(*suspicion);
        }
        let suspicion = suspicion(key);
        *slot = Some((key.into(), suspicion));
        Some(suspicion)
    });
    remembered.ok().flatten().unwrap_or_else(|| suspicion(key))
}

/// Longer keys are judged by their first letters.
const KEY_BYTES_MAX: usize = 96;

fn suspicion(key: &str) -> Suspicion {
    let (flat, length) = flattened(key);
    let flat = flat.get(..length).unwrap_or_default();
    let mut found = Suspicion::None;
    for at in 0..flat.len() {
        match tells(flat.get(at..).unwrap_or_default()) {
            Suspicion::Strong => {
                found = Suspicion::Strong;
                break;
            }
            Suspicion::Weak => found = Suspicion::Weak,
            Suspicion::None => {}
        }
    }
    if found != Suspicion::Strong && is_word(key, "pwd") {
        found = Suspicion::Strong;
    }
    if found == Suspicion::None {
        return found;
    }
    let last = key.rsplit(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or("");
    if ABOUT.iter().any(|about| last.eq_ignore_ascii_case(about)) { Suspicion::None } else { found }
}

/// Letters and digits only, in lower case, so that `Set-Cookie` and `api_key` have one form.
fn flattened(key: &str) -> ([u8; KEY_BYTES_MAX], usize) {
    let mut flat = [0_u8; KEY_BYTES_MAX];
    let mut length = 0;
    for byte in key.bytes().filter(u8::is_ascii_alphanumeric) {
        let Some(slot) = flat.get_mut(length) else { break };
        *slot = byte.to_ascii_lowercase();
        length += 1;
    }
    (flat, length)
}

/// What the word that a key goes on with tells.
fn tells(rest: &[u8]) -> Suspicion {
    // Most letters begin no such word.
    let (strong, weak): (&[&str], &[&str]) = match rest.first() {
        Some(b'p') => (&["password", "passwd", "passphrase", "privatekey"], &[]),
        Some(b's') => (&["secret"], &["signature", "session"]),
        Some(b'a') => (&["authorization", "apikey", "accesskey"], &["auth"]),
        Some(b'c') => (&["cookie", "credential"], &[]),
        Some(b't') => (&[], &["token"]),
        Some(b'j') => (&[], &["jwt"]),
        _ => return Suspicion::None,
    };
    let begins = |word: &&str| rest.starts_with(word.as_bytes());
    if strong.iter().any(begins) {
        Suspicion::Strong
    } else if weak.iter().any(begins) {
        Suspicion::Weak
    } else {
        Suspicion::None
    }
}

fn is_word(key: &str, word: &str) -> bool {
    key.split(|c: char| !c.is_ascii_alphanumeric()).any(|part| part.eq_ignore_ascii_case(word))
}

/// Nothing is there to be told: it is empty, a placeholder or replaced already.
fn is_hidden(value: &str) -> bool {
    let inner = value.trim_matches(|c: char| !c.is_ascii_alphanumeric());
    inner.is_empty()
        || ["redacted", "hidden", "masked", "none", "null", "true", "false"]
            .iter()
            .any(|word| inner.eq_ignore_ascii_case(word))
        || inner.bytes().all(|b| b == b'x' || b == b'X')
}

/// Shorter values are words.
const RANDOM_BYTES_MIN: usize = 16;

/// Whether a value has no words: letters and digits mixed, without spaces, little repeated.
fn looks_random(value: &str) -> bool {
    let length = value.len();
    if length < RANDOM_BYTES_MIN || !value.bytes().all(is_token_byte) {
        return false;
    }
    let digits = value.bytes().filter(u8::is_ascii_digit).count();
    digits > 0 && digits < length && bits_each(value) >= 3.0
}

/// Shannon's entropy of the bytes.
fn bits_each(value: &str) -> f64 {
    let mut counts = [0_u32; 256];
    for byte in value.bytes() {
        if let Some(count) = counts.get_mut(usize::from(byte)) {
            *count += 1;
        }
    }
    let total = f64::from(u32::try_from(value.len()).unwrap_or(u32::MAX));
    let shares = counts.iter().filter(|n| **n > 0).map(|n| f64::from(*n) / total);
    shares.map(|share| -share * share.log2()).sum()
}

fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"+/=_-.~".contains(&byte)
}

/// The first secret that is known by its form, and where it stands.
pub(super) fn find(value: &str) -> Option<(Secret, Range<usize>)> {
    let bytes = value.as_bytes();
    for (at, byte) in bytes.iter().enumerate() {
        let rest = || value.get(at..).unwrap_or("");
        let starts_word = || at == 0 || bytes.get(at - 1).is_none_or(|b| !b.is_ascii_alphanumeric());
        let found = match byte {
            b'e' if starts_word() => web_token(rest()).map(|n| (Secret::WebToken, n)),
            b'B' | b'b' if starts_word() => credentials(rest()).map(|n| (Secret::Credentials, n)),
            b'-' => private_key(rest()).map(|n| (Secret::PrivateKey, n)),
            b'A' | b'g' | b'x' | b's' if starts_word() => cloud_key(rest()).map(|n| (Secret::CloudKey, n)),
            b':' => {
                let password = address_password(rest());
                if let Some(within) = password {
                    return Some((Secret::AddressPassword, at + within.start..at + within.end));
                }
                None
            }
            _ => None,
        };
        if let Some((secret, length)) = found {
            return Some((secret, at..at + length));
        }
    }
    None
}

/// How many of the first bytes could stand in a token.
fn token_length(text: &str) -> usize {
    text.bytes().take_while(|b| is_token_byte(*b)).count()
}

/// `eyJ…` in three parts.
fn web_token(text: &str) -> Option<usize> {
    if !text.starts_with("eyJ") {
        return None;
    }
    let length = token_length(text);
    let parts = text.get(..length)?.split('.');
    (length >= 30 && parts.filter(|part| !part.is_empty()).count() == 3).then_some(length)
}

/// `Bearer` or `Basic` and a token.
fn credentials(text: &str) -> Option<usize> {
    let scheme = ["Bearer ", "Basic "]
        .into_iter()
        .find(|scheme| text.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme)))?;
    let token = text.get(scheme.len()..)?;
    let length = token_length(token);
    let telling =
        token.get(..length)?.bytes().any(|b| b.is_ascii_digit() || b.is_ascii_uppercase() || b == b'=');
    (length >= 12 && telling).then_some(scheme.len() + length)
}

/// A PEM block of a private key, to its end or the end of the text.
fn private_key(text: &str) -> Option<usize> {
    let head = text.strip_prefix("-----BEGIN ")?;
    let (label, _) = head.split_once("-----")?;
    if !label.ends_with("PRIVATE KEY") {
        return None;
    }
    let end = text.find("-----END ").and_then(|at| {
        let tail = text.get(at + 9..)?;
        Some(at + 9 + tail.find("-----")? + 5)
    });
    Some(end.unwrap_or(text.len()))
}

/// The prefixes that clouds and code hosts give their keys, and how long those are at least.
const CLOUD_KEYS: &[(&str, usize)] = &[
    ("AKIA", 20),
    ("ASIA", 20),
    ("AIza", 39),
    ("ghp_", 40),
    ("gho_", 40),
    ("ghs_", 40),
    ("github_pat_", 40),
    ("glpat-", 26),
    ("xoxb-", 20),
    ("xoxp-", 20),
    ("sk_live_", 24),
    ("sk-", 32),
];

fn cloud_key(text: &str) -> Option<usize> {
    let (_, least) = CLOUD_KEYS.iter().find(|(prefix, _)| text.starts_with(prefix))?;
    let length = token_length(text);
    let mixed = text.get(..length)?.bytes().any(|b| b.is_ascii_digit());
    (length >= *least && mixed).then_some(length)
}

/// Where the password stands in `://user:password@host`, from the colon on.
fn address_password(text: &str) -> Option<Range<usize>> {
    let authority = text.strip_prefix("://")?;
    let end = authority.find(['/', '?', '#', ' ', '"', '\'']).unwrap_or(authority.len());
    let (user_info, _) = authority.get(..end)?.rsplit_once('@')?;
    let (user, password) = user_info.split_once(':')?;
    let start = "://".len() + user.len() + 1;
    (!is_hidden(password)).then_some(start..start + password.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    const JWT: &str = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhbGljZSJ9.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U";

    #[test]
    fn knows_secrets_by_their_keys() {
        for key in [
            "password",
            "db.PASSWORD",
            "user_pwd",
            "http.request.header.authorization",
            "X-Api-Key",
            "apiKey",
            "http.response.header.set-cookie",
            "client_secret",
            "aws.secret_access_key",
            "tls.privateKey",
        ] {
            assert_eq!(suspect(key, "correct horse"), Some(Secret::Key), "{key}");
        }
        assert_eq!(suspect("refresh_token", "9f86d081884c7d659a2feaa0c55ad015"), Some(Secret::Random));
        assert_eq!(suspect("session", "dGhpcyBpcyBhIHRlc3QgdG9r"), Some(Secret::Random));
    }

    #[test]
    fn knows_secrets_by_their_form() {
        for (value, secret) in [
            (JWT, Secret::WebToken),
            ("sent Bearer abcdEFGH1234ijkl", Secret::Credentials),
            ("basic dXNlcjpwYXNzd29yZA==", Secret::Credentials),
            ("-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----\n", Secret::PrivateKey),
            ("AKIAIOSFODNN7EXAMPLE", Secret::CloudKey),
            ("ghp_0123456789abcdefghijABCDEFGHIJ0123456789", Secret::CloudKey),
            ("postgres://ledger:hunter2@db:5432/ledger", Secret::AddressPassword),
        ] {
            assert_eq!(suspect("note", value), Some(secret), "{value}");
        }
    }

    #[test]
    fn leaves_ordinary_text_alone() {
        for (key, value) in [
            ("http.request.method", "GET"),
            ("url.full", "http://user:REDACTED@shop/orders?page=2"),
            ("url.full", "http://127.0.0.1:4318/v1/traces"),
            ("token.type", "Bearer"),
            ("gen_ai.token.count", "12"),
            ("auth.result", "authorized"),
            ("auth.method", "password"),
            ("password", "********"),
            ("password", ""),
            ("api_key", "REDACTED"),
            ("k8s.secret.name", "ledger-db"),
            ("session", "alice"),
            ("page_token", "first-page-of-orders"),
            ("db.query.text", "SELECT id FROM tokens WHERE basic = ?"),
            ("exception.message", "bearer authentication is required"),
            ("note", "-----BEGIN CERTIFICATE-----"),
            ("messaging.destination.name", "eyJ"),
            ("service", "asks-for-a-token"),
        ] {
            assert_eq!(suspect(key, value), None, "{key} {value}");
        }
    }

    #[test]
    fn finds_the_place_of_a_secret_in_text() {
        let text = format!("refused {JWT}, try again");
        let (_, range) = find(&text).unwrap();
        assert_eq!(&text[range], JWT);
        let text = "cannot connect to nats://svc:s3cr3t@nats:4222";
        let (_, range) = find(text).unwrap();
        assert_eq!(&text[range], "s3cr3t");
    }
}
