//! The naive evaluator: one span at a time, straight from the definition.

use regex::Regex;
use std::cell::RefCell;
use std::cmp::Ordering;
use std::collections::{BTreeSet, HashMap};
use throughline_model::{Attributes, Event, Link, Span, Value};
use throughline_store::scan::{ArithmeticOp, AttributeScope, CompareOp, Field, Filter, Operand, TimeRange};

/// Whether some choice of one event and one link makes the filter hold.
pub(super) fn passes(filter: &Filter, span: &Span) -> bool {
    let events: Vec<Option<&Event>> = span.events.iter().map(Some).chain([None]).collect();
    let links: Vec<Option<&Link>> = span.links.iter().map(Some).chain([None]).collect();
    events.iter().any(|event| links.iter().any(|link| Row { span, event: *event, link: *link }.holds(filter)))
}

/// What a newest-first scan answers, rows limited.
pub(super) fn newest<'a>(spans: &'a [Span], filter: &Filter, time: TimeRange, limit: usize) -> Vec<&'a Span> {
    let mut rows: Vec<&Span> =
        spans.iter().filter(|span| time.contains(span.start_ns) && passes(filter, span)).collect();
    rows.sort_by_key(|span| (std::cmp::Reverse(span.start_ns), span.trace_id, span.span_id));
    rows.truncate(limit);
    rows
}

/// Every scope and key of the rows, in order.
pub(super) fn keys(spans: &[&Span]) -> Vec<(AttributeScope, String)> {
    let mut keys = BTreeSet::new();
    for span in spans {
        let mut add = |scope, attributes: &Attributes| {
            keys.extend(attributes.iter().map(|(key, _)| (scope, key.clone())));
        };
        add(AttributeScope::Span, &span.attributes);
        add(AttributeScope::Resource, &span.resource.attributes);
        add(AttributeScope::Instrumentation, &span.scope.attributes);
        span.events.iter().for_each(|event| add(AttributeScope::Event, &event.attributes));
        span.links.iter().for_each(|link| add(AttributeScope::Link, &link.attributes));
    }
    keys.into_iter().collect()
}

/// Every value of a field but null, as text that tells types apart.
pub(super) fn values(spans: &[&Span], field: &Field) -> BTreeSet<String> {
    let mut values = BTreeSet::new();
    for span in spans {
        for event in span.events.iter().map(Some).chain([None]) {
            for link in span.links.iter().map(Some).chain([None]) {
                let value = Row { span, event, link }.field(field).filter(|value| *value != Value::Null);
                values.extend(value.map(|value| format!("{value:?}")));
            }
        }
    }
    values
}

struct Row<'a> {
    span: &'a Span,
    event: Option<&'a Event>,
    link: Option<&'a Link>,
}

impl Row<'_> {
    fn holds(&self, filter: &Filter) -> bool {
        match filter {
            Filter::All => true,
            Filter::None => false,
            Filter::And(parts) => parts.iter().all(|part| self.holds(part)),
            Filter::Or(parts) => parts.iter().any(|part| self.holds(part)),
            Filter::Not(inner) => !passes(inner, self.span),
            Filter::Exists(field) => self.field(field).is_some(),
            Filter::In(field, values) => self.field(field).is_some_and(|have| {
                values.iter().any(|value| compare(is_id(field), &have, CompareOp::Eq, value))
            }),
            Filter::Compare { left, op, right } => {
                let id =
                    [left, right].iter().any(|side| matches!(side, Operand::Field(field) if is_id(field)));
                match (self.operand(left), self.operand(right)) {
                    (Some(left), Some(right)) => compare(id, &left, *op, &right),
                    _ => false,
                }
            }
        }
    }

    fn operand(&self, operand: &Operand) -> Option<Value> {
        match operand {
            Operand::Field(field) => self.field(field),
            Operand::Literal(value) => Some(value.clone()),
            Operand::Negate(inner) => match self.operand(inner)? {
                Value::Int(n) => n.checked_neg().map(Value::Int),
                Value::Double(n) => Some(Value::Double(-n)),
                _ => None,
            },
            Operand::Arithmetic { op, left, right } => {
                arithmetic(*op, &self.operand(left)?, &self.operand(right)?)
            }
        }
    }

    fn field(&self, field: &Field) -> Option<Value> {
        let span = self.span;
        let text = |text: &str| (!text.is_empty()).then(|| Value::from(text));
        match field {
            Field::Column(name) => match name.as_str() {
                "trace_id" => Some(span.trace_id.to_string().into()),
                "span_id" => Some(span.span_id.to_string().into()),
                "parent_span_id" => span.parent_span_id.map(|id| id.to_string().into()),
                "name" => Some(span.name.as_str().into()),
                "service" => Some(span.resource.service_name().into()),
                "kind" => Some(i64::from(span.kind).into()),
                "status_code" => Some(i64::from(span.status_code).into()),
                "status_message" => text(&span.status_message),
                "flags" => Some(i64::from(span.flags).into()),
                "start_ns" => Some(span.start_ns.into()),
                "duration_ns" => Some(span.duration_ns.into()),
                other => panic!("the oracle does not know {other}"),
            },
            Field::EndNs => Some(span.end_ns().into()),
            Field::Attribute { scope, key } => match scope {
                AttributeScope::Any => {
                    get(&span.attributes, key).or_else(|| get(&span.resource.attributes, key))
                }
                AttributeScope::Span => get(&span.attributes, key),
                AttributeScope::Resource => get(&span.resource.attributes, key),
                AttributeScope::Instrumentation => get(&span.scope.attributes, key),
                AttributeScope::Event => get(&self.event?.attributes, key),
                AttributeScope::Link => get(&self.link?.attributes, key),
            },
            Field::EventName => Some(self.event?.name.as_str().into()),
            Field::EventTimeSinceStart => Some((self.event?.time_ns - span.start_ns).into()),
            Field::LinkTraceId => Some(self.link?.trace_id.to_string().into()),
            Field::LinkSpanId => Some(self.link?.span_id.to_string().into()),
            Field::ScopeName => text(&span.scope.name),
            Field::ScopeVersion => text(&span.scope.version),
        }
    }
}

