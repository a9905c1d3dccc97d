//! Versiqii migration guests in Rust, ABI version 1: one module, no dependencies, no imports.
//!
//! A migration is two functions that change a config in place, or refuse it:
//!
//! ```ignore
//! mod versiqii;
//! use versiqii::{Config, Outcome};
//!
//! fn up(config: &mut Config) -> Outcome { config.rename("/depth", "/limits/depth") }
//! fn down(config: &mut Config) -> Outcome { config.rename("/limits/depth", "/depth") }
//!
//! migration!(up, down);
//! ```
//!
//! Places are JSON Pointers whose names hold neither `~` nor `/`, through objects only.
//!
//! The envelope comes in RFC 8785 form, so a string or number has exactly one way to be written. Scalars are kept and
//! compared as that text, and numbers keep every digit.
#![allow(dead_code)]

use std::fmt::Write;

/// A JSON value. Scalars, and the names of members without their quotes, are text as it stood in the envelope.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Scalar(String),
    Array(Vec<Value>),
    Object(Vec<(String, Value)>),
}

/// Why a config cannot be migrated: a sentence for the operator, and the place in the config.
#[derive(Debug)]
pub struct Refusal {
    pub sentence: String,
    pub pointer: String,
}

pub type Outcome<T = ()> = Result<T, Refusal>;

pub fn refuse<T>(sentence: &str, pointer: &str) -> Outcome<T> {
    Err(Refusal { sentence: sentence.into(), pointer: pointer.into() })
}

impl Value {
    pub fn object() -> Value {
        Value::Object(Vec::new())
    }

    pub fn bool(yes: bool) -> Value {
        Value::Scalar(yes.to_string())
    }

    /// A number by its literal, as RFC 8785 writes it: `0.5`, never `5e-1`.
    pub fn number(literal: &str) -> Value {
        Value::Scalar(literal.into())
    }

    /// A string by plain text: no quote, backslash or control character.
    pub fn string(plain: &str) -> Value {
        Value::Scalar(format!("\"{plain}\""))
    }

    fn member(&self, name: &str) -> Option<&Value> {
        match self {
            Value::Object(members) => members.iter().find(|(known, _)| known == name).map(|(_, value)| value),
            _ => None,
        }
    }

    fn write(&self, out: &mut String) {
        match self {
            Value::Scalar(text) => out.push_str(text),
            Value::Array(items) => {
                let mut separator = "[";
                for item in items {
                    out.push_str(separator);
                    item.write(out);
                    separator = ",";
                }
                out.push_str(if items.is_empty() { "[]" } else { "]" });
            }
            Value::Object(members) => {
                let mut separator = "{";
                for (name, value) in members {
                    let _ = write!(out, "{separator}\"{name}\":");
                    value.write(out);
                    separator = ",";
                }
                out.push_str(if members.is_empty() { "{}" } else { "}" });
            }
        }
    }
}

/// The config on its way, and what is put aside for the way back.
pub struct Config {
    root: Value,
    stash_in: Value,
    stash_out: Vec<(String, Value)>,
}

impl Config {
    /// The value there.
    pub fn get(&self, pointer: &str) -> Option<&Value> {
        pointer.split('/').skip(1).try_fold(&self.root, Value::member)
    }

    /// Remove and return the value there; not there is a refusal.
    pub fn take(&mut self, pointer: &str) -> Outcome<Value> {
        let (parent, name) = split(pointer);
        if let Some(Value::Object(members)) = self.find(parent, false) {
            if let Some(at) = members.iter().position(|(known, _)| known == name) {
                return Ok(members.remove(at).1);
            }
        }
        refuse("a member is missing that this migration needs", pointer)
    }

    /// Put a value there, over what is there; objects on the way are made.
    pub fn set(&mut self, pointer: &str, value: Value) -> Outcome {
        let (parent, name) = split(pointer);
        match self.find(parent, true) {
            Some(Value::Object(members)) => {
                members.retain(|(known, _)| known != name);
                members.push((name.into(), value));
                Ok(())
            }
            _ => refuse("something that is no object is in the way of this migration", pointer),
        }
    }

    pub fn rename(&mut self, from: &str, to: &str) -> Outcome {
        let value = self.take(from)?;
        self.set(to, value)
    }

    /// Going down: remove what the older version cannot say, and keep it in the stash unless it is what going up would
    /// put there anyway.
    pub fn keep(&mut self, pointer: &str, usual: Value) -> Outcome {
        let value = self.take(pointer)?;
        if value != usual {
            self.stash_out.push((pointer.into(), value));
        }
        Ok(())
    }

    /// Going up: put there what was kept, or what is usual when nothing was.
    pub fn restore(&mut self, pointer: &str, usual: Value) -> Outcome {
        let kept = self.stash_in.member(pointer).cloned();
        self.set(pointer, kept.unwrap_or(usual))
    }

