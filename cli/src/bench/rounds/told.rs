//! What rounds cost, as one JSON object or in sentences.

use std::time::Duration;

use serde_json::{Value, json};

use super::asked::{Answer, Round};

const GOAL_P99: Duration = Duration::from_millis(1);
const GOAL_SHARE: f64 = 0.03;

#[derive(Debug)]
pub(super) struct Report {
    /// With members that answer at once.
    rounds: usize,
    p50: Duration,
    p99: Duration,
    /// With models.
    models: Vec<String>,
    real_rounds: usize,
    /// Medians, over the answers, of the mean round and of the share of its time that is not the engines'. Not over the rounds: where every
    /// core computes, a segment may be seen late, and the next right after it.
    real_p50: Duration,
    share: f64,
}

impl Report {
    /// None: no rounds.
    pub(super) fn of(scripted: &[Round], real: &[Answer], models: Vec<String>) -> Option<Self> {
        let walls = sorted(scripted.iter().map(|round| round.wall.as_secs_f64()));
        let real: Vec<&Answer> = real.iter().filter(|answer| !answer.is_empty()).collect();
        let sum =
            |answer: &Answer, time: fn(&Round) -> Duration| answer.iter().map(time).sum::<Duration>().as_secs_f64();
        let mean = |answer: &&Answer| sum(answer, |round| round.wall) / answer.len() as f64;
        let outside = |answer: &&Answer| 1.0 - sum(answer, |round| round.engine) / sum(answer, |round| round.wall);
        Some(Self {
            rounds: scripted.len(),
            p50: Duration::from_secs_f64(quantile(&walls, 50)?),
            p99: Duration::from_secs_f64(quantile(&walls, 99)?),
            models,
            real_rounds: real.iter().map(|answer| answer.len()).sum(),
            real_p50: Duration::from_secs_f64(quantile(&sorted(real.iter().map(mean)), 50)?),
            share: quantile(&sorted(real.iter().map(outside)), 50)?,
        })
    }

    /// What a round costs where members answer at once, of what it takes with models.
    fn share_of_medians(&self) -> f64 {
        self.p50.as_secs_f64() / self.real_p50.as_secs_f64()
    }

    pub(super) fn json(&self) -> Value {
        let micros = |time: Duration| time.as_secs_f64() * 1e6;
        json!({
            "members": self.models.len(),
            "rounds": self.rounds,
            "p50_us": micros(self.p50),
            "p99_us": micros(self.p99),
            "share": self.share,
            "share_of_medians": self.share_of_medians(),
            "real_rounds": self.real_rounds,
            "real_p50_us": micros(self.real_p50),
            "models": self.models,
        })
    }

    pub(super) fn sentences(&self) -> String {
        let micros = |time: Duration| format!("{:.0} µs", time.as_secs_f64() * 1e6);
        let members = self.models.len();
        format!(
            "{members} members that answer at once: a round takes {}, of {} rounds 99 in 100 at most {} (goal: {})\n\
             {}: a round takes {:.2} ms ({} rounds)\n\
             of that is coordination: {:.1} % outside the slowest draft and the slowest score (goal: {:.0} %), \
             {:.1} % by what it takes with members that answer at once",
            micros(self.p50),
            self.rounds,
            micros(self.p99),
            micros(GOAL_P99),
            self.models.join(", "),
            self.real_p50.as_secs_f64() * 1e3,
            self.real_rounds,
            self.share * 100.0,
            GOAL_SHARE * 100.0,
            self.share_of_medians() * 100.0,
        )
    }
}

fn sorted(values: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values
}

/// The value that `percent` of a hundred do not exceed.
fn quantile(sorted: &[f64], percent: usize) -> Option<f64> {
    sorted.get((sorted.len() * percent).div_ceil(100).saturating_sub(1)).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round(wall: u64, engine: u64) -> Round {
        Round { wall: Duration::from_micros(wall), engine: Duration::from_micros(engine) }
    }

    #[test]
    fn a_quantile_is_a_value_that_was_measured() {
        let hundred: Vec<f64> = (1..=100).map(f64::from).collect();
        assert_eq!([50, 99, 100].map(|percent| quantile(&hundred, percent)), [Some(50.0), Some(99.0), Some(100.0)]);
        assert_eq!((quantile(&[7.0], 50), quantile(&[7.0], 99), quantile(&[], 50)), (Some(7.0), Some(7.0), None));
    }

    #[test]
    fn the_share_is_the_median_of_what_is_outside_the_engines() {
        let scripted: Vec<Round> = (1..=100).map(|wall| round(wall * 10, 0)).collect();
        // Seen late, and the next right after it.
        let burst = vec![round(19_000, 9_000), round(1_000, 9_000)];
        let real = [burst, vec![round(10_000, 9_900)], vec![], vec![round(20_000, 10_000)]];
        let told = Report::of(&scripted, &real, vec!["a".to_owned(), "b".to_owned()]).unwrap().json();
        assert_eq!((&told["members"], &told["rounds"], &told["real_rounds"]), (&json!(2), &json!(100), &json!(4)));
        let near = |field: &str, expected: f64| (told[field].as_f64().unwrap() - expected).abs() < 1e-6;
        assert!(near("p50_us", 500.0) && near("p99_us", 990.0) && near("real_p50_us", 10_000.0), "{told}");
        assert!(near("share", 0.1) && near("share_of_medians", 0.05), "{told}");
        assert!(Report::of(&scripted, &[], Vec::new()).is_none());
    }
}
