//! Which requests are done with, when sends end in another order than they began.

use std::collections::BTreeMap;

use throughline_pipeline::Position;

/// Requests that were read and are not committed.
#[derive(Debug, Default)]
pub(super) struct Progress(BTreeMap<Position, bool>);

impl Progress {
    /// A request was read.
    pub(super) fn began(&mut self, position: Position) {
        self.0.insert(position, false);
    }

    /// Requests are done with. Returns the position to commit, if it moved.
    pub(super) fn ended(&mut self, positions: &[Position]) -> Option<Position> {
        for position in positions {
            if let Some(done) = self.0.get_mut(position) {
                *done = true;
            }
        }
        let mut commit = None;
        while let Some(entry) = self.0.first_entry() {
            if !entry.get() {
                break;
            }
            commit = Some(entry.remove_entry().0);
        }
        commit
    }

    /// How many requests were read and are not done with, or wait for one before them.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commits_only_up_to_the_first_request_that_is_not_done() {
        let mut progress = Progress::default();
        for n in [3, 5, 8] {
            progress.began(Position(n));
        }
        assert_eq!(progress.ended(&[Position(5)]), None);
        assert_eq!(progress.ended(&[Position(3)]), Some(Position(5)));
        assert_eq!(progress.ended(&[Position(8)]), Some(Position(8)));
        assert_eq!(progress.len(), 0);
    }
}
