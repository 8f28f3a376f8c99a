//! The store facade.
