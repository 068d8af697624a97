//! The order among steps: `after` and references alike.

use std::collections::{HashMap, VecDeque};

use petgraph::{algo::tarjan_scc, graph::DiGraph};

use crate::{
    decode::by_name,
    model::{CleanUp, Runbook, Stand},
    yaml::Span,
};

/// Who waits for whom, by the steps' positions in the runbook.
#[derive(Clone, Debug)]
pub struct Order {
    /// What each step waits for, each once, with the place that says so.
    pub waits_for: Vec<Vec<(usize, Span)>>,
}

impl Order {
    /// Reads the order out of a runbook. Names that no step has are passed over.
    pub fn of(runbook: &Runbook) -> Order {
        let names = by_name(runbook.steps.iter().map(|step| &*step.name.value));
        let mut waits_for: Vec<Vec<(usize, Span)>> = vec![Vec::new(); runbook.steps.len()];
        for (index, step) in runbook.steps.iter().enumerate() {
            let mut add = |name: &str, span: Span| {
                if let Some(on) = names.get(name)
                    && *on != index
                {
                    waits_for[index].push((*on, span));
                }
            };
            for name in &step.after {
                add(&name.value, name.span);
            }
            for read in step.reads.iter().filter(|read| read.stand != Stand::Parameter) {
                if let Some(name) = read.step() {
                    add(name, read.span);
                }
            }
        }
        for (index, step) in runbook.steps.iter().enumerate() {
            // What cleans up comes after what it cleans.
            if let Some(clean_up) = &step.clean_up
                && let CleanUp::Step(name) = &clean_up.value
                && let Some(cleaner) = names.get(&**name)
                && *cleaner != index
            {
                waits_for[*cleaner].push((index, clean_up.span));
            }
        }
        for list in &mut waits_for {
            list.sort_by_key(|(on, span)| (*on, span.start));
            list.dedup_by_key(|(on, _)| *on);
        }
        Order { waits_for }
    }

    /// Returns one circle, as short as can be, for every knot of steps that wait for each other.
    /// Each starts with its earliest step; every step waits for the next, the last for the first.
    pub fn circles(&self) -> Vec<Vec<usize>> {
        let mut graph = DiGraph::<(), ()>::new();
        let nodes: Vec<_> = self.waits_for.iter().map(|_| graph.add_node(())).collect();
        for (index, list) in self.waits_for.iter().enumerate() {
            for (on, _) in list {
                graph.add_edge(nodes[index], nodes[*on], ());
            }
        }
        let mut circles: Vec<Vec<usize>> = tarjan_scc(&graph)
            .into_iter()
            .filter(|knot| knot.len() > 1)
            .map(|knot| {
                let mut members: Vec<usize> = knot.iter().map(|node| node.index()).collect();
                members.sort_unstable();
                self.circle_within(&members)
            })
            .collect();
        circles.sort();
        circles
    }

    fn circle_within(&self, members: &[usize]) -> Vec<usize> {
        let start = members[0];
        let mut came_from: HashMap<usize, usize> = HashMap::new();
        let mut queue = VecDeque::from([start]);
        while let Some(at) = queue.pop_front() {
            for (on, _) in &self.waits_for[at] {
                if *on == start {
                    let mut path = vec![at];
                    let mut step = at;
                    while step != start {
                        step = came_from[&step];
                        path.push(step);
                    }
                    path.reverse();
                    return path;
                }
                if members.binary_search(on).is_ok() && !came_from.contains_key(on) {
                    came_from.insert(*on, at);
                    queue.push_back(*on);
                }
            }
        }
        members.to_vec()
    }

    /// Returns the place that makes one step wait for another.
    pub fn place(&self, step: usize, on: usize) -> Option<Span> {
        self.waits_for[step]
            .iter()
            .find(|(known, _)| *known == on)
            .map(|(_, span)| *span)
    }

    /// Returns every step that one of these waits for, however far away, themselves included.
    pub fn everything_before(&self, steps: impl IntoIterator<Item = usize>) -> Vec<bool> {
        let mut seen = vec![false; self.waits_for.len()];
        let mut stack: Vec<usize> = steps.into_iter().collect();
        while let Some(step) = stack.pop() {
            if !std::mem::replace(&mut seen[step], true) {
                stack.extend(self.waits_for[step].iter().map(|(on, _)| *on));
            }
        }
        seen
    }
}
