//! A question and how an answer to it is judged. What the formats of question sets have in common.

use std::collections::BTreeMap;

/// One question of a set.
#[derive(Clone, Debug, PartialEq)]
pub struct Question {
    /// Unique in its set.
    pub id: String,
    /// What reports group by: a subject, a category; empty where the set has none.
    pub kind: String,
    pub prompt: Prompt,
    pub measure: Measure,
    /// An answer that a judge may go by, where only a judge can tell.
    pub reference: Option<String>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Prompt {
    /// At least one; the last is the user's.
    Conversation(Vec<Message>),
    /// Continued as it is, without a chat template. Not empty.
    Raw(String),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// "system", "user" or "assistant".
    pub role: String,
    pub content: String,
}

/// How an answer is judged.
#[derive(Clone, Debug, PartialEq)]
pub enum Measure {
    /// The final answer, once extracted, is this one.
    Exact { answer: String },
    /// The letter of the chosen option is this one, of the first so many letters.
    Choice { letter: char, options: usize },
    /// How near the text is to the nearest of these: ROUGE-L and BLEU. At least one.
    Reference { texts: Vec<String> },
    /// Instructions that can be checked. At least one.
    Instructions(Vec<Instruction>),
    /// Nothing to compare with: only a judge can tell.
    Open,
}

/// An instruction as IFEval names it, such as "length_constraints:number_words", and its arguments.
#[derive(Clone, Debug, PartialEq)]
pub struct Instruction {
    pub name: String,
    pub arguments: BTreeMap<String, serde_json::Value>,
}

/// What an answer was found to be worth.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Grade {
    /// 0 to 1; None: only a judge can tell. 1 where an answer is right, or follows every instruction to the letter, else 0; the F-measure
    /// of ROUGE-L where there is a reference.
    pub quality: Option<f64>,
    /// Every measure that applies, by name: "exact", "choice", "rouge_l", "bleu", "prompt_strict", ..; 0 to 1, but for counts, whose
    /// names begin with [`COUNT`](crate::metric::overall::COUNT).
    pub measures: BTreeMap<String, f64>,
}
