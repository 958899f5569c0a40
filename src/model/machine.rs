//! What this machine has: memory, cores, and the processor features that make a model fast.

use sysinfo::{MemoryRefreshKind, RefreshKind, System};

/// The machine, as far as a model cares.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Machine {
    /// Bytes of memory this process may use in all: the machine's, or a container's limit.
    pub memory: u64,
    /// Processor cores it may use.
    pub cores: usize,
    /// Names of the vector instruction sets that the engine knows how to use and that are here.
    pub features: Vec<&'static str>,
}

impl Machine {
    /// Asks the operating system.
    pub fn detect() -> Machine {
        Machine {
            memory: memory(),
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            features: features(),
        }
    }
}

/// 0 where the system can't tell.
fn memory() -> u64 {
    let only_memory = RefreshKind::nothing().with_memory(MemoryRefreshKind::nothing().with_ram());
    let Ok(system) = System::new_with_specifics(only_memory) else { return 0 };
    let total = system.total_memory();
    match system.cgroup_limits() {
        Some(limits) if limits.total_memory > 0 => total.min(limits.total_memory),
        _ => total,
    }
}

#[cfg(target_arch = "x86_64")]
fn features() -> Vec<&'static str> {
    let mut found = Vec::new();
    for (name, here) in [
        ("avx2", is_x86_feature_detected!("avx2")),
        ("fma", is_x86_feature_detected!("fma")),
        ("avx512f", is_x86_feature_detected!("avx512f")),
        ("avx512vnni", is_x86_feature_detected!("avx512vnni")),
    ] {
        if here {
            found.push(name);
        }
    }
    found
}

#[cfg(target_arch = "aarch64")]
fn features() -> Vec<&'static str> {
    let mut found = Vec::new();
    for (name, here) in [
        ("neon", std::arch::is_aarch64_feature_detected!("neon")),
        ("dotprod", std::arch::is_aarch64_feature_detected!("dotprod")),
        ("i8mm", std::arch::is_aarch64_feature_detected!("i8mm")),
    ] {
        if here {
            found.push(name);
        }
    }
    found
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
fn features() -> Vec<&'static str> {
    Vec::new()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_that_runs_this_has_memory_and_a_core() {
        let machine = Machine::detect();
        assert!(machine.memory > 64 << 20, "{machine:?}");
        assert!(machine.cores >= 1);
    }
}
