//! What each reason for being down, and each fault of our own, is called, looks like and asks for, in French.

use domain::{OwnFault, Reason};

/// What is left of the prober's own words, which are English: nothing where the reason says as much, and the
/// app's words where it said something.
pub(super) fn prose(reason: Reason, prose: &str) -> Option<&str> {
    match reason {
        Reason::Dns
        | Reason::Connect
        | Reason::QueueFull
        | Reason::QueueTimeout
        | Reason::FirstChunkTimeout
        | Reason::Stalled
        | Reason::Timeout => None,
        Reason::AppError => {
            let quoted = prose.find('`').zip(prose.rfind('`'));
            let quoted = quoted.filter(|(start, end)| start < end);
            Some(quoted.map_or(prose, |(start, end)| &prose[start..=end]))
        }
        _ => Some(prose),
    }
}

pub(super) fn phrase(reason: Reason) -> &'static str {
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

pub(super) fn users_see(reason: Reason) -> &'static str {
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
            "Les utilisateurs sont peut-être invités à se connecter, ou refusés ; la sonde l'est à coup sûr."
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

pub(super) fn recipe(reason: Reason) -> &'static [&'static str] {
    match reason {
        Reason::Dns => &[
            "Chercher le nom depuis ailleurs : dig {host}",
            "L'enregistrement, la zone ou le répartiteur ont-ils été modifiés ou supprimés ? Le domaine a-t-il expiré ?",
            "Nom privé : le prober est-il dans le bon VPC ?",
        ],
        Reason::Connect => &[
            "L'application tourne-t-elle ? Regarder ses tâches ou pods, et leurs redémarrages.",
            "Le répartiteur a-t-il une cible saine ? Un groupe de sécurité a-t-il été modifié ?",
            "Essayer depuis ailleurs : curl -sv {url}/config",
        ],
        Reason::Tls => &[
            "Regarder le certificat : openssl s_client -connect {instance} -servername {host}",
            "Expiré : le renouveler, et chercher pourquoi personne ne l'a fait.",
            "Celui d'un autre hôte : regarder l'écouteur et les règles du répartiteur.",
        ],
        Reason::HttpStatus => &[
            "502, 503, 504 : l'application est en panne derrière son proxy ; regarder ses tâches et redémarrages.",
            "429 : un quota ; laisser passer la sonde (son User-Agent commence par Vigie/), ou sonder moins souvent.",
            "500 : lire le journal de l'application à l'heure de la visite. 404 : l'application a-t-elle déménagé ?",
        ],
        Reason::NotGradio => &[
            "Ouvrir l'adresse dans un navigateur : page de maintenance, de connexion, Space endormi ?",
            "Un Space : le réveiller, ou lire son journal de construction.",
            "L'application est-elle passée sous un sous-chemin ? Alors changer `target.url` de la sonde.",
        ],
        Reason::Auth => &[
            "Le mot de passe ou le jeton ont-ils changé ? Mettre le nouveau dans le secret que nomme la sonde.",
            "Le secret est-il lisible ? vigie run probes/{probe}.yaml --environment {environment} dit lequel elle demande.",
            "Essayer de se connecter à la main avec le même compte.",
        ],
        Reason::EndpointMissing => &[
            "L'application vient-elle d'être déployée ? Comparer ce qu'elle propose : vigie discover URL",
            "Si le changement est voulu, corriger `target.endpoint` de la sonde ; sinon, revenir en arrière.",
        ],
        Reason::QueueFull => &[
            "Combien de personnes y a-t-il ? Voir les requêtes et la file sur le tableau de bord.",
            "Une requête bloquée tient-elle la file ? Redémarrer l'application si rien n'avance plus.",
            "Relever `max_size` ou la limite de concurrence, ou ajouter une réplique.",
        ],
        Reason::QueueTimeout => &[
            "La file avance-t-elle ? Sinon, un traitement est bloqué : redémarrer l'application et voir ce qu'il faisait.",
            "Si elle avance : plus de visiteurs que de places. Relever la limite de concurrence ou ajouter une réplique.",
        ],
        Reason::FirstChunkTimeout => &[
            "L'application a pris le message puis s'est tue : regarder le modèle derrière elle (état, quota, GPU).",
            "Lire le journal de l'application à l'heure de la visite : attend-elle quelque chose ?",
            "Redémarrer l'application si le modèle répond et pas elle.",
        ],
        Reason::Stalled => &[
            "Regarder le modèle derrière l'application : son flux s'arrête-t-il aussi ?",
            "Un proxy qui coupe les connexions inactives ? Comparer sa limite à la durée des réponses.",
            "Lire le journal de l'application à l'heure de la visite.",
        ],
        Reason::Timeout => &[
            "Regarder dans le rapport quelle phase a pris le temps.",
            "Le modèle : sa latence et ses quotas. La file : trop peu de places.",
            "Si le bot est comme il doit être, le `timeout` de la sonde est trop court pour sa conversation.",
        ],
        Reason::StreamBroken => &[
            "L'application a-t-elle redémarré en cours de route ? Chercher un manque de mémoire ou un déploiement.",
            "Un proxy qui coupe les longues réponses ? Regarder ses limites de durée et de taille.",
        ],
        Reason::AppError => &[
            "Lire le journal de l'application à l'heure de la visite ; le texte de l'erreur est ci-dessus.",
            "Une clé d'API, un quota, un modèle retiré ? Ce sont les causes habituelles.",
            "Déployée à l'instant ? Revenir en arrière.",
        ],
        Reason::CheckFailed => &[
            "Comparer attendu et reçu ci-dessus : la réponse est-elle fausse, ou seulement formulée autrement ?",
            "Fausse : chercher un changement de modèle, d'invite ou de données, et des sessions perdues entre deux tours.",
            "Formulée autrement : assouplir la vérification dans le fichier de la sonde, et déployer.",
        ],
        Reason::TooLarge => &[
            "Une réponse se répète-t-elle sans fin ? Regarder les limites de longueur du modèle.",
            "La configuration de l'application contient-elle des données (images, tableaux) ? Les servir comme fichiers.",
        ],
    }
}

