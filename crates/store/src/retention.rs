//! Retention: drops whole segments by age and by total size.
