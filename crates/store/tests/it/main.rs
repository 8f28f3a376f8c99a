//! Integration tests of the store: what survives kills, full disks and damaged files.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, reason = "tests")]

mod disk_full;
mod kill;
mod log_reader;
mod numbered;
mod recovery;
mod scan;
mod segment;
mod simulation;
