//! XML held against the part of XML Schema that Jenkins's schema of JUnit is written in: [`errors`].
//!
//! Whatever else a schema says is refused by a panic, so that nothing goes unchecked.

use std::collections::BTreeMap;

use roxmltree::{Document, Node};

const XS: &str = "http://www.w3.org/2001/XMLSchema";

/// What is wrong with a document, by a schema.
pub(crate) fn errors(schema: &str, document: &str) -> Vec<String> {
    let schema = Document::parse(schema).expect("a schema is XML");
    let document = match Document::parse(document) {
        Ok(document) => document,
        Err(error) => return vec![format!("no XML: {error}")],
    };
    let checker = Checker::of(&schema);
    let mut errors = Vec::new();
    checker.element(document.root_element(), &mut errors);
    errors
}

struct Checker<'s> {
    elements: BTreeMap<&'s str, Node<'s, 's>>,
    types: BTreeMap<&'s str, Node<'s, 's>>,
}

impl<'s> Checker<'s> {
    fn of(schema: &'s Document<'s>) -> Self {
        let mut checker = Checker {
            elements: BTreeMap::new(),
            types: BTreeMap::new(),
        };
        for part in children(schema.root_element()) {
            let name = part.attribute("name").expect("global parts have names");
            match part.tag_name().name() {
                "element" => checker.elements.insert(name, part),
                "complexType" | "simpleType" => checker.types.insert(name, part),
                other => panic!("this check does not know <{other}>"),
            };
        }
        checker
    }

    fn element(&self, node: Node<'_, '_>, errors: &mut Vec<String>) {
        let name = node.tag_name().name();
        match self.elements.get(name) {
            None => errors.push(format!("<{name}> is not declared")),
            Some(declared) => self.declared(node, *declared, errors),
        }
    }

    fn declared(&self, node: Node<'_, '_>, declared: Node<'s, 's>, errors: &mut Vec<String>) {
        match declared.attribute("type") {
            Some("xs:string") => {
                for child in children(node) {
                    let (outer, inner) = (node.tag_name().name(), child.tag_name().name());
                    errors.push(format!("<{inner}> in <{outer}>, which is text"));
                }
                if node.attributes().len() > 0 {
                    errors.push(format!("attributes of <{}>", node.tag_name().name()));
                }
            }
            Some(named) => self.complex(node, self.types[named], errors),
            None => {
                let inner = children(declared).next().expect("a type");
                self.complex(node, inner, errors);
            }
        }
    }

    fn complex(&self, node: Node<'_, '_>, complex: Node<'s, 's>, errors: &mut Vec<String>) {
        assert_eq!(complex.tag_name().name(), "complexType");
        let name = node.tag_name().name();
        let mut attributes = BTreeMap::new();
        let mut content: Option<Node<'s, 's>> = None;
        for part in children(complex) {
            match part.tag_name().name() {
                "attribute" => {
                    attributes.insert(part.attribute("name").expect("a name"), part);
                }
                "sequence" | "choice" => content = Some(part),
                other => panic!("this check does not know <{other}> in a type"),
            }
        }
        for attribute in node.attributes() {
            match attributes.get(attribute.name()) {
                None => errors.push(format!("<{name}> has no attribute {}", attribute.name())),
                Some(declared) => self.value(name, attribute.value(), *declared, errors),
            }
        }
        for (attribute, declared) in &attributes {
            let required = declared.attribute("use") == Some("required");
            if required && node.attribute(*attribute).is_none() {
                errors.push(format!("<{name}> needs the attribute {attribute}"));
            }
        }
        let text = node
            .children()
            .any(|c| c.is_text() && c.text().is_some_and(|t| !t.trim().is_empty()));
        if text && complex.attribute("mixed") != Some("true") {
            errors.push(format!("text in <{name}>"));
        }
        let mut allowed = Vec::new();
        if let Some(content) = content {
            repeatable(content, &mut allowed);
        }
        for child in children(node) {
            let inner = child.tag_name().name();
            if allowed.contains(&inner) {
                self.element(child, errors);
            } else {
                errors.push(format!("<{inner}> in <{name}>"));
            }
        }
    }

    fn value(&self, element: &str, value: &str, declared: Node<'s, 's>, errors: &mut Vec<String>) {
        match declared.attribute("type") {
            Some("xs:string") => {}
            Some("SUREFIRE_TIME") => {
                let pattern = self.types["SUREFIRE_TIME"]
                    .descendants()
                    .find_map(|node| node.attribute("value"));
                let known = r"(([0-9]{0,3},)*[0-9]{3}|[0-9]{0,3})*(\.[0-9]{0,3})?";
                assert_eq!(pattern, Some(known), "the pattern that this check knows");
                let (whole, decimals) = value.split_once('.').unwrap_or((value, ""));
                let digits = |text: &str| text.chars().all(|c| c.is_ascii_digit());
                if !digits(whole) || !digits(decimals) || decimals.len() > 3 {
                    errors.push(format!("{value} is no time of <{element}>"));
                }
            }
            other => panic!("this check does not know the type {other:?}"),
        }
    }
}

/// The elements of a content model in which each may come in any number and order, or of a sequence
/// of one such part.
fn repeatable<'s>(part: Node<'s, 's>, allowed: &mut Vec<&'s str>) {
    let any = |node: Node<'_, '_>| node.attribute("maxOccurs") == Some("unbounded");
    let inner: Vec<Node<'s, 's>> = children(part).collect();
    for child in &inner {
        match child.tag_name().name() {
            "element" => {
                assert!(
                    any(part) || any(*child) && inner.len() == 1,
                    "a bounded model"
                );
                allowed.push(child.attribute("ref").expect("elements are named"));
            }
            "choice" => repeatable(*child, allowed),
            other => panic!("this check does not know <{other}> in a model"),
        }
    }
}

fn children<'a, 'i>(node: Node<'a, 'i>) -> impl Iterator<Item = Node<'a, 'i>> {
    let schema = move |child: &Node<'_, '_>| {
        child.is_element() && child.tag_name().namespace().is_none_or(|uri| uri == XS)
    };
    node.children().filter(schema)
}

#[test]
fn what_the_schema_forbids_is_found() {
    let check = |document: &str, expected: &str| {
        let found = errors(super::ci::JUNIT, document);
        assert_eq!(found.join("; "), expected, "{document}");
    };
    check("<testsuites/>", "");
    check(
        "<testsuites",
        "no XML: the document does not have a root node",
    );
    check("<tests/>", "<tests> is not declared");
    check(
        "<testsuites skipped=\"0\" time=\"1.2345\"/>",
        "<testsuites> has no attribute skipped; 1.2345 is no time of <testsuites>",
    );
    check(
        "<testsuite name=\"a\" tests=\"1\" failures=\"0\" errors=\"0\"><testcase>text<failure/></testcase></testsuite>",
        "<testcase> needs the attribute name; text in <testcase>",
    );
    check(
        "<testsuite name=\"a\" tests=\"1\" failures=\"0\" errors=\"0\"><failure/></testsuite>",
        "<failure> in <testsuite>",
    );
}
