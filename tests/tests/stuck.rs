//! What happens to a change whose outcome nobody can look at? It waits for a person, and whatever that person is
//! offered is taken and works; what is not offered is refused. The real drivers, against the simulator.

use leeward_acceptance::stage::{Book, Played, Stage, rehearse, rules};
use leeward_cli::{exit::Exit, rehearsal::Outage};
use leeward_engine::{
    event::{Choice, Event, OperationEvent},
    id::StepId,
    port::{Command, Verdict},
    view::StepWord,
};
use leeward_runbook::journey::Journey;
use serde_json::json;

/// One step that acts, and traffic that waits for it.
const BOOK: &str = r#"
leeward: 1
name: acting
summary: One act, then traffic.
regions: { primary: westeurope, paired: northeurope }
objectives: { rto: 2h }
parameters:
  subscription: { type: subscription-id, default: 00000000-0000-0000-0000-0000000000f9 }
steps:
  act:
ACT
  traffic:
    use: azure.traffic-manager.profile
    after: [act]
    with: { profile: tm-acting, resource-group: rg-global }
    at:
      primary: { endpoint: weu }
      paired: { endpoint: neu }
    ends: recovery
"#;

const WORLD: &str = r#"
parameters: { subscription: 00000000-0000-0000-0000-0000000000f9 }
groups:
  - { subscription: 00000000-0000-0000-0000-0000000000f9, name: rg-global, location: swedencentral }
resources:
  - id: /subscriptions/00000000-0000-0000-0000-0000000000f9/resourceGroups/rg-global/providers/Microsoft.Example/things/one
    type: Microsoft.Example/things
    region: swedencentral
    body: { id: /subscriptions/00000000-0000-0000-0000-0000000000f9/resourceGroups/rg-global/providers/Microsoft.Example/things/one, name: one, type: Microsoft.Example/things, properties: {} }
commands:
  - { starts-with: [break-it], exit-code: 3, stderr: no such table }
"#;

const POKE: &str = r#"    use: azure.resource
    with:
      method: POST
      id: /subscriptions/00000000-0000-0000-0000-0000000000f9/resourceGroups/rg-global/providers/Microsoft.Example/things/one/poke
      api-version: 2024-01-01
"#;
const COMMAND: &str = "    use: run.command\n    with: { command: [migrate, --all] }\n";
const MESSAGE: &str = "    use: notify.webhook\n    with: { url: \"https://on-call.example.test/hooks/acting\", message: we move }\n";

const ALL: [Choice; 6] = [
    Choice::SettleDone,
    Choice::SettleNotBegun,
    Choice::SettleFailed,
    Choice::Retry,
    Choice::Skip,
    Choice::Cancel,
];

/// What is offered where nobody can see what was done and it must not be done twice: to try it again is not.
const BUT_RETRY: [Choice; 5] = [
    Choice::SettleDone,
    Choice::SettleNotBegun,
    Choice::SettleFailed,
    Choice::Skip,
    Choice::Cancel,
];

/// How the act comes into doubt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Doubt {
    /// It is carried out; its answer is lost.
    Done,
    /// It is lost on its way.
    Lost,
    /// The process dies between the record and the act.
    Death,
    /// Nothing befalls it.
    None,
}

fn book(act: &str) -> Book {
    Book::written(&BOOK.replace("ACT\n", act), WORLD)
}

/// Plays the act into its doubt, and lets somebody go on from there.
fn with<T>(act: &str, doubt: Doubt, then: impl AsyncFnOnce(Stage, Played) -> T) -> T {
    let cuts = match doubt {
        Doubt::Death => vec![intent(act)],
        _ => Vec::new(),
    };
    let verdict = match doubt {
        Doubt::Done => Some(json!({ "answer-lost": {} })),
        Doubt::Lost => Some(json!("reset")),
        Doubt::Death | Doubt::None => None,
    };
    rehearse(async {
        let (mut stage, planned) = book(act).stage(Journey::Failover, Outage::BothUp, 1);
        if let Some(verdict) = &verdict {
            let faults =
                json!([{ "match": { "method": "POST", "changing": true }, "times": 1, "verdict": verdict }]);
            stage.simulator.add_faults(rules(faults));
        }
        let played = stage.play_dying(&planned, &cuts).await;
        assert_eq!(played.deaths as usize, cuts.len(), "{}", played.tale());
        let requests = stage.simulator.requests();
        let struck = requests.iter().filter(|entry| !entry.faults.is_empty()).count();
        assert_eq!(struck, usize::from(verdict.is_some()), "{}", played.tale());
        then(stage, played).await
    })
}

