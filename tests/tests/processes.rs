//! What happens to a run when its processes are killed, doubled and fought over? Real ones, over HTTP on loopback.

use std::{
    collections::BTreeMap,
    env, thread,
    time::{Duration, Instant},
};

use leeward_acceptance::{
    processes::{Simulated, Stage, step_of, until},
    sweep::is_message,
};
use serde_json::Value;

/// How many virtual seconds pass in one: an hour's move takes a quarter of a minute.
const SPEED: u32 = 240;

/// How fast the whole platform is killed and resumed: slow enough for kills to fall everywhere.
const EVERYDAY: u32 = 60;

/// Two machines, a look at them where it is a drill, and traffic.
const MACHINES: &str = include_str!("runbooks/machines.yaml");
const MACHINES_WORLD: &str = include_str!("runbooks/machines-world.yaml");

fn machines() -> Stage {
    let stage = Stage::new();
    stage.write("runbook.yaml", MACHINES);
    stage.write("world.yaml", MACHINES_WORLD);
    stage
}

/// Drawn from a seed; the same seed gives the same draws on every machine.
struct Draw(u64);

impl Draw {
    fn seeded() -> Draw {
        let seed = env::var("LEEWARD_TEST_SEED")
            .ok()
            .and_then(|text| text.parse().ok());
        Draw(seed.unwrap_or(20_261_124))
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = self.0;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (word ^ (word >> 31)) % limit
    }
}

