//! Is every fact in `docs/facts` shown by a test that is there, and does every table of operations in `docs/kinds`
//! say what the drivers go by?

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use leeward_runbook::{
    kind::{Kind, RepeatClass},
    kinds,
    units::show_duration,
};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The families of Azure's kinds: each has a page of facts and a page of operations.
const FAMILIES: [&str; 7] = [
    "aks",
    "compute",
    "kubernetes",
    "site-recovery",
    "sql",
    "storage",
    "traffic",
];
/// Pages of facts that are true of all kinds.
const OF_ALL: [&str; 2] = ["arm", "governance"];
/// Pages still to come, with issue 3. A page that is there is taken out of here.
const TO_COME: [(&str, &[&str]); 2] = [("facts", &["aks"]), ("kinds", &["aks"])];

#[test]
fn every_family_has_its_pages_but_those_that_are_named_as_still_to_come() {
    for (folder, to_come) in TO_COME {
        let mut names: Vec<String> = pages(folder)
            .iter()
            .filter_map(|(path, _)| Some(path.file_stem()?.to_string_lossy().into_owned()))
            .collect();
        names.extend(to_come.iter().map(|name| (*name).to_owned()));
        names.retain(|name| folder != "facts" || !OF_ALL.contains(&name.as_str()));
        names.sort();
        assert_eq!(names, FAMILIES, "docs/{folder}, with those still to come");
    }
}

fn pages(folder: &str) -> Vec<(PathBuf, String)> {
    let folder = fs::read_dir(root().join("docs").join(folder)).expect("there are such pages");
    let mut pages: Vec<(PathBuf, String)> = folder
        .map(|entry| entry.expect("the folder is readable").path())
        .filter(|path| path.extension().is_some_and(|end| end == "md"))
        .map(|path| {
            let text = fs::read_to_string(&path).expect("a page is text");
            (path, text)
        })
        .collect();
    pages.sort();
    pages
}

/// The cells of every row under a heading, the head and its rule left out.
fn rows(text: &str, heading: &str) -> Vec<Vec<String>> {
    text.lines()
        .skip_while(|line| *line != heading)
        .skip(1)
        .take_while(|line| !line.starts_with("## "))
        .filter(|line| line.starts_with('|'))
        .skip(2)
        .map(|line| {
            let line = line.trim_matches('|');
            line.split(" | ").map(|cell| cell.trim().to_owned()).collect()
        })
        .collect()
}

fn collect(folder: &Path, names: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).expect("the folder is readable") {
        let path = entry.expect("the folder is readable").path();
        if path.is_dir() {
            if path.file_name().is_none_or(|name| name != "target") {
                collect(&path, names);
            }
        } else if path.extension().is_some_and(|end| end == "rs") {
            let text = fs::read_to_string(&path).expect("code is text");
            let mut marked = false;
            for line in text.lines().map(str::trim) {
                // Between the mark and the function stand only other attributes.
                if line.starts_with("#[") || line.ends_with(")]") {
                    marked |= line.contains("test]") || line.contains("::test(") || line.contains("[test");
                    continue;
                }
                let name = line
                    .strip_prefix("async fn ")
                    .or_else(|| line.strip_prefix("fn "));
                if let (true, Some(name)) = (marked, name.and_then(|rest| rest.split('(').next())) {
                    names.insert(name.to_owned());
                }
                marked = false;
            }
        }
    }
}

#[test]
fn every_fact_names_a_source_and_a_test_that_is_there() {
    let mut tests = BTreeSet::new();
    for folder in ["crates", "tests"] {
        collect(&root().join(folder), &mut tests);
    }
    assert!(tests.len() > 200, "only {} tests were found", tests.len());
    let mut wrong = Vec::new();
    for (path, text) in pages("facts") {
        let page = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let facts = rows(&text, "## Facts");
        if facts.is_empty() {
            wrong.push(format!("{page}: there is no table under `## Facts`"));
        }
        for row in facts {
            let [fact, source, by, shown] = row.as_slice() else {
                wrong.push(format!("{page}: a row has {} cells: {row:?}", row.len()));
                continue;
            };
            if source.is_empty() || by.is_empty() {
                wrong.push(format!(
                    "{page}: `{fact}` has no source, or nobody that holds to it"
                ));
            }
            let named: Vec<&str> = shown.split('`').skip(1).step_by(2).collect();
            if named.is_empty() {
                wrong.push(format!("{page}: `{fact}` names no test"));
            }
            for name in named {
                let bare = name.rsplit("::").next().unwrap_or(name);
                if !tests.contains(bare) {
                    wrong.push(format!("{page}: there is no test `{bare}`"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The rows that a kind's declaration makes.
fn declared(kind: &Kind) -> Vec<Vec<String>> {
    let class = |repeat: RepeatClass| match repeat {
        RepeatClass::Repeatable => "repeatable",
        RepeatClass::SelfGuarded => "self-guarded",
        RepeatClass::OneShot => "one-shot",
    };
    kind.operations
        .iter()
        .map(|operation| {
            let name = match operation.rung {
                Some(rung) => format!("{}, {rung}", operation.name),
                None => operation.name.to_owned(),
            };
            vec![
                format!("`{}`", kind.name),
                name,
                format!("`{}`", operation.sends),
                class(operation.repeat).to_owned(),
                show_duration(operation.settling),
                operation.witnesses.to_owned(),
                operation.goal.to_owned(),
                operation.source.to_owned(),
            ]
        })
        .collect()
}

#[test]
fn every_table_of_operations_says_what_the_drivers_go_by() {
    let mut wrong = Vec::new();
    for (path, text) in pages("kinds") {
        let written = rows(&text, "## Operations");
        let named: BTreeSet<&str> = written
            .iter()
            .filter_map(|row| row.first())
            .map(|name| name.trim_matches('`'))
            .collect();
        let mut made = Vec::new();
        for kind in kinds::catalogue().iter().filter(|kind| named.contains(kind.name)) {
            made.extend(declared(kind));
        }
        let shown = |rows: &[Vec<String>]| {
            let mut lines: Vec<String> = rows
                .iter()
                .map(|row| format!("| {} |", row.join(" | ")))
                .collect();
            lines.sort();
            lines.join("\n")
        };
        if shown(&written) != shown(&made) {
            wrong.push(format!("{} should say:\n{}", path.display(), shown(&made)));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