fn get(attributes: &Attributes, key: &str) -> Option<Value> {
    attributes.iter().find(|(have, _)| have == key).map(|(_, value)| value.clone())
}

fn is_id(field: &Field) -> bool {
    match field {
        Field::Column(name) => ["trace_id", "span_id", "parent_span_id"].contains(&name.as_str()),
        Field::LinkTraceId | Field::LinkSpanId => true,
        _ => false,
    }
}

fn compare(id: bool, left: &Value, op: CompareOp, right: &Value) -> bool {
    let equality = matches!(op, CompareOp::Eq | CompareOp::Ne);
    let negative = matches!(op, CompareOp::Ne | CompareOp::NotRegex | CompareOp::NotContains);
    let arrays = |elements: &[Value], holds: &dyn Fn(&Value) -> bool| {
        if negative { !elements.is_empty() && elements.iter().all(holds) } else { elements.iter().any(holds) }
    };
    match (left, right) {
        (Value::Array(elements), _) => arrays(elements, &|element| compare(id, element, op, right)),
        (_, Value::Array(elements)) => arrays(elements, &|element| compare(id, left, op, element)),
        (Value::String(left), Value::String(right)) => match op {
            CompareOp::Regex => matches(right, left),
            CompareOp::NotRegex => !matches(right, left),
            CompareOp::Contains => left.contains(right.as_str()),
            CompareOp::NotContains => !left.contains(right.as_str()),
            _ if id && equality => {
                let padded = |text: &str| format!("{:0>32}", text.to_lowercase());
                ordered(op, Some(padded(left).cmp(&padded(right))))
            }
            _ => ordered(op, Some(left.cmp(right))),
        },
        (Value::String(text), Value::Bytes(bytes)) | (Value::Bytes(bytes), Value::String(text))
            if id && equality =>
        {
            let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            ordered(op, Some(format!("{text:0>32}").cmp(&format!("{digits:0>32}"))))
        }
        (Value::Int(a), Value::Int(b)) => ordered(op, Some(a.cmp(b))),
        (Value::Int(a), Value::Double(b)) => ordered(op, exact(*a, *b)),
        (Value::Double(a), Value::Int(b)) => ordered(op, exact(*b, *a).map(Ordering::reverse)),
        (Value::Double(a), Value::Double(b)) => ordered(op, a.partial_cmp(b)),
        (Value::Bool(a), Value::Bool(b)) if equality => ordered(op, Some(a.cmp(b))),
        (Value::Bytes(a), Value::Bytes(b)) if equality => ordered(op, Some(a.cmp(b))),
        _ => false,
    }
}

fn matches(pattern: &str, text: &str) -> bool {
    thread_local! {
        static COMPILED: RefCell<HashMap<String, Regex>> = RefCell::default();
    }
    COMPILED.with_borrow_mut(|known| {
        let regex = known.entry(pattern.to_owned()).or_insert_with(|| Regex::new(pattern).unwrap());
        regex.is_match(text)
    })
}

/// In 128 bits doubled twice there is room for halves and quarters, which is all that is generated.
fn exact(int: i64, double: f64) -> Option<Ordering> {
    if double.is_nan() {
        return None;
    }
    if double.is_infinite() {
        return Some(if double > 0.0 { Ordering::Less } else { Ordering::Greater });
    }
    Some((i128::from(int) * 4).cmp(&((double * 4.0) as i128)))
}

fn ordered(op: CompareOp, ordering: Option<Ordering>) -> bool {
    match (op, ordering) {
        (CompareOp::Ne, None) => true,
        (_, None) => false,
        (CompareOp::Eq, Some(o)) => o.is_eq(),
        (CompareOp::Ne, Some(o)) => o.is_ne(),
        (CompareOp::Lt, Some(o)) => o.is_lt(),
        (CompareOp::Le, Some(o)) => o.is_le(),
        (CompareOp::Gt, Some(o)) => o.is_gt(),
        (CompareOp::Ge, Some(o)) => o.is_ge(),
        _ => false,
    }
}

fn arithmetic(op: ArithmeticOp, left: &Value, right: &Value) -> Option<Value> {
    use ArithmeticOp::{Add, Div, Mod, Mul, Pow, Sub};
    if let (Value::Int(a), Value::Int(b)) = (left, right) {
        return match op {
            Add => a.checked_add(*b),
            Sub => a.checked_sub(*b),
            Mul => a.checked_mul(*b),
            Div => a.checked_div(*b),
            Mod => a.checked_rem(*b),
            Pow if *b < 0 => return Some(Value::Double((*a as f64).powf(*b as f64))),
            Pow => a.checked_pow(u32::try_from(*b).ok()?),
        }
        .map(Value::Int);
    }
    let number = |value: &Value| match value {
        Value::Int(n) => Some(*n as f64),
        Value::Double(n) => Some(*n),
        _ => None,
    };
    let (a, b) = (number(left)?, number(right)?);
    Some(Value::Double(match op {
        Add => a + b,
        Sub => a - b,
        Mul => a * b,
        Div => a / b,
        Mod => a % b,
        Pow => a.powf(b),
    }))
}
