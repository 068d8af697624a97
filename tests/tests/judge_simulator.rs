//! Does our pretend Azure, asked what the real one was asked, answer as it did?
//!
//! A recording's requests go to a simulated world that holds what the recorder had. Statuses, the headers that lead to an
//! operation, and the words of states in their order must be those that were recorded.

use std::{collections::BTreeMap, time::Duration};

use bytes::Bytes;
use leeward_acceptance::{
    judges::{material, replay::path_of},
    stage::rehearse,
};
use leeward_simulator::{Blueprint, Outcome, Settings, Simulator, World};
use serde_json::{Value, json};

const HOST: &str = "http://127.0.0.1:1";
const SUBSCRIPTION: &str = "00000000-0000-0000-0000-000000000000";
/// Words of a body that say how something stands.
const WORDS: [&str; 16] = [
    "/status",
    "/operation",
    "/error/code",
    "/properties/replicationRole",
    "/properties/replicationState",
    "/properties/provisioningState",
    "/properties/protectionState",
    "/properties/activeLocation",
    "/properties/failoverInProgress",
    "/properties/powerState/code",
    "/properties/level",
    "/properties/notes",
    "/properties/principalId",
    "/properties/principalType",
    "/properties/scope",
    "/properties/tags",
];
/// How often a state that passes is looked at again: two minutes, more than any that was recorded.
const PASSING: u32 = 24;
const OVER: [&str; 3] = ["Succeeded", "Failed", "Canceled"];

/// What one answer says, as far as it is compared.
#[derive(Clone, Debug, PartialEq)]
struct Said {
    status: u64,
    ways: Vec<&'static str>,
    words: BTreeMap<&'static str, Value>,
}

impl Said {
    fn of(status: u64, headers: &BTreeMap<String, String>, body: &Value) -> Said {
        let ways = ["azure-asyncoperation", "location"];
        let words = WORDS
            .iter()
            .filter_map(|at| Some((*at, body.pointer(at)?.clone())));
        Said {
            status,
            ways: ways
                .into_iter()
                .filter(|way| headers.contains_key(*way))
                .collect(),
            words: words.filter(|(_, word)| !word.is_null()).collect(),
        }
    }

    fn over(&self) -> bool {
        let word = self.words.get("/status").and_then(Value::as_str);
        match word {
            Some(word) => OVER.contains(&word),
            None => self.status != 202,
        }
    }
}

/// One conversation with the simulator along a recording.
struct Player {
    simulator: Simulator,
    /// The simulator's operation URLs by the recorded ones.
    urls: BTreeMap<String, String>,
    /// Recorded words, and what stands in their place here: GUIDs that each side makes for itself.
    own: Vec<(String, String)>,
}

impl Player {
    async fn send(&self, method: &str, url: &str, body: &Value) -> (Said, BTreeMap<String, String>, Value) {
        let mut request = http::Request::builder()
            .method(method)
            .uri(url)
            .header("authorization", "Bearer pretend");
        if !body.is_null() {
            request = request.header("content-type", "application/json");
        }
        let bytes = match body {
            Value::Null => Bytes::new(),
            body => Bytes::from(body.to_string()),
        };
        let request = request
            .body(bytes)
            .unwrap_or_else(|error| panic!("{url}: {error}"));
        let Outcome::Answered(answer) = self.simulator.handle(request).await else {
            panic!("{method} {url}: no answer");
        };
        let headers = answer.headers().iter().map(|(name, value)| {
            (
                name.as_str().to_owned(),
                value.to_str().unwrap_or_default().to_owned(),
            )
        });
        let headers: BTreeMap<String, String> = headers.collect();
        let body = serde_json::from_slice(answer.body()).unwrap_or(Value::Null);
        (
            Said::of(u64::from(answer.status().as_u16()), &headers, &body),
            headers,
            body,
        )
    }

    fn translated(&self, text: &str) -> String {
        let start = text.to_owned();
        self.own
            .iter()
            .fold(start, |text, (theirs, ours)| text.replace(theirs, ours))
    }

