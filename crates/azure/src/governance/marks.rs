//! How does a resource show that Leeward moved it? By two tags, put behind recovery, whose failure fails nothing.

use std::time::Duration;

use leeward_engine::{
    id::{AttemptKey, OperationId},
    port::Context,
    work::{Operation, Outputs, Phase, Rung, Sent},
};
use leeward_runbook::{journey::Journey, kind::RepeatClass};
use serde_json::{Value, json};

use super::health;
use crate::arm::{Arm, Method, Request, path::folded};

/// The version that every request asks for.
pub const API: &str = "2024-03-01";
/// The run that moved it.
pub const RUN: &str = "leeward-run";
/// The side that serves since.
pub const SIDE: &str = "leeward-side";
/// The name of the operation.
const MARK: &str = "mark";
/// 30 s to send, 60 s on the way, 60 s unseen, and a margin.
const SETTLING: Duration = Duration::from_secs(180);

/// Kinds whose resource is marked. Clusters carry their tags from the PUT that makes them. Machines are not marked: a
/// thousand of them cost a thousand writes of the bucket that their commits need. Groups of databases are parts of
/// others, and whether the tags of such can be patched alone is not known.
const MARKED: [&str; 4] = [
    "azure.front-door.origin-group",
    "azure.storage.geo-failover",
    "azure.storage.object-replication",
    "azure.traffic-manager.profile",
];

/// Returns the operation that marks what a step moves; nothing where nothing moves, or nothing can be marked.
pub(crate) fn operation(context: &Context, operations: &[Operation]) -> Option<Operation> {
    let moves = matches!(context.plan.journey, Journey::Failover | Journey::Failback);
    if !moves || !MARKED.contains(&context.step.kind.as_str()) {
        return None;
    }
    let main = operations.iter().find(|one| one.phase == Phase::Main)?;
    let scope = health::subject(&main.target)?;
    let name = scope.rsplit('/').next().unwrap_or_default().to_owned();
    Some(Operation {
        id: OperationId::new(MARK),
        target: folded(&path(&scope)),
        goal: format!("the tags of {name} say that this run moved it, or the try is over"),
        after: Vec::new(),
        phase: Phase::AfterRecovery,
        rungs: vec![Rung::new("only", RepeatClass::Repeatable, SETTLING)],
        // The answer shows the tags; to look for them before and after would treble the calls of a courtesy.
        observable: false,
        payload: json!({"scope": scope}),
    })
}

/// Returns whether an operation is a mark.
pub(crate) fn is_mark(operation: &Operation) -> bool {
    operation.id.as_str() == MARK && operation.phase == Phase::AfterRecovery
}

fn path(scope: &str) -> String {
    format!("{scope}/providers/Microsoft.Resources/tags/default")
}

/// Returns the PATCH that merges the tags; what else is tagged stays.
pub(crate) fn request(context: &Context, scope: &str) -> Request {
    let tags = json!({RUN: context.run.0, SIDE: context.plan.target.side.to_string()});
    Request::new(Method::Patch, path(scope), API)
        .body(json!({"operation": "Merge", "properties": {"tags": tags}}))
}

