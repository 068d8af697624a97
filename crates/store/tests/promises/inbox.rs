//! Promises about commands from other terminals.

use super::kit::{Kit, command, run};

pub async fn a_command_reaches_the_conductor_once_and_in_order(kit: Kit) {
    let mut journal = kit.failover("a").await;
    kit.failover("b").await;
    assert_eq!(journal.inbox().await.unwrap(), []);
    for id in ["second", "first", "second", "third", "first"] {
        kit.other.send(&run("a"), &command(id)).await.unwrap();
    }
    kit.other.send(&run("b"), &command("first")).await.unwrap();
    let expected = [command("second"), command("first"), command("third")];
    assert_eq!(journal.inbox().await.unwrap(), expected);
}

pub async fn a_command_to_a_run_that_nobody_holds_waits_for_the_next_one(kit: Kit) {
    kit.failover("a").await.close().await.unwrap();
    kit.store.send(&run("a"), &command("one")).await.unwrap();
    let mut journal = kit.take_over("a", "grace").await.journal;
    assert_eq!(journal.inbox().await.unwrap(), [command("one")]);
}

pub async fn the_first_of_two_commands_with_one_id_counts(kit: Kit) {
    let mut journal = kit.failover("a").await;
    let mut changed = command("one");
    kit.store.send(&run("a"), &changed).await.unwrap();
    changed.seen = 99;
    kit.store.send(&run("a"), &changed).await.unwrap();
    assert_eq!(journal.inbox().await.unwrap(), [command("one")]);
}
