use proptest::prelude::*;

use super::*;

/// Appends `tokens` from the start, as a sequence does.
fn fill(cache: &mut Cache, tokens: &[u32]) -> Vec<u32> {
    let mut path = cache.longest_prefix(Root::Short, tokens);
    cache.hold(&path);
    for token in &tokens[path.len()..] {
        path.push(cache.append(Root::Short, &path, *token).unwrap().slot);
    }
    path
}

#[test]
fn a_prefix_is_found_token_by_token() {
    let mut cache = Cache::new(8);
    let path = fill(&mut cache, &[1, 2, 3]);
    assert_eq!(cache.longest_prefix(Root::Short, &[1, 2, 3, 4]), path);
    assert_eq!(cache.longest_prefix(Root::Short, &[1, 2, 9]), path[..2]);
    assert!(cache.longest_prefix(Root::Short, &[2]).is_empty());
}

#[test]
fn the_two_tries_share_slots_but_no_node() {
    let mut cache = Cache::new(2);
    let short = cache.append(Root::Short, &[], 7).unwrap();
    let long = cache.append(Root::Long, &[], 7).unwrap();
    assert!(short.fresh && long.fresh && short.slot != long.slot);
    assert_eq!(cache.longest_prefix(Root::Short, &[7]), [short.slot]);
    assert_eq!(cache.longest_prefix(Root::Long, &[7]), [long.slot]);
    assert_eq!(cache.append(Root::Long, &[], 8), None);
    cache.release(&[short.slot]);
    assert!(cache.append(Root::Long, &[long.slot], 7).unwrap().fresh);
    assert!(cache.longest_prefix(Root::Short, &[7]).is_empty());
    cache.assert_sound();
}

#[test]
fn an_equal_token_is_shared_and_not_written_twice() {
    let mut cache = Cache::new(8);
    let first = cache.append(Root::Short, &[], 7).unwrap();
    let second = cache.append(Root::Short, &[], 7).unwrap();
    assert!(first.fresh && !second.fresh);
    assert_eq!(first.slot, second.slot);
    assert_eq!(cache.available(), 7);
}

#[test]
fn the_least_recently_used_leaf_goes_first_then_its_parent() {
    let mut cache = Cache::new(4);
    let old = fill(&mut cache, &[1, 2]);
    let young = fill(&mut cache, &[3, 4]);
    cache.release(&old);
    cache.release(&young);
    let held = fill(&mut cache, &[5]);
    assert_eq!(cache.longest_prefix(Root::Short, &[1, 2]).len(), 1);
    let more = fill(&mut cache, &[6]);
    assert_eq!(cache.longest_prefix(Root::Short, &[1, 2]).len(), 0);
    assert_eq!(cache.longest_prefix(Root::Short, &[3, 4]).len(), 2);
    assert_eq!((held.len(), more.len()), (1, 1));
}

#[test]
fn use_makes_young() {
    let mut cache = Cache::new(2);
    for tokens in [[1], [2]] {
        let path = fill(&mut cache, &tokens);
        cache.release(&path);
    }
    let path = fill(&mut cache, &[1]);
    cache.release(&path);
    fill(&mut cache, &[3]);
    assert_eq!((cache.longest_prefix(Root::Short, &[1]).len(), cache.longest_prefix(Root::Short, &[2]).len()), (1, 0));
}

#[test]
fn held_paths_are_never_evicted_and_full_says_so() {
    let mut cache = Cache::new(3);
    let path = fill(&mut cache, &[1, 2, 3]);
    assert_eq!(cache.append(Root::Short, &path, 4), None);
    assert_eq!(cache.append(Root::Short, &[], 9), None);
    assert_eq!(cache.longest_prefix(Root::Short, &[1, 2, 3]), path);
    cache.release(&path);
    assert!(cache.append(Root::Short, &[], 9).unwrap().fresh);
}

#[test]
fn clearing_forgets_everything() {
    let mut cache = Cache::new(2);
    let path = fill(&mut cache, &[1, 2]);
    cache.release(&path);
    cache.clear();
    assert!(cache.longest_prefix(Root::Short, &[1]).is_empty());
    assert_eq!(cache.available(), 2);
}

impl Cache {
    /// Everything the module comment promises, recomputed from the nodes.
    pub(in crate::engine) fn assert_sound(&self) {
        assert!(self.nodes.len() <= self.capacity);
        assert_eq!(self.children.len(), self.nodes.len(), "a slot in two places or in none");
        let mut children = vec![0; self.nodes.len()];
        for ((parent, token), slot) in &self.children {
            let node = &self.nodes[*slot as usize];
            assert_eq!((node.parent, node.token), (*parent, *token));
            if *parent < Root::Short as u32 {
                children[*parent as usize] += 1;
                assert!(self.nodes[*parent as usize].holders >= node.holders, "a held node under one that is not");
            }
        }
        for (slot, (node, children)) in (0u32..).zip(self.nodes.iter().zip(children)) {
            assert_eq!(node.children, children);
            let evictable = node.children == 0 && node.holders == 0;
            assert_eq!(self.evictable.contains(&(node.last_used, slot)), evictable);
        }
        assert!(self.evictable.len() <= self.nodes.len());
        assert_eq!(self.held, self.nodes.iter().filter(|node| node.holders > 0).count());
        assert!(self.held == self.nodes.len() || !self.evictable.is_empty(), "unheld nodes, none evictable");
    }
}

proptest! {
    #[test]
    fn any_mix_of_sequences_keeps_the_cache_sound(
        capacity in 1usize..24,
        steps in prop::collection::vec((0usize..4, prop::collection::vec(0u32..3, 1..10)), 1..80),
    ) {
        let mut cache = Cache::new(capacity);
        let mut running: Vec<Option<Vec<u32>>> = vec![None; 4];
        for (who, tokens) in steps {
            if let Some(path) = running[who].take() {
                cache.release(&path);
                cache.assert_sound();
                continue;
            }
            let mut path = cache.longest_prefix(Root::Short, &tokens);
            cache.hold(&path);
            for token in &tokens[path.len()..] {
                let others: Vec<u32> = running.iter().flatten().flatten().copied().collect();
                match cache.append(Root::Short, &path, *token) {
                    Some(Appended { slot, fresh: true }) => {
                        prop_assert!(!others.contains(&slot) && !path.contains(&slot), "a held slot to write");
                        path.push(slot);
                    }
                    Some(Appended { slot, fresh: false }) => path.push(slot),
                    None => {
                        prop_assert_eq!(cache.available(), 0);
                        break;
                    }
                }
            }
            running[who] = Some(path);
            cache.assert_sound();
        }
        for path in running.into_iter().flatten() {
            cache.release(&path);
        }
        cache.assert_sound();
        prop_assert_eq!(cache.available(), capacity);
    }
}
