//! Does the official specification know what our pretend Azure answers, whoever asks and whatever for?
//!
//! The journeys of the shipped runbooks are judged in `judge_specification.rs`. Here the simulator is asked what no
//! driver sends, in scenes that go through each family's verbs, the refused ones too, and every official example that it
//! takes on.

mod families;
mod governance;
mod scene;

use std::collections::{BTreeMap, BTreeSet};

use leeward_acceptance::judges::{
    examples,
    exchanges::{Docket, route},
    material,
    node::judge,
    objections::no_objections,
};

use scene::{Scene, platform};

#[test]
fn every_answer_of_the_simulators_own_scenes_is_one_that_the_official_specification_knows() {
    let test = "every_answer_of_the_simulators_own_scenes_is_one_that_the_official_specification_knows";
    if material::folder_for(test).is_none() {
        return;
    }
    let mut docket = Docket::new();
    families::play(&mut docket);
    governance::play(&mut docket);
    let Some(verdicts) = judge(test, &docket) else {
        return;
    };
    no_objections(&docket, &verdicts, false);
    let known: BTreeSet<&str> = verdicts
        .iter()
        .filter_map(|verdict| verdict.operation_id.as_deref())
        .collect();
    // What lies outside of the specification judges nothing: a scene must not end up there unseen.
    let outside: BTreeSet<String> = verdicts
        .iter()
        .filter(|verdict| verdict.kind == "outside")
        .map(|verdict| route(&docket.lines()[verdict.id]))
        .collect();
    let named: BTreeSet<String> = OUTSIDE.iter().map(|route| (*route).to_owned()).collect();
    assert_eq!(outside, named, "routes that the specification does not hold");
    assert!(known.len() >= 90, "{} operations: {known:#?}", known.len());
}

/// Routes of the scenes that the folder of specifications does not hold.
const OUTSIDE: [&str; 0] = [];

/// Operations whose examples are not held against the simulator, and why.
const NOT_JUDGED: &[(&str, &str)] = &[
    (
        "AgentPools_GetAvailableAgentPoolVersions",
        "not played: a list of nothing is what it looks like",
    ),
    (
        "BlobServices_SetServiceProperties",
        "not played: kept as any plain resource is",
    ),
    (
        "Endpoints_Delete",
        "recorded without the body that is declared: traffic-manager#13",
    ),
    (
        "Profiles_Delete",
        "recorded without the body that is declared: traffic-manager#15",
    ),
    ("RecordSets_List", "the judge takes a list for a record type"),
    (
        "RecordSets_ListAllByDnsZone",
        "the judge takes a list for a record type",
    ),
    (
        "RecordSets_ListByDnsZone",
        "the judge takes a list for a record type",
    ),
    ("Subscriptions_List", "declares a nextLink on the last page too"),
    (
        "SupportedOperatingSystems_Get",
        "not played: a list of nothing is what it looks like",
    ),
    ("Tenants_List", "declares a nextLink on the last page too"),
    (
        "VirtualMachines_CreateOrUpdate",
        "sizes newer than the list of 2024",
    ),
    ("VirtualMachines_Get", "sizes newer than the list of 2024"),
    ("VirtualMachines_ListAll", "sizes newer than the list of 2024"),
    (
        "VirtualNetworkLinks_CreateOrUpdate",
        "the judge takes a link for a record type",
    ),
    (
        "VirtualNetworkLinks_Delete",
        "the judge takes a link for a record type",
    ),
    (
        "VirtualNetworkLinks_Get",
        "the judge takes a link for a record type",
    ),
    (
        "VirtualNetworkLinks_List",
        "the judge takes a link for a record type",
    ),
    (
        "VirtualNetworkLinks_Update",
        "the judge takes a link for a record type",
    ),
];

#[test]
fn every_official_example_that_the_simulator_takes_on_is_answered_as_specified() {
    let test = "every_official_example_that_the_simulator_takes_on_is_answered_as_specified";
    let Some(folder) = material::folder_for(test) else {
        return;
    };
    let all = material::operations(&folder);
    let wanted: Vec<String> = all
        .iter()
        .filter_map(|one| {
            Some(format!(
                "{} {}",
                one["operationId"].as_str()?,
                one["apiVersion"].as_str()?
            ))
        })
        .filter(|name| {
            !NOT_JUDGED
                .iter()
                .any(|(but, _)| name.split(' ').next() == Some(*but))
        })
        .collect::<BTreeSet<_>>()
        .into_iter()
        .collect();
    for (but, why) in NOT_JUDGED {
        assert!(
            all.iter().any(|one| one["operationId"] == *but),
            "{but} ({why}) is no operation"
        );
    }
    let world = platform();
    let mut docket = Docket::new();
    let mut done: BTreeMap<String, usize> = BTreeMap::new();
    for example in examples::of(&folder, &wanted) {
        for target in example.targets(&world).into_iter().take(2) {
            let mut scene = Scene::of(world.clone(), &mut docket, &example.operation);
            let answer = scene.once(&example.method, &target, example.body.as_ref());
            if (200..300).contains(&answer) {
                *done.entry(example.operation.clone()).or_default() += 1;
                break;
            }
        }
    }
    let Some(verdicts) = judge(test, &docket) else {
        return;
    };
    no_objections(&docket, &verdicts, false);
    assert!(done.len() >= 80, "{} operations: {done:#?}", done.len());
}
