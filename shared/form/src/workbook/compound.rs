//! Whether an `.xls` file can be read within bounds.
//!
//! The library that reads such a file believes it: it follows chains of sectors
//! that may go round for ever, makes a table as large as its last cell, and
//! repeats a text for each cell that names it by number. So the same way is
//! walked before, and counted ([MS-CFB] and [MS-XLS] have the numbers).

/// Most bytes of a file in the older format.
const MAX_BYTES: usize = 16 << 20;
/// Most cells of all sheets, empty ones before the last included.
const MAX_CELLS: usize = 8_000_000;
/// Most cells that a sheet may say it has: as many as the format knows. Only
/// room is made for them.
const MAX_CLAIMED: usize = 65_536 * 256;
/// Most characters of all cells that share texts.
const MAX_CHARACTERS: usize = 32 << 20;
/// Most bytes of all formulas and names of ranges: the library writes them out.
const MAX_FORMULA_BYTES: usize = 1 << 20;
/// Most records, those of a sheet that is listed twice counted twice.
const MAX_RECORDS: usize = 8_000_000;

const END_OF_CHAIN: u32 = 0xffff_fffe;
/// Sectors from this number on mean something else.
const RESERVED: u32 = 0xffff_fffa;

/// # Errors
/// Why the file is not read.
pub(super) fn check(bytes: &[u8]) -> Result<(), String> {
    if bytes.len() > MAX_BYTES {
        return Err(format!("it is larger than {} MiB; save it as .xlsx", MAX_BYTES >> 20));
    }
    let stream = workbook_stream(bytes).ok_or("its sectors do not make a file; save it again")?;
    Counted::default().workbook(&stream)
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(bytes.get(at..at.checked_add(2)?)?.try_into().ok()?))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(at..at.checked_add(4)?)?.try_into().ok()?))
}

fn numbers(bytes: &[u8]) -> impl Iterator<Item = u32> {
    bytes.chunks_exact(4).map(|four| u32::from_le_bytes(four.try_into().unwrap_or_default()))
}

fn index(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

/// Sectors behind one another.
struct Sectors<'a> {
    bytes: &'a [u8],
    size: usize,
}

impl<'a> Sectors<'a> {
    fn get(&self, number: u32) -> Option<&'a [u8]> {
        let start = index(number).checked_mul(self.size)?;
        let rest = self.bytes.get(start..).filter(|rest| !rest.is_empty())?;
        rest.get(..self.size.min(rest.len()))
    }

    /// The sectors of a chain, at most so many bytes; `None` when it leads
    /// nowhere or goes round.
    fn chain(&self, start: u32, table: &[u32], most: usize) -> Option<Vec<u8>> {
        let mut found = Vec::new();
        let mut at = start;
        while at != END_OF_CHAIN && found.len() < most {
            if found.len() > self.bytes.len() {
                return None;
            }
            found.extend_from_slice(self.get(at)?);
            at = *table.get(index(at))?;
        }
        found.truncate(most);
        Some(found)
    }
}

/// The records of the workbook.
fn workbook_stream(bytes: &[u8]) -> Option<Vec<u8>> {
    let size = match u16_at(bytes, 30)? {
        9 => 512,
        12 => 4096,
        _ => return None,
    };
    let sectors = Sectors { bytes: bytes.get(size..)?, size };
    let count = sectors.bytes.len() / size + 1;
    // Where the table of chains is: its beginning in the header, more in a chain
    // of its own, whose last number in each sector is the next.
    let mut places: Vec<u32> = numbers(bytes.get(76..512)?).collect();
    let mut next = u32_at(bytes, 68)?;
    while next < RESERVED {
        places.extend(numbers(sectors.get(next)?));
        next = places.pop()?;
        if places.len() > 128 + count {
            return None;
        }
    }
    let mut table = Vec::new();
    for place in places.into_iter().filter(|&place| place < RESERVED) {
        table.extend(numbers(sectors.get(place)?));
        if table.len() > sectors.bytes.len() {
            return None;
        }
    }
    let directory = sectors.chain(u32_at(bytes, 48)?, &table, usize::MAX)?;
    let entries: Vec<&[u8]> = directory.chunks_exact(128).collect();
    let start_and_length = |entry: &[u8]| {
        let more = if size == 512 { 0 } else { u64::from(u32_at(entry, 124)?) << 32 };
        let length = usize::try_from(u64::from(u32_at(entry, 120)?) | more).ok()?;
        Some((u32_at(entry, 116)?, length))
    };
    let (short_start, short_length) = start_and_length(entries.first()?)?;
    let named = |name: &str| {
        entries.iter().find(|entry| {
            let units = entry.chunks_exact(2).take(32);
            let units = units.map(|two| u16::from_le_bytes(two.try_into().unwrap_or_default()));
            let found: String = char::decode_utf16(units.take_while(|unit| *unit != 0))
                .map(|one| one.unwrap_or('?'))
                .collect();
            found.eq_ignore_ascii_case(name)
        })
    };
    let (start, length) = start_and_length(named("Workbook").or_else(|| named("Book"))?)?;
    let short_tables = index(u32_at(bytes, 64)?);
    let (short_sectors, short_table) = if short_tables == 0 {
        (Vec::new(), Vec::new())
    } else {
        let short_table = sectors.chain(u32_at(bytes, 60)?, &table, short_tables.checked_mul(size)?)?;
        (sectors.chain(short_start, &table, short_length)?, numbers(&short_table).collect())
    };
    if length < 4096 {
        Sectors { bytes: &short_sectors, size: 64 }.chain(start, &short_table, length)
    } else {
        sectors.chain(start, &table, length)
    }
}

