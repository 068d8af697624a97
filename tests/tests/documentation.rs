//! Does the documentation lead somewhere?

use std::{
    collections::BTreeMap,
    env, fs,
    path::{Path, PathBuf},
    process::Command,
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

#[test]
fn every_command_in_the_documentation_is_one_that_leeward_understands() {
    let program = program();
    let mut help: BTreeMap<String, Option<String>> = BTreeMap::new();
    let (mut seen, mut wrong) = (0, Vec::new());
    for page in pages().into_iter().chain(entries(&root().join("docs/examples"))) {
        let text = fs::read_to_string(&page).expect("a page is text");
        for command in commands(&text) {
            seen += 1;
            let mut words = command.split_whitespace().skip(1);
            let verb = words.next().unwrap_or_default().to_owned();
            let known = help
                .entry(verb.clone())
                .or_insert_with(|| help_of(&program, &verb));
            let Some(known) = known else {
                wrong.push(format!(
                    "{}: `{command}`: there is no verb `{verb}`",
                    page.display()
                ));
                continue;
            };
            for flag in words
                .take_while(|word| *word != "#")
                .filter(|word| word.starts_with("--"))
            {
                let name = flag.split('=').next().unwrap_or(flag);
                if !known
                    .split(|letter: char| letter.is_whitespace() || letter == ',')
                    .any(|word| word == name)
                {
                    wrong.push(format!(
                        "{}: `{command}`: `{verb}` has no `{name}`",
                        page.display()
                    ));
                }
            }
        }
    }
    assert!(seen > 40, "only {seen} commands were found");
    assert!(
        wrong.is_empty(),
        "commands that do not work:\n  {}",
        wrong.join("\n  ")
    );
}

/// Returns the program under test, which `./test` has built; builds it where only this test is run.
fn program() -> PathBuf {
    let here = env::current_exe().expect("a test knows where it is");
    let folder = here
        .parent()
        .and_then(Path::parent)
        .expect("tests lie two folders below the program");
    let program = folder.join(format!("leeward{}", env::consts::EXE_SUFFIX));
    if !program.is_file() {
        let built = Command::new(env!("CARGO"))
            .current_dir(root())
            .args(["build", "--package", "leeward-cli", "--bin", "leeward"])
            .status()
            .expect("cargo runs");
        assert!(
            built.success() && program.is_file(),
            "{} is not there",
            program.display()
        );
    }
    program
}

/// Returns what `leeward VERB --help` prints, or nothing where there is no such verb. No verb is the program itself.
fn help_of(program: &Path, verb: &str) -> Option<String> {
    let mut asked = Command::new(program);
    if !verb.starts_with('-') {
        asked.arg(verb);
    }
    let output = asked.arg("--help").output().expect("the program starts");
    output
        .status
        .success()
        .then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Returns every command that a page tells people to type: in code blocks, between backticks, in scripts.
fn commands(text: &str) -> Vec<String> {
    let joined = text.replace("\\\n", " ");
    let mut found = Vec::new();
    for line in joined.lines() {
        for (at, _) in line.match_indices("leeward ") {
            let before = line[..at].trim_end_matches("target/release/");
            let starts = before.is_empty() || before.ends_with(['`', ' ', '/']);
            let mut command = &line[at..];
            for end in ["`", " #", " || ", " && ", ";", " > ", " >> "] {
                command = command.split(end).next().unwrap_or(command);
            }
            let verb = command.split_whitespace().nth(1).unwrap_or_default();
            // A sentence may speak of leeward too; a command names a verb and stands where commands stand: at
            // the start of a line or of what is between backticks, or behind a shell's sign.
            let spoken = before.ends_with(' ')
                && !before.trim().is_empty()
                && (before.contains('`') || !before.contains(['&', '|', ';', '=']));
            if starts
                && !spoken
                && verb
                    .chars()
                    .all(|letter| letter.is_ascii_lowercase() || letter == '-')
                && !verb.is_empty()
            {
                found.push(command.trim().to_owned());
            }
        }
    }
    found
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