    /// Asks what was asked then, and returns what was said then and now.
    async fn follow(&mut self, exchange: &Value) -> (Said, Said) {
        let recorded_headers = headers_of(exchange);
        let recorded_body = &exchange["responseBody"];
        let recorded = Said::of(
            exchange["status"].as_u64().unwrap_or_default(),
            &recorded_headers,
            recorded_body,
        );
        let method = exchange["method"].as_str().unwrap_or_default();
        if let Some(url) = self
            .urls
            .get(&way_of(exchange["uri"].as_str().unwrap_or_default()))
            .cloned()
            .filter(|_| method == "GET")
        {
            loop {
                let (said, _, _) = self.send("GET", &url, &Value::Null).await;
                if said.over() || !recorded.over() {
                    return (recorded, said);
                }
                tokio::time::sleep(Duration::from_secs(5)).await;
            }
        }
        let uri = exchange["uri"].as_str().unwrap_or_default();
        let url = self.translated(&uri.replace("https://management.azure.com", HOST));
        let body: Value = match &exchange["requestBody"] {
            Value::String(text) => serde_json::from_str(&self.translated(text)).unwrap_or(Value::Null),
            Value::Null => Value::Null,
            body => serde_json::from_str(&self.translated(&body.to_string())).unwrap_or(Value::Null),
        };
        let (said, headers, answered) = self.send(method, &url, &body).await;
        for way in ["azure-asyncoperation", "location"] {
            if let (Some(theirs), Some(ours)) = (recorded_headers.get(way), headers.get(way)) {
                self.urls.insert(way_of(theirs), ours.clone());
            }
        }
        self.learn(recorded_body, &answered);
        (recorded, said)
    }

    /// Learns the GUIDs that a service makes: a policy's id, the ids of its rules.
    fn learn(&mut self, theirs: &Value, ours: &Value) {
        for at in [
            "/properties/policyId",
            "/properties/rules/0/ruleId",
            "/properties/rules/1/ruleId",
        ] {
            if let (Some(Value::String(theirs)), Some(Value::String(ours))) =
                (theirs.pointer(at), ours.pointer(at))
            {
                let pair = (theirs.clone(), ours.clone());
                if !self.own.contains(&pair) {
                    self.own.push(pair);
                }
            }
        }
    }
}

/// Returns what a recorded operation URL is known by: its path, and whether it leads to the result. Compute's two URLs
/// have one path.
fn way_of(uri: &str) -> String {
    let monitor = if uri.contains("monitor=true") {
        "?monitor"
    } else {
        ""
    };
    path_of(&json!({"uri": uri})) + monitor
}

fn headers_of(exchange: &Value) -> BTreeMap<String, String> {
    let headers = exchange["responseHeaders"].as_object().into_iter().flatten();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    headers
        .map(|(name, value)| (name.to_lowercase(), text(value)))
        .collect()
}

