//! Are those who use an account switched with it, whatever goes wrong with one request, and do canaries show that what
//! is written here arrives there?

use leeward_acceptance::{
    stage::{Book, rehearse},
    sweep::{Calm, Scene, Struck, ended_well, sweep_scene},
};
use leeward_cli::{exit::Exit, rehearsal::Outage};
use leeward_engine::event::{Event, StepEvent};
use leeward_runbook::journey::Journey;
use serde_json::{Value, json};

const MEDIA: &str = "leeward: 1
name: media
summary: Two accounts, and who uses them.
regions: { primary: westeurope, paired: northeurope }
objectives: { rto: 4h, rpo: 10m }
parameters:
  subscription: { type: subscription-id, default: 00000000-0000-0000-0000-0000000000f8 }
steps:
  media:
    use: azure.storage.object-replication
    with:
      containers: [media]
      consumers:
        - app-setting: { app: shop, resource-group: rg-apps, name: MEDIA }
        - key-vault-secret: { vault: kv-shop, name: media }
        - dns-record: { zone: shop.example.test, resource-group: rg-global, name: media, type: CNAME }
    at:
      primary: { account: stmediaweu, resource-group: rg-data-weu }
      paired: { account: stmedianeu, resource-group: rg-data-neu }
    data-loss: { budget: 5m }
    ends: recovery
";

const ARCHIVE: &str = "  archive:
    use: azure.storage.geo-failover
    with: { account: starchive, resource-group: rg-archive, canary: canaries }
    on-failure: continue
    data-loss: { budget: 10m, ladder: [planned, unplanned] }
";

const WORLD: &str = "
parameters: { subscription: 00000000-0000-0000-0000-0000000000f8 }
groups:
  - { subscription: 00000000-0000-0000-0000-0000000000f8, name: rg-global, location: swedencentral }
";

const HOME: &str = "https://stmediaweu.blob.core.windows.net/";
const AWAY: &str = "https://stmedianeu.blob.core.windows.net/";

fn media() -> Scene {
    Scene::of("media", Book::written(MEDIA, WORLD))
}

fn canaries() -> Scene {
    let book = format!("{MEDIA}{ARCHIVE}").replace("    ends: recovery\n  archive", "  archive");
    Scene::of("canaries", Book::written(&book, WORLD)).playing(Journey::Drill, Outage::BothUp)
}

/// What the three consumers hold, and what nobody asked to be changed.
fn held(world: &leeward_simulator::World) -> (String, String, String, String) {
    let text = |end: &str, pointer: &str| {
        let found = world
            .resources
            .iter()
            .find(|(id, _)| id.ends_with(end))
            .map(|(_, resource)| &resource.body);
        let text = found.and_then(|body| body.pointer(pointer)?.as_str());
        text.unwrap_or_else(|| panic!("nothing at {end}{pointer}"))
            .to_owned()
    };
    (
        text("/sites/shop/config/appsettings", "/properties/MEDIA"),
        text("/vaults/kv-shop/secrets/media", "/properties/value"),
        text("/cname/media", "/properties/CNAMERecord/cname"),
        text("/sites/shop/config/appsettings", "/properties/LEEWARD_REHEARSAL"),
    )
}

fn all(address: &str) -> (String, String, String, String) {
    let host = address.trim_start_matches("https://").trim_end_matches('/');
    (
        address.to_owned(),
        address.to_owned(),
        host.to_owned(),
        "kept".to_owned(),
    )
}

#[test]
fn those_who_use_an_account_are_switched_once_it_takes_writes_and_home_again() {
    for (journey, outage, address) in [
        (Journey::Failover, Outage::BothUp, AWAY),
        (Journey::Failover, Outage::ServingDown, AWAY),
        (Journey::Failback, Outage::BothUp, HOME),
    ] {
        rehearse(async {
            let scene = media().playing(journey, outage);
            let (stage, played, since) = scene.play(Value::Null).await;
            let told = format!("{}\n{}", scene.name, played.tale());
            assert_eq!(played.exit(), Exit::Holds.code(), "{told}");
            assert_eq!(held(&stage.simulator.world()), all(address), "{told}");
            let changes: Vec<String> = stage
                .changes()
                .into_iter()
                .filter(|entry| entry.sequence > since)
                .map(|entry| format!("{} {}", entry.method, entry.path.to_lowercase()))
                .collect();
            let cut = changes.iter().position(|line| line.starts_with("DELETE"));
            let switched: Vec<usize> = changes
                .iter()
                .enumerate()
                .filter(|(_, line)| line.starts_with("PUT"))
                .map(|(place, _)| place)
                .collect();
            assert_eq!(switched.len(), 3, "{told}\n{changes:#?}");
            assert!(switched.iter().all(|place| Some(*place) > cut), "{changes:#?}");
        });
    }
}

