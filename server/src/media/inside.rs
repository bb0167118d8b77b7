//! What is in a file beside the picture that it shows: where the picture ends,
//! and what follows or hides in it.

use doorstep_core::media::QuarantineReason;

/// The pictures that are taken.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Format {
    Jpeg,
    Png,
    WebP,
}

impl Format {
    /// By the first bytes.
    pub(super) fn of(bytes: &[u8]) -> Option<Self> {
        match bytes {
            [0xff, 0xd8, 0xff, ..] => Some(Self::Jpeg),
            [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n', ..] => Some(Self::Png),
            [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Some(Self::WebP),
            _ => None,
        }
    }

    pub(super) fn content_type(self) -> &'static str {
        match self {
            Self::Jpeg => "image/jpeg",
            Self::Png => "image/png",
            Self::WebP => "image/webp",
        }
    }
}

/// Passes over one JPEG. A progressive one has about ten; each pass is work,
/// and a few bytes can ask for it.
const SCANS_MAX: usize = 64;

/// How browsers, and others who run what they read, know what they run.
const RUN: [&[u8]; 7] = [b"<!doctype html", b"<html", b"<script", b"<svg", b"<?php", b"<iframe", b"<body"];
/// Where an archive begins, and where its list of contents ends: a reader of
/// archives begins at the end, whatever stands before.
const ARCHIVE: [&[u8]; 2] = [b"PK\x01\x02", b"PK\x05\x06"];
const PROGRAMS: [&[u8]; 8] =
    [b"PK\x03\x04", b"%PDF-", b"MZ", b"\x7fELF", b"#!", b"Rar!", b"7z\xbc\xaf", b"\x1f\x8b"];

/// What a file is that was announced as a picture and does not begin as one.
pub(super) fn instead_of_a_picture(bytes: &[u8]) -> QuarantineReason {
    let begins = |start: &&[u8]| bytes.starts_with(start);
    let text = bytes.get(..4096).unwrap_or(bytes);
    if PROGRAMS.iter().any(begins) || contains(text, b'<', &RUN) {
        QuarantineReason::Disguised
    } else {
        QuarantineReason::NotAnImage
    }
}

/// What stands against a picture before it is decoded.
pub(super) fn objection(format: Format, bytes: &[u8]) -> Option<QuarantineReason> {
    let end = match format {
        Format::Jpeg => end_of_jpeg(bytes),
        Format::Png => end_of_png(bytes),
        Format::WebP => end_of_webp(bytes),
    };
    let end = match end {
        Ok(end) => end,
        Err(reason) => return Some(reason),
    };
    // Some cameras fill the last block with zeros.
    let follows = bytes.get(end..).unwrap_or_default().iter().any(|byte| *byte != 0);
    let archive = ARCHIVE.iter().all(|mark| contains(bytes, b'P', &[mark]));
    if follows || archive || contains(bytes, b'<', &RUN) { Some(QuarantineReason::MoreInside) } else { None }
}

/// Whether one of the marks is in the bytes, in small or large letters. They
/// all begin with `first`.
fn contains(bytes: &[u8], first: u8, marks: &[&[u8]]) -> bool {
    let is = |at: usize, mark: &[u8]| {
        bytes.get(at..at + mark.len()).is_some_and(|found| found.eq_ignore_ascii_case(mark))
    };
    bytes.iter().enumerate().any(|(at, byte)| *byte == first && marks.iter().any(|mark| is(at, mark)))
}

/// The first byte after the end mark. A picture inside the head (the camera's
/// own thumbnail) has an end of its own, so segments are stepped over by their
/// lengths.
fn end_of_jpeg(bytes: &[u8]) -> Result<usize, QuarantineReason> {
    const END: u8 = 0xd9;
    const START_OF_SCAN: u8 = 0xda;
    let byte = |at: usize| bytes.get(at).copied().ok_or(QuarantineReason::Damaged);
    let (mut at, mut scans) = (2, 0);
    loop {
        if byte(at)? != 0xff {
            return Err(QuarantineReason::Damaged);
        }
        let marker = byte(at + 1)?;
        match marker {
            // Padding before a marker.
            0xff => {
                at += 1;
                continue;
            }
            END => return Ok(at + 2),
            // Markers without contents.
            0x01 | 0xd0..=0xd8 => {
                at += 2;
                continue;
            }
            _ => {}
        }
        let length = usize::from(u16::from_be_bytes([byte(at + 2)?, byte(at + 3)?]));
        if length < 2 {
            return Err(QuarantineReason::Damaged);
        }
        at += 2 + length;
        if marker == START_OF_SCAN {
            scans += 1;
            if scans > SCANS_MAX {
                return Err(QuarantineReason::TooLarge);
            }
            // Up to the next marker that is neither a stuffed byte nor a
            // restart.
            let rest = bytes.get(at..).ok_or(QuarantineReason::Damaged)?;
            let next = rest.windows(2).position(
                |pair| matches!(pair, [0xff, marker] if !matches!(marker, 0x00 | 0xd0..=0xd7 | 0xff)),
            );
            at += next.ok_or(QuarantineReason::Damaged)?;
        }
    }
}

fn end_of_png(bytes: &[u8]) -> Result<usize, QuarantineReason> {
    let mut at = 8_usize;
    loop {
        let head = bytes.get(at..).and_then(|rest| rest.first_chunk::<8>());
        let [a, b, c, d, kind @ ..] = *head.ok_or(QuarantineReason::Damaged)?;
        let length = usize::try_from(u32::from_be_bytes([a, b, c, d])).unwrap_or(usize::MAX);
        // Length, kind, contents, check.
        at = at.checked_add(12).and_then(|at| at.checked_add(length)).ok_or(QuarantineReason::Damaged)?;
        if at > bytes.len() {
            return Err(QuarantineReason::Damaged);
        }
        if kind == *b"IEND" {
            return Ok(at);
        }
    }
}

fn end_of_webp(bytes: &[u8]) -> Result<usize, QuarantineReason> {
    let size = bytes.get(4..).and_then(|rest| rest.first_chunk::<4>()).ok_or(QuarantineReason::Damaged)?;
    let end = usize::try_from(u32::from_le_bytes(*size)).ok().and_then(|size| size.checked_add(8));
    end.filter(|end| *end <= bytes.len()).ok_or(QuarantineReason::Damaged)
}

/// Types of sound and film that browsers play.
const PLAYED: [&str; 9] = [
    "audio/mp4",
    "audio/mpeg",
    "audio/ogg",
    "audio/wav",
    "audio/webm",
    "audio/aac",
    "video/mp4",
    "video/quicktime",
    "video/webm",
];
pub(super) const JUST_BYTES: &str = "application/octet-stream";

/// The type under which a file that is no picture is given out: what was
/// announced, where it is a sound or a film that browsers play and the bytes
/// begin as such. Everything else is just bytes, which a browser saves.
pub(super) fn played_as(announced: &str, bytes: &[u8]) -> &'static str {
    let plays = match bytes {
        [0x1a, 0x45, 0xdf, 0xa3, ..] => "/webm",
        [_, _, _, _, b'f', b't', b'y', b'p', ..] => "/mp4 /quicktime",
        [b'O', b'g', b'g', b'S', ..] => "/ogg",
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'A', b'V', b'E', ..] => "/wav",
        [b'I', b'D', b'3', ..] => "/mpeg /aac",
        [0xff, second, ..] if second & 0xe0 == 0xe0 => "/mpeg /aac",
        _ => "",
    };
    let kind = announced.find('/').and_then(|at| announced.get(at..)).unwrap_or(" ");
    PLAYED
        .into_iter()
        .find(|played| *played == announced && plays.split(' ').any(|plays| plays == kind))
        .unwrap_or(JUST_BYTES)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sounds_are_told_by_their_first_bytes() {
        assert_eq!(played_as("audio/webm", b"\x1a\x45\xdf\xa3 and so on"), "audio/webm");
        assert_eq!(played_as("video/mp4", b"\0\0\0\x20ftypisom"), "video/mp4");
        assert_eq!(played_as("audio/mpeg", b"ID3 sound"), "audio/mpeg");
        for (announced, bytes) in [
            ("audio/webm", &b"<script>"[..]),
            ("audio/webm", b"ID3"),
            ("text/html", b"\x1a\x45\xdf\xa3"),
            ("audio/", b"OggS"),
            ("x", b""),
        ] {
            assert_eq!(played_as(announced, bytes), JUST_BYTES, "{announced}");
        }
    }

    #[test]
    fn what_poses_as_a_picture_is_named() {
        for bytes in [
            &b"<svg xmlns='x'/>"[..],
            b"  <!DOCTYPE html>",
            b"PK\x03\x04zip",
            b"%PDF-1.7",
            b"#!/bin/sh",
            b"MZ",
        ] {
            assert_eq!(instead_of_a_picture(bytes), QuarantineReason::Disguised);
        }
        for bytes in [&b""[..], b"GIF89a", b"just a text"] {
            assert_eq!(instead_of_a_picture(bytes), QuarantineReason::NotAnImage);
        }
    }

    #[test]
    fn a_jpeg_may_not_ask_for_endless_passes() {
        let mut bytes = vec![0xff, 0xd8];
        for _ in 0..=SCANS_MAX {
            bytes.extend([0xff, 0xda, 0, 2, 1, 2, 3]);
        }
        bytes.extend([0xff, 0xd9]);
        assert_eq!(objection(Format::Jpeg, &bytes), Some(QuarantineReason::TooLarge));
    }

    #[test]
    fn no_head_leads_out_of_the_file() {
        let heads: [(Format, &[u8]); 4] = [
            (Format::Jpeg, b"\xff\xd8\xff\xe0\xff\xff"),
            (Format::Jpeg, b"\xff\xd8\xff\xe0\0\0\xff\xd9"),
            (Format::Png, b"\x89PNG\r\n\x1a\n\xff\xff\xff\xffIDAT"),
            (Format::WebP, b"RIFF\xff\xff\xff\xffWEBP"),
        ];
        for (format, bytes) in heads {
            assert_eq!(objection(format, bytes), Some(QuarantineReason::Damaged), "{format:?}");
        }
    }
}