fn failover<'a>(simulated: &'a Simulated, more: &[&'a str]) -> Vec<&'a str> {
    let mut line = vec!["failover", "--endpoint", simulated.endpoint(), "--yes"];
    line.extend(more);
    line
}

const AGREED: [&str; 3] = ["--approve-all", "--reason", "INC-1"];

/// Insists that nothing was taken on twice, nor asked for twice.
#[track_caller]
fn each_once(simulated: &Simulated) {
    let mut count: BTreeMap<(String, String), u32> = BTreeMap::new();
    for change in simulated.accepted() {
        // A hook is told, not changed: the same address hears of the beginning and of the end.
        if is_message(&change.path) {
            continue;
        }
        *count.entry((change.method, change.path)).or_default() += 1;
    }
    let twice: Vec<_> = count.iter().filter(|(_, count)| **count != 1).collect();
    assert!(twice.is_empty(), "accepted more than once: {twice:#?}");
    assert!(!count.is_empty(), "nothing was accepted at all");
}

/// Returns what was changed in Azure, in order of names; messages to people are no part of it.
fn changed(simulated: &Simulated) -> Vec<(String, String)> {
    let accepted = simulated.accepted().into_iter();
    accepted
        .filter(|change| !is_message(&change.path))
        .map(|change| (change.method, change.path))
        .collect()
}

fn steps(status: &Value) -> impl Iterator<Item = &Value> {
    status["steps"].as_array().into_iter().flatten()
}

/// Returns the resources and groups of a world without what differs from run to run: moments, ids drawn at random, the run.
fn lasting(world: &Value) -> Vec<String> {
    let mut resources: Vec<String> = world["resources"]
        .as_array()
        .expect("resources")
        .iter()
        // Points of recovery come and go with time; the jobs are counted as requests.
        .filter(|resource| {
            let kind = resource["type"].as_str().unwrap_or_default();
            !kind.ends_with("recoveryPoints") && !kind.ends_with("replicationJobs")
        })
        .map(|resource| {
            let mut resource = resource.clone();
            if resource["type"]
                .as_str()
                .is_some_and(|kind| kind.ends_with("replicationRecoveryPlans"))
            {
                // What a plan remembers of its last verbs is no more than a job is.
                resource["state"] = Value::Null;
            }
            calm(&resource.to_string())
        })
        .collect();
    // A cluster's nodes have a group of their own.
    let groups = world["groups"].as_array().expect("groups");
    resources.extend(groups.iter().map(|group| calm(&group.to_string())));
    resources.sort();
    resources
}

/// Replaces moments, random ids and the run's name.
fn calm(text: &str) -> String {
    let mut calm = String::new();
    for word in text.split_inclusive(['"', '/', ' ', ',']) {
        let end = word.trim_end_matches(['"', '/', ' ', ',']);
        let rest = &word[end.len()..];
        let moment = end.len() >= 20 && end.ends_with('Z') && end.as_bytes()[10] == b'T';
        let dashes = end.bytes().filter(|byte| *byte == b'-').count();
        let id = end.len() == 36 && dashes == 4 && !end.starts_with("00000000-");
        let run = end.starts_with("r-20");
        calm.push_str(match (moment, id, run) {
            (true, _, _) => "MOMENT",
            (_, true, _) => "ID",
            (_, _, true) => "RUN",
            _ => end,
        });
        calm.push_str(rest);
    }
    calm
}

/// The example platform as it is shipped. Its four proofs side by side hold for a minute of the real clock.
fn platform() -> Stage {
    let stage = Stage::new();
    stage.copy_runbook("interworks-platform", &[]);
    stage
}

const PLATFORM: &str = "interworks-platform/runbook.yaml";

#[test]
fn a_failover_killed_ten_times_changes_everything_once_and_ends_in_the_same_world() {
    let calm = thread::spawn(|| {
        let stage = platform();
        let simulated = stage.simulator(PLATFORM, EVERYDAY, &[]);
        let mut line = failover(&simulated, &[PLATFORM, "--set", "change=INC-1"]);
        line.extend(AGREED);
        stage.run(&line).ended(0);
        each_once(&simulated);
        let paths = changed(&simulated);
        (paths, lasting(&simulated.get("world")))
    });

    let mut draw = Draw::seeded();
    let seed = draw.0;
    let stage = platform();
    let simulated = stage.simulator(PLATFORM, EVERYDAY, &[]);
    let mut line = failover(
        &simulated,
        &[PLATFORM, "--set", "change=INC-1", "--format", "json"],
    );
    line.extend(AGREED);
    let mut live = stage.start(&line);
    until(
        "the first record",
        || format!("{:?}", live.told()),
        || live.stdout().contains("run-opened").then_some(()),
    );
    let resume = ["resume", "--endpoint", simulated.endpoint(), "--format", "json"];
    for kill in 1..=10 {
        let lives = Duration::from_millis(100 + draw.below(5_000));
        let born = Instant::now();
        let told = format!("kill {kill} of seed {seed}, after {lives:?}");
        until(&told, String::new, || {
            let ended = live.ended();
            assert!(ended.is_none(), "over before {told}: {}", live.told());
            (born.elapsed() >= lives).then_some(())
        });
        live.kill();
        live = stage.start(&resume);
    }
    let last = live.end();
    let status = stage.status();
    let less: Vec<&Value> = steps(&status).filter(|step| step["state"] != "done").collect();
    // A message whose process died while it was on its way goes out once, ever: nobody can tell whether it arrived.
    let message = |step: &&Value| {
        step["kind"]
            .as_str()
            .is_some_and(|kind| kind.starts_with("notify."))
    };
    assert!(less.iter().all(message), "seed {seed}: {less:#?}");
    let code = if less.is_empty() { 0 } else { 26 };
    assert_eq!(last.code, Some(code), "seed {seed}\n{}", last.whole());
    each_once(&simulated);

    let (paths, world) = calm.join().expect("the run without kills");
    let killed = changed(&simulated);
    assert_eq!(killed, paths, "seed {seed}");
    let messages = simulated.accepted().len() - killed.len();
    assert!(messages <= 4, "seed {seed}: {messages} messages of four steps");
    let ended = lasting(&simulated.get("world"));
    for (ended, calm) in ended.iter().zip(&world) {
        assert_eq!(ended, calm, "seed {seed}");
    }
    assert_eq!(ended.len(), world.len(), "seed {seed}");
    let took = stage.status_of(&[])["epoch"].as_u64();
    assert_eq!(took, Some(11), "seed {seed}: every resume took the lease once");
}

#[test]
fn a_process_killed_while_azure_answers_leaves_a_change_that_is_found_and_not_sent_again() {
    let stage = machines();
    stage.write(
        "faults.yaml",
        "- match: { method: POST, path: \"**/unplannedFailover\" }\n  verdict: { delay: { for: 50m } }\n",
    );
    let simulated = stage.simulator("runbook.yaml", SPEED, &["--faults", "faults.yaml"]);
    let mut line = failover(&simulated, &["runbook.yaml"]);
    line.extend(AGREED);
    let live = stage.start(&line);
    until(
        "both failovers on their way",
        || live.told(),
        || (simulated.accepted().len() == 2).then_some(()),
    );
    let left = live.kill();
    assert_eq!(
        left.code,
        None.or(left.code.filter(|_| cfg!(windows))),
        "{}",
        left.whole()
    );
    stage
        .run(&["resume", "--endpoint", simulated.endpoint()])
        .ended(0);
    each_once(&simulated);
    let report = stage.run(&["report"]).ended(0).stdout;
    assert!(report.contains("vm-two runs in northeurope"), "{report}");
}

#[test]
fn a_second_failover_over_a_target_of_a_live_one_is_refused_and_names_its_holder_and_age() {
    let stage = machines();
    // Another runbook, another name, another subset: one machine is the same.
    stage.write(
        "other/runbook.yaml",
        &MACHINES
            .replace("name: machines", "name: others")
            .replace("[vm-one, vm-two]", "[vm-two]"),
    );
    let simulated = stage.simulator("runbook.yaml", SPEED, &[]);
    let live = stage.start(&failover(&simulated, &["runbook.yaml"]));
    let run = stage.until_standing("at-gate")["run"]
        .as_str()
        .expect("a run")
        .to_owned();
    let before = simulated.changes();
    for runbook in ["runbook.yaml", "other/runbook.yaml"] {
        let mut line = failover(&simulated, &[runbook]);
        line.extend(AGREED);
        let second = stage.run(&line).ended(20);
        for words in ["error[LW0406]", &run, "held by maria on", "since ", "for "] {
            assert!(second.stderr.contains(words), "`{words}`\n{}", second.whole());
        }
    }
    assert_eq!(simulated.changes(), before, "who was refused changed nothing");
    stage.run(&["approve", &run, "decide"]).ended(0);
    live.end().ended(0);
    each_once(&simulated);
}

/// A drill at its gate, with a test failover of both machines standing.
fn drill(stage: &Stage, simulated: &Simulated) -> leeward_acceptance::processes::Live {
    let live = stage.start(&[
        "drill",
        "runbook.yaml",
        "--endpoint",
        simulated.endpoint(),
        "--yes",
    ]);
    stage.until_step("inspect", "at-gate");
    live
}

/// Moves the machines for real and insists that the drill was cleaned away first, each piece once.
fn move_over_a_drill(stage: &Stage, simulated: &Simulated) {
    let mut line = failover(simulated, &["runbook.yaml"]);
    line.extend(AGREED);
    stage.run(&line).ended(0);
    each_once(simulated);
    let verbs = |machine: &str| -> Vec<String> {
        let of_machine = |path: &&str| path.contains(machine);
        simulated
            .changes()
            .iter()
            .filter(|change| change.accepted)
            .map(|change| change.path.as_str())
            .filter(of_machine)
            .filter_map(|path| path.rsplit('/').next().map(str::to_owned))
            .collect()
    };
    // Of what the drill made nothing is left, and no machine is still in one.
    let world = simulated.get("world");
    let resources = world["resources"].as_array().expect("resources");
    let named = |end: &str| {
        let of_name = |resource: &&Value| resource["id"].as_str().is_some_and(|id| id.ends_with(end));
        resources.iter().filter(of_name).count()
    };
    assert_eq!(["vm-one-test", "vm-two-test"].map(named), [0, 0]);
    for resource in resources {
        assert!(
            resource["state"].get("drill").is_none_or(Value::is_null),
            "{resource:#}"
        );
    }
    for machine in ["vm-one", "vm-two"] {
        assert!(named(&format!("/virtualMachines/{machine}")) >= 1, "{machine}");
        assert_eq!(
            verbs(machine),
            [
                "testFailover",
                "testFailoverCleanup",
                "unplannedFailover",
                "failoverCommit"
            ],
            "{machine}"
        );
    }
}

#[test]
fn a_failover_evicts_a_live_drill_whose_process_ends_with_23_and_touches_nothing_more() {
    let stage = machines();
    let simulated = stage.simulator("runbook.yaml", SPEED, &[]);
    let live = drill(&stage, &simulated);
    let drilled = stage.status()["run"].as_str().expect("a run").to_owned();
    move_over_a_drill(&stage, &simulated);
    live.end().ended(23).saying("error[LW0501]");
    // What the drill was about is over: who resumes it changes nothing.
    let before = simulated.changes();
    stage.run(&["approve", &drilled, "inspect"]).ended(0);
    stage
        .run(&["resume", &drilled, "--endpoint", simulated.endpoint()])
        .ended(0);
    assert_eq!(simulated.changes(), before);
}

#[test]
fn a_failover_evicts_a_dead_drill_and_cleans_up_after_it() {
    let stage = machines();
    let simulated = stage.simulator("runbook.yaml", SPEED, &[]);
    drill(&stage, &simulated).kill();
    move_over_a_drill(&stage, &simulated);
}

#[test]
fn a_failover_takes_over_a_drill_that_died_half_cleaned() {
    let stage = machines();
    // One machine's clean-up is put off, so that the other's is done while it still stands.
    stage.write(
        "faults.yaml",
        "- match: { method: POST, path: \"**/vm-two/testFailoverCleanup\" }\n  times: 1\n  verdict: { throttle: { retry-after: 24000 } }\n",
    );
    let simulated = stage.simulator("runbook.yaml", SPEED, &["--faults", "faults.yaml"]);
    let live = drill(&stage, &simulated);
    stage.run(&["approve", "inspect"]).ended(0);
    until(
        "one machine cleaned and one put off",
        || live.told(),
        || {
            let status = stage.status();
            let operations = step_of(&status, "machines")["operations"].as_array()?.clone();
            let cleaned = |machine: &str| {
                operations.iter().find(|one| {
                    one["id"].as_str().is_some_and(|id| id.contains("clean"))
                        && one["target"]
                            .as_str()
                            .is_some_and(|target| target.contains(machine))
                })
            };
            let one = cleaned("vm-one")?["reached"] == true;
            let two = cleaned("vm-two")?["sends"] == 1;
            (one && two).then_some(())
        },
    );
    live.kill();
    move_over_a_drill(&stage, &simulated);
}

#[test]
fn two_terminals_fighting_over_a_lease_leave_one_winner_and_the_losers_end_with_23() {
    let stage = machines();
    let simulated = stage.simulator("runbook.yaml", 30, &[]);
    let mut line = failover(&simulated, &["runbook.yaml"]);
    line.extend(AGREED);
    let first = stage.start(&line);
    // In the middle of a change: both machines move.
    until(
        "both machines on their way",
        || first.told(),
        || (simulated.accepted().len() == 2).then_some(()),
    );
    let fight = [
        "resume",
        "--take-over",
        "--yes",
        "--endpoint",
        simulated.endpoint(),
    ];
    let second = stage.start(&fight);
    let third = stage.start(&fight);
    first.end().ended(23).saying("error[LW0501]");
    let mut codes = [second.end().code, third.end().code];
    codes.sort();
    assert_eq!(codes, [Some(0), Some(23)]);
    each_once(&simulated);
    assert_eq!(
        simulated.accepted().len(),
        simulated.changes().len(),
        "no loser sent anything"
    );
    assert_eq!(stage.status()["epoch"], 3);
}

#[test]
fn a_drill_killed_in_the_middle_and_gone_on_with_leaves_the_world_as_it_found_it() {
    let mut draw = Draw::seeded();
    let seed = draw.0;
    let stage = platform();
    let simulated = stage.simulator(PLATFORM, SPEED, &[]);
    let before = lasting(&simulated.get("world"));
    let line = [
        "drill",
        PLATFORM,
        "--set",
        "change=INC-1",
        "--endpoint",
        simulated.endpoint(),
        "--yes",
        "--approve-all",
        "--reason",
        "INC-1",
    ];
    let mut live = stage.start(&line);
    // While test failovers are on their way, and while they are cleaned up; in a moment when nothing is just being
    // sent, which would cost the 210 real seconds after which a change may be sent again.
    let few = 2 + draw.below(4) as usize;
    for verb in ["/testFailover", "/testFailoverCleanup"] {
        let told = format!("seed {seed}: {few} times {verb}, and a pause");
        let mut seen = (0, Instant::now());
        until(&told, String::new, || {
            assert!(live.ended().is_none(), "over before {told}: {}", live.told());
            let sent = simulated.changes();
            if sent.len() != seen.0 {
                seen = (sent.len(), Instant::now());
            }
            let done = sent
                .iter()
                .filter(|change| change.accepted && change.path.ends_with(verb))
                .count();
            (done >= few && seen.1.elapsed() > Duration::from_millis(150)).then_some(())
        });
        live.kill();
        assert_ne!(
            lasting(&simulated.get("world")),
            before,
            "{told}: it was in the middle"
        );
        live = stage.start(&["resume", "--endpoint", simulated.endpoint()]);
    }
    live.end().ended(0);
    each_once(&simulated);
    let after = lasting(&simulated.get("world"));
    for (after, before) in after.iter().zip(&before) {
        assert_eq!(after, before, "seed {seed}");
    }
    assert_eq!(after.len(), before.len(), "seed {seed}");
}
