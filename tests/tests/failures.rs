//! How does a run end when an operation that Azure took on fails there, or never ends?

use std::collections::BTreeSet;

use leeward_acceptance::{
    stage::exhaustive,
    sweep::{Calm, Sent, Struck, ended_well, is_message, short, sweep},
};
use leeward_cli::exit::Exit;
use leeward_engine::{
    event::Choice,
    view::{StepView, StepWord},
};
use serde_json::{Value, json};

/// What kind of operation a request begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Begun {
    /// None: a message, or a change that is made while the caller waits.
    Nothing,
    /// The switch of a failover group; a harsher way follows it.
    Switch,
    /// The move of one machine of several.
    Machine,
    /// The move of machines that only move together.
    Together,
    /// A commit, behind recovery.
    Commit,
    /// A cluster, whose one request may be sent again.
    Cluster,
    /// The planned failover of an account, behind recovery; a harsher way follows it.
    Account,
}

fn begun((_, path, _): &Sent) -> Begun {
    let has = |word: &str| path.to_lowercase().contains(word);
    match path.rsplit('/').next().unwrap_or_default() {
        _ if is_message(path) => Begun::Nothing,
        "failover" if has("/instancefailovergroups/") => Begun::Switch,
        "failover" => Begun::Account,
        "unplannedFailover" if has("/replicationrecoveryplans/") => Begun::Together,
        "unplannedFailover" => Begun::Machine,
        "failoverCommit" => Begun::Commit,
        _ if has("/managedclusters/") => Begun::Cluster,
        _ => Begun::Nothing,
    }
}

/// Has the operations of the smaller runbooks and of the platform go wrong: one of each kind where not everything
/// is asked for.
fn each(verdict: Value, check: impl Fn(Begun, &Struck)) {
    for book in ["minimal", "sql-only", "interworks-platform"] {
        let calm = Calm::of(book, 1);
        let mut seen = BTreeSet::new();
        let chosen = calm
            .sent
            .iter()
            .filter(|sent| seen.insert(begun(sent)) || exhaustive());
        let count = sweep(book, 1, &verdict, chosen, |struck| {
            check(begun(&struck.sent), struck)
        });
        assert!(count >= 2, "{book}: {count}");
        assert!(book != "interworks-platform" || seen.len() == 7, "{seen:?}");
    }
}

/// Returns the one step that is not simply done, and insists on the exit code.
fn only_short(struck: &Struck, exit: Exit, word: StepWord) -> &StepView {
    assert_eq!(struck.played.exit(), exit.code(), "{}", struck.told);
    let of_word = short(&struck.played)
        .into_iter()
        .filter(|step| step.state == word);
    let [step] = of_word.collect::<Vec<_>>()[..] else {
        panic!("one step that is {word:?}: {}", struck.told);
    };
    step
}

/// A machine is missing, enough others are there: the run goes on and says what it lacks.
fn goes_on_with_less(struck: &Struck, why: &str) {
    let step = only_short(struck, Exit::Degraded, StepWord::DoneDegraded);
    let machine = struck.sent.1.rsplit('/').nth(1).unwrap_or_default();
    let [word] = struck.played.view.degradations.as_slice() else {
        panic!("{}", struck.told);
    };
    assert!(word.starts_with(&format!("{}: ", step.id)), "{}", struck.told);
    let (code, message) = parts(why);
    assert!(
        word.contains(machine) && word.contains(code) && word.ends_with(message),
        "{}",
        struck.told
    );
    assert_eq!(short(&struck.played).len(), 1, "{}", struck.told);
    assert!(struck.played.view.todo.is_empty(), "{}", struck.told);
}

/// Everything moved; one commit is left for a person, and the run says which.
fn leaves_a_commit(struck: &Struck, why: &str) {
    let (told, view) = (&struck.told, &struck.played.view);
    assert_eq!(struck.played.exit(), Exit::Degraded.code(), "{told}");
    assert!(short(&struck.played).is_empty() && view.todo.is_empty(), "{told}");
    let ([left], [word]) = (view.leftovers.as_slice(), view.degradations.as_slice()) else {
        panic!("{told}");
    };
    let target = struck.sent.1.rsplit('/').nth(1).unwrap_or_default();
    assert!(left.contains(target) && left.ends_with(why), "{told}");
    assert!(word.contains("left to do") && word.contains(target), "{told}");
}

/// The step waits for a person, who is offered exactly this; what depends on it waits, too.
fn waits(struck: &Struck, exit: Exit, word: StepWord, why: &str, choices: &[Choice]) {
    let step = only_short(struck, exit, word);
    let [todo] = struck.played.view.todo.as_slice() else {
        panic!("{}", struck.told);
    };
    assert_eq!(
        (&todo.step, todo.choices.as_slice()),
        (&step.id, choices),
        "{}",
        struck.told
    );
    let (code, message) = parts(why);
    assert!(
        todo.why.contains(code) && todo.why.contains(message),
        "{}",
        struck.told
    );
}

/// Code and message: told by the operation or by its job, whichever was asked, and the job names the machine between.
fn parts(why: &str) -> (&str, &str) {
    why.split_once(": ").unwrap_or(("", why))
}

#[test]
fn an_operation_that_fails_is_begun_anew_passed_over_or_left_to_a_person_and_always_told() {
    let fails = json!({ "operation-fails": { "code": "InternalServerError", "message": "it broke" } });
    let why = "InternalServerError: it broke";
    each(fails, |begun, struck| match begun {
        // Begun anew, or a harsher way was within the budget of losses and took its place.
        Begun::Nothing | Begun::Switch | Begun::Cluster | Begun::Account => {
            assert!(ended_well(&struck.played), "{}", struck.told);
        }
        Begun::Machine => goes_on_with_less(struck, why),
        Begun::Commit => leaves_a_commit(struck, why),
        Begun::Together => {
            let choices = [Choice::Retry, Choice::Skip, Choice::Cancel];
            waits(struck, Exit::Failed, StepWord::Failed, why, &choices);
        }
    });
}

#[test]
fn an_operation_that_never_ends_leaves_its_step_with_a_person_who_can_say_how_it_ended() {
    let choices = [
        Choice::Retry,
        Choice::SettleDone,
        Choice::SettleFailed,
        Choice::Skip,
        Choice::Cancel,
    ];
    each(json!("operation-never-ends"), |begun, struck| match begun {
        Begun::Nothing => assert!(ended_well(&struck.played), "{}", struck.told),
        Begun::Machine => goes_on_with_less(struck, "not there in time"),
        Begun::Commit => leaves_a_commit(struck, "it did not come to an end in time"),
        Begun::Switch | Begun::Together | Begun::Cluster | Begun::Account => {
            waits(
                struck,
                Exit::Stuck,
                StepWord::Stuck,
                "still in motion after",
                &choices,
            );
        }
    });
}
