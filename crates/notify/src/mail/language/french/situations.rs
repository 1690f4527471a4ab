//! Summary, impact, steps and runbook for each situation, in French.

use super::reasons;
use crate::incident::Closure;
use crate::mail::situation::{Problem, Situation, Slowness};

pub(super) fn summary(situation: Situation) -> &'static str {
    match situation {
        Situation::Down(None) => "les conversations échouent",
        Situation::DownFrom(None) => "les conversations échouent depuis ce lieu seulement",
        Situation::Down(Some(reason)) | Situation::DownFrom(Some(reason)) => {
            reasons::summary(reason)
        }
        Situation::Degraded(Slowness::FirstChunk) => "les réponses tardent à commencer",
        Situation::Degraded(Slowness::Reply) => "les réponses sont trop longues à finir",
        Situation::Degraded(Slowness::Retry) => "ne réussit qu'au second essai",
        Situation::Degraded(Slowness::Unknown) => {
            "réponses correctes, mais lentes ou au second essai"
        }
        Situation::NoData(None) => "aucun résultat",
        Situation::NoDataFrom => "aucun résultat de ce lieu",
        Situation::NoData(Some(fault)) => reasons::fault(fault),
        Situation::Closed(Closure::Deleted) => "alarme supprimée ou renommée",
        Situation::Closed(Closure::NotReported) => {
            "son émetteur n'envoie plus de message à son sujet"
        }
        Situation::Recovered(Problem::Down) => "répond de nouveau correctement",
        Situation::Recovered(Problem::Location) => "de nouveau d'accord avec les autres lieux",
        Situation::Recovered(Problem::Degraded) => "répond de nouveau assez vite",
        Situation::Recovered(Problem::NoData) => "les résultats arrivent de nouveau",
        Situation::SelfMonitoring => "défaut de Vigie",
        Situation::SelfMonitoringOver => "défaut de Vigie résolu",
        Situation::ProbeAlarm | Situation::External => "alarme déclenchée",
        Situation::ExternalOver => "alarme terminée",
        Situation::Unreadable => "format inconnu sur la rubrique des alarmes",
    }
}

pub(super) fn impact(situation: Situation) -> &'static str {
    match situation {
        Situation::Down(None) => "Les utilisateurs n'obtiennent pas de réponse utilisable.",
        Situation::Down(Some(reason)) => reasons::impact(reason),
        Situation::DownFrom(_) => {
            "Les utilisateurs dont le réseau ressemble à celui de ce lieu n'obtiennent peut-être pas de réponse utilisable."
        }
        Situation::NoDataFrom => "Ce lieu n'a pas de voix. Les autres surveillent toujours le bot.",
        Situation::Degraded(Slowness::FirstChunk) => {
            "Les utilisateurs reçoivent des réponses correctes, mais attendent trop longtemps avant leur début."
        }
        Situation::Degraded(Slowness::Reply) => {
            "Les utilisateurs reçoivent des réponses correctes, mais trop lentes."
        }
        Situation::Degraded(Slowness::Retry) => {
            "Certains utilisateurs doivent envoyer leur message deux fois. Le second essai réussit."
        }
        Situation::Degraded(Slowness::Unknown) => {
            "Les utilisateurs reçoivent des réponses correctes, mais attendent ou doivent réessayer."
        }
        Situation::NoData(_) => {
            "Le bot fonctionne peut-être, ou non\u{a0}: il n'est pas testé. Le défaut est dans Vigie, pas dans le bot."
        }
        Situation::Closed(Closure::Deleted) => {
            "L'alarme n'existe plus dans CloudWatch. Vigie n'enverra plus de notification à son sujet. Le bot est peut-être encore en panne."
        }
        Situation::Closed(Closure::NotReported) => {
            "Vigie ne peut pas interroger l'état de l'alerte et n'a plus reçu de message à son sujet. Elle est peut-être terminée, mise en silence ou inhibée, son émetteur est peut-être en panne, ou elle est encore active."
        }
        Situation::Recovered(Problem::Down) => {
            "Les utilisateurs reçoivent de nouveau des réponses correctes."
        }
        Situation::Recovered(Problem::Location) => "Ce lieu a de nouveau une voix.",
        Situation::Recovered(Problem::Degraded) => {
            "Les utilisateurs reçoivent des réponses correctes à temps."
        }
        Situation::Recovered(Problem::NoData) => {
            "Le bot n'était pas forcément en panne\u{a0}: il n'était pas testé."
        }
        Situation::SelfMonitoring => {
            "Les utilisateurs des bots ne remarquent rien. Des notifications peuvent être en retard ou manquer."
        }
        Situation::SelfMonitoringOver => "Les notifications sont de nouveau fiables.",
        Situation::ProbeAlarm => "La description de l'alarme indique ce qu'elle signifie.",
        Situation::External => "Vigie ne connaît pas l'effet de cette alarme.",
        Situation::ExternalOver => "Aucune action n'est nécessaire.",
        Situation::Unreadable => "Le message est reproduit ci-dessous sans changement.",
    }
}

