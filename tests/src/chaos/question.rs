//! Questions of the kinds that the bundled models know, one for each number.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

const DAYS: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];
const WORDS: [&str; 6] = ["rabbit", "garden", "yellow", "summer", "window", "basket"];

/// The question of this number: the same for the same seed.
pub(crate) fn of(seed: u64, number: u32) -> String {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(u64::from(number));
    let (a, b, c) = (rng.random_range(10..99), rng.random_range(10..99), rng.random_range(10..99));
    let word = WORDS[rng.random_range(0..WORDS.len())];
    let day = DAYS[rng.random_range(0..DAYS.len())];
    match rng.random_range(0..10) {
        0 => format!("A shop has {a} books and gets {b} more. How many books are there now?"),
        1 => format!("How much is {a} × {}?", b % 9 + 1),
        2 => format!("Ben was born on a {day}. What day was it {} days later?", b % 20 + 2),
        3 => format!("How many days are there from {} April to {} April?", a % 12 + 1, b % 12 + 14),
        4 => format!("How do you spell \"{word}\"?"),
        5 => format!("What is \"{word}\" backwards?"),
        6 => format!("Sort these numbers from largest to smallest: {a}, {b}, {c}."),
        7 => format!("Insert {a} into the row 12, 33, 58, 90."),
        8 => format!(
            "A film starts at {}:35 and lasts 1 hour and {} minutes. When does it end?",
            a % 12 + 10,
            b % 50 + 5
        ),
        _ => format!(
            "How many cents are {} coins of 20 cents, {} coins of 10 cents and {} coins of 5 cents?",
            a % 5 + 2,
            b % 5 + 2,
            c % 5 + 2
        ),
    }
}
