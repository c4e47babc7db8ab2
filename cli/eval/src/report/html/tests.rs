use super::{super::tests::fixture::*, *};
use crate::report::Strategy;

/// Content between `<{element}` and its end, for elements that do not lie in each other.
fn elements<'a>(page: &'a str, element: &str) -> Vec<&'a str> {
    page.split(&format!("<{element}")).skip(1).filter_map(|rest| rest.split(&format!("</{element}>")).next()).collect()
}

#[test]
fn the_page_needs_nothing_but_itself_and_opens_what_it_closes() {
    let (strategies, records) = evaluation(90);
    let page = html(&Report::build(&strategies, &records, 1));
    for outside in ["<script", "http:", "https:", "url(", "@import", "<img", "<link"] {
        assert!(!page.contains(outside), "{outside}");
    }
    assert!(page.contains("prefers-color-scheme: dark") && page.contains("width=device-width"));
    for element in [
        "svg", "g", "line", "rect", "circle", "polygon", "polyline", "text", "title", "desc", "table", "tr", "td",
        "th", "section", "figure", "div", "p", "li",
    ] {
        let opened = page.matches(&format!("<{element}>")).count() + page.matches(&format!("<{element} ")).count();
        assert_eq!(opened, page.matches(&format!("</{element}>")).count(), "{element}");
    }
}

#[test]
fn the_picture_stands_alone() {
    let (strategies, records) = evaluation(90);
    let report = Report::build(&strategies, &records, 1);
    let picture = svg(&report).unwrap();
    assert!(picture.starts_with("<svg xmlns=") && picture.contains("members per round"), "{picture}");
    assert!(!picture.contains("var(") && !picture.contains("<script"));
    for class in ["grid", "front", "mark", "name", "soft", "fuse", "exit"] {
        assert!(STYLE_OF_PICTURE.contains(&format!(".{class} ")) && picture.contains(class), "{class}");
    }
    assert_eq!(svg(&Report::build(&strategies[..3], &records, 1)), None);
}

const STYLE_OF_PICTURE: &str = include_str!("picture.css");

#[test]
fn every_plot_says_in_words_what_it_shows() {
    let (strategies, records) = evaluation(90);
    let report = Report::build(&strategies, &records, 1);
    let page = html(&report);
    let plots: Vec<&str> = elements(&page, "svg").into_iter().filter(|svg| svg.contains("role=\"img\"")).collect();
    assert_eq!(plots.len(), 4);
    for plot in &plots {
        assert!(plot.contains("<title id=") && plot.contains("<desc id="), "{plot}");
    }
    let fused = report.row(FUSE).unwrap();
    let told = format!("fuse {} ({})", percent(fused.quality), interval(fused.low, fused.high));
    assert!(plots[0].contains(&told), "{told}");
    for row in &report.rows {
        assert!(elements(&page, "table")[0].contains(&row.strategy), "{}", row.strategy);
    }
}

#[test]
fn no_text_of_others_is_read_as_markup() {
    let evil = "<script>alert('x')</script>\"&";
    let named =
        [("single/<script>a</script>", "single"), ("fuse", "<script>"), ("exit/<script>", evil), (evil, "vote")];
    let mut records = Vec::new();
    for (place, (name, _)) in named.iter().enumerate() {
        for question in 0..6 {
            let mut record = bare(name, question, f64::from(u8::from(question > place)));
            record.kind = evil.to_owned();
            record.measures = [(evil.to_owned(), 1.0)].into();
            record.error = (question == 5).then(|| evil.to_owned());
            record.won = [(evil.to_owned(), 3)].into();
            record.exits = vec![left(evil, 1, "quality"), left("<script>a</script>", 2, evil)];
            record.cost.rounds = question as u32 + 1;
            records.push(record);
        }
    }
    let page = html(&Report::build(&self::strategies(&named), &records, 1));
    assert!(!page.contains("<script"), "{page}");
    assert!(!page.contains("\"&\"") && !page.contains("alert('x')</"), "{page}");
    for element in ["th", "text", "desc", "title", "li"] {
        assert!(elements(&page, element).iter().any(|content| content.contains("&lt;script&gt;")), "{element}");
    }
}

#[test]
fn a_page_of_nothing_says_so() {
    let page = html(&Report::build(&[], &[], 1));
    assert!(page.contains("0 questions, 0 strategies"), "{page}");
    assert!(page.contains("No member was asked alone"));
    let named = [Strategy { name: "fuse".to_owned(), kind: "fuse".to_owned() }];
    let page = html(&Report::build(&named, &[bare("fuse", 0, 1.0)], 1));
    assert!(page.contains("1 question, 1 strategy"), "{page}");
}