pub(super) fn steps(situation: Situation) -> &'static [&'static str] {
    match situation {
        Situation::Down(None) => &[
            "Ouvrir le bot dans un navigateur et lui envoyer un message.",
            reasons::RUN_PROBE,
            "Lire le journal de l'application depuis le début de l'alarme, et vérifier son dernier déploiement.",
        ],
        Situation::Down(Some(reason)) => reasons::steps(reason),
        Situation::DownFrom(_) => &[
            "Vérifier le DNS, le pare-feu et le CDN du bot pour le réseau de ce lieu.",
            "Si un deuxième lieu échoue, l'alarme du bot envoie une page.",
        ],
        Situation::NoDataFrom => &[
            "Lire le journal du prober dans la région du lieu, ou celui de l'agent sur sa machine.",
            "Vérifier la file de lettres mortes du lieu.",
        ],
        Situation::Degraded(Slowness::Unknown) => &[
            reasons::LAST_REPORT,
            "Si le temps passe dans la file, il y a plus d'utilisateurs que de traitements. Augmenter la limite de concurrence ou ajouter une réplique.",
            "S'il passe après la file, le modèle est lent. Vérifier sa latence, ses quotas et son GPU.",
        ],
        Situation::Degraded(Slowness::FirstChunk) => &[
            "Vérifier dans le rapport si le temps passe dans la file d'attente ou après elle.",
            "Dans la file : il y a plus d'utilisateurs que de traitements. Augmenter la limite de concurrence ou ajouter une réplique.",
            "Après la file : le modèle est lent. Vérifier sa latence, ses quotas et son GPU.",
        ],
        Situation::Degraded(Slowness::Reply) => &[
            "Comparer la longueur des réponses à celle de la semaine passée. Des réponses plus longues prennent plus de temps.",
            "Vérifier dans le rapport le temps entre les fragments. S'il est régulier, le modèle est lent ; s'il y a une seule longue pause, il s'est bloqué.",
            "Vérifier la latence et les quotas du modèle.",
        ],
        Situation::Degraded(Slowness::Retry) => &[
            "Lire dans le rapport pourquoi le premier essai a échoué.",
            "Chercher des redémarrages, une réplique défaillante derrière le répartiteur de charge, ou un quota.",
        ],
        Situation::NoData(Some(fault)) => reasons::fault_steps(fault),
        Situation::NoData(None) => &[
            "Vérifier que le dispatcher et le prober fonctionnent : lire leurs journaux et les courriels sur Vigie elle-même (rubrique vigie-{environment}-self-monitoring).",
            "Si la sonde a été renommée, désactivée ou supprimée, déployer de nouveau.",
            reasons::TEST_MANUALLY,
        ],
        Situation::Recovered(Problem::NoData) => {
            &["Chercher dans les journaux pourquoi les résultats n'arrivaient pas."]
        }
        Situation::Closed(Closure::Deleted) => &[
            "Si l'alarme n'a pas été supprimée volontairement, déployer de nouveau.",
            reasons::RUN_PROBE,
        ],
        Situation::Closed(Closure::NotReported) => &[
            "Vérifier l'alerte chez son émetteur, par exemple Alertmanager, si ce n'était pas attendu.",
        ],
        Situation::Recovered(_) => {
            &["Aucune action immédiate. Aux heures de travail, noter ce qui a corrigé l'incident."]
        }
        Situation::SelfMonitoring => &[
            "Lire la description de l'alarme ci-dessus. Elle indique ce qui s'est arrêté.",
            "Lire le journal et la file de lettres mortes nommés par la description.",
        ],
        Situation::ProbeAlarm => &[
            "Lire la description de l'alarme.",
            "Suivre la section de la procédure sur cette alarme.",
        ],
        Situation::External => &["Ouvrir l'alarme, ou sa procédure si elle en a une."],
        Situation::SelfMonitoringOver | Situation::ExternalOver => {
            &["Aucune action n'est nécessaire."]
        }
        Situation::Unreadable => &[
            "Lire le message ci-dessus. Agir si c'est une alarme.",
            "Faire utiliser à son expéditeur un format que Vigie connaît : voir docs/alerting.md.",
        ],
    }
}

pub(super) fn runbook(situation: Situation) -> Option<&'static str> {
    Some(match situation {
        Situation::Down(None) => "runbook.fr.md#vigie-env-probe-down",
        Situation::Down(Some(_)) => "runbook.fr.md#raisons",
        Situation::DownFrom(_) | Situation::NoDataFrom => {
            "runbook.fr.md#vigie-env-probe-downlocation"
        }
        Situation::Degraded(_) => "runbook.fr.md#vigie-env-probe-degraded",
        Situation::NoData(_) => "runbook.fr.md#vigie-env-probe-down-en-insufficient_data",
        Situation::ProbeAlarm => "runbook.fr.md#alertes-des-sondes",
        Situation::SelfMonitoring => "runbook.fr.md#alarmes-de-vigie-elle-m%C3%AAme",
        _ => return None,
    })
}
