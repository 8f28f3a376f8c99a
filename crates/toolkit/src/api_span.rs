//! Spans of code that uses the OpenTelemetry API instead of `tracing`.
//!
//! They are recorded and exported like all others. Which of the two kinds of span is the innermost
//! on a thread is told without touching the OpenTelemetry context when `tracing` spans are
//! entered: each remembers which API span was current then, and an API span that is current now
//! and was not then is the newer one. A process that makes no API span pays one atomic read.

use std::borrow::Cow;
use std::error::Error;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use opentelemetry::trace::{
    Span, SpanBuilder, SpanContext, SpanKind as ApiKind, Status, TraceContextExt, TraceState, Tracer,
    TracerProvider,
};
use opentelemetry::{Context, InstrumentationScope, KeyValue, TraceFlags};

use crate::core::Core;
use crate::fields::{FieldLimits, Fields, Key};
use crate::layer::span_data::{EventData, LinkData, SpanData};
use crate::layer::{active, identify, stash};
use crate::propagation::TraceContext;
use crate::{SpanKind, SpanStatus};

static USED: AtomicBool = AtomicBool::new(false);

/// The id of the API span that is current on this thread, or 0.
pub(crate) fn current() -> u64 {
    if !USED.load(Ordering::Relaxed) {
        return 0;
    }
    Context::map_current(|cx| u64::from_be_bytes(cx.span().span_context().span_id().to_bytes()))
}

/// The context of the API span `now`, if it became current after the entry that saw `seen`.
pub(crate) fn newer(now: u64, seen: Option<u64>) -> Option<TraceContext> {
    (now != 0 && seen.unwrap_or(0) != now)
        .then(|| Context::map_current(|cx| from_api(cx.span().span_context())))
}

fn from_api(cx: &SpanContext) -> TraceContext {
    let state = cx.trace_state().header();
    TraceContext {
        trace_id: cx.trace_id(),
        span_id: cx.span_id(),
        flags: cx.trace_flags().to_u8(),
        remote: cx.is_remote(),
        state: (!state.is_empty()).then(|| state.into()),
        baggage: None,
    }
}

fn to_api(cx: &TraceContext) -> SpanContext {
    let state = TraceState::from_str(cx.trace_state()).unwrap_or_default();
    SpanContext::new(cx.trace_id, cx.span_id, TraceFlags::new(cx.flags), cx.remote, state)
}

/// Makes tracers for code that uses the OpenTelemetry API. See
/// [`crate::Telemetry::tracer_provider`].
#[derive(Debug, Clone)]
pub struct ApiTracerProvider {
    core: Arc<Core>,
}

impl ApiTracerProvider {
    pub(crate) fn new(core: Arc<Core>) -> Self {
        Self { core }
    }
}

impl TracerProvider for ApiTracerProvider {
    type Tracer = ApiTracer;

    fn tracer_with_scope(&self, scope: InstrumentationScope) -> ApiTracer {
        ApiTracer { core: Arc::clone(&self.core), scope: Cow::Owned(scope.name().to_owned()) }
    }
}

/// A tracer of [`ApiTracerProvider`].
#[derive(Debug, Clone)]
pub struct ApiTracer {
    core: Arc<Core>,
    scope: Cow<'static, str>,
}

impl Tracer for ApiTracer {
    type Span = ApiSpan;

    fn build_with_context(&self, builder: SpanBuilder, parent: &Context) -> ApiSpan {
        USED.store(true, Ordering::Relaxed);
        let parent = self.parent(parent);
        let core = Arc::clone(&self.core);
        if core.settings.traces_off() {
            return ApiSpan { api: to_api(&parent), cx: parent, data: None, core };
        }
        let (parent_id, remote) = (parent.is_valid().then_some(parent.span_id), parent.remote);
        let (cx, recorded) = identify(&core, parent);
        let data = recorded.then(|| {
            core.span_started();
            let mut data = stash::take(&core.span_pool);
            data.begin(builder.name, self.scope.clone(), parent_id, remote);
            data
        });
        let mut span = ApiSpan { api: to_api(&cx), cx, data, core };
        if let (Some(data), Some(start)) = (span.data.as_mut(), builder.start_time) {
            data.start_at(nanos(start));
        }
        if let Some(data) = &mut span.data {
            data.kind = builder.span_kind.map_or(SpanKind::Internal, kind);
        }
        span.set_attributes(builder.attributes.unwrap_or_default());
        for link in builder.links.unwrap_or_default() {
            span.add_link(link.span_context, link.attributes);
        }
        for event in builder.events.unwrap_or_default() {
            span.add_event_with_timestamp(event.name, event.timestamp, event.attributes);
        }
        span
    }
}

