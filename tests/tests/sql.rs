//! Do the databases move, and is what a check reads of them the truth?

use std::time::Duration;

use leeward_acceptance::{
    processes::Stage,
    stage::{Book, Played, differences, groups, rehearse, resources},
};
use leeward_cli::{exit::Exit, rehearsal::Outage};
use leeward_engine::{view::LossView, work::Figure};
use leeward_runbook::journey::Journey;
use leeward_simulator::Entry;

const RUNBOOK: &str = r#"leeward: 1
name: shop
summary: Servers of Azure SQL Database and a check through their listener.
regions: { primary: westeurope, paired: northeurope }
objectives: { rto: 30m, rpo: 10m }
parameters:
  subscription: { type: subscription-id, default: "${{ env.AZURE_SUBSCRIPTION_ID }}" }
steps:
  databases:
    use: azure.sql.failover-group
    with:
      failover-group: fog-shop
      databases: [orders]
      lag: { database: orders }
      REAL
    at:
      primary: { resource-group: rg-weu, server: sql-weu }
      paired: { resource-group: rg-neu, server: sql-neu }
    data-loss: { budget: 5m, ladder: LADDER }
  orders-take-writes:
    use: check.sql
    after: [databases]
    in: [failover, failback]
    with:
      server: fog-shop.database.windows.net
      database: orders
      statement: "SELECT DATABASEPROPERTYEX(DB_NAME(), 'Updateability')"
      expect: READ_WRITE
      lag: 1m
      within: 5m
    ends: recovery
"#;

const INSTANCES: &str = r#"leeward: 1
name: shop
summary: Managed instances.
regions: { primary: westeurope, paired: northeurope }
objectives: { rto: 30m, rpo: 10m }
parameters:
  subscription: { type: subscription-id, default: "${{ env.AZURE_SUBSCRIPTION_ID }}" }
steps:
  databases:
    use: azure.sql.managed-instance-failover-group
    with:
      failover-group: fog-shop
      REAL
    at:
      primary: { resource-group: rg-weu }
      paired: { resource-group: rg-neu }
    data-loss: { budget: 5m, ladder: LADDER }
    ends: recovery
"#;

const BARE: &str = "parameters: { subscription: 00000000-0000-0000-0000-0000000000f7 }\n";
/// How far the copies are behind must be said: nobody can tell what Azure would say.
const LAG: &str = "lag-seconds: { fog-shop: 7 }\n";

fn written(runbook: &str, ladder: &str, real: &str) -> String {
    runbook.replace("LADDER", ladder).replace("      REAL\n", real)
}

fn stage(ladder: &str, real: &str) -> Stage {
    let stage = Stage::new();
    stage.write("world.yaml", LAG);
    stage.write("runbook.yaml", &written(RUNBOOK, ladder, real));
    stage
}

fn loss(played: &Played) -> &LossView {
    let [row] = played.view.losses.as_slice() else {
        panic!("{:#?}\n{}", played.view.losses, played.tale());
    };
    row
}

#[test]
fn the_databases_move_and_the_lag_of_the_primary_is_the_figure_of_loss() {
    rehearse(async {
        let book = Book::written(&written(RUNBOOK, "[forced]", ""), &format!("{BARE}{LAG}"));
        let (mut stage, planned) = book.stage(Journey::Failover, Outage::BothUp, 1);
        let played = stage.play(&planned).await;
        let told = played.tale();
        assert_eq!(played.exit(), Exit::Holds.code(), "{told}");
        let row = loss(&played);
        assert_eq!((row.rung.as_str(), row.used), ("forced", true), "{row:#?}");
        assert_eq!(row.figure, Figure::UpTo(Duration::from_secs(7)), "{row:#?}");
        assert!(
            row.source.contains("sys.dm_geo_replication_link_status"),
            "{row:#?}"
        );
        let proof = played
            .view
            .steps
            .iter()
            .find(|step| step.id.as_str() == "orders-take-writes");
        let proof = proof.unwrap_or_else(|| panic!("{told}"));
        let said = serde_json::to_string(proof).unwrap_or_else(|error| panic!("{error}"));
        assert!(said.contains("answers `READ_WRITE`"), "{said}");
    });
}

