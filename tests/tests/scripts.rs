//! Does a script on a machine run once, whatever becomes of the answers, and is its end told as it was?

use leeward_acceptance::stage::{Book, Played, Stage, rehearse};
use leeward_cli::rehearsal::Outage;
use leeward_engine::view::StepWord;
use leeward_runbook::journey::Journey;

const WORLDS: [Outage; 3] = [Outage::BothUp, Outage::ServingDown, Outage::RegionGone];

fn book(more: &str, world: &str) -> Book {
    let text = format!(
        "leeward: 1
name: scripts
regions: {{ primary: westeurope, paired: northeurope }}
objectives: {{ rto: 30m, rpo: 10m }}
parameters:
  subscription: {{ type: subscription-id, default: 00000000-0000-0000-0000-0000000000f1 }}
steps:
  promote:
    use: azure.vm.run-command
    with: {{ script: pg_ctl promote }}
    at:
      primary: {{ machine: vm-db-weu, resource-group: rg-db-weu }}
      paired: {{ machine: vm-db-neu, resource-group: rg-db-neu }}
    clean-up: not-needed
    in: [failover, failback, drill]
    ends: recovery
{more}"
    );
    Book::written(&text, world)
}

async fn played(book: &Book, journey: Journey, outage: Outage, faults: &str) -> (Stage, Played) {
    let (mut stage, planned) = book.stage(journey, outage, 7);
    stage
        .simulator
        .add_faults(leeward_simulator::rules(faults).expect("rules"));
    let played = stage.play(&planned).await;
    (stage, played)
}

fn sent(stage: &Stage, method: &str) -> usize {
    let all = stage.accepted();
    all.iter()
        .filter(|entry| entry.method == method && entry.path.to_lowercase().contains("/runcommands/"))
        .count()
}

fn left(stage: &Stage) -> Vec<String> {
    let world = stage.simulator.world();
    let left = world.resources.keys().filter(|key| key.contains("/runcommands/"));
    left.cloned().collect()
}

#[test]
fn a_script_runs_once_in_every_world_and_leaves_nothing_on_the_machine() {
    let book = book(
        "",
        "scripts: [{ machine: vm-db-neu, contains: promote, stdout: 'promoted' }]",
    );
    for (journey, outage) in [Journey::Failover, Journey::Failback]
        .into_iter()
        .flat_map(|journey| WORLDS.map(|outage| (journey, outage)))
        .chain([(Journey::Drill, Outage::BothUp)])
    {
        rehearse(async {
            let (stage, played) = played(&book, journey, outage, "[]").await;
            assert_eq!(played.exit(), 0, "{journey} {outage:?}: {}", played.tale());
            assert_eq!(
                (sent(&stage, "PUT"), sent(&stage, "DELETE")),
                (1, 1),
                "{journey} {outage:?}"
            );
            assert_eq!(left(&stage), [""; 0], "{journey} {outage:?}");
            if journey == Journey::Failover {
                let lost = stage.simulator.requests();
                assert!(lost.iter().all(|entry| !entry.path.contains("weu")), "{lost:#?}");
                assert!(format!("{:?}", played.records).contains("| promoted"));
            }
        });
    }
}

#[test]
fn a_script_that_fails_stops_its_step_and_is_told_with_exit_code_and_output_though_azure_says_success() {
    let book = book("", "scripts: [{ exit-code: 3, stderr: 'no such cluster' }]");
    rehearse(async {
        let (stage, played) = played(&book, Journey::Failover, Outage::BothUp, "[]").await;
        assert_eq!(
            sent(&stage, "PUT"),
            1,
            "what failed did run, and is not run again by itself"
        );
        assert!(played.exit() == 20 || played.exit() == 21, "{}", played.tale());
        let tale = played.tale();
        assert!(
            tale.contains("exit code 3") && tale.contains("| no such cluster"),
            "{tale}"
        );
        assert_eq!(left(&stage).len(), 1, "it stays for whoever looks into it");
    });
}

#[test]
fn a_script_whose_answer_is_lost_is_found_on_the_machine_and_never_run_twice() {
    let book = book("", "scripts: [{ lasts: 4m }]");
    for verdict in [
        "answer-lost",
        "{ answer-lost: { by: reset } }",
        "{ late-delivery: { after: 40s } }",
    ] {
        let faults =
            format!("- match: {{ method: PUT, path: \"**/runCommands/*\", nth: 1 }}\n  verdict: {verdict}\n");
        rehearse(async {
            let (stage, played) = played(&book, Journey::Failover, Outage::RegionGone, &faults).await;
            assert_eq!(played.exit(), 0, "{verdict}: {}", played.tale());
            assert_eq!(sent(&stage, "PUT"), 1, "{verdict}");
        });
    }
}

#[test]
fn a_script_that_left_no_trace_waits_for_a_person_unless_twice_is_harmless() {
    // It never arrives, and nobody says so.
    let never = "- match: { method: PUT, path: \"**/runCommands/*\", nth: 1 }\n  verdict: { status: { status: 504, code: GatewayTimeout } }\n";
    for (more, exit, arrived) in [("", 21, 0), ("    repeat: safe\n", 0, 1)] {
        let book = book(more, "{}");
        rehearse(async {
            let (stage, played) = played(&book, Journey::Failover, Outage::BothUp, never).await;
            assert_eq!(played.exit(), exit, "{}", played.tale());
            assert_eq!(sent(&stage, "PUT"), arrived);
        });
    }
}

#[test]
fn a_script_runs_on_a_machine_that_the_same_move_has_made() {
    let text = "leeward: 1
name: scripts
regions: { primary: westeurope, paired: northeurope }
objectives: { rto: 30m, rpo: 10m }
parameters:
  subscription: { type: subscription-id, default: 00000000-0000-0000-0000-0000000000f1 }
steps:
  machines:
    use: azure.site-recovery.virtual-machines
    with:
      vault: { name: rsv-machines, resource-group: rg-recovery-neu }
      select: { names: [vm-db] }
      source: leave
      recovery-point: latest-processed
    at:
      primary: { address: 10.10.1.10, resource-group: rg-machines-weu }
      paired: { address: 10.20.1.10, resource-group: rg-machines-neu }
    data-loss: { budget: 10m }
  promote:
    use: azure.vm.run-command
    after: [machines]
    with: { machine: vm-db, script: pg_ctl promote }
    at:
      primary: { resource-group: rg-machines-weu }
      paired: { resource-group: rg-machines-neu }
    ends: recovery
";
    let book = Book::written(text, "{}");
    rehearse(async {
        let (stage, played) = played(&book, Journey::Failover, Outage::RegionGone, "[]").await;
        let done = played.view.steps.iter().all(|step| step.state == StepWord::Done);
        assert!(done, "{}", played.tale());
        assert_eq!(sent(&stage, "PUT"), 1);
    });
}

#[test]
fn a_run_that_dies_after_any_record_runs_its_script_once() {
    let book = book("", "{}");
    let calm = rehearse(async {
        played(&book, Journey::Failover, Outage::BothUp, "[]")
            .await
            .1
            .records
            .len()
    });
    for cut in 0..calm as u64 {
        rehearse(async {
            let (mut stage, planned) = book.stage(Journey::Failover, Outage::BothUp, 7);
            let played = stage.play_dying(&planned, &[cut]).await;
            let once = sent(&stage, "PUT");
            assert!(once <= 1, "cut {cut}: {once}");
            // Where the record was written and the request never sent, nobody can know: a person is asked.
            assert!(
                played.exit() == 0 && once == 1 || played.exit() == 21 && once == 0,
                "cut {cut}: {}",
                played.tale()
            );
        });
    }
}
