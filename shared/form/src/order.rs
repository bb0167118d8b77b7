//! Sorting and gathering that cost little code.
//!
//! `sort_by` and `collect` into a map or set compile a merge sort for each
//! type they meet, some 4 KB each in a phone's app. Here one sort, of
//! positions, serves every type; what is sorted is small.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

/// Sorts; what compares equal keeps its order.
pub fn sort_by<T>(items: &mut Vec<T>, compare: impl Fn(&T, &T) -> Ordering) {
    let positions = positions(items.len(), &|left, right| compare(&items[left], &items[right]));
    let mut taken: Vec<Option<T>> = Vec::with_capacity(items.len());
    for item in items.drain(..) {
        taken.push(Some(item));
    }
    for position in positions {
        if let Some(item) = taken[position].take() {
            items.push(item);
        }
    }
}

/// Sorts by a key; what has the same key keeps its order.
pub fn sort_by_key<T, K: Ord>(items: &mut Vec<T>, key: impl Fn(&T) -> K) {
    sort_by(items, |left, right| key(left).cmp(&key(right)));
}

/// A map of these entries; of two with one key the later stays.
pub fn map_of<K: Ord, V>(entries: impl IntoIterator<Item = (K, V)>) -> BTreeMap<K, V> {
    let mut map = BTreeMap::new();
    for (key, value) in entries {
        map.insert(key, value);
    }
    map
}

/// A set of these.
pub fn set_of<T: Ord>(items: impl IntoIterator<Item = T>) -> BTreeSet<T> {
    let mut set = BTreeSet::new();
    for item in items {
        set.insert(item);
    }
    set
}

/// The positions below `len` in the order of what stands there.
fn positions(len: usize, compare: &dyn Fn(usize, usize) -> Ordering) -> Vec<usize> {
    let mut positions: Vec<usize> = (0..len).collect();
    positions.sort_by(|left, right| compare(*left, *right));
    positions
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equals_keep_their_order() {
        let mut words = vec!["pear", "fig", "plum", "date", "apple", "kiwi"];
        sort_by_key(&mut words, |word| word.len());
        assert_eq!(words, ["fig", "pear", "plum", "date", "kiwi", "apple"]);
        sort_by(&mut words, |left, right| right.cmp(left));
        assert_eq!(words, ["plum", "pear", "kiwi", "fig", "date", "apple"]);
        let mut nothing: Vec<u8> = Vec::new();
        sort_by_key(&mut nothing, |number| *number);
        assert!(nothing.is_empty());
    }

    #[test]
    fn maps_and_sets_are_those_of_collect() {
        let entries = [(2, "b"), (1, "a"), (2, "c")];
        assert_eq!(map_of(entries), entries.into_iter().collect());
        assert_eq!(set_of([3, 1, 3]), [1, 3].into_iter().collect());
    }
}
