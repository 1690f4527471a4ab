//! A mapping of the file. Each setting is removed when it is read, so that the rest is not supported.

use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::time::Duration;

use secrecy::SecretString;
use serde_json::{Map, Value};

use super::units;

/// Bytes of a file with a secret or a certificate, at most.
const LARGEST_FILE: u64 = 1 << 20;

/// What is known about the whole file.
pub(super) struct File {
    folder: PathBuf,
    pub(super) problems: Vec<String>,
    pub(super) ignored: Vec<String>,
}

impl File {
    pub(super) fn new(folder: &Path) -> Self {
        Self { folder: folder.to_owned(), problems: Vec::new(), ignored: Vec::new() }
    }
}

pub(super) struct Section<'f> {
    path: String,
    map: Map<String, Value>,
    file: &'f RefCell<File>,
}

impl<'f> Section<'f> {
    pub(super) fn top(value: Value, file: &'f RefCell<File>) -> Self {
        let mut top = Self { path: String::new(), map: Map::new(), file };
        match value {
            Value::Object(map) => top.map = map,
            Value::Null => {}
            _ => top.file.borrow_mut().problems.push("expected a mapping".to_owned()),
        }
        top
    }

    pub(super) fn at(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }

    pub(super) fn problem(&self, key: &str, text: &str) {
        self.file.borrow_mut().problems.push(format!("`{}` {text}", self.at(key)));
    }

    pub(super) fn invalid(&self, key: &str, value: &str, expected: &str) {
        let at = self.at(key);
        self.file.borrow_mut().problems.push(format!("`{at}` is `{value}`; expected {expected}"));
    }

    /// The value of a setting. `null` is the same as no setting.
    fn take(&mut self, key: &str) -> Option<Value> {
        self.map.remove(key).filter(|value| !value.is_null())
    }

    /// A setting that has no meaning for the bridge.
    pub(super) fn ignore(&mut self, key: &str) {
        if self.map.remove(key).is_some() {
            self.file.borrow_mut().ignored.push(self.at(key));
        }
    }

    /// A setting of which only this value is supported.
    pub(super) fn only(&mut self, key: &str, supported: bool) {
        if self.flag(key).is_some_and(|value| value != supported) {
            let text = format!("is `{}`, which is not supported", !supported);
            self.problem(key, &text);
        }
    }

    pub(super) fn text(&mut self, key: &str) -> Option<String> {
        let value = self.take(key)?;
        let text = scalar(&value);
        if text.is_none() {
            self.problem(key, "is not text");
        }
        text
    }

    /// A secret, which is not repeated in an error.
    pub(super) fn secret(&mut self, key: &str) -> Option<SecretString> {
        self.text(key).map(SecretString::from)
    }

    pub(super) fn flag(&mut self, key: &str) -> Option<bool> {
        let value = self.take(key)?;
        let flag = match scalar(&value).unwrap_or_default().to_ascii_lowercase().as_str() {
            "true" | "yes" | "on" | "y" => Some(true),
            "false" | "no" | "off" | "n" => Some(false),
            _ => None,
        };
        if flag.is_none() {
            self.invalid(key, &shown(&value), "`true` or `false`");
        }
        flag
    }

    /// A number; 0 means no limit.
    pub(super) fn limit(&mut self, key: &str) -> Option<usize> {
        let value = self.take(key)?;
        let number = value.as_str().and_then(|text| text.parse().ok());
        if number.is_none() {
            self.invalid(key, &shown(&value), "a whole number, such as `1000`");
        }
        number.filter(|number| *number > 0)
    }

    pub(super) fn duration(&mut self, key: &str) -> Option<Duration> {
        let text = self.text(key)?;
        let duration = units::duration(&text);
        if duration.is_none() {
            self.invalid(key, &text, "a duration, such as `15s`");
        }
        duration
    }

    /// A size in bytes; 0 means no limit.
    pub(super) fn size(&mut self, key: &str) -> Option<usize> {
        let text = self.text(key)?;
        let size = units::size(&text);
        if size.is_none() {
            self.invalid(key, &text, "a size, such as `10MB`");
        }
        size.filter(|size| *size > 0)
    }

