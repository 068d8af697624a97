//! What the checker says about bad runbooks: every finding with code, place, reason and remedy.

use leeward_runbook::{
    check,
    finding::{Severity, codes, to_text},
    read,
};

mod steps;

use steps::STEPS;

const EXAMPLE: &str = include_str!("../samples/example.yaml");
const TEN: &str = include_str!("../samples/ten-mistakes.yaml");

/// A head that is right, for bodies that are not.
const HEAD: &str = "leeward: 1\nname: sample\nregions: { primary: westeurope, paired: northeurope }\n\
                    objectives: { rto: 30m, rpo: 10m }\n\
                    parameters: { subscription: { type: subscription-id, default: sub } }\nsteps:\n";

fn findings(text: &str) -> Vec<leeward_runbook::Finding> {
    let reading = read("runbook.yaml", text.as_bytes());
    match &reading.runbook {
        Some(runbook) => check(runbook),
        None => reading.findings,
    }
}

fn shown(text: &str) -> String {
    let all: Vec<String> = findings(text).iter().map(to_text).collect();
    if all.is_empty() {
        "nothing".to_owned()
    } else {
        all.join("\n\n")
    }
}

fn codes_of(text: &str) -> Vec<String> {
    findings(text)
        .iter()
        .map(|found| found.code.to_string())
        .collect()
}

#[test]
fn the_example_of_the_language_has_no_finding() {
    assert_eq!(shown(EXAMPLE), "nothing");
}

#[test]
fn ten_different_mistakes_are_ten_findings_each_with_place_reason_and_remedy() {
    let all = findings(TEN);
    let different: std::collections::BTreeSet<_> = all.iter().map(|found| found.code).collect();
    assert_eq!((all.len(), different.len()), (10, 10));
    for found in &all {
        let place = found.place.as_ref().expect("a place");
        assert!(
            place.line > 1 && place.column > 0 && place.file == "runbook.yaml",
            "{found:?}"
        );
        assert!(
            !found.reason.is_empty() && !found.remedies.is_empty(),
            "{found:?}"
        );
        assert!(found.text.is_some(), "{found:?}");
    }
    insta::assert_snapshot!("ten_mistakes", shown(TEN));
}

#[test]
fn findings_come_in_the_order_of_the_file() {
    let lines: Vec<u32> = findings(TEN)
        .iter()
        .filter_map(|found| Some(found.place.as_ref()?.line))
        .collect();
    assert!(lines.is_sorted(), "{lines:?}");
}

#[test]
fn every_mistake_in_a_step_is_told_and_nothing_else() {
    for (what, steps, expected) in STEPS {
        let text = format!(
            "{HEAD}{steps}\n  end: {{ use: check.tcp, in: [failover], with: {{ host: h, port: 1 }}, ends: recovery }}\n"
        );
        let text = if *what == "no steps" {
            format!("{HEAD}{steps}\n")
        } else {
            text
        };
        assert_eq!(codes_of(&text), *expected, "{what}:\n{}", shown(&text));
    }
}

#[test]
fn what_is_said_about_each_mistake_reads_well() {
    let mut all = String::new();
    for (what, steps, _) in STEPS {
        let text = format!(
            "{HEAD}{steps}\n  end: {{ use: check.tcp, in: [failover], with: {{ host: h, port: 1 }}, ends: recovery }}\n"
        );
        let text = if *what == "no steps" {
            format!("{HEAD}{steps}\n")
        } else {
            text
        };
        all.push_str(&format!("## {what}\n{}\n\n", shown(&text)));
    }
    insta::assert_snapshot!("mistakes_in_steps", all);
}

