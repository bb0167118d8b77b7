//! Where a node is in an instance.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// The address of a node: `/g_visit/met`; inside a repeat the position of the
/// instance, counted from 1, is part of it: `/member[2]/m_name`. A repeat as a
/// whole (the thing one adds to) has no position: `/member`.
///
/// Paths order as text. A path is only an address; whether something lives
/// there, the [`Session`](crate::Session) knows.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct NodePath(String);

/// The text is not an address of a node.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is not a path such as /group/question or /repeat[2]/question")]
pub struct PathError(pub String);

impl NodePath {
    /// The path as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Name of the last step, without the position.
    pub fn name(&self) -> &str {
        let last = self.0.rsplit('/').next().unwrap_or_default();
        last.split('[').next().unwrap_or_default()
    }

    /// The steps from the root: name and, where given, position from 1.
    pub fn steps(&self) -> impl Iterator<Item = (&str, Option<usize>)> {
        self.0.split('/').skip(1).map(|step| match step.split_once('[') {
            None => (step, None),
            Some((name, position)) => (name, position.trim_end_matches(']').parse().ok()),
        })
    }

    /// Where this is after an instance of a repeat was removed
    /// (`/member[2]`): what is behind it has moved up, and what was in it is
    /// nowhere.
    pub fn after_removal(&self, removed: &NodePath) -> Option<NodePath> {
        let instance = removed.0.strip_suffix(']').and_then(|text| text.rsplit_once('['));
        let Some((series, position)) = instance else { return Some(self.clone()) };
        let inside = self.0.strip_prefix(series).and_then(|rest| rest.strip_prefix('[')?.split_once(']'));
        let (Some((own, below)), Ok(position)) = (inside, position.parse::<usize>()) else {
            return Some(self.clone());
        };
        match own.parse::<usize>() {
            Ok(own) if own == position => None,
            Ok(own) if own > position => Some(Self(format!("{series}[{}]{below}", own - 1))),
            _ => Some(self.clone()),
        }
    }

    /// For paths that the engine itself composes.
    pub(crate) fn composed(text: String) -> Self {
        Self(text)
    }
}

impl fmt::Display for NodePath {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl FromStr for NodePath {
    type Err = PathError;

    fn from_str(text: &str) -> Result<Self, PathError> {
        let wrong = || PathError(text.to_owned());
        let steps = text.strip_prefix('/').ok_or_else(wrong)?;
        for step in steps.split('/') {
            let (name, position) = match step.split_once('[') {
                None => (step, None),
                Some((name, rest)) => (name, Some(rest.strip_suffix(']').ok_or_else(wrong)?)),
            };
            let position_fits = position.is_none_or(|position| {
                position.bytes().all(|byte| byte.is_ascii_digit())
                    && position.parse::<usize>().is_ok_and(|position| position > 0)
            });
            if name.is_empty() || name.contains(']') || !position_fits {
                return Err(wrong());
            }
        }
        Ok(Self(text.to_owned()))
    }
}

impl TryFrom<String> for NodePath {
    type Error = PathError;

    fn try_from(text: String) -> Result<Self, PathError> {
        text.parse()
    }
}

impl From<NodePath> for String {
    fn from(path: NodePath) -> String {
        path.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_steps_and_positions() {
        let path: NodePath = "/member[2]/m_name".parse().expect("a path");
        assert_eq!(path.name(), "m_name");
        let steps: Vec<_> = path.steps().collect();
        assert_eq!(steps, [("member", Some(2)), ("m_name", None)]);
    }

    #[test]
    fn moves_up_behind_an_instance_that_is_gone() {
        let moved = |path: &str, removed: &str| {
            let path: NodePath = path.parse().expect("a path");
            path.after_removal(&removed.parse().expect("a path")).map(String::from)
        };
        let stays = |path: &str| Some(path.to_owned());
        assert_eq!(moved("/member[3]/dog[2]/name", "/member[2]"), stays("/member[2]/dog[2]/name"));
        assert_eq!(moved("/member[3]/dog[2]/name", "/member[3]/dog[1]"), stays("/member[3]/dog[1]/name"));
        assert_eq!(moved("/member[10]", "/member[9]"), stays("/member[9]"));
        assert_eq!(moved("/member[2]/name", "/member[2]"), None);
        for path in ["/member", "/member[1]/name", "/members[3]/name", "/g/member[3]", "/name"] {
            assert_eq!(moved(path, "/member[2]"), stays(path), "{path}");
        }
    }

    #[test]
    fn refuses_what_is_not_a_path() {
        for text in ["", "a", "/", "/a//b", "/a[0]", "/a[x]", "/a[1", "/a]"] {
            assert!(text.parse::<NodePath>().is_err(), "{text}");
        }
    }
}
