//! Several files that are one configuration: each has sections of its own.

use platform_core::yaml::{Fault, Faults, Key, Node, Path, Value};

/// These sections of all files together. A name that two files give to different things is an error.
pub(super) fn merge(trees: Vec<Node>, known: &[&str], faults: &mut Faults) -> Option<Node> {
    let mut trees = trees.into_iter();
    let mut whole = trees.next()?;
    for tree in trees {
        let Value::Map(sections) = tree.value else { continue };
        let is_known = |(section, _): &(Key, Node)| known.contains(&section.text.as_str());
        for (section, node) in sections.into_iter().filter(is_known) {
            add(&mut whole, section, node, faults);
        }
    }
    Some(whole)
}

fn add(whole: &mut Node, section: Key, node: Node, faults: &mut Faults) {
    let Value::Map(sections) = &mut whole.value else {
        whole.value = Value::Map(vec![(section, node)]);
        return;
    };
    let path = Path::default().key(&section.text);
    let Some((_, known)) = sections.iter_mut().find(|(known, _)| known.text == section.text) else {
        sections.push((section, node));
        return;
    };
    match (&mut known.value, node.value) {
        (Value::List(known), Value::List(more)) => known.extend(more),
        (Value::Map(known), Value::Map(more)) => {
            for (key, node) in more {
                match known.iter().find(|(other, _)| other.text == key.text) {
                    Some((other, _)) => faults.add(taken(&key, other, &path, faults)),
                    None => known.push((key, node)),
                }
            }
        }
        // The other file has nothing in it, or has been reported.
        (Value::Null, more) => known.value = more,
        (_, Value::Null) => {}
        (Value::List(_), _) => faults.at(node.place, &path, "expected a list: `- name: …`"),
        _ => faults.at(node.place, &path, "expected a map: `{NAME: {…}}`"),
    }
}

fn taken(key: &Key, other: &Key, section: &Path, faults: &Faults) -> Fault {
    Fault {
        place: key.place,
        path: section.key(&key.text),
        message: format!("there is one of this name already, in {}", faults.located_at(other.place)),
        hint: Some("give them different names".to_owned()),
    }
}
