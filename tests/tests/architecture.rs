//! Does the source still have the shape that `docs/architecture.md` draws?
//!
//! Everything here is read from `cargo metadata --no-deps`, `Cargo.lock` and the tracked files, so that it
//! needs no network and no build of the crates it judges.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, Package};

/// Which of our crates each of our crates may build on. Anything unlisted turns an arrow round.
const ARROWS: &[(&str, &[&str])] = &[
    ("leeward-runbook", &[]),
    ("leeward-engine", &["leeward-runbook"]),
    ("leeward-store", &["leeward-engine", "leeward-runbook"]),
    ("leeward-azure", &["leeward-engine", "leeward-runbook"]),
    ("leeward-simulator", &[]),
    (
        "leeward-cli",
        &[
            "leeward-runbook",
            "leeward-engine",
            "leeward-store",
            "leeward-azure",
            "leeward-simulator",
        ],
    ),
];

/// The crates that talk to Azure, and who may name them.
const AZURE_PACKAGES: &[(&str, &[&str])] = &[
    ("azure_core", &["leeward-azure", "leeward-cli"]),
    ("azure_", &["leeward-azure"]),
];

/// Sources that may know no clock, disk, network, async runtime or randomness.
const PURE: &[&str] = &[
    "crates/runbook/src",
    "crates/engine/src/event",
    "crates/engine/src/state",
    "crates/engine/src/machine",
    "crates/engine/src/view",
];

/// Words that bring the outside into a pure source.
const IMPURE_WORDS: &[&str] = &[
    "tokio",
    "SystemTime",
    "Instant",
    "Zoned",
    "reqwest",
    "rusqlite",
    "rand",
    "getrandom",
    "new_v4",
];

/// Words of async code. A pure source waits for nothing.
const WAITING_WORDS: &[&str] = &["async", "await"];

/// The one exception: `Decision::record` hands its effects over only after the journal took its records, and
/// for that it has to wait for the journal's port.
const HANDS_OVER: &str = "crates/engine/src/machine/mod.rs";

/// Paths that bring the outside into a pure source.
const IMPURE_PATHS: &[&str] = &[
    "std::fs",
    "std::net",
    "std::env",
    "std::process",
    "std::thread",
    "Timestamp::now",
];

#[test]
fn the_arrows_between_the_crates_point_one_way() {
    let metadata = metadata();
    let allowed: BTreeMap<&str, &[&str]> = ARROWS.iter().copied().collect();
    let mut wrong = Vec::new();
    for package in ours(&metadata) {
        let Some(allowed) = allowed.get(package.name.as_str()) else {
            wrong.push(format!("{} has no place in the table of arrows", package.name));
            continue;
        };
        for dependency in &package.dependencies {
            // A test may lean on the simulator: it imports nothing of ours, so no circle can come of it.
            let by_a_test =
                dependency.kind == DependencyKind::Development && dependency.name == "leeward-simulator";
            if dependency.name.starts_with("leeward")
                && !by_a_test
                && !allowed.contains(&dependency.name.as_str())
            {
                wrong.push(format!("{} depends on {}", package.name, dependency.name));
            }
        }
    }
    none("arrows that point the wrong way", &wrong);
}

#[test]
fn only_the_azure_crate_speaks_through_azure_packages() {
    let metadata = metadata();
    let mut wrong = Vec::new();
    for package in ours(&metadata) {
        for dependency in &package.dependencies {
            let owners = AZURE_PACKAGES
                .iter()
                .find(|(prefix, _)| dependency.name.starts_with(prefix))
                .map(|(_, owners)| *owners);
            if owners.is_some_and(|owners| !owners.contains(&package.name.as_str())) {
                wrong.push(format!("{} depends on {}", package.name, dependency.name));
            }
        }
    }
    none("Azure packages outside crates/azure", &wrong);
}

#[test]
fn the_language_and_the_machine_know_no_clock_disk_network_async_or_chance() {
    let mut wrong = Vec::new();
    for file in sources()
        .iter()
        .filter(|file| PURE.iter().any(|pure| file.starts_with(pure)))
    {
        for (number, line) in product_lines(&read(file)) {
            let words: BTreeSet<&str> = line
                .split(|letter: char| !letter.is_alphanumeric() && letter != '_')
                .collect();
            let waiting = if file == HANDS_OVER { &[] } else { WAITING_WORDS };
            let word = IMPURE_WORDS
                .iter()
                .chain(waiting)
                .find(|word| words.contains(*word));
            let path = IMPURE_PATHS.iter().find(|path| line.contains(*path));
            if let Some(found) = word.or(path) {
                wrong.push(format!("{file}:{number} names `{found}`"));
            }
        }
    }
    none("the outside in pure sources", &wrong);
}

