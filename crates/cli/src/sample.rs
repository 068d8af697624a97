//! A run made by hand, for the snapshots of screens and reports.

use std::{collections::BTreeMap, time::Duration};

use jiff::Timestamp;
use leeward_engine::{
    event::{Choice, Known, Outcome, Person},
    id::RunId,
    port::{Holder, LeaseInfo},
    view::*,
    work::Figure,
};
use leeward_runbook::{
    journey::{Journey, Region, Side},
    plan::{OnFailure, StepId},
};

pub(crate) fn at(minutes: i64, seconds: i64) -> Timestamp {
    let start: Timestamp = "2026-11-24T08:00:00Z".parse().expect("a moment");
    start + Duration::from_secs(u64::try_from(minutes * 60 + seconds).expect("later"))
}

pub(crate) fn lease() -> LeaseInfo {
    LeaseInfo {
        holder: Holder {
            user: "maria".to_owned(),
            host: "laptop-7".to_owned(),
            process: 4711,
            process_start: "1".to_owned(),
            boot: "b".to_owned(),
        },
        epoch: 1,
        since: at(0, 0),
        heartbeat: at(11, 58),
    }
}

fn step(id: &str, kind: &str, state: StepWord, detail: &str) -> StepView {
    StepView {
        id: StepId::new(id),
        kind: kind.to_owned(),
        summary: None,
        state,
        waits_for: Vec::new(),
        detail: detail.to_owned(),
        started_at: None,
        ended_at: None,
        critical: false,
        ends_recovery: false,
        forecast: Duration::from_secs(300),
        on_failure: OnFailure::Block,
        operations: Vec::new(),
        outputs: BTreeMap::new(),
        warnings: Vec::new(),
    }
}

fn operation(id: &str, target: &str, rung: &str, detail: &str) -> OperationView {
    OperationView {
        id: id.to_owned(),
        target: target.to_owned(),
        detail: detail.to_owned(),
        reached: true,
        adopted: false,
        rung: Some(rung.to_owned()),
        sends: 1,
        word: None,
    }
}

