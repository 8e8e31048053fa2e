//! The accounts of a simulation: what was written, what arrived, what may arrive twice, what was taken away.
//!
//! The rule: a record may arrive once, and once more for each time that it was stored without a definite answer, and for
//! each start of the agent that could not know from its checkpoint that the whole line was done with.

use super::script::Script;
use super::sums::Sums;

/// What the disk has of a record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum OnDisk {
    #[default]
    No,
    Whole,
    /// Cut by a full disk: it may arrive as what it is, or be set aside.
    Torn,
}

/// What was taken away before it arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Taken {
    /// Its bytes on disk.
    pub(super) bytes: u64,
    /// The agent had been told of a size that covers it, and did not have to start again since.
    pub(super) known: bool,
    /// It had an open descriptor to read it from all the same.
    pub(super) held: bool,
}

#[derive(Clone, Debug, Default)]
struct Account {
    line: u32,
    on_disk: OnDisk,
    /// How often it was stored.
    copies: u32,
    /// How often it may be stored again.
    credits: u32,
    /// It is done with, as this run of the agent knows.
    settled: bool,
    set_aside: bool,
    /// It shares a line with another.
    glued: bool,
    /// The collector refused it for good within a request it otherwise stored.
    refused: bool,
    taken: Option<Taken>,
}

#[derive(Clone, Debug, Default)]
struct Line {
    records: Vec<u32>,
    /// How many of them are not done with.
    open: usize,
    /// The save that says that all are.
    saved_in: Option<u64>,
}

/// All records, and how they stand.
#[derive(Default)]
pub(super) struct Ledger {
    accounts: Vec<Account>,
    lines: Vec<Line>,
    /// Lines that are done with and in no save yet.
    unsaved: Vec<u32>,
    /// Records whole on disk, of which nothing is known yet.
    outstanding: usize,
    pub(super) joined: u64,
    pub(super) with_id: u64,
    /// What must not be.
    pub(super) problems: Vec<String>,
}

impl Ledger {
    pub(super) fn new(script: &Script) -> Self {
        let mut ledger = Self { accounts: vec![Account::default(); script.len()], ..Self::default() };
        for (number, write) in (0..).zip(&script.writes) {
            let records = write.records.clone();
            records.iter().for_each(|record| ledger.accounts[*record as usize].line = number);
            ledger.lines.push(Line { open: records.len(), records, saved_in: None });
        }
        ledger
    }

    pub(super) fn problem(&mut self, text: String) {
        if self.problems.len() < 20 {
            self.problems.push(text);
        }
    }

    /// This record is whole on disk.
    pub(super) fn written(&mut self, record: u32) {
        let account = &mut self.accounts[record as usize];
        account.on_disk = OnDisk::Whole;
        if !account.is_known() {
            self.outstanding += 1;
        }
    }

    /// This line is whole on disk.
    pub(super) fn line_written(&mut self, line: u32) {
        self.lines[line as usize].records.clone().into_iter().for_each(|record| self.written(record));
    }

    /// A full disk has cut this line; `whole`: what of it can be known again, if another line follows.
    pub(super) fn cut(&mut self, line: u32, whole: Vec<u32>) {
        for record in std::mem::replace(&mut self.lines[line as usize].records, whole) {
            self.accounts[record as usize].on_disk = OnDisk::Torn;
        }
    }

    /// What was cut and this line are one line now. Whole spans in it are to be found; a log line is what it is.
    pub(super) fn glue(&mut self, cut: u32, line: u32, script: &Script) {
        let records = std::mem::take(&mut self.lines[cut as usize].records);
        self.lines[line as usize].open += records.len();
        self.lines[line as usize].records.extend(&records);
        for record in &records {
            self.accounts[*record as usize].line = line;
            if script.is_span(*record) {
                self.written(*record);
            }
        }
        for record in self.lines[line as usize].records.clone() {
            self.accounts[record as usize].glued = true;
        }
    }

    /// The line was taken from the disk.
    pub(super) fn taken(&mut self, line: u32, taken: Taken) {
        for record in self.lines[line as usize].records.clone() {
            self.know(record, |account| account.taken = account.taken.or(Some(taken)));
        }
    }

    fn know(&mut self, record: u32, change: impl FnOnce(&mut Account)) {
        let account = &mut self.accounts[record as usize];
        let before = account.is_known();
        change(account);
        if account.on_disk == OnDisk::Whole && !before && account.is_known() {
            self.outstanding -= 1;
        }
    }

    /// The collector has stored this record, in this trace.
    pub(super) fn stored(&mut self, record: u32, trace: Option<u128>, script: &Script) {
        if record as usize >= self.accounts.len() || self.accounts[record as usize].on_disk == OnDisk::No {
            return self.problem(format!("record {record} arrived and was never written"));
        }
        let first = self.accounts[record as usize].copies == 0;
        self.know(record, |account| account.copies += 1);
        let glued = self.accounts[record as usize].glued && !script.is_span(record);
        if trace.is_some() && trace != script.trace(record) && !glued {
            self.problem(format!("record {record} arrived in a wrong trace, {:032x}", trace.unwrap_or(0)));
        }
        if script.is_span(record) && trace.is_none() {
            self.problem(format!("span {record} arrived without its trace"));
        }
        if first && script.has_id(record) {
            self.with_id += 1;
            self.joined += u64::from(trace.is_some());
        }
    }

