//! How macOS and Windows tell their processes apart: by what the `sysinfo` crate reads.

use sysinfo::{Pid, ProcessRefreshKind, ProcessesToUpdate, Product, System};

use super::{Seen, UNKNOWN};

/// Returns the host's name.
pub(super) fn host() -> String {
    System::host_name().unwrap_or_else(|_| UNKNOWN.to_owned())
}

/// Returns what stands for the account, where the environment names no user.
pub(super) fn user() -> String {
    UNKNOWN.to_owned()
}

/// Returns what tells this machine from another one of its name, hashed.
pub(super) fn machine() -> String {
    Product::uuid()
        .ok()
        .filter(|id| !id.is_empty())
        .map(|id| {
            let hash = blake3::derive_key("leeward 2026-11 machine identity", id.as_bytes());
            blake3::Hash::from(hash).to_hex()[..16].to_owned()
        })
        .unwrap_or_else(|| UNKNOWN.to_owned())
}

/// Returns what stands for the boot: the machine itself.
///
/// The boot's time as these systems tell it moves with the wall clock, so it would call living
/// processes dead. It is not needed either: start times are absolute here, and a process of an
/// earlier boot is simply not found.
pub(super) fn boot() -> String {
    machine()
}

/// Returns the namespace of process numbers; there is one.
pub(super) fn namespace() -> String {
    "host".to_owned()
}

/// Looks for a process.
pub(super) fn look(process: u32) -> Seen {
    #[cfg(unix)]
    if let Some(pid) = i32::try_from(process)
        .ok()
        .and_then(rustix::process::Pid::from_raw)
        && rustix::process::test_kill_process(pid) == Err(rustix::io::Errno::SRCH)
    {
        return Seen::Nobody;
    }
    let Ok(mut system) = System::new() else {
        return Seen::Unclear;
    };
    let (asked, ours) = (Pid::from_u32(process), Pid::from_u32(std::process::id()));
    for pid in [asked, ours] {
        let only = ProcessesToUpdate::Some(&[pid]);
        system.refresh_processes_specifics(only, false, ProcessRefreshKind::nothing());
    }
    if system.process(ours).is_none() {
        // A look that does not even find ourselves has seen nothing.
        return Seen::Unclear;
    }
    match system.process(asked) {
        Some(known) if known.start_time() > 0 => Seen::Alive(known.start_time().to_string()),
        Some(_) => Seen::Unclear,
        // On Unix the empty signal has just found somebody there.
        None if cfg!(unix) => Seen::Unclear,
        None => Seen::Nobody,
    }
}
