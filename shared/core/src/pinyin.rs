//! Finding Chinese words by the letters of their pinyin.
//!
//! A phone that is typed on in the field has a name's initials sooner than its
//! characters: `zgh` is 张桂花, and so are `zhanggui`, `gh` and `张gh`. A
//! character counts in each of its readings, so that nobody has to know which
//! one is meant (单 as a surname is *shàn*).

use std::sync::LazyLock;

include!(concat!(env!("OUT_DIR"), "/readings.rs"));

/// As many characters as there are places in a `u64`, but the one for the end.
/// No name is longer.
const TYPED_MAX: usize = 63;

/// Where in [`READINGS`] those of each character begin, from [`FIRST`].
static STARTS: LazyLock<Vec<u16>> = LazyLock::new(|| {
    let begins = |at: usize| at == 0 || READINGS.get(at - 1).is_some_and(|before| before & MORE == 0);
    (0u16..).zip(0..READINGS.len()).filter(|(_, at)| begins(*at)).map(|(start, _)| start).collect()
});

/// How a character may be typed: pinyin without tones, `v` for ü.
fn readings(character: char) -> impl Iterator<Item = &'static str> {
    let place =
        u32::from(character).checked_sub(u32::from(FIRST)).and_then(|place| usize::try_from(place).ok());
    let start = place.and_then(|place| STARTS.get(place)).copied().map(usize::from);
    let mut rest = start.and_then(|start| READINGS.get(start..)).unwrap_or_default().iter();
    let mut more = true;
    std::iter::from_fn(move || {
        if !more {
            return None;
        }
        let reading = rest.next()?;
        more = reading & MORE != 0;
        SYLLABLES.get(usize::from(reading & !MORE)).copied()
    })
}

/// What is compared: without spaces and capitals, full-width letters and digits
/// as plain ones; nor with what keyboards put between syllables, or people
/// between the parts of a name.
pub fn plain(text: &str) -> String {
    text.chars()
        .map(|letter| match letter {
            '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(letter) - 0xfee0).unwrap_or(letter),
            other => other,
        })
        .filter(|letter| !letter.is_whitespace() && !matches!(letter, '\'' | '’' | '·' | '•' | '・'))
        .flat_map(char::to_lowercase)
        .collect()
}

/// Where in a word the letters were found; the better one is the smaller.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Place {
    Start,
    Inside,
}

/// What was typed, ready to be looked for in thousands of words.
///
/// Sets of places in it are bits of a number, so that all the ways to read
/// what was typed are followed at once: each may take the first letter of a
/// syllable, its two (`zh`, `ch`, `sh`) or all of them; the last one, as many
/// as there are.
#[derive(Clone, Debug)]
pub struct Letters {
    /// The places at which each of a to z stands.
    letters: [u64; 26],
    /// Likewise of whatever else was typed: characters, digits.
    others: Vec<(char, u64)>,
    /// The place after the last.
    end: u64,
}

impl Letters {
    /// Reads what was typed, as [`plain`] has it; nothing when there is no letter
    /// in it, or more than any name has.
    pub fn new(typed: &str) -> Option<Self> {
        let mut read = Self { letters: [0; 26], others: Vec::new(), end: 1 };
        for letter in typed.chars() {
            let letter = if letter == 'ü' { 'v' } else { letter };
            match read.letters.get_mut(letter_number(letter)) {
                Some(places) => *places |= read.end,
                None => read.others.push((letter, read.end)),
            }
            read.end <<= 1;
        }
        (typed.chars().count() <= TYPED_MAX && read.letters != [0; 26]).then_some(read)
    }

    /// Where in `word`, as [`plain`] has it, this can be read, if it can.
    pub fn find(&self, word: &str) -> Option<Place> {
        if !self.is_read(word, Place::Inside) {
            None
        } else if self.is_read(word, Place::Start) {
            Some(Place::Start)
        } else {
            Some(Place::Inside)
        }
    }

    fn is_read(&self, word: &str, from: Place) -> bool {
        let mut reached = 1;
        for character in word.chars() {
            reached = self.after(character, reached);
            if reached & self.end != 0 {
                return true;
            }
            match from {
                Place::Inside => reached |= 1,
                Place::Start if reached == 0 => return false,
                Place::Start => {}
            }
        }
        false
    }

    /// The places that are reached from `places` by reading `character`.
    fn after(&self, character: char, places: u64) -> u64 {
        let mut after = (places & self.places(character)) << 1;
        for syllable in readings(character) {
            let mut reached = places;
            for (at, letter) in syllable.char_indices() {
                reached = (reached & self.places(letter)) << 1;
                if reached == 0 {
                    break;
                }
                let is_initial = at == 0 || at == 1 && letter == 'h';
                let is_whole = at + 1 == syllable.len();
                after |= if is_initial || is_whole { reached } else { reached & self.end };
            }
        }
        after
    }

    /// Where `character` was typed. Who types `lu` may well mean 吕.
    fn places(&self, character: char) -> u64 {
        let of = |letter: char| self.letters.get(letter_number(letter)).copied();
        match character {
            'v' => of('v').unwrap_or_default() | of('u').unwrap_or_default(),
            _ => of(character).unwrap_or_else(|| {
                self.others.iter().filter(|(other, _)| *other == character).map(|(_, places)| places).sum()
            }),
        }
    }
}

