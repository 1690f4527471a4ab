//! The mails in French. What stands before a double punctuation mark is a no-break space, so that no line of a
//! mail begins with one; a subject, which is ASCII, has plain ones.

mod checks;
mod reasons;

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
    said: "envoyé",
    answered: "répondu",
    expected: "attendu",
    found: "reçu",
    no_answer: "(rien)",
    took: "délai",
    detail: "détail",
    no_report: "Aucun rapport sur cet incident n'a pu être lu ; les liens ci-dessous mènent à ce qu'il y a.",
    comparison: "PAR RAPPORT À L'HEURE PRÉCÉDENTE",
    figures: "CHIFFRES",
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
        "\u{a0}: "
    }

    /// No line breaks between a number and its unit.
    fn space(&self) -> &'static str {
        "\u{a0}"
    }

    fn moment(&self) -> &'static str {
        "%d/%m/%Y %H:%M"
    }

    fn number(&self, value: f64, decimals: usize) -> String {
        format!("{value:.decimals$}").replace('.', ",")
    }

    fn percent(&self, share: f64) -> String {
        format!("{}\u{a0}%", self.number(floor_percent(share), 1))
    }

    fn span(&self, time: Duration) -> String {
        span(time, "j", self.space())
    }

    fn state(&self, plot: Plot, telling: Telling) -> String {
        let state = match plot {
            Plot::Down(_) => "EN PANNE",
            Plot::Degraded(Slow::Retry) => "INSTABLE",
            Plot::Degraded(_) => "LENT",
            Plot::Blind(_) => "SANS NOUVELLES",
            Plot::Pipeline | Plot::Foreign => "ALARME",
            Plot::Recovered(_) | Plot::PipelineOver | Plot::ForeignOver => "RÉTABLI",
            Plot::Unreadable => "ILLISIBLE",
        };
        match telling {
            Telling::First => state.to_owned(),
            Telling::Still => format!("TOUJOURS {state}"),
            Telling::Flapping(_) => "INTERMITTENT".to_owned(),
            Telling::Settled => format!("STABILISÉ, {state} :"),
            Telling::Escalated => format!("ESCALADE, {state} :"),
        }
    }

    fn what(&self, plot: Plot) -> &'static str {
        match plot {
            Plot::Down(None) => "les conversations échouent",
            Plot::Down(Some(reason)) => reasons::phrase(reason),
            Plot::Degraded(Slow::FirstChunk) => "réponses lentes à venir",
            Plot::Degraded(Slow::Reply) => "réponses trop longues à finir",
            Plot::Degraded(Slow::Retry) => "ne répond qu'au second essai",
            Plot::Degraded(Slow::Unknown) => "bonnes réponses, mais tardives ou au second essai",
            Plot::Blind(None) => "plus aucun résultat ne nous parvient",
            Plot::Blind(Some(fault)) => reasons::fault(fault),
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
                let (expected, found) = (checks::expected(expected), checks::found(found));
                format!("tour {turn}, attendu {}, reçu {}", brief(&expected, 40), brief(&found, 40))
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
            Measured::Prose { reason: Some(reason), prose } => {
                return self.prose(*reason, prose).map(|prose| brief(&prose, 60));
            }
            Measured::Prose { reason: None, prose } => brief(prose, 60),
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

    fn expected(&self, check: &str) -> String {
        checks::expected(check)
    }

    fn found(&self, found: &str) -> String {
        checks::found(found)
    }

    fn prose(&self, reason: Reason, prose: &str) -> Option<String> {
        reasons::prose(reason, prose).map(str::to_owned)
    }

    fn test_mark(&self) -> &'static str {
        "TEST"
    }

    fn test_note(&self) -> &'static str {
        "Ceci est un test, envoyé par `vigie test-alert`. Rien n'est en panne : le chemin de l'alarme au courriel fonctionne."
    }

    fn again(&self, telling: Telling) -> Option<String> {
        Some(match telling {
            Telling::First => return None,
            Telling::Still => "Rappel : personne n'y a encore mis fin.".to_owned(),
            Telling::Flapping(changes) => format!(
                "Va-et-vient : {changes} changements en une heure. Aucun n'est annoncé à lui seul tant que ce n'est \
                 pas stabilisé. À cet instant :"
            ),
            Telling::Settled => {
                "C'est de nouveau stable, après des va-et-vient. À présent :".to_owned()
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
            Plot::Blind(_) => format!("Plus de nouvelles de {name} {since}."),
            Plot::Pipeline => {
                format!("L'alarme {name}, sur Vigie elle-même, est en cours {since}.")
            }
            Plot::Unreadable => {
                format!("Un message que Vigie ne sait pas lire est arrivé le {at} : {name}.")
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
            Plot::Down(Some(reason)) => reasons::users_see(reason),
            Plot::Degraded(Slow::FirstChunk) => {
                "Les utilisateurs attendent devant une réponse vide plus longtemps que promis, puis reçoivent une réponse juste."
            }
            Plot::Degraded(Slow::Reply) => {
                "Les utilisateurs reçoivent des réponses justes, mais plus longues à finir que promis."
            }
            Plot::Degraded(Slow::Retry) => {
                "Certains utilisateurs doivent s'y reprendre à deux fois ; la seconde fonctionne."
            }
            Plot::Degraded(Slow::Unknown) => {
                "Les utilisateurs reçoivent des réponses justes, mais attendent ou doivent réessayer."
            }
            Plot::Blind(_) => {
                "Le bot va peut-être bien, peut-être pas : personne ne regarde. C'est Vigie qui est en cause, pas le bot."
            }
            Plot::Recovered(Trouble::Down) => {
                "Les utilisateurs reçoivent de nouveau des réponses justes."
            }
            Plot::Recovered(Trouble::Degraded) => {
                "Les utilisateurs reçoivent des réponses justes, à temps."
            }
            Plot::Recovered(Trouble::Blind) => {
                "Le bot n'était pas forcément en panne : nous ne le voyions plus."
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
            "disponibilité des dernières {}, une barre par {} : {bars}",
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
                "Tenir la conversation de la sonde à la main : vigie run probes/{probe}.yaml --environment {environment}",
                "Lire le journal de l'application depuis le début de l'alarme, et regarder son dernier déploiement.",
            ],
            Plot::Down(Some(reason)) => reasons::recipe(reason),
            Plot::Degraded(Slow::FirstChunk | Slow::Unknown) => &[
                "Regarder dans le rapport : le temps passe-t-il dans la file d'attente, ou après ?",
                "Dans la file : plus de visiteurs que de places. Relever la limite de concurrence ou ajouter une réplique.",
                "Après : le modèle est lent. Regarder sa latence, ses quotas et son GPU.",
            ],
            Plot::Degraded(Slow::Reply) => &[
                "Comparer la longueur des réponses à celle de la semaine passée : plus longues, elles prennent plus de temps.",
                "Regarder dans le rapport l'écart entre les fragments : régulier, le modèle est lent ; un seul long écart, il s'est figé.",
                "Regarder la latence et les quotas du modèle.",
            ],
            Plot::Degraded(Slow::Retry) => &[
                "Lire dans le rapport pourquoi le premier essai a échoué : c'est ce que rencontrent les utilisateurs.",
                "Chercher des redémarrages, une réplique défaillante derrière le répartiteur, ou un quota.",
            ],
            Plot::Blind(Some(fault)) => reasons::fault_recipe(fault),
            Plot::Blind(None) => &[
                "Vérifier que le dispatcher et le prober tournent : leurs journaux, et les courriels de la rubrique « watch ».",
                "La sonde a-t-elle été renommée, arrêtée ou retirée sans déploiement ? Alors déployer.",
                "En attendant, regarder le bot soi-même : vigie run probes/{probe}.yaml --environment {environment}",
            ],
            Plot::Recovered(Trouble::Blind) => {
                &["Chercher dans les journaux pourquoi les résultats n'arrivaient plus."]
            }
            Plot::Recovered(_) => {
                &["Rien pour l'instant. Aux heures ouvrées : noter ce qui a réparé."]
            }
            Plot::Pipeline => &[
                "Ouvrir l'alarme et lire sa description : elle dit ce qui s'est arrêté.",
                "Regarder le journal de la fonction et sa file de lettres mortes.",
            ],
            Plot::Foreign => &["Ouvrir l'alarme, ou sa procédure si elle en a une."],
            Plot::PipelineOver | Plot::ForeignOver => &["Rien."],
            Plot::Unreadable => &[
                "Le lire ci-dessus, et agir si c'est une alarme.",
                "Puis faire employer à son expéditeur une forme que Vigie connaît : voir docs/alerting.md.",
            ],
        }
    }

    fn runbook(&self, plot: Plot) -> Option<&'static str> {
        Some(match plot {
            Plot::Down(None) => "runbook.fr.md#vigie-env-probe-down",
            Plot::Down(Some(_)) => "runbook.fr.md#raisons",
            Plot::Degraded(_) => "runbook.fr.md#vigie-env-probe-degraded",
            Plot::Blind(_) => "runbook.fr.md#vigie-env-probe-down-en-insufficient_data",
            Plot::Pipeline => "runbook.fr.md#alertes-de-vigie-elle-m%C3%AAme",
            _ => return None,
        })
    }

    fn mute_whole(&self) -> &'static str {
        "Pour plusieurs alarmes, ou chaque semaine : MaintenanceSchedule dans le modèle SAM."
    }

    fn footer(&self, severity: &str, team: Option<&str>, alarm: &str, reason: &str) -> String {
        let team = team.map(|team| format!(", équipe {team}")).unwrap_or_default();
        let reason = if reason.is_empty() { String::new() } else { format!("\u{a0}: {reason}") };
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
        format!("{} ({environment}) : {names}", parts.join(", "))
    }

    fn group_headline(&self, count: usize, environment: &str) -> String {
        format!(
            "{count} alarmes de {environment} ont changé ensemble. Chercher d'abord ce qu'elles ont en commun : \
             un déploiement, un réseau, un modèle derrière toutes."
        )
    }

    fn week_subject(&self, environment: &str, probes: Option<usize>, up: Option<usize>) -> String {
        let probes = probes.map(|probes| format!(", {probes} sondes")).unwrap_or_default();
        let up = match up {
            None => String::new(),
            Some(0) => ", aucune alarme en cours".to_owned(),
            Some(up) => format!(", alarmes en cours : {up}"),
        };
        format!("Toujours en veille ({environment}){probes}{up}")
    }

    fn week_headline(&self, environment: &str) -> String {
        format!(
            "Vigie veille toujours sur {environment}. Ce courriel vient une fois par semaine par le chemin des alarmes ; \
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
        let runs = past.failed.map(|runs| format!("\u{a0}: {}", failed(runs))).unwrap_or_default();
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

#[cfg(test)]
mod tests {
    #[test]
    fn no_line_of_a_mail_begins_with_a_double_punctuation_mark() {
        let sources = [
            include_str!("french.rs"),
            include_str!("french/checks.rs"),
            include_str!("french/reasons.rs"),
        ];
        for source in sources {
            let (words, _tests) = source.split_once("#[cfg(test)]").unwrap_or((source, ""));
            for line in words.lines() {
                let loose = |mark| line.contains(&format!("\u{20}{mark}"));
                let found: Vec<char> =
                    [':', ';', '?', '»'].into_iter().filter(|mark| loose(*mark)).collect();
                assert_eq!(found, [] as [char; 0], "a plain space stands before it in: {line}");
            }
        }
    }
}
