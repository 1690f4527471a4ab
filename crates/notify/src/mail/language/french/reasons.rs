//! Summary, impact and steps for each reason and each Vigie fault, in French.

use domain::{OwnFault, Reason};

/// The part of the prober's English description that adds something to the reason: nothing for most reasons,
/// the app's own words where it sent some.
pub(super) fn detail(reason: Reason, detail: &str) -> Option<&str> {
    match reason {
        Reason::Dns
        | Reason::Connect
        | Reason::QueueFull
        | Reason::QueueTimeout
        | Reason::FirstChunkTimeout
        | Reason::Stalled
        | Reason::Timeout => None,
        Reason::AppError => {
            let quoted = detail.find('`').zip(detail.rfind('`'));
            let quoted = quoted.filter(|(start, end)| start < end);
            Some(quoted.map_or(detail, |(start, end)| &detail[start..=end]))
        }
        _ => Some(detail),
    }
}

pub(super) fn summary(reason: Reason) -> &'static str {
    match reason {
        Reason::Dns => "nom d'hôte introuvable",
        Reason::Connect => "connexion impossible",
        Reason::Tls => "erreur TLS",
        Reason::HttpStatus => "erreur HTTP",
        Reason::Page => "la page ne fonctionne pas",
        Reason::NotGradio => "pas une application Gradio",
        Reason::Auth => "connexion au compte refusée",
        Reason::EndpointMissing => "point d'accès du chat introuvable",
        Reason::QueueFull => "file d'attente pleine",
        Reason::QueueTimeout => "délai dépassé dans la file d'attente",
        Reason::FirstChunkTimeout => "aucune réponse ne commence à temps",
        Reason::Stalled => "réponses arrêtées avant la fin",
        Reason::Timeout => "conversation trop longue",
        Reason::StreamBroken => "réponses coupées",
        Reason::AppError => "l'application renvoie une erreur",
        Reason::CheckFailed => "mauvaise réponse",
        Reason::TooLarge => "réponse trop grande",
    }
}

pub(super) fn impact(reason: Reason) -> &'static str {
    match reason {
        Reason::Dns => "Le navigateur affiche que le site est introuvable.",
        Reason::Connect => "Le navigateur affiche que le site est inaccessible.",
        Reason::Tls => {
            "Le navigateur affiche un avertissement sur la connexion, ou refuse de se connecter."
        }
        Reason::HttpStatus => {
            "Les utilisateurs voient une page d'erreur, ou un chat qui ne se charge pas."
        }
        Reason::Page => "Les utilisateurs ne peuvent pas envoyer de message sur la page.",
        Reason::NotGradio => {
            "Les utilisateurs voient une autre page que le chat, de maintenance ou d'erreur par exemple."
        }
        Reason::Auth => {
            "La sonde ne peut pas se connecter. Les utilisateurs ont peut-être le même problème."
        }
        Reason::EndpointMissing => "La page se charge, mais le chat attendu n'y est pas.",
        Reason::QueueFull => "L'application refuse les messages parce qu'elle est surchargée.",
        Reason::QueueTimeout => {
            "Les utilisateurs attendent dans la file et n'obtiennent pas de réponse."
        }
        Reason::FirstChunkTimeout => {
            "Les utilisateurs envoient un message et n'obtiennent pas de réponse."
        }
        Reason::Stalled => "Les utilisateurs voient une réponse commencer puis s'arrêter.",
        Reason::Timeout => "Les utilisateurs attendent les réponses beaucoup trop longtemps.",
        Reason::StreamBroken => "Les utilisateurs voient une réponse incomplète ou une erreur.",
        Reason::AppError => "Les utilisateurs voient un message d'erreur au lieu d'une réponse.",
        Reason::CheckFailed => {
            "Les utilisateurs reçoivent des réponses, mais pas celles qui sont attendues."
        }
        Reason::TooLarge => "Le navigateur des utilisateurs ralentit ou se bloque.",
    }
}

