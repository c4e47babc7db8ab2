use super::{canonical, extract, is_answered, same, stated};

#[test]
fn an_answer_is_found_however_it_is_stated() {
    for (text, answer) in [
        ("6 * 3 = 18\n#### 18", "18"),
        ("#### $1,250", "$1,250"),
        ("So \\boxed{42}.", "42"),
        ("\\boxed{\\frac{1}{2}}", "\\frac{1}{2}"),
        ("The final answer is $\\boxed{7}$.", "7"),
        ("We add. The answer is 83.", "83"),
        ("the answer is: 3.5. Good luck", "3.5"),
        ("The answer is 3 days.", "3 days"),
        ("So the answer is 27, 56, 62.", "27, 56, 62"),
        ("The answer is t, i, b, b, a, r.", "t, i, b, b, a, r"),
        ("Answer: Tuesday", "Tuesday"),
        ("(So the answer is Tuesday.)", "Tuesday"),
        ("(The answer is Tuesday)", "Tuesday"),
        ("The answer is (1, 2).", "(1, 2)"),
        ("#### 2. Add up\n16 + 2 = 18 eggs", "18"),
        ("**Answer:** 12\n", "12"),
        ("**Answer**: 12", "12"),
        ("Answer:\n\n\\[\n42\n\\]", "42"),
        ("答案是42。", "42"),
        ("所以答案为 3 天。", "3 天"),
        ("答案：B", "B"),
        ("First 3, then 1,200 apples, not x2.", "1,200"),
        ("共 １２ 个", "12"),
    ] {
        assert_eq!(extract(text).as_deref(), Some(answer), "{text}");
    }
}

#[test]
fn the_last_statement_counts() {
    assert_eq!(extract("The answer is 5. No, the answer is 6.").as_deref(), Some("6"));
    assert_eq!(extract("The answer is 5.\n#### Why\nBecause 2 + 3.").as_deref(), Some("5"));
    assert_eq!(stated("Answer: 1\nAnswer: 2"), ["1", "2"]);
}

#[test]
fn a_text_without_statement_or_number_has_no_answer() {
    for text in ["", "I do not know.", "I know what the answer is.", "The answer isn't here", "\\boxed{", "答案"] {
        assert_eq!(extract(text), None, "{text}");
    }
}

#[test]
fn numbers_are_equal_as_numbers() {
    for (a, b) in [
        ("1,000", "1000"),
        ("1000.0", "1000"),
        ("$18", "18"),
        ("18 dollars", "18"),
        ("-0", "0"),
        ("−5", "-5"),
        (".50", "0.5"),
        ("50%", "50"),
        ("9 + 9 = 18", "18"),
        ("18 of the 20 eggs", "18"),
        ("1,000 days", "1000 days"),
        ("\\$1,000", "1000"),
        ("18 %", "18%"),
        ("18 \\%", "18\\%"),
        ("3km", "3 km"),
        ("3天", "3 天"),
        ("1/2", "\\frac{1}{2}"),
        ("1/2", "0.5"),
        ("$\\dfrac{1}{2}$", "0.5"),
        ("12/4", "3"),
        ("-1/8", "-0.125"),
        ("20, not 18", "20"),
        ("18, which is more than 12", "18"),
        ("2 + 3 = 5 = 5", "5"),
    ] {
        assert!(same(a, b) && same(b, a), "{a} and {b}");
    }
    for (a, b) in [
        ("18", "19"),
        ("5", "-5"),
        ("27, 56, 62", "27"),
        ("2:30", "2"),
        ("3 and 4", "3"),
        ("3 hours and 20 minutes", "3"),
        ("1.5", "15"),
        ("not 18", "18"),
        ("less than 18", "18"),
        ("x <= 18", "18"),
        ("x = 3, y = 4", "4"),
        ("x = 3 and y = 4", "4"),
        ("1/3", "0.333"),
        ("1/2", "0.05"),
        ("1/0", "0"),
        ("3/4/2020", "0.75"),
        ("3/4", "6/8"),
        ("3/4 hours, 1/2", "0.75"),
        ("", "0"),
    ] {
        assert!(!same(a, b) && !same(b, a), "{a} and {b}");
    }
}

#[test]
fn words_are_equal_but_for_case_space_and_full_stop() {
    for (a, b) in [
        ("Tuesday.", "tuesday"),
        ("27,56,62", "27, 56,  62"),
        ("\"rabbit\"", "rabbit"),
        ("**3 days**", "3 days"),
        ("\\text{odd}", "odd"),
    ] {
        assert_eq!(canonical(a), canonical(b));
    }
    assert!(!same("3 days", "3 weeks"));
    assert!(!same("t, i, b", "t, i, b, b"));
}

#[test]
fn a_text_is_compared_by_what_it_concludes() {
    assert!(is_answered("16 - 3 = 13. The answer is 13 eggs.", "13"));
    assert!(is_answered("It is 13 - 4 = 9", "9"));
    assert!(is_answered("Tuesday.", "Tuesday"));
    assert!(!is_answered("She has 16 eggs and eats 3", "16"));
    assert!(!is_answered("The answer is 12. There are 13.", "13"));
    assert!(!is_answered("", "13"));
    assert!(!is_answered("The answer is not 18.", "18"));
    assert!(!is_answered("The answer is less than 18.", "18"));
    assert!(!is_answered("It isn't 18", "18"));
    assert!(is_answered("The answer is not 18 but 20.", "20"));
    assert!(is_answered("So it is 1/2.", "0.5") && is_answered("So it is 1/2.", "\\frac{1}{2}"));
    assert!(!is_answered("So it is 1/2.", "2") && !is_answered("On 3/4/2020", "2020"));
    assert!(is_answered("The answer is 3/4/2020.", "3/4/2020"));
}
