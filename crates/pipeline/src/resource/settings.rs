//! The `resource` section, as in the Collector.

use serde::{Deserialize, Serialize};
use throughline_model::{Attributes, Value};

use crate::SettingsError;

/// What to change in each resource.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ResourceSettings {
    /// Actions, in order.
    pub attributes: Vec<Action>,
}

/// One change of one attribute.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Action {
    /// The attribute's key.
    pub key: String,
    /// What to do with it.
    pub action: ActionKind,
    /// The new value, for actions that write.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<SettingsValue>,
    /// Another attribute of the same resource to take the value from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from_attribute: Option<String>,
}

/// Kinds of change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ActionKind {
    /// Writes where the key is absent.
    Insert,
    /// Writes where the key is present.
    Update,
    /// Writes in any case.
    Upsert,
    /// Removes the key.
    Delete,
}

/// An attribute value in a configuration.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged, expecting = "a string, number, boolean or a list of these")]
pub enum SettingsValue {
    /// `true` or `false`.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// Any other number.
    Double(f64),
    /// Text.
    Text(String),
    /// A list.
    List(Vec<SettingsValue>),
}

impl From<&SettingsValue> for Value {
    fn from(value: &SettingsValue) -> Self {
        match value {
            SettingsValue::Bool(truth) => Self::Bool(*truth),
            SettingsValue::Int(number) => Self::Int(*number),
            SettingsValue::Double(number) => Self::Double(*number),
            SettingsValue::Text(text) => Self::String(text.clone()),
            SettingsValue::List(values) => Self::Array(values.iter().map(Self::from).collect()),
        }
    }
}

impl ResourceSettings {
    /// Checks that each action has what it needs.
    ///
    /// # Errors
    /// No action, an empty key, a write without a source or with two, a delete with one.
    pub fn validate(&self) -> Result<(), SettingsError> {
        if self.attributes.is_empty() {
            return Err(SettingsError::new("attributes", "must name at least one action"));
        }
        self.attributes.iter().try_for_each(Action::validate)
    }
}

impl Action {
    fn validate(&self) -> Result<(), SettingsError> {
        if self.key.is_empty() {
            return Err(SettingsError::new("attributes.key", "must not be empty"));
        }
        let sources = usize::from(self.value.is_some()) + usize::from(self.from_attribute.is_some());
        match (self.action, sources) {
            (ActionKind::Delete, 0) | (ActionKind::Insert | ActionKind::Update | ActionKind::Upsert, 1) => {
                Ok(())
            }
            (ActionKind::Delete, _) => {
                let message = format!("delete of {:?} takes neither value nor from_attribute", self.key);
                Err(SettingsError::new("attributes.action", message))
            }
            _ => {
                let message = format!("{:?} needs either value or from_attribute", self.key);
                Err(SettingsError::new("attributes.value", message))
            }
        }
    }

    pub(super) fn apply(&self, attributes: &mut Attributes) {
        let place = attributes.iter().position(|(key, _)| *key == self.key);
        match (self.action, place) {
            (ActionKind::Delete, _) => attributes.retain(|(key, _)| *key != self.key),
            (ActionKind::Insert, Some(_)) | (ActionKind::Update, None) => {}
            (ActionKind::Insert | ActionKind::Upsert, None) => {
                if let Some(value) = self.source(attributes) {
                    attributes.push((self.key.clone(), value));
                }
            }
            (ActionKind::Update | ActionKind::Upsert, Some(place)) => {
                let value = self.source(attributes);
                if let (Some(value), Some((_, slot))) = (value, attributes.get_mut(place)) {
                    *slot = value;
                }
            }
        }
    }

    fn source(&self, attributes: &Attributes) -> Option<Value> {
        match (&self.value, &self.from_attribute) {
            (Some(value), _) => Some(value.into()),
            (None, Some(from)) => {
                attributes.iter().find(|(key, _)| key == from).map(|(_, value)| value.clone())
            }
            (None, None) => None,
        }
    }
}