pub(super) fn steps(reason: Reason) -> &'static [&'static str] {
    match reason {
        Reason::Dns => &[
            "Résoudre le nom depuis un autre réseau : dig {host}",
            "Vérifier si l'enregistrement, la zone ou le répartiteur de charge ont changé, et si le domaine a expiré.",
            "Si le nom est privé, vérifier que le prober est dans le bon VPC.",
        ],
        Reason::Connect => &[
            "Vérifier que l'application fonctionne : ses tâches ou pods, et leurs redémarrages.",
            "Vérifier que le répartiteur de charge a une cible saine, et si un groupe de sécurité a changé.",
            "Se connecter depuis un autre réseau : curl -sv {url}/config",
        ],
        Reason::Tls => &[
            "Lire le certificat : openssl s_client -connect {instance} -servername {host}",
            "S'il a expiré, le renouveler et chercher pourquoi il ne l'a pas été automatiquement.",
            "S'il est celui d'un autre hôte, vérifier l'écouteur et les règles du répartiteur de charge.",
        ],
        Reason::HttpStatus => &[
            "502, 503, 504 : l'application est en panne derrière son proxy. Vérifier ses tâches et ses redémarrages.",
            "429 : un quota. En exempter la sonde (son User-Agent commence par Vigie/), ou l'exécuter moins souvent.",
            "500 : lire le journal de l'application à l'heure de l'exécution. 404 : vérifier si l'application a changé d'adresse.",
        ],
        Reason::Page => &[
            "Ouvrir {url} dans un navigateur et envoyer un message.",
            "Si la page envoie ses requêtes à une autre adresse, régler `root_path` dans l'application, et les en-têtes Host, X-Forwarded-Host et X-Forwarded-Proto dans le proxy.",
            "Si la page renvoie une erreur, lire le journal de l'application. Si les utilisateurs n'ont pas besoin de la page, mettre `page: false` dans la sonde.",
        ],
        Reason::NotGradio => &[
            "Ouvrir l'adresse dans un navigateur. C'est peut-être une page de maintenance, de connexion, ou un Space en pause.",
            "Pour un Space, le redémarrer ou lire son journal de construction.",
            "Si l'application est passée sous un sous-chemin, changer `target.url` de la sonde.",
        ],
        Reason::Auth => &[
            "Si le mot de passe ou le jeton ont changé, mettre le nouveau dans le secret que nomme la sonde.",
            "Vérifier que le secret est lisible : vigie run probes/{probe}.yaml --environment {environment}",
            "Se connecter à la main avec le même compte.",
        ],
        Reason::EndpointMissing => &[
            "Si l'application vient d'être déployée, afficher ses points d'accès : vigie discover {url}",
            "Si le changement est voulu, changer `target.endpoint` de la sonde. Sinon, revenir à la version précédente.",
        ],
        Reason::QueueFull => &[
            "Vérifier le nombre de requêtes et la taille de la file sur le tableau de bord.",
            "Vérifier si une requête bloque la file. Redémarrer l'application si rien n'avance.",
            "Augmenter `max_size` ou la limite de concurrence, ou ajouter une réplique.",
        ],
        Reason::QueueTimeout => &[
            "Vérifier si la file avance. Sinon, un traitement est bloqué : redémarrer l'application, puis chercher la requête qui l'a bloqué.",
            "Si elle avance, il y a plus d'utilisateurs que de traitements. Augmenter la limite de concurrence ou ajouter une réplique.",
        ],
        Reason::FirstChunkTimeout => &[
            "L'application a accepté le message et n'a rien envoyé. Vérifier le modèle (état, quota, GPU).",
            "Lire le journal de l'application à l'heure de l'exécution.",
            "Si le modèle répond et pas l'application, redémarrer l'application.",
        ],
        Reason::Stalled => &[
            "Vérifier si le flux du modèle s'arrête aussi.",
            "Chercher un proxy qui coupe les connexions inactives. Comparer sa limite à la durée des réponses.",
            "Lire le journal de l'application à l'heure de l'exécution.",
        ],
        Reason::Timeout => &[
            "Vérifier dans le rapport quelle phase a pris le temps.",
            "Vérifier la latence et les quotas du modèle, et le nombre de processus.",
            "Si le bot fonctionne comme prévu, le `timeout` de la sonde est trop court pour sa conversation.",
        ],
        Reason::StreamBroken => &[
            "Vérifier si l'application a redémarré : chercher un manque de mémoire ou un déploiement.",
            "Chercher un proxy qui coupe les longues réponses (limites de durée et de taille).",
        ],
        Reason::AppError => &[
            "Lire le journal de l'application à l'heure de l'exécution. Le texte de l'erreur est ci-dessus.",
            "Les causes habituelles sont une clé d'API, un quota, ou un modèle retiré.",
            "Si l'application vient d'être déployée, revenir à la version précédente.",
        ],
        Reason::CheckFailed => &[
            "Comparer le texte attendu et le texte reçu ci-dessus.",
            "Si la réponse est fausse, chercher un changement de modèle, d'invite ou de données, et des sessions perdues entre deux tours.",
            "Si seule la formulation a changé, assouplir la vérification dans le fichier de la sonde et déployer.",
        ],
        Reason::TooLarge => &[
            "Vérifier si une réponse se répète sans fin. Vérifier les limites de longueur du modèle.",
            "Vérifier si la configuration de l'application contient des données (images, tableaux). Les servir comme fichiers.",
        ],
    }
}

