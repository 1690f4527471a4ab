//! The mails in French. A no-break space precedes each double punctuation mark, so that no line begins with one;
//! subjects are ASCII and have plain spaces.

mod checks;
mod reasons;
mod situations;

use std::time::Duration;

use domain::Reason;

use super::{Labels, Messages, PastIncident, duration, floor_percent};
use crate::alert::State;
use crate::incident::NotificationKind;
use crate::mail::situation::{Attempts, Measurement, Problem, Situation, Slowness, StateCounts};
use crate::mail::text::brief;
use crate::notification::Runs;

pub(crate) struct French;

static LABELS: Labels = Labels {
    failed: "CE QUI A ÉCHOUÉ",
    late: "CE QUI EST LENT",
    said: "envoyé",
    answered: "reçu",
    expected: "attendu",
    found: "reçu",
    no_answer: "(rien)",
    took: "durée",
    detail: "détail",
    no_report: "Aucun rapport de cet incident n'a pu être lu. Les liens ci-dessous mènent aux informations disponibles.",
    comparison: "COMPARAISON AVEC L'HEURE PRÉCÉDENTE",
    metrics: "MÉTRIQUES",
    before: "avant",
    during: "depuis",
    during_incident: "incident",
    availability: "disponibilité",
    first_chunk_p50: "1er fragment, médiane",
    first_chunk_p95: "1er fragment, p95",
    no_metrics: "CloudWatch n'a renvoyé aucune métrique à temps.",
    seen_from: "VU DEPUIS",
    others: "AUTRES ALARMES",
    others_unknown: "L'état des autres alarmes n'a pas pu être lu.",
    next: "QUE FAIRE",
    links: "LIENS",
    report: "rapport",
    runbook: "procédure",
    alarm: "alarme",
    dashboard: "tableau",
    acknowledge: "PRENDRE EN CHARGE",
    mute: "SUSPENDRE LES NOTIFICATIONS",
    mute_reason: "correction en cours",
    message: "MESSAGE D'ORIGINE",
    description: "DESCRIPTION DE L'ALARME",
    label_list: "ÉTIQUETTES",
    annotations: "ANNOTATIONS",
    and_more: "et d'autres",
    week: "SEMAINE PASSÉE",
    runs: "exécutions",
    budget_left: "budget d'erreur de 30 jours restant\u{a0}:",
};

