//! Where the servers' programs, data and addresses are.

use std::path::{Path, PathBuf};

/// The root of the repository.
pub(crate) fn checkout() -> PathBuf {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    manifest.ancestors().nth(2).unwrap_or(manifest).to_path_buf()
}

/// `services` in cargo's output directory: all that is here can be removed when nothing runs.
pub(crate) fn services() -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| "target".into(), PathBuf::from);
    checkout().join(target).join("services")
}

/// The name of the file with the addresses of the servers that run.
pub(crate) const ADDRESSES: &str = "services.json";

/// The file that tests read the addresses from: ours, or another's who has servers already.
pub(crate) fn addresses() -> PathBuf {
    std::env::var_os("THROUGHLINE_SERVICES").map_or_else(|| services().join(ADDRESSES), PathBuf::from)
}

/// What stands for `folder` where only a folder outside of the checkout will do: below `/var/tmp`,
/// another for each checkout.
pub(crate) fn outside(folder: &Path) -> PathBuf {
    let below = folder.strip_prefix(services()).unwrap_or(folder);
    let below = below.strip_prefix("/").unwrap_or(below);
    Path::new("/var/tmp").join(format!("throughline-{:016x}", fingerprint(&services()))).join(below)
}

/// A number that stands for a path (FNV-1a, 64 bits).
pub(crate) fn fingerprint(path: &Path) -> u64 {
    let bytes = path.as_os_str().as_encoded_bytes();
    bytes
        .iter()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}
