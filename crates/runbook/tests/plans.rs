//! What a plan is: one journey, resolved, known by its digest.

use std::collections::BTreeMap;

use leeward_runbook::{
    Runbook, expr,
    graph::{dot, mermaid},
    journey::{Journey, Side},
    plan::{OnFailure, Plan, PlanRequest, StepId, plan, plan_with_files},
    read,
};
use serde_json::json;

const EXAMPLE: &str = include_str!("samples/example.yaml");
const HEAD: &str = "leeward: 1\nname: sample\nregions: { primary: westeurope, paired: northeurope }\n\
                    parameters:\n  subscription: { type: subscription-id, default: sub }\n  host: { type: string, default: h.example.test }\n\
                    steps:\n";

fn runbook(text: &str) -> Runbook {
    let reading = read("runbook.yaml", text.as_bytes());
    assert!(reading.is_sound(), "{:#?}", reading.findings);
    reading.runbook.expect("a runbook")
}

/// A runbook that can be read, whatever is wrong with it.
fn read_only(text: &str) -> Runbook {
    read("runbook.yaml", format!("{HEAD}{text}").as_bytes())
        .runbook
        .expect("a runbook")
}

fn steps(text: &str) -> Runbook {
    runbook(&format!("{HEAD}{text}"))
}

fn folder() -> BTreeMap<String, Vec<u8>> {
    BTreeMap::from([
        ("captures/storefront-cluster.json".to_owned(), b"{}".to_vec()),
        (
            "manifests/storefront/a.yaml".to_owned(),
            b"{apiVersion: v1, kind: Namespace, metadata: {name: shop}}".to_vec(),
        ),
        (
            "manifests/storefront/deep/b.yaml".to_owned(),
            b"{apiVersion: v1, kind: ConfigMap, metadata: {name: shop}}".to_vec(),
        ),
        ("manifests/other.yaml".to_owned(), b"c".to_vec()),
    ])
}

fn of_example(journey: Journey) -> Plan {
    let folder = folder();
    let request = PlanRequest {
        set: vec![("change".to_owned(), "INC-1".to_owned())],
        environment: &|name| (name == "AZURE_SUBSCRIPTION_ID").then(|| "sub-1".to_owned()),
        folder: &folder,
        ..PlanRequest::new(journey)
    };
    plan(&runbook(EXAMPLE), &request).unwrap_or_else(|findings| panic!("{findings:#?}"))
}

fn refused(runbook: &Runbook, request: &PlanRequest<'_>) -> Vec<String> {
    let findings = plan(runbook, request).expect_err("a refusal");
    findings
        .iter()
        .map(|found| format!("{} {}", found.code, found.message))
        .collect()
}

fn names(plan: &Plan) -> Vec<&str> {
    plan.steps.iter().map(|step| step.id.as_str()).collect()
}

#[test]
fn the_example_plans_in_every_journey_and_failback_swaps_the_sides() {
    for journey in Journey::ALL {
        assert!(!of_example(journey).steps.is_empty());
    }
    let (away, home) = (of_example(Journey::Failover), of_example(Journey::Failback));
    assert_eq!(
        (away.source.region.as_str(), away.target.region.as_str()),
        ("westeurope", "northeurope")
    );
    assert_eq!(
        (home.source.region.as_str(), home.target.region.as_str()),
        ("northeurope", "westeurope")
    );
    let traffic = |plan: &Plan| {
        plan.step(&StepId::new("public-traffic"))
            .expect("a step")
            .settings["endpoint"]
            .clone()
    };
    assert_eq!((traffic(&away), traffic(&home)), (json!("neu"), json!("weu")));
    let broker = away.step(&StepId::new("message-broker")).expect("a step");
    assert_eq!(broker.verify[0].settings["host"], json!("10.20.1.11"));
    assert_eq!(broker.source["address"], json!("10.10.1.11"));
}

