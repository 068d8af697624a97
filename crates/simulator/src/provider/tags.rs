//! What of the tags of a subscription, a group or a resource, asked for by themselves?
//!
//! `{scope}/providers/Microsoft.Resources/tags/default` is another door to what the resource itself shows under
//! `tags`: there is one truth, and it lies with the resource.

use http::Method;
use serde_json::{Map, Value, json};

use super::{Context, Provider, Served};
use crate::{
    arm::{Answer, ArmPath, ArmRequest},
    shape::set,
    world::{Resource, World, fold_id},
};

const TAGS: &str = "microsoft.resources/tags";
/// Recorded is 2022-09-01. The newest may answer 202, it says; nobody recorded one that did, and this one does not.
const VERSIONS: &[&str] = &["2019-10-01", "2022-09-01", "2024-03-01", "2025-04-01"];
/// The least and the most that ARM takes: names and values of tags, and how many of them. Documented.
const MOST: (usize, usize, usize) = (512, 256, 50);

/// The provider.
pub(crate) struct Tags;

impl Provider for Tags {
    fn serves(&self) -> &'static [Served] {
        &[Served {
            kind: TAGS,
            versions: VERSIONS,
        }]
    }

    fn answer(&self, context: &mut Context<'_>, request: &ArmRequest) -> Answer {
        if request.path.tail.is_some() || !request.path.name().eq_ignore_ascii_case("default") {
            return super::authorization::refused();
        }
        let scope = request.path.scope.clone();
        let Some(old) = of(context, &scope) else {
            return Answer::not_found(&ArmPath::parse(&scope));
        };
        let asked = request.json();
        let given = asked["properties"]["tags"]
            .as_object()
            .cloned()
            .unwrap_or_default();
        let new = match request.method {
            Method::GET => return Answer::json(200, shown(request, &old)),
            Method::DELETE => Map::new(),
            Method::PUT => given,
            Method::PATCH => {
                let operation = asked["operation"].as_str().unwrap_or_default().to_lowercase();
                match operation.as_str() {
                    "merge" => merged(old, given),
                    "replace" => given,
                    "delete" => without(old, &given),
                    _ => return unreadable("operation"),
                }
            }
            _ => return super::authorization::refused(),
        };
        if let Err(refused) = judge(&scope, &new) {
            return refused;
        }
        keep(context.world, &scope, &new);
        match request.method {
            // Recorded: 200 without a body.
            Method::DELETE => Answer::empty(200),
            _ => Answer::json(200, shown(request, &new)),
        }
    }

    /// What changes a resource's tags goes to its own provider, and so to its region; ARM itself can tell them.
    fn region(&self, world: &World, request: &ArmRequest) -> Option<String> {
        match request.changing() {
            true => world
                .resource(&request.path.scope)
                .map(|resource| resource.region.clone()),
            false => None,
        }
    }
}

fn unreadable(what: &str) -> Answer {
    Answer::gateway(
        400,
        "InvalidRequestContent",
        format!("The request content was invalid: '{what}' is missing or unknown."),
    )
}

/// Returns the tags that reads see; nothing where there is no such thing.
fn of(context: &Context<'_>, scope: &str) -> Option<Map<String, Value>> {
    let object = |value: &Value| value.as_object().cloned().unwrap_or_default();
    let path = ArmPath::parse(scope);
    if path.namespace.is_some() {
        return context.seen(scope).map(|resource| object(&resource.body["tags"]));
    }
    match (&path.subscription, &path.group) {
        (Some(subscription), Some(group)) => context
            .world
            .group_of(subscription, group)
            .map(|group| object(&group.tags)),
        (Some(_), None) => Some(
            context
                .seen(&own(scope))
                .map(|kept| object(&kept.body["tags"]))
                .unwrap_or_default(),
        ),
        _ => None,
    }
}

