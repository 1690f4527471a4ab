use std::collections::BTreeMap;

use super::*;

type Replies = BTreeMap<String, Vec<String>>;

fn replies() -> Replies {
    serde_json::from_str(include_str!("../../../tests/languages.json")).unwrap()
}

/// Short replies of a chatbot, each with its language. None of them was used to choose the words.
const MORE: &[(&str, &str)] = &[
    ("en", "Hi there, I'm the store's virtual assistant."),
    ("en", "The answer is 42."),
    ("en", "Hello Naloleme!"),
    ("en", "Paris is the capital of France."),
    ("en", "I don't have access to that information."),
    ("en", "Yes, of course."),
    ("en", "Done."),
    ("fr", "Oui, bien sûr."),
    ("fr", "La capitale de la France est Paris."),
    ("fr", "Je n'ai pas accès à cette information."),
    ("fr", "Il fait beau aujourd'hui."),
    ("fr", "Enchanté, Naloleme."),
    ("fr", "Commande 4711 : MacBook Pro, Magic Keyboard, iPhone, AirPods."),
    ("fr", "Nous sommes ouverts de 9 h à 18 h."),
    ("de", "Guten Morgen, Naloleme."),
    ("de", "Das weiß ich leider nicht."),
    ("de", "Ja, gerne!"),
    ("de", "Unser Geschäft öffnet um neun Uhr."),
    ("de", "Super, danke!"),
    ("es", "Buenos días, Naloleme."),
    ("es", "No lo sé, lo siento."),
    ("es", "Claro que sí."),
    ("es", "¿Cuál es su número de cliente?"),
    ("it", "Mi dispiace, non lo so."),
    ("it", "Buongiorno Naloleme, come va?"),
    ("it", "Il tuo ordine è in arrivo."),
    ("it", "Grazie per la domanda."),
    ("nl", "Sorry, dat weet ik niet."),
    ("nl", "Uw bestelling is onderweg."),
    ("nl", "Onze winkel gaat om negen uur open."),
    ("pt", "Seu nome é Naloleme."),
    ("pt", "A capital da França é Paris."),
    ("pt", "Bom dia! Em que posso ajudar?"),
    ("tr", "Fransa'nın başkenti Paris'tir."),
    ("tr", "Adınız Naloleme."),
    ("sv", "Hej! Hur kan jag hjälpa dig?"),
    ("da", "Hej! Hvordan kan jeg hjælpe dig?"),
    ("nb", "Hei! Hvordan kan jeg hjelpe deg?"),
    ("fi", "Hei! Miten voin auttaa?"),
    ("pl", "Cześć! W czym mogę pomóc?"),
    ("cs", "Dobrý den, jak vám mohu pomoci?"),
    ("ro", "Bună! Cu ce te pot ajuta?"),
    ("hu", "Szia! Miben segíthetek?"),
    ("id", "Halo! Ada yang bisa saya bantu?"),
    ("vi", "Xin chào! Tôi có thể giúp gì cho bạn?"),
    ("el", "Γεια σας! Πώς μπορώ να βοηθήσω;"),
    ("th", "สวัสดีค่ะ มีอะไรให้ช่วยไหมคะ"),
    ("ru", "Ваш заказ в пути."),
    ("ru", "Вас зовут Naloleme."),
    ("uk", "Вітаю! Чим можу допомогти?"),
    ("bg", "Здравейте! С какво мога да помогна?"),
    ("zh", "你好，Naloleme！"),
    ("zh", "您的订单正在配送中。"),
    ("ja", "GPT-4o は OpenAI のモデルです。"),
    ("ja", "承知しました。"),
    ("ko", "안녕하세요, Naloleme님."),
    ("ar", "اسمك نالوليم."),
    ("ar", "طلبك في الطريق."),
    ("fa", "سلام! چطور می‌توانم کمک کنم؟"),
    ("he", "בירת צרפת היא פריז."),
    ("hi", "आपका नाम Naloleme है।"),
];

