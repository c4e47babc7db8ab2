use super::*;
use crate::strategy::{Adjustable, Kind};
use specfuse_core::{
    member::MemberIndex,
    policy::{Calibration, ExitRule, RankRule, ScoreRule, Voters, WeightRule},
};

fn parse(text: &str) -> Result<Config, ConfigError> {
    Config::parse(text, Path::new("c.toml"))
}

fn error_of(text: &str) -> String {
    parse(text).expect_err(text).to_string()
}

const HEAD: &str = "workers = [\"http://127.0.0.1:1\"]\n[ensembles.default]\n";

#[test]
fn what_is_not_said_has_a_default() {
    let config = parse(&format!("{HEAD}members = [\"a\", \"b\"]")).unwrap();
    assert_eq!(config.listen.to_string(), "127.0.0.1:7070");
    assert_eq!((config.max_generations, config.shutdown_grace), (64, Duration::from_secs(30)));
    assert_eq!((config.max_waiting, config.max_wait), (16, Duration::from_secs(2)));
    assert_eq!((config.reflection, config.health_needs_key, config.log_content), (true, false, false));
    assert!(config.api_keys.is_none() && config.server_tls.is_none() && config.worker_tls.is_none());
    let ensemble = &config.ensembles["default"];
    assert_eq!(ensemble.policy.segment_tokens.get(), 10);
    assert_eq!(ensemble.policy.score, ScoreRule::MeanLogprob);
    assert_eq!((ensemble.policy.exit.rule, ensemble.policy.exit.theta), (ExitRule::Cumulative, 0.5));
    assert_eq!(ensemble.policy.weights, WeightRule::Uniform);
    assert_eq!((ensemble.policy.min_members.get(), ensemble.policy.max_strikes.get()), (1, 3));
    assert_eq!((ensemble.default_max_tokens.get(), ensemble.max_tokens_limit.get()), (256, 4096));
    assert_eq!(ensemble.draft_timeout, Duration::from_secs(30));
    assert_eq!(ensemble.adjustable, Adjustable::ALL);
}

#[test]
fn everything_can_be_said() {
    let config = parse(
        r#"
        listen = "[::1]:0"
        workers = ["http://a:1", "http://b:2"]
        max_generations = 2
        max_waiting = 0
        max_wait = "250ms"
        reflection = false
        health_needs_key = true
        shutdown_grace = "1m 5s"
        [ensembles."x-1.y_z"]
        members = ["a", "b"]
        segment_tokens = 4
        score = "mean_prob"
        rank = { rule = "blend", alpha = 0.25 }
        self_votes = false
        gate = -0.5
        budget = 5
        calibrate = { b = { scale = 2.0, shift = 0.5 } }
        strategy = "moa"
        exit = { rule = "first_rounds", rounds = 3, theta = 0.25, tau = 2.0 }
        weights = { rule = "hedge" }
        quorum = 2
        straggler_grace = "300ms"
        min_members = 2
        max_strikes = 1
        adjustable = ["tau", "exit"]
        max_tokens = 8
        max_tokens_limit = 8
        draft_timeout = "250ms"
        score_timeout = "2s"
        [ensembles."x-1.y_z".strategies.moa]
        kind = "mixture"
        aggregator = "b"
        layers = 2
        segment_tokens = 7
        [ensembles."x-1.y_z".strategies."exit/tau=0.5"]
        kind = "fuse"
        exit = { tau = 0.5 }
        "#,
    )
    .unwrap();
    assert_eq!(config.shutdown_grace, Duration::from_secs(65));
    assert_eq!((config.max_waiting, config.max_wait), (0, Duration::from_millis(250)));
    assert_eq!((config.reflection, config.health_needs_key), (false, true));
    let ensemble = &config.ensembles["x-1.y_z"];
    assert_eq!((ensemble.policy.quorum.get(), ensemble.straggler_grace), (2, Duration::from_millis(300)));
    assert_eq!(ensemble.policy.exit.rule, ExitRule::FirstRounds { rounds: 3 });
    assert_eq!(ensemble.policy.weights, WeightRule::Hedge { rate: 10.0 });
    assert_eq!((ensemble.policy.rank, ensemble.policy.voters), (RankRule::Blend { alpha: 0.25 }, Voters::Others));
    assert_eq!((ensemble.policy.gate, ensemble.policy.budget.map(NonZeroU32::get)), (Some(-0.5), Some(5)));
    let calibration = [Calibration::NONE, Calibration { scale: 2.0, shift: 0.5 }];
    assert_eq!(ensemble.policy.calibration, calibration);
    assert_eq!(
        ensemble.strategy.kind,
        Kind::Mixture { aggregator: MemberIndex(1), layers: NonZeroUsize::new(2).unwrap() }
    );
    assert_eq!((ensemble.strategies.len(), ensemble.strategies["exit/tau=0.5"].kind), (10, Kind::Fuse));
    assert_eq!(ensemble.draft_timeout, Duration::from_millis(250));
    assert_eq!(ensemble.adjustable, [Adjustable::Exit, Adjustable::Tau]);
}

