//! What do the official examples ask for, and what in a simulated world do they mean?

use std::{
    cell::RefCell,
    collections::BTreeMap,
    path::{Path, PathBuf},
    rc::Rc,
};

use leeward_simulator::{World, world::fold_id};
use serde_json::{Value, json};

use super::material;

/// One official example of an operation.
#[derive(Clone, Debug)]
pub struct Example {
    /// The operation.
    pub operation: String,
    /// Its version.
    pub version: String,
    /// The file's name.
    pub file: String,
    /// The verb.
    pub method: String,
    /// The path as the specification writes it, names in braces.
    pub template: String,
    /// The names of the path, as the example fills them in.
    pub names: BTreeMap<String, String>,
    /// Further query pairs.
    pub query: Vec<(String, String)>,
    /// The body.
    pub body: Option<Value>,
    /// The statuses that the operation declares.
    pub statuses: Vec<String>,
    /// What the example answers, by status.
    pub responses: Value,
}

impl Example {
    /// Returns where the example can be sent in a world: to each thing of its type that the world holds, else to what
    /// the example names.
    pub fn targets(&self, world: &World) -> Vec<String> {
        let mut paths = counterparts(&self.template, &self.names, world);
        if paths.is_empty() {
            paths.push(self.filled(&self.template, world));
        }
        for path in &mut paths {
            path.push_str(&format!("?api-version={}", self.version));
            for (name, value) in &self.query {
                path.push_str(&format!("&{name}={}", encoded(value)));
            }
        }
        paths
    }

    fn filled(&self, template: &str, world: &World) -> String {
        let mut path = String::new();
        let own = world.subscriptions.keys().next().cloned().unwrap_or_default();
        let group = world.groups.values().next().map(|group| group.name.clone());
        for part in template.split('/').skip(1) {
            let name = part.strip_prefix('{').and_then(|part| part.strip_suffix('}'));
            let value = match name {
                Some("subscriptionId") => own.clone(),
                Some("resourceGroupName") => group.clone().unwrap_or_default(),
                // A whole path, slashes and all.
                Some("scope") => format!(
                    "subscriptions/{own}/resourceGroups/{}",
                    group.clone().unwrap_or_default()
                ),
                Some("location" | "locationName") => "northeurope".to_owned(),
                Some(name) => self
                    .names
                    .get(name)
                    .map(|value| encoded(value))
                    .unwrap_or_default(),
                None => part.to_owned(),
            };
            path.push('/');
            path.push_str(&value);
        }
        path
    }
}

/// Puts the ids of what a world holds in place of a template's names.
fn counterparts(template: &str, names: &BTreeMap<String, String>, world: &World) -> Vec<String> {
    let below = template.split_once("/providers/").map_or("", |(_, below)| below);
    let mut parts = below.split('/');
    let mut kind = parts.next().unwrap_or_default().to_lowercase();
    let rest: Vec<&str> = parts.collect();
    // As many pairs of type and name as there are; what is left is a collection or an action.
    let mut taken = 0;
    for pair in rest.chunks_exact(2) {
        match pair {
            // Traffic Manager and DNS write a type as a name.
            [own, name] if name.starts_with('{') && own.starts_with('{') => match names.get("recordType") {
                Some(record) => kind.push_str(&format!("/{}", record.to_lowercase())),
                None => kind.push_str("/externalendpoints"),
            },
            [own, name] if name.starts_with('{') => kind.push_str(&format!("/{}", own.to_lowercase())),
            _ => break,
        }
        taken += 2;
    }
    let left: String = rest.iter().skip(taken).map(|part| format!("/{part}")).collect();
    if taken == 0 || left.contains('{') {
        return Vec::new();
    }
    let fitting = world
        .resources
        .values()
        .filter(|one| one.kind.to_lowercase() == kind);
    fitting
        .map(|one| fold_id(&one.id).replace("/resourcegroups/", "/resourceGroups/") + &left)
        .collect()
}

