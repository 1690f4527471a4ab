//! Starts a conversation: reads the description, checks the page, finds the chat, and runs the
//! functions that the page runs when it loads.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use tokio::time::Instant;

use crate::app::App;
use crate::arguments::{self, Values};
use crate::config::{Dependency, Id};
use crate::describe::{describe, phases_of};
use crate::description::Description;
use crate::endpoint::{Choice, Graph, How, Plan, choose};
use crate::failure::{Error, Fault};
use crate::heartbeat::Heartbeat;
use crate::http::Http;
use crate::info::fetch_info;
use crate::page;
use crate::page_functions::PageFunctions;
use crate::phases::Phases;
use crate::settings::Settings;
use crate::tls;

/// Everything that a session needs.
pub(crate) struct Connected {
    pub(crate) http: Arc<Http>,
    pub(crate) app: App,
    pub(crate) choice: Choice,
    pub(crate) plan: Plan,
    pub(crate) values: Values,
    pub(crate) hash: String,
    pub(crate) deadline: Instant,
    pub(crate) phases: Phases,
    pub(crate) description: Description,
    pub(crate) heartbeat: Option<Heartbeat>,
}

pub(crate) async fn connect(settings: &Arc<Settings>) -> Result<Connected, Error> {
    let hash = tls::random_name();
    let began = Instant::now();
    let deadline = began + settings.limits.conversation;
    let mut http = Http::new(settings)
        .map_err(|fault| Error::new(fault.redacted(&settings.secrets), Phases::default(), None))?;
    let mut phases = Phases::default();
    let outcome = async {
        let app = open(&mut http, began, deadline, &mut phases).await?;
        find(http, app, &hash, deadline, &mut phases).await
    };
    match outcome.await {
        Ok((http, app, choice, plan, values, description, heartbeat)) => Ok(Connected {
            http,
            app,
            choice,
            plan,
            values,
            hash: hash.clone(),
            deadline,
            phases,
            description,
            heartbeat,
        }),
        Err(fault) => Err(Error::new(fault.redacted(&settings.secrets), phases, None)),
    }
}

/// Reads the description and, at the same time, the page.
pub(crate) async fn open(
    http: &mut Http,
    began: Instant,
    until: Instant,
    phases: &mut Phases,
) -> Result<App, Fault> {
    let settings = http.settings.clone();
    let visitor = settings.check_page.then(|| Http::new(&settings).ok()).flatten();
    let page = async {
        let started = Instant::now();
        let outcome = match &visitor {
            Some(visitor) => page::check(visitor, until).await,
            None => Ok(None),
        };
        (outcome, started.elapsed())
    };
    let (mut app, (page, page_time)) = tokio::join!(describe(http, until), page);
    let adopted = page.is_ok() && visitor.is_some_and(|visitor| http.adopt_cookies(&visitor));
    if adopted && app.as_ref().is_err_and(page::requires_login) {
        app = describe(http, until).await;
    }
    *phases = match &app {
        Ok(app) => phases_of(http, app, began),
        Err(_) => http.tracker.phases(),
    };
    let mut app = app?;
    app.config.follows_javascript |= !settings.check_page;
    if settings.check_page {
        phases.page = Some(page_time);
        let reached = match page {
            Err(fault) if page::requires_login(&fault) => {
                Some(page::check_logged_in(http, until).await?)
            }
            page => page?,
        };
        if let Some(reached) = reached {
            http.page_query = reached.query().map(str::to_owned);
        }
        page::check_root(http, &mut app, until).await?;
    }
    Ok(app)
}

type Found = (Arc<Http>, App, Choice, Plan, Values, Description, Option<Heartbeat>);