#[test]
fn an_error_names_the_file_and_the_key() {
    let members = "members = [\"a\", \"b\"]\n";
    let cases = [
        ("members = []", "ensembles.default.members: there are 0"),
        ("members = [\"a\", \"a\"]", "ensembles.default.members: \"a\" is there twice"),
        ("members = [\"\"]", "ensembles.default.members: a member's name"),
        ("members = 3", "ensembles.default.members: invalid type"),
        ("", "ensembles.default: missing field `members`"),
        ("members = [\"a\"]\nmin_members = 2", "ensembles.default.min_members: 2 is not in 1 to 1"),
        ("members = [\"a\"]\nmember = 2", "ensembles.default: unknown field `member`"),
        ("members = [\"a\"]\nsegment_tokens = 0", "ensembles.default.segment_tokens: 0 is not in 1 to 256"),
        ("members = [\"a\"]\nmax_tokens = 5000", "ensembles.default.max_tokens: 5000 is not in 1 to 4096"),
        (
            "members = [\"a\"]\nadjustable = [\"rank\"]",
            "ensembles.default.adjustable: \"rank\" is none of: segment_tokens, ",
        ),
        ("members = [\"a\"]\nadjustable = [\"tau\", \"tau\"]", "ensembles.default.adjustable: \"tau\" is there twice"),
        ("members = [\"a\"]\nquorum = 2", "ensembles.default.quorum: 2 is not in 1 to 1"),
        ("members = [\"a\"]\nstraggler_grace = \"0s\"", "ensembles.default.straggler_grace: 0ns"),
        ("members = [\"a\"]\ndraft_timeout = \"0s\"", "ensembles.default.draft_timeout: 0ns"),
        ("members = [\"a\"]\ndraft_timeout = \"soon\"", "ensembles.default.draft_timeout: invalid"),
        ("members = [\"a\"]\nscore = \"best\"", "ensembles.default.score: unknown variant `best`"),
        ("members = [\"a\"]\nexit = { rule = \"never\", rounds = 2 }", "ensembles.default.exit.rounds: only"),
        ("members = [\"a\"]\nexit = { rule = \"first_rounds\" }", "ensembles.default.exit.rounds: the rule"),
        ("members = [\"a\"]\nexit = { rule = \"never\", theta = nan }", "ensembles.default.exit.theta: NaN"),
        ("members = [\"a\"]\nexit = { rule = \"never\", tau = 0.0 }", "ensembles.default.exit.tau: 0 is not"),
        ("members = [\"a\"]\nweights = { rule = \"hedge\", rate = -1 }", "ensembles.default.weights.rate: -1"),
        ("members = [\"a\"]\nweights = { rule = \"uniform\", rate = 1 }", "ensembles.default.weights.rate: only"),
    ];
    for (lines, expected) in cases {
        let error = error_of(&format!("{HEAD}{lines}"));
        assert!(error.starts_with(&format!("c.toml: {expected}")), "{lines}: {error}");
    }
    let cases = [
        (format!("listen = \"here\"\n{HEAD}{members}"), "listen: \"here\""),
        (format!("max_generations = 0\n{HEAD}{members}"), "max_generations: 0"),
        (format!("max_waiting = 65537\n{HEAD}{members}"), "max_waiting: 65537 is not in 0 to 65536"),
        (format!("max_waiting = -1\n{HEAD}{members}"), "max_waiting: invalid value"),
        (format!("max_wait = \"0s\"\n{HEAD}{members}"), "max_wait: 0ns is not in 1ms to 1h"),
        (format!("colour = 0\n{HEAD}{members}"), "top level: unknown field `colour`"),
        (format!("workers = []\n[ensembles.default]\n{members}"), "workers: there must be at least one"),
        (format!("[ensembles.default]\n{members}"), "workers: there must be at least one, here or by --discovery"),
        ("workers = [\"http://a:1\"]\n[ensembles]".to_owned(), "ensembles: there must be"),
        (format!("workers = [\"http://a:1\"]\n[ensembles.\"a b\"]\n{members}"), "ensembles.a b.name: a name is"),
    ];
    for (text, expected) in cases {
        let error = error_of(&text);
        assert!(error.starts_with(&format!("c.toml: {expected}")), "{text}: {error}");
    }
}