impl ApiTracer {
    /// The innermost of the given context's span and this thread's `tracing` span.
    fn parent(&self, context: &Context) -> TraceContext {
        if !context.has_active_span() {
            return active::current().unwrap_or_default();
        }
        let given = from_api(context.span().span_context());
        let on_this_thread =
            Context::map_current(|cx| cx.span().span_context() == context.span().span_context());
        if on_this_thread { active::current().unwrap_or(given) } else { given }
    }
}

fn kind(kind: ApiKind) -> SpanKind {
    match kind {
        ApiKind::Client => SpanKind::Client,
        ApiKind::Server => SpanKind::Server,
        ApiKind::Producer => SpanKind::Producer,
        ApiKind::Consumer => SpanKind::Consumer,
        ApiKind::Internal => SpanKind::Internal,
    }
}

fn nanos(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

/// A span of [`ApiTracer`].
#[derive(Debug)]
pub struct ApiSpan {
    api: SpanContext,
    cx: TraceContext,
    data: Option<Box<SpanData>>,
    core: Arc<Core>,
}

fn collect(attributes: Vec<KeyValue>, limits: FieldLimits) -> Fields {
    let mut fields = Fields::default();
    for attribute in attributes {
        put(&mut fields, attribute, limits);
    }
    fields
}

fn put(fields: &mut Fields, attribute: KeyValue, limits: FieldLimits) {
    let value = fields.store_value(attribute.value, limits);
    fields.set(Key::Owned(attribute.key.as_str().into()), value, limits);
}

impl Span for ApiSpan {
    fn add_event_with_timestamp<T>(&mut self, name: T, timestamp: SystemTime, attributes: Vec<KeyValue>)
    where
        T: Into<Cow<'static, str>>,
    {
        let limits = self.core.settings.span_limits;
        if let Some(data) = &mut self.data {
            let fields = collect(attributes, limits.event_fields);
            data.add_event(EventData { time_ns: nanos(timestamp), name: name.into(), fields }, &limits);
        }
    }

    fn record_error(&mut self, error: &dyn Error) {
        let core = &self.core;
        if let Some(data) = &mut self.data {
            crate::record_error::add_exception(data, core, &error.to_string(), None, Some(&self.cx));
        }
    }

    fn span_context(&self) -> &SpanContext {
        &self.api
    }

    fn is_recording(&self) -> bool {
        self.data.is_some()
    }

    fn set_attribute(&mut self, attribute: KeyValue) {
        if let Some(data) = &mut self.data {
            put(&mut data.fields, attribute, self.core.settings.span_limits.fields);
        }
    }

    fn set_status(&mut self, status: Status) {
        if let Some(data) = &mut self.data {
            data.set_status(match status {
                Status::Unset => SpanStatus::Unset,
                Status::Ok => SpanStatus::Ok,
                Status::Error { description } => SpanStatus::Error(description.into_owned()),
            });
        }
    }

    fn update_name<T>(&mut self, name: T)
    where
        T: Into<Cow<'static, str>>,
    {
        if let Some(data) = &mut self.data {
            data.name = name.into();
        }
    }

    fn add_link(&mut self, to: SpanContext, attributes: Vec<KeyValue>) {
        let limits = self.core.settings.span_limits;
        if let Some(data) = &mut self.data {
            let fields = collect(attributes, limits.link_fields);
            data.add_link(LinkData { cx: from_api(&to), fields }, &limits);
        }
    }

    fn end(&mut self) {
        if let Some(mut data) = self.data.take() {
            data.finish(self.cx.clone());
            self.core.span_ended(data);
        }
    }

    fn end_with_timestamp(&mut self, timestamp: SystemTime) {
        if let Some(data) = &mut self.data {
            data.end_ns = nanos(timestamp);
        }
        self.end();
    }
}

impl Drop for ApiSpan {
    fn drop(&mut self) {
        self.end();
    }
}
