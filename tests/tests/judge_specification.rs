//! Does the official specification know every exchange that our drivers have with our pretend Azure?
//!
//! The judge is the vendor's live validator with a few checks of ours beside it (`tests/judges/node`). What it is
//! shown are whole runs of the shipped runbooks, and the specification's own examples.

use std::{collections::BTreeSet, ffi::OsString};

use leeward_acceptance::{
    judges::{
        examples::{self, Example},
        exchanges::{Docket, Judged, Recorded, route},
        material,
        node::judge,
        objections::no_objections,
    },
    processes::{self, repository},
    stage::{Book, rehearse},
};
use leeward_cli::rehearsal::Outage;
use leeward_runbook::journey::Journey;
use leeward_simulator::{Exchange, Settings, Simulator, World};
use serde_json::{Value, json};

const BOOKS: [&str; 5] = ["minimal", "sql-only", "interworks-platform", "traffic", "compute"];
/// Those of them that are there for the judge alone.
const OWN: [&str; 2] = ["traffic", "compute"];
const AKS: &str = include_str!("runbooks/aks.yaml");
const CAPTURE: &[u8] = include_bytes!("../../runbooks/interworks-platform/captures/storefront-cluster.json");
const OUTAGES: [Outage; 3] = [Outage::BothUp, Outage::ServingDown, Outage::RegionGone];

/// Plays every journey of every shipped runbook, and those that shipped runbooks leave out.
fn journeys() -> Docket {
    let mut docket = Docket::new();
    for name in BOOKS {
        for outage in OUTAGES {
            rehearse(async {
                let book = open(name);
                let (mut stage, away) = book.stage(Journey::Failover, outage, 1);
                let recorded = Recorded::of(&stage.simulator);
                stage.play(&away).await;
                if outage == Outage::BothUp {
                    for journey in [Journey::Reprotect, Journey::Failback, Journey::Reprotect] {
                        // Traffic and scripts have nothing to protect anew.
                        if OWN.contains(&name) && journey == Journey::Reprotect {
                            continue;
                        }
                        stage.settle().await;
                        stage.play(&book.plan(journey, outage)).await;
                    }
                }
                docket.add(&format!("{name} {outage:?}"), &recorded.exchanges(), Judged::Both);
            });
        }
        rehearse(async {
            let (mut stage, drill) = open(name).stage(Journey::Drill, Outage::BothUp, 1);
            let recorded = Recorded::of(&stage.simulator);
            stage.play(&drill).await;
            docket.add(&format!("{name} drill"), &recorded.exchanges(), Judged::Both);
        });
    }
    rehearse(async {
        // A cluster one of whose pools goes down the sizes, and whose nodes get a role.
        let world = "capacities: [{ region: northeurope, cores: 10000, exhausted: [Standard_D8s_v5] }]\n";
        let runbook = AKS.replace(
            "      from: captures",
            "      roles: recreate\n      from: captures",
        );
        let mut capture: Value = serde_json::from_slice(CAPTURE).unwrap_or_else(|error| panic!("{error}"));
        capture["roleAssignments"] = json!([{
            "principalId": capture["properties"]["identityProfile"]["kubeletidentity"]["objectId"],
            "scope": "/subscriptions/00000000-0000-0000-0000-0000000000f1/resourceGroups/rg-aks-weu",
            "roleDefinitionId": "/subscriptions/00000000-0000-0000-0000-0000000000f1/providers/Microsoft.Authorization/roleDefinitions/4d97b98b-1d4f-4787-a291-c67834d212e7",
        }]);
        let capture = capture.to_string().into_bytes();
        let book = Book::written_with(&runbook, world, &[("captures/cluster.json", &capture)]);
        let (mut stage, away) = book.stage(Journey::Failover, Outage::RegionGone, 1);
        let recorded = Recorded::of(&stage.simulator);
        stage.play(&away).await;
        docket.add("pools without machines", &recorded.exchanges(), Judged::Both);
    });
    docket
}

