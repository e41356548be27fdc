//! `{ fake = "name" }`: names, addresses and words that look like the real thing.
//!
//! An option is given as `{ fake = { kind = "sentence", words = 12 } }` and
//! `{ fake = { kind = "email", from = "name" } }`. The word lists are our own: another version of
//! a library would change everybody's data.
//!
//! With `unique`, the row's number is part of the text.

pub(super) mod words;

use std::sync::Arc;

use rand::RngExt;
use toml::de::DeValue;

use super::text::made_up;
use super::{Cell, Generator, Kind, Recipe, Scope};
use crate::error::Problem;
use crate::random::CellRandom;
use crate::reader::Node;
use crate::skew::Expectation;
use crate::{SpecificationError, Value};
use words::pick;

pub(super) const KIND: Kind = Kind { name: "fake", read };

/// What can be faked: the name in the file, and how it is made.
const SUBJECTS: &[(&str, Subject)] = &[
    ("name", |random| {
        format!("{} {}", first_name(random), last_name(random))
    }),
    ("first_name", |random| first_name(random).to_owned()),
    ("last_name", |random| last_name(random).to_owned()),
    ("email", |random| {
        let name = format!("{} {}", first_name(random), last_name(random));
        format!("{}@{}", mailbox(&name), pick(words::MAIL_DOMAINS, random))
    }),
    ("user_name", |random| {
        format!(
            "{}_{}",
            pick(words::WORDS, random),
            random.random_range(10..1000)
        )
    }),
    ("street", |random| {
        let number = random.random_range(1..200);
        format!(
            "{number} {} {}",
            last_name(random),
            pick(words::STREET_KINDS, random)
        )
    }),
    ("city", |random| pick(words::CITIES, random).to_owned()),
    ("postcode", |random| {
        format!("{:05}", random.random_range(1000..99_999))
    }),
    ("country", |random| {
        pick(words::COUNTRIES, random).to_owned()
    }),
    // 01632 and 555-01xx are kept free for fiction; this number leads nowhere either.
    ("phone", |random| {
        format!("+44 1632 {:06}", random.random_range(0..1_000_000))
    }),
    ("company", |random| {
        format!(
            "{} {}",
            last_name(random),
            pick(words::COMPANY_KINDS, random)
        )
    }),
    ("colour", |random| pick(words::COLOURS, random).to_owned()),
    ("product", |random| {
        let (material, thing) = (pick(words::MATERIALS, random), pick(words::THINGS, random));
        format!("{} {material} {thing}", pick(words::QUALITIES, random))
    }),
    ("word", |random| pick(words::WORDS, random).to_owned()),
    (SENTENCE, |random| sentence(8, random)),
];
const SENTENCE: &str = "sentence";
const EMAIL: &str = "email";

type Subject = fn(&mut CellRandom) -> String;

#[derive(Debug, Clone)]
struct Fake {
    kind: &'static str,
    make: Subject,
    /// How many words a sentence has.
    words: Option<u64>,
    /// The column that an e-mail address is made of.
    from: Option<String>,
}

fn read(node: &Node<'_>) -> Result<Arc<dyn Recipe>, SpecificationError> {
    if let DeValue::String(_) = node.value() {
        return Ok(Arc::new(subject(node)?));
    }
    let fields = node.fields(&["kind", "words", "from"])?;
    let mut fake = subject(&fields.required("kind")?)?;
    if let Some(words) = fields.optional("words") {
        if fake.kind != SENTENCE {
            return Err(words.error("only a `sentence` has a number of `words`"));
        }
        fake.words = Some(words.count(1)?);
    }
    if let Some(from) = fields.optional("from") {
        if fake.kind != EMAIL {
            return Err(from.error("only an `email` is made `from` another column"));
        }
        fake.from = Some(from.text()?.to_owned());
    }
    Ok(Arc::new(fake))
}

fn subject(node: &Node<'_>) -> Result<Fake, SpecificationError> {
    let name = node.text()?;
    let Some((kind, make)) = SUBJECTS.iter().find(|(known, _)| *known == name) else {
        let known = SUBJECTS.iter().map(|(known, _)| *known);
        return Err(node.error(Problem::unknown("kind of fake data", name, known)));
    };
    Ok(Fake {
        kind,
        make: *make,
        words: None,
        from: None,
    })
}

impl Recipe for Fake {
    fn reads(&self) -> Vec<&str> {
        self.from.as_deref().into_iter().collect()
    }

    fn can_be_unique(&self) -> bool {
        true
    }

    fn prepare(&self, scope: &Scope<'_>) -> Result<Box<dyn Generator>, Problem> {
        let from = self
            .from
            .as_deref()
            .map(|name| scope.above(name))
            .transpose()?;
        Ok(Box::new(Faker {
            fake: self.clone(),
            from,
            unique: scope.unique,
            nulls: from.and_then(|column| scope.nulls(column)),
        }))
    }
}

#[derive(Debug)]
struct Faker {
    fake: Fake,
    from: Option<usize>,
    unique: bool,
    /// The share of NULL in `from`, where it is known.
    nulls: Option<f64>,
}

impl Generator for Faker {
    fn value(&self, cell: &mut Cell<'_>) -> Value {
        let text = match (self.from, self.fake.words) {
            (Some(column), _) => match &cell.above[column] {
                Value::Null => return Value::Null,
                name => {
                    let domain = pick(words::MAIL_DOMAINS, &mut cell.random);
                    format!("{}@{domain}", mailbox(&name.to_string()))
                }
            },
            (None, Some(words)) => sentence(words, &mut cell.random),
            (None, None) => (self.fake.make)(&mut cell.random),
        };
        Value::Text(if self.unique {
            numbered(&text, cell.row + 1)
        } else {
            text
        })
    }

    fn expectation(&self, _rows: u64) -> Expectation {
        let nulls = match self.from {
            None => Some(0.0),
            Some(_) => self.nulls,
        };
        made_up(self.unique, nulls)
    }
}

/// The text with a number: before the `@` of an address, else at the end.
fn numbered(text: &str, number: u64) -> String {
    match text.split_once('@') {
        Some((mailbox, domain)) => format!("{mailbox}.{number}@{domain}"),
        None => format!("{text} {number}"),
    }
}

fn first_name(random: &mut CellRandom) -> &'static str {
    pick(words::FIRST_NAMES, random)
}

fn last_name(random: &mut CellRandom) -> &'static str {
    pick(words::LAST_NAMES, random)
}

/// `Anna Berg` as `anna.berg`: what is neither a letter nor a digit separates.
fn mailbox(name: &str) -> String {
    let words = name
        .split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty());
    words
        .map(str::to_ascii_lowercase)
        .collect::<Vec<_>>()
        .join(".")
}

fn sentence(words: u64, random: &mut CellRandom) -> String {
    let mut text = String::new();
    for _ in 0..words {
        let word = pick(words::WORDS, random);
        match text.chars().next_back() {
            None => text.extend(word.chars().next().map(|first| first.to_ascii_uppercase())),
            Some(_) => text.extend([' '].into_iter().chain(word.chars().next())),
        }
        text.extend(word.chars().skip(1));
    }
    text.push('.');
    text
}
