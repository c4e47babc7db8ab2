//! The measures of many answers: means, but where counts of all answers add up, as in the accuracies that IFEval publishes and in the
//! BLEU of a corpus.

use std::collections::BTreeMap;

use super::bleu::Counts;
use crate::stats::mean;

/// What the name of a count begins with. Counts are summed and never shown.
pub const COUNT: &str = "count/";

type Measures = BTreeMap<String, f64>;

/// Means by name; and, from the counts, "instruction_strict" and "instruction_loose" (the share of all instructions that are followed,
/// beside the means "prompt_strict" and "prompt_loose"), and "bleu_corpus" (beside the mean of the answers' own BLEU).
pub fn overall<'a>(answers: impl Iterator<Item = &'a Measures>) -> Measures {
    let mut values: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
    for (name, value) in answers.flatten().filter(|(_, value)| value.is_finite()) {
        values.entry(name).or_default().push(*value);
    }
    let sum = |name: &str| values.get(format!("{COUNT}{name}").as_str()).map(|values| values.iter().sum::<f64>());
    let mut overall: Measures = values
        .iter()
        .filter(|(name, _)| !name.starts_with(COUNT))
        .filter_map(|(name, values)| Some(((*name).to_owned(), mean(values)?)))
        .collect();
    for manner in ["strict", "loose"] {
        let counts = sum(&format!("followed_{manner}")).zip(sum(&format!("instructions_{manner}")));
        if let Some((followed, instructions)) = counts.filter(|(_, instructions)| *instructions > 0.0) {
            overall.insert(format!("instruction_{manner}"), followed / instructions);
        }
    }
    if let Some(counts) = Counts::from_named(|name| sum(name)) {
        overall.insert("bleu_corpus".to_owned(), counts.bleu(false));
    }
    overall
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metric::grade;
    use crate::question::{Instruction, Measure};

    #[test]
    fn accuracies_are_those_of_prompts_and_of_instructions() {
        let instruction = |name: &str| Instruction { name: name.to_owned(), arguments: BTreeMap::new() };
        let both = vec![instruction("change_case:english_lowercase"), instruction("punctuation:no_comma")];
        let one = vec![instruction("punctuation:no_comma")];
        let grades = [
            grade(&Measure::Instructions(both), "this is a sentence, in lower case."),
            grade(&Measure::Instructions(one.clone()), "Sure, here it is:\nNothing"),
            grade(&Measure::Instructions(one), "Nothing"),
        ];
        let found = overall(grades.iter().map(|grade| &grade.measures));
        let expected = [
            ("instruction_loose", 3.0 / 4.0),
            ("instruction_strict", 2.0 / 4.0),
            ("prompt_loose", 2.0 / 3.0),
            ("prompt_strict", 1.0 / 3.0),
        ];
        assert_eq!(found, expected.map(|(name, value)| (name.to_owned(), value)).into());
        assert_eq!(grades.map(|grade| grade.quality), [Some(0.0), Some(0.0), Some(1.0)]);
    }

    #[test]
    fn bleu_of_all_answers_is_that_of_their_counts() {
        let pairs = [
            ("the cat sat on the mat today", "the cat sat on a mat today"),
            ("a dog ran away", "the dog ran away fast"),
        ];
        let mut counts = Counts::default();
        let mut measures = Vec::new();
        for (answer, reference) in pairs {
            let texts = vec![reference.to_owned()];
            counts.add(answer, &texts, false);
            measures.push(grade(&Measure::Reference { texts }, answer).measures);
        }
        let found = overall(measures.iter());
        assert_eq!(found.get("bleu_corpus"), Some(&counts.bleu(false)));
        assert!(found["bleu_corpus"] > 0.0 && found["bleu_corpus"] != found["bleu"]);
        assert_eq!(found.keys().collect::<Vec<_>>(), ["bleu", "bleu_corpus", "rouge_l"]);
    }
}