#[test]
fn every_mistake_around_the_steps_is_told() {
    let whole: &[(&str, &str, &[&str])] = &[
        ("empty", "", &["LW0101"]),
        ("a list", "- a", &["LW0107"]),
        (
            "nothing known",
            "hello: world",
            &["LW0105", "LW0106", "LW0106", "LW0106", "LW0106"],
        ),
        ("newer language", "leeward: 2\nname: a", &["LW0109"]),
        (
            "odd version",
            "leeward: one\nname: a\nregions: { primary: a, paired: b }\nsteps: { a: { use: gate.approval, ends: recovery } }",
            &["LW0109"],
        ),
        (
            "same regions",
            "leeward: 1\nname: a\nregions: { primary: a, paired: a }\nsteps: { a: { use: gate.approval, ends: recovery } }",
            &["LW0137"],
        ),
        (
            "odd region",
            "leeward: 1\nname: a\nregions: { primary: West Europe, paired: b }\nsteps: { a: { use: gate.approval, ends: recovery } }",
            &["LW0137"],
        ),
        (
            "no end of recovery",
            "leeward: 1\nname: a\nregions: { primary: a, paired: b }\nsteps: { a: { use: gate.approval } }",
            &["LW0128"],
        ),
        (
            "unused parameter",
            "leeward: 1\nname: a\nregions: { primary: a, paired: b }\nparameters: { x: { type: string } }\nsteps: { a: { use: gate.approval, ends: recovery } }",
            &["LW0130"],
        ),
        (
            "odd parameter",
            "leeward: 1\nname: a\nregions: { primary: a, paired: b }\nparameters: { x: { type: text, required: maybe } }\nsteps: { a: { use: gate.approval, ends: recovery } }",
            &["LW0130", "LW0107", "LW0107"],
        ),
        (
            "default reads a step",
            "leeward: 1\nname: a\nregions: { primary: a, paired: b }\nparameters: { x: { type: string, required: true, default: \"${{ journey }}\" } }\nsteps: { a: { use: gate.approval, ends: recovery } }",
            &["LW0115"],
        ),
        (
            "duplicate key",
            "leeward: 1\nname: a\nname: b\nregions: { primary: a, paired: b }\nsteps: { a: { use: gate.approval, ends: recovery } }",
            &["LW0104"],
        ),
        ("a tab", "leeward: 1\n\tname: a", &["LW0101"]),
        (
            "a tag",
            "leeward: 1\nname: !!str a\nregions: { primary: a, paired: b }\nsteps: { a: { use: gate.approval, ends: recovery } }",
            &["LW0134"],
        ),
        (
            "no subscription",
            "leeward: 1\nname: a\nregions: { primary: a, paired: b }\nsteps: { a: { use: azure.sql.managed-instance-failover-group, with: { failover-group: f, resource-group: g }, data-loss: { budget: 0s }, ends: recovery } }",
            &["LW0106"],
        ),
        (
            "needs the burning region",
            "leeward: 1\nname: a\nregions: { primary: a, paired: b }\nsteps: { a: { use: azure.storage.geo-failover, with: { account: x, resource-group: g, subscription: s }, data-loss: { budget: 0s }, ends: recovery } }",
            &["LW0125"],
        ),
        (
            "planned alone",
            "leeward: 1\nname: a\nregions: { primary: a, paired: b }\nsteps: { a: { use: azure.sql.managed-instance-failover-group, with: { failover-group: f, resource-group: g, subscription: s }, data-loss: { ladder: [planned] }, ends: recovery } }",
            &["LW0125"],
        ),
    ];
    let mut all = String::new();
    for (what, text, expected) in whole {
        assert_eq!(codes_of(text), *expected, "{what}:\n{}", shown(text));
        all.push_str(&format!("## {what}\n{}\n\n", shown(text)));
    }
    insta::assert_snapshot!("mistakes_around_the_steps", all);
}

#[test]
fn a_circle_is_shown_as_its_path_and_a_reference_can_close_it() {
    let text = format!(
        "{HEAD}  a: {{ use: check.http, after: [c], with: {{ url: \"https://a.example.test/\" }} }}\n  \
         b: {{ use: check.http, after: [a], with: {{ url: \"https://b.example.test/\" }} }}\n  \
         c: {{ use: check.http, with: {{ url: \"https://${{{{ steps.b.outputs.status }}}}/\" }}, ends: recovery }}\n"
    );
    let all = findings(&text);
    assert_eq!(all.len(), 1, "{}", shown(&text));
    assert!(
        all[0].message.contains("`a` → `c` → `b` → `a`"),
        "{}",
        all[0].message
    );
}