impl Messages for French {
    fn labels(&self) -> &'static Labels {
        &LABELS
    }

    fn colon(&self) -> &'static str {
        "\u{a0}: "
    }

    /// No line break between a number and its unit.
    fn space(&self) -> &'static str {
        "\u{a0}"
    }

    fn date_format(&self) -> &'static str {
        "%d/%m/%Y %H:%M"
    }

    fn number(&self, value: f64, decimals: usize) -> String {
        format!("{value:.decimals$}").replace('.', ",")
    }

    fn percent(&self, share: f64) -> String {
        format!("{}\u{a0}%", self.number(floor_percent(share), 1))
    }

    fn duration(&self, time: Duration) -> String {
        duration(time, "j", self.space())
    }

    fn state(&self, situation: Situation, kind: NotificationKind) -> String {
        let state = match situation {
            Situation::Down(_) => "EN PANNE",
            Situation::DownFrom(_) => "EN PANNE DEPUIS UN LIEU",
            Situation::Degraded(Slowness::Retry) => "INSTABLE",
            Situation::Degraded(_) => "LENT",
            Situation::NoData(_) | Situation::NoDataFrom => "PAS DE DONNÉES",
            Situation::SelfMonitoring | Situation::ProbeAlarm | Situation::External => "ALARME",
            Situation::Recovered(_) | Situation::SelfMonitoringOver | Situation::ExternalOver => {
                "RÉTABLI"
            }
            Situation::Closed(_) => "CLOS",
            Situation::Unreadable => "MESSAGE INCONNU",
        };
        match kind {
            NotificationKind::Changed => state.to_owned(),
            NotificationKind::Reminder => format!("TOUJOURS {state}"),
            NotificationKind::Flapping { .. } => "INTERMITTENT".to_owned(),
            NotificationKind::Settled => format!("{state} (STABLE)"),
            NotificationKind::Escalation => format!("ESCALADE\u{a0}: {state}"),
            NotificationKind::Acknowledged => format!("PRIS EN CHARGE\u{a0}: {state}"),
        }
    }

    fn summary(&self, situation: Situation) -> &'static str {
        situations::summary(situation)
    }

    fn measurement(&self, measurement: &Measurement) -> Option<String> {
        Some(match measurement {
            Measurement::Check { turn, expected, found } => {
                let (expected, found) = (checks::expected(expected), checks::found(found));
                format!("tour {turn}, attendu {}, reçu {}", brief(&expected, 40), brief(&found, 40))
            }
            Measurement::Late { turn, measured, objective, .. } => {
                let (measured, objective) = self.compared(*measured, *objective);
                format!("{measured} au tour {turn}, objectif {objective}")
            }
            Measurement::TimedOut { turn, after, objective } => {
                let after = self.seconds(after.as_secs_f64());
                match objective {
                    Some(objective) => format!(
                        "tour {turn} arrêté après {after}, objectif {}",
                        self.seconds(objective.as_secs_f64())
                    ),
                    None => format!("tour {turn} arrêté après {after}"),
                }
            }
            Measurement::Retry => "premier essai en échec".to_owned(),
            Measurement::Detail { reason: Some(reason), detail } => {
                return self.detail(*reason, detail).map(|detail| brief(&detail, 60));
            }
            Measurement::Detail { reason: None, detail } => brief(detail, 60),
            Measurement::Runs(runs) => failed(*runs),
            Measurement::Ended { situation, lasted, runs } => {
                let was = match situation {
                    Situation::Recovered(Problem::Down) => "en panne pendant",
                    Situation::Recovered(Problem::Degraded) => "lent pendant",
                    Situation::Recovered(Problem::NoData) => "pas de données pendant",
                    _ => "durée",
                };
                let lasted = lasted.map(|lasted| format!("{was} {}", self.duration(lasted)));
                let parts: Vec<String> = lasted.into_iter().chain(runs.map(failed)).collect();
                return (!parts.is_empty()).then(|| parts.join(", "));
            }
            Measurement::Nothing => return None,
        })
    }

    fn expected(&self, check: &str) -> String {
        checks::expected(check)
    }

    fn found(&self, found: &str) -> String {
        checks::found(found)
    }

    fn detail(&self, reason: Reason, detail: &str) -> Option<String> {
        reasons::detail(reason, detail).map(str::to_owned)
    }

    fn acknowledged(&self, by: &str, at: &str) -> String {
        format!("pris en charge par {by} le {at}")
    }

    fn test_mark(&self) -> &'static str {
        "TEST"
    }

    fn test_note(&self) -> &'static str {
        "Ceci est un test envoyé par `vigie test-alert`. Rien n'est en panne. Les notifications sont bien envoyées."
    }

    fn kind(&self, kind: NotificationKind) -> Option<String> {
        Some(match kind {
            NotificationKind::Changed => return None,
            NotificationKind::Reminder => "Rappel\u{a0}: l'incident n'est pas résolu.".to_owned(),
            NotificationKind::Flapping { changes } => format!(
                "L'état a changé {changes} fois en une heure. Vigie n'envoie pas de notification à chaque changement\u{a0}; \
                 elle en envoie une quand l'état est de nouveau stable. État actuel\u{a0}:"
            ),
            NotificationKind::Settled => {
                "L'état est de nouveau stable. État actuel\u{a0}:".to_owned()
            }
            NotificationKind::Escalation => {
                "Escalade\u{a0}: l'incident n'a été ni résolu ni pris en charge à temps.".to_owned()
            }
            NotificationKind::Acknowledged => {
                "L'incident est pris en charge. Rappels et escalade s'arrêtent jusqu'à sa fin."
                    .to_owned()
            }
        })
    }

    fn headline(
        &self,
        situation: Situation,
        name: &str,
        at: &str,
        lasted: Option<Duration>,
    ) -> String {
        let since = format!("depuis le {at}{}", self.for_duration(lasted));
        match situation {
            Situation::Down(_) => format!("{name} est en panne {since}."),
            Situation::DownFrom(_) => {
                format!(
                    "{name} est en panne {since}. Trop peu d'autres lieux sont d'accord pour une page."
                )
            }
            Situation::Degraded(Slowness::Retry) => format!("{name} est instable {since}."),
            Situation::Degraded(_) => format!("{name} est lent {since}."),
            Situation::NoData(_) | Situation::NoDataFrom => {
                format!("Vigie n'a aucun résultat pour {name} {since}.")
            }
            Situation::SelfMonitoring => {
                format!("L'alarme de Vigie elle-même {name} est active {since}.")
            }
            Situation::Unreadable => {
                format!("Vigie a reçu un message d'un format inconnu le {at}\u{a0}: {name}.")
            }
            _ => format!("L'alarme {name} est active {since}."),
        }
    }

    fn ended(&self, situation: Situation, name: &str, past: &PastIncident) -> String {
        let was = match situation {
            Situation::Recovered(Problem::Down) => format!("{name} a été en panne"),
            Situation::Recovered(Problem::Location) => {
                format!("{name} a été en panne ou sans résultat")
            }
            Situation::Recovered(Problem::Degraded) => format!("{name} a été lent"),
            Situation::Recovered(Problem::NoData) => {
                format!("Vigie n'avait aucun résultat pour {name}")
            }
            _ => format!("L'alarme {name} a été active"),
        };
        format!("{was} {}", self.period(past))
    }

    fn impact(&self, situation: Situation) -> &'static str {
        situations::impact(situation)
    }

    fn since(&self, at: &str, lasted: Option<Duration>) -> String {
        format!("Depuis le {at}{}.", self.for_duration(lasted))
    }

    fn lasted(&self, past: &PastIncident) -> String {
        format!("Durée\u{a0}: {}", self.period(past))
    }

    fn late(&self, what: Slowness, measured: Duration, objective: Duration) -> String {
        let (measured, objective) = self.compared(measured, objective);
        let what =
            if what == Slowness::Reply { "jusqu'à la fin" } else { "avant le premier fragment" };
        format!("{measured} {what}, objectif {objective}")
    }

    fn timed_out(&self, after: Duration) -> String {
        format!("{}, puis arrêt de l'attente", self.seconds(after.as_secs_f64()))
    }

    fn turn(&self, turn: usize, turns: usize, at: &str, attempts: &Attempts) -> String {
        format!("Tour {turn} sur {turns}, exécution du {at}.{}", other_attempts(attempts))
    }

    fn before_first_turn(&self, at: &str, attempts: &Attempts) -> String {
        format!("Avant le premier tour, exécution du {at}.{}", other_attempts(attempts))
    }

    fn availability_line(&self, whole: Duration, step: Duration, bars: &str) -> String {
        format!(
            "disponibilité, dernières {} (une barre = {})\u{a0}: {bars}",
            self.duration(whole),
            self.duration(step)
        )
    }

    fn seen(&self, state: State) -> &'static str {
        match state {
            State::Alarm => "en panne",
            State::Ok => "répond correctement",
            State::InsufficientData => "aucun résultat, pas de voix",
        }
    }

    fn no_other_alarm(&self, environment: &str) -> String {
        format!("Aucune autre alarme de {environment} n'est active.")
    }

    fn open_alarm(&self, situation: Situation, title: &str, at: &str) -> String {
        format!("{} {title}, depuis le {at}", self.state(situation, NotificationKind::Changed))
    }

    fn steps(&self, situation: Situation) -> &'static [&'static str] {
        situations::steps(situation)
    }

    fn runbook(&self, situation: Situation) -> Option<&'static str> {
        situations::runbook(situation)
    }

    fn acknowledge_hint(&self, of_serve: bool) -> &'static str {
        if of_serve {
            "Les rappels et l'escalade s'arrêtent jusqu'à la fin de l'incident. Si `vigie serve` a un jeton, le donner dans VIGIE_TOKEN."
        } else {
            "Les rappels et l'escalade s'arrêtent jusqu'à la fin de l'incident."
        }
    }

    fn mute_hint(&self) -> &'static str {
        "Pour une période récurrente, définir `maintenance` dans le fichier de sonde. Pour toutes les sondes, définir le paramètre MaintenanceSchedule."
    }

    fn footer(&self, severity: &str, team: Option<&str>, alarm: &str, reason: &str) -> String {
        let team = team.map(|team| format!(", équipe {team}")).unwrap_or_default();
        let reason = if reason.is_empty() {
            String::new()
        } else {
            format!(", cause indiquée\u{a0}: {reason}")
        };
        format!("Gravité {severity}{team}. Alarme {alarm}{reason}")
    }

    fn group_subject(&self, counts: StateCounts, environment: &str, names: &str) -> String {
        let parts = [
            (counts.down, "EN PANNE"),
            (counts.no_data, "PAS DE DONNÉES"),
            (counts.degraded, "LENT"),
            (counts.other, "ALARME"),
            (counts.over, "RÉTABLI"),
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
            "{count} alarmes de {environment}. Chercher d'abord une cause commune : un déploiement, le réseau, un modèle partagé."
        )
    }

    fn week_subject(
        &self,
        environment: &str,
        probes: Option<usize>,
        open: Option<usize>,
    ) -> String {
        let probes = probes.map(|probes| format!(", {probes} sondes")).unwrap_or_default();
        let open = match open {
            None => String::new(),
            Some(0) => ", aucune alarme active".to_owned(),
            Some(open) => format!(", alarmes actives : {open}"),
        };
        format!("Rapport hebdomadaire ({environment}){probes}{open}")
    }

    fn week_headline(&self, environment: &str) -> String {
        format!(
            "Rapport hebdomadaire de Vigie pour {environment}. Il est envoyé chaque semaine de la même façon que les alarmes. \
             S'il n'arrive pas, les notifications sont en panne."
        )
    }

    fn unconfirmed_subject(&self, environment: &str, addresses: usize) -> String {
        format!("Adresses non confirmées ({environment})\u{a0}: {addresses}")
    }

    fn unconfirmed_headline(&self) -> String {
        "Ces adresses ne reçoivent rien de leur rubrique SNS. Leur abonnement n'est pas confirmé, est désactivé ou supprimé."
            .to_owned()
    }

    fn unconfirmed_advice(&self) -> String {
        "Confirmer le message «\u{a0}AWS Notification - Subscription Confirmation\u{a0}», ou abonner de nouveau l'adresse dans la \
         console SNS. Ce message est répété toutes les heures."
            .to_owned()
    }
}