#[test]
fn the_simulator_names_no_other_crate_even_in_its_tests() {
    let mut wrong = Vec::new();
    for file in sources()
        .iter()
        .filter(|file| file.starts_with("crates/simulator/"))
    {
        for (number, line) in code_lines(&read(file)) {
            let stranger = ARROWS
                .iter()
                .map(|(name, _)| name.replace('-', "_"))
                .find(|name| name != "leeward_simulator" && line.contains(name.as_str()));
            if let Some(stranger) = stranger {
                wrong.push(format!("{file}:{number} names `{stranger}`"));
            }
        }
    }
    none("crates that the simulator must not know", &wrong);
}

#[test]
fn no_source_file_is_longer_than_a_thousand_lines() {
    let long: Vec<String> = sources()
        .iter()
        .map(|file| (file, read(file).lines().count()))
        .filter(|(_, lines)| *lines > 1_000)
        .map(|(file, lines)| format!("{file} has {lines} lines"))
        .collect();
    none("files too long to read at night", &long);
}

#[test]
fn a_library_root_holds_docs_modules_and_names_only() {
    let mut wrong = Vec::new();
    for file in sources().iter().filter(|file| file.ends_with("/src/lib.rs")) {
        let text = read(file);
        // A statement ends with `;`: look at each one whole, so that a long `pub use` may span lines.
        let code: String = code_lines(&text)
            .into_iter()
            .map(|(_, line)| line.to_owned() + "\n")
            .collect();
        for statement in code.split(';') {
            let statement = without_attributes(statement);
            let statement = statement.trim();
            let plain = [
                "mod ",
                "pub mod ",
                "pub(crate) mod ",
                "use ",
                "pub use ",
                "pub(crate) use ",
            ]
            .iter()
            .any(|start| statement.starts_with(start));
            if !statement.is_empty() && !plain {
                let first = statement.lines().next().unwrap_or_default();
                wrong.push(format!("{file} holds `{first}`"));
            }
        }
    }
    none("code in library roots", &wrong);
}

#[test]
fn every_crate_forbids_unsafe_code() {
    let root = read("Cargo.toml");
    assert!(
        root.contains("unsafe_code = \"forbid\""),
        "the workspace no longer forbids unsafe code"
    );
    let mut wrong = Vec::new();
    for package in &metadata().packages {
        let manifest = fs::read_to_string(&package.manifest_path).expect("a manifest is readable");
        let inherits = manifest
            .split("[lints]")
            .nth(1)
            .is_some_and(|rest| rest.trim_start().starts_with("workspace = true"));
        if !inherits {
            wrong.push(format!("{} does not take the workspace's lints", package.name));
        }
    }
    none("crates outside the workspace's lints", &wrong);
}

#[test]
fn nothing_is_left_loose_in_the_sources() {
    // Put together here, so that this file does not find itself.
    let loose = [
        ["to", "do!("].concat(),
        ["unimple", "mented!("].concat(),
        ["db", "g!("].concat(),
        ["#[ig", "nore"].concat(),
        ["FIX", "ME"].concat(),
    ];
    let mut wrong = Vec::new();
    for file in &sources() {
        for (number, line) in read(file).lines().enumerate() {
            if let Some(found) = loose.iter().find(|word| line.contains(word.as_str())) {
                wrong.push(format!("{file}:{} holds `{found}`", number + 1));
            }
        }
    }
    none("loose ends", &wrong);
}

#[test]
fn no_tracked_file_names_a_path_of_one_machine() {
    let mut wrong = Vec::new();
    for file in &tracked() {
        let Ok(text) = fs::read_to_string(root().join(file)) else {
            continue; // not text, or deleted in the working tree
        };
        for (number, line) in text.lines().enumerate() {
            if let Some(found) = machine_path(line) {
                wrong.push(format!("{file}:{} names `{found}`", number + 1));
            }
        }
    }
    none("paths of one machine", &wrong);
}

#[test]
fn every_package_comes_from_the_public_registry_under_its_own_name() {
    let lock = read("Cargo.lock");
    let home = "registry+https://github.com/rust-lang/crates.io-index";
    let strange: Vec<String> = lock
        .lines()
        .filter_map(|line| line.strip_prefix("source = "))
        .map(|source| source.trim_matches('"'))
        .filter(|source| *source != home)
        .map(str::to_owned)
        .collect();
    none("packages from elsewhere", &strange);
    let redirected: Vec<String> = tracked()
        .into_iter()
        .filter(|file| file.ends_with(".toml"))
        .filter(|file| {
            read(file).lines().any(|line| {
                let line = line.trim_start();
                line.starts_with("[source.") || line.starts_with("replace-with")
            })
        })
        .collect();
    none("files that send cargo to another registry", &redirected);
}

#[test]
fn no_second_tls_stack_comes_in_through_the_back_door() {
    let lock = read("Cargo.lock");
    let found: Vec<String> = ["openssl", "openssl-sys", "native-tls", "azure_storage_blobs"]
        .into_iter()
        .filter(|name| lock.contains(&format!("name = \"{name}\"\n")))
        .map(str::to_owned)
        .collect();
    none("packages that deny.toml bans", &found);
}

