//! The languages that a `language` check can name, by their ISO 639-1 codes.
//!
//! They are those that whatlang detects. It uses ISO 639-3, so each row has both codes.

/// A language by its codes and its English name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Language {
    /// ISO 639-1, as a probe file has it: `fr`.
    pub code: &'static str,
    /// ISO 639-3, as whatlang has it: `fra`.
    pub long_code: &'static str,
    pub name: &'static str,
}

const fn language(code: &'static str, long_code: &'static str, name: &'static str) -> Language {
    Language { code, long_code, name }
}

/// Every language, in the order of its code.
pub const LANGUAGES: &[Language] = &[
    language("af", "afr", "Afrikaans"),
    language("ak", "aka", "Akan"),
    language("am", "amh", "Amharic"),
    language("ar", "ara", "Arabic"),
    language("az", "aze", "Azerbaijani"),
    language("be", "bel", "Belarusian"),
    language("bg", "bul", "Bulgarian"),
    language("bn", "ben", "Bengali"),
    language("ca", "cat", "Catalan"),
    language("cs", "ces", "Czech"),
    language("cy", "cym", "Welsh"),
    language("da", "dan", "Danish"),
    language("de", "deu", "German"),
    language("el", "ell", "Greek"),
    language("en", "eng", "English"),
    language("eo", "epo", "Esperanto"),
    language("es", "spa", "Spanish"),
    language("et", "est", "Estonian"),
    language("fa", "pes", "Persian"),
    language("fi", "fin", "Finnish"),
    language("fr", "fra", "French"),
    language("gu", "guj", "Gujarati"),
    language("he", "heb", "Hebrew"),
    language("hi", "hin", "Hindi"),
    language("hr", "hrv", "Croatian"),
    language("hu", "hun", "Hungarian"),
    language("hy", "hye", "Armenian"),
    language("id", "ind", "Indonesian"),
    language("it", "ita", "Italian"),
    language("ja", "jpn", "Japanese"),
    language("jv", "jav", "Javanese"),
    language("ka", "kat", "Georgian"),
    language("km", "khm", "Khmer"),
    language("kn", "kan", "Kannada"),
    language("ko", "kor", "Korean"),
    language("la", "lat", "Latin"),
    language("lt", "lit", "Lithuanian"),
    language("lv", "lav", "Latvian"),
    language("mk", "mkd", "Macedonian"),
    language("ml", "mal", "Malayalam"),
    language("mr", "mar", "Marathi"),
    language("my", "mya", "Burmese"),
    language("nb", "nob", "Bokmal"),
    language("ne", "nep", "Nepali"),
    language("nl", "nld", "Dutch"),
    language("or", "ori", "Oriya"),
    language("pa", "pan", "Punjabi"),
    language("pl", "pol", "Polish"),
    language("pt", "por", "Portuguese"),
    language("ro", "ron", "Romanian"),
    language("ru", "rus", "Russian"),
    language("si", "sin", "Sinhalese"),
    language("sk", "slk", "Slovak"),
    language("sl", "slv", "Slovene"),
    language("sn", "sna", "Shona"),
    language("sr", "srp", "Serbian"),
    language("sv", "swe", "Swedish"),
    language("ta", "tam", "Tamil"),
    language("te", "tel", "Telugu"),
    language("th", "tha", "Thai"),
    language("tk", "tuk", "Turkmen"),
    language("tl", "tgl", "Tagalog"),
    language("tr", "tur", "Turkish"),
    language("uk", "ukr", "Ukrainian"),
    language("ur", "urd", "Urdu"),
    language("uz", "uzb", "Uzbek"),
    language("vi", "vie", "Vietnamese"),
    language("yi", "yid", "Yiddish"),
    language("zh", "cmn", "Mandarin"),
    language("zu", "zul", "Zulu"),
];

/// The language of an ISO 639-1 code; `None` when it can't be checked for.
///
/// ```
/// use domain::language;
///
/// assert_eq!(language::by_code("fr").map(|found| found.long_code), Some("fra"));
/// assert_eq!(language::by_code("french"), None);
/// ```
#[must_use]
pub fn by_code(code: &str) -> Option<Language> {
    LANGUAGES.iter().copied().find(|language| language.code == code)
}

/// The language of an ISO 639-3 code.
#[must_use]
pub fn by_long_code(code: &str) -> Option<Language> {
    LANGUAGES.iter().copied().find(|language| language.long_code == code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn language_codes_are_unique() {
        assert!(LANGUAGES.windows(2).all(|pair| pair[0].code < pair[1].code));
        for language in LANGUAGES {
            assert_eq!(by_code(language.code), Some(*language));
            assert_eq!(by_long_code(language.long_code), Some(*language));
        }
    }
}
