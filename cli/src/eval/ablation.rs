//! Strategies that differ from the ensemble's own in one respect only: who leaves when.

use specfuse_eval::report::{EXIT, FUSE, SINGLE, Strategy};
use toml::{Table, Value};

/// Rounds after which whoever has won none leaves.
const FIRST_ROUNDS: [i64; 3] = [1, 2, 4];
/// Around the defaults, 0.5 and 1, which "cumulative" has.
const THETAS: [f64; 4] = [0.125, 0.25, 0.75, 0.875];
const TAUS: [f64; 4] = [0.25, 0.5, 2.0, 4.0];
const THETA: f64 = 0.5;
const TAU: f64 = 1.0;

/// Adds them to an ensemble's settings.
pub(super) fn add(ensemble: &mut Table) {
    let strategies = ensemble.entry("strategies").or_insert_with(|| Value::Table(Table::new()));
    // Settings that are wrong are the coordinator's to refuse.
    let Value::Table(strategies) = strategies else { return };
    for (name, exit) in exits() {
        let exit = Table::from_iter(exit.into_iter().map(|(key, value)| (key.to_owned(), value)));
        let strategy = [("kind".to_owned(), Value::from(FUSE)), ("exit".to_owned(), Value::Table(exit))];
        strategies.insert(format!("{EXIT}{name}"), Value::Table(Table::from_iter(strategy)));
    }
}

/// Whether the ablation asks it: those added, what they are variants of, and the members alone.
pub(super) fn concerns(strategy: &Strategy) -> bool {
    strategy.kind == SINGLE || strategy.name == FUSE || strategy.name.starts_with(EXIT)
}

type Exit = Vec<(&'static str, Value)>;

fn exits() -> Vec<(String, Exit)> {
    let rule = |rule: &'static str| ("rule", Value::from(rule));
    let plain = ["never", "cumulative", "no_entropy"].map(|name| (name.to_owned(), vec![rule(name)]));
    let first = FIRST_ROUNDS
        .map(|rounds| (format!("first_rounds/{rounds}"), vec![rule("first_rounds"), ("rounds", Value::from(rounds))]));
    let thresholds = THETAS.map(|theta| (theta, TAU)).into_iter().chain(TAUS.map(|tau| (THETA, tau)));
    let swept = thresholds.map(|(theta, tau)| {
        let exit = vec![rule("cumulative"), ("theta", Value::from(theta)), ("tau", Value::from(tau))];
        (format!("theta={theta},tau={tau}"), exit)
    });
    plain.into_iter().chain(first).chain(swept).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variants_join_the_strategies_that_there_are() {
        let mut ensemble: Table = "[strategies.careful]\nkind = \"fuse\"".parse().unwrap();
        add(&mut ensemble);
        let strategies = ensemble["strategies"].as_table().unwrap();
        assert_eq!(strategies.len(), 1 + 3 + FIRST_ROUNDS.len() + THETAS.len() + TAUS.len());
        let swept = "kind = \"fuse\"\nexit = { rule = \"cumulative\", theta = 0.5, tau = 2.0 }";
        assert_eq!(strategies["exit/theta=0.5,tau=2"], Value::Table(swept.parse().unwrap()));
        assert_eq!(strategies["exit/first_rounds/2"]["exit"]["rounds"].as_integer(), Some(2));
    }

    #[test]
    fn it_asks_them_and_what_they_are_compared_with() {
        let asked = |name: &str, kind: &str| concerns(&Strategy { name: name.to_owned(), kind: kind.to_owned() });
        assert!(asked("exit/never", "fuse") && asked("fuse", "fuse") && asked("single/a", "single"));
        assert!(!asked("vote", "vote"));
    }
}
