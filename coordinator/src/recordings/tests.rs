use super::{parts::Growing, *};

const MIB: usize = 1 << 20;

fn json(bytes: usize) -> Option<Parts> {
    let mut growing = Growing::default();
    growing.push(&"x".repeat(bytes));
    Some(growing.finish())
}

fn lengths(recordings: &Recordings, key: Option<&str>, ids: &[&str]) -> Vec<Option<usize>> {
    ids.iter().map(|id| recordings.get(id, key).ok().map(|parts| parts.bytes())).collect()
}

#[test]
fn a_recording_is_found_by_its_id_and_its_key_alone() {
    let recordings = Recordings::new(MIB);
    recordings.keep("1".into(), Some("ada".into()), json(1));
    recordings.keep("1".into(), None, json(2));
    recordings.keep("1".into(), None, json(3));
    assert_eq!(lengths(&recordings, Some("ada"), &["1"]), [Some(1)]);
    assert_eq!(lengths(&recordings, None, &["1"]), [Some(3)]);
    assert_eq!(recordings.get("1", Some("bob")), Err(Missing::Unknown));
    assert_eq!(recordings.get("2", None), Err(Missing::Unknown));
}

#[test]
fn the_oldest_make_room() {
    let recordings = Recordings::new(MIB);
    for id in ["1", "2", "3"] {
        recordings.keep(id.into(), None, json(MIB / 5 * 2));
    }
    let kept = Some(MIB / 5 * 2);
    assert_eq!(lengths(&recordings, None, &["1", "2", "3"]), [None, kept, kept]);
}

#[test]
fn who_holds_the_most_makes_room_and_nobody_else() {
    let recordings = Recordings::new(MIB);
    recordings.keep("a".into(), Some("ada".into()), json(MIB / 4));
    for id in ["1", "2", "3", "4"] {
        recordings.keep(id.into(), Some("bob".into()), json(MIB / 4));
    }
    assert_eq!(lengths(&recordings, Some("ada"), &["a"]), [Some(MIB / 4)]);
    assert_eq!(lengths(&recordings, Some("bob"), &["1", "2", "4"]), [None, None, Some(MIB / 4)]);
}

#[test]
fn that_one_was_too_large_is_remembered_instead_of_it() {
    let recordings = Recordings::new(32 * MIB);
    recordings.keep("1".into(), None, None);
    assert_eq!(recordings.get("1", None), Err(Missing::TooLarge(4 * MIB)));
}

#[test]
fn parts_are_cut_between_characters_and_none_is_larger_than_a_message_may_be() {
    let text = format!("a{}", "é".repeat(3 * MIB / 4));
    let mut growing = Growing::default();
    growing.push(&text);
    let mut more = Growing::default();
    more.push("end");
    growing.append(more);
    let parts = growing.finish();
    let each: Vec<Arc<str>> = parts.each().collect();
    assert_eq!(each.iter().map(|part| part.len()).collect::<Vec<_>>(), [MIB - 1, MIB / 2 + 5]);
    assert_eq!((each.concat(), parts.bytes()), (format!("{text}end"), text.len() + 3));
}
