//! Strategies that differ from the ensemble's own in one respect only: who leaves when.

use specfuse_eval::report::{EXIT, FUSE, SINGLE, Strategy};
use toml::{Table, Value};

/// Rounds after which whoever has won none leaves.
const FIRST_ROUNDS: [i64; 3] = [1, 2, 4];
/// The grid of thresholds.
const THETAS: [f64; 2] = [0.5, 0.8];
const TAUS: [f64; 4] = [0.1, 0.25, 0.5, 1.0];
/// What the ensemble's own exit keeps where the rule is another.
const THRESHOLDS: [&str; 2] = ["theta", "tau"];

/// Adds them to an ensemble's settings, as variants of its own "fuse".
pub(super) fn add(ensemble: &mut Table) {
    let own = ensemble.get("strategies").and_then(|strategies| strategies.get(FUSE)).and_then(Value::as_table).cloned();
    let own = own.unwrap_or_else(|| Table::from_iter([("kind".to_owned(), Value::from(FUSE))]));
    let exit = own.get("exit").or_else(|| ensemble.get("exit")).and_then(Value::as_table).cloned().unwrap_or_default();
    let strategies = ensemble.entry("strategies").or_insert_with(|| Value::Table(Table::new()));
    // Settings that are wrong are the coordinator's to refuse.
    let Value::Table(strategies) = strategies else { return };
    for (name, exit) in exits(&exit) {
        let mut strategy = own.clone();
        strategy.insert("exit".to_owned(), Value::Table(exit));
        strategies.insert(format!("{EXIT}{name}"), Value::Table(strategy));
    }
}

/// Whether the ablation asks it: those added, what they are variants of, and the members alone.
pub(super) fn concerns(strategy: &Strategy) -> bool {
    strategy.kind == SINGLE || strategy.name == FUSE || strategy.name.starts_with(EXIT)
}

fn exits(own: &Table) -> Vec<(String, Table)> {
    let exit = |rule: &str, keys: &[(&str, Value)]| {
        let keys = keys.iter().map(|(key, value)| ((*key).to_owned(), value.clone()));
        keys.chain([("rule".to_owned(), Value::from(rule))]).collect::<Table>()
    };
    let thresholds: Vec<_> = THRESHOLDS.iter().filter_map(|&key| Some((key, own.get(key)?.clone()))).collect();
    let first = |rounds: i64| (format!("first_rounds/{rounds}"), exit("first_rounds", &[("rounds", rounds.into())]));
    let cell = |theta: f64, tau: f64| {
        let exit = exit("cumulative", &[("theta", theta.into()), ("tau", tau.into())]);
        (format!("theta={theta},tau={tau}"), exit)
    };
    let grid = THETAS.into_iter().flat_map(|theta| TAUS.map(|tau| cell(theta, tau)));
    let plain = [("never".to_owned(), exit("never", &[])), ("no_entropy".to_owned(), exit("no_entropy", &thresholds))];
    plain.into_iter().chain(FIRST_ROUNDS.map(first)).chain(grid).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn added(ensemble: &str) -> Table {
        let mut ensemble: Table = ensemble.parse().unwrap();
        add(&mut ensemble);
        ensemble["strategies"].as_table().unwrap().clone()
    }

    fn table(text: &str) -> Value {
        Value::Table(text.parse().unwrap())
    }

    #[test]
    fn variants_join_the_strategies_that_there_are() {
        let strategies = added("[strategies.careful]\nkind = \"fuse\"");
        assert_eq!(strategies.len(), 1 + 2 + FIRST_ROUNDS.len() + THETAS.len() * TAUS.len());
        let swept = "kind = \"fuse\"\nexit = { rule = \"cumulative\", theta = 0.5, tau = 0.25 }";
        assert_eq!(strategies["exit/theta=0.5,tau=0.25"], table(swept));
        assert_eq!(strategies["exit/first_rounds/2"]["exit"]["rounds"].as_integer(), Some(2));
    }

    #[test]
    fn they_are_variants_of_the_ensembles_own_strategy_with_its_own_thresholds() {
        let strategies = added("exit = { rule = \"cumulative\", theta = 0.8 }");
        let no_entropy = table("kind = \"fuse\"\nexit = { rule = \"no_entropy\", theta = 0.8 }");
        assert_eq!(strategies["exit/no_entropy"], no_entropy);
        let strategies = added("[strategies.fuse]\nkind = \"fuse\"\nscore = \"mean_prob\"\nexit = { tau = 2.0 }");
        let never = table("kind = \"fuse\"\nscore = \"mean_prob\"\nexit = { rule = \"never\" }");
        assert_eq!(strategies["exit/never"], never);
        assert_eq!(strategies["exit/no_entropy"]["exit"]["tau"].as_float(), Some(2.0));
    }

    #[test]
    fn it_asks_them_and_what_they_are_compared_with() {
        let asked = |name: &str, kind: &str| concerns(&Strategy { name: name.to_owned(), kind: kind.to_owned() });
        assert!(asked("exit/never", "fuse") && asked("fuse", "fuse") && asked("single/a", "single"));
        assert!(!asked("vote", "vote"));
    }
}
