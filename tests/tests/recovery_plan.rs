//! Does an existing recovery plan move its machines in every world and journey, and what becomes of one that moves only a
//! part of them?

use leeward_acceptance::processes::Stage;

const RUNBOOK: &str = r#"leeward: 1
name: planned
summary: A web tier that an existing recovery plan moves.
regions: { primary: westeurope, paired: northeurope }
objectives: { rto: 45m, rpo: 15m }
parameters:
  subscription: { type: subscription-id, default: 00000000-0000-0000-0000-0000000000f9 }
steps:
  web:
    use: azure.site-recovery.recovery-plan
    with:
      vault: { name: rsv-web, resource-group: rg-recovery-neu }
      plan: rp-web
      machines: [vm-web-1, vm-web-2, vm-web-3]
      multi-vm-points: together
      recovery-point: latest
    at:
      primary: { resource-group: rg-web-weu, drill-network: vnet-drill-weu, cache-account: stcacheweu }
      paired: { resource-group: rg-web-neu, drill-network: vnet-drill-neu, cache-account: stcacheneu }
    data-loss: { budget: 15m, ladder: [unplanned] }
    ends: recovery
"#;

#[test]
fn a_recovery_plan_moves_its_machines_in_every_world_and_journey() {
    let stage = Stage::new();
    stage.write("runbook.yaml", RUNBOOK);
    stage.rehearses_everywhere("its one step done");
}

#[test]
fn a_recovery_plan_is_rehearsed_by_whoever_does_not_name_its_machines() {
    let stage = Stage::new();
    let bare = RUNBOOK.replace("      machines: [vm-web-1, vm-web-2, vm-web-3]\n", "");
    stage.write("runbook.yaml", &bare);
    stage.run(&["simulate", "runbook.yaml"]).ended(0);
}
