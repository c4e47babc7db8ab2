use super::letter;

#[test]
fn the_letter_is_found_however_it_is_given() {
    for text in [
        "B",
        "b",
        "B.",
        "B\n",
        "(B)",
        "b) Light energy",
        "B: light",
        "[B]",
        "**B**",
        "**B.** Light",
        "Option B",
        "B is right.",
        "B - light",
        "B Light energy",
        "B because A is wrong",
        "The answer is B",
        "The answer is B because of light.",
        "The answer is (B).",
        "The correct answer is option B.",
        "The correct answer is the letter B.",
        "Answer: **B**",
        "**Answer:** B) light",
        "A planet rotates, so the answer is B.",
        "A. is wrong. The answer is B.",
        "I would say \\boxed{B}",
        "The answer is \\(\\text{B}\\)",
        "#### B",
        "I would choose (B), since light is energy.",
        "A cell does this, so option B is right.",
        "答案：B",
        "答案是B选项",
        "答案是Ｂ。",
        "故选B。",
        "应选择 B 项",
        "The answer is B. The answer is clear.",
    ] {
        assert_eq!(letter(text, 4), Some('B'), "{text}");
    }
}

#[test]
fn the_letter_that_is_called_right_or_chosen_counts() {
    for (text, found) in [
        ("A is incorrect. B is correct.", Some('B')),
        ("A is wrong because it is cold, and B is the best answer.", Some('B')),
        ("(A) is false. (C) is clearly correct.", Some('C')),
        ("Option D is right.", Some('D')),
        ("A is not right. D must be correct.", Some('D')),
        ("I'd go with C.", Some('C')),
        ("I would go with option C because it is warm.", Some('C')),
        ("It's C.", Some('C')),
        ("It’s C", Some('C')),
        ("it is **C**.", Some('C')),
        ("It must be (C).", Some('C')),
        ("I choose C, since light is energy.", Some('C')),
        ("It's not C.", None),
        ("I wouldn't go with C.", None),
        ("It's A or B.", None),
        ("It's A good idea.", None),
        ("It's a good idea.", None),
        ("It is I.", None),
        ("It's B cells that do this.", None),
        ("It's C-shaped.", None),
        ("Should be AB", None),
        ("A is incorrect.", None),
        ("B. is wrong", None),
        ("C is a gas at room temperature.", None),
        ("I think D is right.", Some('D')),
        ("Vitamin C is the best known.", None),
        ("Plan B is right there.", None),
    ] {
        assert_eq!(letter(text, 9), found, "{text}");
    }
}

#[test]
fn a_and_i_are_words_where_they_could_be() {
    for (text, options, found) in [
        ("A", 4, Some('A')),
        ("A.", 4, Some('A')),
        ("A is correct", 4, Some('A')),
        ("The answer is A because", 4, Some('A')),
        ("The answer is A since it is warm", 4, Some('A')),
        ("The answer is A.", 4, Some('A')),
        ("Answer: A) change", 4, Some('A')),
        ("Answer: A\nIt is warm.", 4, Some('A')),
        ("Answer: A change in the environment", 4, None),
        ("The answer is A DNA strand.", 4, None),
        ("The answer is not A.", 4, None),
        ("The answer is a cell", 4, None),
        ("A planet rotates", 4, None),
        ("A-level questions", 4, None),
        ("I think so", 9, None),
        ("I", 9, Some('I')),
        ("I'm not sure", 9, None),
        ("(I)", 9, Some('I')),
    ] {
        assert_eq!(letter(text, options), found, "{text}");
    }
}

#[test]
fn what_names_no_option_or_several_has_no_letter() {
    for text in [
        "",
        " ",
        "E",
        "Because",
        "Photosynthesis",
        "(A) and (B) are right",
        "A, B",
        "The answer is A or B.",
        "answer:",
        "42",
        "(",
        "Babies",
    ] {
        assert_eq!(letter(text, 4), None, "{text}");
    }
    assert_eq!(letter("D", 3), None);
}