#[test]
fn replication_is_turned_away_from_the_side_that_serves_whichever_that_is() {
    let book = steps(
        "  files: { use: azure.storage.object-replication, with: { resource-group: g }, data-loss: { budget: 1m }, \
         at: { primary: { account: weu }, paired: { account: neu } }, ends: recovery }\n",
    );
    let of = |serving| {
        let mut request = PlanRequest::new(Journey::Reprotect);
        request.serving = serving;
        plan(&book, &request).expect("a plan")
    };
    let (after_failover, after_failback) = (of(Some(Side::Paired)), of(Some(Side::Primary)));
    let from = |plan: &Plan| (plan.steps[0].source["account"].clone(), plan.source.side);
    assert_eq!(from(&after_failover), (json!("neu"), Side::Paired));
    assert_eq!(from(&after_failback), (json!("weu"), Side::Primary));
    assert_eq!(after_failback.target.region, "northeurope");
    assert_ne!(after_failover.digest(), after_failback.digest());
    assert_eq!(of(None).digest(), after_failover.digest());
    // The moves know their own direction, whatever is said.
    let mut away = PlanRequest::new(Journey::Failover);
    away.serving = Some(Side::Paired);
    assert_eq!(plan(&book, &away).expect("a plan").source.side, Side::Primary);
}

#[test]
fn a_move_between_two_sides_is_refused_where_one_of_them_is_not_said() {
    let kinds = [
        (
            "azure.storage.object-replication",
            "resource-group: g",
            "account: x",
        ),
        (
            "azure.sql.managed-instance-failover-group",
            "failover-group: f",
            "resource-group: g",
        ),
        (
            "azure.traffic-manager.profile",
            "profile: t, resource-group: g",
            "endpoint: x",
        ),
    ];
    for (kind, with, at) in kinds {
        let loss = if kind.contains("traffic") {
            ""
        } else {
            ", data-loss: { budget: 1m }"
        };
        let text = format!(
            "  a: {{ use: {kind}, in: [failover], with: {{ {with} }}, at: {{ paired: {{ {at} }} }}{loss}, ends: recovery }}\n"
        );
        let said = refused(&read_only(&text), &PlanRequest::new(Journey::Failover));
        assert!(
            said[0].starts_with("LW0118") && said[0].contains("primary"),
            "{kind}: {said:?}"
        );
    }
}

#[test]
fn equal_requests_give_equal_digests_and_a_changed_file_another_one() {
    assert_eq!(
        of_example(Journey::Failover).digest(),
        of_example(Journey::Failover).digest()
    );
    assert_ne!(
        of_example(Journey::Failover).digest(),
        of_example(Journey::Failback).digest()
    );
    let mut changed = folder();
    changed.insert(
        "manifests/storefront/a.yaml".to_owned(),
        b"{apiVersion: v1, kind: Namespace, metadata: {name: other}}".to_vec(),
    );
    let request = PlanRequest {
        set: vec![
            ("change".to_owned(), "INC-1".to_owned()),
            ("subscription".to_owned(), "sub-1".to_owned()),
        ],
        folder: &changed,
        ..PlanRequest::new(Journey::Failover)
    };
    let other = plan(&runbook(EXAMPLE), &request).expect("a plan");
    assert_ne!(other.digest(), of_example(Journey::Failover).digest());
}

#[test]
fn a_plan_reads_back_from_its_own_json_with_the_same_digest() {
    let plan = of_example(Journey::Failover);
    let json = serde_json::to_string(&plan).expect("json");
    let back: Plan = serde_json::from_str(&json).expect("a plan");
    assert_eq!((back.digest(), &back), (plan.digest(), &plan));
    insta::assert_json_snapshot!("example_failover", plan);
}

