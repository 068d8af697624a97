//! What does the API server of a pretend cluster answer?
//!
//! Enough to rehearse an apply and to satisfy the official client: discovery, objects of Kubernetes' own kinds and of
//! definitions that were applied, server-side apply with its conflicts, and readiness that comes after a while.
//! The cluster has no certificate: it is reached as to a forward proxy, like everything else outside the control plane.

mod apply;
mod kinds;
mod show;

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode};
use jiff::Timestamp;
use serde_json::{Value, json};

use self::{
    apply::Refused,
    kinds::{Route, Served},
};
use crate::{
    provider::aks,
    world::{Health, Held, Kubernetes, Resource, World},
};

/// Returns the cluster whose API server has a host name.
pub(super) fn cluster<'a>(world: &'a World, host: &str) -> Option<&'a Resource> {
    world.resources.values().find(|resource| {
        let properties = &resource.body["properties"];
        resource.kind.eq_ignore_ascii_case(aks::CLUSTERS)
            && ["fqdn", "privateFQDN"].iter().any(|name| {
                properties[*name]
                    .as_str()
                    .is_some_and(|name| name.eq_ignore_ascii_case(host))
            })
    })
}

/// Returns whether everything that was put on a cluster is ready; true where nothing was.
pub(super) fn is_ready(world: &World, cluster: &Resource, now: Timestamp) -> bool {
    let key = aks::server(cluster);
    world
        .kubernetes
        .get(&key)
        .is_none_or(|on| on.objects.values().all(|held| show::is_ready(held, now)))
}

/// Answers a request to an API server; nothing where the host is none, and nobody where it does not answer.
pub(super) fn answer(
    world: &mut World,
    request: &Request<Bytes>,
    now: Timestamp,
) -> Option<Option<Response<Bytes>>> {
    let cluster = cluster(world, request.uri().host()?)?.clone();
    let up = world.health(&cluster.region, now) == Health::Up;
    if !up || !aks::answers(&cluster) {
        return Some(None);
    }
    if let Err(refused) = admit(world, &cluster, request) {
        return Some(Some(refused.response()));
    }
    let mut on = world
        .kubernetes
        .remove(&aks::server(&cluster))
        .unwrap_or_default();
    let answer = Asked {
        on: &mut on,
        cluster: &cluster,
        request,
        now,
    }
    .answer();
    world.kubernetes.insert(aks::server(&cluster), on);
    Some(Some(match answer {
        Ok((status, body)) => response(status, &body),
        Err(refused) => refused.response(),
    }))
}

/// The tokens of a kubeconfig open their own cluster only; Azure's sign-in opens those that have it.
fn admit(world: &World, cluster: &Resource, request: &Request<Bytes>) -> Result<(), Refused> {
    let header = request.headers().get("authorization");
    let token = header
        .and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "))
        .unwrap_or_default()
        .trim();
    let unknown = || Refused::new(401, "Unauthorized", "Unauthorized");
    if token.is_empty() {
        return Err(unknown());
    }
    if aks::tokens(cluster).iter().any(|known| known == token) {
        return Ok(());
    }
    // That it is for the audience of AKS is not looked at.
    let signed_in = world.tokens.is_empty() || world.tokens.iter().any(|known| known == token);
    match aks::signs_in(cluster) && signed_in && !token.starts_with(aks::LOCAL) {
        true => Ok(()),
        false => Err(unknown()),
    }
}

fn response(status: u16, body: &Value) -> Response<Bytes> {
    let text = match body {
        Value::String(lines) => lines.clone(),
        body => body.to_string(),
    };
    let mut response = Response::new(Bytes::from(text));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::OK);
    response
        .headers_mut()
        .insert("content-type", HeaderValue::from_static("application/json"));
    response
}

impl Refused {
    fn response(&self) -> Response<Bytes> {
        let mut body = json!({
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": self.message,
            "reason": self.reason,
            "code": self.status,
        });
        if !self.causes.is_empty() {
            body["details"] = json!({"causes": self.causes});
        }
        response(self.status, &body)
    }
}

