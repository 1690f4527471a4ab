//! Scripts, and the languages that use them.

/// A writing system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Script {
    Latin,
    Cyrillic,
    Greek,
    Arabic,
    Hebrew,
    Devanagari,
    Bengali,
    Gurmukhi,
    Gujarati,
    Oriya,
    Tamil,
    Telugu,
    Kannada,
    Malayalam,
    Sinhala,
    Thai,
    Burmese,
    Georgian,
    Armenian,
    Ethiopic,
    Khmer,
    Hangul,
    Kana,
    Han,
}

/// The language of a script that only one language uses.
pub(super) fn language_of(script: Script) -> Option<&'static str> {
    Some(match script {
        Script::Greek => "el",
        Script::Hebrew => "he",
        Script::Bengali => "bn",
        Script::Gurmukhi => "pa",
        Script::Gujarati => "gu",
        Script::Oriya => "or",
        Script::Tamil => "ta",
        Script::Telugu => "te",
        Script::Kannada => "kn",
        Script::Malayalam => "ml",
        Script::Sinhala => "si",
        Script::Thai => "th",
        Script::Burmese => "my",
        Script::Georgian => "ka",
        Script::Armenian => "hy",
        Script::Ethiopic => "am",
        Script::Khmer => "km",
        Script::Hangul => "ko",
        Script::Kana => "ja",
        Script::Han => "zh",
        Script::Latin | Script::Cyrillic | Script::Arabic | Script::Devanagari => return None,
    })
}

/// Whether the script alone decides the language.
pub(super) fn is_unique(script: Script) -> bool {
    language_of(script).is_some()
}

/// The scripts of a language, the most usual one first.
pub(super) fn scripts_of(code: &str) -> &'static [Script] {
    match code {
        "zh" => &[Script::Han],
        "ja" => &[Script::Kana, Script::Han],
        "ko" => &[Script::Hangul],
        "el" => &[Script::Greek],
        "he" | "yi" => &[Script::Hebrew],
        "ar" | "fa" | "ur" => &[Script::Arabic],
        "hi" | "mr" | "ne" => &[Script::Devanagari],
        "bn" => &[Script::Bengali],
        "pa" => &[Script::Gurmukhi],
        "gu" => &[Script::Gujarati],
        "or" => &[Script::Oriya],
        "ta" => &[Script::Tamil],
        "te" => &[Script::Telugu],
        "kn" => &[Script::Kannada],
        "ml" => &[Script::Malayalam],
        "si" => &[Script::Sinhala],
        "th" => &[Script::Thai],
        "my" => &[Script::Burmese],
        "ka" => &[Script::Georgian],
        "hy" => &[Script::Armenian],
        "am" => &[Script::Ethiopic],
        "km" => &[Script::Khmer],
        "ru" | "uk" | "bg" | "be" | "mk" => &[Script::Cyrillic],
        "sr" => &[Script::Cyrillic, Script::Latin],
        "az" | "uz" | "tk" => &[Script::Latin, Script::Cyrillic],
        _ => &[Script::Latin],
    }
}

/// The letters of a text by their script.
#[derive(Debug, Default)]
pub(super) struct Letters {
    /// Scripts with their weighted number of letters.
    weights: Vec<(Script, f64)>,
    count: usize,
}

impl Letters {
    pub(super) fn of(text: &str) -> Self {
        let mut letters = Self::default();
        for character in text.chars() {
            let Some((script, weight)) = script_of(character) else { continue };
            letters.count += 1;
            match letters.weights.iter_mut().find(|(known, _)| *known == script) {
                Some((_, total)) => *total += weight,
                None => letters.weights.push((script, weight)),
            }
        }
        letters
    }

    pub(super) fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Letters, each counted once.
    pub(super) fn count(&self) -> usize {
        self.count
    }

    /// The script with most letters; Latin for a text without letters.
    pub(super) fn most(&self) -> Script {
        let most = self.weights.iter().max_by(|one, other| one.1.total_cmp(&other.1));
        most.map_or(Script::Latin, |(script, _)| *script)
    }

    /// The share of a script, 0 to 1.
    pub(super) fn share(&self, script: Script) -> f64 {
        let total: f64 = self.weights.iter().map(|(_, weight)| weight).sum();
        let own = self.weights.iter().find(|(known, _)| *known == script);
        own.map_or(0.0, |(_, weight)| weight / total)
    }
}