pub(super) fn fault(fault: OwnFault) -> &'static str {
    match fault {
        OwnFault::Settings => "la sonde n'est pas jouable telle qu'elle est écrite",
        OwnFault::Secret => "un secret de la sonde est illisible",
        OwnFault::Deadline => "le temps du prober lui-même est écoulé",
        OwnFault::Stalled => "le prober est à l'arrêt",
        OwnFault::Internal => "un défaut du prober",
    }
}

pub(super) fn fault_recipe(fault: OwnFault) -> &'static [&'static str] {
    match fault {
        OwnFault::Settings => &[
            "Lire ci-dessus ce qui ne va pas : une variable absente, une entrée que l'application n'a pas ?",
            "Corriger probes/{probe}.yaml, ou ProbeVariables de la pile, et déployer.",
            SEE_FOR_YOURSELF,
        ],
        OwnFault::Secret => &[
            "Lire ci-dessus de quel secret il s'agit. Existe-t-il dans ce compte et cette région, avec la clé que demande la sonde ?",
            "Le prober peut-il le lire ? Son nom doit commencer par SecretPrefix de la pile ; chiffré par une clé KMS à part, il faut SecretsKeyArn.",
            SEE_FOR_YOURSELF,
        ],
        OwnFault::Deadline => &[
            "La fonction prober a pris fin avant le `timeout` de la visite. Lire son journal à l'heure de la visite : qu'est-ce qui a pris ce temps ?",
            "Le `timeout` de la sonde approche-t-il les 15 minutes que peut durer une fonction ? Le raccourcir.",
            SEE_FOR_YOURSELF,
        ],
        OwnFault::Stalled => &[
            "Le prober a trop peu de CPU pour ce qu'il fait à la fois. Relever ProberMemory de la pile : le CPU va avec.",
            "Regarder la métrique RunsStalled : cette sonde seule, ou toutes ?",
            SEE_FOR_YOURSELF,
        ],
        OwnFault::Internal => &[
            "Chercher la panique dans le journal du prober à l'heure de la visite, et la porter à qui maintient Vigie.",
            SEE_FOR_YOURSELF,
        ],
    }
}

const SEE_FOR_YOURSELF: &str = "En attendant, regarder le bot soi-même : vigie run probes/{probe}.yaml --environment {environment}";
