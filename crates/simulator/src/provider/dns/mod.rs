//! What do zones of DNS do? Record sets change at once and by compare-and-set; zones of the private sort, and the
//! end of any zone, take their time.

mod answers;
mod furnish;
mod record;

use std::time::Duration;

use http::Method;
use serde_json::{Value, json};

pub use self::answers::Resolved;
pub(crate) use self::{
    answers::{resolve, resolved},
    furnish::furnish,
};
use super::{Begin, Context, Failure, Provider, Served, read};
use crate::{
    arm::{Answer, ArmRequest},
    world::{Operation, Progress, Resource, World, fold_id},
};

/// How long a zone takes to be made or dropped. Recorded: below a minute.
const ZONE: Duration = Duration::from_secs(20);

/// Public or private zones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Dns {
    pub(crate) private: bool,
}

const PUBLIC_VERSIONS: &[&str] = &["2018-05-01"];
const PRIVATE_VERSIONS: &[&str] = &["2018-09-01", "2020-06-01", "2024-06-01"];

macro_rules! served {
    ($versions:expr, $($kind:literal),* $(,)?) => {
        &[$(Served { kind: $kind, versions: $versions }),*]
    };
}

const PUBLIC: &[Served] = served!(
    PUBLIC_VERSIONS,
    "microsoft.network/dnszones",
    "microsoft.network/dnszones/a",
    "microsoft.network/dnszones/aaaa",
    "microsoft.network/dnszones/caa",
    "microsoft.network/dnszones/cname",
    "microsoft.network/dnszones/mx",
    "microsoft.network/dnszones/ns",
    "microsoft.network/dnszones/ptr",
    "microsoft.network/dnszones/soa",
    "microsoft.network/dnszones/srv",
    "microsoft.network/dnszones/txt",
);
const PRIVATE: &[Served] = served!(
    PRIVATE_VERSIONS,
    "microsoft.network/privatednszones",
    "microsoft.network/privatednszones/virtualnetworklinks",
    "microsoft.network/privatednszones/a",
    "microsoft.network/privatednszones/aaaa",
    "microsoft.network/privatednszones/cname",
    "microsoft.network/privatednszones/mx",
    "microsoft.network/privatednszones/ptr",
    "microsoft.network/privatednszones/soa",
    "microsoft.network/privatednszones/srv",
    "microsoft.network/privatednszones/txt",
);

impl Dns {
    /// The zone's type, as answers show it.
    fn shown(self) -> &'static str {
        match self.private {
            true => "Microsoft.Network/privateDnsZones",
            false => "Microsoft.Network/dnszones",
        }
    }

    fn zone_kind(self) -> &'static str {
        match self.private {
            true => "microsoft.network/privatednszones",
            false => "microsoft.network/dnszones",
        }
    }

    /// Returns the id of a path in the case in which answers show it.
    fn shown_id(self, request: &ArmRequest) -> String {
        let path = &request.path;
        let mut id = format!(
            "/subscriptions/{}/resourceGroups/{}/providers/{}/{}",
            path.subscription.as_deref().unwrap_or_default(),
            path.group.as_deref().unwrap_or_default(),
            self.shown(),
            path.names.first().map(String::as_str).unwrap_or_default(),
        );
        for (kind, name) in path.types.iter().zip(&path.names).skip(1) {
            let kind = match kind.eq_ignore_ascii_case("virtualNetworkLinks") {
                true => "virtualNetworkLinks".to_owned(),
                false => kind.to_uppercase(),
            };
            id.push_str(&format!("/{kind}/{name}"));
        }
        id
    }

    /// Begins what takes its time. The words of its URLs are recorded.
    fn begin(self, context: &mut Context<'_>, request: &ArmRequest, verb: &str, answer: Answer) -> Answer {
        let under = |what: &str| {
            let word = if self.private { "privateDns" } else { "dns" };
            Some(format!(
                "/subscriptions/{}/resourceGroups/{}/providers/Microsoft.Network/{word}Operation{what}",
                request.path.subscription.as_deref().unwrap_or_default(),
                request.path.group.as_deref().unwrap_or_default(),
            ))
        };
        let lasts = context.around("lasts", ZONE);
        let mut begin = Begin::new(
            self.zone_kind(),
            "global",
            &self.shown_id(request),
            verb,
            &request.api_version(),
            lasts,
        );
        begin.status_under = under("Statuses");
        begin.result_under = under("Results");
        begin.retry_after = Some(if self.private { 30 } else { 3 });
        begin.state = request.json();
        let operation = context.begin(begin);
        context.links(answer, &operation)
    }
}

