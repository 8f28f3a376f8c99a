//! Metrics functions and what follows them.

use super::super::token::Token;
use super::super::{Attribute, Error, MetricsFunction, MetricsPipeline, Pipeline, SecondStage};
use super::Parser;

const FUNCTIONS: [&str; 9] = [
    "rate",
    "count_over_time",
    "min_over_time",
    "max_over_time",
    "sum_over_time",
    "avg_over_time",
    "quantile_over_time",
    "histogram_over_time",
    "compare",
];

impl Parser {
    /// Whether `| rate` or its like is next.
    pub(super) fn metrics_function_follows(&self) -> bool {
        self.word_after_pipe().is_some_and(|word| FUNCTIONS.contains(&word))
    }

    /// The function, its grouping and the stages after it.
    pub(super) fn metrics(&mut self, spansets: Pipeline) -> Result<MetricsPipeline, Error> {
        let position = self.position();
        let function = self.metrics_function()?;
        let groups = !matches!(function, MetricsFunction::Compare { .. });
        let by = if groups && self.eat_word("by") { self.attribute_list()? } else { Vec::new() };
        let stages = self.second_stages()?;
        Ok(MetricsPipeline { spansets, function, by, position, stages })
    }

    fn metrics_function(&mut self) -> Result<MetricsFunction, Error> {
        let name = self.word().unwrap_or_default().to_owned();
        self.advance();
        self.expect("(")?;
        let function = match name.as_str() {
            "rate" => MetricsFunction::Rate,
            "count_over_time" => MetricsFunction::CountOverTime,
            "min_over_time" => MetricsFunction::MinOverTime(self.attribute()?),
            "max_over_time" => MetricsFunction::MaxOverTime(self.attribute()?),
            "sum_over_time" => MetricsFunction::SumOverTime(self.attribute()?),
            "avg_over_time" => MetricsFunction::AvgOverTime(self.attribute()?),
            "quantile_over_time" => self.quantiles()?,
            "histogram_over_time" => MetricsFunction::HistogramOverTime(self.attribute()?),
            _ => self.compare()?,
        };
        self.expect(")")?;
        Ok(function)
    }

    fn quantiles(&mut self) -> Result<MetricsFunction, Error> {
        let attribute: Attribute = self.attribute()?;
        let mut quantiles = Vec::new();
        while self.eat(",") {
            #[allow(clippy::cast_precision_loss, reason = "a quantile is 0 or 1 when whole")]
            let quantile = match *self.peek() {
                Token::Int(number) => number as f64,
                Token::Float(number) => number,
                _ => return Err(self.unexpected("a quantile between 0 and 1")),
            };
            self.advance();
            quantiles.push(quantile);
        }
        if quantiles.is_empty() {
            return Err(self.unexpected("`,` and a quantile"));
        }
        Ok(MetricsFunction::QuantileOverTime(attribute, quantiles))
    }

    fn compare(&mut self) -> Result<MetricsFunction, Error> {
        const DEFAULT_TOP: i64 = 10;
        let selection = self.spanset_filter()?;
        let mut top = DEFAULT_TOP;
        let mut window = None;
        if self.eat(",") {
            top = self.integer()?;
            if self.eat(",") {
                let start = self.integer()?;
                self.expect(",")?;
                window = Some((start, self.integer()?));
            }
        }
        Ok(MetricsFunction::Compare { selection, top, window })
    }

    /// `| topk(n)`, `| bottomk(n)` and comparisons, as many as follow.
    pub(super) fn second_stages(&mut self) -> Result<Vec<SecondStage>, Error> {
        let mut stages = Vec::new();
        loop {
            let position = self.position();
            self.count_operator()?;
            if let Some(op) = self.comparison_op() {
                self.advance();
                stages.push(SecondStage::Filter { op, value: self.constant()?, position });
            } else if self.eat("|") {
                let position = self.position();
                if self.eat_word("topk") {
                    stages.push(SecondStage::TopK { limit: self.limit()?, position });
                } else if self.eat_word("bottomk") {
                    stages.push(SecondStage::BottomK { limit: self.limit()?, position });
                } else {
                    return Err(self.unexpected("topk() or bottomk() after a metrics function"));
                }
            } else {
                return Ok(stages);
            }
        }
    }

    fn limit(&mut self) -> Result<i64, Error> {
        self.expect("(")?;
        let limit = self.integer()?;
        self.expect(")")?;
        Ok(limit)
    }
}