#[test]
fn every_file_that_the_run_reads_is_pinned_and_no_other() {
    let folder = folder();
    let request = PlanRequest {
        set: vec![
            ("change".to_owned(), "1".to_owned()),
            ("subscription".to_owned(), "s".to_owned()),
        ],
        folder: &folder,
        ..PlanRequest::new(Journey::Failover)
    };
    let (plan, bytes) = plan_with_files(&runbook(EXAMPLE), &request).expect("a plan");
    let paths: Vec<&str> = plan.files.keys().map(String::as_str).collect();
    assert_eq!(
        paths,
        [
            "captures/storefront-cluster.json",
            "manifests/storefront/a.yaml",
            "manifests/storefront/deep/b.yaml"
        ]
    );
    for digest in plan.files.values() {
        assert_eq!(&blake3_of(&bytes[digest]), digest);
    }
    let missing = PlanRequest {
        set: request.set.clone(),
        ..PlanRequest::new(Journey::Failover)
    };
    let said = refused(&runbook(EXAMPLE), &missing);
    assert_eq!(said.len(), 2, "{said:?}");
    assert!(said.iter().all(|line| line.starts_with("LW0206")), "{said:?}");
}

fn blake3_of(bytes: &[u8]) -> String {
    blake3::hash(bytes).to_hex().to_string()
}

#[test]
fn a_parameter_without_a_value_or_of_the_wrong_sort_is_told_by_name() {
    let example = runbook(EXAMPLE);
    let said = refused(&example, &PlanRequest::new(Journey::Failover));
    assert_eq!(said.len(), 2, "{said:?}");
    assert!(said.iter().all(|line| line.starts_with("LW0201")), "{said:?}");
    let mut request = PlanRequest::new(Journey::Failover);
    request.set = vec![
        ("subscription".to_owned(), "a/b".to_owned()),
        ("chnage".to_owned(), "1".to_owned()),
    ];
    request.parameters_file = Some(("values.yaml".to_owned(), b"change: INC-1\nnobody: 1\n".to_vec()));
    let said = refused(&example, &request);
    let codes: Vec<&str> = said.iter().map(|line| &line[..6]).collect();
    assert!(
        codes.contains(&"LW0202") && codes.iter().filter(|code| **code == "LW0203").count() == 2,
        "{said:?}"
    );
    request.parameters_file = Some(("values.json".to_owned(), b"[1]".to_vec()));
    assert!(
        refused(&example, &request)
            .iter()
            .any(|line| line.starts_with("LW0204"))
    );
}

