//! Where does a program work? In a folder of its own that holds the step's pinned files and goes away with it.

use std::path::{Component, Path, PathBuf};

use leeward_engine::port::{Context, DriverError};
use tempfile::TempDir;

use crate::kinds::settings;

/// Returns the step's pinned files: where each stands below the folder, and its path in the plan.
fn pinned(context: &Context) -> Result<Vec<(PathBuf, String)>, String> {
    let Some(written) = settings::optional_text(&context.settings, "file") else {
        return Ok(Vec::new());
    };
    let trimmed = written.trim_start_matches("./").trim_end_matches('/');
    let below = format!("{trimmed}/");
    let mut found = Vec::new();
    for path in context.plan.files.keys() {
        let bare = path.trim_start_matches("./");
        let place = if bare == trimmed {
            Path::new(bare).file_name().map(PathBuf::from)
        } else {
            bare.strip_prefix(below.as_str()).map(PathBuf::from)
        };
        let Some(place) = place else { continue };
        if !place
            .components()
            .all(|part| matches!(part, Component::Normal(_)))
        {
            return Err(format!("`{path}` would lie outside of the program's folder"));
        }
        found.push((place, path.clone()));
    }
    if found.is_empty() {
        return Err(format!("the plan pinned nothing at `{written}`"));
    }
    Ok(found)
}

/// Says beforehand whether the files are there.
pub(super) fn check(context: &Context) -> Result<(), DriverError> {
    pinned(context)
        .map(|_| ())
        .map_err(|reason| DriverError::Impossible { reason })
}

/// Writes the files out.
pub(super) fn lay_out(context: &Context) -> Result<TempDir, String> {
    let failed = |error: std::io::Error| format!("the program's folder: {error}");
    let folder = tempfile::Builder::new()
        .prefix("leeward-")
        .tempdir()
        .map_err(failed)?;
    for (place, path) in pinned(context)? {
        let bytes = context
            .files
            .read(&path)
            .ok_or_else(|| format!("the plan's `{path}` cannot be read"))?;
        let file = folder.path().join(&place);
        if let Some(parent) = file.parent() {
            std::fs::create_dir_all(parent).map_err(failed)?;
        }
        std::fs::write(&file, bytes).map_err(failed)?;
        runnable(&file).map_err(failed)?;
    }
    Ok(folder)
}

/// A plan pins content, not modes: what is laid out for a program may be run by it.
#[cfg(unix)]
fn runnable(file: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(file, std::fs::Permissions::from_mode(0o700))
}

#[cfg(not(unix))]
fn runnable(_file: &Path) -> std::io::Result<()> {
    Ok(())
}
