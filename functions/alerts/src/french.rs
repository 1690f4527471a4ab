//! The mails in French.

use std::time::Duration;

use domain::Reason;

use crate::english::{floor_percent, span};
use crate::notification::Runs;
use crate::text::brief;
use crate::words::{Labels, Measured, Past, Plot, Slow, Tally, Telling, Trouble, Words};

pub(crate) struct French;

static LABELS: Labels = Labels {
    failed: "CE QUI A ÉCHOUÉ",
    late: "CE QUI A TARDÉ",
    said: "demandé",
    answered: "répondu",
    expected: "attendu",
    found: "reçu",
    no_answer: "(rien)",
    took: "délai",
    detail: "détail",
    no_report: "Aucun rapport sur cet incident n'a pu être lu ; les liens ci-dessous mènent à ce qu'il y a.",
    comparison: "PAR RAPPORT À L'HEURE PRÉCÉDENTE",
    before: "avant",
    during: "depuis",
    meanwhile: "pendant",
    availability: "disponibilité",
    first_chunk_p50: "1er fragment, médiane",
    first_chunk_p95: "1er fragment, p95",
    no_figures: "CloudWatch n'a pas donné de chiffres à temps.",
    others: "AUTRES ALARMES",
    others_unknown: "Impossible de savoir s'il y en a d'autres en cours.",
    next: "QUE FAIRE",
    links: "LIENS",
    report: "rapport",
    runbook: "procédure",
    alarm: "alarme",
    dashboard: "tableau",
    mute: "METTRE EN SOURDINE",
    mute_why: "réparation en cours",
    message: "LE MESSAGE TEL QU'IL EST ARRIVÉ",
    author: "CE QU'EN DIT SON AUTEUR",
    and_more: "et d'autres",
    week: "LA SEMAINE",
    runs: "visites",
};

