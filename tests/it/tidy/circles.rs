//! No file uses another that uses it.

use std::collections::{BTreeMap, BTreeSet};

use regex::Regex;

use super::sources;

/// Files that use each other cannot be understood one by one: what both need belongs in a file of its own.
#[test]
fn no_files_use_each_other() {
    let mut crates: BTreeMap<String, Modules> = BTreeMap::new();
    for (file, text) in sources() {
        let Some((name, module)) = file.split_once("src/") else { continue };
        let module = module.trim_end_matches(".rs").trim_end_matches("/mod");
        let module =
            if module == "lib" { Vec::new() } else { module.split('/').map(str::to_owned).collect() };
        let code = text.split("#[cfg(test)]\nmod ").next().unwrap();
        let code = code.lines().map(|line| line.split("//").next().unwrap()).collect::<Vec<_>>().join("\n");
        crates.entry(name.to_owned()).or_default().insert(module, code);
    }
    let circles = crates.iter().flat_map(|(name, modules)| {
        let circles =
            uses(modules).into_iter().flat_map(|(folder, uses)| in_circles(uses, &folder.join("/")));
        circles.map(move |circle| format!("{name}src/{circle}"))
    });
    let circles: Vec<_> = circles.collect();
    assert!(circles.is_empty(), "uses that form circles:\n{}", circles.join("\n"));
}

/// The modules of a crate by their path, each with its code.
type Modules = BTreeMap<Vec<String>, String>;

/// The file that a folder belongs to, among the files of the folder.
const ROOT: &str = "(its root)";

/// Which modules of a folder use which others.
fn uses(modules: &Modules) -> BTreeMap<Vec<String>, BTreeSet<(String, String)>> {
    let path = Regex::new(r"\b(crate::|(?:super::)+)(\{[^;]*|[\w:]+)").unwrap();
    let of_children = Regex::new(r"(?:^|[^:\w])(?:self::)?(\w+)::").unwrap();
    let export = Regex::new(r"(?m)^pub(?:\([^)]*\))? use [^;]*;").unwrap();
    let mut uses: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
    for (module, code) in modules {
        for found in path.captures_iter(code) {
            let up = if &found[1] == "crate::" { module.len() } else { found[1].len() / "super::".len() };
            for item in found[2].split(',') {
                let mut folder = module[..module.len().saturating_sub(up)].to_vec();
                for name in item.split("::") {
                    let name = name.trim_matches(|c: char| !c.is_alphanumeric() && c != '_').to_owned();
                    let Some(own) = module.get(folder.len()) else { break };
                    if name != *own {
                        if let Some(used) = defining(modules, &folder, &name).filter(|used| used != own) {
                            uses.entry(folder).or_default().insert((own.clone(), used));
                        }
                        break;
                    }
                    folder.push(name);
                }
            }
        }
        let code = export.replace_all(code, "");
        for found in of_children.captures_iter(&code) {
            if modules.contains_key(&[&module[..], &[found[1].to_owned()]].concat()) {
                uses.entry(module.clone()).or_default().insert((ROOT.to_owned(), found[1].to_owned()));
            }
        }
    }
    uses
}

/// The module of a folder that a name leads to: the module of this name, the one from which the folder exports it, or the
/// folder's root where that defines it.
fn defining(modules: &Modules, folder: &[String], name: &str) -> Option<String> {
    if modules.contains_key(&[folder, &[name.to_owned()]].concat()) {
        return Some(name.to_owned());
    }
    let export = Regex::new(&format!(r"pub(?:\([^)]*\))? use (?:self::)?(\w+)::[^;]*\b{name}\b")).unwrap();
    let root = modules.get(folder)?;
    let item = format!(
        r"(?m)^(?:pub(?:\([^)]*\))? )?(?:const |async )*(?:fn|struct|enum|trait|type|const|static) {name}\b"
    );
    let exported = export.captures(root).map(|found| found[1].to_owned());
    exported.or_else(|| Regex::new(&item).unwrap().is_match(root).then(|| ROOT.to_owned()))
}

/// The uses that are left when all that begin or end outside of a circle are taken away.
fn in_circles(mut uses: BTreeSet<(String, String)>, folder: &str) -> Vec<String> {
    loop {
        let (from, to): (BTreeSet<_>, BTreeSet<_>) = uses.iter().cloned().unzip();
        let before = uses.len();
        uses.retain(|(user, used)| to.contains(user) && from.contains(used));
        if uses.len() == before {
            return uses.into_iter().map(|(user, used)| format!("{folder}: {user} → {used}")).collect();
        }
    }
}
