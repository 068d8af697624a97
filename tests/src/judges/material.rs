//! Where do the official specification and the recordings lie, and what is in them?

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use serde_json::Value;

use crate::processes::repository;

/// Returns the folder of official material: what `LEEWARD_AZURE_API` names, or a neighbour of the repository.
pub fn folder() -> Option<PathBuf> {
    let named = env::var_os("LEEWARD_AZURE_API").map(PathBuf::from);
    let folder = named.unwrap_or_else(|| repository().join("../shared/azure-api"));
    folder.join("derived").is_dir().then_some(folder)
}

/// Returns the folder, or says by name who is passed over.
///
/// # Panics
/// Where the judges are required and there is none.
pub fn folder_for(test: &str) -> Option<PathBuf> {
    let found = folder();
    if found.is_none() {
        passed_over(
            test,
            "there is no official material; LEEWARD_AZURE_API names its folder",
        );
    }
    found
}

/// Says by name that a judge does not judge.
///
/// # Panics
/// Where `LEEWARD_JUDGES=required`.
pub fn passed_over(test: &str, why: &str) {
    let required = env::var("LEEWARD_JUDGES").is_ok_and(|word| word == "required");
    assert!(!required, "{test} must judge and cannot: {why}");
    eprintln!("PASSED OVER: {test}: {why}");
}

/// Reads a JSON file.
///
/// # Panics
/// Where there is none.
pub fn read(path: &Path) -> Value {
    let text = fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Returns every operation of the specification, as `derived/spec-operations.json` lists them.
///
/// # Panics
/// Where the list is none.
pub fn operations(folder: &Path) -> Vec<Value> {
    let index = read(&folder.join("derived/spec-operations.json"));
    let operations = index["operations"].as_array().cloned();
    operations.unwrap_or_else(|| panic!("no operations"))
}

/// Returns the exchanges of a recording in their order, equal polls counted once.
///
/// # Panics
/// Where there is no such recording.
pub fn recording(folder: &Path, name: &str) -> Vec<Value> {
    let file = read(&folder.join("recordings").join(format!("{name}.json")));
    let interactions = file["interactions"].as_array().cloned();
    interactions.unwrap_or_else(|| panic!("{name}: no interactions"))
}
