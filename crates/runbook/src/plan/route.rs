//! The order of a plan, its longest path, and what lies before recovery.

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, HashSet},
    time::Duration,
};

/// The steps that take part, by position, and what each waits for once steps without a part are
/// passed through.
pub(super) struct Route {
    /// What each taking part waits for; empty for the others.
    pub(super) after: Vec<Vec<usize>>,
    /// The longest forecast path from the start of each to the end.
    pub(super) remaining: Vec<Duration>,
    /// Whether the end of recovery depends on it.
    pub(super) before_recovery: Vec<bool>,
    /// Those that take part, dependencies first, the most urgent first.
    pub(super) order: Vec<usize>,
    /// The longest path to the end of recovery.
    pub(super) critical: Vec<usize>,
}

/// Finds the route. `waits_for` has no circle among those that take part.
pub(super) fn find(waits_for: &[Vec<usize>], part: &[bool], forecast: &[Duration], ends: &[bool]) -> Route {
    let after = pass_through(waits_for, part);
    let mut next: Vec<Vec<usize>> = vec![Vec::new(); after.len()];
    for (step, list) in after.iter().enumerate() {
        for on in list {
            next[*on].push(step);
        }
    }
    let plain = kahn(&after, &next, part, Reverse);
    let before_recovery = before(&after, part, ends);
    let mut remaining = vec![Duration::ZERO; after.len()];
    // Among the steps before recovery alone: what the RTO clock waits for.
    let mut to_recovery = vec![Duration::ZERO; after.len()];
    for step in plain.iter().rev().copied() {
        let longest = |of: &[Duration]| next[step].iter().map(|then| of[*then]).max().unwrap_or_default();
        remaining[step] = forecast[step] + longest(&remaining);
        if before_recovery[step] {
            to_recovery[step] = forecast[step] + longest(&to_recovery);
        }
    }
    let any_end = before_recovery.iter().any(|before| *before);
    let measure = if any_end { &to_recovery } else { &remaining };
    let critical = longest_path(&plain, &after, &next, measure);
    let order = kahn(&after, &next, part, |step| {
        (before_recovery[step], remaining[step], Reverse(step))
    });
    Route {
        after,
        remaining,
        before_recovery,
        order,
        critical,
    }
}

/// Order passes through steps that take no part.
fn pass_through(waits_for: &[Vec<usize>], part: &[bool]) -> Vec<Vec<usize>> {
    let mut through: Vec<Option<Vec<usize>>> = vec![None; waits_for.len()];
    let mut after = vec![Vec::new(); waits_for.len()];
    for step in (0..waits_for.len()).filter(|step| part[*step]) {
        after[step] = gather(step, waits_for, part, &mut through);
    }
    after
}

/// Without recursion: a chain of ten thousand steps that take no part is no reason to overflow.
fn gather(
    step: usize,
    waits_for: &[Vec<usize>],
    part: &[bool],
    through: &mut [Option<Vec<usize>>],
) -> Vec<usize> {
    let mut stack: Vec<usize> = waits_for[step].iter().copied().filter(|on| !part[*on]).collect();
    while let Some(at) = stack.last().copied() {
        if through[at].is_some() {
            stack.pop();
            continue;
        }
        let open = stack.len();
        stack.extend(
            waits_for[at]
                .iter()
                .copied()
                .filter(|on| !part[*on] && through[*on].is_none()),
        );
        if stack.len() == open {
            through[at] = Some(union(at, waits_for, part, through));
            stack.pop();
        }
    }
    union(step, waits_for, part, through)
}

fn union(step: usize, waits_for: &[Vec<usize>], part: &[bool], through: &[Option<Vec<usize>>]) -> Vec<usize> {
    let mut seen = HashSet::new();
    let mut all = Vec::new();
    for on in &waits_for[step] {
        let one = [*on];
        let list: &[usize] = if part[*on] {
            &one
        } else {
            through[*on].as_deref().unwrap_or_default()
        };
        all.extend(list.iter().copied().filter(|on| seen.insert(*on)));
    }
    all.sort_unstable();
    all
}

