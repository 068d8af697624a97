//! What do full barriers cost, and how does that grow?

use criterion::Criterion;

use crate::{
    Size, machine, platform,
    table::{self, Table},
    toy::World,
};

pub(crate) fn measure(criterion: &mut Criterion, table: &mut Table, size: Size) {
    let mut group = criterion.benchmark_group("barriers");
    for gathered in [false, true] {
        table.section(match gathered {
            false => "Stages with a full barrier between them, edge by edge",
            true => "The same barriers, each gathered in one step",
        });
        let mut first: Option<(f64, f64)> = None;
        for side in size.barriers {
            let text = platform::stages(side, gathered);
            let made = platform::planned(&text);
            let steps = made.steps.len() as f64;
            let edges: usize = made.steps.iter().map(|step| step.after.len()).sum();
            let word = if gathered { "gathered" } else { "full" };
            let name = format!("{side}x{side} {word}");
            let planning = table::bench(&mut group, &format!("{name}, planning"), || {
                table::timed(|| platform::planned(&text)).0
            });
            let mut bytes = 0;
            let machine = table::bench(&mut group, &format!("{name}, machine"), || {
                let alone = machine::alone(&made, &World::of_width(1));
                bytes = alone.records[0].line.len();
                alone.busy
            });
            let (Some(planning), Some(machine)) = (planning, machine) else {
                continue;
            };
            let (plan_each, machine_each) = (planning / steps, machine / steps);
            let (first_plan, first_machine) = *first.get_or_insert((plan_each, machine_each));
            let shape = format!("{side}x{side}, {edges} edges");
            table.line(
                &format!("{shape}: read, check, plan"),
                table::time(planning),
                &format!(
                    "{} a step, {} the smallest, {} an edge, {:.1} MB of YAML",
                    table::time(plan_each),
                    table::ratio(plan_each, first_plan),
                    table::time(planning / edges as f64),
                    text.len() as f64 / 1e6,
                ),
            );
            table.line(
                &format!("{shape}: the machine"),
                table::time(machine),
                &format!(
                    "{} a step, {} the smallest, {} an edge, first record {:.1} MB",
                    table::time(machine_each),
                    table::ratio(machine_each, first_machine),
                    table::time(machine / edges as f64),
                    bytes as f64 / 1e6,
                ),
            );
        }
    }
    group.finish();
}