impl Words for French {
    fn labels(&self) -> &'static Labels {
        &LABELS
    }

    fn colon(&self) -> &'static str {
        " : "
    }

    fn moment(&self) -> &'static str {
        "%d/%m/%Y %H:%M"
    }

    fn number(&self, value: f64, decimals: usize) -> String {
        format!("{value:.decimals$}").replace('.', ",")
    }

    fn percent(&self, share: f64) -> String {
        format!("{} %", self.number(floor_percent(share), 1))
    }

    fn span(&self, time: Duration) -> String {
        span(time, "j")
    }

    fn state(&self, plot: Plot, telling: Telling) -> String {
        let state = match plot {
            Plot::Down(_) => "EN PANNE",
            Plot::Degraded(Slow::Retry) => "INSTABLE",
            Plot::Degraded(_) => "LENT",
            Plot::Blind => "SANS NOUVELLES",
            Plot::Pipeline | Plot::Foreign => "ALARME",
            Plot::Recovered(_) | Plot::PipelineOver | Plot::ForeignOver => "RÉTABLI",
            Plot::Unreadable => "ILLISIBLE",
        };
        match telling {
            Telling::First => state.to_owned(),
            Telling::Still => format!("TOUJOURS {state}"),
            Telling::Flapping(_) => "INTERMITTENT".to_owned(),
            Telling::Settled => format!("STABILISÉ, {state} :"),
            Telling::Escalated => format!("ESCALADE, {state} :"),
        }
    }

    fn what(&self, plot: Plot) -> &'static str {
        match plot {
            Plot::Down(None) => "les conversations échouent",
            Plot::Down(Some(reason)) => phrase(reason),
            Plot::Degraded(Slow::FirstChunk) => "réponses lentes à venir",
            Plot::Degraded(Slow::Reply) => "réponses trop longues à finir",
            Plot::Degraded(Slow::Retry) => "ne répond qu'au second essai",
            Plot::Degraded(Slow::Unknown) => "bonnes réponses, mais tardives ou au second essai",
            Plot::Blind => "plus aucun résultat ne nous parvient",
            Plot::Recovered(Trouble::Down) => "répond de nouveau",
            Plot::Recovered(Trouble::Degraded) => "répond de nouveau à temps",
            Plot::Recovered(Trouble::Blind) => "les résultats reviennent",
            Plot::Pipeline => "Vigie elle-même a un souci",
            Plot::PipelineOver => "Vigie va de nouveau bien",
            Plot::Foreign => "alarme déclenchée",
            Plot::ForeignOver => "alarme terminée",
            Plot::Unreadable => "un message de la rubrique des alarmes",
        }
    }

    fn measured(&self, measured: &Measured) -> Option<String> {
        Some(match measured {
            Measured::Check { turn, expected, found } => {
                format!("tour {turn}, attendu {}, reçu {}", brief(expected, 40), brief(found, 40))
            }
            Measured::Late { turn, measured, objective, .. } => {
                let (measured, objective) = self.compared(*measured, *objective);
                format!("{measured} au tour {turn}, objectif {objective}")
            }
            Measured::GivenUp { turn, after, objective } => {
                let after = self.seconds(after.as_secs_f64());
                match objective {
                    Some(objective) => format!(
                        "tour {turn} abandonné après {after}, objectif {}",
                        self.seconds(objective.as_secs_f64())
                    ),
                    None => format!("tour {turn} abandonné après {after}"),
                }
            }
            Measured::Retry => "premier essai manqué".to_owned(),
            Measured::Prose(prose) => brief(prose, 60),
            Measured::Runs(runs) => failed(*runs),
            Measured::Over { plot, lasted, runs } => {
                let was = match plot {
                    Plot::Recovered(Trouble::Down) => "en panne",
                    Plot::Recovered(Trouble::Degraded) => "lent",
                    Plot::Recovered(Trouble::Blind) => "sans nouvelles",
                    _ => "en cours",
                };
                let lasted = lasted.map(|lasted| format!("{was} pendant {}", self.span(lasted)));
                let parts: Vec<String> = lasted.into_iter().chain(runs.map(failed)).collect();
                return (!parts.is_empty()).then(|| parts.join(", "));
            }
            Measured::Nothing => return None,
        })
    }

    fn test_mark(&self) -> &'static str {
        "TEST"
    }

    fn test_note(&self) -> &'static str {
        "Ceci est un test, envoyé par `vigie test-alert`. Rien n'est en panne : le chemin de l'alarme au courriel fonctionne."
    }

    fn again(&self, telling: Telling) -> Option<String> {
        Some(match telling {
            Telling::First => return None,
            Telling::Still => "Rappel : personne n'y a encore mis fin.".to_owned(),
            Telling::Flapping(changes) => format!(
                "Va-et-vient : {changes} changements en une heure. Aucun n'est annoncé à lui seul tant que ce n'est \
                 pas stabilisé. À cet instant :"
            ),
            Telling::Settled => {
                "C'est de nouveau stable, après des va-et-vient. À présent :".to_owned()
            }
            Telling::Escalated => {
                "Personne n'y a mis fin à temps, c'est donc votre tour.".to_owned()
            }
        })
    }

    fn headline(&self, plot: Plot, name: &str, at: &str, lasted: Option<Duration>) -> String {
        let since = format!("depuis le {at}{}", self.for_so_long(lasted));
        match plot {
            Plot::Down(_) => format!("{name} est en panne {since}."),
            Plot::Degraded(Slow::Retry) => format!("{name} est instable {since}."),
            Plot::Degraded(_) => format!("{name} est lent {since}."),
            Plot::Blind => format!("Plus de nouvelles de {name} {since}."),
            Plot::Pipeline => {
                format!("L'alarme {name}, sur Vigie elle-même, est en cours {since}.")
            }
            Plot::Unreadable => {
                format!("Un message que Vigie ne sait pas lire est arrivé le {at} : {name}.")
            }
            _ => format!("L'alarme {name} est en cours {since}."),
        }
    }

    fn over(&self, plot: Plot, name: &str, past: &Past) -> String {
        let was = match plot {
            Plot::Recovered(Trouble::Down) => format!("{name} a été en panne"),
            Plot::Recovered(Trouble::Degraded) => format!("{name} a été lent"),
            Plot::Recovered(Trouble::Blind) => format!("Nous étions sans nouvelles de {name}"),
            _ => format!("L'alarme {name} a été en cours"),
        };
        format!("{was} {}", self.stretch(past))
    }

    fn users_see(&self, plot: Plot) -> &'static str {
        match plot {
            Plot::Down(None) => {
                "Qui s'adresse au bot en ce moment n'obtient pas de réponse utilisable."
            }
            Plot::Down(Some(reason)) => users_see(reason),
            Plot::Degraded(Slow::FirstChunk) => {
                "Les utilisateurs attendent devant une réponse vide plus longtemps que promis, puis reçoivent une réponse juste."
            }
            Plot::Degraded(Slow::Reply) => {
                "Les utilisateurs reçoivent des réponses justes, mais plus longues à finir que promis."
            }
            Plot::Degraded(Slow::Retry) => {
                "Certains utilisateurs doivent s'y reprendre à deux fois ; la seconde fonctionne."
            }
            Plot::Degraded(Slow::Unknown) => {
                "Les utilisateurs reçoivent des réponses justes, mais attendent ou doivent réessayer."
            }
            Plot::Blind => {
                "Le bot va peut-être bien, peut-être pas : personne ne regarde. C'est Vigie qui est en cause, pas le bot."
            }
            Plot::Recovered(Trouble::Down) => {
                "Les utilisateurs reçoivent de nouveau des réponses justes."
            }
            Plot::Recovered(Trouble::Degraded) => {
                "Les utilisateurs reçoivent des réponses justes, à temps."
            }
            Plot::Recovered(Trouble::Blind) => {
                "Le bot n'était pas forcément en panne : nous ne le voyions plus."
            }
            Plot::Pipeline => {
                "Les utilisateurs des bots ne remarquent rien, mais des alarmes peuvent arriver en retard ou manquer."
            }
            Plot::PipelineOver => "On peut de nouveau se fier aux alarmes.",
            Plot::Foreign => "Ce qu'en voient les utilisateurs, seul l'auteur de l'alarme le sait.",
            Plot::ForeignOver => "Plus rien à faire, sauf avis contraire de son auteur.",
            Plot::Unreadable => "Il est transmis tel quel, pour que rien ne se perde.",
        }
    }

    fn since(&self, at: &str, lasted: Option<Duration>) -> String {
        format!("Depuis le {at}{}.", self.for_so_long(lasted))
    }

    fn lasted(&self, past: &Past) -> String {
        format!("Il en était ainsi {}", self.stretch(past))
    }

    fn late(&self, what: Slow, measured: Duration, objective: Duration) -> String {
        let (measured, objective) = self.compared(measured, objective);
        let what = if what == Slow::Reply { "jusqu'à la fin" } else { "avant les premiers mots" };
        format!("{measured} {what}, objectif {objective}")
    }

    fn gave_up(&self, after: Duration) -> String {
        format!("{}, puis abandon", self.seconds(after.as_secs_f64()))
    }

    fn turn(&self, turn: usize, turns: usize, at: &str, retries: usize) -> String {
        format!("Tour {turn} sur {turns}, visite du {at}{}.", retried(retries))
    }

    fn visit(&self, at: &str, retries: usize) -> String {
        format!("Avant le premier tour, visite du {at}{}.", retried(retries))
    }

    fn line(&self, whole: Duration, step: Duration, bars: &str) -> String {
        format!(
            "disponibilité des dernières {}, une barre par {} : {bars}",
            self.span(whole),
            self.span(step)
        )
    }

    fn all_well(&self, environment: &str) -> String {
        format!("Aucune autre alarme de {environment} n'est en cours.")
    }

    fn also(&self, plot: Plot, title: &str, at: &str) -> String {
        format!("{} {title}, depuis le {at}", self.state(plot, Telling::First))
    }

    fn recipe(&self, plot: Plot) -> &'static [&'static str] {
        match plot {
            Plot::Down(None) => &[
                "Ouvrir le bot dans un navigateur et lui parler.",
                "Tenir la conversation de la sonde à la main : vigie run probes/{probe}.yaml --environment {environment}",
                "Lire le journal de l'application depuis le début de l'alarme, et regarder son dernier déploiement.",
            ],
            Plot::Down(Some(reason)) => recipe(reason),
            Plot::Degraded(Slow::FirstChunk | Slow::Unknown) => &[
                "Regarder dans le rapport : le temps passe-t-il dans la file d'attente, ou après ?",
                "Dans la file : plus de visiteurs que de places. Relever la limite de concurrence ou ajouter une réplique.",
                "Après : le modèle est lent. Regarder sa latence, ses quotas et son GPU.",
            ],
            Plot::Degraded(Slow::Reply) => &[
                "Comparer la longueur des réponses à celle de la semaine passée : plus longues, elles prennent plus de temps.",
                "Regarder dans le rapport l'écart entre les fragments : régulier, le modèle est lent ; un seul long écart, il s'est figé.",
                "Regarder la latence et les quotas du modèle.",
            ],
            Plot::Degraded(Slow::Retry) => &[
                "Lire dans le rapport pourquoi le premier essai a échoué : c'est ce que rencontrent les utilisateurs.",
                "Chercher des redémarrages, une réplique défaillante derrière le répartiteur, ou un quota.",
            ],
            Plot::Blind => &[
                "Vérifier que le dispatcher et le prober tournent : leurs journaux, et les courriels de la rubrique « watch ».",
                "La sonde a-t-elle été renommée, arrêtée ou retirée sans déploiement ? Alors déployer.",
                "En attendant, regarder le bot soi-même : vigie run probes/{probe}.yaml --environment {environment}",
            ],
            Plot::Recovered(Trouble::Blind) => {
                &["Chercher dans les journaux pourquoi les résultats n'arrivaient plus."]
            }
            Plot::Recovered(_) => {
                &["Rien pour l'instant. Aux heures ouvrées : noter ce qui a réparé."]
            }
            Plot::Pipeline => &[
                "Ouvrir l'alarme et lire sa description : elle dit ce qui s'est arrêté.",
                "Regarder le journal de la fonction et sa file de lettres mortes.",
            ],
            Plot::Foreign => &["Ouvrir l'alarme, ou sa procédure si elle en a une."],
            Plot::PipelineOver | Plot::ForeignOver => &["Rien."],
            Plot::Unreadable => &[
                "Le lire ci-dessus, et agir si c'est une alarme.",
                "Puis faire employer à son expéditeur une forme que Vigie connaît : voir docs/alerting.md.",
            ],
        }
    }

    fn mute_whole(&self) -> &'static str {
        "Pour plusieurs alarmes, ou chaque semaine : MaintenanceSchedule dans le modèle SAM."
    }

    fn footer(&self, severity: &str, team: Option<&str>, alarm: &str, reason: &str) -> String {
        let team = team.map(|team| format!(", équipe {team}")).unwrap_or_default();
        let reason = if reason.is_empty() { String::new() } else { format!(" : {reason}") };
        format!("Gravité {severity}{team}. Alarme {alarm}{reason}")
    }

    fn group_subject(&self, tally: Tally, environment: &str, names: &str) -> String {
        let parts = [
            (tally.down, "EN PANNE"),
            (tally.blind, "SANS NOUVELLES"),
            (tally.degraded, "LENT"),
            (tally.other, "ALARME"),
            (tally.over, "RÉTABLI"),
        ];
        let parts: Vec<String> = parts
            .iter()
            .filter(|(count, _)| 0 < *count)
            .map(|(count, state)| format!("{count} {state}"))
            .collect();
        format!("{} ({environment}) : {names}", parts.join(", "))
    }

    fn group_headline(&self, count: usize, environment: &str) -> String {
        format!(
            "{count} alarmes de {environment} ont changé ensemble. Chercher d'abord ce qu'elles ont en commun : \
             un déploiement, un réseau, un modèle derrière toutes."
        )
    }

    fn week_subject(&self, environment: &str, probes: Option<usize>, up: Option<usize>) -> String {
        let probes = probes.map(|probes| format!(", {probes} sondes")).unwrap_or_default();
        let up = match up {
            None => String::new(),
            Some(0) => ", aucune alarme en cours".to_owned(),
            Some(up) => format!(", alarmes en cours : {up}"),
        };
        format!("Toujours en veille ({environment}){probes}{up}")
    }

    fn week_headline(&self, environment: &str) -> String {
        format!(
            "Vigie veille toujours sur {environment}. Ce courriel vient une fois par semaine par le chemin des alarmes ; \
             s'il manque, quelque chose est en panne."
        )
    }
}

