//! Redis: a span a command.
