//! Stages joined by `|`, as the whole query or between brackets.

use super::super::{Error, MetricsPipeline, Pipeline, ScalarExpr, Stage};
use super::Parser;
use super::node::Node;

/// What stands between brackets, or is the whole query.
#[derive(Debug)]
pub(super) enum Sequence {
    /// One expression; a lone spanset expression counts as this.
    Node(Node),
    /// Stages.
    Pipeline(Pipeline),
    /// Stages that end in a metrics function.
    Metrics(MetricsPipeline),
}

impl Parser {
    /// Stages until something that is none. In brackets a pipeline may end in a bare aggregate.
    pub(super) fn sequence(&mut self, bracketed: bool) -> Result<Sequence, Error> {
        let mut stages = Vec::new();
        match self.try_named_stage()? {
            Some(Stage::Coalesce { position }) => {
                return Err(Error::syntax(position, "a pipeline cannot start with coalesce()"));
            }
            Some(stage) => stages.push(stage),
            None => {
                let node = self.expression(0)?;
                let pipes = self.sign() == Some("|");
                match node {
                    Node::Spanset { expression, .. } if pipes => {
                        stages.push(Stage::Spansets(expression));
                    }
                    Node::Constant(_) | Node::Scalar(_) if self.comparison_op().is_some() => {
                        stages.push(Stage::Filter(Box::new(self.scalar_filter(node)?)));
                    }
                    node => return Ok(Sequence::Node(node)),
                }
            }
        }
        while self.sign() == Some("|") {
            if self.metrics_function_follows() {
                self.advance();
                return self.metrics(Pipeline { stages }).map(Sequence::Metrics);
            }
            self.advance();
            if let Some(stage) = self.try_named_stage()? {
                stages.push(stage);
                continue;
            }
            match self.expression(0)? {
                Node::Spanset { expression, .. } => stages.push(Stage::Spansets(expression)),
                Node::Scalar(ScalarExpr::Aggregate(aggregate)) if bracketed && self.sign() == Some(")") => {
                    let pipeline = Box::new(Pipeline { stages });
                    let scalar = ScalarExpr::Pipeline(pipeline, aggregate);
                    return Ok(Sequence::Node(Node::PipelineScalar(scalar)));
                }
                node @ (Node::Constant(_) | Node::Scalar(_)) => {
                    stages.push(Stage::Filter(Box::new(self.scalar_filter(node)?)));
                }
                _ => return Err(self.unexpected("a spanset without a pipeline of its own")),
            }
        }
        Ok(Sequence::Pipeline(Pipeline { stages }))
    }

    /// `by(x)`, `coalesce()` or `select(x)`, if it is next.
    fn try_named_stage(&mut self) -> Result<Option<Stage>, Error> {
        let position = self.position();
        match self.word() {
            Some("by") => {
                self.advance();
                self.expect("(")?;
                let by = Box::new(self.field(0)?);
                self.expect(")")?;
                Ok(Some(Stage::Group { by, position }))
            }
            Some("coalesce") => {
                self.advance();
                self.expect("(")?;
                self.expect(")")?;
                Ok(Some(Stage::Coalesce { position }))
            }
            Some("select") => {
                self.advance();
                let attributes = self.attribute_list()?;
                Ok(Some(Stage::Select { attributes, position }))
            }
            _ => Ok(None),
        }
    }
}
