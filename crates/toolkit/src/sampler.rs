//! Which traces are kept: the samplers of `OTEL_TRACES_SAMPLER`.

use opentelemetry::trace::TraceId;

use crate::propagation::TraceContext;

/// A sampler.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Sampler {
    AlwaysOn,
    AlwaysOff,
    /// Keeps traces whose id falls below the bound; every process with the same ratio agrees.
    Ratio(u64),
    /// Follows the parent's decision; the inner sampler decides for new traces.
    ParentBased(Box<Self>),
}

impl Sampler {
    pub(crate) fn ratio(ratio: f64) -> Self {
        if ratio >= 1.0 {
            return Self::AlwaysOn;
        }
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 <= ratio < 1")]
        Self::Ratio((ratio.max(0.0) * (1u64 << 63) as f64) as u64)
    }

    pub(crate) fn parent_based(root: Self) -> Self {
        Self::ParentBased(Box::new(root))
    }

    /// Whether a span of this trace is recorded.
    pub(crate) fn keeps(&self, parent: &TraceContext, trace_id: TraceId) -> bool {
        match self {
            Self::AlwaysOn => true,
            Self::AlwaysOff => false,
            Self::Ratio(bound) => {
                let id = u128::from_be_bytes(trace_id.to_bytes());
                #[expect(clippy::cast_possible_truncation, reason = "the low 8 bytes are wanted")]
                let low = id as u64;
                low >> 1 < *bound
            }
            Self::ParentBased(_) if parent.is_valid() => parent.is_sampled(),
            Self::ParentBased(root) => root.keeps(parent, trace_id),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids;
    use opentelemetry::trace::SpanId;

    #[test]
    fn keeps_about_the_asked_share_of_new_traces() {
        let sampler = Sampler::parent_based(Sampler::ratio(0.25));
        let root = TraceContext::default();
        let kept = (0..10_000).filter(|_| sampler.keeps(&root, ids::trace_id())).count();
        assert!((2200..2800).contains(&kept), "{kept}");
    }

    #[test]
    fn follows_the_parent_either_way() {
        for sampled in [true, false] {
            let parent = TraceContext::remote(TraceId::from(1), SpanId::from(1), sampled);
            for root in [Sampler::AlwaysOn, Sampler::AlwaysOff, Sampler::ratio(0.5)] {
                let sampler = Sampler::parent_based(root);
                assert_eq!(sampler.keeps(&parent, parent.trace_id()), sampled);
            }
        }
    }

    #[test]
    fn ratio_bounds_are_exact() {
        let root = TraceContext::default();
        assert!(Sampler::ratio(1.0).keeps(&root, TraceId::from(u128::MAX)));
        assert!(!Sampler::ratio(0.0).keeps(&root, TraceId::from(0)));
    }
}