    /// It was stored, and the agent can't know.
    pub(super) fn unanswered(&mut self, record: u32) {
        self.accounts[record as usize].credits += 1;
    }

    /// The collector has refused it for good.
    pub(super) fn refused(&mut self, record: u32) {
        self.know(record, |account| account.refused = true);
    }

    /// The agent has set it aside.
    pub(super) fn set_aside(&mut self, record: u32) {
        if record as usize >= self.accounts.len() {
            return self.problem(format!("record {record} was set aside and never written"));
        }
        self.know(record, |account| account.set_aside = true);
    }

    /// A definite answer about it has reached the agent.
    pub(super) fn settled(&mut self, record: u32) {
        let account = &mut self.accounts[record as usize];
        if std::mem::replace(&mut account.settled, true) {
            return;
        }
        let number = account.line;
        let line = &mut self.lines[number as usize];
        line.open -= 1;
        if line.open == 0 {
            self.unsaved.push(number);
        }
    }

    /// A save with everything that is done with was handed to the store.
    pub(super) fn handed_over(&mut self, save: u64) {
        for line in self.unsaved.drain(..) {
            self.lines[line as usize].saved_in = Some(save);
        }
    }

    /// The agent starts again from this save: what it does not know of, it reads and sends again.
    pub(super) fn restarted(&mut self, save: u64) {
        self.unsaved.clear();
        for line in &mut self.lines {
            if line.saved_in.is_some_and(|number| number <= save) {
                continue;
            }
            line.saved_in = None;
            line.open = line.records.len();
            for record in &line.records {
                let account = &mut self.accounts[*record as usize];
                account.settled = false;
                account.credits += u32::from(account.copies > 0);
            }
        }
        for account in &mut self.accounts {
            account.taken = account.taken.map(|taken| Taken { known: false, held: false, ..taken });
        }
    }

    /// Descriptors may have been let go.
    pub(super) fn let_go(&mut self) {
        for taken in self.accounts.iter_mut().filter_map(|account| account.taken.as_mut()) {
            taken.held = false;
        }
    }

    /// Whether all that is on disk has arrived, was set aside or was taken away.
    pub(super) fn is_complete(&self) -> bool {
        self.outstanding == 0
    }

    /// What was taken away, in bytes: of which nothing else is known and the agent had to know, and all that may count
    /// as lost. A line of several records counts once. To the second belongs a line that was stored without an answer: its
    /// file is gone, so it can't be sent again, and the agent can't know that it arrived.
    pub(super) fn lost_bytes(&self) -> (u64, u64) {
        let lines = self.lines.iter().filter_map(|line| Some((line, self.taken_with(line)?)));
        lines.fold((0, 0), |(known, all), (line, taken)| {
            let lost = line.records.iter().any(|record| self.accounts[*record as usize].is_lost());
            let had_to = if lost && taken.known { taken.bytes } else { 0 };
            let may = if lost || line.open > 0 { taken.bytes } else { 0 };
            (known + had_to, all + may)
        })
    }

    fn taken_with(&self, line: &Line) -> Option<Taken> {
        self.accounts[*line.records.first()? as usize].taken
    }

    /// Looks for what must not be, now that all is at rest.
    pub(super) fn check(&mut self) {
        let mut found = Vec::new();
        for (record, account) in self.accounts.iter().enumerate() {
            if account.on_disk == OnDisk::Whole && !account.is_known() {
                found.push(format!("record {record} (line {}) never arrived", account.line));
            }
            if account.is_lost() && account.taken.is_some_and(|taken| taken.held) {
                found.push(format!("record {record} was lost though an open descriptor had it"));
            }
            if account.copies > 1 + account.credits {
                let Account { copies, credits, line, .. } = account;
                found.push(format!(
                    "record {record} (line {line}) arrived {copies} times, {credits} accounted for"
                ));
            }
        }
        found.into_iter().for_each(|text| self.problem(text));
    }

    pub(super) fn sums(&self) -> Sums {
        let mut sums = Sums::default();
        self.accounts.iter().for_each(|account| sums += account.sums());
        sums
    }
}

impl Account {
    /// Whether it is known what became of it.
    fn is_known(&self) -> bool {
        self.copies > 0 || self.set_aside || self.refused || self.taken.is_some()
    }

    fn is_lost(&self) -> bool {
        let elsewhere = self.copies > 0 || self.set_aside || self.refused;
        self.on_disk == OnDisk::Whole && self.taken.is_some() && !elsewhere
    }

    fn sums(&self) -> Sums {
        let one = |yes: bool| u64::from(yes && self.on_disk == OnDisk::Whole);
        let (delivered, aside) = (self.copies > 0, self.set_aside);
        Sums {
            written: one(true),
            delivered: one(delivered),
            set_aside: one(!delivered && aside),
            refused: one(!delivered && !aside && self.refused),
            lost: one(self.is_lost()),
            duplicates: u64::from(self.copies.saturating_sub(1)),
            bound: u64::from(self.credits),
        }
    }
}
