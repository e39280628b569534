//! Decodes a tree into typed values through serde, and reports all errors.
//!
//! serde stops at the first error. So a part with an error is reported and set aside, and the rest is decoded again,
//! until a run finds nothing new: one run per error, and one more.

use std::cell::RefCell;
use std::collections::HashSet;

use serde::de::value::{SeqDeserializer, StrDeserializer};
use serde::de::{
    DeserializeOwned, DeserializeSeed, EnumAccess, Error as _, MapAccess, SeqAccess, VariantAccess, Visitor,
};
use serde::{Deserializer, de};

use super::expanded;
use super::failure::Failure;
use super::fault::hint;
use super::{Fault, Faults, Node, Path, Value};

pub(super) fn decode<T: DeserializeOwned>(node: &Node, path: &Path, faults: &mut Faults) -> Option<T> {
    let before = faults.len();
    decode_rest(node, path, faults).filter(|_| faults.len() == before)
}

pub(super) fn decode_rest<T: DeserializeOwned>(node: &Node, path: &Path, faults: &mut Faults) -> Option<T> {
    let notes = RefCell::new(Notes { faults, set_aside: HashSet::new() });
    let root = Decoder { node, path: path.clone(), notes: &notes };
    loop {
        let known = notes.borrow().set_aside.len();
        let decoded = root.placed(|| T::deserialize(root.child(node, path.clone())));
        let notes = notes.borrow();
        if notes.set_aside.len() == known || notes.set_aside.contains(&std::ptr::from_ref(node)) {
            return decoded.ok();
        }
    }
}

/// Where a likely typing error is clear, no more keys than these are listed.
const MOST_LISTED: usize = 12;

/// Reports the unknown keys of a map, and returns their nodes.
pub(super) fn refuse_unknown_keys<'a>(
    node: &'a Node,
    path: &Path,
    known: &[&str],
    faults: &mut Faults,
) -> Vec<&'a Node> {
    let unknown = node.entries().iter().filter(|(key, _)| !known.contains(&key.text.as_str()));
    let refuse = |(key, node): &'a (super::tree::Key, Node)| {
        let is_odd = |c: char| !(c.is_alphanumeric() || matches!(c, '_' | '-' | '.'));
        let is_rest = matches!(node.value, Value::Null) && key.text.contains(is_odd);
        let unquoted = || "a text with `,` inside `{…}` or `[…]` needs quotes".to_owned();
        let hint = hint(&key.text, known.iter().copied()).or_else(|| is_rest.then(unquoted));
        let message = match known.len() > MOST_LISTED && hint.is_some() {
            true => "unknown key".to_owned(),
            false => format!("unknown key; expected one of {}", known.join(", ")),
        };
        faults.add(Fault { place: key.place, path: path.key(&key.text), message, hint });
        node
    };
    unknown.map(refuse).collect()
}

/// State shared between runs.
struct Notes<'a> {
    faults: &'a mut Faults,
    /// Nodes with errors, by identity: later runs skip them.
    set_aside: HashSet<*const Node>,
}

impl Notes<'_> {
    fn has_set_aside_below(&self, node: &Node) -> bool {
        let values = node.entries().iter().map(|(_, node)| node);
        let mut below = values.chain(node.elements());
        below.any(|node| self.set_aside.contains(&std::ptr::from_ref(node)) || self.has_set_aside_below(node))
    }
}

struct Decoder<'a, 'n> {
    node: &'a Node,
    path: Path,
    notes: &'a RefCell<Notes<'n>>,
}

impl<'a, 'n> Decoder<'a, 'n> {
    fn child(&self, node: &'a Node, path: Path) -> Self {
        Decoder { node, path, notes: self.notes }
    }

    fn is_set_aside(&self, node: &Node) -> bool {
        self.notes.borrow().set_aside.contains(&std::ptr::from_ref(node))
    }

    /// Decodes this node; an error not yet reported further down is reported here, and the node set aside.
    fn placed<T>(&self, run: impl FnOnce() -> Result<T, Failure>) -> Result<T, Failure> {
        run().map_err(|failure| {
            let mut notes = self.notes.borrow_mut();
            let (place, path) = (self.node.place, self.path.clone());
            match failure {
                Failure::Reported => return Failure::Reported,
                // An error of the whole may only be due to the parts that were set aside.
                Failure::Message { .. } if notes.has_set_aside_below(self.node) => {}
                Failure::Message { message, hint } => notes.faults.add(Fault { place, path, message, hint }),
                // An invalid key has already been reported.
                Failure::Missing(key) if self.node.get(key).is_some() => {}
                Failure::Missing(key) => {
                    notes.faults.at(place, &path, format!("the key `{key}` is missing"));
                }
            }
            notes.set_aside.insert(std::ptr::from_ref(self.node));
            Failure::Reported
        })
    }

    /// The children that take part in this run.
    fn elements(&self) -> impl Iterator<Item = (&'a Node, Path)> {
        let elements = self.node.elements().iter().enumerate();
        elements
            .filter(|(_, node)| !self.is_set_aside(node))
            .map(|(index, node)| (node, self.path.index(index)))
    }

    fn entries(&self) -> impl Iterator<Item = (&'a str, &'a Node, Path)> {
        let entries = self.node.entries().iter().filter(|(_, node)| !self.is_set_aside(node));
        entries.map(|(key, node)| (key.text.as_str(), node, self.path.key(&key.text)))
    }

