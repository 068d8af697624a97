//! Is a cluster made anew where Azure has room for it, and is a person told what to do where it has none?

use std::time::Duration;

use leeward_acceptance::stage::{Book, Played, Stage, rehearse};
use leeward_cli::{exit::Exit, rehearsal::Outage};
use leeward_engine::view::StepWord;
use leeward_runbook::journey::Journey;
use leeward_simulator::Entry;

const RUNBOOK: &str = include_str!("runbooks/aks.yaml");
const CAPTURE: &[u8] = include_bytes!("../../runbooks/interworks-platform/captures/storefront-cluster.json");

fn book(capacity: &str) -> Book {
    let world = match capacity {
        "" => String::new(),
        capacity => format!("capacities: [{{ region: northeurope, {capacity} }}]\n"),
    };
    Book::written_with(RUNBOOK, &world, &[("captures/cluster.json", CAPTURE)])
}

/// The changes that were taken on, as verb and last two segments.
fn taken(stage: &Stage) -> Vec<String> {
    let line = |entry: &Entry| {
        let path = entry.path.split('?').next().unwrap_or_default();
        let last: Vec<&str> = path.rsplit('/').take(2).collect();
        format!("{} {}/{}", entry.method, last[1], last[0])
    };
    stage.accepted().iter().map(line).collect()
}

fn size_of(stage: &Stage, pool: &str) -> Option<String> {
    let world = stage.simulator.world();
    let cluster = world
        .resources
        .values()
        .find(|one| one.id.ends_with("/aks-shop-neu"))?;
    let pools = cluster.body["properties"]["agentPoolProfiles"].as_array()?;
    let pool = pools.iter().find(|one| one["name"] == pool)?;
    assert_eq!(pool["provisioningState"], "Succeeded");
    Some(pool["vmSize"].as_str()?.to_owned())
}

fn play(capacity: &str) -> (Stage, Played) {
    rehearse(async {
        let (mut stage, planned) = book(capacity).stage(Journey::Failover, Outage::RegionGone, 1);
        let played = stage.play(&planned).await;
        (stage, played)
    })
}

#[test]
fn one_put_makes_a_cluster_with_all_its_pools_where_there_is_room() {
    let (stage, played) = play("");
    let told = played.tale();
    assert_eq!(played.exit(), Exit::Holds.code(), "{told}");
    assert_eq!(taken(&stage), ["PUT managedClusters/aks-shop-neu"], "{told}");
    assert_eq!(size_of(&stage, "web").as_deref(), Some("Standard_D8s_v5"));
}

const NO_WEB: &str = "cores: 10000, exhausted: [Standard_D8s_v5]";
const DOWN_THE_SIZES: [&str; 4] = [
    "PUT managedClusters/aks-shop-neu",
    "PUT agentPools/web",
    "DELETE agentPools/web",
    "PUT agentPools/web",
];

#[test]
fn a_pool_without_machines_goes_to_the_next_size_by_itself() {
    let (stage, played) = play(NO_WEB);
    let told = played.tale();
    assert_eq!(played.exit(), Exit::Holds.code(), "{told}");
    assert_eq!(taken(&stage), DOWN_THE_SIZES, "{told}");
    assert_eq!(size_of(&stage, "web").as_deref(), Some("Standard_D8as_v5"));
    assert_eq!(size_of(&stage, "search").as_deref(), Some("Standard_E8s_v5"));
}

#[test]
fn a_pool_goes_down_all_its_sizes_and_zones_that_are_full_are_no_obstacle_to_another_size() {
    let (stage, played) =
        play("cores: 10000, exhausted: [Standard_D8as_v5], exhausted-in: { Standard_D8s_v5: ['2'] }");
    let told = played.tale();
    assert_eq!(played.exit(), Exit::Holds.code(), "{told}");
    assert_eq!(size_of(&stage, "web").as_deref(), Some("Standard_E8as_v5"));
}