#[test]
fn these_tests_can_see_what_they_forbid() {
    let machine = ["see /wo", "rk/place"].concat();
    assert!(machine_path(&machine).is_some());
    assert!(machine_path("the frame/work/of it").is_none());
    assert!(machine_path("https://example.test/work/x").is_none());
    let text = "let a = 1; // tokio\n#[cfg(test)]\nmod tests {\n  use std::fs;\n}\n";
    let lines = product_lines(text);
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(!lines[0].1.contains("tokio"));
}

/// Fails with the list, one to a line, when there is anything in it.
#[track_caller]
fn none(what: &str, found: &[String]) {
    assert!(found.is_empty(), "{what}:\n  {}", found.join("\n  "));
}

/// Returns the repository's root.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("tests/ stands in the repository")
        .to_owned()
}

/// Returns the text of a file of the repository.
#[track_caller]
fn read(file: &str) -> String {
    fs::read_to_string(root().join(file)).unwrap_or_else(|why| panic!("{file}: {why}"))
}

/// Returns what the manifests of the workspace say, without looking at any registry.
fn metadata() -> Metadata {
    MetadataCommand::new()
        .manifest_path(root().join("Cargo.toml"))
        .no_deps()
        .exec()
        .expect("cargo metadata reads the workspace")
}

/// Returns the product's crates: all but the acceptance tests, which may see everything.
fn ours(metadata: &Metadata) -> impl Iterator<Item = &Package> {
    metadata
        .packages
        .iter()
        .filter(|package| package.name.as_str() != "leeward-acceptance")
}

/// Returns every file that git tracks or would track, relative to the root; without git, the whole tree.
fn tracked() -> Vec<String> {
    let listed = Command::new("git")
        .current_dir(root())
        .args(["ls-files", "--cached", "--others", "--exclude-standard"])
        .output()
        .ok()
        .filter(|output| output.status.success())
        .map(|output| {
            String::from_utf8_lossy(&output.stdout)
                .lines()
                .map(str::to_owned)
                .collect()
        });
    let files: Vec<String> = listed.unwrap_or_else(|| {
        let mut found = Vec::new();
        walk(&root(), &mut found);
        found
    });
    assert!(files.len() > 20, "the list of tracked files is empty");
    files
        .into_iter()
        .filter(|file| root().join(file).is_file())
        .collect()
}

/// Collects the files of a source tree that came without git, such as an unpacked archive.
fn walk(folder: &Path, found: &mut Vec<String>) {
    for entry in fs::read_dir(folder).expect("a folder is readable").flatten() {
        let path = entry.path();
        let name = entry.file_name();
        if path.is_dir() {
            if name != "target" && name != ".git" {
                walk(&path, found);
            }
        } else if let Ok(relative) = path.strip_prefix(root()) {
            found.push(relative.to_string_lossy().replace('\\', "/"));
        }
    }
}

/// Returns the Rust sources among the tracked files.
fn sources() -> Vec<String> {
    tracked()
        .into_iter()
        .filter(|file| file.ends_with(".rs"))
        .collect()
}

/// Returns the numbered lines of code, comments cut off, blank lines left out.
fn code_lines(text: &str) -> Vec<(usize, &str)> {
    text.lines()
        .enumerate()
        .map(|(index, line)| (index + 1, without_comment(line)))
        .filter(|(_, line)| !line.trim().is_empty())
        .collect()
}

/// Returns the numbered lines of code before a file's own tests, which may read files as they like.
fn product_lines(text: &str) -> Vec<(usize, &str)> {
    let tests = text.find("#[cfg(test)]\nmod ").unwrap_or(text.len());
    code_lines(&text[..tests])
}

/// Cuts a line comment off. `://` is a URL in a text, not a comment.
fn without_comment(line: &str) -> &str {
    let mut from = 0;
    while let Some(at) = line[from..].find("//") {
        let at = from + at;
        if at == 0 || !line[..at].ends_with(':') {
            return &line[..at];
        }
        from = at + 2;
    }
    line
}

/// Takes leading `#[…]` and `#![…]` off a statement.
fn without_attributes(statement: &str) -> String {
    statement
        .lines()
        .filter(|line| !line.trim_start().starts_with('#'))
        .collect::<Vec<_>>()
        .join("\n")
}

/// Finds an absolute path into a folder that only one machine has.
fn machine_path(line: &str) -> Option<String> {
    // Put together here, so that this file does not find itself.
    let folders = [
        ["wo", "rk"].concat(),
        ["fa", "rm"].concat(),
        ["ro", "ot"].concat(),
    ];
    for folder in folders {
        let needle = format!("/{folder}/");
        let mut from = 0;
        while let Some(at) = line[from..].find(&needle) {
            let at = from + at;
            let before = line[..at].chars().next_back();
            let after = line[at + needle.len()..].chars().next();
            let starts = before.is_none_or(|letter| !letter.is_alphanumeric() && !"_.-".contains(letter));
            let goes_on = after.is_some_and(|letter| letter.is_ascii_lowercase() || letter == '.');
            if starts && goes_on {
                return Some(needle);
            }
            from = at + 1;
        }
    }
    None
}
