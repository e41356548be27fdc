//! The word lists of fake data. All ASCII, so that the length in bytes is the length in characters.
//!
//! Changing a list changes everybody's data: add new lists rather than new words.

use rand::RngExt;

use crate::random::CellRandom;

/// One of the words, each alike.
pub(in crate::generator) fn pick(words: &[&'static str], random: &mut CellRandom) -> &'static str {
    words[random.random_range(0..words.len())]
}

pub(super) const FIRST_NAMES: &[&str] = &[
    "Ada", "Ahmed", "Aiko", "Alma", "Amara", "Anders", "Anna", "Anton", "Aria", "Beatriz", "Ben",
    "Bruno", "Carla", "Chidi", "Clara", "Daniel", "Dara", "David", "Elena", "Elif", "Emil", "Emma",
    "Eva", "Farah", "Felix", "Fiona", "Georg", "Grace", "Hana", "Hugo", "Ida", "Imran", "Ines",
    "Ivan", "Jack", "Jana", "Jonas", "Julia", "Karim", "Kofi", "Lara", "Leo", "Lina", "Lucas",
    "Maja", "Marco", "Maria", "Mei", "Mila", "Nadia", "Nils", "Noah", "Olga", "Omar", "Oscar",
    "Paula", "Pedro", "Priya", "Rosa", "Ruth", "Samir", "Sara", "Sofia", "Tariq", "Tom", "Uma",
    "Vera", "Victor", "Yara", "Zoe",
];

pub(super) const LAST_NAMES: &[&str] = &[
    "Abe", "Adler", "Ahlberg", "Andersen", "Bakker", "Banerjee", "Baptiste", "Becker", "Berg",
    "Bianchi", "Brown", "Castro", "Chen", "Clarke", "Costa", "Dahl", "Diallo", "Dubois", "Eriksen",
    "Evans", "Fischer", "Fontaine", "Garcia", "Greco", "Haas", "Haddad", "Hansen", "Harris",
    "Hill", "Horvat", "Ito", "Ivanova", "Jensen", "Kaya", "Keller", "Kim", "Kovacs", "Kowalski",
    "Larsen", "Lopez", "Mbeki", "Meyer", "Moreau", "Murphy", "Nagy", "Nguyen", "Novak", "Okafor",
    "Olsen", "Osei", "Patel", "Pereira", "Petrov", "Popescu", "Quinn", "Reyes", "Ricci", "Rossi",
    "Sato", "Schmidt", "Silva", "Singh", "Smith", "Tanaka", "Taylor", "Torres", "Vidal", "Walsh",
    "Weber", "Wilson", "Wood", "Yilmaz", "Zhang",
];

/// Reserved for documentation by RFC 2606: no mail to them arrives anywhere.
pub(super) const MAIL_DOMAINS: &[&str] = &["example.com", "example.net", "example.org"];

pub(super) const STREET_KINDS: &[&str] = &[
    "Street", "Road", "Lane", "Avenue", "Square", "Gardens", "Terrace", "Hill",
];

pub(super) const CITIES: &[&str] = &[
    "Aarhus",
    "Antwerp",
    "Athens",
    "Bergen",
    "Bologna",
    "Bordeaux",
    "Bristol",
    "Brno",
    "Cork",
    "Cluj",
    "Dresden",
    "Dublin",
    "Florence",
    "Gdansk",
    "Geneva",
    "Ghent",
    "Glasgow",
    "Graz",
    "Hamburg",
    "Helsinki",
    "Krakow",
    "Leeds",
    "Leipzig",
    "Lille",
    "Lisbon",
    "Ljubljana",
    "Lyon",
    "Malmo",
    "Nantes",
    "Oslo",
    "Ostrava",
    "Porto",
    "Riga",
    "Rotterdam",
    "Seville",
    "Tallinn",
    "Tampere",
    "Turin",
    "Utrecht",
    "Valencia",
    "Vilnius",
    "York",
    "Zagreb",
];

/// ISO 3166-1 alpha-2.
pub(super) const COUNTRIES: &[&str] = &[
    "AT", "BE", "CH", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GB", "GR", "HR", "IE", "IT", "LT",
    "LV", "NL", "NO", "PL", "PT", "RO", "SE", "SI",
];

pub(super) const COMPANY_KINDS: &[&str] = &[
    "Ltd",
    "and Sons",
    "Group",
    "Trading",
    "Works",
    "Partners",
    "Logistics",
    "Foods",
];

pub(super) const COLOURS: &[&str] = &[
    "black", "blue", "brown", "green", "grey", "orange", "purple", "red", "white", "yellow",
];

pub(super) const QUALITIES: &[&str] = &[
    "Classic", "Compact", "Cosy", "Durable", "Elegant", "Folding", "Handmade", "Light", "Modern",
    "Plain", "Portable", "Sleek", "Small", "Soft", "Sturdy", "Tall",
];

pub(super) const MATERIALS: &[&str] = &[
    "Bamboo", "Brass", "Canvas", "Ceramic", "Copper", "Cotton", "Glass", "Granite", "Leather",
    "Linen", "Marble", "Oak", "Paper", "Rubber", "Steel", "Wool",
];

pub(super) const THINGS: &[&str] = &[
    "Apron", "Bag", "Basket", "Bench", "Blanket", "Bottle", "Bowl", "Brush", "Chair", "Clock",
    "Cup", "Desk", "Frame", "Hammock", "Kettle", "Lamp", "Ladder", "Mat", "Mirror", "Mug", "Pan",
    "Pot", "Rack", "Rug", "Shelf", "Spoon", "Stool", "Table", "Tray", "Vase",
];

pub(in crate::generator) const WORDS: &[&str] = &[
    "above", "after", "again", "air", "along", "animal", "answer", "apple", "around", "back",
    "basket", "before", "begin", "below", "between", "bird", "board", "book", "bottom", "bread",
    "bridge", "bring", "build", "carry", "centre", "chair", "change", "city", "clear", "close",
    "cloud", "coast", "cold", "corner", "country", "cover", "cross", "dark", "deep", "door",
    "early", "earth", "edge", "enough", "evening", "every", "far", "field", "final", "find",
    "fire", "first", "floor", "flower", "follow", "forest", "garden", "gate", "glass", "grain",
    "green", "ground", "half", "harbour", "heavy", "high", "hill", "house", "island", "keep",
    "kitchen", "ladder", "lake", "late", "leaf", "left", "letter", "light", "line", "long", "low",
    "market", "meadow", "middle", "minute", "moment", "morning", "mountain", "music", "narrow",
    "near", "never", "north", "number", "ocean", "often", "open", "orange", "other", "paper",
    "path", "place", "plain", "plant", "quiet", "rain", "river", "road", "roof", "room", "round",
    "sand", "season", "second", "shadow", "shape", "short", "silver", "simple", "small", "snow",
    "soft", "south", "space", "spring", "stone", "street", "summer", "table", "tall", "tower",
    "travel", "tree", "under", "until", "valley", "village", "wall", "warm", "water", "west",
    "white", "wide", "wind", "window", "winter", "wood", "yellow", "young",
];
