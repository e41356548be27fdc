//! The recorded noise of `tests/noise`; `scripts/record-noise` says what its lines hold.

/// Pairs (before, after) of one session, in milliseconds.
pub(crate) type Session = Vec<(f64, f64)>;

/// One comparison of two identical databases.
#[derive(Debug, Clone)]
pub(crate) struct Comparison {
    /// `alone`, `busy` or `bursty`.
    pub(crate) load: String,
    /// Whether client and backends were pinned to one processor.
    pub(crate) pinned: bool,
    /// The statement.
    pub(crate) query: String,
    /// Each on connections of its own.
    pub(crate) sessions: Vec<Session>,
}

/// Comparisons of 40 sessions of 20 pairs.
pub(crate) fn in_sessions() -> Vec<Comparison> {
    read(include_str!("../noise/sessions.txt"))
}

/// Comparisons of one session of 200 pairs.
pub(crate) fn in_one_session() -> Vec<Comparison> {
    read(include_str!("../noise/long.txt"))
}

fn read(text: &str) -> Vec<Comparison> {
    let mut comparisons: Vec<Comparison> = Vec::new();
    let mut unit_ms = 0.0;
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        if line.starts_with(|first: char| first.is_ascii_alphabetic()) {
            let words: Vec<&str> = line.split(' ').collect();
            let [load, pinned, query, unit] = words.as_slice() else {
                panic!("not a comparison: {line}");
            };
            unit_ms = unit.parse::<f64>().expect("nanoseconds") / 1e6;
            comparisons.push(Comparison {
                load: (*load).to_owned(),
                pinned: *pinned == "pinned",
                query: (*query).to_owned(),
                sessions: Vec::new(),
            });
        } else {
            let comparison = comparisons.last_mut().expect("a comparison's head");
            comparison.sessions.push(session(line, unit_ms));
        }
    }
    comparisons
}

fn session(line: &str, unit_ms: f64) -> Session {
    let mut time = 0;
    let times: Vec<f64> = line
        .split(' ')
        .map(|difference| {
            time += difference.parse::<i32>().expect("a whole number");
            f64::from(time) * unit_ms
        })
        .collect();
    times
        .chunks_exact(2)
        .map(|pair| (pair[0], pair[1]))
        .collect()
}

impl Comparison {
    /// With every time after made longer by this share: work in proportion.
    pub(crate) fn multiplied(&self, effect: f64) -> Self {
        self.changed(|after| after * (1.0 + effect))
    }

    /// With every time after made longer by this share of the median time before: work of a fixed
    /// amount, which noise does not multiply.
    pub(crate) fn added(&self, effect: f64) -> Self {
        let mut before: Vec<f64> = self.sessions.iter().flatten().map(|pair| pair.0).collect();
        before.sort_by(f64::total_cmp);
        let more = before[before.len() / 2] * effect;
        self.changed(|after| after + more)
    }

    fn changed(&self, change: impl Fn(f64) -> f64) -> Self {
        let pair = |(before, after): &(f64, f64)| (*before, change(*after));
        Comparison {
            sessions: self
                .sessions
                .iter()
                .map(|session| session.iter().map(pair).collect())
                .collect(),
            ..self.clone()
        }
    }

    /// With the sides exchanged: what was slower is faster.
    pub(crate) fn exchanged(&self) -> Self {
        let pair = |(before, after): &(f64, f64)| (*after, *before);
        Comparison {
            sessions: self
                .sessions
                .iter()
                .map(|session| session.iter().map(pair).collect())
                .collect(),
            ..self.clone()
        }
    }
}
