//! The `tracing` layer: spans and events become queued telemetry.
//!
//! Each span keeps one [`Slot`] in the registry. A sampled span also has a [`SpanData`] from a
//! pool, which is filled in place and handed over whole when the span closes; encoding happens on
//! the export thread. A span that is not sampled keeps only its context, and spans below it are
//! disabled before they are made ([`active::gated`]).

pub(crate) mod active;
pub(crate) mod event;
pub(crate) mod span_data;
pub(crate) mod stash;
mod visit;

use std::borrow::Cow;
use std::sync::Arc;

use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::Interest;
use tracing::{Event, Metadata, Subscriber};
use tracing_subscriber::layer::{Context, Layer};
use tracing_subscriber::registry::{LookupSpan, Registry};

use crate::core::Core;
use crate::ids;
use crate::propagation::{RANDOM, SAMPLED, TraceContext};
use span_data::{LinkData, SpanData};
use visit::SpanVisitor;

/// The layer that [`crate::TelemetryBuilder`] installs.
#[derive(Debug, Clone)]
pub struct TelemetryLayer {
    core: Arc<Core>,
}

/// What the registry keeps for each live span.
#[derive(Debug)]
pub(crate) struct Slot {
    pub(crate) cx: TraceContext,
    /// Present when the span is recorded.
    pub(crate) data: Option<Box<SpanData>>,
}

impl TelemetryLayer {
    pub(crate) fn new(core: Arc<Core>) -> Self {
        Self { core }
    }

    /// The core behind the current subscriber, if it is one of ours.
    pub(crate) fn current() -> Option<Arc<Core>> {
        tracing::dispatcher::get_default(|dispatch| {
            dispatch.downcast_ref::<Self>().map(|layer| Arc::clone(&layer.core))
        })
    }

    /// Runs `f` on what [`TelemetryLayer::current`] finds, without sharing it.
    pub(crate) fn with_current<R: Default>(f: impl FnOnce(Option<&Core>) -> R) -> R {
        let mut f = Some(f);
        tracing::dispatcher::get_default(|dispatch| {
            let layer = dispatch.downcast_ref::<Self>();
            f.take().map(|f| f(layer.map(|layer| &*layer.core))).unwrap_or_default()
        })
    }

    fn owner(&self) -> usize {
        Arc::as_ptr(&self.core).addr()
    }

    fn parent_of<S>(&self, attrs: &Attributes<'_>, ctx: &Context<'_, S>) -> TraceContext
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
    {
        if let Some(parent) = attrs.parent() {
            ctx.span(parent).and_then(|span| slot_context(&span)).unwrap_or_default()
        } else if attrs.is_contextual() {
            active::parent_for(self.owner()).unwrap_or_default()
        } else {
            TraceContext::default()
        }
    }

    fn new_slot(&self, attrs: &Attributes<'_>, parent: TraceContext) -> Slot {
        if let Some(prepared) = active::take_prepared() {
            return prepared;
        }
        let metadata = attrs.metadata();
        if self.core.settings.traces_off() {
            return Slot { cx: parent, data: None };
        }
        let parent_id = parent.is_valid().then_some(parent.span_id);
        let remote = parent.remote;
        let (cx, recorded) = identify(&self.core, parent);
        if !recorded {
            return Slot { cx, data: None };
        }
        let mut data = stash::take(&self.core.span_pool);
        data.begin(metadata.name().into(), metadata.target().into(), parent_id, remote);
        attrs.record(&mut SpanVisitor::fresh(&mut data, &self.core.settings.span_limits));
        Slot { cx, data: Some(data) }
    }
}

/// Starts what a span keeps, below `parent` or below the current span when there is none, without
/// the span. `None` where spans must not be made.
pub(crate) fn start(core: &Core, parent: Option<&TraceContext>, scope: &'static str) -> Option<Slot> {
    let gated = if parent.is_some() { active::is_silent() } else { active::gated() };
    if gated {
        return None;
    }
    let parent = parent.map_or_else(TraceContext::current, Clone::clone);
    if core.settings.traces_off() {
        return Some(Slot { cx: parent, data: None });
    }
    let (parent_id, remote) = (parent.is_valid().then_some(parent.span_id), parent.remote);
    let (cx, recorded) = identify(core, parent);
    let data = recorded.then(|| {
        let mut data = stash::take(&core.span_pool);
        data.begin(Cow::Borrowed(""), Cow::Borrowed(scope), parent_id, remote);
        data
    });
    Some(Slot { cx, data })
}

/// Makes the span that `make` makes keep `slot`, whatever is current.
pub(crate) fn make_with(core: &Core, slot: Slot, make: impl FnOnce() -> tracing::Span) -> tracing::Span {
    let (span, left) = active::with_prepared(slot, make);
    // Spans can be compiled out.
    if let Some(mut data) = left.and_then(|slot| slot.data) {
        data.reset();
        core.span_pool.put(data);
    }
    span
}

