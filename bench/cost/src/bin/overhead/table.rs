//! Medians over rounds, and the ratio to the first variant in the same round.

/// One run of load on one variant.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Measured {
    /// CPU of the service's process a request.
    pub(crate) cpu_us: f64,
    pub(crate) p50_us: f64,
    pub(crate) p99_us: f64,
    /// Requests a second.
    pub(crate) rate: f64,
}

/// All runs, by variant and round.
pub(crate) struct Table {
    rows: Vec<(&'static str, Vec<Measured>)>,
}

impl Table {
    pub(crate) fn new(names: impl Iterator<Item = &'static str>) -> Self {
        Self { rows: names.map(|name| (name, Vec::new())).collect() }
    }

    pub(crate) fn add(&mut self, variant: usize, measured: Measured) {
        if let Some((_, runs)) = self.rows.get_mut(variant) {
            runs.push(measured);
        }
    }

    pub(crate) fn print(&self) {
        println!("medians of the rounds; x = median ratio to the first row in the same round");
        println!(
            "{:>24} {:>16} {:>17} {:>17} {:>17}",
            "", "CPU us/request", "p50 us", "p99 us", "requests/s"
        );
        let Some((_, first)) = self.rows.first() else { return };
        for (name, runs) in &self.rows {
            let figure = |of: fn(&Measured) -> f64| {
                let value = median(runs.iter().map(of));
                let ratio = median(runs.iter().zip(first).map(|(run, base)| of(run) / of(base)));
                format!("{value:>9.1} x{ratio:<5.2}")
            };
            println!(
                "{name:>24}  {} {:>17} {:>17} {:>17}",
                figure(|m| m.cpu_us),
                figure(|m| m.p50_us),
                figure(|m| m.p99_us),
                figure(|m| m.rate)
            );
        }
    }
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
