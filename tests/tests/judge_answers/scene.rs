//! How is a simulated world asked one thing after another, and how is it written down for a judge?

use std::time::Duration;

use leeward_acceptance::{
    judges::exchanges::{Docket, Judged, Recorded},
    stage::rehearse,
};
use leeward_simulator::{Blueprint, Outcome, Settings, Simulator, World};
use serde_json::{Value, json};

pub(crate) const SUBSCRIPTION: &str = "11111111-2222-3333-4444-555555555555";

/// What was answered.
#[derive(Debug)]
pub(crate) struct Told {
    pub(crate) status: u16,
    pub(crate) body: Value,
    way: Option<String>,
}

/// One conversation.
pub(crate) struct Scene<'a> {
    azure: Simulator,
    recorded: Recorded,
    told: usize,
    docket: &'a mut Docket,
    name: String,
}

impl<'a> Scene<'a> {
    pub(crate) fn new(docket: &'a mut Docket, name: &str) -> Scene<'a> {
        Scene::of(platform(), docket, name)
    }

    pub(crate) fn of(world: World, docket: &'a mut Docket, name: &str) -> Scene<'a> {
        let azure = Simulator::new(world, Settings::seeded(1));
        let recorded = Recorded::of(&azure);
        Scene {
            azure,
            recorded,
            told: 0,
            docket,
            name: name.to_owned(),
        }
    }

    /// Asks what a client may well ask, and insists on a success: question and answer are judged.
    pub(crate) async fn right(&mut self, method: &str, path: &str, version: &str, body: Value) -> Told {
        let told = self.ask(method, path, version, body, Judged::Both).await;
        assert!(
            (200..300).contains(&told.status),
            "{}: {method} {path}: {} {}",
            self.name,
            told.status,
            told.body
        );
        told
    }

    /// Asks what is right, and lets what it began come to its end.
    pub(crate) async fn whole(&mut self, method: &str, path: &str, version: &str, body: Value) -> Told {
        let told = self.right(method, path, version, body).await;
        let Some(url) = told.way.clone() else { return told };
        for _ in 0..2_000 {
            let asked = self.send("GET", &url, None, Judged::Both).await;
            let word = asked.body["status"].as_str().unwrap_or_default();
            let over = match word {
                "" => asked.status != 202,
                word => ["Succeeded", "Failed", "Canceled"].contains(&word),
            };
            if over {
                assert_ne!(word, "Failed", "{}: {method} {path}: {}", self.name, asked.body);
                return asked;
            }
            tokio::time::sleep(Duration::from_secs(20)).await;
        }
        panic!("{}: {method} {path} never ended", self.name)
    }

    /// Asks what is refused with a code: the refusal alone is judged.
    pub(crate) async fn wrong(&mut self, method: &str, path: &str, version: &str, body: Value, code: &str) {
        let told = self.ask(method, path, version, body, Judged::Answer).await;
        let found = told.body["error"]["code"].as_str().or(told.body["code"].as_str());
        assert_eq!(found, Some(code), "{}: {method} {path}: {}", self.name, told.body);
    }

    pub(crate) async fn get(&mut self, path: &str, version: &str) -> Value {
        self.right("GET", path, version, Value::Null).await.body
    }

    /// Sends one thing and returns its status; only a success is judged.
    pub(crate) fn once(&mut self, method: &str, target: &str, body: Option<&Value>) -> u16 {
        rehearse(async {
            let url = format!("https://management.azure.com{target}");
            self.send(method, &url, body, None).await.status
        })
    }

    pub(crate) fn advance(&self, by: Duration) {
        self.azure.advance(by);
    }

    async fn ask(&mut self, method: &str, path: &str, version: &str, body: Value, judged: Judged) -> Told {
        let join = if path.contains('?') { '&' } else { '?' };
        let url = format!("https://management.azure.com{path}{join}api-version={version}");
        let body = (!body.is_null()).then_some(body);
        self.send(method, &url, body.as_ref(), judged).await
    }

    async fn send(
        &mut self,
        method: &str,
        url: &str,
        body: Option<&Value>,
        judged: impl Into<Option<Judged>>,
    ) -> Told {
        let mut request = http::Request::builder()
            .method(method)
            .uri(url)
            .header("authorization", "Bearer pretend");
        if body.is_some() {
            request = request.header("content-type", "application/json");
        }
        let bytes = body.map(Value::to_string).unwrap_or_default();
        let request = request.body(bytes::Bytes::from(bytes));
        let request = request.unwrap_or_else(|error| panic!("{url}: {error}"));
        let Outcome::Answered(answer) = self.azure.handle(request).await else {
            panic!("{}: {method} {url}: no answer", self.name);
        };
        let all = self.recorded.exchanges();
        let judged = match judged.into() {
            None => answer.status().is_success().then_some(Judged::Answer),
            told => told,
        };
        if let Some(judged) = judged {
            self.docket.add(&self.name, &all[self.told..], judged);
        }
        self.told = all.len();
        let header = |name: &str| {
            let value = answer.headers().get(name)?;
            Some(value.to_str().unwrap_or_default().to_owned())
        };
        Told {
            status: answer.status().as_u16(),
            body: serde_json::from_slice(answer.body()).unwrap_or(Value::Null),
            way: header("azure-asyncoperation").or_else(|| header("location")),
        }
    }
}

/// A platform with something of every family.
pub(crate) fn platform() -> World {
    let blueprint: Blueprint = serde_json::from_value(json!({
        "subscription": SUBSCRIPTION,
        "regions": {"primary": "westeurope", "paired": "northeurope"},
        "resources": [
            {"kind": "sql-failover-group", "name": "fog-platform",
             "primary": {"resource-group": "rg-weu"}, "paired": {"resource-group": "rg-neu"}},
            {"kind": "sql-failover-group", "name": "fog-shop", "of": "servers", "databases": ["orders"],
             "primary": {"resource-group": "rg-weu", "name": "sql-shop-weu"},
             "paired": {"resource-group": "rg-neu", "name": "sql-shop-neu"}},
            {"kind": "vault-machines", "vault": "rsv-neu", "resource-group": "rg-neu",
             "machines": ["vm-1", "vm-2"], "recovery-plan": "rp-all"},
            {"kind": "storage-geo", "account": "stgeo", "resource-group": "rg-weu"},
            {"kind": "storage-replicated", "containers": ["invoices"],
             "primary": {"account": "strweu", "resource-group": "rg-weu"},
             "paired": {"account": "strneu", "resource-group": "rg-neu"}},
            {"kind": "aks-cluster", "primary": {"name": "aks-weu", "resource-group": "rg-weu"},
             "paired": {"name": "aks-neu", "resource-group": "rg-neu"}},
            {"kind": "traffic-manager", "profile": "tm-platform", "resource-group": "rg-global",
             "primary": {"endpoint": "weu"}, "paired": {"endpoint": "neu"}},
            {"kind": "dns-record", "zone": "example.test", "resource-group": "rg-global", "record": "shop",
             "type": "A", "values": ["20.0.0.1"]},
            {"kind": "dns-record", "zone": "inner.test", "private": true, "resource-group": "rg-global",
             "record": "shop", "type": "A", "values": ["10.0.0.1"]},
            {"kind": "front-door", "profile": "afd", "resource-group": "rg-global", "origin-group": "shop",
             "primary": "weu", "paired": "neu"},
        ],
    }))
    .unwrap_or_else(|error| panic!("{error}"));
    World::derive(&blueprint).unwrap_or_else(|error| panic!("{error}"))
}

/// Returns the id of a resource in a group.
pub(crate) fn id(group: &str, rest: &str) -> String {
    format!("/subscriptions/{SUBSCRIPTION}/resourceGroups/{group}/providers/{rest}")
}