#[test]
fn the_command_line_wins_over_the_file_and_the_file_over_the_default() {
    let book =
        steps("  a: { use: check.tcp, with: { host: \"${{ params.host }}\", port: 1 }, ends: recovery }\n");
    let host =
        |request: &PlanRequest<'_>| plan(&book, request).expect("a plan").steps[0].settings["host"].clone();
    let mut request = PlanRequest::new(Journey::Failover);
    assert_eq!(host(&request), json!("h.example.test"));
    request.parameters_file = Some(("p.json".to_owned(), br#"{"host": "file.example.test"}"#.to_vec()));
    assert_eq!(host(&request), json!("file.example.test"));
    request
        .set
        .push(("host".to_owned(), "set.example.test".to_owned()));
    assert_eq!(host(&request), json!("set.example.test"));
}

#[test]
fn a_name_from_a_parameter_that_would_break_out_of_its_path_is_refused() {
    let book = steps(
        "  a:\n    use: azure.traffic-manager.profile\n    with: { profile: \"${{ params.host }}\", resource-group: g }\n    \
         at: { primary: { endpoint: x }, paired: { endpoint: y } }\n    ends: recovery\n",
    );
    let mut request = PlanRequest::new(Journey::Failover);
    request.set.push(("host".to_owned(), "../../other".to_owned()));
    assert!(refused(&book, &request)[0].starts_with("LW0202"));
}

#[test]
fn a_condition_that_the_plan_can_decide_is_decided_and_order_passes_through() {
    let text = "  a: { use: gate.approval, in: [failover] }\n  \
                b: { use: gate.approval, after: [a], when: \"!region-down\" }\n  \
                c: { use: check.tcp, after: [b], with: { host: h, port: 1 }, ends: recovery }\n";
    let book = steps(text);
    let mut request = PlanRequest::new(Journey::Failover);
    assert_eq!(names(&plan(&book, &request).expect("a plan")), ["a", "b", "c"]);
    request.region_down = true;
    let down = plan(&book, &request).expect("a plan");
    assert_eq!(names(&down), ["a", "c"]);
    assert_eq!(down.steps[1].after, [StepId::new("a")]);
}

#[test]
fn a_condition_that_needs_outputs_is_left_for_the_run() {
    let book = steps(
        "  a: { use: check.http, with: { url: \"https://a.example.test/\" } }\n  \
         b: { use: check.tcp, when: \"steps.a.outputs.status == 200\", with: { host: \"${{ params.host }}-${{ steps.a.outputs.status }}\", port: 1 }, ends: recovery }\n",
    );
    let plan = plan(&book, &PlanRequest::new(Journey::Failover)).expect("a plan");
    let step = &plan.steps[1];
    assert_eq!(step.when.as_deref(), Some("steps.a.outputs.status == 200"));
    assert_eq!(
        step.settings["host"],
        json!("h.example.test-${{ steps.a.outputs.status }}")
    );
    let outputs = BTreeMap::from([(
        StepId::new("a"),
        BTreeMap::from([("status".to_owned(), json!(200))]),
    )]);
    let scope = expr::Scope::of_step(&plan, step, &outputs).expect("a scope");
    assert_eq!(
        expr::holds(step.when.as_deref().unwrap_or_default(), &scope),
        Ok(true)
    );
    let settings = expr::resolve(&step.settings, &scope).expect("settings");
    assert_eq!(settings["host"], json!("h.example.test-200"));
}

#[test]
fn a_chosen_part_must_be_closed_or_the_rest_said_to_be_done() {
    let book = steps(
        "  a: { use: gate.approval }\n  b: { use: gate.approval, after: [a] }\n  \
         c: { use: check.tcp, after: [b], with: { host: h, port: 1 }, ends: recovery }\n",
    );
    let mut request = PlanRequest::new(Journey::Failover);
    request.only = vec![StepId::new("c")];
    let said = refused(&book, &request);
    assert!(
        said[0].starts_with("LW0205") && said[0].contains("`a`, `b`"),
        "{said:?}"
    );
    request.assume_done = vec![StepId::new("b")];
    let plan = plan(&book, &request).expect("a plan");
    assert_eq!(names(&plan), ["c"]);
    assert!(plan.steps[0].after.is_empty());
    request.only = vec![StepId::new("d")];
    assert!(refused(&book, &request)[0].starts_with("LW0102"));
}

#[test]
fn reading_an_output_that_this_plan_never_makes_is_told() {
    let book = steps(
        "  a: { use: check.http, when: \"!region-down\", with: { url: \"https://a.example.test/\" } }\n  \
         b: { use: check.http, with: { url: \"https://h/${{ steps.a.outputs.status }}\" }, ends: recovery }\n",
    );
    let mut request = PlanRequest::new(Journey::Failover);
    assert!(plan(&book, &request).is_ok());
    request.region_down = true;
    assert!(refused(&book, &request)[0].starts_with("LW0117"));
}

#[test]
fn a_mistake_of_one_direction_stops_that_direction_alone() {
    let book = steps(
        "  a: { use: check.http, at: { paired: { url: \"https://neu.example.test/\" } }, ends: recovery }\n",
    );
    assert!(plan(&book, &PlanRequest::new(Journey::Failover)).is_ok());
    assert!(refused(&book, &PlanRequest::new(Journey::Failback))[0].starts_with("LW0118"));
}

#[test]
fn a_drill_without_an_isolated_network_is_refused_and_a_failover_is_not() {
    let book = steps(
        "  a: { use: azure.site-recovery.virtual-machines, with: { vault: { name: v, resource-group: g }, select: { names: [x] } }, data-loss: { budget: 1m }, ends: recovery }\n",
    );
    assert!(plan(&book, &PlanRequest::new(Journey::Failover)).is_ok());
    assert!(refused(&book, &PlanRequest::new(Journey::Drill))[0].starts_with("LW0129"));
}

#[test]
fn the_side_that_takes_over_says_who_is_switched_to_it() {
    let book = steps(
        "  files: { use: azure.storage.object-replication, with: { resource-group: g }, data-loss: { budget: 1m }, ends: recovery, at: { \
         primary: { account: weu, consumers: [{ app-setting: { app: shop-weu, name: BLOBS } }] }, \
         paired: { account: neu, consumers: [{ app-setting: { app: shop-neu, name: BLOBS, value: \"env:BLOBS\" } }] } } }\n",
    );
    for (journey, app) in [(Journey::Failover, "shop-neu"), (Journey::Failback, "shop-weu")] {
        let plan = plan(&book, &PlanRequest::new(journey)).expect("a plan");
        let consumers = &plan.steps[0].settings["consumers"];
        assert_eq!(consumers[0]["app-setting"]["app"], app);
        assert_eq!(consumers.as_array().map(Vec::len), Some(1));
    }
}

#[test]
fn a_persons_word_alone_does_not_make_a_manual_step_done_where_a_check_is_given() {
    let book = steps(
        "  a: { use: gate.manual, in: [failover, drill], with: { instructions: do it, check: { tcp: { host: \"${{ params.host }}\", port: 5432, within: 3m } } }, \
         verify: [{ http: { url: \"https://h.example.test/\" } }], ends: recovery }\n",
    );
    let checks = |journey| {
        let plan = plan(&book, &PlanRequest::new(journey)).expect("a plan");
        let shown = plan.steps[0]
            .verify
            .iter()
            .map(|check| (check.kind.clone(), check.within.as_secs()));
        shown.collect::<Vec<_>>()
    };
    let tcp = ("check.tcp".to_owned(), 180);
    assert_eq!(
        checks(Journey::Failover),
        [tcp.clone(), ("check.http".to_owned(), 300)]
    );
    assert_eq!(checks(Journey::Drill), [tcp]);
}

#[test]
fn a_secret_of_a_key_vault_is_refused_by_whichever_way_it_comes() {
    let book = steps(
        "  a: { use: notify.webhook, with: { url: \"${{ params.host }}\", message: hi } }\n  b: { use: check.tcp, with: { host: h, port: 1 }, ends: recovery }\n",
    );
    let mut request = PlanRequest::new(Journey::Failover);
    request.set = vec![("host".to_owned(), "key-vault:v/w".to_owned())];
    let said = refused(&book, &request);
    assert!(said[0].starts_with("LW0202"), "{said:?}");
}

#[test]
fn nothing_to_do_is_told_and_not_planned() {
    let book = steps("  a: { use: check.tcp, in: [failover], with: { host: h, port: 1 }, ends: recovery }\n");
    assert!(refused(&book, &PlanRequest::new(Journey::Drill))[0].starts_with("LW0208"));
}

#[test]
fn data_can_be_lost_in_a_move_and_not_in_a_drill() {
    let loss = |journey| {
        of_example(journey)
            .step(&StepId::new("platform-sql"))
            .expect("a step")
            .data_loss
            .clone()
    };
    assert!(loss(Journey::Failover).is_some() && loss(Journey::Failback).is_some());
    assert!(loss(Journey::Drill).is_none() && loss(Journey::Reprotect).is_none());
}

#[test]
fn defaults_hold_for_every_step_that_does_not_say_otherwise() {
    let plan = of_example(Journey::Failover);
    let step = plan.step(&StepId::new("decide")).expect("a step");
    assert_eq!(step.timeout.as_secs(), 45 * 60);
    assert_eq!((step.retry.attempts, step.retry.backoff_to.as_secs()), (4, 120));
    assert_eq!(step.on_failure, OnFailure::Block);
}

#[test]
fn a_check_step_proves_itself() {
    let plan = of_example(Journey::Failover);
    let step = plan.step(&StepId::new("serving")).expect("a step");
    assert_eq!(step.verify.len(), 1);
    assert_eq!(
        (step.verify[0].kind.as_str(), step.verify[0].hold.as_secs()),
        ("check.http", 120)
    );
    assert!(step.ends_recovery && step.before_recovery && step.critical);
}

#[test]
fn the_pictures_show_every_step_and_every_arrow() {
    let plan = of_example(Journey::Failover);
    insta::assert_snapshot!("example_mermaid", mermaid(&plan));
    insta::assert_snapshot!("example_dot", dot(&plan));
}

#[test]
fn ten_thousand_steps_are_planned_without_quadratic_work() {
    let mut text = HEAD.to_owned();
    for stage in 0..100 {
        for number in 0..100 {
            let after = if stage == 0 {
                String::new()
            } else {
                format!(
                    ", after: [s{}-{number}, s{}-{}]",
                    stage - 1,
                    stage - 1,
                    (number + 1) % 100
                )
            };
            text.push_str(&format!("  s{stage}-{number}: {{ use: check.tcp{after}, with: {{ host: \"${{{{ params.host }}}}\", port: 1 }} }}\n"));
        }
    }
    text.push_str("  end: { use: check.tcp, after: [s99-0], with: { host: h, port: 1 }, ends: recovery }\n");
    let plan = plan(&runbook(&text), &PlanRequest::new(Journey::Failover)).expect("a plan");
    assert_eq!(plan.steps.len(), 10_001);
    assert_eq!(plan.critical_path.len(), 101);
}

#[test]
fn a_manifest_that_cannot_be_applied_is_told_before_anything_runs_with_its_own_place() {
    let mut folder = folder();
    folder.insert(
        "manifests/storefront/deep/b.yaml".to_owned(),
        b"apiVersion: v1\nkind: Secret\nmetadata: {name: shop}\nstringData: {key: hunter2}\n".to_vec(),
    );
    let request = PlanRequest {
        set: vec![
            ("change".to_owned(), "1".to_owned()),
            ("subscription".to_owned(), "s".to_owned()),
        ],
        folder: &folder,
        ..PlanRequest::new(Journey::Failover)
    };
    assert_eq!(
        refused(&runbook(EXAMPLE), &request),
        ["LW0140 manifests/storefront/deep/b.yaml:4:19: the Secret holds the value of `key`"]
    );
    let empty = BTreeMap::from([
        ("captures/storefront-cluster.json".to_owned(), b"{}".to_vec()),
        ("manifests/storefront/README.md".to_owned(), b"words".to_vec()),
    ]);
    let nothing = PlanRequest {
        set: request.set.clone(),
        folder: &empty,
        ..PlanRequest::new(Journey::Failover)
    };
    assert_eq!(
        refused(&runbook(EXAMPLE), &nothing),
        ["LW0140 `manifests/storefront/` holds no object"]
    );
}

#[test]
fn a_cluster_of_a_kubeconfig_needs_no_subscription_and_two_ways_to_one_cluster_are_refused() {
    let of = |with: &str| {
        let text = format!(
            "{HEAD}  shop:\n    use: kubernetes.apply\n    with: {{ manifests: manifests/storefront/, {with} }}\n"
        );
        let reading = leeward_runbook::read("runbook.yaml", text.as_bytes());
        let found = leeward_runbook::check(&reading.runbook.expect("a runbook"));
        let told: Vec<String> = found
            .iter()
            .filter(|one| one.code.as_str() == "LW0106")
            .map(|one| one.message.clone())
            .collect();
        told
    };
    assert_eq!(of("kubeconfig: \"env:KUBECONFIG_NEU\""), Vec::<String>::new());
    assert_eq!(
        of("cluster: aks-neu, resource-group: rg-neu, subscription: sub-1"),
        Vec::<String>::new()
    );
    assert_eq!(of("cluster: aks-neu, subscription: sub-1").len(), 1);
    assert_eq!(of("subscription: sub-1").len(), 1);
    assert_eq!(
        of("cluster: aks-neu, resource-group: rg-neu, kubeconfig: \"env:K\""),
        ["step `shop` names a cluster of Azure and a kubeconfig"]
    );
}
