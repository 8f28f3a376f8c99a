//! When this process was created: with its id it tells processes apart.

use super::clock_ticks::Units;
use super::parse::Stat;
use crate::json_log;

/// `process.creation.time`, in ISO 8601; `None` when the kernel does not tell. The same for the
/// whole life of the process, to a hundredth of a second.
pub(crate) fn creation_time() -> Option<String> {
    let stat = Stat::parse(&std::fs::read_to_string("/proc/self/stat").ok()?)?;
    let since_boot_ns = u128::from(stat.start_ticks) * 1_000_000_000;
    let since_boot_ns = since_boot_ns / u128::from(Units::read().ticks_per_second);
    let created_ns = booted_ns(&std::fs::read_to_string("/proc/stat").ok()?)? + since_boot_ns;
    let mut text = String::with_capacity(27);
    json_log::push_timestamp(u64::try_from(created_ns).ok()?, &mut text);
    Some(text)
}

fn booted_ns(stat: &str) -> Option<u128> {
    let seconds = stat.lines().find_map(|line| line.strip_prefix("btime "))?;
    Some(seconds.trim().parse::<u128>().ok()? * 1_000_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_was_created_after_the_machine_and_before_now() {
        let stat = std::fs::read_to_string("/proc/stat").unwrap();
        let (mut booted, mut now) = (String::new(), String::new());
        json_log::push_timestamp(u64::try_from(booted_ns(&stat).unwrap()).unwrap(), &mut booted);
        json_log::push_timestamp(crate::clock::now_ns(), &mut now);
        let created = creation_time().unwrap();
        assert!(booted < created && created < now, "{booted} < {created} < {now}");
        assert_eq!(creation_time().unwrap(), created);
    }
}