    pub(super) fn texts(&mut self, key: &str) -> Vec<String> {
        match self.take(key) {
            None => Vec::new(),
            Some(Value::Array(list)) => {
                let texts: Option<Vec<_>> = list.iter().map(scalar).collect();
                if texts.is_none() {
                    self.problem(key, "is not a list of texts");
                }
                texts.unwrap_or_default()
            }
            Some(_) => {
                self.problem(key, "is not a list");
                Vec::new()
            }
        }
    }

    /// Names with values, such as labels.
    pub(super) fn pairs(&mut self, key: &str) -> Vec<(String, String)> {
        let Some(section) = self.section(key) else { return Vec::new() };
        let mut pairs = Vec::new();
        for (name, value) in &section.map {
            match scalar(value) {
                Some(value) => pairs.push((name.clone(), value)),
                None => section.problem(name, "is not text"),
            }
        }
        pairs
    }

    /// Names with lists of values, such as the parameters of a URL.
    pub(super) fn lists(&mut self, key: &str) -> Vec<(String, Vec<String>)> {
        let Some(mut section) = self.section(key) else { return Vec::new() };
        let names = section.keys();
        names.into_iter().map(|name| (name.clone(), section.texts(&name))).collect()
    }

    pub(super) fn section(&mut self, key: &str) -> Option<Section<'f>> {
        if let Value::Object(map) = self.take(key)? {
            return Some(Self { path: self.at(key), map, file: self.file });
        }
        self.problem(key, "is not a mapping");
        None
    }

    pub(super) fn sections(&mut self, key: &str) -> Vec<Section<'f>> {
        let list = match self.take(key) {
            None => return Vec::new(),
            Some(Value::Array(list)) => list,
            Some(_) => {
                self.problem(key, "is not a list");
                return Vec::new();
            }
        };
        let mut sections = Vec::new();
        for (index, value) in list.into_iter().enumerate() {
            let place = format!("{key}[{index}]");
            match value {
                Value::Object(map) => {
                    sections.push(Self { path: self.at(&place), map, file: self.file });
                }
                _ => self.problem(&place, "is not a mapping"),
            }
        }
        sections
    }

    /// The content of the file that a setting names.
    pub(super) fn file(&mut self, key: &str) -> Option<Vec<u8>> {
        let name = self.text(key)?;
        let path = self.file.borrow().folder.join(&name);
        let read = std::fs::metadata(&path).and_then(|metadata| {
            if metadata.len() > LARGEST_FILE {
                return Err(std::io::Error::other("the file is larger than 1 MiB"));
            }
            std::fs::read(&path)
        });
        match read {
            Ok(content) => Some(content),
            Err(error) => {
                self.problem(key, &format!("is `{name}`, which cannot be read: {error}"));
                None
            }
        }
    }

    /// The content of a file with one secret, without the line end.
    pub(super) fn secret_file(&mut self, key: &str) -> Option<SecretString> {
        let content = self.file(key)?;
        let text = String::from_utf8_lossy(&content).trim().to_owned();
        Some(SecretString::from(text))
    }

    /// What is left, for a type that reads it itself. The settings in `numbers` are numbers.
    pub(super) fn into_value(mut self, numbers: &[&str]) -> Value {
        for key in numbers {
            if let Some(value) = self.map.get_mut(*key)
                && let Some(number) = value.as_str().and_then(|text| text.parse::<u64>().ok())
            {
                *value = number.into();
            }
        }
        Value::Object(self.map)
    }

    pub(super) fn keys(&self) -> Vec<String> {
        self.map.keys().cloned().collect()
    }

    pub(super) fn path(&self) -> &str {
        &self.path
    }

    /// A problem with the section itself.
    pub(super) fn own_problem(&self, text: &str) {
        self.problem_at(&self.path, text);
    }

    pub(super) fn problem_at(&self, path: &str, text: &str) {
        self.file.borrow_mut().problems.push(format!("`{path}`: {text}"));
    }

    /// Reports what was not read.
    pub(super) fn finish(self) {
        for (key, _) in self.map.iter().filter(|(_, value)| !value.is_null()) {
            self.problem(key, "is not supported");
        }
    }
}

fn scalar(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}

fn shown(value: &Value) -> String {
    scalar(value).unwrap_or_else(|| value.to_string()).chars().take(80).collect()
}