async fn find(
    http: Http,
    mut app: App,
    hash: &str,
    until: Instant,
    phases: &mut Phases,
) -> Result<Found, Fault> {
    let http = Arc::new(http);
    let settings = http.settings.clone();
    let heartbeat = Heartbeat::start(&http, &app, hash);
    let mut values = Values::default();
    let named = arguments::labelled(&app.config, &settings.inputs);
    let choice = Choice { named, ..settings.choice.clone() };
    let mut plan = choose(&app.config, &choice);
    let began = Instant::now();
    let mut ran = BTreeSet::new();
    if plan.is_err() {
        ran = render(&http, &mut app, hash, &mut values, until).await?;
        plan = choose(&app.config, &choice).or(plan);
    }
    let mut plan = plan?;
    let needed = needed(&app, &plan);
    let mut functions = loads(&app, |one| {
        one.outputs.iter().any(|id| needed.contains(id))
            || one.rendered().is_some_and(|id| needed.contains(&id))
    });
    functions.retain(|at| !ran.contains(at));
    let mut page = PageFunctions { http: &http, app: &mut app, session: hash, values: &mut values };
    let rendered = page.load(&functions, until).await?;
    if rendered {
        plan = choose(&app.config, &choice)?;
    }
    if !functions.is_empty() || !ran.is_empty() {
        phases.load = Some(began.elapsed());
    }
    if settings.check_page {
        page::check_box(&app.config, plan.message)?;
        if plan.how == How::Api {
            page::check_chatbot(&app.config)?;
        }
    }

    let config = &app.config;
    let ids = arguments::further(config, &plan);
    let mut names = HashMap::new();
    let mut given = arguments::resolve(config, &ids, &names, &settings.inputs);
    if given.is_err() {
        // A name that is not a label may be a parameter name, which only `/info` has.
        let info = fetch_info(&http, &app, until).await?;
        names = arguments::parameter_names(config, plan.api(config), &info);
        given = arguments::resolve(config, &ids, &names, &settings.inputs);
    }
    values.extend(given?);
    let description = Description::of(config, &plan, &names, &values);
    Ok((http, app, choice, plan, values, description, heartbeat))
}

/// Runs the `gr.render` functions that the page runs when it loads. Returns what ran.
pub(crate) async fn render(
    http: &Arc<Http>,
    app: &mut App,
    hash: &str,
    values: &mut Values,
    until: Instant,
) -> Result<BTreeSet<usize>, Fault> {
    let functions = loads(app, Dependency::renders);
    let mut page = PageFunctions { http, app, session: hash, values };
    page.load(&functions, until).await?;
    Ok(functions)
}

/// Components that the plan reads, and those that contain its message box.
fn needed(app: &App, plan: &Plan) -> BTreeSet<Id> {
    let config = &app.config;
    let inputs = plan.functions(config).flat_map(|one| one.inputs.iter().copied());
    let ticks = plan.timers.iter().flat_map(|&at| config.dependencies[at].targets());
    let triggers = plan.triggers.iter().flat_map(|&id| config.chain_of_parents(id));
    let typing = plan.typing.iter().flat_map(|&at| config.dependencies[at].inputs.iter().copied());
    inputs
        .chain(triggers)
        .chain(typing)
        .chain(config.chain_of_parents(plan.message))
        .chain(plan.replies.iter().copied())
        .chain(ticks.filter_map(|(timer, _)| timer))
        .collect()
}

/// Positions of the functions that the page runs when it loads, as far as they are wanted.
fn loads(app: &App, wanted: impl Fn(&Dependency) -> bool) -> BTreeSet<usize> {
    let all = &app.config.dependencies;
    let graph = Graph::new(&app.config);
    let starts = (0..all.len()).filter(|&at| app.config.runs_at_load(&all[at]));
    let mut found = BTreeSet::new();
    for start in starts {
        let reachable = graph.reachable(&[start]);
        // A function that is wanted runs with all that lead to it and all that follow it.
        let needed = reachable.order.iter().copied().filter(|&at| wanted(&all[at]));
        let ways: BTreeSet<usize> = needed.flat_map(|at| reachable.way_to(at)).collect();
        found.extend(graph.with_followers(ways));
    }
    found
}
