//! What the server finds in a file.

use serde::{Deserialize, Serialize};

use crate::ids::MediaId;
use crate::text::LocalText;

/// Why a file is kept and not shown.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "ids", derive(sea_orm::DeriveValueType), sea_orm(value_type = "String"))]
pub enum QuarantineReason {
    /// Announced as a picture, and none of JPEG, PNG and WebP.
    NotAnImage,
    /// A picture that breaks off or does not decode.
    Damaged,
    /// More pixels, memory or passes than is safe to decode.
    TooLarge,
    /// Something follows the picture or hides in it: an archive, a page.
    MoreInside,
    /// A page, a script, an archive or a program under the name of a picture.
    Disguised,
    /// Whoever looked at it was never heard of again.
    Unexaminable,
}

impl QuarantineReason {
    /// Every reason.
    pub const ALL: [Self; 6] = [
        Self::NotAnImage,
        Self::Damaged,
        Self::TooLarge,
        Self::MoreInside,
        Self::Disguised,
        Self::Unexaminable,
    ];

    /// The stable word.
    pub fn code(self) -> &'static str {
        match self {
            Self::NotAnImage => "not_an_image",
            Self::Damaged => "damaged",
            Self::TooLarge => "too_large",
            Self::MoreInside => "more_inside",
            Self::Disguised => "disguised",
            Self::Unexaminable => "unexaminable",
        }
    }

    /// What was found, for people.
    pub fn message(self) -> LocalText {
        match self {
            Self::NotAnImage => LocalText::new(
                "不是可用的图片(仅支持 JPEG、PNG、WebP)。",
                "Not a usable picture (JPEG, PNG or WebP).",
            ),
            Self::Damaged => {
                LocalText::new("图片残缺或已损坏,无法显示。", "The picture is broken off or damaged.")
            }
            Self::TooLarge => LocalText::new(
                "图片像素过大,安全起见不予解码。",
                "The picture has too many pixels to be decoded safely.",
            ),
            Self::MoreInside => LocalText::new(
                "图片里夹带了其他内容(如压缩包或网页)。",
                "Something else is hidden in the picture, such as an archive or a page.",
            ),
            Self::Disguised => LocalText::new(
                "这不是图片,而是伪装成图片的网页、脚本、压缩包或程序。",
                "This is a page, a script, an archive or a program that poses as a picture.",
            ),
            Self::Unexaminable => LocalText::new(
                "多次检查都未能完成。",
                "It could not be examined, though it was tried several times.",
            ),
        }
    }
}

crate::code::written_as_code!(QuarantineReason {
    NotAnImage,
    Damaged,
    TooLarge,
    MoreInside,
    Disguised,
    Unexaminable
});

/// A file of a submission that is kept and not shown.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct QuarantinedMedia {
    pub media_id: MediaId,
    pub reason: QuarantineReason,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_is_said_in_both_languages_and_reads_back() {
        for reason in QuarantineReason::ALL {
            let message = reason.message();
            assert!(!message.zh.is_empty() && !message.en.is_empty(), "{reason}");
            assert_eq!(reason.code().parse::<QuarantineReason>().ok(), Some(reason));
        }
    }
}