/// Returns the record that says that the act is about to be done.
fn intent(act: &str) -> u64 {
    with(act, Doubt::None, async |_, played| {
        let intended = played.records.iter().find(|record| {
            matches!(&record.body.event, Event::Operation { step, change: OperationEvent::Intended { .. }, .. }
                if step.as_str() == "act")
        });
        intended.unwrap_or_else(|| panic!("{}", played.tale())).body.seq
    })
}

fn act() -> StepId {
    StepId::new("act")
}

/// Returns what a person says who chooses this.
fn command(choice: Choice) -> Command {
    let reason = "looked at it".to_owned();
    let settle = |verdict| Command::Settle {
        step: act(),
        operation: None,
        verdict,
        reason: reason.clone(),
    };
    match choice {
        Choice::SettleDone => settle(Verdict::Done),
        Choice::SettleNotBegun => settle(Verdict::NotBegun),
        Choice::SettleFailed => settle(Verdict::Failed),
        Choice::Retry => Command::Retry { step: act() },
        Choice::Skip => Command::Skip { step: act(), reason },
        Choice::Cancel => Command::Cancel { reason },
        Choice::Approve => unreachable!("an approval is of the plan, not of a step"),
    }
}

/// Returns how often the act was really done.
fn done(stage: &Stage) -> usize {
    let world = stage.simulator.world();
    let poked = world
        .resources
        .values()
        .find_map(|resource| resource.state["poke"].as_u64());
    stage.simulator.hooks().len() + poked.unwrap_or(0) as usize
}

fn step<'a>(played: &'a Played, id: &str) -> &'a leeward_engine::view::StepView {
    let found = played.view.steps.iter().find(|step| step.id.as_str() == id);
    found.unwrap_or_else(|| panic!("{}", played.tale()))
}

fn sends(played: &Played) -> u32 {
    step(played, "act")
        .operations
        .iter()
        .map(|operation| operation.sends)
        .sum()
}

fn offered(played: &Played) -> Vec<Choice> {
    let [todo] = played.view.todo.as_slice() else {
        panic!("one thing to do: {}", played.tale());
    };
    assert_eq!(todo.step.as_str(), "act");
    todo.choices.clone()
}

/// Insists that these and no other choices are on offer, that each of them is taken and each other one refused.
fn exactly(name: &str, kind: &str, doubt: Doubt, rest: StepWord, wanted: &[Choice]) {
    with(kind, doubt, async |_, played| {
        let told = format!("{name}, {doubt:?}: {}", played.tale());
        assert_eq!(offered(&played), wanted, "{told}");
        assert_eq!(step(&played, "act").state, rest, "{told}");
        assert_eq!(sends(&played), 1, "{told}");
    });
    for choice in ALL {
        with(kind, doubt, async |mut stage, before| {
            let already = done(&stage);
            let (refused, after) = stage.say(&before.run, command(choice)).await;
            let told = format!("{name}, {doubt:?}, {choice:?}: {refused:?}\n{}", after.tale());
            assert_eq!(refused.is_none(), wanted.contains(&choice), "{told}");
            let settled = choice == Choice::SettleNotBegun && refused.is_none();
            assert_eq!(sends(&after), if settled { 2 } else { 1 }, "{told}");
            if kind != COMMAND && !kind.contains("run.command") {
                let more = usize::from(settled);
                assert_eq!(done(&stage), already + more, "{told}");
            }
            match refused {
                Some(why) => {
                    assert!(why.contains("`act`"), "{told}");
                    assert_eq!(offered(&after), wanted, "{told}");
                }
                None => it_works(choice, &after, &told),
            }
        });
    }
}

/// Insists that a choice has led where it says.
fn it_works(choice: Choice, after: &Played, told: &str) {
    let (exit, word) = match choice {
        Choice::SettleDone | Choice::SettleNotBegun => (Exit::Holds, StepWord::Done),
        Choice::SettleFailed => (Exit::Failed, StepWord::Failed),
        Choice::Skip => (Exit::Degraded, StepWord::Skipped),
        Choice::Cancel => (Exit::Failed, step(after, "act").state),
        // It ran once and must not run again: the same person has to say what became of it.
        _ => (Exit::Stuck, StepWord::Stuck),
    };
    assert_eq!(
        (after.exit(), step(after, "act").state),
        (exit.code(), word),
        "{told}"
    );
    let moved = matches!(exit, Exit::Holds | Exit::Degraded);
    assert_eq!(step(after, "traffic").state == StepWord::Done, moved, "{told}");
}

