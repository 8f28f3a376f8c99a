//! Rules about telemetry, checked as it is made.