#[test]
fn where_nobody_says_how_far_the_copies_are_behind_the_loss_is_unknown_and_no_figure_is_made_up() {
    rehearse(async {
        // Nor would a check know whether the copy keeps up.
        let runbook = written(RUNBOOK, "[forced]", "").replace("      lag: 1m\n", "");
        let book = Book::written(&runbook, BARE);
        let (mut stage, planned) = book.stage(Journey::Failover, Outage::BothUp, 1);
        let played = stage.play(&planned).await;
        let row = loss(&played);
        assert_eq!(row.figure, Figure::Unknown, "{row:#?}\n{}", played.tale());
        assert!(row.source.contains("tells no lag"), "{row:#?}");
    });
}

#[test]
fn every_ladder_of_a_group_of_servers_ends_well_in_every_world() {
    for ladder in ["[planned, try-planned, forced]", "[try-planned]", "[forced]"] {
        for world in ["both-up", "serving-down", "region-gone"] {
            let stage = stage(ladder, "");
            // Beside a dead region the copy stands still, so nobody can insist that it keeps up.
            stage.write(
                "runbook.yaml",
                &written(RUNBOOK, ladder, "").replace("      lag: 1m\n", ""),
            );
            let told = stage
                .run(&["simulate", "runbook.yaml", "--world", world])
                .ended(0);
            assert!(
                told.stdout.contains("all 2 steps done"),
                "{ladder} {world}: {}",
                told.whole()
            );
        }
    }
}

/// The last segment or two of what a run changed, in order.
fn changed(entries: &[Entry]) -> Vec<String> {
    let short = |entry: &Entry| {
        let path = entry
            .path
            .split("/providers/Microsoft.Sql/")
            .last()
            .unwrap_or_default();
        format!("{} {path}", entry.method)
    };
    entries.iter().map(short).collect()
}

/// Plays a drill, and insists that it leaves nothing; returns what it changed.
fn drilled(runbook: &str, real: &str) -> Vec<String> {
    rehearse(async {
        let book = Book::written(
            &written(runbook, "[planned, forced]", real),
            &format!("{BARE}{LAG}"),
        );
        let (mut stage, planned) = book.stage(Journey::Drill, Outage::BothUp, 1);
        let before = stage.simulator.world();
        let played = stage.play(&planned).await;
        let told = format!("{real}: {}", played.tale());
        assert_eq!(played.exit(), Exit::Holds.code(), "{told}");
        assert_eq!(played.view.leftovers, [""; 0], "{told}");
        stage.settle().await;
        let after = stage.simulator.world();
        let left = differences(&resources(&before), &resources(&after));
        assert!(left.is_empty(), "{told}\n{}", left.join("\n"));
        assert_eq!(groups(&before), groups(&after), "{told}");
        assert_eq!(changed(&stage.changes()), changed(&stage.accepted()), "{told}");
        changed(&stage.changes())
    })
}

#[test]
fn a_drill_copies_a_database_and_drops_it_or_switches_there_and_back() {
    assert_eq!(drilled(RUNBOOK, ""), [""; 0]);
    let copied = drilled(RUNBOOK, "      real: copy\n");
    let [made, dropped] = copied.as_slice() else {
        panic!("{copied:#?}");
    };
    let copy = made.strip_prefix("PUT ").unwrap_or_default();
    assert!(
        copy.starts_with("servers/sql-neu/databases/orders-"),
        "{copied:#?}"
    );
    assert_eq!(dropped.strip_prefix("DELETE "), Some(copy), "{copied:#?}");
    assert_eq!(
        drilled(RUNBOOK, "      real: planned\n"),
        [
            "POST servers/sql-neu/failoverGroups/fog-shop/failover",
            "POST servers/sql-weu/failoverGroups/fog-shop/failover",
        ]
    );
    assert_eq!(drilled(INSTANCES, ""), [""; 0]);
    assert_eq!(
        drilled(INSTANCES, "      real: planned\n"),
        [
            "POST locations/northeurope/instanceFailoverGroups/fog-shop/failover",
            "POST locations/westeurope/instanceFailoverGroups/fog-shop/failover",
        ]
    );
}

#[test]
fn the_plan_of_a_drill_tells_of_the_full_backup_and_the_other_journeys_can_be_rehearsed() {
    for real in ["", "      real: copy\n", "      real: planned\n"] {
        let stage = stage("[planned, forced]", real);
        let plan = stage.run(&["plan", "runbook.yaml", "--journey", "drill"]);
        let whole = plan.whole();
        assert_eq!(whole.contains("full backup"), real.contains("planned"), "{whole}");
        for journey in ["drill", "failback", "reprotect"] {
            stage
                .run(&["simulate", "runbook.yaml", "--journey", journey])
                .ended(0);
        }
    }
}
