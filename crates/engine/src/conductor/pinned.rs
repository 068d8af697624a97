//! The files of a plan, as the journal pins them.

use std::{collections::HashMap, sync::Arc};

use leeward_runbook::plan::Plan;

use super::ConductorError;
use crate::{
    id::RunId,
    port::{Files, JournalStore},
};

struct Pinned {
    by_path: HashMap<String, Vec<u8>>,
}

impl Files for Pinned {
    fn read(&self, path: &str) -> Option<Vec<u8>> {
        self.by_path.get(path).cloned()
    }
}

/// Makes the files of a new run.
pub(super) fn of(plan: &Plan, files: &[(String, Vec<u8>)]) -> Arc<dyn Files> {
    let by_digest: HashMap<&str, &Vec<u8>> = files
        .iter()
        .map(|(digest, bytes)| (digest.as_str(), bytes))
        .collect();
    let by_path = plan
        .files
        .iter()
        .filter_map(|(path, digest)| Some((path.clone(), (*by_digest.get(digest.as_str())?).clone())))
        .collect();
    Arc::new(Pinned { by_path })
}

/// Reads the files of a run out of its journal; no runbook's folder is looked at.
pub(super) async fn stored(
    store: &dyn JournalStore,
    run: &RunId,
    plan: &Plan,
) -> Result<Arc<dyn Files>, ConductorError> {
    let mut by_path = HashMap::new();
    for (path, digest) in &plan.files {
        let bytes = store.file(run, digest).await?;
        let bytes = bytes.ok_or_else(|| ConductorError::FileMissing { path: path.clone() })?;
        if blake3::hash(&bytes).to_hex().as_str() != digest {
            return Err(ConductorError::FileChanged { path: path.clone() });
        }
        by_path.insert(path.clone(), bytes);
    }
    Ok(Arc::new(Pinned { by_path }))
}
