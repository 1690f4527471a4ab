//! Languages in which most chatbots reply.

use super::{Lexicon, lexicon};

pub(super) const FREQUENT: &[Lexicon] = &[
    lexicon(
        "en",
        "the of and to in is it you that he was for on are as with his they i at be this have from or had by \
         not but what all were we when your can said there an each which she do how their if will up other \
         about out many then them these so some her would make like him into time has look two more no way \
         could my than been who its now did get come may our us am me a s t m re ve ll don doesn isn didn \
         hello hi hey yes please thank thanks sorry welcome good great sure course here help need want know \
         question answer name order today tomorrow yesterday open closed close price contact call email \
         because where why just only also very any something nothing anything let still again after before \
         first last new old day week month year people should must shall cannot found find understand tell \
         ask try use see give take next below above between while during never always capital city country \
         weather language morning evening night got nine shop store shipping afraid yet refund refunds days \
         click link customer id password moment wait available unavailable enter type send sent receive \
         received check status track tracking phone address feel free assist assistance looking forward hear \
         happy meet else much takes five six seven eight ten one three four monday tuesday wednesday thursday \
         friday saturday sunday january february march april june july august september october november \
         december business working hours minutes minute second seconds ago later soon shortly team agent \
         support service product products item items cart checkout payment card invoice account log login \
         sign unfortunately apologize apologies inconvenience wrong right correct true false information \
         details example though although however therefore per every red blue green white black small large \
         big best better worst policy return returns exchange cancel canceled cancelled confirm confirmed \
         delivery delivered arrive arrives arrived ready done finished nope yep okay within sold stock \
         perfect excellent problem client message article articles instant error grand warm even due mars ok \
         super online offline chat note notes date dates page pages site important possible impossible simple \
         double cause train option options solution solutions version local central normal image images photo \
         photos code codes public animal final total original point points place places surprise occasion \
         invitation attention action actions direction position condition conditions situation station nation \
         passion mission table tables machine machines prince rose orange menu restaurant hotel bus taxi \
         radio video piano general system choice",
    ),
    lexicon(
        "fr",
        "le la les un une des du de et est en que qui dans pour pas sur au aux avec ce cette ces il elle ils \
         elles nous vous je tu on ne se sont a ont été être avoir fait plus par mais ou où si leur leurs sa \
         son ses mon ma mes ton ta tes votre vos notre nos y d l j c n s qu m t lui me te tout tous toute \
         toutes comme même aussi bien très peu trop encore toujours jamais déjà après avant entre sans sous \
         quel quelle quels quelles quoi quand comment pourquoi puis peux peut pouvez peuvent pouvons dois \
         doit devez voulez veux veut suis sommes êtes serai sera c'est oui non merci bonjour bonsoir salut \
         désolé désolée enchanté enchantée accord voici voilà appelle appelez appelles nom question réponse \
         commande aide aider aidez puis-je client prix livraison numéro compte jour jours heure heures ans \
         semaine mois année demain hier aujourd hui matin soir capitale ville pays temps noté bienvenue \
         besoin chose sais sait savez connais connaît avons avez ai as cela ça ceci donc car alors ainsi chez \
         vers depuis pendant magasin ouvert ouverts fermé plaît certainement volontiers plaisir écoute souci \
         soucis remboursement remboursements cinq deux trois quatre six sept huit neuf dix cliquez clique \
         lien dessous dessus conseiller conseillère va vont rappeler rappelle rappelons patienter attendre \
         attendez instant minute minutes disponible indisponible produit produits article articles panier \
         paiement carte facture connexion mot passe adresse courriel téléphone appeler envoyer envoyé envoyée \
         envoyons reçu recevoir vérifier statut suivi colis livré livrée livrons expédié expédiée prêt prête \
         terminé erreur faux vrai exemple information informations détails gratuit gratuite rouge bleu vert \
         blanc noir petit petite grand grande meilleur meilleure politique retour retours échange annuler \
         annulée annulé confirmer confirmé confirmée lundi mardi mercredi jeudi vendredi samedi dimanche \
         janvier février mars avril mai juin juillet août septembre octobre novembre décembre ouvrables \
         ouvrés malheureusement excuser excuses gêne occasionnée réessayer réessayez tard bientôt équipe \
         service problème problèmes comprends compris autre autres quelque chaque fois parfait génial \
         souhaitez aimerais pourriez pourrais seulement parce afin aucun aucune rien personne beau belle \
         chaud froid soleil pluie ravi ravie heureux heureuse bonne soirée journée excellente stock ligne \
         moment excellent support second seconds business large arrive arrives contact message type correct \
         okay ok super mal clic sol servir email online offline chat team login note notes date dates page \
         pages site important possible impossible simple double cause train option options solution solutions \
         version local central normal image images photo photos code codes public animal final total original \
         point points place places surprise occasion invitation attention action actions direction position \
         condition conditions situation station nation passion mission table tables machine machines prince \
         rose orange menu restaurant hotel bus taxi radio video piano moi toi laissez laisse choix",
    ),
    lexicon(
        "de",
        "der die das und ist in zu den nicht von sie mit dem sich ein eine einer einem einen eines auf für im \
         auch es an werden wird wurde aus er hat dass daß nach bei um am sind noch wie war haben habe hast \
         hatte nur oder aber vor zur zum bis mehr durch man sein seine seinen ihre ihr ihren ihnen ihrem ich \
         du wir mich mir dich dir uns euch kann können könnte kannst muss müssen soll sollte will wollen \
         möchte möchten gibt gut gerne gern sehr so wenn dann denn weil als was wer wo wann warum wohin hier \
         da dort ja nein danke bitte hallo guten tag morgen abend entschuldigung tut leid leider name frage \
         fragen antwort bestellung hilfe helfen preis lieferung nummer konto heute gestern unsere unser \
         unserem unseren stadt hauptstadt land wetter alles klar verstanden natürlich selbstverständlich \
         freut willkommen weiß weiss heißen heißt heisst heiße unterwegs kunde kunden uhr geöffnet \
         geschlossen über unter zwischen ohne gegen schon immer nie wieder jetzt etwas nichts keine kein \
         keinen diese dieser dieses diesem welche welcher mein meine deine dein bin bist seid frankreich \
         deutschland problem probleme rückerstattung rückgabe dauert dauern fünf zwei drei vier sechs sieben \
         acht neun zehn eins tage tagen werktage werktagen klicken klick link unten oben verstehe verstehen \
         lautet kundennummer moment warten warte verfügbar ausverkauft produkt produkte artikel warenkorb \
         zahlung karte rechnung anmelden passwort adresse telefon anrufen senden gesendet erhalten prüfen \
         sendung paket geliefert versendet fertig erledigt fehler falsch richtig beispiel informationen \
         kostenlos rot blau grün schwarz klein kleine groß große beste besser umtausch stornieren storniert \
         bestätigen bestätigt montag dienstag mittwoch donnerstag freitag samstag sonntag januar februar märz \
         april mai juni juli august september oktober november dezember unannehmlichkeiten versuchen später \
         bald team dienst brauchen brauche benötigen anderes andere weitere jede jeder mal perfekt super toll \
         würden könnten damit während niemand jemand schön schönen schöne warm kalt sonne regen erfreut herr \
         frau liefern innerhalb kaufen geld stunde stunden minute minuten woche wochen monat jahr jahre geht \
         gehen machen sagen nennen geben sehen finde finden kommt zurück service support login check status \
         account email sorry okay ok online offline chat information details business anders prima binnen \
         gratis sekunden stock system version option gute guter gutes gutem neue neuen wahl lassen lass",
    ),
    lexicon(
        "es",
        "el la los las un una unos unas de del y en que es por para con no se su sus al lo le les me te nos \
         como más pero o si ya muy sin sobre este esta estos estas ese esa eso esto aquel hay ser estar está \
         están estoy estás fue era son soy eres somos ha han he has hemos tiene tienen tengo puede puedes \
         pueden puedo podemos hacer hace qué quién cuándo dónde cómo cuál porque también cuando donde quien \
         entre desde hasta todo todos toda todas nada algo alguien nadie siempre nunca ahora hoy mañana ayer \
         aquí ahí allí sí gracias hola buenos buenas días tardes noches favor perdón siento nombre llama \
         llamas llamo pregunta respuesta pedido ayuda ayudar ayudarte ayudarle ayudo precio envío número \
         cuenta cliente tienda abierto abierta cerrado mi mis tu tus yo tú él ella usted ustedes nosotros \
         ellos ellas día semana mes año hora horas ciudad país capital tiempo bien bueno buena claro supuesto \
         entendido encantado bienvenido camino sé sabe conozco francia españa otro otra mucho poco después \
         antes mejor necesita necesitas quiere quieres gusto contacto póngase problema problemas reembolso \
         reembolsos tarda tardan cinco dos tres cuatro seis siete ocho nueve diez haga hagan clic enlace \
         entiendo agente llamará pronto momento espere espera disponible agotado producto productos artículo \
         carrito pago tarjeta factura contraseña dirección correo teléfono llamar enviar enviado enviamos \
         recibir recibido verificar estado seguimiento paquete entregado listo lista hecho error falso \
         verdadero ejemplo información detalles gratis rojo azul verde blanco negro pequeño grande peor \
         política devolución cambio cancelar cancelado confirmar confirmado lunes martes miércoles jueves \
         viernes sábado domingo enero febrero marzo abril mayo junio julio agosto septiembre octubre \
         noviembre diciembre hábiles laborables lamentablemente lamento disculpe disculpa molestias intentar \
         inténtelo tarde equipo servicio necesito vale perfecto genial quisiera podría podrías solo sólo \
         mientras bonito calor frío sol lluvia feliz excelente servir servirle minutos minuto alguna \
         cualquier ningún ninguna debe debes semanas meses años login stock link email okay ok super online \
         chat va van mal red código segunda quinta sexta breve cada vez preciso pronta apenas carta gratuito \
         caldo total original central normal local animal final general déjeme déjame permítame elección",
    ),
    lexicon(
        "it",
        "il lo la i gli le un uno una di a da in con su per tra fra e è che non si ci ne del dello della dei \
         degli delle al allo alla ai agli alle dal dalla dai nel nella nei nelle sul sulla questo questa \
         questi queste quello quella quelli sono sei siamo siete era ha hanno ho hai abbiamo avete essere \
         avere fare fatto può puoi posso possono possiamo vuole vuoi voglio deve devi come cosa chi quando \
         dove perché quale quali quanto più meno molto poco bene anche ancora sempre mai già ora oggi domani \
         ieri qui lì sì no grazie prego ciao salve buongiorno buonasera scusa scusi spiace dispiace certo \
         certamente ecco nome chiami chiama chiamo domanda risposta ordine aiuto aiutare aiutarti aiutarla \
         prezzo spedizione numero conto cliente negozio aperto chiuso mio mia miei tuo tua tuoi suo sua suoi \
         nostro nostra vostro io tu lui lei noi voi loro giorno settimana mese anno ore città paese capitale \
         tempo francia italia capito benvenuto piacere d l c dell all nell ma o se però quindi poi dopo prima \
         senza tutto tutti tutta niente qualcosa so sa conosco va perfetto subito arrivo problema problemi \
         rimborso richiede cinque due tre quattro sette otto nove dieci giorni clicchi clicca link capisco \
         codice attimo momento aspetti aspetta attendere attenda disponibile esaurito prodotto prodotti \
         articolo carrello pagamento carta fattura indirizzo posta telefono chiamare inviare inviato spediamo \
         spedito ricevere ricevuto verificare stato pacco consegnato consegna pronto pronta errore falso vero \
         esempio informazioni dettagli gratuito gratis rosso blu verde bianco nero piccolo grande migliore \
         peggiore reso cambio annullare annullato confermare confermato lunedì martedì mercoledì giovedì \
         venerdì sabato domenica gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre \
         novembre dicembre lavorativi purtroppo scusiamo disagio riprovare riprovi tardi presto squadra \
         servizio bisogno altro altra altri altre ogni volta ottimo vorrei potrebbe potresti solo mentre \
         nessun nessuno nessuna qualcuno carte regalo regali scade scadono bello caldo freddo sole pioggia felice lieto lieta servire assistere \
         entro minuti minuto soltanto settimane mesi anni favore support team login stock account password \
         policy email okay ok super online offline chat business lista vale breve preciso service video lasci \
         lasciami permetta ottima buono buona scelta",
    ),
    lexicon(
        "nl",
        "de het een en van in is dat op te zijn met die voor niet aan er om ook als dan maar bij nog wel of \
         uit naar door over tot je jij jouw u uw ik mij mijn hij zij ze we wij ons onze hun hem haar dit deze \
         wat wie waar wanneer waarom hoe welke kan kunt kunnen kon moet moeten wil wilt willen zal zou zullen \
         heb hebt heeft hebben had was waren wordt worden werd ben bent gaat gaan doen doet geen al alle \
         alles iets niets veel meer goed graag zeer heel ja nee dank bedankt alstublieft hallo hoi dag \
         goedemorgen goedemiddag goedenavond sorry helaas spijt welkom natuurlijk zeker naam heet vraag \
         vragen antwoord bestelling hulp help helpen prijs levering nummer rekening klant winkel open \
         gesloten vandaag morgen gisteren nu hier daar weer altijd nooit week maand jaar uur stad land \
         hoofdstad frankrijk nederland begrepen weet ken onderweg leuk kennen mag zo toch na tegen zonder \
         tussen onder boven probleem problemen terugbetaling duurt duren vijf twee drie vier zes zeven acht \
         negen tien dagen werkdagen klik klikken link onderaan hieronder begrijp begrijpen klantnummer moment \
         ogenblik wacht wachten even beschikbaar leverbaar uitverkocht product producten artikel winkelwagen \
         betaling kaart factuur account wachtwoord adres telefoon bellen sturen verstuurd verzonden ontvangen \
         controleren status pakket bezorgd geleverd klaar gedaan fout onjuist juist voorbeeld informatie \
         gegevens gratis rood blauw groen wit zwart klein groot beste beter retour ruilen annuleren \
         geannuleerd bevestigen bevestigd maandag dinsdag woensdag donderdag vrijdag zaterdag zondag januari \
         februari maart april mei juni juli augustus september oktober november december excuses ongemak \
         proberen probeer later straks binnenkort snel team dienst nodig anders andere ieder elke keer \
         perfect prima super geweldig alleen terwijl niemand iemand mooi warm koud zon regen blij ergens mee \
         binnen leveren verder minuten minuut geblokkeerd weken maanden jaren service support login check \
         email okay ok online offline chat details contact type correct ten geld message information laat \
         laten keuze goede",
    ),
    lexicon(
        "pt",
        "o a os as um uma uns umas de do da dos das e em no na nos nas que é para por com não se seu sua seus \
         suas ao à aos às mais mas ou já muito sem sobre este esta isto esse essa isso aquele ser estar está \
         estão estou foi era são sou somos tem têm tenho ter temos pode podem posso podemos fazer faz quê \
         quem quando onde como qual quais porque também entre desde até todo todos toda todas nada algo \
         alguém ninguém sempre nunca agora hoje amanhã ontem aqui ali lá sim obrigado obrigada olá oi bom boa \
         dia tarde noite favor desculpe desculpa sinto nome chama chamo pergunta resposta pedido ajuda ajudar \
         ajudá preço entrega número conta cliente loja aberto aberta fechado meu minha meus minhas teu tua eu \
         tu ele ela você vocês nós eles elas lhe me te semana mês ano hora horas cidade país capital tempo \
         bem claro certo entendido prazer bem-vindo sei sabe conheço frança brasil portugal outro outra pelo \
         pela pelos pelas num numa depois antes melhor caminho precisa quer gostaria vou vai problema \
         problemas reembolso leva levam cinco dois duas três quatro seis sete oito nove dez dias clique link \
         entendo código momento aguarde espere disponível esgotado produto produtos artigo carrinho pagamento \
         cartão fatura senha endereço telefone ligar enviar enviado enviamos receber recebido verificar \
         estado status rastreamento pacote entregue pronto pronta feito erro falso verdadeiro exemplo \
         informação informações detalhes grátis vermelho azul verde branco preto pequeno grande pior política \
         devolução troca cancelar cancelado confirmar confirmado segunda terça quarta quinta sexta feira \
         sábado domingo janeiro fevereiro março abril maio junho julho agosto setembro outubro novembro \
         dezembro úteis infelizmente lamento lamentamos transtorno tentar tente breve equipe equipa serviço \
         preciso alguma coisa cada vez perfeito ótimo poderia apenas só enquanto bonito quente frio sol chuva \
         feliz servir minutos minuto bloqueado combinado semanas meses anos login stock item email okay ok \
         super online offline chat pago lista vale carta gratuito volta caldo mal total original central \
         normal local animal final general deixe deixa escolha",
    ),
    lexicon(
        "tr",
        "bir ve bu da de için ile çok ne o ben sen biz siz onlar var yok değil mi mı mu mü daha gibi kadar \
         ama en her şey olarak olan oldu olur evet hayır merhaba selam teşekkür teşekkürler ederim lütfen \
         üzgünüm maalesef nasıl nerede kim hangi neden niçin size sana bana bize ona yardım yardımcı \
         olabilirim edebilirim adınız adın ad isim isminiz soru sorunuz cevap sipariş siparişiniz bugün yarın \
         dün şimdi saat gün hafta ay yıl başkent başkenti şehir ülke hava fransa türkiye tamam anladım tabii \
         elbette hoş geldiniz memnun oldum biliyorum bilmiyorum iyi günler açık kapalı fiyat teslimat müşteri \
         numara hesap sonra önce ise ya ki hem veya yeni benim senin sizin bizim onun buradan burada orada \
         sorun iade beş iki üç dört altı yedi sekiz dokuz günü sürer bağlantı bağlantıya tıklayın anlıyorum \
         numaranız nedir dakika bekleyin bekleyiniz mevcut stok ürün ürünler sepet ödeme kart fatura \
         hesabınız şifre şifreniz adres telefon arayın gönder gönderildi gönderiyoruz alındı kontrol durum \
         kargo teslim hazır bitti yapıldı hata yanlış doğru örnek bilgi bilgiler ücretsiz kırmızı mavi yeşil \
         beyaz siyah küçük büyük politika değişim iptal onay onaylandı pazartesi salı çarşamba perşembe cuma \
         cumartesi pazar ocak şubat mart nisan mayıs haziran temmuz ağustos eylül ekim kasım aralık iş içinde \
         rahatsızlık tekrar deneyin yakında ekip hizmet ihtiyaç başka konuda kez mükemmel harika süper \
         isterim sadece artık kimse güzel sıcak soğuk güneş yağmur mutlu email online paket ok okay seçim \
         hemen edeyim",
    ),
];