#[test]
fn every_exchange_of_every_journey_is_one_that_the_official_specification_knows() {
    let test = "every_exchange_of_every_journey_is_one_that_the_official_specification_knows";
    if material::folder_for(test).is_none() {
        return;
    }
    let docket = journeys();
    let Some(verdicts) = judge(test, &docket) else {
        return;
    };
    no_objections(&docket, &verdicts, true);

    let mut used = BTreeSet::new();
    for verdict in &verdicts {
        match (&verdict.operation_id, verdict.kind.as_str()) {
            (Some(operation), _) => {
                let version = verdict.api_version.as_deref().unwrap_or_default();
                used.insert(format!("{operation} {version}"));
            }
            (None, "outside") => {
                used.insert(format!("outside: {}", route(&docket.lines()[verdict.id])));
            }
            _ => {}
        }
    }
    let listed: BTreeSet<String> = listed().into_iter().collect();
    let missing: Vec<&String> = used.difference(&listed).collect();
    let stale: Vec<&String> = listed.difference(&used).collect();
    assert!(
        missing.is_empty() && stale.is_empty(),
        "tests/judges/operations.txt lists what the drivers send\nsent and not listed:\n{missing:#?}\nlisted and not sent:\n{stale:#?}"
    );
}

/// Opens a shipped runbook, or one that is there for the judge alone.
fn open(name: &str) -> Book {
    let own = repository()
        .join("tests/tests/runbooks")
        .join(format!("{name}.yaml"));
    match own.is_file() && OWN.contains(&name) {
        true => Book::at(name, &own),
        false => Book::open(name),
    }
}

/// Returns what `tests/judges/operations.txt` lists.
fn listed() -> Vec<String> {
    let path = repository().join("tests/judges/operations.txt");
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let lines = text
        .lines()
        .map(|line| line.split('#').next().unwrap_or_default().trim());
    lines.filter(|line| !line.is_empty()).map(str::to_owned).collect()
}

#[test]
fn the_judge_of_the_specification_sees_what_is_wrong() {
    let test = "the_judge_of_the_specification_sees_what_is_wrong";
    let group = "https://management.azure.com/subscriptions/00000000-0000-0000-0000-0000000000f1/resourceGroups/rg/providers/\
                 Microsoft.Sql/locations/northeurope/instanceFailoverGroups/fog";
    let exchange = |method: &str, path: &str, version: &str, status: u16, headers: Value, body: Value| {
        let mut whole = json!({
            "liveRequest": {"url": format!("{group}{path}?api-version={version}"), "method": method, "headers": {}},
            "liveResponse": {"statusCode": status.to_string(), "headers": headers},
        });
        if !body.is_null() {
            whole["liveResponse"]["body"] = body;
        }
        whole
    };
    let json_headers = json!({"content-type": "application/json; charset=utf-8"});
    let right = json!({"id": "/x", "name": "fog", "type": "Microsoft.Sql/locations/instanceFailoverGroups", "properties": {
        "readWriteEndpoint": {"failoverPolicy": "Manual"}, "partnerRegions": [], "managedInstancePairs": [],
        "replicationRole": "Primary", "replicationState": "CATCH_UP",
    }});
    let changed = |pointer: &str, value: Value| {
        let mut body = right.clone();
        let (parent, name) = pointer.rsplit_once('/').expect("a pointer");
        body.pointer_mut(parent).expect("a parent")[name] = value;
        body
    };
    let poll = "https://management.azure.com/subscriptions/00000000-0000-0000-0000-0000000000f1/providers/Microsoft.Sql/\
                locations/northeurope/instanceFailoverGroupAzureAsyncOperation/op-1?api-version=2023-08-01";
    let with_urls = json!({
        "content-type": "application/json", "location": poll.replace("AzureAsyncOperation", "OperationResults"),
        "azure-asyncoperation": poll,
    });
    let get = |body: Value| exchange("GET", "", "2023-08-01", 200, json_headers.clone(), body);
    let mut asked_with_body = exchange(
        "POST",
        "/failover",
        "2023-08-01",
        202,
        with_urls.clone(),
        Value::Null,
    );
    asked_with_body["liveRequest"]["body"] = json!({"force": true});
    let mut polled = get(json!({"name": "op-1", "status": "Cancelled", "startTime": "2026-11-24T10:00:00Z"}));
    polled["liveRequest"]["url"] = json!(poll);
    // What is asked, and the words of the objection; nothing where there is none.
    let cases = [
        (get(right.clone()), ""),
        (
            exchange("POST", "/failover", "2023-08-01", 202, with_urls, Value::Null),
            "",
        ),
        (polled, "no terminal word"),
        (
            get(changed("/properties/partnerRegions", json!("x"))),
            "INVALID_TYPE",
        ),
        (
            get(changed("/properties/replicationRole", json!("Leader"))),
            "`Leader` is none of",
        ),
        (
            get(changed("/properties/replicationrole", json!("Primary"))),
            "Additional properties not allowed: replicationrole",
        ),
        (
            get(changed("/properties/mood", json!("fine"))),
            "Additional properties not allowed: mood",
        ),
        (
            exchange("GET", "", "2023-08-01", 203, json_headers.clone(), right.clone()),
            "203",
        ),
        (
            exchange("POST", "/failover", "2023-08-01", 202, json!({}), Value::Null),
            "nobody can ask on",
        ),
        (asked_with_body, "a body where the operation takes none"),
    ];
    let mut docket = Docket::new();
    for (case, _) in &cases {
        docket.add_value("one", case.clone(), Judged::Both);
    }
    docket.add_value(
        "one",
        exchange("GET", "", "1999-01-01", 200, json_headers.clone(), right.clone()),
        Judged::Both,
    );
    let Some(verdicts) = judge(test, &docket) else {
        return;
    };
    for ((case, words), verdict) in cases.iter().zip(&verdicts) {
        let said = [verdict.request.clone(), verdict.response.clone()]
            .concat()
            .join("\n");
        match words.is_empty() {
            true => assert_eq!(said, "", "{case}"),
            false => assert!(
                said.contains(words),
                "`{words}` is missing in `{said}` ({}): {case}",
                verdict.kind
            ),
        }
    }
    assert_eq!(
        verdicts.last().map(|last| last.kind.as_str()),
        Some("outside"),
        "an unknown api-version"
    );
}

