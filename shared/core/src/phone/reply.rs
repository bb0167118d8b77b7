//! What came back over HTTP, and whether it is Doorstep's word at all: a
//! captive portal's page, a proxy's error, an answer that was cut off are all
//! the same as no connection.

use serde::de::DeserializeOwned;

use super::Failure;
use crate::json;
use crate::problem::{Problem, ProblemCode};
use crate::text::{Language, LocalText};

/// A whole answer.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Reply {
    pub status: u16,
    pub content_type: String,
    pub bytes: Vec<u8>,
    /// How much of a file is there, where the answer says it
    /// ([`super::synchronise::UPLOAD_OFFSET`]).
    pub upload_offset: Option<u64>,
}

impl Reply {
    /// Itself, if the server did what was asked.
    ///
    /// # Errors
    /// The server's problem, its title in `language`; no connection when the
    /// answer is nobody's we know.
    pub fn success(self, language: Language) -> Result<Self, Failure> {
        if (200..300).contains(&self.status) {
            return Ok(self);
        }
        Err(self.problem(language).map_or(Failure::NoConnection, |found| Failure::Problem(Box::new(found))))
    }

    /// The JSON of a success.
    ///
    /// # Errors
    /// No connection: what does not read was cut off, or is not Doorstep's.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, Failure> {
        if !self.is_json() {
            return Err(Failure::NoConnection);
        }
        json::read(&self.bytes).map_err(|_| Failure::NoConnection)
    }

    /// Whether it says that it is JSON.
    pub fn is_json(&self) -> bool {
        let kind = self.content_type.split(';').next().unwrap_or_default().trim();
        kind == "application/json" || kind == "application/problem+json"
    }

    /// The problem document. One with a code that this build does not know
    /// keeps its words.
    fn problem(&self, language: Language) -> Option<Problem> {
        if !self.is_json() {
            return None;
        }
        let document = json::value(&self.bytes).ok()?;
        if let Ok(known) = serde_json::from_value::<Problem>(document.clone()) {
            return Some(known);
        }
        let urn = document.get("type")?.as_str()?;
        if !urn.starts_with("urn:doorstep:problem:") {
            return None;
        }
        let code = match self.status {
            401 => ProblemCode::SessionExpired,
            403 => ProblemCode::NoPermission,
            404 => ProblemCode::NotFound,
            400..500 => ProblemCode::InvalidRequest,
            503 => ProblemCode::Unavailable,
            _ => ProblemCode::Internal,
        };
        let mut unknown = Problem::new(code, language);
        if let Some(message) =
            document.get("message").and_then(|text| serde_json::from_value::<LocalText>(text.clone()).ok())
        {
            unknown.message = message;
        }
        unknown.status = self.status;
        Some(unknown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sync::PushAnswer;

    fn reply(status: u16, content_type: &str, body: &str) -> Reply {
        Reply {
            status,
            content_type: content_type.to_owned(),
            bytes: body.as_bytes().to_vec(),
            upload_offset: None,
        }
    }

    fn read(reply: Reply) -> Result<PushAnswer, Failure> {
        reply.success(Language::Zh)?.json()
    }

    const ANSWER: &str = r#"{"epoch":5,"server_time":"2026-11-23T01:30:00Z","last_seq":0,"results":[]}"#;

    #[test]
    fn what_is_not_doorsteps_word_is_no_connection() {
        assert!(read(reply(200, "application/json; charset=utf-8", ANSWER)).is_ok());
        let page = "<!doctype html><title>请登录校园网</title>";
        for (status, content_type, body) in [
            (200, "text/html", page),
            // A portal that says anything, and one that says nothing.
            (200, "application/json", page),
            (200, "", ANSWER),
            (200, "application/json", r#"{"code":0,"msg":"ok"}"#),
            (204, "", ""),
            // Cut off.
            (200, "application/json", ANSWER.get(..40).unwrap_or_default()),
            (502, "text/html", "<h1>Bad Gateway</h1>"),
            (401, "text/html", page),
            (403, "application/json", r#"{"error":"blocked by policy"}"#),
            (503, "application/json", r#"{"type":"about:blank","status":503}"#),
            (302, "text/html", ""),
        ] {
            let read = read(reply(status, content_type, body));
            assert_eq!(read, Err(Failure::NoConnection), "{status} {content_type} {body}");
        }
    }

    #[test]
    fn the_servers_problems_are_its_word_even_those_of_a_later_build() -> Result<(), serde_json::Error> {
        let problem =
            Problem { retry_after_s: Some(7), ..Problem::new(ProblemCode::Unavailable, Language::En) };
        let document = serde_json::to_string(&problem)?;
        let known = read(reply(503, "application/problem+json", &document));
        assert_eq!(known, Err(Failure::Problem(Box::new(problem))));

        let later = r#"{"type":"urn:doorstep:problem:out_of_tea","title":"?","status":409,
            "code":"out_of_tea","message":{"zh":"茶没了。","en":"No tea."}}"#;
        match read(reply(409, "application/problem+json", later)) {
            Err(Failure::Problem(problem)) => {
                assert_eq!((problem.code, problem.status), (ProblemCode::InvalidRequest, 409));
                assert_eq!(problem.message.en, "No tea.");
            }
            other => panic!("{other:?}"),
        }
        Ok(())
    }
}
