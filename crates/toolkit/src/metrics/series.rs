//! Bound instruments, found again without building their attributes.

use std::collections::HashMap;
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher, Hash, Hasher};

use foldhash::quality::RandomState;
use parking_lot::RwLock;

/// Combinations beyond this are bound each time; the SDK folds series beyond 2,000 anyway.
const SERIES_MAX: usize = 2_000;

/// What is bound to each combination of attributes, by a hash of the combination.
#[derive(Debug)]
pub(crate) struct SeriesCache<V> {
    known: RwLock<HashMap<u64, V, BuildHasherDefault<Same>>>,
    hasher: RandomState,
}

impl<V: Clone> SeriesCache<V> {
    pub(crate) fn new() -> Self {
        Self { known: RwLock::default(), hasher: RandomState::default() }
    }

    /// Runs `use_it` on what is bound to `key`, which `bind` makes the first time.
    pub(crate) fn with<R>(
        &self,
        key: &impl Hash,
        bind: impl FnOnce() -> V,
        use_it: impl FnOnce(&V) -> R,
    ) -> R {
        let hash = self.hasher.hash_one(key);
        if let Some(bound) = self.known.read().get(&hash) {
            return use_it(bound);
        }
        let bound = bind();
        let outcome = use_it(&bound);
        let mut known = self.known.write();
        if known.len() < SERIES_MAX {
            known.insert(hash, bound);
        }
        outcome
    }
}

/// Takes a key that is a hash already as its own hash.
#[derive(Debug, Default)]
pub(crate) struct Same(u64);

impl Hasher for Same {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        // Only whole numbers are ever given.
        let mut hasher = DefaultHasher::new();
        hasher.write(bytes);
        self.0 = hasher.finish();
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}
