//! French.

use domain::Reason;

use super::Texts;
use crate::model::{Range, State, StateCounts};

pub(super) const TEXTS: Texts = Texts {
    overview: "Vue d’ensemble",
    incidents: "Incidents",
    feed: "Flux",
    skip: "Aller au contenu",
    updated: "Mise à jour\u{a0}:",
    live: "Cette page se met à jour automatiquement.",
    since: "depuis",
    availability: "Disponibilité",
    objective: "Objectif",
    budget_left: "Budget d’erreur restant",
    first_chunk: "Premier fragment",
    reply: "Réponse complète",
    queue: "Temps dans la file",
    phases: "Phases de connexion",
    phase_names: ["DNS", "connexion", "TLS", "description"],
    median: "médiane",
    last_24_hours: "dernières 24 heures",
    location: "Emplacement",
    locations: "Emplacements",
    today: "aujourd’hui",
    days_ago: "il y a 90 jours",
    thirty_days_ago: "il y a 30 jours",
    no_runs: "Aucune exécution",
    no_incidents: "Aucun incident.",
    current_incidents: "Incidents en cours",
    past_incidents: "Incidents passés",
    runs: "exécutions",
    last_runs: "Dernières exécutions",
    verdicts: "Résultats",
    reasons: "Causes des échecs",
    time: "Heure",
    result: "Résultat",
    duration: "Durée",
    report: "Rapport",
    retries: "Nouvelles tentatives",
    maintenance: "Maintenance",
    data_table: "Valeurs sous forme de tableau",
    chart_period: "Période",
    certificate: "Certificat",
    configuration: "Configuration",
    address: "Adresse",
    every: "Intervalle",
    timeout: "Délai maximal",
    rule_down: "Alarme en cas de panne",
    rule_degraded: "Alarme en cas de lenteur",
    runbook: "Procédure",
    app: "Application",
    conversation: "Conversation",
    turn: "Tour",
    began: "Début",
    ended: "Fin",
    ongoing: "en cours",
    resolved: "résolu",
    lasted: "Durée",
    expected: "Attendu",
    found: "Reçu",
    acknowledged: "Pris en charge par",
    not_acknowledged: "Pas encore pris en charge",
    failed_runs: "Exécutions en échec",
    page: "Page",
    previous: "Précédente",
    next: "Suivante",
    no_probes: "Aucune sonde n’a encore été exécutée.",
    run_error: "non exécutée",
    what_happened: "Ce qui s’est passé",
    what_users_see: "Ce que voient les utilisateurs",
    runs_around: "Exécutions avant, pendant et après",
    state,
    headline,
    incident_title,
    impact,
    why,
    range,
    day_runs,
    days_left,
};

fn state(state: State) -> &'static str {
    match state {
        State::Up => "disponible",
        State::Degraded => "dégradé",
        State::Down => "en panne",
        State::NoData => "sans données",
    }
}

fn headline(counts: StateCounts) -> String {
    let some = |count: usize, one: &str, several: &str| match (count, counts.all()) {
        (1, 1) => format!("Le chatbot est {one}"),
        (1, all) => format!("1 chatbot sur {all} est {one}"),
        (count, all) if count == all => format!("Les {all} chatbots sont {several}"),
        (count, all) => format!("{count} chatbots sur {all} sont {several}"),
    };
    match counts.worst() {
        State::Down => some(counts.down, "en panne", "en panne"),
        State::Degraded => some(counts.degraded, "dégradé", "dégradés"),
        State::NoData if counts.all() == 0 => "Aucune sonde n’a encore été exécutée".to_owned(),
        State::NoData => some(counts.no_data, "sans données", "sans données"),
        State::Up => some(counts.up, "disponible", "disponibles"),
    }
}

fn incident_title(probe: &str, state: State, _ongoing: bool) -> String {
    match state {
        State::Degraded => format!("{probe}\u{a0}: lenteur"),
        _ => format!("{probe}\u{a0}: panne"),
    }
}

fn impact(state: State) -> &'static str {
    match state {
        State::Degraded => "Le chatbot répond, mais lentement ou seulement au deuxième essai.",
        _ => "Le chatbot ne répond pas, ou ses réponses sont fausses.",
    }
}

fn why(reason: Reason) -> &'static str {
    match reason {
        Reason::Dns => "Le nom d’hôte n’a pas d’adresse.",
        Reason::Connect => "Le serveur n’accepte pas les connexions.",
        Reason::Tls => "La connexion TLS ou le certificat n’est pas valide.",
        Reason::HttpStatus => "Le serveur a répondu par une erreur HTTP.",
        Reason::Page => "La page que les utilisateurs ouvrent ne fonctionne pas.",
        Reason::NotGradio => "Le serveur n’est pas une application Gradio.",
        Reason::Auth => "L’application a refusé la connexion de l’utilisateur.",
        Reason::EndpointMissing => "L’application n’a pas de point d’entrée pour la conversation.",
        Reason::QueueFull => "La file d’attente de l’application est pleine.",
        Reason::QueueTimeout => "Le message était encore dans la file d’attente à la fin du délai.",
        Reason::FirstChunkTimeout => "L’application n’a envoyé aucun texte à temps.",
        Reason::Stalled => "La réponse s’est arrêtée avant la fin.",
        Reason::Timeout => "La conversation a duré trop longtemps.",
        Reason::StreamBroken => "La connexion s’est terminée avant la fin de la réponse.",
        Reason::AppError => "L’application a signalé une erreur.",
        Reason::CheckFailed => "La réponse n’a pas satisfait une vérification.",
        Reason::TooLarge => "L’application a envoyé plus de données que la limite.",
    }
}

fn range(range: Range) -> &'static str {
    match range {
        Range::Day => "24 heures",
        Range::Week => "7 jours",
        Range::Month => "30 jours",
        Range::Quarter => "90 jours",
    }
}

fn day_runs(failed: u64, all: u64) -> String {
    let runs = if all == 1 { "exécution" } else { "exécutions" };
    match failed {
        0 => format!("{all} {runs}, aucun échec"),
        1 => format!("1 échec sur {all} {runs}"),
        _ => format!("{failed} échecs sur {all} {runs}"),
    }
}

fn days_left(days: i64) -> String {
    match days {
        ..=-1 => "expiré".to_owned(),
        0 | 1 => format!("{days} jour restant"),
        _ => format!("{days} jours restants"),
    }
}