/// What the simulator says of a request that it knows nothing of.
const NOT_ROUTED: [&str; 7] = [
    "HttpMethodNotAllowed",
    "InvalidApiVersionParameter",
    "InvalidResourceType",
    "MissingApiVersionParameter",
    "ResourceGroupNotFound",
    "SubscriptionNotFound",
    "NotImplemented",
];

#[test]
fn every_official_example_request_of_what_we_use_is_routed_and_answered_as_declared() {
    let test = "every_official_example_request_of_what_we_use_is_routed_and_answered_as_declared";
    let Some(folder) = material::folder_for(test) else {
        return;
    };
    let used: Vec<String> = listed()
        .into_iter()
        .filter(|line| !line.starts_with("outside: "))
        .collect();
    let book = Book::open("interworks-platform");
    let mut world = book.world(&book.plan(Journey::Failover, Outage::BothUp), Outage::BothUp);
    for own in OWN.map(open) {
        let more = own.world(&own.plan(Journey::Failover, Outage::BothUp), Outage::BothUp);
        world.subscriptions.extend(more.subscriptions);
        world.groups.extend(more.groups);
        world.resources.extend(more.resources);
    }
    let examples = examples::of(&folder, &used);
    let mut docket = Docket::new();
    let (mut wrong, mut done) = (Vec::new(), BTreeSet::new());
    for (number, example) in examples.iter().enumerate() {
        for target in example.targets(&world) {
            let told = format!("{} {} ({target})", example.operation, example.file);
            let recorded = asked(&world, example, &target);
            let [exchange] = recorded.as_slice() else {
                panic!("{told}: {recorded:?}");
            };
            let answer = &exchange.live_response;
            let body = answer.body.clone().unwrap_or_default();
            let code = body["error"]["code"].as_str().unwrap_or_default();
            let declared = example.statuses.contains(&answer.status_code);
            let refused = answer.status_code.starts_with('4') && !NOT_ROUTED.contains(&code);
            if !declared && !refused {
                wrong.push(format!("{told}: {} {body}", answer.status_code));
            }
            docket.add(&number.to_string(), &recorded, Judged::Answer);
            if answer.status_code.starts_with('2') {
                done.insert(example.operation.clone());
                break;
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {}:\n{}",
        wrong.len(),
        examples.len(),
        wrong.join("\n")
    );
    let all: BTreeSet<String> = examples.iter().map(|example| example.operation.clone()).collect();
    let never: Vec<&str> = all.difference(&done).map(String::as_str).collect();
    let explained: Vec<&str> = REFUSED_HERE.iter().map(|(operation, _)| *operation).collect();
    assert_eq!(never, explained, "operations whose every example is refused");
    if let Some(verdicts) = judge(test, &docket) {
        no_objections(&docket, &verdicts, false);
    }
}

/// Sends an example to a world of its own.
fn asked(world: &World, example: &Example, target: &str) -> Vec<Exchange> {
    rehearse(async {
        let simulator = Simulator::new(world.clone(), Settings::seeded(1));
        let recorded = Recorded::of(&simulator);
        let mut request = http::Request::builder()
            .method(example.method.as_str())
            .uri(format!("http://127.0.0.1:1{target}"))
            .header("authorization", "Bearer pretend");
        if example.body.is_some() {
            request = request.header("content-type", "application/json");
        }
        let body = example.body.as_ref().map(Value::to_string).unwrap_or_default();
        let request = request.body(bytes::Bytes::from(body));
        simulator
            .handle(request.unwrap_or_else(|error| panic!("{target}: {error}")))
            .await;
        recorded.exchanges()
    })
}

/// Operations whose every example the simulated world refuses, for what it is.
const REFUSED_HERE: &[(&str, &str)] = &[
    (
        "AgentPools_CreateOrUpdate",
        "the examples' cluster is not in this world",
    ),
    ("AgentPools_Delete", "the examples' cluster is not in this world"),
    (
        "ManagedClusters_CreateOrUpdate",
        "the examples' region is called location1",
    ),
    (
        "ObjectReplicationPolicies_CreateOrUpdate",
        "the examples' accounts are not in this world",
    ),
    ("ReplicationJobs_Get", "nothing was done yet"),
    (
        "ReplicationProtectedItems_FailoverCommit",
        "nothing failed over yet",
    ),
    (
        "ReplicationProtectedItems_TestFailoverCleanup",
        "no drill is pending",
    ),
    (
        "ReplicationProtectionContainers_SwitchProtection",
        "nothing failed over yet",
    ),
    (
        "ReplicationRecoveryPlans_FailoverCommit",
        "nothing failed over yet",
    ),
    (
        "ReplicationRecoveryPlans_TestFailoverCleanup",
        "no drill is pending",
    ),
    ("RoleAssignments_Get", "no role was given yet"),
    (
        "VirtualMachineRunCommands_CreateOrUpdate",
        "the examples' machine is not in this world",
    ),
    (
        "VirtualMachineRunCommands_GetByVirtualMachine",
        "nothing was run yet",
    ),
];

#[test]
fn a_served_world_writes_down_what_a_judge_reads_and_no_token() {
    let test = "a_served_world_writes_down_what_a_judge_reads_and_no_token";
    let stage = processes::Stage::new();
    stage.copy_runbook("minimal", &[]);
    let simulated = stage.simulator("minimal", 600, &["--record", "exchanges.jsonl"]);
    let moved = stage.run_with(
        &[
            "failover",
            "minimal",
            "--endpoint",
            simulated.endpoint(),
            "--yes",
            "--approve-all",
            "--reason",
            "INC-1",
        ],
        &[(
            "AZURE_SUBSCRIPTION_ID",
            OsString::from("00000000-0000-0000-0000-0000000000f3"),
        )],
    );
    moved.ended(0);
    let text = std::fs::read_to_string(stage.path().join("exchanges.jsonl")).expect("a record");
    assert!(text.contains("Bearer REDACTED"), "{text}");
    let mut docket = Docket::new();
    for line in text.lines() {
        let exchange: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{line}: {error}"));
        let request = &exchange["liveRequest"];
        assert_eq!(
            request["headers"]["authorization"]
                .as_str()
                .unwrap_or("Bearer REDACTED"),
            "Bearer REDACTED"
        );
        assert!(
            request["url"].is_string() && request["method"].is_string(),
            "{line}"
        );
        assert!(exchange["liveResponse"]["statusCode"].is_string(), "{line}");
        docket.add_value("served", exchange, Judged::Both);
    }
    assert!(docket.lines().len() > 5, "{text}");
    if let Some(verdicts) = judge(test, &docket) {
        no_objections(&docket, &verdicts, false);
        assert!(
            verdicts.iter().any(|verdict| verdict.kind == "poll"),
            "an operation was followed"
        );
    }
}
