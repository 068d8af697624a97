//! Generated runbooks: as many steps as wanted, with the settings, references and checks of real ones.

use std::fmt::Write;

use leeward_runbook::{
    journey::Journey,
    plan::{Plan, PlanRequest, plan},
    read,
};

const HEAD: &str = "leeward: 1\nname: generated\nsummary: A platform as large as it gets.\n\
regions: { primary: westeurope, paired: northeurope }\nobjectives: { rto: 30m, rpo: 10m }\n\
parameters:\n  subscription: { type: subscription-id, default: 00000000-0000-0000-0000-000000000000 }\nsteps:\n";

fn step(text: &mut String, number: usize, name: &str, after: &str, reads: Option<&str>) {
    let group = match reads {
        Some(other) => format!("\"rg-${{{{ steps.{other}.outputs.host }}}}\""),
        None => "rg-global".to_owned(),
    };
    write!(
        text,
        "  {name}:\n    use: azure.traffic-manager.profile\n    summary: Customers of part {number} are sent to the \
region that took over.\n{after}    with: {{ profile: tm-{number:05}, resource-group: {group} }}\n    at:\n      \
primary: {{ endpoint: weu-{number} }}\n      paired: {{ endpoint: neu-{number} }}\n    timeout: 30m\n    retry: \
{{ attempts: 3, backoff: 10s..1m }}\n    verify:\n      - http: {{ url: \"https://part-{number}.example.test/\", \
expect: 200, within: 2m }}\n"
    )
    .unwrap();
}

/// Writes a runbook whose steps wait for three others each, spread over the whole graph; every
/// tenth reads an output.
pub(crate) fn spread(steps: usize) -> String {
    let mut text = HEAD.to_owned();
    for number in 0..steps {
        let mut before: Vec<usize> = [2, 3, 7]
            .iter()
            .map(|part| number / part + number % 5)
            .filter(|other| number >= 20 && *other < number)
            .collect();
        before.sort_unstable();
        before.dedup();
        let names: Vec<String> = before.iter().map(|other| format!("part-{other}")).collect();
        let after = match names.is_empty() {
            true => String::new(),
            false => format!("    after: [{}]\n", names.join(", ")),
        };
        let reads = names.first().filter(|_| number % 10 == 0);
        step(
            &mut text,
            number,
            &format!("part-{number}"),
            &after,
            reads.map(String::as_str),
        );
    }
    text
}

/// Writes stages of as many steps each. Every step waits for all of the stage before; or, where
/// `gathered`, for one step that waits for all of them.
pub(crate) fn stages(side: usize, gathered: bool) -> String {
    let mut text = HEAD.to_owned();
    let mut wait = String::new();
    for stage in 0..side {
        let names: Vec<String> = (0..side).map(|number| format!("s{stage}-{number}")).collect();
        for (number, name) in names.iter().enumerate() {
            step(&mut text, stage * side + number, name, &wait, None);
        }
        let all = format!("    after: [{}]\n", names.join(", "));
        wait = match gathered {
            false => all,
            true => {
                step(
                    &mut text,
                    side * side + stage,
                    &format!("gather-{stage}"),
                    &all,
                    None,
                );
                format!("    after: [gather-{stage}]\n")
            }
        };
    }
    text
}

/// Plans a generated runbook.
pub(crate) fn planned(text: &str) -> Plan {
    let reading = read("runbook.yaml", text.as_bytes());
    let runbook = reading
        .runbook
        .unwrap_or_else(|| panic!("{:?}", reading.findings.first()));
    plan(&runbook, &PlanRequest::new(Journey::Failover)).unwrap_or_else(|found| panic!("{:?}", found.first()))
}
