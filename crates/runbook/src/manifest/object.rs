//! What is one object, and what makes it unfit to be applied?

use serde_json::Value;

use super::{Complaint, Manifests, place, word};
use crate::yaml::{Node, Span};

/// The longest name of an object.
const LONGEST_NAME: usize = 253;
/// What the server makes, which stands in what was read from a cluster and cannot be applied.
const OF_THE_SERVER: &[&str] = &[
    "creationTimestamp",
    "deletionTimestamp",
    "generation",
    "managedFields",
    "resourceVersion",
    "selfLink",
    "uid",
];

/// One object of Kubernetes.
#[derive(Clone, Debug)]
pub struct Object {
    /// The file it stands in.
    pub file: String,
    /// Where it begins there.
    pub span: Span,
    /// `apiVersion`, such as `apps/v1`.
    pub api_version: String,
    /// `kind`, such as `Deployment`.
    pub kind: String,
    /// The namespace that it names, or that of the step; objects without one may be of no namespace at all.
    pub namespace: Option<String>,
    /// Its name.
    pub name: String,
    /// The whole of it, as JSON. Secrets in it are references.
    pub body: Value,
}

impl Object {
    /// Returns the group of its kind; empty for the core's.
    pub fn group(&self) -> &str {
        self.api_version.split_once('/').map_or("", |(group, _)| group)
    }

    /// Returns what tells it from every other object: the same kind of another version is the same object.
    pub fn identity(&self) -> String {
        format!(
            "{}/{}/{}/{}",
            self.group(),
            self.kind,
            self.namespace.as_deref().unwrap_or_default(),
            self.name
        )
    }

    /// Returns what people call it.
    pub fn title(&self) -> String {
        match &self.namespace {
            Some(namespace) => format!("{} {namespace}/{}", self.kind, self.name),
            None => format!("{} {}", self.kind, self.name),
        }
    }
}

/// Returns whether a value of a Secret names the secret instead of being one.
pub fn is_secret_reference(text: &str) -> bool {
    ["env:", "file:"]
        .iter()
        .any(|scheme| text.strip_prefix(scheme).is_some_and(|rest| !rest.is_empty()))
}

/// Reads one document.
pub(super) fn read(path: &str, node: &Node, namespace: Option<&str>, into: &mut Manifests) {
    let complaint = |span: Span, what: String, fix: &str| Complaint {
        place: place(path, span),
        what,
        fix: fix.to_owned(),
    };
    if node.as_map().is_none() {
        into.complaints.push(complaint(
            node.span,
            format!("{} is no object", node.describe()),
            "an object is a map with `apiVersion`, `kind` and `metadata`",
        ));
        return;
    }
    if let (Some("List"), Some(items)) = (text(node, "kind"), node.get("items").and_then(Node::as_list)) {
        items.iter().for_each(|item| read(path, item, namespace, into));
        return;
    }
    let mut wrong = Vec::new();
    let word = |key: &str, wrong: &mut Vec<Complaint>| {
        let found = text(node, key).unwrap_or_default();
        if !is_word(found, key == "apiVersion") {
            let span = node.get(key).map_or(node.span, |value| value.span);
            wrong.push(complaint(
                span,
                format!("the object has no `{key}` that could be one"),
                "write `apiVersion`, `kind` and `metadata.name` of every object",
            ));
        }
        found.to_owned()
    };
    let api_version = word("apiVersion", &mut wrong);
    let kind = word("kind", &mut wrong);
    let metadata = node.get("metadata");
    let named = metadata.and_then(|metadata| text(metadata, "name"));
    if !named.is_some_and(is_name) {
        let span = metadata.map_or(node.span, |metadata| metadata.span);
        wrong.push(complaint(
            span,
            "the object has no `metadata.name` that could be one".to_owned(),
            "give it a name; `generateName` makes another object each time and cannot be applied",
        ));
    }
    let own = metadata.and_then(|metadata| metadata.get("namespace"));
    if let Some(own) = own.filter(|own| !own.as_scalar().is_some_and(|scalar| is_label(&scalar.text))) {
        wrong.push(complaint(
            own.span,
            format!("{} is no namespace", own.describe()),
            "write the name of a namespace, or leave it out",
        ));
    }
    if let Some(metadata) = metadata {
        for entry in metadata.as_map().unwrap_or_default() {
            if OF_THE_SERVER.contains(&&*entry.key) {
                wrong.push(complaint(
                    entry.span,
                    format!("`{}` is made by the server", entry.key),
                    "remove it: this was read from a cluster",
                ));
            }
        }
    }
    if let Some(entry) = node.entry("status") {
        wrong.push(complaint(
            entry.span,
            "`status` is made by the server".to_owned(),
            "remove it: this was read from a cluster",
        ));
    }
    node.each_scalar(&mut |scalar, span| {
        if let Some(other) = word::ambiguous(scalar) {
            let what = format!(
                "`{}` is {other} to some readers of YAML",
                scalar.text.escape_debug()
            );
            let fix = "put quotes around it, or write `true`, `false` or a plain decimal number";
            wrong.push(complaint(span, what, fix));
        }
    });
    if kind == "Secret" && api_version == "v1" {
        secrets(path, node, &mut wrong);
    }
    if wrong.is_empty() {
        into.objects.push(Object {
            file: path.to_owned(),
            span: node.span,
            namespace: metadata
                .and_then(|metadata| text(metadata, "namespace"))
                .or(namespace)
                .map(str::to_owned),
            name: named.unwrap_or_default().to_owned(),
            api_version,
            kind,
            body: node.to_json(),
        });
    }
    into.complaints.extend(wrong);
}

/// A Secret must not hold what it is for: the plan's files are kept with the journal.
fn secrets(path: &str, node: &Node, wrong: &mut Vec<Complaint>) {
    for (key, references) in [("data", false), ("stringData", true)] {
        for entry in node.get(key).and_then(Node::as_map).unwrap_or_default() {
            let reference = references
                && entry
                    .value
                    .as_scalar()
                    .is_some_and(|scalar| is_secret_reference(&scalar.text));
            if !reference {
                wrong.push(Complaint {
                    place: place(path, entry.value.span),
                    what: format!("the Secret holds the value of `{}`", entry.key.escape_debug()),
                    fix: "write a reference, as `stringData: { NAME: \"env:VARIABLE\" }` or `file:PATH`: a plan and its files are kept"
                        .to_owned(),
                });
            }
        }
    }
}

fn text<'a>(node: &'a Node, key: &str) -> Option<&'a str> {
    let scalar = node.get(key)?.as_scalar()?;
    (!scalar.text.is_empty()).then_some(&*scalar.text)
}

fn is_word(text: &str, grouped: bool) -> bool {
    let plain = |part: &str| {
        !part.is_empty()
            && part
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || ".-".contains(c))
    };
    match text.split_once('/').filter(|_| grouped) {
        Some((group, version)) => plain(group) && plain(version) && !group.starts_with('.'),
        None => plain(text) && !text.starts_with('.'),
    }
}

/// Names of roles hold colons; none holds what has a meaning in a path.
fn is_name(text: &str) -> bool {
    text.len() <= LONGEST_NAME
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || ".-_:".contains(c))
        && !text.is_empty()
        && text != "."
        && text != ".."
}

fn is_label(text: &str) -> bool {
    text.len() <= 63
        && !text.is_empty()
        && text
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
}