    /// Reports the keys that a struct does not have.
    fn tell_unknown_keys(&self, known: &'static [&'static str]) {
        let mut notes = self.notes.borrow_mut();
        for node in refuse_unknown_keys(self.node, &self.path, known, notes.faults) {
            notes.set_aside.insert(std::ptr::from_ref(node));
        }
    }

    fn visit<'de, V: Visitor<'de>>(&self, visitor: V) -> Result<V::Value, Failure> {
        match &self.node.value {
            Value::Null => visitor.visit_unit(),
            Value::Bool(value) => visitor.visit_bool(*value),
            Value::Integer(value) => visitor.visit_i64(*value),
            Value::Float(value) => visitor.visit_f64(*value),
            Value::String(text) => visitor.visit_str(text),
            Value::List(_) => visitor.visit_seq(Elements {
                items: self.elements().collect::<Vec<_>>().into_iter(),
                decoder: self,
            }),
            Value::Map(_) => visitor.visit_map(Entries {
                items: self.entries().collect::<Vec<_>>().into_iter(),
                value: None,
                decoder: self,
            }),
        }
    }
}

impl<'de> Deserializer<'de> for Decoder<'_, '_> {
    type Error = Failure;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        self.placed(|| self.visit(visitor))
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        match self.node.value {
            Value::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Failure> {
        if let (expanded::NAME, Value::String(text)) = (name, &self.node.value) {
            let parts = expanded::parts(text, &self.node.variables).into_iter();
            return self.placed(|| visitor.visit_seq(SeqDeserializer::<_, Failure>::new(parts)));
        }
        let inner = self.child(self.node, self.path.clone());
        self.placed(|| visitor.visit_newtype_struct(inner))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Failure> {
        self.tell_unknown_keys(fields);
        self.placed(|| match self.node.value {
            // An empty entry is a map without keys: `rabbitmq:` with all defaults.
            Value::Null => visitor
                .visit_map(de::value::MapDeserializer::<_, Failure>::new(std::iter::empty::<(&str, &str)>())),
            _ => self.visit(visitor),
        })
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Failure> {
        self.placed(|| match (&self.node.value, self.node.entries()) {
            (Value::String(name), _) => visitor.visit_enum(Variant { name, content: None, decoder: &self }),
            (Value::Map(_), [(key, node)]) => {
                visitor.visit_enum(Variant { name: &key.text, content: Some(node), decoder: &self })
            }
            _ => Err(Failure::custom(format!("expected exactly one of {}", variants.join(", ")))),
        })
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf
        unit unit_struct seq tuple tuple_struct map identifier ignored_any
    }
}

struct Elements<'d, 'a, 'n> {
    items: std::vec::IntoIter<(&'a Node, Path)>,
    decoder: &'d Decoder<'a, 'n>,
}

impl<'de> SeqAccess<'de> for Elements<'_, '_, '_> {
    type Error = Failure;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Failure> {
        let Some((node, path)) = self.items.next() else { return Ok(None) };
        let child = self.decoder.child(node, path);
        child.placed(|| seed.deserialize(child.child(node, child.path.clone()))).map(Some)
    }
}

struct Entries<'d, 'a, 'n> {
    items: std::vec::IntoIter<(&'a str, &'a Node, Path)>,
    value: Option<(&'a Node, Path)>,
    decoder: &'d Decoder<'a, 'n>,
}

impl<'de> MapAccess<'de> for Entries<'_, '_, '_> {
    type Error = Failure;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Failure> {
        let Some((key, node, path)) = self.items.next() else { return Ok(None) };
        // An error in a key, such as an invalid name, is reported at its value's node.
        let child = self.decoder.child(node, path.clone());
        self.value = Some((node, path));
        child.placed(|| seed.deserialize(StrDeserializer::<Failure>::new(key))).map(Some)
    }

    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value, Failure> {
        let (node, path) = self.value.take().ok_or(Failure::Reported)?;
        let child = self.decoder.child(node, path);
        child.placed(|| seed.deserialize(child.child(node, child.path.clone())))
    }
}

/// An enum: `name`, or a map whose one key is the variant's name.
struct Variant<'d, 'a, 'n> {
    name: &'a str,
    content: Option<&'a Node>,
    decoder: &'d Decoder<'a, 'n>,
}

impl<'a, 'n> Variant<'_, 'a, 'n> {
    fn content(self) -> Result<Decoder<'a, 'n>, Failure> {
        let node = self
            .content
            .ok_or_else(|| Failure::custom(format!("`{}` needs a value: `{0}: …`", self.name)))?;
        Ok(self.decoder.child(node, self.decoder.path.key(self.name)))
    }
}

impl<'de> EnumAccess<'de> for Variant<'_, '_, '_> {
    type Error = Failure;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self), Failure> {
        let name = seed.deserialize(StrDeserializer::<Failure>::new(self.name))?;
        Ok((name, self))
    }
}

impl<'de> VariantAccess<'de> for Variant<'_, '_, '_> {
    type Error = Failure;

    fn unit_variant(self) -> Result<(), Failure> {
        match self.content {
            None => Ok(()),
            Some(_) => Err(Failure::custom(format!("`{}` takes no value", self.name))),
        }
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Failure> {
        let content = self.content()?;
        content.placed(|| seed.deserialize(content.child(content.node, content.path.clone())))
    }

    fn tuple_variant<V: Visitor<'de>>(self, _len: usize, visitor: V) -> Result<V::Value, Failure> {
        self.content()?.deserialize_seq(visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Failure> {
        self.content()?.deserialize_struct("", fields, visitor)
    }
}