impl French {
    /// How long it has lasted, where that is worth a word.
    fn for_so_long(&self, lasted: Option<Duration>) -> String {
        let lasted = lasted.filter(|lasted| 60 <= lasted.as_secs());
        lasted.map(|lasted| format!(", soit {}", self.span(lasted))).unwrap_or_default()
    }

    fn stretch(&self, past: &Past) -> String {
        let until = &past.until;
        let runs = past.failed.map(|runs| format!(" : {}", failed(runs))).unwrap_or_default();
        match &past.stretch {
            Some((from, lasted)) => {
                format!("pendant {}, du {from} au {until}{runs}.", self.span(*lasted))
            }
            None => format!("jusqu'au {until}{runs}."),
        }
    }
}

fn failed(runs: Runs) -> String {
    format!("{} visites sur {} en échec", runs.failed(), runs.total)
}

fn retried(retries: usize) -> &'static str {
    match retries {
        0 => "",
        1 => ", et de même au second essai",
        _ => ", et de même à chaque nouvel essai",
    }
}

fn phrase(reason: Reason) -> &'static str {
    match reason {
        Reason::Dns => "son nom d'hôte n'a pas d'adresse",
        Reason::Connect => "connexion impossible",
        Reason::Tls => "pas de connexion sécurisée (TLS)",
        Reason::HttpStatus => "erreur HTTP",
        Reason::NotGradio => "ce qui répond n'est pas une application Gradio",
        Reason::Auth => "identification refusée",
        Reason::EndpointMissing => "son point d'entrée de chat a disparu",
        Reason::QueueFull => "sa file d'attente est pleine",
        Reason::QueueTimeout => "bloqué dans sa file d'attente",
        Reason::FirstChunkTimeout => "aucune réponse ne vient à temps",
        Reason::Stalled => "ses réponses s'arrêtent en chemin",
        Reason::Timeout => "conversation trop longue",
        Reason::StreamBroken => "ses réponses sont coupées",
        Reason::AppError => "l'application signale une erreur",
        Reason::CheckFailed => "mauvaise réponse",
        Reason::TooLarge => "il envoie beaucoup trop",
    }
}

