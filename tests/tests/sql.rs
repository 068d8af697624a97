//! Do the databases move, and is what a check reads of them the truth?

use leeward_acceptance::processes::Stage;

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

fn stage(ladder: &str, real: &str) -> Stage {
    let stage = Stage::new();
    let text = RUNBOOK.replace("LADDER", ladder);
    stage.write("runbook.yaml", &text.replace("      REAL\n", real));
    stage
}

#[test]
fn the_databases_move_and_the_lag_of_the_primary_is_the_figure_of_loss() {
    let stage = stage("[planned, forced]", "");
    let told = stage
        .run(&[
            "simulate",
            "runbook.yaml",
            "--world",
            "both-up",
            "--format",
            "json",
        ])
        .ended(0);
    let whole = told.whole();
    assert!(whole.contains("sys.dm_geo_replication_link_status"), "{whole}");
    assert!(whole.contains("answers `READ_WRITE`"), "{whole}");
}

#[test]
fn every_ladder_of_a_group_of_servers_ends_well_in_every_world() {
    for ladder in ["[planned, try-planned, forced]", "[try-planned]", "[forced]"] {
        for world in ["both-up", "serving-down", "region-gone"] {
            let stage = stage(ladder, "");
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

#[test]
fn a_drill_copies_a_database_and_drops_it_or_switches_there_and_back() {
    for real in ["", "      real: copy\n", "      real: planned\n"] {
        let stage = stage("[planned, forced]", real);
        stage
            .run(&["simulate", "runbook.yaml", "--journey", "drill"])
            .ended(0);
        let plan = stage.run(&["plan", "runbook.yaml", "--journey", "drill"]);
        let whole = plan.whole();
        assert_eq!(whole.contains("full backup"), real.contains("planned"), "{whole}");
        for journey in ["failback", "reprotect"] {
            stage
                .run(&["simulate", "runbook.yaml", "--journey", journey])
                .ended(0);
        }
    }
}
