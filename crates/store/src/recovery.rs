//! What opening a store found and repaired.