/// Leaves out what is not compared: what the recorder's world did not show, and words that are given.
fn compared((mut then, mut now): (Said, Said), place: usize, but: &[(usize, &'static str)]) -> (Said, Said) {
    for (_, word) in but.iter().filter(|(other, _)| *other == place) {
        then.words.remove(word);
    }
    now.words.retain(|word, _| then.words.contains_key(word));
    (then, now)
}

/// Plays a part of a recording to a world and insists on the same answers.
fn answers_alike(test: &str, recording: &str, part: &[usize], blueprint: Value) {
    answers_alike_with((1, &[]), test, recording, part, blueprint);
}

/// As [`answers_alike`], in the world of a seed, since the simulator draws where Azure was recorded to do now one thing
/// and now the other; and but for words that are given.
fn answers_alike_with(
    (seed, but): (u64, &[(usize, &'static str)]),
    test: &str,
    recording: &str,
    part: &[usize],
    blueprint: Value,
) {
    let Some(folder) = material::folder_for(test) else {
        return;
    };
    let all = material::recording(&folder, recording);
    let blueprint: Blueprint = serde_json::from_value(blueprint).unwrap_or_else(|error| panic!("{error}"));
    let world = World::derive(&blueprint).unwrap_or_else(|error| panic!("{error}"));
    let mut differ = Vec::new();
    rehearse(async {
        let simulator = Simulator::new(world, Settings::seeded(seed));
        let mut player = Player {
            simulator,
            urls: BTreeMap::new(),
            own: Vec::new(),
        };
        for place in part {
            let exchange = &all[*place];
            let (mut then, mut now) = compared(player.follow(exchange).await, *place, but);
            // How long the recorder waited before it looked is not known; a state that passes is waited for.
            for _ in 0..PASSING {
                if then == now || exchange["method"] != "GET" {
                    break;
                }
                tokio::time::sleep(Duration::from_secs(5)).await;
                (then, now) = compared(player.follow(exchange).await, *place, but);
            }
            if then != now {
                differ.push(format!(
                    "#{place} {} {}\n   then {then:?}\n   now  {now:?}",
                    exchange["method"], exchange["uri"]
                ));
            }
        }
    });
    assert!(differ.is_empty(), "{recording}:\n{}", differ.join("\n"));
}

fn blueprint(primary: &str, paired: &str, resources: Value) -> Value {
    json!({
        "subscription": SUBSCRIPTION,
        "regions": {"primary": primary, "paired": paired},
        "resources": resources,
    })
}

#[test]
fn instances_are_switched_and_switched_home_with_the_recorded_answers() {
    let group = json!([{
        "kind": "sql-failover-group", "name": "fgtest2022a",
        "primary": {"resource-group": "cet-rg", "name": "mi-primary-wcus"},
        "paired": {"resource-group": "mdcs-cx-secondary-vnet", "name": "mi-mdcs-cx-secondary"},
    }]);
    answers_alike(
        "instances_are_switched_and_switched_home_with_the_recorded_answers",
        "sql-mi-failover-group",
        &(3..33).collect::<Vec<usize>>(),
        blueprint("westcentralus", "centralus", group),
    );
}

#[test]
fn servers_are_switched_with_the_recorded_answers() {
    let test = "servers_are_switched_with_the_recorded_answers";
    let Some(folder) = material::folder_for(test) else {
        return;
    };
    let all = material::recording(&folder, "sql-failover-group");
    // From the first switch to before the group is taken apart.
    let switch = |one: &Value| one["method"] == "POST" && path_of(one).contains("/failovergroups/");
    let first = all.iter().position(switch).expect("a switch");
    let last = all.iter().rposition(switch).expect("a switch");
    let end = (last + 1..all.len())
        .find(|place| all[*place]["method"] != "GET")
        .unwrap_or(all.len());
    let names = |path: &str| -> (String, String) {
        let parts: Vec<&str> = path.split('/').collect();
        (parts[4].to_owned(), parts[8].to_owned())
    };
    let target = names(&path_of(&all[first]));
    let group = path_of(&all[first])
        .split('/')
        .nth(10)
        .expect("a name")
        .to_owned();
    let other = all
        .iter()
        .map(path_of)
        .filter(|path| path.contains("/failovergroups/"))
        .map(|path| names(&path))
        .find(|found| *found != target)
        .expect("another server");
    let part: Vec<usize> = (first..end)
        .filter(|place| {
            let path = path_of(&all[*place]);
            path.contains("failovergroup")
        })
        .collect();
    let resources = json!([{
        "kind": "sql-failover-group", "name": group, "of": "servers", "databases": ["db"],
        "primary": {"resource-group": other.0, "name": other.1},
        "paired": {"resource-group": target.0, "name": target.1},
    }]);
    // A seed in which the second try-planned switch leaves the group suspended, as the recorded one did.
    answers_alike_with(
        (2, &[]),
        test,
        "sql-failover-group",
        &part,
        blueprint("westus", "westus2", resources),
    );
}

#[test]
fn an_account_fails_over_as_planned_with_the_recorded_answers() {
    let account = json!([{
        "kind": "storage-geo", "account": "storagegrzs000002", "resource-group": "clistorage000001", "sku": "Standard_RAGZRS",
    }]);
    answers_alike(
        "an_account_fails_over_as_planned_with_the_recorded_answers",
        "storage-failover",
        &[4, 5, 6],
        blueprint("eastus2euap", "centraluseuap", account),
    );
}

#[test]
fn object_replication_is_made_changed_and_cut_with_the_recorded_answers() {
    let accounts = json!([
        {"kind": "storage-replicated", "containers": ["cont000005"],
         "primary": {"account": "clitest000002", "resource-group": "cli_test_storage_account_ors000001"},
         "paired": {"account": "clitest000003", "resource-group": "cli_test_storage_account_ors000001"}},
    ]);
    answers_alike(
        "object_replication_is_made_changed_and_cut_with_the_recorded_answers",
        "storage-object-replication",
        &(0..17).collect::<Vec<usize>>(),
        blueprint("westeurope", "northeurope", accounts),
    );
}

#[test]
fn a_profile_is_made_changed_and_taken_away_with_the_recorded_answers() {
    let group =
        json!([{"kind": "group", "name": "cli_test_traffic_manager000001", "location": "westeurope"}]);
    answers_alike(
        "a_profile_is_made_changed_and_taken_away_with_the_recorded_answers",
        "traffic-manager",
        &[1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12, 13, 14, 15],
        blueprint("westeurope", "northeurope", group),
    );
}

#[test]
fn a_cluster_is_made_stopped_and_started_with_the_recorded_answers() {
    let group = json!([{"kind": "group", "name": "clitest000001", "location": "westus2"}]);
    answers_alike(
        "a_cluster_is_made_stopped_and_started_with_the_recorded_answers",
        "aks-stop-start",
        &(0..13).collect::<Vec<usize>>(),
        blueprint("westus2", "westcentralus", group),
    );
}

#[test]
fn a_script_runs_on_a_machine_with_the_recorded_answers() {
    let group = "cli_test_vm_run_command_w_params000001";
    let machine = json!([{
        "kind": "resource", "location": "westus",
        "id": format!("/subscriptions/{SUBSCRIPTION}/resourceGroups/{group}/providers/Microsoft.Compute/virtualMachines/test-run-command-vm2"),
        "body": {"properties": {"provisioningState": "Succeeded"}},
    }]);
    answers_alike(
        "a_script_runs_on_a_machine_with_the_recorded_answers",
        "vm-run-command",
        &(0..5).collect::<Vec<usize>>(),
        blueprint("eastus", "westus", machine),
    );
}

#[test]
fn public_zones_and_their_records_answer_as_recorded() {
    let group = json!([{"kind": "group", "name": "asotest-rg-pajdtx", "location": "westus2"}]);
    answers_alike_with(
        // A group's own state is not part of this.
        (1, &[(1, "/properties/provisioningState")]),
        "public_zones_and_their_records_answer_as_recorded",
        "aso-dns",
        &(1..14).collect::<Vec<usize>>(),
        blueprint("westus2", "westcentralus", group),
    );
}

#[test]
fn private_zones_links_and_records_answer_as_recorded() {
    let test = "private_zones_links_and_records_answer_as_recorded";
    let Some(folder) = material::folder_for(test) else {
        return;
    };
    let all = material::recording(&folder, "aso-private-dns-20240601");
    let part: Vec<usize> = (2..33)
        .filter(|place| path_of(&all[*place]).contains("/privatedns"))
        .collect();
    let group = json!([{"kind": "group", "name": "asotest-rg-nxzkeg", "location": "westus2"}]);
    answers_alike(
        test,
        "aso-private-dns-20240601",
        &part,
        blueprint("westus2", "westcentralus", group),
    );
}

#[test]
fn origins_are_made_changed_disabled_and_taken_away_with_the_recorded_answers() {
    let group = json!([{"kind": "group", "name": "clitest.rg000001", "location": "westus2"}]);
    answers_alike(
        "origins_are_made_changed_disabled_and_taken_away_with_the_recorded_answers",
        "afd-origin",
        &(0..42).collect::<Vec<usize>>(),
        blueprint("westus2", "westcentralus", group),
    );
}

#[test]
fn origin_groups_are_made_changed_and_taken_away_with_the_recorded_answers() {
    let group = json!([{"kind": "group", "name": "clitest.rg000001", "location": "westus2"}]);
    answers_alike(
        "origin_groups_are_made_changed_and_taken_away_with_the_recorded_answers",
        "afd-origin-group",
        &(0..24).collect::<Vec<usize>>(),
        blueprint("westus2", "westcentralus", group),
    );
}

const VNET: &str = "providers/Microsoft.Network/virtualNetworks/cli.lock.rsrc000002";

#[test]
fn a_lock_of_a_resource_is_put_changed_and_taken_away_with_the_recorded_answers() {
    for (recording, name) in [
        ("locks-cannotdelete-resource", "cannotdelete"),
        ("locks-readonly-resource", "readonly"),
    ] {
        let group = format!("cli_test_{name}_resource_lock000001");
        let id = format!("/subscriptions/{SUBSCRIPTION}/resourceGroups/{group}/{VNET}");
        answers_alike(
            "a_lock_of_a_resource_is_put_changed_and_taken_away_with_the_recorded_answers",
            recording,
            &(3..7).collect::<Vec<usize>>(),
            blueprint(
                "westus",
                "eastus",
                json!([{"kind": "resource", "id": id, "location": "westus"}]),
            ),
        );
    }
}

#[test]
fn a_lock_of_a_group_is_put_listed_changed_and_taken_away_with_the_recorded_answers() {
    let group = json!([{"kind": "group", "name": "cli_test_readonly_resource_group_lock000001", "location": "westus"}]);
    answers_alike(
        "a_lock_of_a_group_is_put_listed_changed_and_taken_away_with_the_recorded_answers",
        "locks-readonly-group",
        &(0..6).collect::<Vec<usize>>(),
        blueprint("westus", "eastus", group),
    );
}

#[test]
fn roles_are_assigned_changed_and_taken_away_with_the_recorded_answers() {
    let test = "roles_are_assigned_changed_and_taken_away_with_the_recorded_answers";
    let group = json!([{"kind": "group", "name": "cli_role_assign000001", "location": "westus"}]);
    answers_alike(
        test,
        "role-assignments",
        &(0..9).collect::<Vec<usize>>(),
        blueprint("westus", "eastus", group),
    );
    let under = format!("/subscriptions/{SUBSCRIPTION}/resourceGroups/asotest-rg-myngbn/providers");
    let held = json!([
        {"kind": "resource", "location": "westus2",
         "id": format!("{under}/Microsoft.ManagedIdentity/userAssignedIdentities/asotest-mi-lnwfei"),
         "body": {"properties": {"principalId": "31f1f858-b279-49fa-a599-b8d146b8d5be"}}},
        {"kind": "storage-geo", "account": "asoteststorsbkvnx", "resource-group": "asotest-rg-myngbn"},
    ]);
    answers_alike(
        test,
        "aso-role-assignment-storage",
        &(9..13).collect::<Vec<usize>>(),
        blueprint("westus2", "westcentralus", held),
    );
}

#[test]
fn tags_are_put_merged_replaced_and_deleted_with_the_recorded_answers() {
    let vault = format!(
        "/subscriptions/{SUBSCRIPTION}/resourceGroups/test_tag_update_resource000001/providers/\
         Microsoft.RecoveryServices/vaults/vault-000002"
    );
    answers_alike(
        "tags_are_put_merged_replaced_and_deleted_with_the_recorded_answers",
        "tags-resource",
        &(2..7).collect::<Vec<usize>>(),
        blueprint(
            "westus",
            "eastus",
            json!([{"kind": "resource", "id": vault, "location": "westus"}]),
        ),
    );
}
