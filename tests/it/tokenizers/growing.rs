//! Texts that grow, read with a memory, against the same texts encoded and decoded as a whole: on every real tokenizer the same.

use std::{fs, hint::black_box, path::PathBuf, time::Instant};

use rand::{Rng, SeedableRng, seq::IndexedRandom};
use rand_chacha::ChaCha8Rng;
use serde_json::Value;
use specfuse_tests::golden;
use specfuse_worker::tokenizer::{Tokenizer, added};

/// Words and the like, as they follow each other in answers; special tokens are added to them.
const PARTS: [&str; 74] = [
    " the",
    " and",
    "word",
    " Hello",
    "'s",
    "'T",
    " don't",
    " 12",
    "345678",
    "0",
    " ",
    "  ",
    "\t",
    "\n",
    "\n\n",
    "\r\n",
    " \n ",
    "。",
    "，",
    "、",
    "你好",
    "，世界",
    "我们。\n",
    "日本語です",
    "カタカナ",
    "한국어",
    "é",
    "e\u{301}",
    "\u{301}",
    "\u{308}",
    "n\u{303}a",
    "ﬁ",
    "Ａ",
    "🎉",
    "👩\u{200d}👧",
    "🏳\u{fe0f}",
    "мир",
    " Привет,",
    "straße",
    "ΑΒγ",
    "ệ",
    "e\u{323}\u{302}",
    "\u{a0}",
    "\u{3000}",
    "▁",
    " ▁a",
    "_",
    "{\n  \"key\": [1, 2.5]\n}",
    "```rust\nfn main() {}\n```",
    "...",
    "!?",
    " — ",
    "“q”",
    "<",
    "|",
    ">",
    "http://a.b/c?d=e&f",
    "a=b;",
    "\u{0}",
    "\u{ad}",
    "\u{200b}",
    "ᄒ",
    "\u{1161}",
    "ά",
    " είναι ζωή",
    " Ёлка її",
    " שלום",
    "עוֹלָם",
    " السلام عليكم",
    "،َ",
    " گفت که",
    "घर में एक",
    "\u{93c}",
    " สวัสดี ครับ",
];

/// A tokenizer by name, and its added tokens as they are written.
struct Kind {
    name: String,
    tokenizer: Tokenizer,
    added: Vec<String>,
}

/// Every tokenizer there is.
fn all() -> Vec<Kind> {
    let models = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../models");
    let roots = [golden::sibling("tokenizers"), golden::sibling("real-models"), Some(models)];
    let folders = roots.into_iter().flatten().flat_map(|root| fs::read_dir(root).unwrap());
    let mut folders: Vec<PathBuf> = folders.map(|entry| entry.unwrap().path()).collect();
    folders.sort();
    let kind = |folder: &PathBuf| {
        let tokenizer = Tokenizer::load(folder).ok()?;
        let file: Value = serde_json::from_slice(&fs::read(folder.join("tokenizer.json")).unwrap()).unwrap();
        let added =
            file["added_tokens"].as_array().unwrap().iter().map(|token| token["content"].as_str().unwrap().into());
        let name = folder.file_name().unwrap().to_string_lossy().into_owned();
        Some(Kind { name, tokenizer, added: added.collect() })
    };
    folders.iter().filter_map(kind).collect()
}

struct Writer<'a> {
    rng: ChaCha8Rng,
    added: &'a [String],
}

impl Writer<'_> {
    fn part(&mut self) -> String {
        match self.rng.random_range(0..40) {
            // A special token, whole or cut short: what follows may complete it.
            0 if !self.added.is_empty() => {
                let token = self.added.choose(&mut self.rng).unwrap().clone();
                let length = self.rng.random_range(1..=token.chars().count());
                if self.rng.random() { token } else { token.chars().take(length).collect() }
            }
            1 => " ".repeat(self.rng.random_range(1..40)),
            2..20 => [" of", " a", " plain", " sentence", " that", " goes", " on", ",", "."]
                .choose(&mut self.rng)
                .unwrap()
                .to_string(),
            _ => (*PARTS.choose(&mut self.rng).unwrap()).to_owned(),
        }
    }

    fn text(&mut self, parts: usize) -> String {
        (0..parts).map(|_| self.part()).collect()
    }
}

