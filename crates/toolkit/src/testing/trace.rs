//! A trace, and claims about it.

use std::collections::BTreeSet;

use opentelemetry::trace::TraceId;

use super::{Shown, Sink, Span, TraceSpan};

/// A trace in a [`Sink`], with all of its spans that have arrived so far.
///
/// Claims about it wait until they hold, as long as the sink waits, and panic with the whole
/// trace when they never do.
#[derive(Debug, Clone, Copy)]
pub struct Trace<'s> {
    sink: &'s Sink,
    id: TraceId,
}

impl<'s> Trace<'s> {
    pub(super) fn new(sink: &'s Sink, id: TraceId) -> Self {
        Self { sink, id }
    }

    /// Its id.
    #[must_use]
    pub fn id(&self) -> TraceId {
        self.id
    }

    /// Its spans so far, in the order of their start.
    #[must_use]
    pub fn spans(&self) -> Vec<Span> {
        self.of(self.sink.spans())
    }

    fn of(&self, mut spans: Vec<Span>) -> Vec<Span> {
        spans.retain(|span| span.trace_id() == self.id);
        spans.sort_by_key(Span::start_ns);
        spans
    }

    /// The one span of this name.
    ///
    /// # Panics
    /// When none arrives in time, or the trace has several.
    #[must_use]
    #[track_caller]
    pub fn span(&self, name: &str) -> TraceSpan<'s> {
        let several = self.spans_named(name);
        if several.len() > 1 {
            self.fail(&format!("{} spans are called {name:?}: use `spans_named`", several.len()));
        }
        match several.into_iter().next() {
            Some(span) => span,
            None => self.fail(&format!("no span is called {name:?}")),
        }
    }

    /// The spans of this name in the order of their start, as soon as there are any.
    ///
    /// # Panics
    /// When none arrives in time.
    #[must_use]
    #[track_caller]
    pub fn spans_named(&self, name: &str) -> Vec<TraceSpan<'s>> {
        let named = |spans: Vec<Span>| {
            let found: Vec<_> = spans.into_iter().filter(|span| span.name() == name).collect();
            if found.is_empty() { Err(format!("no span is called {name:?}")) } else { Ok(found) }
        };
        self.eventually(named).into_iter().map(|span| TraceSpan::new(*self, span)).collect()
    }

    /// Its root: the one span without a parent.
    ///
    /// # Panics
    /// When it does not arrive in time.
    #[must_use]
    #[track_caller]
    pub fn root(&self) -> TraceSpan<'s> {
        let root = |spans: Vec<Span>| spans.into_iter().find(|span| span.parent_id().is_none());
        let root = self.eventually(|spans| root(spans).ok_or_else(|| "no root".to_owned()));
        TraceSpan::new(*self, root)
    }

    /// Claims that it has this many spans.
    #[track_caller]
    pub fn has_spans(&self, n: usize) -> &Self {
        self.eventually(|spans| match spans.len() {
            found if found == n => Ok(()),
            found => Err(format!("{found} spans, not {n}")),
        });
        self
    }

    /// Claims that the parent of each span has arrived, but for the root, which has none.
    #[track_caller]
    pub fn has_no_orphans(&self) -> &Self {
        self.eventually(|spans| {
            let known = |span: &Span| match span.parent_id() {
                Some(parent) => spans.iter().any(|other| other.span_id() == parent),
                None => true,
            };
            let orphans: Vec<&str> = spans.iter().filter(|span| !known(span)).map(Span::name).collect();
            if orphans.is_empty() { Ok(()) } else { Err(format!("orphans: {orphans:?}")) }
        });
        self
    }

    /// Claims that no span ended in an error.
    #[track_caller]
    pub fn has_no_errors(&self) -> &Self {
        let spans = self.spans();
        let failed: Vec<&str> = spans.iter().filter(|span| span.is_error()).map(Span::name).collect();
        if !failed.is_empty() {
            self.fail(&format!("these spans failed: {failed:?}"));
        }
        self
    }

    /// Claims that spans of exactly these services are in it, in any order.
    #[track_caller]
    pub fn services<'a>(&self, names: impl IntoIterator<Item = &'a str>) -> &Self {
        let wanted: BTreeSet<&str> = names.into_iter().collect();
        self.eventually(|spans| {
            let found: BTreeSet<&str> = spans.iter().map(Span::service).collect();
            if found == wanted { Ok(()) } else { Err(format!("the services are {found:?}, not {wanted:?}")) }
        });
        self
    }

    /// Claims that it reads like this, drawn as [`Shown`] draws it.
    #[track_caller]
    pub fn reads(&self, picture: &str) -> &Self {
        self.reads_with(|shown| shown, picture)
    }

    /// [`Trace::reads`] with more shown of each span.
    #[track_caller]
    pub fn reads_with(&self, more: impl Fn(Shown) -> Shown, picture: &str) -> &Self {
        self.eventually(|spans| match more(Shown::of(&spans)).difference(picture) {
            None => Ok(()),
            Some(difference) => {
                Err(format!("it reads differently (- wanted, + found):\n{difference}\nin full"))
            }
        });
        self
    }

    /// Its spans so far, to be drawn.
    #[must_use]
    pub fn shown(&self) -> Shown {
        Shown::of(&self.spans())
    }

    /// Waits until `claim` holds for the spans of this trace.
    #[track_caller]
    pub(super) fn eventually<R>(&self, claim: impl Fn(Vec<Span>) -> Result<R, String>) -> R {
        match self.sink.look(|arrived| claim(self.of(arrived.spans.clone())).ok()) {
            Some(held) => held,
            None => match claim(self.spans()) {
                Ok(held) => held,
                Err(why) => self.fail(&why),
            },
        }
    }

    /// Every span of any trace so far.
    pub(super) fn sink(&self) -> &'s Sink {
        self.sink
    }

    /// Ends the test with the whole trace.
    #[track_caller]
    pub(super) fn fail(&self, why: &str) -> ! {
        let shown = self.shown().everything();
        panic!("trace {}: {why}:\n{shown}{}", self.id, self.sink.faults())
    }
}
