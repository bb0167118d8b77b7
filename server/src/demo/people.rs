//! Chance that repeats itself, and names that nobody has.

use chrono::{DateTime, Utc};
use uuid::Uuid;

/// A sequence of numbers that follows from its seed alone (SplitMix64), so
/// that everybody's demonstration county has the same people.
pub(super) struct Chance(u64);

impl Chance {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number from 0 to below `end`; 0 when there is none.
    pub(super) fn below(&mut self, end: u32) -> u32 {
        u32::try_from(self.next() % u64::from(end.max(1))).unwrap_or_default()
    }

    /// A number from `from` to `to`, both included.
    pub(super) fn between(&mut self, from: u32, to: u32) -> u32 {
        from + self.below(to.saturating_sub(from) + 1)
    }

    /// True so often in a hundred.
    pub(super) fn percent(&mut self, percent: u32) -> bool {
        self.below(100) < percent
    }

    /// One of several.
    pub(super) fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        let at = self.below(u32::try_from(from.len()).unwrap_or(u32::MAX));
        from.get(usize::try_from(at).unwrap_or_default()).copied().unwrap_or_default()
    }

    /// One of several, each as often as its weight says.
    pub(super) fn weighted<'a>(&mut self, from: &[(&'a str, u32)]) -> &'a str {
        let mut left = self.below(from.iter().map(|(_, weight)| weight).sum());
        for (word, weight) in from {
            if left < *weight {
                return word;
            }
            left -= weight;
        }
        ""
    }

    /// An identifier that sorts by `at`, as all identifiers do.
    pub(super) fn identifier(&mut self, at: DateTime<Utc>) -> Uuid {
        let mut random = [0_u8; 10];
        for (byte, of_number) in
            random.iter_mut().zip(self.next().to_be_bytes().into_iter().chain(self.next().to_be_bytes()))
        {
            *byte = of_number;
        }
        let milliseconds = u64::try_from(at.timestamp_millis()).unwrap_or_default();
        uuid::Builder::from_unix_timestamp_millis(milliseconds, &random).into_uuid()
    }
}

const SURNAMES: &[&str] = &[
    "王", "李", "张", "刘", "陈", "杨", "赵", "黄", "周", "吴", "徐", "孙", "马", "朱", "胡", "郭", "何",
    "林", "高", "罗", "郑", "梁", "谢", "宋", "唐", "许", "邓", "冯", "韩", "曹", "曾", "彭", "萧", "蔡",
    "潘", "田", "董", "袁", "于", "余",
];
/// In the middle of every name: 示例 means example, so that nobody takes the
/// people for real.
const MARKS: &[&str] = &["示", "例"];
const WOMEN: &[&str] = &[
    "兰", "英", "秀", "芳", "桂", "珍", "莲", "梅", "香", "玉", "琴", "凤", "霞", "巧", "云", "花", "娥",
    "菊", "淑", "翠",
];
const MEN: &[&str] = &[
    "国", "建", "德", "福", "荣", "忠", "义", "山", "林", "海", "田", "生", "贵", "发", "才", "平", "军",
    "文", "武", "明",
];

/// Makes names, none of them twice.
pub(super) struct Names {
    given: std::collections::BTreeSet<String>,
}

impl Names {
    pub(super) fn new() -> Self {
        Self { given: std::collections::BTreeSet::new() }
    }

    /// A full name.
    pub(super) fn of(&mut self, chance: &mut Chance, woman: bool) -> String {
        let surname = chance.pick(SURNAMES);
        self.with_surname(chance, surname, woman)
    }

    /// A relative's name.
    pub(super) fn with_surname(&mut self, chance: &mut Chance, surname: &str, woman: bool) -> String {
        let last = if woman { WOMEN } else { MEN };
        let mut name = String::new();
        // There are far more names than people; a family that has used up
        // its own shares one.
        for _ in 0..64 {
            name = format!("{surname}{}{}", chance.pick(MARKS), chance.pick(last));
            if self.given.insert(name.clone()) {
                break;
            }
        }
        name
    }
}

/// A telephone number of the area code 000, which does not exist.
pub(super) fn telephone(chance: &mut Chance) -> String {
    format!("000-{:08}", chance.below(100_000_000))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_people_and_no_name_twice() {
        let people = |seed| {
            let (mut chance, mut names) = (Chance::new(seed), Names::new());
            (0..400).map(|index| names.of(&mut chance, index % 2 == 0)).collect::<Vec<_>>()
        };
        assert_eq!(people(1), people(1));
        assert_ne!(people(1), people(2));
        let distinct: std::collections::BTreeSet<_> = people(1).into_iter().collect();
        assert_eq!(distinct.len(), 400);
        assert!(distinct.iter().all(|name| name.contains(['示', '例'])));
    }

    #[test]
    fn weights_are_kept() {
        let mut chance = Chance::new(3);
        let often = (0..1000).filter(|_| chance.weighted(&[("a", 9), ("b", 1)]) == "a").count();
        assert!((850..950).contains(&often), "{often}");
    }
}
