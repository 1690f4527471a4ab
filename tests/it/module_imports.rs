//! Inside a crate, modules do not import each other in circles: types that several modules share are in a
//! module below them, and the crate root only lists modules.
//!
//! A file of a folder may use what the folder's own module defines, since both are one subject. `pub use`
//! gives a name a second address and is not an import of the module that writes it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use testkit::dashboards::root;

mod paths;
mod tokens;

use paths::Paths;

/// The path of a module below its crate; empty for the root.
type Module = Vec<String>;

type Graph = BTreeMap<Module, BTreeSet<Module>>;

#[test]
fn modules_do_not_import_each_other_in_circles() {
    let mut sources = Vec::new();
    for folder in ["crates", "functions", "tests", "benches"] {
        sources_below(&root().join(folder), &mut sources);
    }
    assert!(30 <= sources.len(), "only {} crates found", sources.len());
    let mut found = Vec::new();
    let mut modules = 0;
    for source in sources {
        let files = files_of(&source);
        modules += files.len();
        for circle in circles(&graph(&files)) {
            let package = source.strip_prefix(root()).unwrap_or(&source).display();
            found.push(format!("{package}: {circle}"));
        }
    }
    assert!(300 <= modules, "only {modules} modules found");
    assert!(found.is_empty(), "{} circles\n{}", found.len(), found.join("\n"));
}

/// The `src` folders of all packages below a folder.
fn sources_below(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if entry.file_name() == "src" {
            found.push(path);
        } else if path.is_dir() && entry.file_name() != "fixtures" {
            sources_below(&path, found);
        }
    }
}

/// The code of each module of a crate, without those that exist only for tests.
fn files_of(source: &Path) -> BTreeMap<Module, String> {
    let mut files = BTreeMap::new();
    let mut folders = vec![source.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                // Each file of `bin` is a program of its own.
                if entry.file_name() != "bin" {
                    folders.push(path);
                }
                continue;
            }
            let Some(module) = module_of(source, &path) else { continue };
            let code = fs::read_to_string(&path);
            files
                .insert(module, code.unwrap_or_else(|error| panic!("{}: {error}", path.display())));
        }
    }
    files
}

/// `None` for other files, and for `main.rs` beside `lib.rs`, which is another crate.
fn module_of(source: &Path, file: &Path) -> Option<Module> {
    let below = file.strip_prefix(source).ok()?.to_str()?.strip_suffix(".rs")?;
    let mut module: Module = below.split('/').map(str::to_owned).collect();
    match module.last()?.as_str() {
        "main" if module.len() == 1 && source.join("lib.rs").exists() => return None,
        "lib" | "main" if module.len() == 1 => module.clear(),
        "mod" => _ = module.pop(),
        last if last == "tests" || last.ends_with("_tests") => return None,
        _ => {}
    }
    Some(module)
}

/// Which modules each module imports.
fn graph(files: &BTreeMap<Module, String>) -> Graph {
    let names: BTreeMap<&Module, Paths> =
        files.iter().map(|(module, code)| (module, paths::of(&tokens::of(code)))).collect();
    let mut graph = Graph::new();
    for (module, paths) in &names {
        let imports = paths.imports.iter().filter(|import| !import.is_public);
        let used = imports.map(|import| &import.path).chain(&paths.inline);
        let targets =
            used.filter_map(|path| Some(defining(&names, &address(&names, module, path)?, 0)));
        let is_import = |target: &Module| {
            let own_folder = !target.is_empty() && module.starts_with(target);
            !own_folder && *target != **module
        };
        graph.insert((*module).clone(), targets.filter(is_import).collect());
    }
    graph
}

/// The path below the crate of a path in `module`; `None` for another crate's.
fn address(names: &BTreeMap<&Module, Paths>, module: &Module, path: &[String]) -> Option<Module> {
    let (first, rest) = path.split_first()?;
    let below = |base: &[String], rest: &[String]| [base, rest].concat();
    match first.as_str() {
        "crate" => Some(rest.to_vec()),
        "self" => Some(below(module, rest)),
        "super" => {
            let supers = path.iter().take_while(|part| *part == "super").count();
            Some(below(&module[..module.len().checked_sub(supers)?], &path[supers..]))
        }
        _ if names.contains_key(&below(module, &path[..1])) => Some(below(module, path)),
        // The name may be one that the module imported.
        _ => {
            let import = names[module].imports.iter().find(|import| &import.name == first)?;
            let is_itself = import.path.first() == Some(first);
            let base = if is_itself { None } else { address(names, module, &import.path) };
            Some(below(&base?, rest))
        }
    }
}

