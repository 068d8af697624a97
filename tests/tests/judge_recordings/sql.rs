//! Failover groups, of servers and of instances.

use leeward_acceptance::judges::replay::Supplement;
use leeward_runbook::journey::Journey;
use serde_json::json;

use crate::case::{Case, Reads, SUBSCRIPTION, beside};

pub(crate) fn instances(ladder: &str) -> String {
    format!(
        "leeward: 1
name: recorded
regions: {{ primary: westcentralus, paired: centralus }}
objectives: {{ rto: 1h, rpo: 10m }}
parameters:
  subscription: {{ type: subscription-id, default: {SUBSCRIPTION} }}
steps:
  sql:
    use: azure.sql.managed-instance-failover-group
    with: {{ failover-group: fgtest2022a }}
    at:
      primary: {{ resource-group: cet-rg }}
      paired: {{ resource-group: mdcs-cx-secondary-vnet }}
    data-loss:
      budget: 5m
      ladder: [{ladder}]
    ends: recovery
"
    )
}

pub(crate) fn members() -> Vec<Supplement> {
    ["mi-primary-wcus", "mi-mdcs-cx-secondary"]
        .map(|name| {
            let host = format!("{name}.zone.database.windows.net");
            let body = json!({"properties": {"state": "Ready", "dnsZone": "zone", "fullyQualifiedDomainName": host}});
            beside(&format!("/managedinstances/{name}"), body)
        })
        .into()
}

/// One switch of the recorded group of servers, to the second server.
fn servers(test: &str, part: std::ops::Range<usize>, ladder: &str) {
    let server = "/servers/clitestserver000004";
    let link = json!({
        "id": format!("/subscriptions/{SUBSCRIPTION}/resourceGroups/clitest.rg000002/providers/Microsoft.Sql{server}/databases/db1/replicationLinks/1"),
        "properties": {"partnerServer": "clitestserver000003", "role": "Secondary", "replicationState": "CATCH_UP"},
    });
    let host =
        json!({"properties": {"fullyQualifiedDomainName": "clitestserver000004.database.windows.net"}});
    let case = Case {
        recording: "sql-failover-group",
        part: part.collect(),
        before: 2,
        supplements: vec![
            beside(server, host),
            beside(&format!("{server}/replicationlinks"), json!({"value": [link]})),
        ],
        runbook: &format!(
            "leeward: 1
name: recorded
regions: {{ primary: northeurope, paired: eastus }}
objectives: {{ rto: 1h, rpo: 10m }}
parameters:
  subscription: {{ type: subscription-id, default: {SUBSCRIPTION} }}
steps:
  sql:
    use: azure.sql.failover-group
    with: {{ failover-group: fgclitest16578-lulu }}
    at:
      primary: {{ resource-group: clitest.rg000001, server: clitestserver000003 }}
      paired: {{ resource-group: clitest.rg000002, server: clitestserver000004 }}
    data-loss:
      budget: 5m
      ladder: [{ladder}]
    ends: recovery
"
        ),
        journey: Journey::Failover,
        start: "2024-10-24T06:51:11Z",
    };
    case.goes_as_recorded(test, Reads::Recorded);
}

#[test]
fn a_planned_switch_of_servers_goes_as_it_was_recorded() {
    servers(
        "a_planned_switch_of_servers_goes_as_it_was_recorded",
        53..61,
        "planned, forced",
    );
}

#[test]
fn a_forced_switch_of_servers_goes_as_it_was_recorded() {
    servers(
        "a_forced_switch_of_servers_goes_as_it_was_recorded",
        66..74,
        "forced",
    );
}

#[test]
fn a_switch_of_servers_that_is_planned_if_it_can_be_goes_as_it_was_recorded() {
    let test = "a_switch_of_servers_that_is_planned_if_it_can_be_goes_as_it_was_recorded";
    servers(test, 79..87, "try-planned");
}

#[test]
fn a_planned_switch_of_instances_goes_as_it_was_recorded() {
    let test = "a_planned_switch_of_instances_goes_as_it_was_recorded";
    let case = Case {
        recording: "sql-mi-failover-group",
        part: (14..22).collect(),
        before: 2,
        supplements: members(),
        runbook: &instances("{ planned: { within: 10m } }, forced"),
        journey: Journey::Failover,
        start: "2023-02-28T07:58:17Z",
    };
    case.goes_as_recorded(test, Reads::Recorded);
}

#[test]
fn a_forced_switch_home_goes_as_it_was_recorded() {
    let test = "a_forced_switch_home_goes_as_it_was_recorded";
    let case = Case {
        recording: "sql-mi-failover-group",
        part: (19..30).collect(),
        before: 3,
        supplements: members(),
        runbook: &instances("forced"),
        journey: Journey::Failback,
        start: "2023-02-28T07:59:17Z",
    };
    case.goes_as_recorded(test, Reads::Recorded);
}