    fn find(&mut self, pointer: &str, make: bool) -> Option<&mut Value> {
        let mut place = &mut self.root;
        for name in pointer.split('/').skip(1) {
            let members = match place {
                Value::Object(members) => members,
                _ => return None,
            };
            let at = match members.iter().position(|(known, _)| known == name) {
                Some(at) => at,
                None if make => {
                    members.push((name.into(), Value::object()));
                    members.len() - 1
                }
                None => return None,
            };
            place = &mut members[at].1;
        }
        Some(place)
    }
}

fn split(pointer: &str) -> (&str, &str) {
    pointer.rsplit_once('/').expect("a pointer begins with a slash")
}

/// Reads what the daemon wrote. What is not JSON here is a bug of ours, and a panic is the honest answer.
struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl Reader<'_> {
    fn peek(&self) -> u8 {
        self.text.as_bytes()[self.at]
    }

    fn value(&mut self) -> Value {
        match self.peek() {
            b'{' => Value::Object(self.items(b'}', |reader| {
                let name = reader.string();
                reader.at += 1; // the colon
                (name[1..name.len() - 1].to_string(), reader.value())
            })),
            b'[' => Value::Array(self.items(b']', Reader::value)),
            b'"' => Value::Scalar(self.string()),
            _ => {
                let rest = &self.text[self.at..];
                let length = rest.find(|c| matches!(c, ',' | '}' | ']')).unwrap_or(rest.len());
                self.at += length;
                Value::Scalar(rest[..length].to_string())
            }
        }
    }

    fn items<T>(&mut self, close: u8, item: fn(&mut Self) -> T) -> Vec<T> {
        let mut items = Vec::new();
        self.at += 1;
        while self.peek() != close {
            if self.peek() == b',' {
                self.at += 1;
            }
            items.push(item(self));
        }
        self.at += 1;
        items
    }

    fn string(&mut self) -> String {
        let start = self.at;
        self.at += 1;
        while self.peek() != b'"' {
            self.at += if self.peek() == b'\\' { 2 } else { 1 };
        }
        self.at += 1;
        self.text[start..self.at].to_string()
    }
}

fn member_of(value: &mut Value, name: &str) -> Option<Value> {
    match value {
        Value::Object(members) => {
            let at = members.iter().position(|(known, _)| known == name)?;
            Some(members.swap_remove(at).1)
        }
        _ => None,
    }
}

fn answer(envelope: &str, direction: fn(&mut Config) -> Outcome) -> String {
    let mut root = Reader { text: envelope, at: 0 }.value();
    let mut config = Config {
        root: member_of(&mut root, "config").expect("an envelope has a config"),
        stash_in: member_of(&mut root, "stash").unwrap_or_else(Value::object),
        stash_out: Vec::new(),
    };
    let members = match direction(&mut config) {
        Err(Refusal { sentence, pointer }) => {
            vec![("error".into(), Value::string(&sentence)), ("pointer".into(), Value::string(&pointer))]
        }
        Ok(()) if config.stash_out.is_empty() => vec![("config".into(), config.root)],
        Ok(()) => vec![("config".into(), config.root), ("stash".into(), Value::Object(config.stash_out))],
    };
    let mut out = String::with_capacity(envelope.len());
    Value::Object(members).write(&mut out);
    out
}

/// The entry points' work: the envelope at this place, and the place and length of the answer, packed.
///
/// # Safety
/// The place must be one that `vq_alloc` gave, with this many bytes written.
pub unsafe fn run(pointer: *const u8, length: usize, direction: fn(&mut Config) -> Outcome) -> u64 {
    let envelope = std::str::from_utf8(std::slice::from_raw_parts(pointer, length)).expect("an envelope is UTF-8");
    let out = answer(envelope, direction).into_bytes().leak();
    (out.as_ptr() as u64) << 32 | out.len() as u64
}

/// The four functions of the ABI, around two of yours.
#[macro_export]
macro_rules! migration {
    ($up:path, $down:path) => {
        #[no_mangle]
        pub extern "C" fn vq_abi_version() -> i32 {
            1
        }

        #[no_mangle]
        pub extern "C" fn vq_alloc(size: usize) -> *mut u8 {
            Vec::with_capacity(size).leak().as_mut_ptr()
        }

        /// # Safety
        /// See `versiqii::run`.
        #[no_mangle]
        pub unsafe extern "C" fn vq_up(pointer: *const u8, length: usize) -> u64 {
            versiqii::run(pointer, length, $up)
        }

        /// # Safety
        /// See `versiqii::run`.
        #[no_mangle]
        pub unsafe extern "C" fn vq_down(pointer: *const u8, length: usize) -> u64 {
            versiqii::run(pointer, length, $down)
        }
    };
}