#[test]
fn a_storage_account_off_the_path_or_under_continue_is_no_finding() {
    let step =
        "use: azure.storage.geo-failover, with: { account: x, resource-group: g }, data-loss: { budget: 1m }";
    let end = "use: check.tcp, with: { host: h, port: 1 }, ends: recovery";
    let off = format!("{HEAD}  end: {{ {end} }}\n  a: {{ {step}, after: [end] }}\n");
    assert_eq!(shown(&off), "nothing");
    let accepted = format!("{HEAD}  a: {{ {step}, on-failure: continue }}\n  end: {{ {end}, after: [a] }}\n");
    assert_eq!(shown(&accepted), "nothing");
}

#[test]
fn thousands_of_mistakes_are_told_as_a_bounded_list_that_says_so() {
    let mut text = HEAD.to_owned();
    for number in 0..5_000 {
        text.push_str(&format!(
            "  s{number}: {{ use: no.such.kind, after: [nobody] }}\n"
        ));
    }
    let all = findings(&text);
    assert!(all.len() <= 202, "{}", all.len());
    assert!(
        all.last()
            .is_some_and(|last| last.message.contains("more findings")),
        "{:?}",
        all.last()
    );
}

#[test]
fn findings_as_json_name_their_format() {
    let json = leeward_runbook::finding::to_json(&findings(TEN));
    assert_eq!(
        (&json["format"], &json["version"]),
        (&"leeward-findings".into(), &1.into())
    );
    let first = &json["findings"][0];
    for key in [
        "code", "severity", "message", "place", "text", "reason", "remedies",
    ] {
        assert!(!first[key].is_null(), "{key}");
    }
}

#[test]
fn the_shapes_of_findings_are_those_that_scripts_rely_on() {
    assert!(codes().count() > 40);
    assert!(Severity::Error < Severity::Warning && Severity::Warning < Severity::Note);
}

#[test]
fn many_notes_and_warnings_stand_in_the_way_of_no_plan_and_hide_no_error() {
    let hooks: String = (0..300)
        .map(|number| {
            format!("  n{number}: {{ use: notify.webhook, with: {{ url: \"env:HOOK\", message: hi }} }}\n")
        })
        .collect();
    let end = "  end: { use: check.tcp, with: { host: h, port: 1 }, ends: recovery }\n";
    let all = findings(&format!("{HEAD}{hooks}{end}"));
    assert!(
        all.iter().all(|found| found.severity == Severity::Note),
        "{:?}",
        all.last()
    );
    assert_eq!(all.last().map(|found| found.code.as_str()), Some("LW0136"));
    // A mistake at the very end is told all the same.
    let wrong = "  end: { use: check.tcp, with: { host: h, port: none }, ends: recovery }\n";
    let all = findings(&format!("{HEAD}{hooks}{wrong}"));
    let told = all.iter().filter(|found| found.severity == Severity::Error);
    assert_eq!(
        told.map(|found| found.code.as_str()).collect::<Vec<_>>(),
        ["LW0107"]
    );
    // Of too many errors the rest is an error.
    let wrong: String = (0..300)
        .map(|number| format!("  w{number}: {{ use: check.tcp }}\n"))
        .collect();
    let all = findings(&format!("{HEAD}{wrong}{end}"));
    assert_eq!(
        all.last().map(|found| (found.severity, found.code.as_str())),
        Some((Severity::Error, "LW0136"))
    );
}

#[test]
fn what_could_not_be_looked_at_is_said() {
    let all = findings(&format!("{HEAD}  a: {{ use: nonsense }}\n  b: [\n"));
    assert_eq!(all.len(), 1, "{all:?}");
    assert!(
        all[0].reason.contains("nothing else of the file is looked at"),
        "{}",
        all[0].reason
    );
    let twice = "name: b\n".repeat(150);
    let all = findings(&format!("{twice}{HEAD}"));
    let stopped = all
        .iter()
        .find(|found| found.code.as_str() == "LW0136")
        .expect("it is said");
    assert!(
        stopped.message.contains("reading stopped after 100"),
        "{}",
        stopped.message
    );
}

#[test]
fn a_required_parameter_whose_default_is_no_value_is_told() {
    let parameter = "change: { type: string, required: true, default: [a] }";
    let head = HEAD.replace("default: sub }", &format!("default: sub }}, {parameter}"));
    let steps =
        "  a: { use: check.tcp, with: { host: \"${{ params.change }}\", port: 1 }, ends: recovery }\n";
    assert_eq!(codes_of(&format!("{head}{steps}")), ["LW0107"]);
}