impl Provider for Dns {
    fn serves(&self) -> &'static [Served] {
        match self.private {
            true => PRIVATE,
            false => PUBLIC,
        }
    }

    /// Zones are of no region.
    fn region(&self, _: &World, _: &ArmRequest) -> Option<String> {
        None
    }

    fn answer(&self, context: &mut Context<'_>, request: &ArmRequest) -> Answer {
        let whole = request.path.types.len() < 2;
        let link = request.path.kind().ends_with("/virtualnetworklinks");
        let id = request.path.id();
        match request.method {
            Method::GET if request.path.tail.is_some() || whole || link => read(self, context, request),
            _ if !whole && !link => record::answer(*self, context, request),
            Method::PUT if self.private => {
                if link && context.world.resource(&zone_of(&id)).is_none() {
                    return record::no_zone(request);
                }
                self.begin(context, request, "write", Answer::json(202, json!({})))
            }
            Method::PUT => {
                let fresh = context.world.resource(&id).is_none();
                let etag = context.guid("etag");
                let zone = furnish::zone(*self, &self.shown_id(request), &etag);
                let shown = zone.body.clone();
                context.world.put(zone);
                with_etag(if fresh { 201 } else { 200 }, shown)
            }
            Method::DELETE => {
                if context.world.resource(&id).is_none() {
                    return Answer::empty(204).accepted(false);
                }
                let prefix = format!("{}/virtualnetworklinks/", fold_id(&id));
                let nested = context
                    .world
                    .resources
                    .iter()
                    .find(|(key, _)| key.starts_with(&prefix));
                if let (true, Some((_, nested))) = (self.private, nested) {
                    let nested = nested
                        .id
                        .split("/providers/")
                        .nth(1)
                        .unwrap_or_default()
                        .to_owned();
                    return Answer::gateway(
                        409,
                        "CannotDeleteResource",
                        format!(
                            "Cannot delete resource while nested resources exist. Some existing nested resource IDs \
                             include: '{nested}'. Please delete all nested resources before deleting this resource."
                        ),
                    );
                }
                self.begin(context, request, "delete", Answer::empty(202))
            }
            _ => Answer::gateway(405, "HttpMethodNotAllowed", "The verb is not supported."),
        }
    }

    fn finish(&self, context: &mut Context<'_>, operation: &Operation) -> Result<(), Failure> {
        let id = &operation.subject;
        if operation.verb == "delete" {
            let prefix = format!("{}/", fold_id(id));
            let below = context
                .world
                .resources
                .keys()
                .filter(|key| key.starts_with(&prefix));
            for key in below.cloned().collect::<Vec<_>>() {
                context.world.remove(&key);
            }
            context.world.remove(id);
            return Ok(());
        }
        let etag = context.guid("etag");
        let made = match id.contains("/virtualNetworkLinks/") {
            true => furnish::link(id, &etag, &operation.state),
            false => furnish::zone(*self, id, &etag),
        };
        context.world.put(made);
        Ok(())
    }

    /// Recorded: 202 with a body while it runs, and the links once more.
    fn status(&self, context: &Context<'_>, operation: &Operation) -> Answer {
        match &operation.progress {
            Progress::Running => context.links(Answer::json(202, json!({"status": "InProgress"})), operation),
            Progress::Failed { code, message } => Answer::json(
                200,
                json!({"status": "Failed", "error": {"code": code, "message": message}}),
            ),
            _ => Answer::json(200, json!({"status": "Succeeded"})),
        }
    }

    fn show(&self, _: &Context<'_>, seen: &Resource) -> Value {
        seen.body.clone()
    }
}

/// Returns the id of the zone that an id lies in.
fn zone_of(id: &str) -> String {
    id.rsplitn(3, '/').nth(2).unwrap_or_default().to_owned()
}

/// Answers with a body whose etag stands in the header as well.
fn with_etag(status: u16, body: Value) -> Answer {
    let etag = body["etag"].as_str().unwrap_or_default().to_owned();
    Answer::json(status, body).header("etag", etag)
}