/// Twelve minutes into a failover: one step at a gate, one that moves, one that waits.
pub(crate) fn under_way() -> RunView {
    let mut sql = step(
        "platform-sql",
        "azure.sql.managed-instance-failover-group",
        StepWord::Changing,
        "fog-platform: forced failover, Azure says InProgress",
    );
    sql.started_at = Some(at(1, 0));
    sql.critical = true;
    sql.operations = vec![OperationView {
        reached: false,
        word: Some("InProgress".to_owned()),
        ..operation(
            "failover",
            "/subscriptions/s/resourceGroups/rg/providers/Microsoft.Sql/locations/neu/instanceFailoverGroups/fog-platform",
            "forced",
            "forced failover in motion",
        )
    }];
    let mut decide = step("decide", "gate.approval", StepWord::Done, "approved by maria");
    decide.started_at = Some(at(0, 5));
    decide.ended_at = Some(at(1, 0));
    decide.critical = true;
    let mut storage = step(
        "documents",
        "azure.storage.geo-failover",
        StepWord::Consent,
        "unplanned failover can lose up to 12m, the budget is 10m",
    );
    storage.started_at = Some(at(1, 0));
    let mut serving = step("serving", "check.http", StepWord::Waiting, "");
    serving.waits_for = vec![StepId::new("platform-sql"), StepId::new("documents")];
    serving.critical = true;
    serving.ends_recovery = true;
    RunView {
        run: RunId("r-20261124-080000-1a2b".to_owned()),
        runbook: "interworks-platform".to_owned(),
        journey: Journey::Failover,
        source: Region {
            side: Side::Primary,
            region: "westeurope".to_owned(),
        },
        target: Region {
            side: Side::Paired,
            region: "northeurope".to_owned(),
        },
        plan_digest: "3f9a0c1e5b7d2846af10c3e5d7b9f1a24c6e8f0b1d3a5c7e9f0a2b4c6d8e0f12".to_owned(),
        region_down: true,
        rehearsal: false,
        by: Person {
            name: "maria".to_owned(),
            known: Known::Stated,
        },
        version: "0.1.0".to_owned(),
        seq: 42,
        epoch: 1,
        opened_at: at(0, 0),
        at: at(11, 50),
        standing: Standing::Moving,
        todo: vec![Todo {
            step: StepId::new("documents"),
            why: "unplanned failover can lose up to 12m, the budget is 10m".to_owned(),
            choices: vec![Choice::Approve, Choice::Skip, Choice::Cancel],
        }],
        objectives: ObjectivesView {
            declared_at: Some(at(0, 0)),
            recovered_at: None,
            rto: Some(Duration::from_secs(1800)),
            rto_taken: Some(Duration::from_secs(710)),
            rto_missed: None,
            recovered_by_skip: None,
            rpo: Some(Duration::from_secs(600)),
            rpo_missed: None,
            forecast: Some(Duration::from_secs(1440)),
        },
        losses: vec![
            LossView {
                step: StepId::new("platform-sql"),
                store: "platform-sql/fog-platform".to_owned(),
                rung: "forced".to_owned(),
                used: true,
                figure: Figure::Unknown,
                source: "Azure gives no figure for a forced switch".to_owned(),
                as_of: None,
                budget: Duration::from_secs(300),
                ceiling: Some(Figure::Unknown),
            },
            LossView {
                step: StepId::new("documents"),
                store: "documents/stdocuments".to_owned(),
                rung: "unplanned".to_owned(),
                used: false,
                figure: Figure::UpTo(Duration::from_secs(720)),
                source: "lastSyncTime of the secondary".to_owned(),
                as_of: Some(at(0, 0)),
                budget: Duration::from_secs(600),
                ceiling: None,
            },
        ],
        steps: vec![decide, sql, storage, serving],
        approvals: vec![ApprovalView {
            by: Person {
                name: "maria".to_owned(),
                known: Known::Stated,
            },
            at: at(1, 0),
            to: "decide".to_owned(),
            ceilings: BTreeMap::from([("platform-sql/fog-platform".to_owned(), Figure::Unknown)]),
            reason: Some("INC-1042".to_owned()),
        }],
        break_glass: None,
        cancelled: None,
        degradations: Vec::new(),
        leftovers: Vec::new(),
    }
}

/// The same run after its end: recovered in time, one degradation, something left by hand.
pub(crate) fn ended() -> RunView {
    let mut view = under_way();
    view.standing = Standing::Ended(Outcome::Degraded);
    view.at = at(26, 30);
    view.seq = 118;
    view.todo.clear();
    view.objectives.recovered_at = Some(at(24, 10));
    view.objectives.rto_taken = Some(Duration::from_secs(1450));
    view.objectives.rto_missed = Some(false);
    view.steps[1].state = StepWord::Done;
    view.steps[1].ended_at = Some(at(14, 20));
    view.steps[1].detail = "northeurope is primary of fog-platform".to_owned();
    view.steps[1].operations[0].reached = true;
    view.steps[1].operations[0].detail = "northeurope is primary".to_owned();
    view.steps[2].state = StepWord::DoneDegraded;
    view.steps[2].ended_at = Some(at(22, 0));
    view.steps[2].detail = "the account is LRS now | <until> it is made geo-redundant again".to_owned();
    view.steps[2].warnings = vec!["no provider answered in westeurope".to_owned()];
    view.steps[2].operations = vec![OperationView {
        adopted: true,
        sends: 0,
        ..operation(
            "failover",
            "stdocuments",
            "unplanned",
            "the secondary became primary",
        )
    }];
    view.losses[1].used = true;
    view.losses[1].ceiling = Some(Figure::UpTo(Duration::from_secs(720)));
    view.steps[3].state = StepWord::Done;
    view.steps[3].waits_for.clear();
    view.steps[3].started_at = Some(at(22, 0));
    view.steps[3].ended_at = Some(at(24, 10));
    view.steps[3].detail = "200 in 84 ms, held for 2m".to_owned();
    view.degradations = vec!["documents: the account is LRS now".to_owned()];
    view.leftovers = vec!["turn replication of stdocuments on again".to_owned()];
    view
}
