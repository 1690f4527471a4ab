//! Frequent words of languages that share a script, and characters that only a few of them have.
//!
//! Function words, and words that are frequent in the replies of a chatbot. A word that is frequent in
//! several languages is in each of their lists, so that it counts for none of them alone.

mod frequent;

use frequent::FREQUENT;

/// The words of a language, in lower case.
pub(super) struct Lexicon {
    /// ISO 639-1.
    pub(super) code: &'static str,
    pub(super) words: &'static str,
}

const fn lexicon(code: &'static str, words: &'static str) -> Lexicon {
    Lexicon { code, words }
}

/// The lexicons of all languages.
pub(super) fn lexicons() -> impl Iterator<Item = &'static Lexicon> {
    FREQUENT.iter().chain(OTHERS)
}

const OTHERS: &[Lexicon] = &[
    lexicon(
        "sv",
        "och i att det som en på är av för med den till har inte om ett han hon de var jag du vi ni man kan \
         från eller så men hur vad när där vem varför vilken ska skulle vill måste får här nu mycket bara \
         också efter vid över min din mitt ditt er ert oss dig mig dem sig ja nej tack hej god morgon dag \
         kväll förlåt ursäkta tyvärr välkommen namn heter fråga svar beställning hjälp hjälpa pris leverans \
         nummer konto kund butik öppet öppen stängt idag imorgon igår vecka månad år timme stad land \
         huvudstad väder frankrike sverige naturligtvis självklart vet känner gärna något inget alla allt väg \
         mars link produkt artikel telefon paket problem april september oktober november december perfekt \
         tre dagen mot herr",
    ),
    lexicon(
        "da",
        "og i at det som en på er af for med den til har ikke om et han hun de var jeg du vi man kan fra \
         eller så men hvordan hvad når hvor hvem hvorfor hvilken skal skulle vil må her nu meget kun også \
         efter ved over min din mit dit jer jeres os dig mig dem sig ja nej tak hej god morgen dag aften \
         undskyld beklager desværre velkommen navn hedder spørgsmål svar bestilling ordre hjælp hjælpe pris \
         levering nummer konto kunde butik åben lukket går uge måned år time by land hovedstad hovedstaden \
         vejr frankrig danmark selvfølgelig naturligvis kender gerne noget intet alle alt vej være blive \
         problem link produkt artikel telefon adresse april august september oktober november december \
         perfekt finde tre dagen",
    ),
    lexicon(
        "nb",
        "og i at det som en på er av for med den til har ikke om et han hun de var jeg du vi man kan fra \
         eller så men hvordan hva når hvor hvem hvorfor hvilken skal skulle vil må her nå mye bare også etter \
         ved over min din mitt ditt dere deres oss deg meg dem seg ja nei takk hei god morgen dag kveld \
         unnskyld beklager dessverre velkommen navn heter spørsmål svar bestilling hjelp hjelpe pris levering \
         nummer konto kunde butikk åpen stengt går uke måned år time by land hovedstad hovedstaden vær \
         frankrike norge selvfølgelig naturligvis vet kjenner gjerne noe ingenting alle alt vei være bli mars \
         mai problem link produkt artikel telefon adresse beste april august september oktober november \
         perfekt finne tre dagen",
    ),
    lexicon(
        "fi",
        "ja on ei se hän minä sinä me te he että joka mutta tai kun jos niin kuin myös ole oli ovat olen olet \
         olemme voi voin voit voitte mitä miten missä milloin miksi kuka tämä nämä tuo sen sitä minun sinun \
         teidän meidän nyt tänään huomenna eilen hyvin hyvää hyvä huomenta päivää iltaa kiitos hei moi terve \
         anteeksi valitettavasti tervetuloa kyllä nimi nimeni nimesi nimenne kysymys kysymyksesi vastaus tilaus \
         tilauksesi apua auttaa hinta toimitus numero tili asiakas kauppa auki suljettu viikko kuukausi vuosi \
         tunti kaupunki maa pääkaupunki sää ranska ranskan suomi suomen tiedä tunne kanssa ennen jälkeen vain",
    ),
    lexicon(
        "pl",
        "i w na z do nie się to jest że o jak za po co tak dla od czy być był była są ale lub oraz przez przy \
         jego jej ich ten ta te tego tej tym który która które jestem jesteś może mogę możesz możemy proszę \
         dziękuję dzięki cześć witaj witam dzień dobry wieczór przepraszam przykro niestety kto kiedy gdzie \
         dlaczego jaki jaka jakie mam masz ma mamy mój moja twoje twój twoja pana pani pan państwo ja ty my \
         wy oni imię nazywa nazywam nazywasz pytanie odpowiedź zamówienie pomoc pomóc cena dostawa numer \
         konto klient sklep otwarty zamknięty dziś dzisiaj jutro wczoraj teraz tydzień miesiąc rok godzina \
         miasto kraj stolica stolicą pogoda francji francja polska wiem znam oczywiście jasne chętnie już \
         tylko bardzo problem produkt telefon adres moment",
    ),
    lexicon(
        "cs",
        "a v na je se že s to z do o jak za po pro ale nebo jako by byl byla jsou jsem jsi jste jsme není ne \
         ano může můžu mohu můžete prosím děkuji díky ahoj dobrý den večer ráno promiňte omlouvám bohužel kdo \
         kdy kde proč jaký jaká jaké který která které mám máš máte můj moje váš vaše vám vás já ty my vy oni \
         jméno jmenujete jmenuji jmenuješ otázka otázku odpověď objednávka objednávku pomoc pomoci cena dodání \
         číslo účet zákazník obchod otevřeno zavřeno dnes zítra včera teď týden měsíc rok hodina město země \
         hlavní počasí francie francii vím znám samozřejmě rád ráda už jen velmi i k u tak ten ta",
    ),
    lexicon(
        "sk",
        "a v na je sa že s to z do o ako za po pre ale alebo by bol bola sú som si ste sme nie áno môže môžem \
         môžete prosím ďakujem dobrý deň večer ráno prepáčte ospravedlňujem bohužiaľ kto kedy kde prečo aký \
         aká aké ktorý ktorá ktoré mám máš máte môj moje váš vaše vám vás ja ty my vy oni meno voláte volám \
         voláš otázka otázku odpoveď objednávka objednávku pomoc pomôcť cena dodanie číslo účet zákazník \
         obchod otvorené zatvorené dnes zajtra včera teraz týždeň mesiac rok hodina mesto krajina hlavné \
         počasie francúzsko francúzska viem poznám samozrejme rád rada už len veľmi i k u tak ten tá",
    ),
    lexicon(
        "ro",
        "și în de la a cu pe nu este un o că se din pentru sau mai care au fost fi sunt ești suntem sunteți \
         are am ai avem poate pot poți putem ce cine când unde cum cât dar dacă după până prin fără acest \
         această acesta aceasta meu mea ta tău dumneavoastră lui ei noi voi eu tu el ea vă te mă îmi îți da \
         bună ziua seara dimineața salut mulțumesc mulțumim rog scuze pare rău regret bine venit numele nume \
         numești numesc întrebare întrebarea răspuns comandă comanda ajutor ajut ajuta preț livrare număr \
         cont client magazin deschis închis astăzi azi mâine ieri acum săptămână lună an oră oraș țară \
         capitala vremea franței franța românia știu cunosc desigur sigur plăcere foarte doar tot toate va \
         august telefon problema clic moment verde",
    ),
    lexicon(
        "hu",
        "a az és hogy nem is egy ez van volt meg de ha csak mint már még el ki le fel be vagy vagyok vagyunk \
         mert minden én te ő mi ti ők ön önnek önt neked nekem miben mit mi ki hol mikor hogyan miért melyik \
         lehet tudok tudom segíthetek segíteni köszönöm köszönjük kérem szia üdvözlöm jó napot reggelt estét \
         sajnálom elnézést igen név neve neved nevem hívják kérdés kérdését válasz rendelés rendelése ár \
         szállítás szám ügyfél bolt nyitva zárva ma holnap tegnap most hét hónap év óra város ország fővárosa \
         főváros időjárás franciaország magyarország természetesen rendben nagyon jól szívesen örülök",
    ),
    lexicon(
        "hr",
        "i u je na se da za su od s sa kao ne o po ali ili to što koji koja koje bio bila biti sam si smo ste \
         nije može mogu možete molim hvala bok pozdrav zdravo dobar dan večer jutro oprostite žao nažalost \
         tko kada gdje zašto kako kakav imam imate moj moje vaš vaše vam vas ja ti mi vi oni ime zovete zovem \
         zoveš pitanje odgovor narudžba pomoć pomoći cijena dostava broj račun kupac trgovina otvoreno \
         zatvoreno danas sutra jučer sada tjedan mjesec godina sat grad zemlja glavni vrijeme francuske \
         francuska znam poznajem naravno rado samo vrlo već problem telefon paket",
    ),
    lexicon(
        "sl",
        "in je v na se da za so od s z kot ne o po ali pa to ki ta te bil bila biti sem si smo ste ni lahko \
         morem prosim hvala živjo zdravo dober dan večer jutro oprostite žal kdo kdaj kje zakaj kako kakšen \
         imam imate moj moje vaš vaše vam vas jaz ti mi vi oni ime kličete kličem vprašanje odgovor naročilo \
         pomoč pomagam pomagati cena dostava številka račun stranka trgovina odprto zaprto danes jutri včeraj \
         zdaj teden mesec leto ura mesto država glavno vreme francije francija vem poznam seveda rad samo zelo že",
    ),
    lexicon(
        "id",
        "yang dan di ke dari untuk dengan ini itu adalah tidak saya anda kamu kami kita mereka dia akan ada \
         bisa dapat sudah telah pada atau juga karena seperti apa siapa kapan mana dimana mengapa bagaimana \
         berapa ya terima kasih halo hai selamat pagi siang sore malam maaf tolong silakan nama pertanyaan \
         jawaban pesanan bantu bantuan membantu harga pengiriman nomor akun pelanggan toko buka tutup hari \
         besok kemarin sekarang minggu bulan tahun jam kota negara ibu ibukota cuaca prancis indonesia tahu \
         kenal tentu baik senang bertemu lagi lebih sangat hanya semua link artikel september oktober \
         november email online produk",
    ),
    lexicon(
        "vi",
        "và của là có không tôi bạn được cho trong một người này đó với các những để đã đang sẽ từ như khi nào \
         ở đâu gì ai tại sao thế xin chào cảm ơn lỗi vâng dạ tên câu hỏi trả lời đơn hàng giúp giá giao số \
         tài khoản khách cửa mở đóng hôm nay mai qua bây giờ tuần tháng năm thành phố nước thủ đô thời tiết \
         pháp việt nam biết rất vui ạ thể",
    ),
    lexicon(
        "ca",
        "el la els les un una uns unes de del dels i en que és per amb no es se al als ho li em et ens us com \
         més però o si ja molt sense sobre aquest aquesta això hi ha ser estar està són sóc ets som té tenen \
         tinc pot pots puc podem fer fa què qui quan on quin quina també entre des fins tot tots tota res \
         sempre mai ara avui demà ahir aquí sí gràcies hola bon dia bona tarda nit plau perdó sento nom dius \
         dic pregunta resposta comanda ajuda ajudar preu enviament número compte client botiga obert tancat \
         meu meva teu teva seu seva jo tu ell ella vostè nosaltres setmana mes any hora ciutat país capital \
         temps bé clar entès encantat benvingut sé conec frança d l va dos tres cada sol problema quatre link \
         clic",
    ),
    lexicon(
        "et",
        "ja on ei see ta ma sa me te nad et kes mis kui aga või ka oma olen oled oleme oli saab saan kuidas \
         millal kus miks nüüd täna homme eile hästi hea tere tänan aitäh palun vabandust kahjuks jah nimi \
         küsimus vastus tellimus abi aidata hind number klient pood avatud suletud nädal kuu aasta tund linn \
         riik pealinn ilm prantsusmaa eesti tean tunnen väga ainult",
    ),
    lexicon(
        "lt",
        "ir yra kad į iš su ne tai kaip bet ar aš tu jis ji mes jūs jie mano tavo jūsų jums ką kas kada kur \
         kodėl galiu gali gal dabar šiandien rytoj vakar gerai labas sveiki ačiū dėkoju prašau atsiprašau deja \
         taip vardas klausimas atsakymas užsakymas pagalba padėti kaina numeris klientas savaitė mėnuo metai \
         valanda miestas šalis sostinė oras prancūzijos lietuva žinau labai tik",
    ),
    lexicon(
        "lv",
        "un ir ka uz no ar ne tas kā bet vai es tu viņš viņa mēs jūs viņi mans tavs jūsu jums ko kas kad kur \
         kāpēc varu var tagad šodien rīt vakar labi sveiki labdien paldies lūdzu atvainojiet diemžēl jā nē \
         vārds jautājums atbilde pasūtījums palīdzība palīdzēt cena numurs klients nedēļa mēnesis gads stunda \
         pilsēta valsts galvaspilsēta laiks francijas latvija zinu ļoti tikai",
    ),
    lexicon(
        "tl",
        "ang ng sa na at ay mga ako ikaw siya kami tayo sila ito iyon hindi oo po opo kung para may mayroon \
         wala ano sino kailan saan bakit paano ngayon bukas kahapon salamat kumusta magandang umaga gabi hapon \
         paumanhin pangalan tanong sagot order tulong matulungan presyo araw linggo buwan taon oras lungsod \
         bansa kabisera panahon alam kilala ka mo ko niya natin namin kayo inyo iyong aking",
    ),
    // Cyrillic.
    lexicon(
        "ru",
        "и в не на я что он с как это по но они мы она так его за от из то все у же ты вы был было была для при \
         или если может могу можете чем помочь здравствуйте привет спасибо пожалуйста извините сожалению \
         добрый день утро вечер вас вам ваш ваша ваше ваши меня мне мой моя зовут имя вопрос ответ заказ цена \
         доставка номер клиент магазин сегодня завтра вчера сейчас столица город страна погода знаю конечно \
         понял хорошо да нет где когда кто почему какой какая очень только уже есть до к о об",
    ),
    lexicon(
        "uk",
        "і в не на я що він з як це по але вони ми вона так його за від із то все у ж ти ви був було була для \
         при або якщо може можу можете чим допомогти вітаю привіт дякую будь ласка вибачте жаль добрий день \
         ранок вечір вас вам ваш ваша ваше мене мені мій моя звати ім'я питання відповідь замовлення ціна \
         доставка номер клієнт магазин сьогодні завтра вчора зараз столиця місто країна погода знаю звичайно \
         зрозуміло добре так ні де коли хто чому який яка дуже тільки вже є до та й",
    ),
    lexicon(
        "bg",
        "и в не на аз че той с как това по но те ние тя така го за от да се е са съм си сме сте беше при или \
         ако може мога можете помогна здравейте здравей благодаря моля извинете съжалявам добър ден утро вечер \
         вас ви ваш вашата вашето мен ми моят името име въпрос отговор поръчка поръчката цена доставка номер \
         клиент магазин днес утре вчера сега столица столицата град страна времето зная знам разбира добре \
         не къде кога кой защо какъв каква много само вече има до ли ще",
    ),
    lexicon(
        "be",
        "і ў не на я што ён з як гэта па але яны мы яна так яго за ад усё ты вы быў было для ці калі можа магу вітаю дзякуй калі ласка прабачце дзень вас вам ваш імя пытанне адказ сёння заўтра цяпер сталіца горад краіна ведаю добра дзе хто чаму які вельмі толькі ужо ёсць да",
    ),
    lexicon(
        "sr",
        "и у је на се да за су од с са као не о по али или то што који која које био бити сам си смо сте није може могу можете молим хвала здраво добар дан вече јутро извините жао ко када где зашто како имам моје ваш вам вас ја ти ми ви они име зовете питање одговор поруџбина помоћ помогнем цена број данас сутра јуче сада град земља главни време знам наравно само врло већ i u je na se da za su od s sa kao ne o po ali ili to što koji koja koje bio biti sam si smo ste nije može mogu možete molim hvala zdravo dobar dan veče jutro izvinite žao ko kada gde zašto kako imam moje vaš vam vas ja ti mi vi oni ime zovete pitanje odgovor pomoć pomognem cena broj danas sutra juče sada grad zemlja glavni vreme znam naravno samo vrlo već",
    ),
    lexicon(
        "mk",
        "и во ја сакам сакаш сакате е на се да за се од со како не по но или тоа што кој која кое бил сум си сме сте може можам можете молам благодарам здраво добар ден вечер утро извинете жал кога каде зошто имам мое ваш вам вас јас ти ние вие тие име прашање одговор нарачка помош помогнам цена број денес утре вчера сега град земја главен време знам секако само многу веќе",
    ),
    // Arabic script.
    lexicon(
        "ar",
        "في من على إلى أن إن هذا هذه ذلك التي الذي لا ما هو هي كان كانت مع عن قد لم أو كل بعد قبل بين أنا أنت نحن هم لك لكم كيف متى أين ماذا لماذا هل من يمكنني يمكنك مساعدتك مساعدة مرحبا مرحبًا أهلا السلام عليكم شكرا شكرًا عفوا آسف نعم اسمك اسمي اسم سؤال سؤالك جواب طلب طلبك سعر رقم اليوم غدا أمس الآن عاصمة مدينة دولة الطقس فرنسا باريس أعرف بالطبع حسنا جدا فقط",
    ),
    lexicon(
        "fa",
        "و در به از که این را با است برای آن یک خود تا کرد بر هم نیز هر می من تو ما شما او آنها چه چگونه کجا کی چرا آیا سلام درود ممنون متشکرم لطفا ببخشید متاسفم بله خیر نام اسم سوال پاسخ سفارش کمک کنم قیمت شماره امروز فردا دیروز اکنون پایتخت شهر کشور فرانسه پاریس می‌دانم البته خوب خیلی فقط هستم هستید شد",
    ),
    lexicon(
        "ur",
        "اور کے کی کا میں ہے ہیں سے کو نے پر یہ وہ کہ ایک اس ہو تھا تھی نہیں بھی کیا کیسے کہاں کب کیوں کون آپ میں ہم تم مجھے آپ کی مدد کر سکتا سکتی ہوں سلام السلام شکریہ معذرت معاف جی ہاں نام سوال جواب آرڈر قیمت نمبر آج کل اب دارالحکومت شہر ملک فرانس پیرس جانتا ضرور ٹھیک بہت صرف",
    ),
    // Devanagari.
    lexicon(
        "hi",
        "है हैं के की का में से को ने पर यह वह कि एक और या इस हो था थी नहीं भी क्या कैसे कहाँ कब क्यों कौन आप मैं हम तुम मुझे आपका आपकी मेरा मदद कर सकता सकती हूँ हूं नमस्ते धन्यवाद शुक्रिया माफ़ क्षमा जी हाँ नाम प्रश्न सवाल उत्तर जवाब आदेश ऑर्डर कीमत नंबर आज कल अब राजधानी शहर देश फ्रांस जानता ज़रूर ठीक बहुत केवल",
    ),
    lexicon(
        "mr",
        "आहे आहेत च्या ची चा मध्ये ने ला हे ते की एक आणि किंवा या होते नाही सुद्धा काय कसे कुठे केव्हा का कोण तुम्ही मी आम्ही तू मला तुमचे तुमची माझे मदत करू शकतो शकते नमस्कार धन्यवाद क्षमस्व माफ होय नाव प्रश्न उत्तर किंमत क्रमांक आज उद्या काल आता राजधानी शहर देश नक्की ठीक खूप फक्त",
    ),
    lexicon(
        "ne",
        "छ छन् को का की मा ले लाई यो त्यो कि एक र वा हो थियो छैन पनि के कसरी कहाँ कहिले किन को तपाईं म हामी तिमी मलाई तपाईंको मेरो मद्दत गर्न सक्छु नमस्ते धन्यवाद माफ हजुर नाम प्रश्न उत्तर मूल्य नम्बर आज भोलि हिजो अब राजधानी शहर देश पक्कै ठीक धेरै मात्र",
    ),
];

