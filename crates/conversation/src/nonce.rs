//! A fresh word for each attempt, so that no cache can answer and a reply proves that it was read.
//!
//! The parts were chosen so that no combination has a word that a moderation filter or a reader would
//! mind, in the languages that a test lists.

const FIRST: [&str; 64] = [
    "balo", "beru", "biro", "boda", "buno", "dalo", "dave", "delo", "dero", "dino", "dora", "duna",
    "falo", "fero", "fima", "foda", "funa", "galo", "gemo", "gira", "goda", "guno", "kalo", "kera",
    "kimo", "koda", "kuna", "lamo", "leda", "lino", "lora", "luma", "malo", "mena", "miro", "moda",
    "muna", "nalo", "nera", "nilo", "noda", "nuva", "ralo", "reda", "rimo", "rona", "ruma", "salo",
    "sena", "silo", "sora", "suna", "talo", "tera", "timo", "tona", "tuva", "valo", "vera", "vimo",
    "voda", "zela", "zimo", "zora",
];

const SECOND: [&str; 64] = [
    "bano", "beli", "bira", "bolu", "dami", "deno", "dilu", "dora", "fani", "felo", "fira", "folu",
    "gami", "geno", "gilo", "golu", "kani", "kelo", "kira", "kolu", "dano", "deli", "tamu", "tena",
    "mani", "melo", "mira", "molu", "nami", "neri", "niko", "nolu", "rani", "relo", "rina", "rolu",
    "sami", "seri", "sina", "solu", "tami", "teri", "tina", "tolu", "vani", "veri", "vina", "volu",
    "zami", "zeri", "zeno", "zolu", "bemo", "demo", "femo", "gemo", "kemo", "duri", "nemo", "remo",
    "temo", "vemo", "zemo", "zuri",
];

const THIRD: [&str; 32] = [
    "ka", "ke", "ko", "ta", "ma", "me", "mi", "mo", "na", "ne", "ni", "no", "ra", "re", "ri", "ro",
    "va", "ve", "vi", "vo", "da", "de", "di", "do", "ba", "be", "bi", "bo", "za", "ze", "zu", "zo",
];

/// One of 131,072 words that look like a name.
pub(crate) fn nonce(random: &mut fastrand::Rng) -> String {
    let parts: [&[&str]; 3] = [&FIRST, &SECOND, &THIRD];
    let mut word: String =
        parts.iter().filter_map(|parts| random.choice(parts.iter())).copied().collect();
    word[..1].make_ascii_uppercase();
    word
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Parts of words that people or filters mind in English, French, German, Spanish, Italian, Dutch,
    /// Portuguese and Turkish.
    const OFFENSIVE: [&str; 60] = [
        "anal", "nazi", "puta", "puto", "pedo", "porn", "nig", "neg", "fag", "kike", "coon",
        "cunt", "dick", "cock", "tits", "rape", "semen", "bite", "pute", "viol", "kill", "dead",
        "hate", "jude", "culo", "cona", "polla", "caga", "mierd", "merd", "cazz", "figa", "fica",
        "troia", "nutte", "hure", "fick", "arsch", "kut", "lul", "kloot", "amk", "sik", "bok",
        "oral", "enema", "slut", "gay", "homo", "lesb", "bomb", "terro", "hitler", "loli", "nude",
        "suic", "lolita", "titi", "pipi", "caca",
    ];

    #[test]
    fn no_combination_is_offensive() {
        let offensive = regex::Regex::new(&OFFENSIVE.join("|")).unwrap();
        // No entry is longer than two parts, so that two neighbours are enough.
        let ends: Vec<String> = SECOND
            .iter()
            .flat_map(|second| THIRD.iter().map(move |third| format!("{second}{third}")))
            .collect();
        let starts = FIRST
            .iter()
            .flat_map(|first| SECOND.iter().map(move |second| format!("{first}{second}")));
        let found: Vec<String> =
            starts.chain(ends).filter(|word| offensive.is_match(word)).collect();
        assert_eq!(found, Vec::<String>::new());
    }

    #[test]
    fn nonces_differ_and_look_like_names() {
        let mut random = fastrand::Rng::with_seed(7);
        let words: std::collections::BTreeSet<String> =
            (0..100).map(|_| nonce(&mut random)).collect();
        assert!(words.len() > 95, "{}", words.len());
        for word in words {
            assert!(word.len() == 10 && word.starts_with(|first: char| first.is_ascii_uppercase()));
        }
    }
}