fn encoded(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => out.push(char::from(byte)),
            other => out.push_str(&format!("%{other:02X}")),
        }
    }
    out
}

/// Reads every example of some operations, each written `operationId version`.
///
/// # Panics
/// Where the specification has no such operation.
pub fn of(folder: &Path, wanted: &[String]) -> Vec<Example> {
    let all = material::operations(folder);
    let mut found = Vec::new();
    for wanted in wanted {
        let (id, version) = wanted.split_once(' ').unwrap_or((wanted, ""));
        let operation = all
            .iter()
            .find(|one| one["operationId"] == id && one["apiVersion"] == version)
            .unwrap_or_else(|| panic!("the specification has no operation {wanted}"));
        let file = folder.join(text(&operation["file"]));
        let parameters = parameters(&file, operation);
        for example in operation["examples"].as_array().into_iter().flatten() {
            let path = normal(&file, &text(example));
            found.push(read(operation, &parameters, &path));
        }
    }
    found
}

fn read(operation: &Value, parameters: &[Value], path: &Path) -> Example {
    let example = material::read(path);
    let given = &example["parameters"];
    let mut names = BTreeMap::new();
    let mut query = Vec::new();
    let mut body = None;
    for parameter in parameters {
        let name = text(&parameter["name"]);
        let value = match &given[&name] {
            Value::Null => continue,
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        match parameter["in"].as_str() {
            Some("path") => {
                names.insert(name, value);
            }
            Some("query") if name != "api-version" => query.push((name, value)),
            Some("body") => body = Some(given[&name].clone()),
            _ => {}
        }
    }
    let statuses = operation["statuses"].as_array().cloned().unwrap_or_default();
    Example {
        operation: text(&operation["operationId"]),
        version: text(&operation["apiVersion"]),
        file: path
            .file_name()
            .map(|name| name.to_string_lossy().into_owned())
            .unwrap_or_default(),
        method: text(&operation["method"]),
        template: text(&operation["path"]),
        names,
        query,
        body,
        statuses: statuses.iter().map(text).collect(),
        responses: example["responses"].clone(),
    }
}

/// Returns the parameters of an operation, references followed.
fn parameters(file: &Path, operation: &Value) -> Vec<Value> {
    let spec = specification(file);
    let path = text(&operation["path"]);
    let item = [&spec["paths"], &spec["x-ms-paths"]]
        .into_iter()
        .find_map(|paths| paths.get(&path))
        .cloned()
        .unwrap_or_default();
    let verb = text(&operation["method"]).to_lowercase();
    let lists = [&item["parameters"], &item[verb.as_str()]["parameters"]];
    let all = lists.into_iter().filter_map(Value::as_array).flatten();
    all.map(|one| resolved(file, one)).collect()
}

fn resolved(file: &Path, node: &Value) -> Value {
    let Some(reference) = node["$ref"].as_str() else {
        return node.clone();
    };
    let (other, pointer) = reference.split_once('#').unwrap_or((reference, ""));
    let target = match other.is_empty() {
        true => file.to_owned(),
        false => normal(file, other),
    };
    let found = specification(&target).pointer(pointer).cloned();
    resolved(&target, &found.unwrap_or_else(|| json!({})))
}

/// Reads a file of the specification, each once: some are megabytes, and every operation of theirs asks for them.
fn specification(path: &Path) -> Rc<Value> {
    thread_local! {
        static READ: RefCell<BTreeMap<PathBuf, Rc<Value>>> = const { RefCell::new(BTreeMap::new()) };
    }
    READ.with_borrow_mut(|read| {
        let known = read.entry(path.to_owned());
        known.or_insert_with(|| Rc::new(material::read(path))).clone()
    })
}

/// Returns a path that is written relative to a file.
fn normal(file: &Path, relative: &str) -> PathBuf {
    let mut path = file.parent().map(Path::to_owned).unwrap_or_default();
    for part in relative.split('/') {
        match part {
            "." => {}
            ".." => {
                path.pop();
            }
            part => path.push(part),
        }
    }
    path
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
