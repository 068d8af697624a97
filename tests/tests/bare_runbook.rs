//! Can a runbook be rehearsed by whoever has nothing but its text: no world beside it, no subscription set?

use leeward_acceptance::processes::Stage;

const RUNBOOK: &str = r#"leeward: 1
name: bare
summary: A database and the traffic before it.
regions: { primary: westeurope, paired: northeurope }
objectives: { rto: 30m, rpo: 10m }
parameters:
  subscription: { type: subscription-id, default: "${{ env.AZURE_SUBSCRIPTION_ID }}" }
  grow: { type: flag, default: true }
steps:
  databases:
    use: azure.sql.managed-instance-failover-group
    with: { failover-group: fog-bare }
    at:
      primary: { resource-group: rg-weu }
      paired: { resource-group: rg-neu }
    data-loss: { budget: 5m, ladder: [planned, forced] }
  web-size:
    use: azure.resource
    after: [databases]
    when: "${{ !region-down || params.grow }}"
    with:
      method: PATCH
      id: /subscriptions/${{ params.subscription }}/resourceGroups/rg-neu/providers/Microsoft.Web/serverfarms/plan-bare
      api-version: 2022-03-01
      body: { sku: { capacity: 3 } }
    goal: body.sku.capacity == 3
  traffic:
    use: azure.traffic-manager.profile
    after: [databases, web-size]
    with: { profile: tm-bare, resource-group: rg-global }
    at:
      primary: { endpoint: weu }
      paired: { endpoint: neu }
  serving:
    use: check.http
    after: [traffic]
    with: { url: "https://shop.bare.test/health", expect: 200, for: 1m }
    ends: recovery
"#;

#[test]
fn a_runbook_without_a_world_beside_it_is_rehearsed_in_every_world_and_journey() {
    let stage = Stage::new();
    stage.write("runbook.yaml", RUNBOOK);
    stage.rehearses_everywhere("all 4 steps done");
}