impl French {
    fn for_duration(&self, lasted: Option<Duration>) -> String {
        let lasted = lasted.filter(|lasted| 60 <= lasted.as_secs());
        lasted.map(|lasted| format!(", soit {}", self.duration(lasted))).unwrap_or_default()
    }

    fn period(&self, past: &PastIncident) -> String {
        let until = &past.until;
        let runs = past.failed.map(|runs| format!("\u{a0}: {}", failed(runs))).unwrap_or_default();
        match &past.began {
            Some((from, lasted)) => {
                format!("pendant {}, du {from} au {until}{runs}.", self.duration(*lasted))
            }
            None => format!("jusqu'au {until}{runs}."),
        }
    }
}

fn failed(runs: Runs) -> String {
    format!("{} exécutions sur {} en échec", runs.failed(), runs.total)
}

fn other_attempts(attempts: &Attempts) -> String {
    match attempts {
        Attempts::One => String::new(),
        Attempts::Same(2) => " Les deux essais ont échoué de la même façon.".to_owned(),
        Attempts::Same(count) => format!(" Les {count} essais ont échoué de la même façon."),
        Attempts::Different { first: Some(reason) } => {
            format!(" Le premier essai a échoué autrement\u{a0}: {}.", reasons::summary(*reason))
        }
        Attempts::Different { first: None } => " Le premier essai a échoué autrement.".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn double_punctuation_marks_follow_a_no_break_space() {
        let sources = [
            include_str!("french.rs"),
            include_str!("french/checks.rs"),
            include_str!("french/reasons.rs"),
            include_str!("french/situations.rs"),
        ];
        for source in sources {
            let (texts, _tests) = source.split_once("#[cfg(test)]").unwrap_or((source, ""));
            for line in texts.lines() {
                let loose = |mark| line.contains(&format!("\u{20}{mark}"));
                let found: Vec<char> =
                    [':', ';', '?', '»'].into_iter().filter(|mark| loose(*mark)).collect();
                assert_eq!(found, [] as [char; 0], "plain space before a mark in: {line}");
            }
        }
    }
}