fn assert_same(name: &str, tokenizer: &Tokenizer, text: &str, drawn: &[u32]) {
    for add_special in [false, true] {
        let read = tokenizer.read(text, add_special).unwrap();
        let whole = tokenizer.encode(text, add_special).unwrap();
        assert!(read.ids == whole, "{name}: {text:?} is read as {:?}, not {whole:?}", read.ids);
        let Some(tail) = read.tail else { continue };
        let (before, after) = (tokenizer.decode(&whole, true).unwrap(), [whole.as_slice(), drawn].concat());
        assert_eq!(before, text, "{name}");
        let after = tokenizer.decode(&after, true).unwrap();
        let expected = added(&after, &before);
        assert_eq!(tokenizer.decode_after(&tail, drawn).unwrap(), expected, "{name}: {drawn:?} after {text:?}");
    }
}

#[test]
fn texts_are_read_as_they_are_encoded_whatever_was_read_before() {
    for (seed, Kind { name, tokenizer, added }) in (0u64..).zip(all()) {
        let mut writer = Writer { rng: ChaCha8Rng::seed_from_u64(seed), added: &added };
        let parts = [0, 3, 40, 150, 300, 600];
        for round in 0..18 {
            let mut text = writer.text(parts[round % parts.len()]);
            for _ in 0..30 {
                let drawn: Vec<u32> =
                    (0..3).map(|_| writer.rng.random_range(0..=tokenizer.highest_base_id())).collect();
                assert_same(&name, &tokenizer, &text, &drawn);
                match writer.rng.random_range(0..10) {
                    // Another answer that begins alike.
                    0 => {
                        let mut cut = writer.rng.random_range(0..=text.len());
                        cut = text.floor_char_boundary(cut);
                        text.truncate(cut);
                    }
                    _ => {
                        let parts = writer.rng.random_range(1..12);
                        text.push_str(&writer.text(parts));
                    }
                }
            }
        }
    }
}

/// Microseconds of a call's text work at 8,000 tokens of accepted text. Run with `--ignored --nocapture`.
#[test]
#[ignore = "measures"]
fn text_work_at_eight_thousand_tokens() {
    println!(
        "{:32} {:>8} {:>8} {:>8} {:>8} {:>8} {:>8}",
        "tokenizer", "whole", "first", "next", "again", "decode", "whole"
    );
    for Kind { name, tokenizer, .. } in all() {
        for (kind, sentence) in [
            ("english", " The quick brown fox number {} jumps over 2 lazy dogs, isn't it?\n"),
            ("chinese", "床前明月光，疑是地上霜{}。"),
            ("greek", " Η γρήγορη αλεπού {} πηδάει πάνω από το σκυλί.\n"),
            ("arabic", " الثعلب البني السريع {} يقفز فوق الكلب الكسول.\n"),
            ("hebrew", " השועל החום המהיר {} קופץ מעל הכלב העצלן.\n"),
            ("hindi", " तेज़ भूरी लोमड़ी {} आलसी कुत्ते के ऊपर कूदती है।\n"),
            ("thai", " สุนัขจิ้งจอก {} สีน้ำตาล กระโดดข้าม สุนัขขี้เกียจ\n"),
        ] {
            println!("{}", measured(&format!("{name} {kind}"), &tokenizer, sentence));
        }
    }
}

fn measured(name: &str, tokenizer: &Tokenizer, sentence: &str) -> String {
    let mut text = String::new();
    for number in 0.. {
        text.push_str(&sentence.replace("{}", &number.to_string()));
        if number % 100 == 0 && tokenizer.encode(&text, false).unwrap().len() >= 8_000 {
            break;
        }
    }
    let micros = |work: &mut dyn FnMut()| {
        let start = Instant::now();
        work();
        start.elapsed().as_secs_f64() * 1e6
    };
    let whole = micros(&mut || _ = black_box(tokenizer.encode(&text, false)));
    let first = micros(&mut || _ = black_box(tokenizer.read(&text, false)));
    let mut next = 0.0;
    for _ in 0..20 {
        text.push_str(" and ten more tokens of text, as a round");
        next += micros(&mut || _ = black_box(tokenizer.read(&text, false))) / 20.0;
    }
    let again = micros(&mut || _ = black_box(tokenizer.read(&text, false)));
    let read = tokenizer.read(&text, false).unwrap();
    let drawn = tokenizer.encode(" and what was drawn", false).unwrap();
    let decode = micros(&mut || _ = black_box(read.tail.as_ref().map(|tail| tokenizer.decode_after(tail, &drawn))));
    let decode_whole = micros(&mut || _ = black_box(tokenizer.decode(&[read.ids.as_slice(), &drawn].concat(), true)));
    format!("{name:32} {whole:8.0} {first:8.0} {next:8.0} {again:8.0} {decode:8.0} {decode_whole:8.0}")
}