/// The script of a letter, and how many letters of an alphabet it stands for.
fn script_of(character: char) -> Option<(Script, f64)> {
    let one = |script| Some((script, 1.0));
    match character {
        '\u{3040}'..='\u{30ff}' | '\u{31f0}'..='\u{31ff}' | '\u{ff66}'..='\u{ff9d}' => {
            // The middle dot and the long vowel mark are in this range too; they occur in Japanese only.
            Some((Script::Kana, 2.0))
        }
        '\u{3400}'..='\u{4dbf}'
        | '\u{4e00}'..='\u{9fff}'
        | '\u{f900}'..='\u{faff}'
        | '\u{20000}'..='\u{323af}' => Some((Script::Han, 3.0)),
        '\u{1100}'..='\u{11ff}' | '\u{3130}'..='\u{318f}' | '\u{ac00}'..='\u{d7a3}' => {
            Some((Script::Hangul, 3.0))
        }
        _ if !character.is_alphabetic() => None,
        'A'..='Z' | 'a'..='z' | '\u{aa}'..='\u{24f}' | '\u{1e00}'..='\u{1eff}' => {
            one(Script::Latin)
        }
        '\u{370}'..='\u{3ff}' | '\u{1f00}'..='\u{1fff}' => one(Script::Greek),
        '\u{400}'..='\u{52f}' => one(Script::Cyrillic),
        '\u{530}'..='\u{58f}' => one(Script::Armenian),
        '\u{590}'..='\u{5ff}' => one(Script::Hebrew),
        '\u{600}'..='\u{77f}' | '\u{fb50}'..='\u{fdff}' | '\u{fe70}'..='\u{feff}' => {
            one(Script::Arabic)
        }
        '\u{900}'..='\u{97f}' => one(Script::Devanagari),
        '\u{980}'..='\u{9ff}' => one(Script::Bengali),
        '\u{a00}'..='\u{a7f}' => one(Script::Gurmukhi),
        '\u{a80}'..='\u{aff}' => one(Script::Gujarati),
        '\u{b00}'..='\u{b7f}' => one(Script::Oriya),
        '\u{b80}'..='\u{bff}' => one(Script::Tamil),
        '\u{c00}'..='\u{c7f}' => one(Script::Telugu),
        '\u{c80}'..='\u{cff}' => one(Script::Kannada),
        '\u{d00}'..='\u{d7f}' => one(Script::Malayalam),
        '\u{d80}'..='\u{dff}' => one(Script::Sinhala),
        '\u{e00}'..='\u{e7f}' => one(Script::Thai),
        '\u{1000}'..='\u{109f}' => one(Script::Burmese),
        '\u{10a0}'..='\u{10ff}' => one(Script::Georgian),
        '\u{1200}'..='\u{139f}' => one(Script::Ethiopic),
        '\u{1780}'..='\u{17ff}' => one(Script::Khmer),
        _ => None,
    }
}

/// Whether a character is frequent in Chinese and not used in Japanese.
pub(super) fn is_only_chinese(character: char) -> bool {
    const CHARACTERS: &str = "个们这吗呢么请谢说样没还让给吧啊哪谁为对问时间过几您开关电单订货发码达务边难热线联处录页选\
        择输错误网络认邮查询结账优价换维营业员东车马鸟鱼龙门见观现规视觉长张带头买卖红绿蓝银钱钟铁\
        书汉语话读词调变产应总统华专义乐习从仅众伤储儿兴农况净减创别刚则办动劳势协压厅历县听启响园\
        围图圆场块坏备复够奖妇妈孙实审宽导层岁岛币师帮广庆库废异弃弹归态恶惊愿户执扩扫护报拟损\
        显暂极构标栏树档检欢气汇测济满灵爱环疗监盖盘离积稳笔签简类紧级纪纯纸练组细终绍经绝继续综\
        编缩罗职胜脑脸节艺药获虑虽补计讨训议讯记讲许论设访证评识诉试诚该详诸课谈负财责败质购贴贵贷\
        费资赏赛赞赠赢转轮软轻载较辆运进远违连迟适递遗释销键镇闭闲闻阅队阳际陆险项顺须顾顿预领频题\
        颜额风飞饭饮馆验骗鸡齐妳啦喔囉麼們這嗎說樣沒讓";
    CHARACTERS.contains(character)
}

/// Whether a text has two of the words of Chinese that Japanese has only within others, such as `的` in
/// `目的`.
pub(super) fn has_chinese_grammar(text: &str) -> bool {
    "的是你他她也很我了会".chars().filter(|word| text.contains(*word)).count() > 1
}