fn everywhere(scene: &Scene, verdict: Value, check: impl Fn(&Struck)) {
    let calm = Calm::in_scene(scene);
    assert_eq!(calm.played.exit(), Exit::Holds.code(), "{}", calm.played.tale());
    assert!(calm.sent.len() > 3, "{:#?}", calm.sent);
    let count = sweep_scene(scene, &verdict, calm.sent.iter(), check);
    assert_eq!(count, calm.sent.len(), "{}", scene.name);
}

#[test]
fn a_switch_of_a_consumer_stands_whatever_goes_wrong_with_it() {
    for verdict in [
        json!({ "answer-lost": {} }),
        json!({ "answer-lost": { "by": "reset" } }),
        json!({ "stale-reads": { "for": "60s" } }),
        json!({ "late-delivery": { "after": "60s" } }),
        json!({ "throttle": { "retry-after": 17 } }),
        json!({ "status": { "status": 503 } }),
        json!("reset"),
    ] {
        everywhere(&media(), verdict, |struck| {
            assert!(ended_well(&struck.played), "{}", struck.told);
            assert_eq!(
                held(&struck.stage.simulator.world()),
                all(AWAY),
                "{}",
                struck.told
            );
        });
    }
}

/// Nothing of a canary is left in the world.
fn left(world: &leeward_simulator::World) -> Vec<String> {
    let accounts = world.resources.values();
    accounts
        .filter_map(|resource| resource.state["blobs"].as_object())
        .flat_map(|blobs| blobs.keys().cloned())
        .collect()
}

#[test]
fn a_drill_sends_a_canary_measures_its_arrival_and_removes_it() {
    rehearse(async {
        let scene = canaries();
        let (stage, played, _) = scene.play(Value::Null).await;
        let told = played.tale();
        assert_eq!(played.exit(), Exit::Holds.code(), "{told}");
        assert!(left(&stage.simulator.world()).is_empty(), "{told}");
        // Who uses the account is looked at, and left alone.
        assert_eq!(held(&stage.simulator.world()), all(HOME), "{told}");
        let written = format!("{:?}", played.records);
        assert!(
            written.contains("the canary was read back from stmedianeu"),
            "{told}"
        );
        assert!(
            written.contains("the canary was read back from starchive-secondary"),
            "{told}"
        );
        let changes: Vec<String> = stage
            .changes()
            .iter()
            .map(|entry| {
                format!(
                    "{} {}",
                    entry.method,
                    entry.path.rsplit_once("leeward-canary").unwrap().0
                )
            })
            .collect();
        for (account, container) in [("stmediaweu", "media"), ("starchive", "canaries")] {
            for method in ["PUT", "DELETE"] {
                let line = format!("{method} https://{account}.blob.core.windows.net/{container}/");
                assert_eq!(
                    changes.iter().filter(|one| **one == line).count(),
                    1,
                    "{changes:#?}"
                );
            }
        }
        assert_eq!(changes.len(), 4, "{changes:#?}");
        let outputs: Vec<&Value> = played
            .records
            .iter()
            .filter_map(|record| match &record.body.event {
                Event::Step {
                    change: StepEvent::Assessed { assessment },
                    ..
                } => assessment.outputs.get("canary-arrival"),
                _ => None,
            })
            .collect();
        assert!(outputs.is_empty(), "nobody knows it beforehand");
    });
}

#[test]
fn a_canary_stands_whatever_goes_wrong_with_it_and_leaves_nothing_behind() {
    for verdict in [
        json!({ "answer-lost": {} }),
        json!({ "stale-reads": { "for": "60s" } }),
        json!({ "late-delivery": { "after": "60s" } }),
        json!({ "throttle": {} }),
        json!({ "status": { "status": 503 } }),
        json!("reset"),
    ] {
        everywhere(&canaries(), verdict, |struck| {
            assert!(ended_well(&struck.played), "{}", struck.told);
            assert!(
                left(&struck.stage.simulator.world()).is_empty(),
                "{}",
                struck.told
            );
        });
    }
}