/// 0 to 25 for a to z, more for all else.
fn letter_number(character: char) -> usize {
    u32::from(character)
        .checked_sub(u32::from('a'))
        .and_then(|number| usize::try_from(number).ok())
        .unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(typed: &str, word: &str) -> Option<Place> {
        Letters::new(typed)?.find(word)
    }

    #[test]
    fn a_name_is_found_by_initials_and_syllables() {
        for typed in
            ["z", "zg", "zgh", "zhgh", "zhangguihua", "zhanggui", "zhanggu", "zguihua", "zha", "zhguih"]
        {
            assert_eq!(find(typed, "张桂花"), Some(Place::Start), "{typed}");
        }
        for typed in ["g", "gh", "guihua", "hua", "ghu"] {
            assert_eq!(find(typed, "张桂花"), Some(Place::Inside), "{typed}");
        }
        for typed in
            ["zh1", "zx", "zghh", "zhanggh张", "zhagh", "anggui", "uihua", "hg", "ua", "zhangguihuaa"]
        {
            assert_eq!(find(typed, "张桂花"), None, "{typed}");
        }
    }

    #[test]
    fn letters_characters_and_digits_can_be_mixed() {
        for typed in ["张gh", "zhang桂", "z桂花", "张guih"] {
            assert_eq!(find(typed, "张桂花"), Some(Place::Start), "{typed}");
        }
        assert_eq!(find("桂h", "张桂花"), Some(Place::Inside));
        assert_eq!(find("李gh", "张桂花"), None);
        assert_eq!(find("dj12", "东街12号"), Some(Place::Start));
        assert_eq!(find("j12h", "东街12号"), Some(Place::Inside));
        assert_eq!(find("b座3", "东街b座3号"), Some(Place::Inside));
    }

    #[test]
    fn a_surname_is_found_as_it_is_read() {
        let surnames = [
            ("单", "shan"),
            ("曾", "zeng"),
            ("解", "xie"),
            ("仇", "qiu"),
            ("区", "ou"),
            ("查", "zha"),
            ("任", "ren"),
            ("朴", "piao"),
            ("尉迟", "yuchi"),
            ("万俟", "moqi"),
            ("覃", "qin"),
            ("覃", "tan"),
            ("盖", "ge"),
            ("乐", "yue"),
            ("乐", "le"),
            ("长孙", "zhangsun"),
            ("令狐", "linghu"),
            ("缪", "miao"),
            ("翟", "zhai"),
            ("冼", "xian"),
            ("员", "yun"),
            ("贠", "yun"),
            ("费", "bi"),
            ("费", "fei"),
            ("黑", "he"),
            ("秘", "bi"),
            ("折", "she"),
            ("繁", "po"),
            ("种", "chong"),
            ("召", "shao"),
        ];
        for (surname, typed) in surnames {
            assert_eq!(find(typed, &format!("{surname}桂花")), Some(Place::Start), "{surname} {typed}");
        }
        assert_eq!(find("sgh", "单桂花"), Some(Place::Start));
        assert_eq!(find("mqgh", "万俟桂花"), Some(Place::Start));
    }

    #[test]
    fn a_character_counts_in_each_of_its_readings() {
        for typed in ["chongyang", "zhongyang", "cy", "zy", "chy"] {
            assert_eq!(find(typed, "重阳"), Some(Place::Start), "{typed}");
        }
        for typed in ["lcl", "lzl", "lichangle", "lizhangyue"] {
            assert_eq!(find(typed, "李长乐"), Some(Place::Start), "{typed}");
        }
    }

    #[test]
    fn a_vowel_with_two_points_is_typed_as_v_u_or_itself() {
        for typed in ["lv", "lu", "lü", "lvnv", "lunü", "ln"] {
            assert_eq!(find(typed, "吕女"), Some(Place::Start), "{typed}");
        }
        assert_eq!(find("lv", "卢"), None, "卢 has no such vowel");
    }

    #[test]
    fn spaces_capitals_width_and_marks_do_not_matter() {
        for typed in
            ["zhang'gui'hua", "Zhang Gui Hua", "\u{ff3a}\u{ff27}\u{ff28}", "ZGH", "zhang\u{3000}gui’hua"]
        {
            assert_eq!(find(&plain(typed), "张桂花"), Some(Place::Start), "{typed}");
        }
        assert_eq!(find("ayglmmt", &plain("阿依古丽·买买提")), Some(Place::Start));
    }

    #[test]
    fn what_is_no_pinyin_is_left_to_others() {
        for typed in ["", "张桂花", "123", "\u{1f600}"] {
            assert!(Letters::new(typed).is_none(), "{typed}");
        }
        assert!(Letters::new(&"a".repeat(TYPED_MAX)).is_some());
        assert!(Letters::new(&"a".repeat(TYPED_MAX + 1)).is_none());
        assert!(Letters::new(&"a".repeat(1_000)).is_none());
        assert_eq!(find(&"a".repeat(TYPED_MAX), &"阿".repeat(TYPED_MAX)), Some(Place::Start));
        assert_eq!(find(&"a".repeat(TYPED_MAX), &"阿".repeat(TYPED_MAX - 1)), None);
        assert_eq!(find("a", "\u{0}𬱖\u{10ffff}"), None);
        assert_eq!(find("z", "张𬱖"), Some(Place::Start), "a rare character beside a known one");
    }

    #[test]
    fn every_character_of_the_block_has_its_own_readings() {
        assert_eq!(readings('\u{4e00}').collect::<Vec<_>>(), ["yi"]);
        assert_eq!(readings('行').collect::<Vec<_>>(), ["xing", "hang", "heng"]);
        assert_eq!(readings('龥').collect::<Vec<_>>(), ["yu"]);
        assert_eq!(readings('\u{3fff}').count() + readings('\u{a000}').count() + readings('a').count(), 0);
        assert_eq!(STARTS.len(), 0xa000 - 0x4e00);
    }
}
