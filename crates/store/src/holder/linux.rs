//! How Linux tells its processes apart: by `/proc` and the signal that only asks.

use std::fs;

use rustix::{
    io::Errno,
    process::{Pid, test_kill_process},
    system::uname,
};

use super::{Seen, UNKNOWN};

/// Returns the host's name.
pub(super) fn host() -> String {
    uname().nodename().to_string_lossy().into_owned()
}

/// Returns the account's number, where the environment names no user.
pub(super) fn user() -> String {
    format!("uid {}", rustix::process::geteuid().as_raw())
}

/// Returns what tells this machine from another one of its name; hashed, as `machine-id(5)` asks.
pub(super) fn machine() -> String {
    ["/etc/machine-id", "/var/lib/dbus/machine-id"]
        .iter()
        .filter_map(|path| fs::read_to_string(path).ok())
        .map(|text| text.trim().to_owned())
        .find(|id| id.len() >= 32)
        .map(|id| {
            let hash = blake3::derive_key("leeward 2026-11 machine identity", id.as_bytes());
            blake3::Hash::from(hash).to_hex()[..16].to_owned()
        })
        .unwrap_or_else(|| UNKNOWN.to_owned())
}

/// Returns the boot that we live in.
pub(super) fn boot() -> String {
    fs::read_to_string("/proc/sys/kernel/random/boot_id")
        .map(|text| text.trim().to_owned())
        .unwrap_or_else(|_| UNKNOWN.to_owned())
}

/// Returns the namespace in which our process numbers mean something.
pub(super) fn namespace() -> String {
    fs::read_link("/proc/self/ns/pid")
        .map(|link| link.to_string_lossy().into_owned())
        .unwrap_or_else(|_| UNKNOWN.to_owned())
}

/// Looks for a process.
pub(super) fn look(process: u32) -> Seen {
    let Some(pid) = i32::try_from(process).ok().and_then(Pid::from_raw) else {
        return Seen::Unclear;
    };
    // `/proc` may hide other users' processes; the kernel's answer to the empty signal does not.
    if test_kill_process(pid) == Err(Errno::SRCH) {
        return Seen::Nobody;
    }
    match fs::read(format!("/proc/{process}/stat")) {
        Ok(stat) => read_stat(&String::from_utf8_lossy(&stat)),
        Err(_) => Seen::Unclear,
    }
}

/// Reads `proc_pid_stat(5)`. The command's name may hold anything, so counting starts behind it.
fn read_stat(stat: &str) -> Seen {
    let Some((_, rest)) = stat.rsplit_once(')') else {
        return Seen::Unclear;
    };
    let fields: Vec<&str> = rest.split_whitespace().collect();
    // Field 3 of the manual is the first here: state 3, threads 20, start 22.
    let (Some(state), Some(threads), Some(start)) = (fields.first(), fields.get(17), fields.get(19)) else {
        return Seen::Unclear;
    };
    // A killed process stays listed until its parent asks after it; its last thread is gone by then.
    if matches!(*state, "Z" | "X") && matches!(*threads, "0" | "1") {
        return Seen::Nobody;
    }
    Seen::Alive((*start).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(state: &str, threads: &str) -> String {
        format!("12 (a) b (c) {state} 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 {threads} 0 4242 99")
    }

    #[test]
    fn a_start_time_is_found_whatever_the_command_is_called() {
        assert_eq!(read_stat(&line("S", "5")), Seen::Alive("4242".into()));
    }

    #[test]
    fn a_killed_process_that_nobody_asked_after_is_dead_once_its_threads_are() {
        assert_eq!(read_stat(&line("Z", "1")), Seen::Nobody);
        assert_eq!(read_stat(&line("Z", "2")), Seen::Alive("4242".into()));
    }

    #[test]
    fn an_unreadable_answer_proves_nothing() {
        assert_eq!(read_stat(""), Seen::Unclear);
        assert_eq!(read_stat("12 (x) S 1"), Seen::Unclear);
    }
}
