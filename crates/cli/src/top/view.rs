//! The table on a terminal.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};
use jiff::Timestamp;
use status_page::State;

use super::keys::Key;
use super::snapshot::Snapshot;
use super::table::{Table, legend};

/// Lines beside the rows: title, header, footer.
const OTHER_LINES: usize = 3;
/// Rows that are fetched before the height of the terminal is known.
const FIRST_ROWS: usize = 50;

/// To the upper left corner.
const HOME: &str = "\u{1b}[H";
const CLEAR_LINE: &str = "\u{1b}[K";
const CLEAR_BELOW: &str = "\u{1b}[J";

/// What the terminal shows.
pub(crate) struct View {
    name: String,
    is_coloured: bool,
    snapshot: Option<Snapshot>,
    error: Option<String>,
    /// The first row that is shown.
    offset: usize,
    /// The rows that fit on the terminal.
    height: usize,
}

impl View {
    pub(crate) fn new(name: String, is_coloured: bool) -> Self {
        Self { name, is_coloured, snapshot: None, error: None, offset: 0, height: FIRST_ROWS }
    }

    /// The number of rows to fetch.
    pub(crate) fn wanted(&self) -> usize {
        self.offset + self.height
    }

    /// Whether there are probes that should be shown and are not fetched.
    pub(crate) fn lacks_rows(&self) -> bool {
        self.snapshot.as_ref().is_some_and(|all| all.rows.len() < self.wanted().min(all.probes))
    }

    pub(crate) fn update(&mut self, snapshot: Snapshot) {
        self.snapshot = Some(snapshot);
        self.error = None;
    }

    /// Keeps the last values and shows the error.
    pub(crate) fn fail(&mut self, error: &anyhow::Error) {
        self.error = Some(redact::one_line(&format!("{error:#}"), 500));
    }

    pub(crate) fn handle(&mut self, key: Key) {
        let page = self.height.max(1);
        let last = self.snapshot.as_ref().map_or(0, |all| all.lines().saturating_sub(page));
        let offset = match key {
            Key::Up => self.offset.saturating_sub(1),
            Key::Down => self.offset + 1,
            Key::PageUp => self.offset.saturating_sub(page),
            Key::PageDown => self.offset + page,
            Key::Home => 0,
            Key::End => last,
            Key::Quit => self.offset,
        };
        self.offset = offset.min(last);
    }

    /// The text that draws the whole terminal of this size.
    pub(crate) fn draw(&mut self, rows: usize, columns: usize, now: Timestamp) -> String {
        self.height = rows.saturating_sub(OTHER_LINES);
        let mut text = HOME.to_owned();
        let lines = self.lines(columns, now).join(&format!("{CLEAR_LINE}\r\n"));
        let _ = write!(text, "{lines}{CLEAR_LINE}{CLEAR_BELOW}");
        text
    }

    fn lines(&self, columns: usize, now: Timestamp) -> Vec<String> {
        let Some(snapshot) = &self.snapshot else { return Vec::new() };
        let at = snapshot.updated.strftime("%H:%M:%S UTC");
        let title = format!("{} · {} · {at}", self.name, legend(snapshot));
        let table = Table::new(snapshot, now);
        let bold = Style::new().bold();
        let mut lines = vec![
            self.styled(&cut(&title, columns), bold),
            self.styled(&cut(&table.line(&table.header), columns), Style::new().dimmed()),
        ];
        for (state, cells) in table.rows.iter().skip(self.offset).take(self.height) {
            let line = cut(&table.line(cells), columns);
            // The state is the second word, so that the table can be read without colours.
            let start = (table.widths[0] + 2).min(line.chars().count());
            let at = line.char_indices().nth(start).map_or(line.len(), |(at, _)| at);
            let (before, rest) = line.split_at(at);
            let word = rest.len().min(cells[1].len());
            let (word, after) = rest.split_at(word);
            lines.push(format!("{before}{}{after}", self.styled(word, style(*state))));
        }
        lines.push(match &self.error {
            Some(error) => self.styled(&cut(error, columns), AnsiColor::Red.on_default()),
            None => self.styled("q quit   ↑ ↓ scroll", Style::new().dimmed()),
        });
        lines
    }

    fn styled(&self, text: &str, style: Style) -> String {
        if self.is_coloured { format!("{style}{text}{style:#}") } else { text.to_owned() }
    }
}

/// The beginning of a text that fits into a line.
fn cut(text: &str, columns: usize) -> String {
    text.chars().take(columns).collect()
}

fn style(state: State) -> Style {
    match state {
        State::Down => AnsiColor::Red.on_default().bold(),
        State::NoData => AnsiColor::Magenta.on_default(),
        State::Degraded => AnsiColor::Yellow.on_default(),
        State::Up => AnsiColor::Green.on_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::top::snapshot::{Row, Values};

    fn snapshot(count: usize, now: Timestamp) -> Snapshot {
        let values = |number: usize| Values {
            state: if number == 7 { State::Down } else { State::Up },
            since: Some(now),
            availability: Some(100.0),
            p50: Some(0.3),
            p95: Some(1.5),
            hours: vec![Some(0.3), Some(0.6)],
        };
        let row = |number: usize| Row {
            name: format!("bot-{number:03}").parse().unwrap(),
            values: values(number),
            locations: Vec::new(),
        };
        Snapshot::new((0..count).map(row).collect(), now)
    }

    #[test]
    fn screen_shows_the_worst_probes_and_scrolls() {
        let now: Timestamp = "2026-11-30T06:30:00Z".parse().unwrap();
        let mut view = View::new("http://127.0.0.1:9517".to_owned(), true);
        view.update(snapshot(20, now));
        let drawn = view.draw(7, 70, now);
        assert!(drawn.contains(&format!("{}down{}", style(State::Down), "\u{1b}[0m")), "{drawn}");
        let plain = anstream::adapter::strip_str(&drawn).to_string();
        assert_eq!(plain.lines().count(), 7, "{plain}");
        assert!(plain.lines().all(|line| line.chars().count() <= 70), "{plain}");
        assert!(plain.lines().nth(2).unwrap().starts_with("bot-007  down"), "{plain}");
        for (key, expected) in
            [(Key::End, 16), (Key::Down, 16), (Key::PageUp, 12), (Key::Up, 11), (Key::Home, 0)]
        {
            view.handle(key);
            assert_eq!(view.offset, expected, "{key:?}");
        }
    }

    #[test]
    fn last_values_stay_on_the_screen_after_an_error() {
        let now: Timestamp = "2026-11-30T06:30:00Z".parse().unwrap();
        let mut view = View::new("http://127.0.0.1:9517".to_owned(), false);
        view.update(snapshot(1, now));
        view.fail(&anyhow::anyhow!("could not connect\u{1b}]0;x\u{7}"));
        let shown = view.draw(7, 80, now);
        assert!(shown.contains("bot-000") && shown.contains("could not connect"), "{shown}");
        assert!(!shown.contains("\u{1b}]"), "{shown:?}");
        // A narrow terminal cuts lines and does not panic.
        for columns in [0, 1, 9, 12] {
            view.draw(2, columns, now);
        }
    }

    #[test]
    fn further_pages_are_fetched_only_if_they_are_shown() {
        let now = Timestamp::UNIX_EPOCH;
        let mut view = View::new(String::new(), false);
        view.update(Snapshot { probes: 120, ..snapshot(50, now) });
        view.draw(7, 80, now);
        assert!(!view.lacks_rows());
        view.handle(Key::End);
        assert_eq!((view.lacks_rows(), view.wanted()), (true, 120));
    }
}
