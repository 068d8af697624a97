//! One suite of promises, asked of every store.
#![allow(missing_docs, unreachable_pub, clippy::unwrap_used)]

mod promises;

macro_rules! contract {
    ($($part:ident: $($promise:ident),* $(,)?;)*) => {
        contract!(@of memory: $($($part $promise)*)*);
        contract!(@of sqlite: $($($part $promise)*)*);
    };
    (@of $store:ident: $($part:ident $promise:ident)*) => {
        mod $store {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $promise() {
                    crate::promises::$part::$promise(crate::promises::kit::$store()).await;
                }
            )*
        }
    };
}

contract! {
    records:
        what_was_appended_is_read_back_to_the_byte,
        a_long_history_comes_whole_in_portions_from_wherever_it_is_asked,
        a_record_larger_than_a_portion_holds_nothing_up,
        a_run_that_is_just_made_has_no_records,
        an_append_that_does_not_follow_the_last_record_writes_nothing,
        records_of_many_runs_at_once_keep_their_order,
        a_reader_beside_a_writer_only_ever_sees_whole_appends,
        an_event_of_a_newer_version_is_kept_as_it_was_written,
        an_unknown_run_is_said_to_be_unknown,
        a_run_is_made_once_and_keeps_its_files,
        runs_are_listed_newest_first_with_their_records_and_holders,
        a_new_lease_shows_when_it_was_taken;
    leases:
        a_live_lease_is_not_taken_without_being_told_to,
        a_process_on_another_host_is_never_thought_dead,
        a_lease_that_was_given_back_is_free,
        a_run_whose_process_is_dead_is_opened_at_once_and_goes_on,
        a_writer_that_was_taken_over_writes_nothing_more,
        of_two_who_open_a_free_run_at_once_one_wins,
        two_terminals_that_fight_over_a_lease_leave_one_history,
        a_sign_of_life_is_seen_by_others_and_never_moves_back;
    inbox:
        a_command_reaches_the_conductor_once_and_in_order,
        a_command_to_a_run_that_nobody_holds_waits_for_the_next_one,
        the_first_of_two_commands_with_one_id_counts;
    claims:
        two_failovers_never_share_a_target,
        a_run_may_claim_again_what_it_holds,
        a_failover_evicts_a_live_drill_whole_and_fences_it,
        a_failover_evicts_a_drill_whose_process_is_dead_or_gone,
        a_drill_yields_to_a_drill_and_to_a_failover,
        a_refused_failover_evicts_no_drill,
        a_dead_failover_keeps_its_claims_until_they_are_given_back,
        a_failover_that_died_before_it_wrote_down_who_yielded_is_told_again,
        a_run_gives_its_targets_back_with_the_very_record_that_ends_it,
        of_many_failovers_that_want_one_target_at_once_one_gets_it;
}
