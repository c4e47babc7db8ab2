//! What the operating system says of this process, under the names that Prometheus' own clients use: read when it is asked for.
//! Linux tells; elsewhere there is nothing to say.

use prometheus_client::registry::Registry;

/// Adds them to the metrics of a server, whose registry must have no prefix.
#[cfg(target_os = "linux")]
pub fn register(registry: &mut Registry) {
    registry.register_collector(Box::new(linux::Process));
}

#[cfg(not(target_os = "linux"))]
pub fn register(_: &mut Registry) {}

#[cfg(target_os = "linux")]
mod linux {
    use prometheus_client::{
        collector::Collector,
        encoding::{DescriptorEncoder, EncodeMetric},
        metrics::{counter::ConstCounter, gauge::ConstGauge},
        registry::Unit,
    };

    #[derive(Debug)]
    pub(super) struct Process;

    struct Seen {
        cpu_seconds: f64,
        resident_bytes: f64,
        open_fds: f64,
        start_seconds: f64,
    }

    impl Seen {
        /// An error where /proc is hidden.
        fn now() -> procfs::ProcResult<Self> {
            let process = procfs::process::Process::myself()?;
            let stat = process.stat()?;
            let ticks = procfs::ticks_per_second() as f64;
            Ok(Self {
                cpu_seconds: (stat.utime + stat.stime) as f64 / ticks,
                resident_bytes: (stat.rss * procfs::page_size()) as f64,
                open_fds: process.fd_count()? as f64,
                start_seconds: procfs::boot_time_secs()? as f64 + stat.starttime as f64 / ticks,
            })
        }
    }

    impl Collector for Process {
        fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
            let Ok(seen) = Seen::now() else { return Ok(()) };
            let mut gauge = |name: &str, help: &str, unit: Option<&Unit>, value: f64| {
                let gauge = ConstGauge::new(value);
                gauge.encode(encoder.encode_descriptor(name, help, unit, gauge.metric_type())?)
            };
            gauge("process_resident_memory", "Memory in use", Some(&Unit::Bytes), seen.resident_bytes)?;
            gauge("process_open_fds", "Open files and connections", None, seen.open_fds)?;
            gauge("process_start_time", "Start, since 1970", Some(&Unit::Seconds), seen.start_seconds)?;
            let cpu = ConstCounter::new(seen.cpu_seconds);
            let name = "process_cpu";
            cpu.encode(encoder.encode_descriptor(
                name,
                "Time on processors",
                Some(&Unit::Seconds),
                cpu.metric_type(),
            )?)
        }
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn this_process_uses_memory_and_has_open_files() {
        let mut registry = Registry::default();
        register(&mut registry);
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
        let value = |name: &str| -> f64 {
            let line =
                text.lines().find(|line| line.starts_with(&format!("{name} "))).unwrap_or_else(|| panic!("{text}"));
            line.rsplit(' ').next().unwrap().parse().unwrap()
        };
        assert!(value("process_resident_memory_bytes") > 1e6);
        assert!(value("process_open_fds") >= 3.0);
        assert!(value("process_start_time_seconds") > 1.7e9);
        assert!(value("process_cpu_seconds_total") >= 0.0);
    }
}
