//! How near to what Azure's limits allow does a failover of a thousand machines come?
//!
//! Simulated time, so the figures do not depend on this machine. Beside the paced run stands the same failover
//! without pacing, in the same world. Nothing is asserted here; `tests/pace.rs` asserts that nobody is refused.
#![allow(missing_docs, clippy::unwrap_used, clippy::print_stdout)]

mod naive;

use std::time::{Duration, Instant};

use leeward_acceptance::{
    fleet::{self, Failovers, since},
    stage::{Stage, rehearse},
};
use leeward_simulator::{Settings, Simulator};

fn main() {
    let measured = std::env::args().any(|argument| argument == "--bench");
    let machines = if measured { 1_000 } else { 12 };
    println!("\n{machines} protected machines of one vault fail over, Azure's limits real, simulated time");
    for seed in [1, 2, 3] {
        paced(machines, seed);
    }
    unpaced(machines, 1);
}

fn paced(machines: usize, seed: u64) {
    let wall = Instant::now();
    rehearse(async {
        let planned = fleet::plan(machines);
        let mut stage = Stage::new(fleet::world(&planned), seed);
        let played = stage.play(&planned).await;
        assert_eq!(played.exit(), 0, "{}", played.tale());
        let failovers = Failovers::of(&stage.simulator);
        let recovered = played.state.recovered_at.unwrap();
        let makespan = since(failovers.began, recovered);
        let bound = failovers.bound();
        println!("  paced, seed {seed}");
        line("recovered after", makespan);
        line("the buckets and the slowest machine alone", bound);
        println!(
            "    {:<44} {:>8.3}   mark 1.05",
            "makespan over that",
            makespan.as_secs_f64() / bound.as_secs_f64()
        );
        println!("    {:<44} {:>8}", "requests", failovers.requests.len());
        println!(
            "    {:<44} {:>8}",
            "refused for asking too often",
            failovers.refused.len()
        );
        println!(
            "    {:<44} {:>8}",
            "… after the first second",
            failovers.refused_after(Duration::from_secs(1))
        );
    });
    println!(
        "    {:<44} {:>7.1}s",
        "computing it took",
        wall.elapsed().as_secs_f64()
    );
}

fn unpaced(machines: usize, seed: u64) {
    rehearse(async {
        let planned = fleet::plan(machines);
        // Its book is long.
        let settings = Settings {
            log_limit: 10_000_000,
            ..Settings::seeded(seed)
        };
        let simulator = Simulator::new(fleet::world(&planned), settings);
        let makespan = naive::fail_over(&simulator).await;
        let failovers = Failovers::of(&simulator);
        println!("  every machine for itself, seed {seed}");
        line("all seen over after", makespan);
        println!("    {:<44} {:>8}", "requests", failovers.requests.len());
        println!(
            "    {:<44} {:>8}",
            "refused for asking too often",
            failovers.refused.len()
        );
    });
}

fn line(what: &str, time: Duration) {
    println!("    {what:<44} {:>7.1}s", time.as_secs_f64());
}
