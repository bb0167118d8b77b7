//! Words that are stored and sent: enums whose variants have a stable
//! `code()`.

/// A word that is none of the codes that belong here.
#[derive(Debug, thiserror::Error)]
#[error("{text:?} is no {what}")]
pub struct UnknownCode {
    /// The type that was expected.
    pub what: &'static str,
    pub text: String,
}

/// Writes an enum as its `code()` and reads it back.
macro_rules! written_as_code {
    ($name:ident { $($variant:ident),* }) => {
        impl std::fmt::Display for $name {
            fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str(self.code())
            }
        }

        impl std::str::FromStr for $name {
            type Err = crate::code::UnknownCode;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                [$(Self::$variant),*]
                    .into_iter()
                    .find(|candidate| candidate.code() == text)
                    .ok_or_else(|| crate::code::UnknownCode { what: stringify!($name), text: text.to_owned() })
            }
        }
    };
}

pub(crate) use written_as_code;