#[test]
fn a_death_anywhere_on_the_way_down_the_sizes_changes_nothing_twice() {
    let last = play(NO_WEB).1.records.len() as u64;
    assert!(last > 20, "{last}");
    for cut in (2..last).step_by(3) {
        rehearse(async {
            let (mut stage, planned) = book(NO_WEB).stage(Journey::Failover, Outage::RegionGone, 1);
            let played = stage.play_dying(&planned, &[cut]).await;
            let told = format!("cut {cut} of {last}: {}", played.tale());
            assert_eq!((played.deaths, played.exit()), (1, Exit::Holds.code()), "{told}");
            assert_eq!(taken(&stage), DOWN_THE_SIZES, "{told}");
            assert_eq!(
                size_of(&stage, "web").as_deref(),
                Some("Standard_D8as_v5"),
                "{told}"
            );
        });
    }
}

#[test]
fn a_cluster_whose_system_pool_finds_no_machines_is_for_a_person_who_is_told_what_to_do() {
    let (stage, played) = play("cores: 10000, exhausted: [Standard_D4s_v5]");
    let told = played.tale();
    assert_eq!(played.exit(), Exit::Failed.code(), "{told}");
    assert!(
        told.contains("AllocationFailed") && told.contains("node-sizes"),
        "{told}"
    );
    assert!(
        !taken(&stage).iter().any(|change| change.starts_with("DELETE")),
        "{told}"
    );
}

#[test]
fn what_can_be_known_beforehand_is_told_and_heeded_before_anything_is_sent() {
    // Not sold in one zone, too little of one family: the pools are asked for as they can be made.
    let (stage, played) = play(
        "cores: 10000, families: { standardDSv5Family: 20 }, restricted-zones: { Standard_E8s_v5: ['3'] }",
    );
    let told = played.tale();
    assert_eq!(played.exit(), Exit::Holds.code(), "{told}");
    assert_eq!(taken(&stage), ["PUT managedClusters/aks-shop-neu"], "{told}");
    assert_eq!(size_of(&stage, "web").as_deref(), Some("Standard_D8as_v5"));
    let warned = serde_json::to_string(&played.view).unwrap_or_else(|error| panic!("{error}"));
    assert!(warned.contains("short of quota"), "{warned}");
    assert!(
        warned.contains("zones of pool search: 1, 2 of 1, 2, 3"),
        "{warned}"
    );
}

#[test]
fn a_quota_that_is_too_small_for_everything_is_refused_by_azure_and_told_with_what_to_do() {
    let (stage, played) = play("cores: 20");
    let told = played.tale();
    assert_eq!(played.exit(), Exit::Failed.code(), "{told}");
    assert!(
        told.contains("QuotaExceeded") && told.contains("what to do: ask for more cores in northeurope"),
        "{told}"
    );
    assert_eq!(taken(&stage), [""; 0]);
}

#[test]
fn a_failover_drives_out_a_drill_that_still_makes_its_cluster_and_takes_that_cluster_along() {
    for minutes in [1, 3, 20] {
        rehearse(async {
            let book = book("");
            let (mut stage, drill) = book.stage(Journey::Drill, Outage::BothUp, 1);
            let failover = book.plan(Journey::Failover, Outage::BothUp);
            let from = Duration::from_secs(minutes * 60);
            let (drilled, moved) = match minutes {
                // Dead by then, its claim still held.
                20 => {
                    let dead = stage.abandon(&drill, 12).await;
                    let dead = dead.unwrap_or_else(|| panic!("the drill ended before it died"));
                    let moved = stage.play(&failover).await;
                    assert_eq!(moved.state.evicted, [dead], "{}", moved.tale());
                    (None, moved)
                }
                _ => {
                    let (drilled, moved) = stage.play_beside(&drill, from, &failover).await;
                    (Some(drilled), moved)
                }
            };
            let told = format!("after {minutes} minutes: {}", moved.tale());
            assert_eq!(moved.exit(), Exit::Holds.code(), "{told}");
            assert_eq!(moved.state.evicted.len(), 1, "{told}");
            if let Some(Ok(drilled)) = drilled {
                assert_ne!(
                    drilled.exit(),
                    Exit::Holds.code(),
                    "it was driven out: {}",
                    drilled.tale()
                );
            }
            for step in &moved.view.steps {
                assert_eq!(step.state, StepWord::Done, "{told}");
            }
            stage.settle().await;
            let world = stage.simulator.world();
            let left: Vec<&String> = world
                .resources
                .keys()
                .filter(|id| id.contains("/drill-"))
                .collect();
            assert!(left.is_empty(), "{told}\n{left:#?}");
            let made = taken(&stage);
            let puts = made
                .iter()
                .filter(|change| *change == "PUT managedClusters/aks-shop-neu");
            assert_eq!(puts.count(), 1, "{told}\n{made:#?}");
        });
    }
}