/// A record, and those that go on with it.
struct Record<'a> {
    kind: u16,
    data: &'a [u8],
    rest: std::collections::VecDeque<&'a [u8]>,
}

/// Takes the next record off the stream; `Ok(None)` at its end.
fn record<'a>(stream: &mut &'a [u8]) -> Result<Option<Record<'a>>, String> {
    let one = |stream: &mut &'a [u8]| {
        let (kind, length) = (u16_at(stream, 0)?, usize::from(u16_at(stream, 2)?));
        let data = stream.get(4..4 + length)?;
        *stream = stream.get(4 + length..)?;
        Some((kind, data))
    };
    if stream.is_empty() {
        return Ok(None);
    }
    let (kind, data) = one(stream).ok_or("a record goes beyond the end; save it again")?;
    let mut rest = std::collections::VecDeque::new();
    while stream.len() > 4 && u16_at(stream, 0) == Some(CONTINUE) {
        let (_, more) = one(stream).ok_or("a record goes beyond the end; save it again")?;
        rest.push_back(more);
    }
    Ok(Some(Record { kind, data, rest }))
}

impl Record<'_> {
    fn go_on(&mut self) -> bool {
        self.rest.pop_front().map(|next| self.data = next).is_some()
    }

    fn skip(&mut self, mut length: usize) -> Option<()> {
        while length > 0 {
            if self.data.is_empty() && !self.go_on() {
                return None;
            }
            let taken = length.min(self.data.len());
            self.data = self.data.get(taken..)?;
            length -= taken;
        }
        Some(())
    }

    /// Takes one shared text; returns its number of characters.
    fn text(&mut self) -> Option<usize> {
        if self.data.is_empty() {
            return Some(0);
        }
        let characters = usize::from(u16_at(self.data, 0)?);
        let flags = *self.data.get(2)?;
        self.data = self.data.get(3..)?;
        let mut behind = 0;
        if flags & 8 != 0 {
            behind += usize::from(u16_at(self.data, 0)?) * 4;
            self.data = self.data.get(2..)?;
        }
        if flags & 4 != 0 {
            behind += index(u32_at(self.data, 0)?);
            self.data = self.data.get(4..)?;
        }
        let mut width = 1 + usize::from(flags & 1);
        let mut left = characters;
        loop {
            let here = left.min(self.data.len() / width);
            self.data = self.data.get(here * width..)?;
            left -= here;
            if left == 0 {
                break;
            }
            if !self.go_on() {
                return None;
            }
            width = 1 + usize::from(self.data.first()? & 1);
            self.data = self.data.get(1..)?;
        }
        self.skip(behind)?;
        Some(characters)
    }
}

const END: u16 = 0x000a;
const BEGIN: u16 = 0x0809;
const CONTINUE: u16 = 0x003c;
const SHEET: u16 = 0x0085;
const SHARED_TEXTS: u16 = 0x00fc;
const NAME: u16 = 0x0018;
const DIMENSIONS: u16 = 0x0200;
const FORMULA: u16 = 0x0006;
const SHARED_TEXT: u16 = 0x00fd;
const SEVERAL_NUMBERS: u16 = 0x00bd;
/// Cells with a value of their own: numbers, texts, truth.
const CELLS: [u16; 6] = [0x0203, 0x0204, 0x00d6, 0x0205, 0x0207, 0x027e];

/// What was counted so far.
#[derive(Default)]
struct Counted {
    records: usize,
    cells: usize,
    characters: usize,
    formula_bytes: usize,
}