/// Sends it once. Whatever comes of it, the try is over, and what went wrong is told as a warning.
pub(crate) async fn begin(arm: &Arm, context: &Context, operation: &Operation, key: &AttemptKey) -> Sent {
    let scope = operation
        .payload
        .get("scope")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let over = |warning: Option<String>| Sent::Finished {
        outputs: Outputs::new(),
        warnings: warning
            .map(|why| format!("not marked: {why}"))
            .into_iter()
            .collect(),
    };
    match arm.change(&request(context, scope), key).await {
        // Newer versions may answer 202 and show nothing.
        Ok(reply) if reply.status == 202 || reply.text(&format!("/properties/tags/{RUN}")).is_some() => {
            over(None)
        }
        Ok(_) => over(Some("the answer shows no such tag".to_owned())),
        Err(Sent::Refused(refusal)) => over(Some(format!("{}: {}", refusal.code, refusal.message))),
        Err(Sent::NotSent { reason } | Sent::Unanswered { reason }) => over(Some(reason)),
        Err(sent) => sent,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{FakeAzure, context, examples, key, region_down};

    const ACCOUNT: &str =
        "/subscriptions/sub-1/resourcegroups/rg/providers/microsoft.storage/storageaccounts/a";

    fn of(kind: &str, journey: Journey) -> Context {
        context(kind, journey, json!({}), json!({}), json!({}))
    }

    fn moved(target: &str) -> Operation {
        Operation {
            id: OperationId::new("failover"),
            target: target.to_owned(),
            goal: String::new(),
            after: Vec::new(),
            phase: Phase::Main,
            rungs: Vec::new(),
            observable: true,
            payload: Value::Null,
        }
    }

    #[test]
    fn a_mark_comes_behind_recovery_on_what_a_move_moved_and_on_nothing_else() {
        let geo = of("azure.storage.geo-failover", Journey::Failover);
        let policy = format!("{ACCOUNT}/objectreplicationpolicies/p");
        let mark = operation(&geo, &[moved(&policy)]).unwrap();
        assert_eq!(mark.phase, Phase::AfterRecovery);
        assert_eq!(
            mark.target,
            format!("{ACCOUNT}/providers/microsoft.resources/tags/default")
        );
        assert!(is_mark(&mark) && !is_mark(&moved(ACCOUNT)));
        assert_eq!(operation(&geo, &[]), None, "nothing moves");
        for (kind, journey) in [
            ("azure.storage.geo-failover", Journey::Drill),
            ("azure.storage.geo-failover", Journey::Reprotect),
            ("azure.site-recovery.virtual-machines", Journey::Failover),
            ("azure.aks.cluster", Journey::Failover),
        ] {
            assert_eq!(
                operation(&of(kind, journey), &[moved(ACCOUNT)]),
                None,
                "{kind} {journey}"
            );
        }
    }

    #[test]
    fn a_mark_merges_two_tags_and_leaves_the_others_alone() {
        let request = request(&of("azure.storage.geo-failover", Journey::Failover), ACCOUNT);
        assert_eq!(request.method, Method::Patch);
        let body = request.body.unwrap();
        assert_eq!(
            body,
            json!({"operation": "Merge", "properties": {"tags": {"leeward-run": "r-1", "leeward-side": "paired"}}})
        );
        let folder = "resources/resource-manager/Microsoft.Resources/stable/2024-03-01/examples";
        let Some(example) = examples(folder, "PatchTagsResource.json") else {
            return;
        };
        let official = &example["parameters"]["parameters"];
        let names = |body: &Value| body.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
        assert_eq!(names(official), names(&body));
        assert_eq!(example["parameters"]["api-version"], API);
    }

    #[tokio::test(start_paused = true)]
    async fn a_mark_is_sent_once_and_whatever_comes_of_it_fails_nothing() {
        let geo = of("azure.storage.geo-failover", Journey::Failover);
        let mark = operation(&geo, &[moved(ACCOUNT)]).unwrap();
        let shown = json!({"properties": {"tags": {"leeward-run": "r-1"}}});
        let refused = json!({"error": {"code": "ScopeLocked", "message": "locked"}});
        for (status, body, warned) in [
            (200, shown, false),
            (202, Value::Null, false),
            (200, json!({}), true),
            (409, refused, true),
            (403, Value::Null, true),
            (500, Value::Null, true),
        ] {
            let azure = FakeAzure::new();
            azure.on("PATCH", "/tags/default", status, body);
            let sent = begin(&azure.arm(), &geo, &mark, &key("mark")).await;
            match sent {
                Sent::Finished { warnings, .. } => {
                    assert_eq!(!warnings.is_empty(), warned, "{status}: {warnings:?}")
                }
                other => panic!("{status}: {other:?}"),
            }
            assert_eq!(azure.seen().len(), 1, "{status}");
        }
        let source = context(
            "azure.storage.geo-failover",
            Journey::Failover,
            json!({}),
            json!({"resource-group": "rg"}),
            json!({}),
        );
        let azure = FakeAzure::new();
        let gone = region_down(source);
        let sent = begin(&azure.arm().for_step(&gone), &gone, &mark, &key("mark")).await;
        assert!(matches!(sent, Sent::Finished { warnings, .. } if warnings.len() == 1));
        assert!(azure.seen().is_empty(), "nothing goes to the region that failed");
    }
}