/// An object that names no namespace stands in that of its path.
fn place(route: &Route, body: &mut Value) {
    if let Some(namespace) = &route.namespace {
        body["metadata"]["namespace"] = json!(namespace);
    }
}

type Answered = Result<(u16, Value), Refused>;

struct Asked<'a> {
    on: &'a mut Kubernetes,
    cluster: &'a Resource,
    request: &'a Request<Bytes>,
    now: Timestamp,
}

impl Asked<'_> {
    fn answer(mut self) -> Answered {
        let path = self.request.uri().path().trim_end_matches('/').to_owned();
        if let Some(body) = kinds::discovery(&path, self.cluster, self.on) {
            return Ok((200, body));
        }
        let nowhere = || {
            Refused::new(
                404,
                "NotFound",
                "the server could not find the requested resource",
            )
        };
        let route = kinds::route(&path, self.on).ok_or_else(nowhere)?;
        let method = self.request.method().clone();
        match (&method, route.name.is_some()) {
            (&Method::GET, true) => self.get(&route),
            (&Method::GET, false) => Ok((200, self.list(&route))),
            (&Method::PATCH, true) => self.patch(&route),
            (&Method::PUT, true) => self.write(&route, true),
            (&Method::POST, false) => self.write(&route, false),
            (&Method::DELETE, true) => self.delete(&route),
            _ => Err(Refused::new(
                405,
                "MethodNotAllowed",
                "the server does not allow this method on the requested resource",
            )),
        }
    }

    fn query(&self, name: &str) -> Option<String> {
        let query = self.request.uri().query().unwrap_or_default();
        url::form_urlencoded::parse(query.as_bytes())
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.into_owned())
    }

    fn body(&self) -> Result<Value, Refused> {
        let bad =
            |error: String| Refused::new(400, "BadRequest", &format!("error decoding the body: {error}"));
        let text = std::str::from_utf8(self.request.body()).map_err(|error| bad(error.to_string()))?;
        match serde_json::from_str(text) {
            Ok(body) => Ok(body),
            Err(_) => serde_saphyr::from_str(text).map_err(|error| bad(error.to_string())),
        }
    }

    fn show(&self, held: &Held) -> Value {
        show::whole(held, self.cluster, self.on, self.now)
    }

    fn get(&self, route: &Route) -> Answered {
        if let Some(held) = self.on.objects.get(&route.path) {
            return Ok((200, self.show(held)));
        }
        if let Some(pod) = show::pods(self.on, route, None, self.now).pop() {
            return Ok((200, pod));
        }
        match kinds::is_of_the_start(route) {
            true => Ok((200, kinds::of_the_start(route))),
            false => Err(route.missing()),
        }
    }

    fn list(&self, route: &Route) -> Value {
        let labels = self.query("labelSelector");
        let fields = self.query("fieldSelector").unwrap_or_default();
        let named = fields.strip_prefix("metadata.name=").map(str::to_owned);
        let mut items: Vec<Value> = self
            .on
            .objects
            .iter()
            .filter(|(path, _)| route.holds(path))
            .map(|(_, held)| self.show(held))
            .filter(|object| show::matches(&object["metadata"]["labels"], labels.as_deref()))
            .chain(show::pods(self.on, route, labels.as_deref(), self.now))
            .collect();
        if let Some(name) = named {
            items.retain(|item| item["metadata"]["name"] == name.as_str());
        }
        if self
            .query("watch")
            .is_some_and(|watch| watch == "true" || watch == "1")
        {
            // What is there now, and then the stream ends: whoever watches asks again.
            let line = |item: &Value| format!("{}\n", json!({"type": "MODIFIED", "object": item}));
            return Value::String(items.iter().map(line).collect());
        }
        let Served { kind, .. } = &route.served;
        json!({
            "kind": format!("{kind}List"),
            "apiVersion": route.api_version(),
            "metadata": {"resourceVersion": show::version(self.on.version, self.now)},
            "items": items,
        })
    }

    /// Takes a write in and shows what comes of it.
    fn keep(&mut self, route: &Route, mut held: Held, spec_changed: bool) -> Value {
        self.on.version += 1;
        held.version = self.on.version;
        if spec_changed {
            held.generation += 1;
            held.wanted = self.now;
        }
        let shown = self.show(&held);
        let dry = self.query("dryRun").is_some();
        if !dry {
            self.on.objects.insert(route.path.clone(), held);
        }
        shown
    }

    fn fits(&self, route: &Route, body: &Value) -> Result<(), Refused> {
        let bad = |message: &str| Err(Refused::new(400, "BadRequest", message));
        if body["apiVersion"] != route.api_version().as_str() || body["kind"] != route.served.kind.as_str() {
            return bad("the API version or kind in the data does not match the expected one");
        }
        let namespace = body["metadata"]["namespace"].as_str();
        if namespace.is_some_and(|namespace| Some(namespace) != route.namespace.as_deref()) {
            return bad(
                "the namespace of the provided object does not match the namespace sent on the request",
            );
        }
        match &route.namespace {
            Some(namespace) if !kinds::has_namespace(self.on, namespace) => Err(Refused::new(
                404,
                "NotFound",
                &format!("namespaces \"{namespace}\" not found"),
            )),
            _ => Ok(()),
        }
    }

    fn patch(&mut self, route: &Route) -> Answered {
        let kind = self.request.headers().get("content-type");
        let kind = kind
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
            .to_owned();
        let mut body = self.body()?;
        let old = self.on.objects.get(&route.path).cloned();
        let manager = self.query("fieldManager");
        if kind.starts_with("application/apply-patch+yaml") {
            self.fits(route, &body)?;
            place(route, &mut body);
            if body["metadata"]["name"].as_str() != route.name.as_deref() {
                return Err(Refused::new(
                    400,
                    "BadRequest",
                    "the name in the data does not match the URL",
                ));
            }
            let Some(manager) = manager else {
                return Err(Refused::new(
                    422,
                    "Invalid",
                    "PatchOptions.meta.k8s.io \"\" is invalid: fieldManager: Required value: is required for apply patch",
                ));
            };
            if !body["metadata"]["managedFields"].is_null() {
                return Err(Refused::new(
                    400,
                    "BadRequest",
                    "metadata.managedFields must be nil",
                ));
            }
            let force = self.query("force").is_some_and(|force| force == "true");
            let (held, changed) = apply::apply(old.as_ref(), &body, &manager, force, self.now)?;
            let shown = self.keep(route, held, changed);
            return Ok((if old.is_some() { 200 } else { 201 }, shown));
        }
        let Some(old) = old else {
            return Err(route.missing());
        };
        // A merge of lists by their keys is what applies are for; here a list takes the place of the old one.
        let (held, changed) = apply::merge(
            &old,
            &body,
            &manager.unwrap_or_else(|| "unknown".to_owned()),
            self.now,
        );
        Ok((200, self.keep(route, held, changed)))
    }

    fn write(&mut self, route: &Route, replaces: bool) -> Answered {
        let mut body = self.body()?;
        self.fits(route, &body)?;
        place(route, &mut body);
        let Some(name) = body["metadata"]["name"].as_str() else {
            return Err(Refused::new(422, "Invalid", "metadata.name: Required value"));
        };
        let route = match replaces {
            true => route.clone(),
            false => route.of(name),
        };
        let old = self.on.objects.get(&route.path).cloned();
        if !replaces && old.is_some() {
            return Err(Refused::new(
                409,
                "AlreadyExists",
                &format!("{} \"{name}\" already exists", route.served.plural),
            ));
        }
        let manager = self.query("fieldManager").unwrap_or_else(|| "unknown".to_owned());
        let (held, changed) = apply::replace(old.as_ref(), &body, &manager, self.now);
        let status = if old.is_some() { 200 } else { 201 };
        Ok((status, self.keep(&route, held, changed)))
    }

    fn delete(&mut self, route: &Route) -> Answered {
        if self.on.objects.remove(&route.path).is_none() {
            return Err(route.missing());
        }
        self.on.version += 1;
        if route.served.kind == "Namespace" {
            let within = format!("/namespaces/{}/", route.name.as_deref().unwrap_or_default());
            self.on.objects.retain(|path, _| !path.contains(&within));
        }
        Ok((
            200,
            json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success"}),
        ))
    }
}