impl Counted {
    fn next<'a>(&mut self, stream: &mut &'a [u8]) -> Result<Option<Record<'a>>, String> {
        self.records += 1;
        if self.records > MAX_RECORDS {
            return Err("it holds too many records; save it as .xlsx".to_owned());
        }
        record(stream)
    }

    fn workbook(&mut self, stream: &[u8]) -> Result<(), String> {
        let mut sheets = Vec::new();
        let mut texts: Vec<usize> = Vec::new();
        let mut rest = stream;
        while let Some(mut record) = self.next(&mut rest)? {
            match record.kind {
                SHEET => sheets.push(u32_at(record.data, 0).ok_or("a sheet is nowhere; save it again")?),
                NAME => self.formula(record.data.len())?,
                SHARED_TEXTS => {
                    texts.clear();
                    record.data = record.data.get(8..).unwrap_or_default();
                    while !record.data.is_empty() || record.go_on() {
                        texts.push(record.text().ok_or("its texts cannot be read; save it again")?);
                    }
                }
                END => break,
                _ => {}
            }
        }
        sheets.into_iter().try_for_each(|at| {
            let sheet = stream.get(index(at)..).ok_or("a sheet is nowhere; save it again")?;
            self.sheet(sheet, &texts)
        })
    }

    fn formula(&mut self, bytes: usize) -> Result<(), String> {
        self.formula_bytes += bytes;
        if self.formula_bytes > MAX_FORMULA_BYTES {
            return Err("it holds too many formulas; save it as .xlsx".to_owned());
        }
        Ok(())
    }

    fn sheet(&mut self, mut rest: &[u8], texts: &[usize]) -> Result<(), String> {
        let too_large = || format!("its sheets have more than {MAX_CELLS} cells; save it as .xlsx");
        let mut extent = Extent::default();
        let mut values = 0_usize;
        // Within the sheet, charts have records like cells.
        let mut depth = 0_usize;
        while let Some(record) = self.next(&mut rest)? {
            match record.kind {
                BEGIN => depth += 1,
                END if depth < 2 => break,
                END => depth -= 1,
                _ if depth > 1 => {}
                DIMENSIONS => {
                    let claimed = claimed(record.data).ok_or("a sheet has no size; save it again")?;
                    if claimed > MAX_CLAIMED {
                        return Err(too_large());
                    }
                }
                SHARED_TEXT => {
                    extent.cell(record.data);
                    values += 1;
                    let text = u32_at(record.data, 6).and_then(|number| texts.get(index(number)));
                    self.characters += text.copied().unwrap_or(0);
                }
                SEVERAL_NUMBERS => {
                    extent.cell(record.data);
                    extent.last_column(u16_at(record.data, record.data.len().saturating_sub(2)));
                    values += record.data.len() / 6;
                }
                FORMULA => {
                    extent.cell(record.data);
                    values += 2;
                    self.formula(record.data.len())?;
                }
                kind if CELLS.contains(&kind) => {
                    // The value of a formula that is a text has its place there.
                    if kind != 0x0207 {
                        extent.cell(record.data);
                    }
                    values += 1;
                }
                _ => {}
            }
        }
        self.cells = self.cells.saturating_add(extent.cells().max(values));
        if self.cells > MAX_CELLS {
            return Err(too_large());
        }
        if self.characters > MAX_CHARACTERS {
            return Err("its cells hold too much text; save it as .xlsx".to_owned());
        }
        Ok(())
    }
}

/// How many cells a sheet says it has: the first and the number behind the last
/// of its rows and columns.
fn claimed(data: &[u8]) -> Option<usize> {
    let short = |at| u16_at(data, at).map(usize::from);
    let (first_row, behind_row, first, behind) = if data.len() == 10 {
        (short(0)?, short(2)?, short(4)?, short(6)?)
    } else {
        (index(u32_at(data, 0)?), index(u32_at(data, 4)?), short(8)?, short(10)?)
    };
    if behind_row == 0 || behind == 0 {
        return Some(1);
    }
    // A first column that makes no sense counts as the first of all.
    let first = if first > 0xff || behind < first { 0 } else { first };
    behind_row.checked_sub(first_row)?.checked_mul(behind - first)
}

/// The rectangle of the cells that a sheet has.
#[derive(Default)]
struct Extent {
    rows: Option<(u16, u16)>,
    columns: Option<(u16, u16)>,
}

impl Extent {
    fn cell(&mut self, data: &[u8]) {
        grow(&mut self.rows, u16_at(data, 0));
        grow(&mut self.columns, u16_at(data, 2));
    }

    fn last_column(&mut self, column: Option<u16>) {
        grow(&mut self.columns, column);
    }

    fn cells(&self) -> usize {
        let length =
            |range: Option<(u16, u16)>| range.map_or(0, |(first, last)| usize::from(last - first) + 1);
        length(self.rows) * length(self.columns)
    }
}

fn grow(range: &mut Option<(u16, u16)>, to: Option<u16>) {
    let Some(to) = to else { return };
    let (first, last) = range.unwrap_or((to, to));
    *range = Some((first.min(to), last.max(to)));
}

#[cfg(test)]
mod tests;