fn users_see(reason: Reason) -> &'static str {
    match reason {
        Reason::Dns => "Le navigateur dit que le site est introuvable.",
        Reason::Connect => "Le navigateur dit que le site est inaccessible.",
        Reason::Tls => {
            "Le navigateur avertit que la connexion n'est pas privée, ou refuse de se connecter."
        }
        Reason::HttpStatus => {
            "Les utilisateurs voient une page d'erreur, ou un chat qui ne se charge pas."
        }
        Reason::NotGradio => {
            "Les utilisateurs voient une autre page que le chat, d'attente ou d'erreur par exemple."
        }
        Reason::Auth => {
            "Les utilisateurs sont peut-être invités à se connecter, ou refusés ; la sonde l'est à coup sûr."
        }
        Reason::EndpointMissing => {
            "La page se charge, mais le chat n'y est pas, ou n'est pas celui que l'on connaît."
        }
        Reason::QueueFull => {
            "Les utilisateurs apprennent que le bot est débordé, et n'ont pas de réponse."
        }
        Reason::QueueTimeout => "Les utilisateurs attendent dans la file, et beaucoup renonceront.",
        Reason::FirstChunkTimeout => "Les utilisateurs envoient un message et rien ne vient.",
        Reason::Stalled => {
            "Les utilisateurs voient une réponse commencer, puis s'arrêter pour de bon."
        }
        Reason::Timeout => "Les utilisateurs attendent leurs réponses beaucoup trop longtemps.",
        Reason::StreamBroken => {
            "Les utilisateurs voient une demi-réponse, puis une erreur ou rien."
        }
        Reason::AppError => "Les utilisateurs voient un message d'erreur à la place d'une réponse.",
        Reason::CheckFailed => "Les utilisateurs reçoivent des réponses, mais pas les bonnes.",
        Reason::TooLarge => "Le navigateur des utilisateurs ralentit ou se fige.",
    }
}

