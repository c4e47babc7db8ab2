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
    match rng.random_range(0..11) {
        0 => format!("A shop has {a} books and gets {b} more. How many books are there now?"),
        1 => format!("A farm has {} books and loses {b}. How many books are left?", a + b),
        2 => format!("How much is {a} × {}?", b % 9 + 1),
        3 => format!("The balls cost {a} cents. Ben pays {} cents. How much money does Ben get back?", a + b),
        4 => format!("Is the number {} odd or even?", a * 3),
        5 => format!("Ben was born on a {day}. What day was it {b} days later?"),
        6 => format!("How many km and m are {} m?", 1000 + a * 61),
        7 => format!("Sort these numbers from largest to smallest: {a}, {b}, {c}."),
        8 => format!("Which number is smaller, {a} or {}?", a + b % 50 + 1),
        9 => format!("How do you spell \"{word}\"?"),
        _ => format!("What is \"{word}\" backwards?"),
    }
}
