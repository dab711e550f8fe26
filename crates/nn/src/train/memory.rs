//! How much memory the process holds.

/// Resident memory in bytes; `None` where the system does not say.
pub(super) fn resident() -> Option<u64> {
    /// A line such as `VmRSS:     5120 kB`.
    const LABEL: &str = "VmRSS:";
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(LABEL))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}

#[cfg(test)]
mod tests {
    #[test]
    #[cfg(target_os = "linux")]
    fn the_process_holds_something() {
        assert!(super::resident().unwrap() > 1 << 20);
    }
}
