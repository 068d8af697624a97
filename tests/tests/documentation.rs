//! Does the documentation lead somewhere?

use std::{
    fs,
    path::{Path, PathBuf},
};

#[test]
fn every_link_in_the_documentation_leads_somewhere() {
    let mut wrong = Vec::new();
    for page in pages() {
        let text = fs::read_to_string(&page).expect("a page is text");
        for (number, target) in links(&text) {
            let path = target.split('#').next().unwrap_or_default();
            let outside = target.contains("://") || target.starts_with("mailto:");
            let found = page.parent().is_some_and(|folder| folder.join(path).exists());
            if !outside && !path.is_empty() && !found {
                wrong.push(format!("{}:{number} links to `{target}`", page.display()));
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "links that lead nowhere:\n  {}",
        wrong.join("\n  ")
    );
}

#[test]
fn every_runbook_comes_with_a_page_and_a_world() {
    let folders: Vec<PathBuf> = entries(&root().join("runbooks"))
        .into_iter()
        .filter(|path| path.is_dir())
        .collect();
    assert!(folders.len() >= 3, "{folders:?}");
    for folder in folders {
        for file in ["runbook.yaml", "README.md", "world.yaml"] {
            assert!(folder.join(file).is_file(), "{} has no {file}", folder.display());
        }
        let runbook = fs::read_to_string(folder.join("runbook.yaml")).expect("a runbook is text");
        assert!(
            runbook.starts_with("# yaml-language-server: $schema=../leeward.schema.json\n"),
            "{}: an editor finds no schema",
            folder.display()
        );
    }
}

/// Returns the repository's root.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("tests/ stands in the repository")
        .to_owned()
}

/// Returns what a folder holds, in order.
fn entries(folder: &Path) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = fs::read_dir(folder)
        .expect("a folder is readable")
        .flatten()
        .map(|entry| entry.path())
        .collect();
    found.sort();
    found
}

/// Returns every Markdown page of the repository.
fn pages() -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![root()];
    while let Some(folder) = folders.pop() {
        for path in entries(&folder) {
            let name = path
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned();
            if path.is_dir() && name != "target" && !name.starts_with('.') {
                folders.push(path);
            } else if name.ends_with(".md") {
                found.push(path);
            }
        }
    }
    assert!(found.len() >= 8, "{found:?}");
    found
}

/// Returns the targets of `[text](target)`, with their lines, outside code blocks.
fn links(text: &str) -> Vec<(usize, &str)> {
    let mut found = Vec::new();
    let mut code = false;
    for (index, line) in text.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            code = !code;
        }
        let mut rest = if code { "" } else { line };
        while let Some(at) = rest.find("](") {
            rest = &rest[at + 2..];
            let end = rest.find(')').unwrap_or(rest.len());
            found.push((index + 1, &rest[..end]));
        }
    }
    found
}