#[test]
fn an_error_of_a_rule_names_its_key() {
    let cases = [
        ("members = [\"a\"]\nrank = { rule = \"blend\" }", "ensembles.default.rank.alpha: the rule \"blend\" needs it"),
        (
            "members = [\"a\"]\nrank = { rule = \"blend\", alpha = 2 }",
            "ensembles.default.rank.alpha: 2 is not in 0 to 1",
        ),
        ("members = [\"a\"]\nrank = { alpha = 0.5 }", "ensembles.default.rank.alpha: only"),
        ("members = [\"a\"]\ngate = 101.0", "ensembles.default.gate: 101 is not in -100 to 100"),
        ("members = [\"a\"]\ngate = true", "ensembles.default.gate: a number or false"),
        ("members = [\"a\"]\nbudget = \"5\"", "ensembles.default.budget: a number or false"),
        (
            "members = [\"a\"]\ngate = -1.0\nrank = { rule = \"author\" }",
            "ensembles.default.gate: nobody is asked to score",
        ),
        (
            "members = [\"a\"]\nstrategy = \"vote\"\nmax_tokens_limit = 9000\nmax_tokens = 5000",
            "ensembles.default.strategy: max_tokens: 5000",
        ),
        (
            "members = [\"a\"]\nstrategies = { \"a b\" = { kind = \"fuse\" } }",
            "ensembles.default.strategies.a b: a name is",
        ),
        ("members = [\"a\"]\nbudget = 2", "ensembles.default.budget: 2 is not in 3 to 1000000"),
        (
            "members = [\"a\"]\ncalibrate = { b = { scale = 1 } }",
            "ensembles.default.calibrate.b: the ensemble has no such",
        ),
        (
            "members = [\"a\"]\ncalibrate = { a = { scale = 0 } }",
            "ensembles.default.calibrate.a.scale: 0 is not in 0.01",
        ),
        (
            "members = [\"a\"]\ncalibrate = { a = { shift = 0 } }",
            "ensembles.default.calibrate.a: missing field `scale`",
        ),
        ("members = [\"a\"]\nstrategy = \"x\"", "ensembles.default.strategy: there is no \"x\"; there are: best_of_n"),
        ("members = [\"a\"]\nstrategies = 3", "ensembles.default.strategies: one table for each"),
        ("members = [\"a\"]\nstrategies = { s = 3 }", "ensembles.default.strategies.s: a table is expected"),
    ];
    for (lines, expected) in cases {
        let error = error_of(&format!("{HEAD}{lines}"));
        assert!(error.starts_with(&format!("c.toml: {expected}")), "{lines}: {error}");
    }
}

#[test]
fn an_error_of_a_strategy_names_it_and_its_key() {
    let one = "members = [\"a\"]\n[ensembles.default.strategies.s]\n";
    let strategies = [
        ("kind = \"best\"", "strategies.s.kind: unknown variant `best`"),
        ("", "strategies.s: missing field `kind`"),
        ("kind = \"single\"", "strategies.s.member: a member must be named"),
        ("kind = \"single\"\nmember = \"b\"", "strategies.s.member: the ensemble has no member \"b\""),
        (
            "kind = \"single\"\nmember = \"a\"\nexit = {}",
            "strategies.s.exit: a strategy of kind \"single\" has only: member",
        ),
        ("kind = \"fuse\"\nsegment_tokens = 0", "strategies.s.segment_tokens: 0 is not in 1 to 256"),
        ("kind = \"fuse\"\ncolour = 1", "strategies.s: unknown field `colour`"),
        ("kind = \"self_fuse\"\nsamples = 1", "strategies.s.samples: 1 is not in 2 to 64"),
        ("kind = \"self_fuse\"\ntemperature = 0", "strategies.s.temperature: 0 is not in 0.01 to 100"),
        ("kind = \"mixture\"\nlayers = 0", "strategies.s.layers: 0 is not in 1 to 8"),
        ("kind = \"route\"\nrounds = 0", "strategies.s.rounds: at least 1"),
    ];
    for (lines, expected) in strategies {
        let error = error_of(&format!("{HEAD}{one}{lines}"));
        assert!(error.starts_with(&format!("c.toml: ensembles.default.{expected}")), "{lines}: {error}");
    }
}

