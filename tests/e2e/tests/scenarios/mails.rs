//! A bot breaks in four ways and recovers; the mails about it are checked in both languages.

use std::collections::HashSet;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use alarm_model::StateValue;
use anyhow::{Context, ensure};

use super::sequence::Sequence;
use crate::list::{FIRST, SOON, down, verdicts};
use harness::bot::Mood;
use harness::environment::LocalEnvironment;
use harness::inbox::Mail;

/// The expected mails about one kind of failure.
pub(super) struct FailureCase {
    pub(super) turn: usize,
    pub(super) probe: &'static str,
    pub(super) mood: Mood,
    pub(super) reasons: &'static [&'static str],
    /// The start of the subject of the alarm.
    pub(super) subject: &'static str,
    /// Parts of its body.
    pub(super) body: &'static [&'static str],
    /// The start of the subject of the recovery, and parts of its body.
    pub(super) recovery: (&'static str, &'static [&'static str]),
}

pub(super) const APP_ERROR: FailureCase = FailureCase {
    turn: 1,
    probe: "failing",
    mood: Mood::Error,
    reasons: &["app_error"],
    subject: "DOWN failing (local): the app returns an error, turn 1: ",
    body: &[
        "failing (local, us-east-1) has been down since 20",
        "Users see an error message instead of an answer.",
        "\nWHAT FAILED\nTurn 1 of 2, run of 20",
        "\n  sent       Bonjour, je m'appelle ",
        "\n  received   (nothing)\n  detail     ",
        "The model is overloaded.",
        "\navailability  ",
        " (one bar = ",
        "\nDOWN gone, since 20",
        "\nWHAT TO DO\n1. Read the app's log at the time of the run. The error text is above.\n",
        "/s3/object/",
        "\n             vigie report reports/failing/20",
        "#alarmsV2:alarm/vigie-local-failing-down\n",
        "#dashboards/dashboard/vigie-local\n",
        "\nMUTE\nvigie mute failing --environment local --for 2h --reason \"fix in progress\"\n",
        "\nSeverity page. Alarm vigie-local-failing-down, state reason: Threshold Crossed: ",
    ],
    recovery: (
        "OK failing (local): answers correctly again, down for ",
        &[
            "failing (local, us-east-1) was down for ",
            " runs failed.\nUsers get correct answers again.\n",
            "\nWHAT TO DO\nNo action is needed now.",
        ],
    ),
};

pub(super) const HANGING: FailureCase = FailureCase {
    turn: 2,
    probe: "hanging",
    mood: Mood::Hang,
    reasons: &["first_chunk_timeout", "timeout"],
    subject: "EN PANNE hanging (local) : aucune reponse ne commence a temps, tour 1 arrete apres ",
    body: &[
        "hanging (local, us-east-1) est en panne depuis le ",
        " Europe/Paris).\n",
        "\nCE QUI A ÉCHOUÉ\nTour 1 sur 2, exécution du ",
        "\n  envoyé     Bonjour, je m'appelle ",
        "\n  reçu       (rien)\n  durée      ",
        "\u{a0}s, puis arrêt de l'attente\n",
        "\nAUTRES ALARMES\n",
        "\nEN PANNE gone, depuis le ",
        "\nQUE FAIRE\n1. ",
        "\nSUSPENDRE LES NOTIFICATIONS\nvigie mute hanging --environment local --for 2h --reason \"correction en cours\"\n",
        "\nGravité page. Alarme vigie-local-hanging-down, cause indiquée\u{a0}: Threshold Crossed: ",
    ],
    recovery: (
        "RETABLI hanging (local) : repond de nouveau correctement, en panne pendant ",
        &[
            "hanging (local, us-east-1) a été en panne pendant ",
            " en échec.\nLes utilisateurs reçoivent de nouveau des réponses correctes.\n",
        ],
    ),
};

pub(super) const WRONG_ANSWER: FailureCase = FailureCase {
    turn: 3,
    probe: "forgetful",
    mood: Mood::Nonsense,
    reasons: &["check_failed"],
    subject: "EN PANNE forgetful (local) : mauvaise reponse, tour 1, attendu contient \"",
    body: &[
        "forgetful (local, us-east-1) est en panne depuis le ",
        "Les utilisateurs reçoivent des réponses, mais pas celles qui sont attendues.\n",
        "\n  attendu    contient \"",
        "\n  reçu       \"Il fait beau aujourd'hui, n'est-ce pas ? Je vous écoute.\"\n",
    ],
    recovery: (
        "RETABLI forgetful (local) : repond de nouveau correctement, en panne pendant ",
        &["forgetful (local, us-east-1) a été en panne pendant "],
    ),
};

/// A bot answers, breaks and recovers.
pub(super) async fn breaks(
    env: &LocalEnvironment,
    sequence: &Sequence,
    case: &FailureCase,
) -> anyhow::Result<()> {
    let probe = case.probe;
    verdicts(env, probe, 3).await?;
    sequence.mails.wait_for(case.turn).await;
    ensure!(env.mails_about(probe).is_empty(), "there is a mail before anything broke");
    if HANGING.turn <= case.turn {
        sequence.speak_french(env).await?;
    }

    let broken = SystemTime::now();
    env.bot.set_mood(probe, case.mood).await?;
    env.changed(&down(probe), StateValue::Alarm, broken, SOON).await?;
    let mut counted = 0;
    for reason in case.reasons {
        counted += env.metrics(probe).failures(reason, broken).await?;
    }
    ensure!(counted >= 2, "{counted} failures for {:?}; expected at least 2", case.reasons);
    let mail = env.mail_about(probe, 1).await?;
    reads(&mail, case.subject, case.body)?;
    report(env, probe, &mail).await?;

    let recovered = SystemTime::now();
    env.bot.set_mood(probe, Mood::Ok).await?;
    env.changed(&down(probe), StateValue::Ok, recovered, SOON).await?;
    let recovery = env.mail_about(probe, 2).await?;
    reads(&recovery, case.recovery.0, case.recovery.1)
}

/// Checks that a mail has each expected part once.
fn reads(mail: &Mail, subject: &str, body: &[&str]) -> anyhow::Result<()> {
    let text = format!("Subject: {}\n\n{}", mail.subject, mail.body);
    ensure!(
        mail.subject.starts_with(subject),
        "the subject does not begin with `{subject}`:\n{text}"
    );
    for part in body {
        ensure!(mail.body.contains(part), "no `{part}` in:\n{text}");
    }
    let mut seen = HashSet::new();
    let twice = mail.body.lines().filter(|line| !line.is_empty()).find(|line| !seen.insert(*line));
    ensure!(twice.is_none(), "{twice:?} is twice in:\n{text}");
    ensure!(!mail.body.contains("0.0 s"), "a duration of zero in:\n{text}");
    Ok(())
}

/// The report in the mail is in the bucket and is about that probe.
async fn report(env: &LocalEnvironment, probe: &str, mail: &Mail) -> anyhow::Result<()> {
    let key = mail.body.lines().find_map(|line| line.trim().strip_prefix("vigie report "));
    let key = key.context("the mail names no report")?;
    let buckets = env.s3.list_buckets().send().await?;
    let buckets = buckets.buckets().iter().filter_map(|bucket| bucket.name());
    let bucket = buckets
        .into_iter()
        .find(|bucket| mail.body.contains(&format!("/s3/object/{bucket}?")))
        .context("the mail's link leads to no bucket")?;
    let json = format!("{key}.json");
    let object = env.s3.get_object().bucket(bucket).key(&json).send().await.context(json)?;
    let body = object.body.collect().await?.into_bytes();
    let report: serde_json::Value = serde_json::from_slice(&body)?;
    ensure!(report["probe"] == probe, "`{key}` is about {}", report["probe"]);
    Ok(())
}

pub(super) async fn gone(env: &LocalEnvironment, sequence: &Sequence) -> anyhow::Result<()> {
    sequence.mails.wait_for(0).await;
    env.changed(&down("gone"), StateValue::Alarm, UNIX_EPOCH, FIRST).await?;
    let failures = env.metrics("gone").failures("connect", SystemTime::now() - FIRST).await?;
    ensure!(failures >= 2, "{failures} failures for `connect`");
    let mail = env.mail_about("gone", 1).await?;
    let body = [
        "gone (local, us-east-1) has been down since 20",
        "The browser shows that the site cannot be reached.",
        "\nWHAT FAILED\nBefore the first turn, run of 20",
        "\n3. Connect from another network: curl -sv http://127.0.0.1:9/config\n",
        "\n             vigie report reports/gone/20",
    ];
    reads(&mail, "DOWN gone (local): connection failed, ", &body)
}

/// Its mails are tickets on another topic than pages, so it needs no place in the sequence.
pub(super) async fn slow(env: &LocalEnvironment, sequence: &Sequence) -> anyhow::Result<()> {
    let alarm = "vigie-local-slow-degraded";
    verdicts(env, "slow", 3).await?;
    let since = SystemTime::now();
    env.bot.set_mood("slow", Mood::Slow).await?;
    env.changed(alarm, StateValue::Alarm, since, SOON).await?;
    let values = verdicts(env, "slow", 3).await?;
    ensure!(values.iter().all(|(_, success)| *success > 0.0), "slow, yet not up: {values:?}");
    let mail = ticket(env, 1).await?;
    says(
        &mail,
        "SLOW",
        "slow",
        "slow to start answering, ",
        &[
            "slow (local, us-east-1) has been slow since 20",
            "Users get correct answers, but wait too long before an answer starts.",
            "\nWHAT WAS LATE\nTurn ",
            "\n  took       ",
            " s to the first chunk, objective 1 s\n",
            "\nSeverity ticket. Alarm vigie-local-slow-degraded, state reason: ",
        ],
    )?;

    sequence.tickets.leave(0);
    sequence.mails.wait_for(WRONG_ANSWER.turn).await;
    sequence.speak_french(env).await?;
    let since = SystemTime::now();
    env.bot.set_mood("slow", Mood::Ok).await?;
    env.changed(alarm, StateValue::Ok, since, SOON).await?;
    let mail = ticket(env, 2).await?;
    says(
        &mail,
        "RETABLI",
        "slow",
        "repond de nouveau assez vite, lent pendant ",
        &[
            "slow (local, us-east-1) a été lent pendant ",
            "Les utilisateurs reçoivent des réponses correctes à temps.\n",
        ],
    )?;
    let since = SystemTime::now();
    env.bot.set_mood("slow", Mood::Slow).await?;
    env.changed(alarm, StateValue::Alarm, since, SOON).await?;
    let mail = ticket(env, 3).await?;
    says(
        &mail,
        "LENT",
        "slow",
        "les reponses tardent a commencer, ",
        &[
            "slow (local, us-east-1) est lent depuis le ",
            "\nCE QUI EST LENT\nTour ",
            "\u{a0}s avant le premier fragment, objectif 1\u{a0}s\n",
        ],
    )?;
    let down = down("slow");
    let changes = env.evaluator.changes();
    let alarmed = changes.iter().any(|one| one.alarm == down && one.to == StateValue::Alarm);
    ensure!(!alarmed, "a slow bot was called down");
    Ok(())
}

/// Mail number `count` about the slow bot among the tickets.
async fn ticket(env: &LocalEnvironment, count: usize) -> anyhow::Result<Mail> {
    env.until(
        &format!("ticket number {count} about `slow`"),
        Duration::from_secs(150),
        async || {
            let mut mails = env.mails_about("slow").into_iter();
            Ok(mails.by_ref().filter(|mail| mail.topic == "vigie-local-tickets").nth(count - 1))
        },
    )
    .await
}

/// A mail about one alarm that passes [`reads`], or one about several with a line for this alarm.
fn says(mail: &Mail, state: &str, probe: &str, what: &str, body: &[&str]) -> anyhow::Result<()> {
    let alone = format!("{state} {probe} (local)");
    if mail.subject.starts_with(&alone) {
        let colon = if mail.subject[alone.len()..].starts_with(" :") { " : " } else { ": " };
        return reads(mail, &format!("{alone}{colon}{what}"), body);
    }
    let line = mail.body.lines().find(|line| {
        line.contains(&format!("  {probe}:")) || line.contains(&format!("  {probe}\u{a0}:"))
    });
    line.map(drop)
        .with_context(|| format!("no line about `{probe}` in `{}`:\n{}", mail.subject, mail.body))
}

/// Without results, the mail reports only that there is no data.
pub(super) async fn silent(env: &LocalEnvironment) -> anyhow::Result<()> {
    verdicts(env, "silent", 3).await?;
    // Without its file the dispatcher requests no more runs; its alarm remains.
    let since = SystemTime::now();
    let bucket = harness::environment::PROBES_BUCKET;
    env.s3.delete_object().bucket(bucket).key("scenarios/silent.yaml").send().await?;
    let six_minutes = Duration::from_secs(360);
    env.changed(&down("silent"), StateValue::InsufficientData, since, six_minutes).await?;
    let mail = env.mail_about("silent", 1).await?;
    let delay = since.elapsed()?;
    ensure!(delay <= six_minutes, "the mail came after {delay:?}");
    let (state, text) = if mail.body.contains("CE QUI") || mail.subject.contains("PAS DE DONNEES") {
        ("PAS DE DONNEES", "aucun résultat")
    } else {
        ("NO DATA", "no results")
    };
    ensure!(mail.subject.contains(state), "the subject does not say `no data`: {}", mail.subject);
    ensure!(
        mail.subject.starts_with(state) || mail.body.contains(text),
        "no `{text}` in:\n{}",
        mail.body
    );
    Ok(())
}
