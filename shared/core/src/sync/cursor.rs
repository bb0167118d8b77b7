//! Where a phone stands: a position in each stream, as opaque text.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use thiserror::Error;
use uuid::Uuid;

use super::{Epoch, StreamName};
use crate::ids::{AreaId, UserId};

/// The first byte of a cursor: which writing it is.
const WRITING: u8 = 1;
const REFERENCE: u64 = 0;
const USER: u64 = 1;

/// Where a phone stands: a position in each stream. The phone keeps it as
/// opaque text, which travels in an address; a supervisor of a hundred areas
/// follows hundreds of streams, and proxies take addresses of about 8 KB. So
/// an area's identifier is written once for all its streams, and a programme's
/// name once for all. A position of 0 is as good as none and left out.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Cursor {
    pub epoch: Epoch,
    pub positions: BTreeMap<StreamName, i64>,
}

/// A cursor that this server did not write.
#[derive(Debug, Error)]
#[error("the cursor is not one that this server made; pull again without a cursor")]
pub struct BadCursor;

impl Cursor {
    /// The cursor as phones keep it.
    pub fn encode(&self) -> String {
        let mut own = Vec::new();
        let mut areas: BTreeMap<AreaId, Vec<(&str, bool, u64)>> = BTreeMap::new();
        for (name, position) in &self.positions {
            let Some(position) = u64::try_from(*position).ok().filter(|position| *position > 0) else {
                continue;
            };
            match name {
                StreamName::Reference => own.push((REFERENCE, None, position)),
                StreamName::User(user) => own.push((USER, Some(user.0), position)),
                StreamName::Cases(area, programme) => {
                    areas.entry(*area).or_default().push((programme, false, position));
                }
                StreamName::Visits(area, programme) => {
                    areas.entry(*area).or_default().push((programme, true, position));
                }
            }
        }
        let programmes: BTreeSet<&str> = areas.values().flatten().map(|(programme, ..)| *programme).collect();
        let programmes: Vec<&str> = programmes.into_iter().collect();

        let mut out = Writer(vec![WRITING]);
        out.number(self.epoch.0.cast_unsigned());
        out.number(own.len() as u64);
        for (kind, user, position) in own {
            out.number(kind);
            out.0.extend(user.iter().flat_map(Uuid::as_bytes));
            out.number(position);
        }
        out.number(programmes.len() as u64);
        for programme in &programmes {
            out.number(programme.len() as u64);
            out.0.extend(programme.as_bytes());
        }
        out.number(areas.len() as u64);
        for (area, streams) in areas {
            out.0.extend(area.0.as_bytes());
            out.number(streams.len() as u64);
            for (programme, visits, position) in streams {
                let index = programmes.iter().position(|known| *known == programme).unwrap_or_default();
                out.number(index as u64 * 2 + u64::from(visits));
                out.number(position);
            }
        }
        URL_SAFE_NO_PAD.encode(out.0)
    }

    /// Reads what [`Self::encode`] wrote.
    ///
    /// # Errors
    /// When the text is something else.
    pub fn decode(text: &str) -> Result<Self, BadCursor> {
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| BadCursor)?;
        let Some((&WRITING, rest)) = bytes.split_first() else { return Err(BadCursor) };
        let mut from = Reader(rest);
        let epoch = Epoch(from.number()?.cast_signed());
        let mut positions = BTreeMap::new();
        for _ in 0..from.number()? {
            let name = match from.number()? {
                REFERENCE => StreamName::Reference,
                USER => StreamName::User(UserId(from.uuid()?)),
                _ => return Err(BadCursor),
            };
            positions.insert(name, from.position()?);
        }
        let mut programmes = Vec::new();
        for _ in 0..from.number()? {
            let length = usize::try_from(from.number()?).map_err(|_| BadCursor)?;
            let name = std::str::from_utf8(from.take(length)?).map_err(|_| BadCursor)?;
            programmes.push(name.to_owned());
        }
        for _ in 0..from.number()? {
            let area = AreaId(from.uuid()?);
            for _ in 0..from.number()? {
                let word = from.number()?;
                let index = usize::try_from(word / 2).map_err(|_| BadCursor)?;
                let programme = programmes.get(index).ok_or(BadCursor)?.clone();
                let name = if word % 2 == 1 {
                    StreamName::Visits(area, programme)
                } else {
                    StreamName::Cases(area, programme)
                };
                positions.insert(name, from.position()?);
            }
        }
        if from.0.is_empty() { Ok(Self { epoch, positions }) } else { Err(BadCursor) }
    }
}

struct Writer(Vec<u8>);

impl Writer {
    /// Seven bits a byte, the lowest first; the eighth says that more follow.
    fn number(&mut self, mut number: u64) {
        while number >= 0x80 {
            self.0.push((number & 0x7f) as u8 | 0x80);
            number >>= 7;
        }
        self.0.push(number as u8);
    }
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, length: usize) -> Result<&'a [u8], BadCursor> {
        let (taken, rest) = self.0.split_at_checked(length).ok_or(BadCursor)?;
        self.0 = rest;
        Ok(taken)
    }

    fn number(&mut self) -> Result<u64, BadCursor> {
        let mut number = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = *self.take(1)?.first().ok_or(BadCursor)?;
            number |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(number);
            }
        }
        Err(BadCursor)
    }

    fn position(&mut self) -> Result<i64, BadCursor> {
        i64::try_from(self.number()?).map_err(|_| BadCursor)
    }

    fn uuid(&mut self) -> Result<Uuid, BadCursor> {
        Uuid::from_slice(self.take(16)?).map_err(|_| BadCursor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cursor(areas: u128) -> Cursor {
        let mut positions = BTreeMap::from([
            (StreamName::Reference, 17),
            (StreamName::User(UserId(Uuid::from_u128(7))), i64::MAX),
        ]);
        for area in 0..areas {
            let area = AreaId(Uuid::from_u128(u128::MAX - area));
            for programme in ["elder", "child", "困难家庭"] {
                positions.insert(StreamName::Cases(area, programme.to_owned()), 300);
                positions.insert(StreamName::Visits(area, programme.to_owned()), 90_000);
            }
        }
        Cursor { epoch: Epoch(1_795_449_599_000), positions }
    }

    #[test]
    fn an_own_one_reads_back() -> Result<(), BadCursor> {
        for areas in [0, 1, 100] {
            let cursor = cursor(areas);
            assert_eq!(Cursor::decode(&cursor.encode())?, cursor);
        }
        let fresh = Cursor { epoch: Epoch(-1), positions: BTreeMap::from([(StreamName::Reference, 0)]) };
        let read = Cursor::decode(&fresh.encode())?;
        assert_eq!((read.epoch, read.positions.len()), (Epoch(-1), 0), "0 is as good as none");
        Ok(())
    }

    #[test]
    fn a_foreign_or_broken_one_is_an_error() {
        let whole = cursor(3).encode();
        for length in 0..whole.len() {
            assert!(Cursor::decode(whole.get(..length).unwrap_or_default()).is_err(), "{length}");
        }
        for foreign in ["bm9wZQ", "AA", "%", "AQEBAQ", &format!("{whole}AA")] {
            assert!(Cursor::decode(foreign).is_err(), "{foreign}");
        }
    }

    #[test]
    fn a_hundred_areas_fit_into_an_address() {
        let length = cursor(100).encode().len();
        assert!(length < 6_000, "{length}");
    }
}