#[test]
fn the_example_file_says_every_key_and_its_default() {
    let example = include_str!("../../coordinator.example.toml");
    let config = parse(example).unwrap();
    let said = example.lines().map(|line| line.strip_prefix("# ").filter(|rest| is_setting(rest)).unwrap_or(line));
    let spelled_out = said.collect::<Vec<_>>().join("\n");
    assert_eq!(spelled_out.lines().filter(|line| is_setting(line)).count(), 28);
    assert_eq!(format!("{:?}", parse(&spelled_out).unwrap()), format!("{config:?}"));
}

fn is_setting(line: &str) -> bool {
    line.split_once(" = ").is_some_and(|(key, _)| key.chars().all(|c| c.is_ascii_lowercase() || c == '_'))
}

#[test]
fn what_is_not_toml_is_told_in_one_line_with_its_place() {
    for (text, place) in [("workers = [", "c.toml, line 1"), ("# two\n\nlisten = x\n", "c.toml, line 3")] {
        let error = error_of(text);
        assert!(error.starts_with(&format!("{place}: not TOML: ")) && error.lines().count() == 1, "{error}");
    }
}

#[test]
fn a_member_may_have_any_name_and_is_offered_alone_by_it() {
    let config = parse(&format!("{HEAD}members = [\"llama3:8b\", \"文心\"]")).unwrap();
    assert!(config.ensembles["default"].strategies.contains_key("single/文心"));
}

#[test]
fn a_strategy_can_do_without_what_its_ensemble_has() {
    let table = "members = [\"a\"]\ngate = -0.5\nbudget = 9\n[ensembles.default.strategies.s]\nkind = \"fuse\"\n";
    let config = parse(&format!("{HEAD}{table}gate = false\nbudget = false\n")).unwrap();
    assert!(config.ensembles["default"].policy.gate.is_some());
    let strategy = format!("{:?}", config.ensembles["default"].strategies["s"]);
    assert!(strategy.contains("gate: None") && strategy.contains("budget: None"), "{strategy}");
}

#[test]
fn an_exit_or_weight_rule_has_a_default_too() {
    let config = parse(&format!("{HEAD}members = [\"a\"]\nexit = {{ tau = 2.0 }}\nweights = {{}}")).unwrap();
    let policy = &config.ensembles["default"].policy;
    assert_eq!((policy.exit.rule, policy.exit.theta, policy.exit.tau), (ExitRule::Cumulative, 0.5, 2.0));
    assert_eq!(policy.weights, WeightRule::Uniform);
}

#[test]
fn a_worker_is_a_plain_http_url_with_a_port() {
    for bad in ["localhost:1", "https://a:1", "http://a", "http://a:1/path", "http://", "http://a:1/?q", "a b"] {
        let text = format!("workers = [{bad:?}]\n[ensembles.default]\nmembers = [\"a\"]");
        assert!(error_of(&text).starts_with(&format!("c.toml: workers: {bad:?}")), "{bad}");
    }
    let twice = "workers = [\"http://a:1\", \"http://a:1\"]\n[ensembles.default]\nmembers = [\"a\"]";
    assert!(error_of(twice).contains("workers: \"http://a:1\" is there twice"));
}

#[test]
fn a_policy_for_drafts_that_are_there_is_read_from_any_ensemble_and_the_rest_is_told() {
    let read = |text: &str| policy(text, Path::new("p.toml"), &["a".into()]).map_err(|error| error.to_string());
    let (policy, others) =
        read("max_tokens = 9\nexit = { rule = \"never\" }\n[strategies.x]\nkind = \"fuse\"").unwrap();
    assert_eq!(policy.exit.rule, ExitRule::Never);
    assert_eq!(others, ["max_tokens", "strategies"]);
    let refused = read("segment_tokens = 4\nmax_tokens = 9").unwrap_err();
    assert!(refused.starts_with("p.toml: segment_tokens: the drafts are as long as they are"), "{refused}");
    assert!(read("exti = {}").unwrap_err().starts_with("p.toml: top level: unknown field `exti`"));
}
