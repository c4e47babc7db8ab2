use super::grade;
use crate::question::{Grade, Measure};

fn measured(grade: &Grade, name: &str) -> f64 {
    *grade.measures.get(name).unwrap()
}

#[test]
fn exact_is_right_or_wrong() {
    let measure = Measure::Exact { answer: "3 days".to_owned() };
    let right = grade(&measure, "We count. The answer is 3 days.");
    assert_eq!((right.quality, measured(&right, "exact")), (Some(1.0), 1.0));
    assert_eq!(grade(&measure, "The answer is 4 days.").quality, Some(0.0));
    assert_eq!(grade(&measure, "").quality, Some(0.0));
}

#[test]
fn choice_is_right_or_wrong() {
    let measure = Measure::Choice { letter: 'C', options: 4 };
    let right = grade(&measure, "(C)");
    assert_eq!((right.quality, measured(&right, "choice")), (Some(1.0), 1.0));
    assert_eq!(grade(&measure, "Perhaps B").quality, Some(0.0));
}

#[test]
fn the_nearest_reference_counts() {
    let texts = vec!["a dog ran".to_owned(), "the cat sat".to_owned()];
    let near = grade(&Measure::Reference { texts }, "The cat sat down");
    // P = 3/4, R = 3/3
    assert!((near.quality.unwrap() - 6.0 / 7.0).abs() < 1e-12);
    assert_eq!(near.quality, Some(measured(&near, "rouge_l")));
    assert!((0.0..1.0).contains(&measured(&near, "bleu")));
}

#[test]
fn chinese_is_compared_by_characters() {
    let measure = Measure::Reference { texts: vec!["疑是地上霜。".to_owned()] };
    let near = grade(&measure, "疑似地上霜");
    // P = R = 4/5: the full stop is no token
    assert!((near.quality.unwrap() - 0.8).abs() < 1e-12);
    assert!(measured(&near, "bleu") > 0.0);
    assert_eq!(grade(&measure, "frost").quality, Some(0.0));
}

#[test]
fn what_is_open_has_no_quality() {
    assert_eq!(grade(&Measure::Open, "Anything"), Grade::default());
}
