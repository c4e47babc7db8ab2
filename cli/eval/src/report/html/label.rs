//! Where the names of points go, so that no two lie over each other or over a point. A name without room is left out.

/// Of a letter in a plot's type, on average and a little more.
const LETTER: f64 = 6.6;
const HEIGHT: f64 = 13.0;
/// Half the side of a point's mark, and a little air.
const MARK: f64 = 7.0;

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Area {
    pub(super) left: f64,
    pub(super) top: f64,
    pub(super) right: f64,
    pub(super) bottom: f64,
}

impl Area {
    fn around(x: f64, y: f64) -> Self {
        Self { left: x - MARK, top: y - MARK, right: x + MARK, bottom: y + MARK }
    }

    fn meets(&self, other: &Self) -> bool {
        self.left < other.right && other.left < self.right && self.top < other.bottom && other.top < self.bottom
    }

    fn holds(&self, other: &Self) -> bool {
        self.left <= other.left && self.top <= other.top && self.right >= other.right && self.bottom >= other.bottom
    }

    /// Where the text starts: its left end and its baseline.
    pub(super) fn start(&self) -> (f64, f64) {
        (self.left, self.bottom - 3.0)
    }
}

/// `names`: a name with its point, the most important first. As many places as names.
pub(super) fn place(names: &[(&str, f64, f64)], inside: Area) -> Vec<Option<Area>> {
    let marks: Vec<Area> = names.iter().map(|(_, x, y)| Area::around(*x, *y)).collect();
    let mut taken: Vec<Area> = Vec::new();
    let mut places = Vec::new();
    for (number, (name, x, y)) in names.iter().enumerate() {
        let free = |area: &Area| {
            let others = marks.iter().enumerate().filter(|(other, _)| *other != number).map(|(_, mark)| mark);
            inside.holds(area) && !taken.iter().chain(others).any(|other| other.meets(area))
        };
        let place = candidates(width(name), *x, *y).into_iter().find(free);
        taken.extend(place);
        places.push(place);
    }
    places
}

pub(super) fn width(name: &str) -> f64 {
    name.chars().count() as f64 * LETTER
}

/// Beside the point, over and under it, and at its corners, the best first.
fn candidates(width: f64, x: f64, y: f64) -> [Area; 8] {
    let at = |left: f64, middle: f64| Area {
        left,
        top: middle - HEIGHT / 2.0,
        right: left + width,
        bottom: middle + HEIGHT / 2.0,
    };
    let (right, left, centre) = (x + MARK + 2.0, x - MARK - 2.0 - width, x - width / 2.0);
    let (above, below) = (y - MARK - HEIGHT / 2.0, y + MARK + HEIGHT / 2.0);
    [
        at(right, y),
        at(left, y),
        at(centre, above),
        at(centre, below),
        at(right - 4.0, above + 3.0),
        at(right - 4.0, below - 3.0),
        at(left + 4.0, above + 3.0),
        at(left + 4.0, below - 3.0),
    ]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const INSIDE: Area = Area { left: 0.0, top: 0.0, right: 500.0, bottom: 300.0 };

    #[test]
    fn a_lone_name_stands_to_the_right_and_at_the_edge_to_the_left() {
        let place = |x| place(&[("fuse", x, 100.0)], INSIDE)[0].unwrap();
        assert!(place(250.0).left > 250.0);
        assert!(place(490.0).right < 490.0);
    }

    proptest! {
        #[test]
        fn names_never_lie_over_each_other_or_over_a_point(
            points in proptest::collection::vec((0.0..500.0f64, 0.0..300.0f64, 1usize..30), 0..40),
        ) {
            let texts: Vec<String> = points.iter().map(|(_, _, length)| "n".repeat(*length)).collect();
            let names: Vec<_> = texts.iter().zip(&points).map(|(text, (x, y, _))| (text.as_str(), *x, *y)).collect();
            let places = place(&names, INSIDE);
            prop_assert_eq!(places.len(), names.len());
            for (number, area) in places.iter().enumerate() {
                let Some(area) = area else { continue };
                prop_assert!(INSIDE.holds(area));
                prop_assert!(!places[..number].iter().flatten().any(|other| other.meets(area)));
                for (other, (_, x, y)) in names.iter().enumerate() {
                    prop_assert!(other == number || !Area::around(*x, *y).meets(area));
                }
            }
        }
    }
}
