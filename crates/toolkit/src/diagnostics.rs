//! The toolkit's own messages: they go to the log output and are never exported.

use crate::ShutdownReport;

pub(crate) fn report(report: &ShutdownReport) {
    let _ = report;
}
