//! What do the files of manifests hold? Objects of Kubernetes, read strictly, with the place of each complaint.
//!
//! Pure: the plan checks with it what it pins, and whoever applies reads the pinned files with it again.

mod object;
mod word;

use std::collections::BTreeMap;

use crate::yaml::{self, Bad, Span, Trouble};

pub use object::{Object, is_secret_reference};

/// Something wrong with a file of manifests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Complaint {
    /// File, line and column: `manifests/shop.yaml:12:3`.
    pub place: String,
    /// What is wrong.
    pub what: String,
    /// What to do.
    pub fix: String,
}

/// Every object of some files, in the order of their paths, and everything that is wrong with them.
#[derive(Clone, Debug, Default)]
pub struct Manifests {
    /// The objects.
    pub objects: Vec<Object>,
    /// What is wrong. Where there is anything, nothing must be applied.
    pub complaints: Vec<Complaint>,
}

/// Returns whether a file in a folder of manifests is one.
pub fn is_manifest(path: &str) -> bool {
    let ends = |end: &str| path.to_ascii_lowercase().ends_with(end);
    ends(".yaml") || ends(".yml") || ends(".json")
}

/// Returns which of these paths are the file or lie in the folder that a setting names.
pub fn below<'a>(written: &str, paths: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let trimmed = written.trim_start_matches("./").trim_end_matches('/');
    let within = |path: &str| {
        let bare = path.trim_start_matches("./");
        bare == trimmed
            || trimmed.is_empty()
            || bare
                .strip_prefix(trimmed)
                .is_some_and(|rest| rest.starts_with('/'))
    };
    paths.into_iter().filter(|path| within(path)).collect()
}

/// Reads files, each with its path. `namespace` is that of the objects that name none.
pub fn read<'a>(files: impl IntoIterator<Item = (&'a str, &'a [u8])>, namespace: Option<&str>) -> Manifests {
    let mut files: Vec<_> = files.into_iter().filter(|(path, _)| is_manifest(path)).collect();
    files.sort_by_key(|(path, _)| *path);
    let mut found = Manifests::default();
    for (path, bytes) in files {
        let (documents, troubles) = yaml::read_all(bytes);
        let told = troubles.iter().map(|trouble| of_yaml(path, trouble));
        found.complaints.extend(told);
        for document in documents.iter().filter(|document| !document.is_null()) {
            object::read(path, document, namespace, &mut found);
        }
    }
    let mut seen: BTreeMap<String, String> = BTreeMap::new();
    for object in &found.objects {
        let place = place(&object.file, object.span);
        if let Some(first) = seen.get(&object.identity()) {
            found.complaints.push(Complaint {
                place,
                what: format!("{} is described a second time", object.title()),
                fix: format!("remove one of the two; the other stands at {first}"),
            });
        } else {
            seen.insert(object.identity(), place);
        }
    }
    found
}

fn place(path: &str, span: Span) -> String {
    format!("{path}:{}:{}", span.line, span.column)
}

fn of_yaml(path: &str, trouble: &Trouble) -> Complaint {
    let (what, fix) = match &trouble.bad {
        Bad::TooLarge { .. } | Bad::TooDeep | Bad::TooMany | Bad::AliasBomb => (
            "it is larger or deeper than any manifest".to_owned(),
            "look whether this is the right file".to_owned(),
        ),
        Bad::NotText => ("it is not UTF-8 text".to_owned(), "save it as UTF-8".to_owned()),
        Bad::Syntax(message) => (
            format!(
                "it cannot be read as YAML: {}",
                message.chars().take(160).collect::<String>()
            ),
            "look at this line and the one before; templates have to be rendered beforehand".to_owned(),
        ),
        Bad::BadAlias(what) => (format!("the alias {what}"), "write the value out".to_owned()),
        Bad::DuplicateKey { key, first } => (
            format!(
                "`{}` is written twice, first on line {}",
                key.escape_debug(),
                first.line
            ),
            "remove one of the two".to_owned(),
        ),
        Bad::KeyNotText => (
            "a list or a map is used as a key".to_owned(),
            "put quotes around it".to_owned(),
        ),
        Bad::Tag(tag) => (
            format!("`{}` is a tag", tag.escape_debug()),
            "remove the tag".to_owned(),
        ),
        Bad::MergeKey => (
            "`<<` merges one map into another".to_owned(),
            "write the keys out".to_owned(),
        ),
        Bad::SecondDocument => ("a second document".to_owned(), "remove it".to_owned()),
    };
    Complaint {
        place: place(path, trouble.span),
        what,
        fix,
    }
}

#[cfg(test)]
mod tests;