/// Characters that only some languages use. Proper names may contain them in any language.
pub(super) const CHARACTERS: &[(&str, &[&str])] = &[
    ("ß", &["de"]),
    ("ä", &["de", "sv", "fi", "et", "sk"]),
    ("ö", &["de", "sv", "fi", "et", "hu", "tr"]),
    ("ü", &["de", "et", "hu", "tr"]),
    ("ñ¿¡", &["es"]),
    ("ã", &["pt", "vi"]),
    ("õ", &["pt", "et", "vi"]),
    ("œ", &["fr"]),
    ("ùû", &["fr"]),
    ("êâ", &["fr", "pt", "vi", "ro"]),
    ("ç", &["fr", "pt", "ca", "tr"]),
    ("èà", &["fr", "it", "ca", "vi"]),
    ("òì", &["it", "vi", "ca"]),
    ("ğşı", &["tr"]),
    ("å", &["sv", "da", "nb"]),
    ("øæ", &["da", "nb"]),
    ("łąęśźżń", &["pl"]),
    ("ěřů", &["cs"]),
    ("ľĺŕ", &["sk"]),
    ("țșăî", &["ro"]),
    ("őű", &["hu"]),
    ("đ", &["vi", "hr", "sr"]),
    ("ơưạảấầẩậắằẳặẹẻẽếềểệỉịọỏốồổộớờởợụủứừửựỳỵỷỹ", &["vi"]),
    ("ėįųū", &["lt"]),
    ("āēīļņģķ", &["lv"]),
    ("іїєґ", &["uk"]),
    ("ў", &["be"]),
    ("ыэё", &["ru", "be"]),
    ("ъ", &["bg"]),
    ("јљњ", &["sr", "mk"]),
    ("ђћ", &["sr"]),
    ("ѓќѕ", &["mk"]),
    ("پچژگ", &["fa", "ur"]),
    ("ٹڈڑںے", &["ur"]),
    ("ةىيك", &["ar"]),
];

/// Languages that are too close to decide between them on a short text.
pub(super) const CLOSE: &[&[&str]] = &[
    &["da", "nb"],
    &["hr", "sr", "sl"],
    &["cs", "sk"],
    &["es", "ca"],
    &["ru", "be", "uk"],
    &["bg", "mk"],
    &["mk", "sr"],
    &["hi", "ne", "mr"],
    &["id", "jv"],
    &["nl", "af"],
];