#[test]
fn an_action_of_any_resource_without_a_goal_is_stuck_with_every_way_out_but_a_retry_and_each_of_them_works() {
    // Carried out or not, nobody can tell: the choices are the same.
    for doubt in [Doubt::Done, Doubt::Lost, Doubt::Death] {
        exactly("azure.resource", POKE, doubt, StepWord::Stuck, &BUT_RETRY);
    }
}

#[test]
fn a_command_without_a_goal_whose_process_died_is_stuck_with_every_way_out_but_a_retry_and_each_of_them_works()
 {
    exactly("run.command", COMMAND, Doubt::Death, StepWord::Stuck, &BUT_RETRY);
}

#[test]
fn a_command_that_failed_did_run_so_it_is_tried_again_only_on_a_persons_word() {
    let fails = COMMAND.replace("[migrate, --all]", "[break-it]");
    let wanted = [Choice::Retry, Choice::Skip, Choice::Cancel];
    exactly("run.command", &fails, Doubt::None, StepWord::Failed, &wanted);
}

#[test]
fn a_step_that_waited_long_enough_offers_what_is_taken_and_not_begun_is_among_it_while_nobody_knows() {
    let impatient = format!("{POKE}    timeout: 60s\n");
    for doubt in [Doubt::Done, Doubt::Lost] {
        exactly("azure.resource", &impatient, doubt, StepWord::Stuck, &BUT_RETRY);
    }
}

#[test]
fn a_message_holds_nobody_up_and_is_sent_once_whatever_becomes_of_it() {
    for doubt in [Doubt::Done, Doubt::Lost, Doubt::Death] {
        with(MESSAGE, doubt, async |stage, played| {
            let told = format!("{doubt:?}: {}", played.tale());
            let act = step(&played, "act");
            assert_eq!(step(&played, "traffic").state, StepWord::Done, "{told}");
            assert!(played.view.todo.is_empty(), "{told}");
            assert_eq!(
                (sends(&played), done(&stage)),
                (1, usize::from(doubt == Doubt::Done)),
                "{told}"
            );
            if doubt == Doubt::Death {
                assert_eq!(
                    (act.state, played.exit()),
                    (StepWord::Failed, Exit::Degraded.code()),
                    "{told}"
                );
                assert_eq!(played.view.degradations.len(), 1, "{told}");
                return;
            }
            // Its try is over, and what is not known of it is told.
            assert_eq!(
                (act.state, played.exit()),
                (StepWord::Done, Exit::Holds.code()),
                "{told}"
            );
            let warnings = &played.state.steps[0].operations[0].warnings;
            assert!(
                matches!(&warnings[..], [one] if one.starts_with("nobody knows whether the message arrived")),
                "{warnings:?}"
            );
        });
    }
}

#[test]
fn a_message_that_others_must_wait_for_and_that_died_with_its_process_is_stuck_with_every_way_out_but_a_retry()
 {
    let blocks = format!("{MESSAGE}    on-failure: block\n");
    exactly(
        "notify.webhook",
        &blocks,
        Doubt::Death,
        StepWord::Stuck,
        &BUT_RETRY,
    );
}

#[test]
fn what_azure_took_on_and_never_ends_cannot_be_called_not_begun() {
    let wanted = [
        Choice::Retry,
        Choice::SettleDone,
        Choice::SettleFailed,
        Choice::Skip,
        Choice::Cancel,
    ];
    for choice in [None, Some(Choice::SettleNotBegun)] {
        rehearse(async {
            let (mut stage, planned) = Book::open("minimal").stage(Journey::Failover, Outage::BothUp, 1);
            stage.simulator.add_faults(rules(
                json!([{ "match": { "path": "**/failover", "changing": true }, "verdict": "operation-never-ends" }]),
            ));
            let played = stage.play(&planned).await;
            let told = played.tale();
            assert_eq!(played.exit(), Exit::Stuck.code(), "{told}");
            let [todo] = played.view.todo.as_slice() else {
                panic!("{told}");
            };
            assert_eq!(
                (todo.step.as_str(), todo.choices.as_slice()),
                ("database", &wanted[..]),
                "{told}"
            );
            let Some(_) = choice else { return };
            let settle = Command::Settle {
                step: todo.step.clone(),
                operation: None,
                verdict: Verdict::NotBegun,
                reason: "I doubt it".to_owned(),
            };
            let before = stage.changes().len();
            let (refused, after) = stage.say(&played.run, settle).await;
            let why = refused.unwrap_or_else(|| panic!("{}", after.tale()));
            assert!(why.contains("it did begin"), "{why}");
            assert_eq!(stage.changes().len(), before, "{}", after.tale());
        });
    }
}
