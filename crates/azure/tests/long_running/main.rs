//! Every style of long-running operation, over a real socket: one row of the tables for each fact.

#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

mod polls;
mod restarts;
mod script;
#[path = "../support/mod.rs"]
mod support;
mod urls;

use script::{Fact, play};

async fn hold(facts: Vec<Fact>) {
    assert!(!facts.is_empty());
    for fact in facts {
        let outcome = play(&fact).await;
        assert!((fact.ends)(&outcome), "{}: {outcome:#?}", fact.says);
        assert_eq!(outcome.changes(), 1, "{}: {outcome:#?}", fact.says);
        let unexpected = outcome.asked.len() > fact.lines.len();
        assert!(!unexpected, "{}: {outcome:#?}", fact.says);
    }
}

#[tokio::test]
async fn an_operation_is_asked_after_where_its_answer_says() {
    hold(urls::where_to_ask()).await;
}

#[tokio::test]
async fn an_operation_ends_by_three_words_and_no_other() {
    hold(polls::words()).await;
}

#[tokio::test]
async fn azure_says_when_to_ask_again_and_where() {
    hold(polls::waits()).await;
}

#[tokio::test]
async fn a_poll_that_fails_is_not_a_failed_operation() {
    hold(polls::failing_polls()).await;
}

#[tokio::test]
async fn the_result_of_an_operation_is_read_where_the_official_client_reads_it() {
    hold(urls::results()).await;
}