/// Returns the id under which the tags of a subscription are kept.
fn own(scope: &str) -> String {
    format!("{scope}/providers/Microsoft.Resources/tags/default")
}

fn keep(world: &mut World, scope: &str, tags: &Map<String, Value>) {
    let path = ArmPath::parse(scope);
    if path.namespace.is_some() {
        if let Some(resource) = world.change(scope) {
            set(&mut resource.body, &["tags"], json!(tags));
        }
        return;
    }
    match path.group {
        Some(_) => {
            if let Some(group) = world.groups.get_mut(&fold_id(scope)) {
                group.tags = json!(tags);
            }
        }
        None => world.put(Resource {
            id: own(scope),
            kind: "Microsoft.Resources/tags".to_owned(),
            region: "global".to_owned(),
            body: json!({"tags": tags}),
            state: Value::Null,
        }),
    }
}

fn shown(request: &ArmRequest, tags: &Map<String, Value>) -> Value {
    json!({
        "id": request.path.id(),
        "name": "default",
        "type": "Microsoft.Resources/tags",
        "properties": {"tags": tags},
    })
}

/// Names have no case: one that is there already keeps the case in which it was written first.
fn merged(mut old: Map<String, Value>, given: Map<String, Value>) -> Map<String, Value> {
    for (name, value) in given {
        let known = old
            .keys()
            .find(|known| known.eq_ignore_ascii_case(&name))
            .cloned();
        old.insert(known.unwrap_or(name), value);
    }
    old
}

/// Takes away what is named; where a value is given, only if it is the one that stands there.
fn without(old: Map<String, Value>, given: &Map<String, Value>) -> Map<String, Value> {
    let meant = |name: &str, value: &Value| {
        given.iter().any(|(other, wanted)| {
            other.eq_ignore_ascii_case(name) && (wanted.is_null() || wanted == "" || wanted == value)
        })
    };
    old.into_iter()
        .filter(|(name, value)| !meant(name, value))
        .collect()
}

/// Refuses what bears no tags, and tags that are too many, too long or no text. The limits are documented, that only a
/// resource of its own bears tags too; the codes are inferences.
fn judge(scope: &str, tags: &Map<String, Value>) -> Result<(), Answer> {
    let path = ArmPath::parse(scope);
    if path.namespace.is_some() && !bears_tags(&path) {
        return Err(Answer::gateway(
            400,
            "TagsNotSupported",
            format!("The resource type '{}' does not support tags.", path.kind()),
        ));
    }
    let (name, value, count) = MOST;
    if tags.values().any(|value| !value.is_string()) {
        return Err(unreadable("tags"));
    }
    let long = tags.iter().any(|(key, text)| {
        key.is_empty()
            || key.chars().count() > name
            || text.as_str().is_some_and(|text| text.chars().count() > value)
    });
    match long || tags.len() > count {
        true => Err(Answer::gateway(
            400,
            "InvalidTags",
            format!(
                "A resource bears at most {count} tags, with names of {name} and values of {value} characters."
            ),
        )),
        false => Ok(()),
    }
}

/// Returns whether a type is one that bears tags: resources of their own do, and these parts of others.
fn bears_tags(path: &ArmPath) -> bool {
    const PARTS: [&str; 7] = [
        "microsoft.compute/virtualmachines/runcommands",
        "microsoft.network/privatednszones/virtualnetworklinks",
        "microsoft.sql/managedinstances/databases",
        "microsoft.sql/servers/databases",
        "microsoft.sql/servers/elasticpools",
        "microsoft.sql/servers/failovergroups",
        "microsoft.web/sites/slots",
    ];
    path.types.len() == 1 || PARTS.contains(&path.kind().as_str())
}

/// Returns the tags of a subscription, to be shown with it.
pub(crate) fn of_subscription<'a>(world: &'a World, id: &str) -> Option<&'a Value> {
    let kept = world.resource(&own(&format!("/subscriptions/{id}")))?;
    Some(&kept.body["tags"])
}