fn recipe(reason: Reason) -> &'static [&'static str] {
    match reason {
        Reason::Dns => &[
            "Chercher le nom depuis ailleurs : dig {host}",
            "L'enregistrement, la zone ou le répartiteur ont-ils été modifiés ou supprimés ? Le domaine a-t-il expiré ?",
            "Nom privé : le prober est-il dans le bon VPC ?",
        ],
        Reason::Connect => &[
            "L'application tourne-t-elle ? Regarder ses tâches ou pods, et leurs redémarrages.",
            "Le répartiteur a-t-il une cible saine ? Un groupe de sécurité a-t-il été modifié ?",
            "Essayer depuis ailleurs : curl -sv {url}/config",
        ],
        Reason::Tls => &[
            "Regarder le certificat : openssl s_client -connect {instance} -servername {host}",
            "Expiré : le renouveler, et chercher pourquoi personne ne l'a fait.",
            "Celui d'un autre hôte : regarder l'écouteur et les règles du répartiteur.",
        ],
        Reason::HttpStatus => &[
            "502, 503, 504 : l'application est en panne derrière son proxy ; regarder ses tâches et redémarrages.",
            "429 : un quota ; laisser passer la sonde (son User-Agent commence par Vigie/), ou sonder moins souvent.",
            "500 : lire le journal de l'application à l'heure de la visite. 404 : l'application a-t-elle déménagé ?",
        ],
        Reason::NotGradio => &[
            "Ouvrir l'adresse dans un navigateur : page de maintenance, de connexion, Space endormi ?",
            "Un Space : le réveiller, ou lire son journal de construction.",
            "L'application est-elle passée sous un sous-chemin ? Alors changer `target.url` de la sonde.",
        ],
        Reason::Auth => &[
            "Le mot de passe ou le jeton ont-ils changé ? Mettre le nouveau dans le secret que nomme la sonde.",
            "Le secret est-il lisible ? vigie run probes/{probe}.yaml --environment {environment} dit lequel elle demande.",
            "Essayer de se connecter à la main avec le même compte.",
        ],
        Reason::EndpointMissing => &[
            "L'application vient-elle d'être déployée ? Comparer ce qu'elle propose : vigie discover URL",
            "Si le changement est voulu, corriger `target.endpoint` de la sonde ; sinon, revenir en arrière.",
        ],
        Reason::QueueFull => &[
            "Combien de personnes y a-t-il ? Voir les requêtes et la file sur le tableau de bord.",
            "Une requête bloquée tient-elle la file ? Redémarrer l'application si rien n'avance plus.",
            "Relever `max_size` ou la limite de concurrence, ou ajouter une réplique.",
        ],
        Reason::QueueTimeout => &[
            "La file avance-t-elle ? Sinon, un traitement est bloqué : redémarrer l'application et voir ce qu'il faisait.",
            "Si elle avance : plus de visiteurs que de places. Relever la limite de concurrence ou ajouter une réplique.",
        ],
        Reason::FirstChunkTimeout => &[
            "L'application a pris le message puis s'est tue : regarder le modèle derrière elle (état, quota, GPU).",
            "Lire le journal de l'application à l'heure de la visite : attend-elle quelque chose ?",
            "Redémarrer l'application si le modèle répond et pas elle.",
        ],
        Reason::Stalled => &[
            "Regarder le modèle derrière l'application : son flux s'arrête-t-il aussi ?",
            "Un proxy qui coupe les connexions inactives ? Comparer sa limite à la durée des réponses.",
            "Lire le journal de l'application à l'heure de la visite.",
        ],
        Reason::Timeout => &[
            "Regarder dans le rapport quelle phase a pris le temps.",
            "Le modèle : sa latence et ses quotas. La file : trop peu de places.",
            "Si le bot est comme il doit être, le `timeout` de la sonde est trop court pour sa conversation.",
        ],
        Reason::StreamBroken => &[
            "L'application a-t-elle redémarré en cours de route ? Chercher un manque de mémoire ou un déploiement.",
            "Un proxy qui coupe les longues réponses ? Regarder ses limites de durée et de taille.",
        ],
        Reason::AppError => &[
            "Lire le journal de l'application à l'heure de la visite ; le texte de l'erreur est ci-dessus.",
            "Une clé d'API, un quota, un modèle retiré ? Ce sont les causes habituelles.",
            "Déployée à l'instant ? Revenir en arrière.",
        ],
        Reason::CheckFailed => &[
            "Comparer attendu et reçu ci-dessus : la réponse est-elle fausse, ou seulement formulée autrement ?",
            "Fausse : chercher un changement de modèle, d'invite ou de données, et des sessions perdues entre deux tours.",
            "Formulée autrement : assouplir la vérification dans le fichier de la sonde, et déployer.",
        ],
        Reason::TooLarge => &[
            "Une réponse se répète-t-elle sans fin ? Regarder les limites de longueur du modèle.",
            "La configuration de l'application contient-elle des données (images, tableaux) ? Les servir comme fichiers.",
        ],
    }
}
