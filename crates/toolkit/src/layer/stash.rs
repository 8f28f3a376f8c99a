//! Records at hand on this thread for the next spans, so that threads meet at the pool's lock once
//! for several spans.

use std::cell::RefCell;

use super::span_data::SpanData;
use crate::queue::Pool;

/// How many a thread takes at once, and at most keeps without using them.
const AT_ONCE: usize = 16;

thread_local! {
    #[expect(clippy::vec_box, reason = "a span keeps the box")]
    static STASH: RefCell<Vec<Box<SpanData>>> = const { RefCell::new(Vec::new()) };
}

/// An empty record, from this thread's own, from the pool, or new.
pub(crate) fn take(pool: &Pool<SpanData>) -> Box<SpanData> {
    let taken = STASH.try_with(|stash| {
        let mut stash = stash.borrow_mut();
        if stash.is_empty() {
            pool.take(AT_ONCE, &mut stash);
        }
        stash.pop()
    });
    taken.ok().flatten().unwrap_or_default()
}