pub(super) fn fault(fault: OwnFault) -> &'static str {
    match fault {
        OwnFault::Settings => "la configuration de la sonde est incorrecte",
        OwnFault::Secret => "un secret de la sonde est illisible",
        OwnFault::Deadline => "le prober a atteint son délai Lambda",
        OwnFault::Stalled => "le prober n'a pas eu assez de CPU",
        OwnFault::Internal => "erreur interne du prober",
    }
}

pub(super) fn fault_steps(fault: OwnFault) -> &'static [&'static str] {
    match fault {
        OwnFault::Settings => &[
            "Lire le détail ci-dessus : une variable absente, ou une entrée que l'application n'a pas.",
            "Corriger probes/{probe}.yaml, ou ProbeVariables de la pile, et déployer.",
            TEST_MANUALLY,
        ],
        OwnFault::Secret => &[
            "Lire ci-dessus de quel secret il s'agit. Vérifier qu'il existe dans ce compte et cette région, avec la clé que nomme la sonde.",
            "Vérifier que le prober peut le lire : son nom doit commencer par SecretPrefix de la pile. Un secret chiffré par sa propre clé KMS demande SecretsKeyArn.",
            TEST_MANUALLY,
        ],
        OwnFault::Deadline => &[
            "La fonction s'est terminée avant le `timeout` de la sonde. Lire le journal du prober à l'heure de l'exécution.",
            "Si le `timeout` de la sonde approche de 15 minutes, la durée maximale d'une fonction, le raccourcir.",
            TEST_MANUALLY,
        ],
        OwnFault::Stalled => &[
            "Augmenter ProberMemory de la pile. Lambda donne du CPU en proportion de la mémoire.",
            "Vérifier la métrique RunsStalled : une seule sonde, ou toutes ?",
            TEST_MANUALLY,
        ],
        OwnFault::Internal => &[
            "Chercher la panique dans le journal du prober à l'heure de l'exécution, et la signaler aux responsables de Vigie.",
            TEST_MANUALLY,
        ],
    }
}

pub(super) const TEST_MANUALLY: &str = "En attendant le retour des résultats, tester le bot à la main : vigie run probes/{probe}.yaml --environment {environment}";
pub(super) const LAST_REPORT: &str =
    "Lire le dernier rapport : vigie report --last {probe} --environment {environment}";
pub(super) const RUN_PROBE: &str = "Exécuter la sonde depuis son poste : vigie run probes/{probe}.yaml --environment {environment}";
