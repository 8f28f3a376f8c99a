//! Things that are looked at each time the metrics are collected, for as long as they live.

use std::sync::{Arc, Weak};

use parking_lot::Mutex;

/// The things that a gauge tells about. The SDK keeps the callbacks of its gauges for ever: this
/// list lets go of what they look at.
#[derive(Debug)]
pub(crate) struct Watched<T: ?Sized> {
    all: Mutex<Vec<Weak<T>>>,
}

impl<T: ?Sized> Watched<T> {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self { all: Mutex::new(Vec::new()) })
    }

    pub(crate) fn add(&self, one: &Arc<T>) {
        let mut all = self.all.lock();
        all.retain(|known| known.strong_count() > 0);
        all.push(Arc::downgrade(one));
    }

    /// Those that are still there.
    pub(crate) fn each(&self, mut look: impl FnMut(&T)) {
        // Nothing is called with the list locked.
        let alive: Vec<Arc<T>> = self.all.lock().iter().filter_map(Weak::upgrade).collect();
        for one in alive {
            look(&one);
        }
    }
}
