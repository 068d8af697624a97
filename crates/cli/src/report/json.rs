//! The report for machines.

use leeward_engine::view::RunView;
use serde::Serialize;

use crate::{exit::Exit, failure::Failure};

/// The version of the report's format.
pub const REPORT_VERSION: u32 = 1;

#[derive(Serialize)]
struct Report<'a> {
    format: &'static str,
    version: u32,
    /// What a command that waited for this run would have ended with.
    exit: u8,
    #[serde(flatten)]
    view: &'a RunView,
}

/// Returns the report as one JSON object.
pub fn json(view: &RunView) -> Result<String, Failure> {
    let report = Report {
        format: "leeward-report",
        version: REPORT_VERSION,
        exit: Exit::of(view).code(),
        view,
    };
    serde_json::to_string_pretty(&report).map_err(|error| Failure::defect(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;

    #[test]
    fn the_json_report_names_its_format_first() {
        let text = json(&sample::ended()).expect("written");
        assert!(text.starts_with("{\n  \"format\": \"leeward-report\",\n  \"version\": 1,\n  \"exit\": 26,"));
        insta::assert_snapshot!("report-json", text);
    }
}