/// The nodes of the captured cluster may pull from a registry that lies elsewhere.
const ROLES: &str = "resources:
  - id: REGISTRY
    type: Microsoft.ContainerRegistry/registries
    region: swedencentral
    body: { id: REGISTRY, name: acrshop, type: Microsoft.ContainerRegistry/registries, location: swedencentral, properties: {} }
  - id: REGISTRY/providers/Microsoft.Authorization/roleAssignments/00000000-0000-0000-0000-00000000a551
    type: Microsoft.Authorization/roleAssignments
    region: global
    body:
      id: REGISTRY/providers/Microsoft.Authorization/roleAssignments/00000000-0000-0000-0000-00000000a551
      name: 00000000-0000-0000-0000-00000000a551
      type: Microsoft.Authorization/roleAssignments
      properties:
        principalId: 00000000-0000-0000-0000-0000010231e2
        roleDefinitionId: /subscriptions/SUBSCRIPTION/providers/Microsoft.Authorization/roleDefinitions/7f951dda-4ed3-4680-a7ca-43fe172d538d
        scope: REGISTRY
groups:
  - { subscription: SUBSCRIPTION, name: rg-global, location: swedencentral }
";

#[test]
fn the_nodes_of_the_new_cluster_may_pull_what_those_of_the_old_one_could() {
    const SUBSCRIPTION: &str = "00000000-0000-0000-0000-0000000000f1";
    let registry = format!(
        "/subscriptions/{SUBSCRIPTION}/resourceGroups/rg-global/providers/Microsoft.ContainerRegistry/registries/acrshop"
    );
    let world = ROLES
        .replace("REGISTRY", &registry)
        .replace("SUBSCRIPTION", SUBSCRIPTION);
    let runbook = RUNBOOK.replace(
        "      from: captures",
        "      roles: recreate\n      from: captures",
    );
    for dies in [false, true] {
        rehearse(async {
            let book = Book::written_with(&runbook, &world, &[("captures/cluster.json", CAPTURE)]);
            let (mut stage, planned) = book.stage(Journey::Failover, Outage::RegionGone, 1);
            let played = match dies {
                true => stage.play_dying(&planned, &[18]).await,
                false => stage.play(&planned).await,
            };
            let told = played.tale();
            assert_eq!(played.exit(), Exit::Holds.code(), "{told}");
            assert_eq!(taken(&stage).len(), 2, "{told}\n{:#?}", taken(&stage));
            let world = stage.simulator.world();
            let cluster = world
                .resources
                .values()
                .find(|one| one.id.ends_with("/aks-shop-neu"));
            let nodes = &cluster.unwrap_or_else(|| panic!("{told}")).body["properties"]["identityProfile"]["kubeletidentity"]
                ["objectId"];
            assert!(
                nodes.is_string() && nodes != "00000000-0000-0000-0000-0000010231e2",
                "{nodes}"
            );
            let given = world
                .resources
                .values()
                .filter(|one| one.body["properties"]["principalId"] == *nodes);
            let given: Vec<&str> = given
                .filter_map(|one| one.body["properties"]["scope"].as_str())
                .collect();
            assert_eq!(given, [registry.as_str()], "{told}");
        });
    }
}
