//! The names and phones of a run. They are random, so that no server can have its
//! answers written into it, and come from a seed, so that a run can be repeated.

/// Names and phones of one run.
#[derive(Clone, Debug)]
pub struct Cast {
    name: String,
    other: String,
    nobody: String,
    chinese: [Hanzi; 3],
    old_phone: String,
    phone: String,
    other_phone: String,
    chinese_phone: String,
    word: String,
}

/// A character and its two bytes in GBK, by which an answer in that encoding is
/// recognised: this crate has no tables of encodings.
type Hanzi = (char, [u8; 2]);

const GIVEN: [&str; 12] =
    ["lei", "na", "wei", "fang", "min", "jing", "qiang", "yang", "yan", "jie", "tao", "ming"];
const FAMILY: [&str; 12] =
    ["zhang", "wang", "li", "zhao", "liu", "chen", "huang", "zhou", "wu", "xu", "sun", "gao"];
const WORDS: [&str; 6] = ["hello", "goodmorning", "message", "howareyou", "python", "lesson"];

const CHINESE_FAMILY: [Hanzi; 8] = [
    ('赵', [0xD5, 0xD4]),
    ('钱', [0xC7, 0xAE]),
    ('孙', [0xCB, 0xEF]),
    ('李', [0xC0, 0xEE]),
    ('周', [0xD6, 0xDC]),
    ('吴', [0xCE, 0xE2]),
    ('郑', [0xD6, 0xA3]),
    ('王', [0xCD, 0xF5]),
];
const CHINESE_MIDDLE: [Hanzi; 6] = [
    ('小', [0xD0, 0xA1]),
    ('晓', [0xCF, 0xFE]),
    ('文', [0xCE, 0xC4]),
    ('子', [0xD7, 0xD3]),
    ('雨', [0xD3, 0xEA]),
    ('思', [0xCB, 0xBC]),
];
const CHINESE_LAST: [Hanzi; 8] = [
    ('明', [0xC3, 0xF7]),
    ('红', [0xBA, 0xEC]),
    ('华', [0xBB, 0xAA]),
    ('强', [0xC7, 0xBF]),
    ('芳', [0xB7, 0xBC]),
    ('伟', [0xCE, 0xB0]),
    ('静', [0xBE, 0xB2]),
    ('磊', [0xC0, 0xDA]),
];

impl Cast {
    /// The names and phones of this seed.
    pub fn new(seed: u64) -> Self {
        let mut random = SplitMix(seed);
        // Three family names in a row of the list, so that no two are alike.
        let first = random.below(FAMILY.len());
        let mut person = |nth: usize| {
            let family = FAMILY[(first + nth) % FAMILY.len()];
            let (given, number) = (random.pick(&GIVEN), 10 + random.below(90));
            format!("{family}{given}{number}")
        };
        let [name, other, nobody] = [person(0), person(1), person(2)];
        // The second digit tells them apart.
        let mut phone = |second: u64| format!("1{second}{:09}", random.next() % 1_000_000_000);
        let [old_phone, phone, other_phone, chinese_phone] =
            [phone(3), phone(5), phone(7), phone(8)];
        // Of three characters: nine bytes of UTF-8, which are no GBK, since that has two
        // bytes a character. Six would pass for three characters of it.
        let chinese = [
            random.pick(&CHINESE_FAMILY),
            random.pick(&CHINESE_MIDDLE),
            random.pick(&CHINESE_LAST),
        ];
        let word = format!("{}{}", random.pick(&WORDS), 10 + random.below(90));
        Cast { name, other, nobody, chinese, old_phone, phone, other_phone, chinese_phone, word }
    }

    /// The text with what stands for names, phones and the word filled in.
    pub fn fill(&self, text: &str) -> String {
        let mut filled = String::with_capacity(text.len() + 16);
        let mut rest = text;
        while let Some((before, behind)) = rest.split_once('{') {
            let (slot, behind) = behind.split_once('}').expect("every { has its }");
            filled += before;
            match slot {
                "name" => filled += &self.name,
                "other" => filled += &self.other,
                "nobody" => filled += &self.nobody,
                "old phone" => filled += &self.old_phone,
                "phone" => filled += &self.phone,
                "other phone" => filled += &self.other_phone,
                "chinese phone" => filled += &self.chinese_phone,
                "chinese" => filled.extend(self.chinese.map(|(hanzi, _)| hanzi)),
                "word" => filled += &self.word,
                unknown => unreachable!("no {{{unknown}}} in the table of checks"),
            }
            rest = behind;
        }
        filled + rest
    }

    /// The Chinese name in GBK.
    pub fn chinese_in_gbk(&self) -> Vec<u8> {
        self.chinese.iter().flat_map(|(_, gbk)| *gbk).collect()
    }
}

/// SplitMix64 (Steele, Lea, Flood 2014): small, and good enough to pick names.
struct SplitMix(u64);

impl SplitMix {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % end as u64).expect("it is below a usize")
    }

    fn pick<T: Copy>(&mut self, list: &[T]) -> T {
        list[self.below(list.len())]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_always_gives_the_same_names_and_another_seed_others() {
        const ALL: &str = "{name}{other}{nobody}{chinese}{old phone}{phone}{other phone}{word}";
        assert_eq!(Cast::new(7).fill(ALL), Cast::new(7).fill(ALL));
        assert_ne!(Cast::new(7).fill(ALL), Cast::new(8).fill(ALL));
    }

    #[test]
    fn the_names_and_phones_of_a_run_are_all_different_and_fit_the_lesson() {
        for seed in 0..500 {
            let cast = Cast::new(seed);
            let mut names: Vec<_> =
                ["{name}", "{other}", "{nobody}", "{chinese}"].map(|slot| cast.fill(slot)).into();
            let mut phones: Vec<_> = ["{old phone}", "{phone}", "{other phone}", "{chinese phone}"]
                .map(|slot| cast.fill(slot))
                .into();
            assert!(phones.iter().all(|phone| phone.len() == 11), "{phones:?}");
            for list in [&mut names, &mut phones] {
                list.sort();
                list.dedup();
                assert_eq!(list.len(), 4, "{seed}: {list:?}");
            }
        }
    }
}
