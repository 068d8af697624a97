//! The files that a run will read, pinned by their digests.

use std::collections::BTreeMap;

use serde_json::Value;

use super::Folder;
use crate::{
    check::fits_json,
    finding::{Finding, Findings, code_list as code},
    kind::{Setting, Shape},
    yaml::Span,
};

/// The bytes of a plan's files, by path.
#[derive(Default)]
pub(super) struct Pinned {
    pub(super) by_path: BTreeMap<String, Vec<u8>>,
}

impl Pinned {
    /// Pins every file that some settings name.
    pub(super) fn settings(
        &mut self,
        settings: &[Setting],
        values: &Value,
        folder: &dyn Folder,
        span: &dyn Fn(&str) -> Span,
        findings: &mut Findings,
    ) {
        for setting in settings {
            if let Some(value) = values.get(setting.name) {
                let mut paths = Vec::new();
                collect(&setting.shape, value, &mut paths);
                for path in paths {
                    self.pin(&path, folder, span(setting.name), findings);
                }
            }
        }
    }

    fn pin(&mut self, path: &str, folder: &dyn Folder, span: Span, findings: &mut Findings) {
        if self.by_path.contains_key(path) {
            return;
        }
        if path.contains("${{") {
            let finding = Finding::error(code::NO_ANSWER, format!("the path `{path}` depends on an output"))
                .because("a plan pins its files before anything runs")
                .fix("write the path out, or take it from a parameter");
            findings.add(span, finding);
            return;
        }
        match folder.files(path) {
            Ok(found) => self.by_path.extend(found),
            Err(reason) => {
                let mut finding =
                    Finding::error(code::FILE_MISSING, format!("`{path}` cannot be read: {reason}"))
                        .because("a plan pins every file that the run will read");
                if path.starts_with("captures/") {
                    finding = finding
                        .fix("capture the cluster while its region still serves, and keep the capture here");
                }
                findings.add(
                    span,
                    finding.fix("look at the path; it is relative to the runbook's folder"),
                );
            }
        }
    }

    /// Returns path and digest of every file.
    pub(super) fn digests(&self) -> BTreeMap<String, String> {
        let digest = |bytes: &Vec<u8>| blake3::hash(bytes).to_hex().to_string();
        self.by_path
            .iter()
            .map(|(path, bytes)| (path.clone(), digest(bytes)))
            .collect()
    }
}

fn collect(shape: &Shape, value: &Value, paths: &mut Vec<String>) {
    match (shape, value) {
        (Shape::File, Value::String(path)) => paths.push(path.clone()),
        (Shape::Either(shapes), value) => {
            if let Some(shape) = shapes.iter().find(|shape| fits_json(value, shape)) {
                collect(shape, value, paths);
            }
        }
        (Shape::List(inner), Value::Array(items)) => {
            items.iter().for_each(|item| collect(inner, item, paths))
        }
        (Shape::Table(inner), Value::Object(map)) => {
            map.values().for_each(|item| collect(inner, item, paths))
        }
        (Shape::Map(settings), Value::Object(map)) => {
            for setting in *settings {
                if let Some(value) = map.get(setting.name) {
                    collect(&setting.shape, value, paths);
                }
            }
        }
        _ => {}
    }
}
