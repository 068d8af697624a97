//! Records of public and private zones.

use leeward_acceptance::judges::replay::Change;
use leeward_engine::view::StepWord;
use leeward_runbook::journey::Journey;
use serde_json::Value;

use crate::case::{Case, SUBSCRIPTION};

fn record(kind: &str, group: &str, zone: &str) -> String {
    format!(
        "leeward: 1
name: recorded
regions: {{ primary: westus2, paired: westcentralus }}
objectives: {{ rto: 1h, rpo: 1h }}
parameters:
  subscription: {{ type: subscription-id, default: {SUBSCRIPTION} }}
steps:
  record:
    use: {kind}
    with: {{ resource-group: {group}, zone: {zone}, record: record, type: CNAME, ttl: 1h }}
    at:
      primary: {{ value: other.test }}
      paired: {{ value: asotest.com }}
    ends: recovery
"
    )
}

/// The recorder wrote the record's name into the body as well, where the path has it already.
fn without_name(mut changes: Vec<Change>) -> Vec<Change> {
    for change in &mut changes {
        if let Value::Object(body) = &mut change.body {
            body.remove("name");
        }
    }
    changes
}

#[test]
fn a_record_that_is_not_there_is_made_as_it_was_recorded() {
    let test = "a_record_that_is_not_there_is_made_as_it_was_recorded";
    for (recording, part, kind, group, zone) in [
        (
            "aso-dns",
            vec![4, 5],
            "azure.dns.record-set",
            "asotest-rg-pajdtx",
            "asotest-dz-bfxlev.com",
        ),
        (
            "aso-private-dns-20240601",
            vec![8, 12],
            "azure.private-dns.record-set",
            "asotest-rg-nxzkeg",
            "asotest-pdz-khgfyy.com",
        ),
    ] {
        let case = Case {
            recording,
            part,
            before: 0,
            supplements: Vec::new(),
            runbook: &record(kind, group, zone),
            journey: Journey::Failover,
            start: "2024-06-01T00:00:00Z",
        };
        let Some((replayer, played)) = case.play(test) else {
            return;
        };
        let told = played.tale();
        assert_eq!(replayer.surplus(), [], "changes that nobody recorded: {told}");
        let recorded = without_name(replayer.recorded());
        assert_eq!(without_name(replayer.sent()), recorded, "{told}");
        assert_eq!(recorded.len(), 1, "{told}");
        for step in &played.view.steps {
            assert_eq!(step.state, StepWord::Done, "{}: {told}", step.id);
        }
    }
}
