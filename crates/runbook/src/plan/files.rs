//! The files that a run will read, pinned by their digests.

use std::collections::BTreeMap;

use serde_json::Value;

use super::Folder;
use crate::{
    check::fits_json,
    finding::{Finding, Findings, code_list as code},
    kind::{Kind, Setting, Shape},
    manifest,
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

    /// Reads every pinned manifest of a step: what is wrong with one must not come up in the middle of a move.
    pub(super) fn manifests(
        &self,
        kind: &Kind,
        values: &Value,
        span: &dyn Fn(&str) -> Span,
        findings: &mut Findings,
    ) {
        let (setting, table) = match kind.name {
            "kubernetes.apply" => ("manifests", Some(values)),
            "azure.aks.cluster" => ("workloads", values.get("workloads")),
            _ => return,
        };
        let Some(table) = table.filter(|table| !table.is_null()) else {
            return;
        };
        let Some(written) = table.get("manifests").and_then(Value::as_str) else {
            return;
        };
        let files = manifest::below(written, self.by_path.keys().map(String::as_str));
        let bytes = files
            .iter()
            .filter_map(|path| Some((*path, self.by_path.get(*path)?.as_slice())));
        let found = manifest::read(bytes, table.get("namespace").and_then(Value::as_str));
        if found.complaints.is_empty() && found.objects.is_empty() && !files.is_empty() {
            let finding = Finding::error(code::BAD_MANIFEST, format!("`{written}` holds no object"))
                .because("there would be nothing to apply")
                .fix("put manifests there, in files that end in `.yaml`, `.yml` or `.json`");
            findings.add(span(setting), finding);
        }
        for one in found.complaints {
            let finding = Finding::error(code::BAD_MANIFEST, format!("{}: {}", one.place, one.what))
                .because("a manifest is read when the plan is made, so that no move stops at it")
                .fix(one.fix);
            findings.add(span(setting), finding);
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