/// The module that defines what is at `address`: re-exports are followed.
fn defining(names: &BTreeMap<&Module, Paths>, address: &Module, depth: usize) -> Module {
    let mut length = address.len();
    while !names.contains_key(&address[..length].to_vec()) {
        length -= 1;
    }
    let (module, rest) = (address[..length].to_vec(), &address[length..]);
    let Some((first, rest)) = rest.split_first() else { return module };
    let import = names[&module].imports.iter().find(|import| &import.name == first);
    let target = import.and_then(|import| self::address(names, &module, &import.path));
    match target {
        Some(target) if depth < 10 && &target != address => {
            defining(names, &[target, rest.to_vec()].concat(), depth + 1)
        }
        _ => module,
    }
}

/// The circles, one for each group of modules that reach each other.
fn circles(graph: &Graph) -> Vec<String> {
    let reach: BTreeMap<&Module, BTreeSet<Module>> =
        graph.keys().map(|module| (module, reachable(graph, module))).collect();
    let group = |module: &Module| -> BTreeSet<Module> {
        let others = reach[module].iter().filter(|other| reach[other].contains(module));
        others.cloned().collect()
    };
    let groups: BTreeSet<BTreeSet<Module>> =
        graph.keys().map(group).filter(|group| 1 < group.len()).collect();
    let name = |module: &Module| {
        if module.is_empty() { "the crate root".to_owned() } else { module.join("::") }
    };
    let shown = |group: &BTreeSet<Module>| {
        let arrows = group.iter().flat_map(|module| {
            let inside = graph[module].iter().filter(|target| group.contains(*target));
            inside.map(move |target| format!("{} → {}", name(module), name(target)))
        });
        arrows.collect::<Vec<_>>().join(", ")
    };
    groups.iter().map(shown).collect()
}

fn reachable(graph: &Graph, from: &Module) -> BTreeSet<Module> {
    let mut reached = BTreeSet::new();
    let mut open: Vec<&Module> = graph[from].iter().collect();
    while let Some(module) = open.pop() {
        if reached.insert(module.clone()) {
            open.extend(graph.get(module).into_iter().flatten());
        }
    }
    reached
}

#[test]
fn circles_are_found() {
    /// A name, the modules with their code, and the circles.
    type Case = (&'static str, &'static [(&'static str, &'static str)], &'static [&'static str]);
    let cases: [Case; 9] = [
        ("none", &[("", "mod a; mod b;"), ("a", "use crate::b::B;"), ("b", "")], &[]),
        (
            "two files",
            &[("", "mod a; mod b;"), ("a", "use crate::b::B;"), ("b", "use super::a::{self, A};")],
            &["a → b, b → a"],
        ),
        (
            "three files",
            &[
                ("", ""),
                ("a", "use crate::b::B;"),
                ("b", "use crate::c;"),
                ("c", "use crate::a::A;"),
            ],
            &["a → b, b → c, c → a"],
        ),
        (
            "path in a call",
            &[("", ""), ("a", "use crate::b::B;"), ("b", "fn f() { crate::a::g() }")],
            &["a → b, b → a"],
        ),
        (
            "type of the root",
            &[("", "mod a; use a::A; pub struct B;"), ("a", "use crate::B;")],
            &["the crate root → a, a → the crate root"],
        ),
        (
            "re-export",
            &[("", "mod a; mod b; pub use b::B;"), ("a", "use crate::B;"), ("b", "")],
            &[],
        ),
        (
            "re-export that hides a circle",
            &[("", "pub use a::A; pub use b::B;"), ("a", "use crate::B;"), ("b", "use crate::A;")],
            &["a → b, b → a"],
        ),
        (
            "a folder and its file",
            &[("", ""), ("a", "mod b; use b::B; pub struct A;"), ("a::b", "use super::A;")],
            &[],
        ),
        (
            "tests",
            &[
                ("", ""),
                ("a", "use crate::b::B;"),
                ("b", "#[cfg(test)] mod tests { use crate::a::A; }"),
            ],
            &[],
        ),
    ];
    for (name, files, expected) in cases {
        let files = files.iter().map(|(name, code)| (module(name), (*code).to_owned()));
        assert_eq!(circles(&graph(&files.collect())), expected, "{name}");
    }
}

fn module(path: &str) -> Module {
    path.split("::").filter(|part| !part.is_empty()).map(str::to_owned).collect()
}