/// The identity of a new span below `parent`, and whether it is recorded.
pub(crate) fn identify(core: &Core, parent: TraceContext) -> (TraceContext, bool) {
    let new_root = !parent.is_valid();
    let trace_id = if new_root { ids::trace_id() } else { parent.trace_id };
    let recorded = core.sampler.keeps(&parent, trace_id);
    let flags = if new_root { RANDOM } else { parent.flags };
    let cx = TraceContext {
        trace_id,
        span_id: ids::span_id(),
        flags: if recorded { flags | SAMPLED } else { flags & !SAMPLED },
        remote: false,
        state: if new_root { None } else { parent.state },
        baggage: parent.baggage,
    };
    (cx, recorded)
}

/// The context of a span in the registry.
fn slot_context<'a, R>(span: &tracing_subscriber::registry::SpanRef<'a, R>) -> Option<TraceContext>
where
    R: LookupSpan<'a>,
{
    span.extensions().get::<Slot>().map(|slot| slot.cx.clone())
}

impl<S> Layer<S> for TelemetryLayer
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        let levels = &self.core.settings.levels;
        if metadata.is_span() {
            if levels.span(metadata) { Interest::sometimes() } else { Interest::never() }
        } else if levels.event(metadata) {
            Interest::always()
        } else {
            Interest::never()
        }
    }

    fn enabled(&self, metadata: &Metadata<'_>, _: Context<'_, S>) -> bool {
        if metadata.is_span() {
            !active::gated() && self.core.settings.levels.span(metadata)
        } else {
            self.core.settings.levels.event(metadata)
        }
    }

    fn max_level_hint(&self) -> Option<tracing::level_filters::LevelFilter> {
        Some(self.core.settings.levels.max())
    }

    fn on_new_span(&self, attrs: &Attributes<'_>, id: &Id, ctx: Context<'_, S>) {
        let Some(span) = ctx.span(id) else { return };
        let parent = self.parent_of(attrs, &ctx);
        let slot = self.new_slot(attrs, parent);
        if slot.data.is_some() {
            self.core.span_started();
        }
        active::remember(id.into_u64(), self.owner(), &slot);
        span.extensions_mut().insert(slot);
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, ctx: Context<'_, S>) {
        let Some(span) = ctx.span(id) else { return };
        let mut extensions = span.extensions_mut();
        let data = extensions.get_mut::<Slot>().and_then(|slot| slot.data.as_mut());
        if let Some(data) = data {
            values.record(&mut SpanVisitor::late(data, &self.core.settings.span_limits));
        }
    }

    fn on_follows_from(&self, id: &Id, follows: &Id, ctx: Context<'_, S>) {
        let followed = ctx.span(follows).and_then(|span| slot_context(&span));
        let (Some(cx), Some(span)) = (followed, ctx.span(id)) else { return };
        let mut extensions = span.extensions_mut();
        let data = extensions.get_mut::<Slot>().and_then(|slot| slot.data.as_mut());
        if let Some(data) = data {
            data.add_link(LinkData::to(cx), &self.core.settings.span_limits);
        }
    }

    fn on_event(&self, event: &Event<'_>, ctx: Context<'_, S>) {
        event::on_event(&self.core, event, &ctx);
    }

    fn on_enter(&self, id: &Id, ctx: Context<'_, S>) {
        let key = id.into_u64();
        if active::enter_remembered(key, self.owner()) {
            return;
        }
        let Some(span) = ctx.span(id) else { return };
        if let Some(slot) = span.extensions().get::<Slot>() {
            active::enter(key, self.owner(), slot);
        }
    }

    fn on_exit(&self, id: &Id, _: Context<'_, S>) {
        active::exit(id.into_u64(), self.owner());
    }

    fn on_close(&self, id: Id, ctx: Context<'_, S>) {
        let Some(span) = ctx.span(&id) else { return };
        let Some(slot) = span.extensions_mut().remove::<Slot>() else { return };
        if let Some(mut data) = slot.data {
            data.finish(slot.cx);
            self.core.span_ended(data);
        }
    }
}

/// Runs `f` on the recorded data of a span; `None` when the span is not recorded.
pub(crate) fn with_data<R>(span: &tracing::Span, f: impl FnOnce(&mut SpanData, &Core) -> R) -> Option<R> {
    with_slot(span, |slot, core| slot.data.as_mut().map(|data| f(data, core)))?
}

/// Runs `f` on what is kept for a span; `None` when the span is disabled or not ours.
pub(crate) fn with_slot<R>(span: &tracing::Span, f: impl FnOnce(&mut Slot, &Core) -> R) -> Option<R> {
    span.with_subscriber(|(id, dispatch)| {
        let layer = dispatch.downcast_ref::<TelemetryLayer>()?;
        let span = dispatch.downcast_ref::<Registry>()?.span(id)?;
        let mut extensions = span.extensions_mut();
        extensions.get_mut::<Slot>().map(|slot| f(slot, &layer.core))
    })?
}

/// Runs `f` on the recorded data of every span around this one, innermost first.
pub(crate) fn with_ancestors(span: &tracing::Span, mut f: impl FnMut(&mut SpanData)) {
    span.with_subscriber(|(id, dispatch)| {
        let scope = dispatch.downcast_ref::<Registry>()?.span(id)?.parent()?.scope();
        for ancestor in scope {
            let mut extensions = ancestor.extensions_mut();
            if let Some(data) = extensions.get_mut::<Slot>().and_then(|s| s.data.as_mut()) {
                f(data);
            }
        }
        Some(())
    });
}