/// Further replies in the languages of `languages.json`, none of which was used to choose the words.
const FURTHER: &[(&str, &str)] = &[
    ("en", "Sure, here you go!"),
    ("en", "We ship within two business days."),
    ("en", "Could you tell me your account number?"),
    ("en", "My pleasure. Anything else?"),
    ("fr", "Avec plaisir ! Autre chose ?"),
    ("fr", "Voici votre facture du mois de mai."),
    ("fr", "Merci de patienter un instant."),
    ("fr", "Ce produit n'est plus disponible."),
    ("de", "Einen Moment bitte."),
    ("de", "Wir liefern innerhalb von zwei Tagen."),
    ("de", "Haben Sie noch weitere Fragen?"),
    ("de", "Das Produkt ist nicht mehr verfügbar."),
    ("es", "Un momento, por favor."),
    ("es", "Enviamos en dos días laborables."),
    ("es", "¿Puedo ayudarle en algo más?"),
    ("es", "El producto ya no está disponible."),
    ("it", "Un attimo, per favore."),
    ("it", "Spediamo entro due giorni lavorativi."),
    ("it", "Posso aiutarla con altro?"),
    ("it", "Il prodotto non è più disponibile."),
    ("nl", "Een ogenblik alstublieft."),
    ("nl", "Wij leveren binnen twee werkdagen."),
    ("nl", "Kan ik u nog ergens mee helpen?"),
    ("nl", "Dit product is niet meer leverbaar."),
    ("pt", "Um momento, por favor."),
    ("pt", "Enviamos em dois dias úteis."),
    ("pt", "Posso ajudar em mais alguma coisa?"),
    ("pt", "O produto não está mais disponível."),
    ("zh", "请稍等片刻。"),
    ("zh", "我们将在两个工作日内发货。"),
    ("zh", "还有什么可以帮您的吗？"),
    ("zh", "该产品已下架。"),
    ("ja", "少々お待ちください。"),
    ("ja", "二営業日以内に発送します。"),
    ("ja", "ほかにご質問はありますか？"),
    ("ja", "この商品は販売終了です。"),
    ("ko", "잠시만 기다려 주세요."),
    ("ko", "영업일 기준 이틀 안에 발송됩니다."),
    ("ko", "더 도와드릴 일이 있나요?"),
    ("ko", "이 상품은 더 이상 판매하지 않습니다."),
    ("ar", "لحظة من فضلك."),
    ("ar", "نشحن خلال يومي عمل."),
    ("ar", "هل يمكنني مساعدتك في شيء آخر؟"),
    ("ar", "هذا المنتج لم يعد متوفرا."),
    ("he", "רגע בבקשה."),
    ("he", "אנחנו שולחים תוך שני ימי עסקים."),
    ("he", "אפשר לעזור בעוד משהו?"),
    ("he", "המוצר אינו זמין יותר."),
    ("hi", "कृपया एक क्षण प्रतीक्षा करें।"),
    ("hi", "हम दो कार्य दिवसों में भेजते हैं।"),
    ("hi", "क्या मैं और कुछ मदद कर सकता हूँ?"),
    ("hi", "यह उत्पाद अब उपलब्ध नहीं है।"),
    ("ru", "Одну минуту, пожалуйста."),
    ("ru", "Мы отправляем в течение двух рабочих дней."),
    ("ru", "Могу ли я ещё чем-нибудь помочь?"),
    ("ru", "Этот товар больше не продаётся."),
    ("tr", "Bir dakika lütfen."),
    ("tr", "İki iş günü içinde gönderiyoruz."),
    ("tr", "Başka bir konuda yardımcı olabilir miyim?"),
    ("tr", "Bu ürün artık mevcut değil."),
];

/// The share of wrong languages that fail, and every correct one that does.
fn judge<'a>(rows: impl Iterator<Item = (&'a str, &'a str)> + Clone) -> (f64, Vec<String>) {
    let codes: std::collections::BTreeSet<&str> = rows.clone().map(|(code, _)| code).collect();
    let (mut pairs, mut failed, mut wrong) = (0.0, 0.0, Vec::new());
    for (code, reply) in rows {
        if let Decision::Other(found) = decide(reply, code, &["Naloleme"]) {
            wrong.push(format!("{code} as {found}: {reply}"));
        }
        for other in codes.iter().filter(|other| **other != code) {
            pairs += 1.0;
            if matches!(decide(reply, other, &["Naloleme"]), Decision::Other(_)) {
                failed += 1.0;
            }
        }
    }
    (failed / pairs, wrong)
}

#[test]
fn correct_replies_pass_and_wrong_languages_fail() {
    let replies = replies();
    let rows = replies.iter().flat_map(|(code, texts)| texts.iter().map(|text| (&**code, &**text)));
    let (share, wrong) = judge(rows);
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(share >= 0.9, "{share}");
}

#[test]
fn other_correct_replies_pass_too() {
    let (share, wrong) = judge(MORE.iter().copied());
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(share >= 0.85, "{share}");
}

#[test]
fn further_replies_pass_and_wrong_languages_fail() {
    let (share, wrong) = judge(FURTHER.iter().copied());
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(share >= 0.9, "{share}");
}

#[test]
fn replies_without_evidence_are_undecided() {
    for reply in
        ["", "42", "Naloleme", "https://example.com/the/of/and", "```\nif x then y\n```", "👍"]
    {
        assert_eq!(decide(reply, "fr", &["Naloleme"]), Decision::Undecided, "{reply}");
    }
    // Cities of France: no word of any language.
    let cities = "Paris, Lyon, Marseille, Toulouse, Nice";
    assert_eq!(decide(cities, "fr", &[]), Decision::Undecided);
}

#[test]
fn nonce_does_not_change_the_decision() {
    for nonce in ["Theofand", "Derdiedas", "Quegato", "Marmelou"] {
        let reply = format!("Vous vous appelez {nonce}.");
        assert_eq!(decide(&reply, "fr", &[nonce]), Decision::Expected, "{nonce}");
    }
}

#[test]
fn another_script_fails_at_any_length() {
    for (reply, code, found) in [
        ("はい", "en", "ja"),
        ("您好", "fr", "zh"),
        ("Hello", "zh", "en"),
        ("Bonjour", "ja", "fr"),
        ("네", "en", "ko"),
        ("Привет", "en", "ru"),
    ] {
        assert_eq!(decide(reply, code, &[]), Decision::Other(found.to_owned()), "{reply}");
    }
}

#[test]
fn every_language_of_whatlang_is_known() {
    for language in whatlang::Lang::all() {
        assert!(two_letters(*language).is_some(), "{}", language.code());
    }
}

#[test]
fn words_and_codes_of_the_lexicon_are_valid() {
    for lexicon in LEXICONS {
        assert!(domain::language::by_code(lexicon.code).is_some() || lexicon.code == "sr");
        for word in lexicon.words.split_whitespace() {
            assert_eq!(word, word.to_lowercase(), "{}", lexicon.code);
        }
    }
}