fn before(after: &[Vec<usize>], part: &[bool], ends: &[bool]) -> Vec<bool> {
    let mut seen = vec![false; after.len()];
    let mut stack: Vec<usize> = (0..after.len())
        .filter(|step| part[*step] && ends[*step])
        .collect();
    while let Some(step) = stack.pop() {
        if !std::mem::replace(&mut seen[step], true) {
            stack.extend(after[step].iter().copied());
        }
    }
    seen
}

fn kahn<K: Ord>(
    after: &[Vec<usize>],
    next: &[Vec<usize>],
    part: &[bool],
    key: impl Fn(usize) -> K,
) -> Vec<usize> {
    let mut waiting: Vec<usize> = after.iter().map(Vec::len).collect();
    let free = (0..after.len()).filter(|step| part[*step] && waiting[*step] == 0);
    let mut ready: BinaryHeap<(K, usize)> = free.map(|step| (key(step), step)).collect();
    let mut order = Vec::new();
    while let Some((_, step)) = ready.pop() {
        order.push(step);
        for then in &next[step] {
            waiting[*then] -= 1;
            if waiting[*then] == 0 {
                ready.push((key(*then), *then));
            }
        }
    }
    order
}

fn longest_path(
    order: &[usize],
    after: &[Vec<usize>],
    next: &[Vec<usize>],
    measure: &[Duration],
) -> Vec<usize> {
    let starts = order.iter().copied().filter(|step| after[*step].is_empty());
    // The earliest step of the file wins among equals, so that equal requests give equal plans.
    let Some(mut at) = starts.max_by_key(|step| (measure[*step], Reverse(*step))) else {
        return Vec::new();
    };
    let mut path = vec![at];
    let longest = |at: usize| {
        let then = next[at]
            .iter()
            .copied()
            .filter(|then| measure[*then] > Duration::ZERO);
        then.max_by_key(|then| (measure[*then], Reverse(*then)))
    };
    while let Some(then) = longest(at) {
        path.push(then);
        at = then;
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_passes_through_steps_that_take_no_part() {
        // 3 waits for 2, 2 for 1, 1 for 0; 1 and 2 take no part.
        let waits_for = vec![vec![], vec![0], vec![1], vec![2]];
        let route = find(
            &waits_for,
            &[true, false, false, true],
            &[Duration::from_secs(1); 4],
            &[false; 4],
        );
        assert_eq!(route.after, [vec![], vec![], vec![], vec![0]]);
        assert_eq!(route.order, [0, 3]);
    }

    #[test]
    fn a_chain_of_many_steps_without_a_part_overflows_nothing() {
        let waits_for: Vec<Vec<usize>> = (0..50_000_usize)
            .map(|step| step.checked_sub(1).into_iter().collect())
            .collect();
        let mut part = vec![false; 50_000];
        part[0] = true;
        part[49_999] = true;
        let forecast = vec![Duration::from_secs(1); 50_000];
        let route = find(&waits_for, &part, &forecast, &vec![false; 50_000]);
        assert_eq!(route.after[49_999], [0]);
    }

    #[test]
    fn what_recovery_waits_for_comes_first_however_long_the_rest_takes() {
        // 1 is long and nothing waits for it; 2 ends recovery after 0.
        let waits_for = vec![vec![], vec![], vec![0]];
        let forecast = [1, 3600, 1].map(Duration::from_secs);
        let route = find(&waits_for, &[true; 3], &forecast, &[false, false, true]);
        assert_eq!(route.order, [0, 2, 1]);
        assert_eq!(route.critical, [0, 2]);
        assert_eq!(route.before_recovery, [true, false, true]);
        assert_eq!(route.remaining[0], Duration::from_secs(2));
    }
}
