//! The spans entered on this thread, kept so that parents, log records and the gate for children
//! of unsampled spans need no look-up in the registry.

use std::cell::{Cell, RefCell};

use super::Slot;
use crate::api_span;
use crate::propagation::TraceContext;

struct Entry {
    /// The registry's id, or 0 for a context set by [`push_parent`].
    id: u64,
    /// Which [`crate::core::Core`] made it: a process may have several in tests. For a context
    /// set by [`push_parent`], which call did.
    owner: usize,
    /// The span of the OpenTelemetry API that was current when this one was entered, or 0.
    api: u64,
    /// Spans below it are not made at all.
    gate: bool,
    cx: TraceContext,
}

thread_local! {
    static STACK: RefCell<Vec<Entry>> = const { RefCell::new(Vec::new()) };
    /// The span made last on this thread: it is usually entered next.
    static LAST: RefCell<Option<Entry>> = const { RefCell::new(None) };
    /// What the span keeps that is about to be made on this thread.
    static PREPARED: Cell<Option<Slot>> = const { Cell::new(None) };
    /// Whether there is such a thing: every span asks.
    static IS_PREPARED: Cell<bool> = const { Cell::new(false) };
    static GATED: Cell<bool> = const { Cell::new(false) };
    static SERIAL: Cell<usize> = const { Cell::new(0) };
    static SILENT: Cell<bool> = const { Cell::new(false) };
}

/// The context that a new span or a log record on this thread belongs to.
pub(crate) fn current() -> Option<TraceContext> {
    with_current(|cx| cx.cloned())?
}

/// Reads the current context without copying it.
pub(crate) fn with_current<R>(f: impl FnOnce(Option<&TraceContext>) -> R) -> Option<R> {
    let api = api_span::current();
    STACK
        .try_with(|stack| {
            let stack = stack.borrow();
            let top = stack.last();
            match api_span::newer(api, top.map(|e| e.api)) {
                Some(cx) => f(Some(&cx)),
                None => f(top.map(|e| &e.cx)),
            }
        })
        .ok()
}

/// The parent of a new span of this owner.
pub(super) fn parent_for(owner: usize) -> Option<TraceContext> {
    let api = api_span::current();
    STACK
        .try_with(|stack| {
            let stack = stack.borrow();
            let entry = stack.iter().rev().find(|e| e.id == 0 || e.owner == owner);
            let newer = api_span::newer(api, entry.map(|e| e.api));
            newer.or_else(|| entry.map(|e| e.cx.clone()))
        })
        .ok()?
}

/// Whether spans must not be made now: the current span is not sampled, or this is the export
/// thread.
pub(crate) fn gated() -> bool {
    GATED.try_with(Cell::get).unwrap_or(true)
}

/// Makes no telemetry on this thread from now on.
pub(crate) fn silence_thread() {
    SILENT.set(true);
    GATED.set(true);
}

pub(crate) fn is_silent() -> bool {
    SILENT.try_with(Cell::get).unwrap_or(true)
}

pub(super) fn remember(id: u64, owner: usize, slot: &Slot) {
    let entry = Entry { id, owner, api: 0, gate: slot.data.is_none(), cx: slot.cx.clone() };
    let _gone = LAST.try_with(|last| last.replace(Some(entry)));
}

/// Enters the span made last on this thread, if it is this one.
pub(super) fn enter_remembered(id: u64, owner: usize) -> bool {
    let taken = LAST.try_with(|last| {
        let mut last = last.borrow_mut();
        let same = last.as_ref().is_some_and(|e| e.id == id && e.owner == owner);
        if same { last.take() } else { None }
    });
    match taken {
        Ok(Some(entry)) => {
            push(entry);
            true
        }
        _ => false,
    }
}

pub(super) fn enter(id: u64, owner: usize, slot: &Slot) {
    push(Entry { id, owner, api: 0, gate: slot.data.is_none(), cx: slot.cx.clone() });
}

pub(super) fn exit(id: u64, owner: usize) {
    let _gone = STACK.try_with(|stack| {
        let mut stack = stack.borrow_mut();
        if let Some(at) = stack.iter().rposition(|e| e.id == id && e.owner == owner) {
            stack.remove(at);
            refresh_gate(&stack);
        }
    });
}

/// Runs `make` so that the span it makes keeps `slot`, and is made even where spans are not. Gives
/// the slot back when no span was made.
pub(super) fn with_prepared<R>(slot: Slot, make: impl FnOnce() -> R) -> (R, Option<Slot>) {
    let _gone = PREPARED.try_with(|prepared| prepared.set(Some(slot)));
    IS_PREPARED.set(true);
    let gate = GATED.try_with(|gated| gated.replace(false));
    let made = make();
    let _gone = GATED.try_with(|gated| gated.set(gate.unwrap_or(true)));
    (made, take_prepared())
}

/// What [`with_prepared`] has for the span that is being made.
pub(super) fn take_prepared() -> Option<Slot> {
    if !IS_PREPARED.replace(false) {
        return None;
    }
    PREPARED.try_with(Cell::take).ok()?
}

/// Forgets what was remembered about a span whose context changed.
pub(crate) fn forget_last() {
    let _gone = LAST.try_with(|last| last.replace(None));
}

/// Makes `cx` the parent of spans created on this thread until the guard is dropped.
pub(crate) fn push_parent(cx: TraceContext) -> ParentGuard {
    let serial = SERIAL.try_with(|serial| serial.replace(serial.get().wrapping_add(1))).unwrap_or(0);
    push(Entry { id: 0, owner: serial, api: 0, gate: false, cx });
    ParentGuard { serial, on_this_thread: std::marker::PhantomData }
}

/// Ends the effect of [`push_parent`].
#[must_use]
pub(crate) struct ParentGuard {
    serial: usize,
    on_this_thread: std::marker::PhantomData<*const ()>,
}

impl Drop for ParentGuard {
    fn drop(&mut self) {
        exit(0, self.serial);
    }
}

fn push(mut entry: Entry) {
    entry.api = api_span::current();
    let _gone = STACK.try_with(|stack| {
        let mut stack = stack.borrow_mut();
        stack.push(entry);
        refresh_gate(&stack);
    });
}

fn refresh_gate(stack: &[Entry]) {
    let gate = stack.last().is_some_and(|e| e.gate) || SILENT.get();
    GATED.set(gate);
}
