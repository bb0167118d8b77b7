//! What is on its way between phones and server: it can be lost, come twice,
//! late, or in another order.

use anyhow::Result;
use doorstep_core::phone::Reply;
use doorstep_core::phone::synchronise::Request;
use doorstep_core::problem::{Problem, ProblemCode};
use doorstep_core::text::Language;

use crate::server::Call;

/// Something on its way.
#[derive(Clone, Debug)]
pub struct Message {
    pub phone: usize,
    /// Which exchange of the phone it belongs to.
    pub ticket: u64,
    pub asked: Request,
    pub body: Body,
}

/// Where to.
#[derive(Clone, Debug)]
pub enum Body {
    ToServer(Call),
    ToPhone(Reply),
}

/// Everything that is on its way.
#[derive(Debug, Default)]
pub struct Network {
    messages: Vec<Message>,
}

impl Network {
    /// Whether nothing is on its way.
    pub fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }

    /// How much is on its way.
    pub fn len(&self) -> usize {
        self.messages.len()
    }

    /// Where something of an exchange is among all that is on its way.
    pub fn position(&self, phone: usize, ticket: u64) -> Option<usize> {
        self.messages.iter().position(|message| (message.phone, message.ticket) == (phone, ticket))
    }

    /// Something leaves.
    pub fn send(&mut self, message: Message) {
        self.messages.push(message);
    }

    /// Takes what arrives; with `stays`, it will arrive once more.
    pub fn take(&mut self, position: usize, stays: bool) -> Option<Message> {
        if position >= self.messages.len() {
            return None;
        }
        if stays { self.messages.get(position).cloned() } else { Some(self.messages.remove(position)) }
    }

    /// Everything that was on its way is lost.
    pub fn lose_everything(&mut self) {
        self.messages.clear();
    }
}

/// What a request is for, in a word.
pub fn word(asked: &Request) -> String {
    match asked {
        Request::Push(push) => format!("push of {}", push.ops.len()),
        Request::Pull(pull) if pull.again.is_some() => "pull again".to_owned(),
        Request::Pull(pull) if pull.cursor.is_none() => "first pull".to_owned(),
        Request::Pull(_) => "pull".to_owned(),
        Request::FetchForm(form) => format!("form {}", form.version),
        Request::FetchFormFile(_, file) => format!("file {} of a form", file.name),
        Request::Upload(part) => {
            format!("{} {:?} of {}", part.method(), part.range(), part.entry.content_type)
        }
    }
}

/// What a portal answers to everything.
pub fn portal() -> Reply {
    Reply {
        status: 200,
        content_type: "text/html; charset=utf-8".to_owned(),
        bytes: "<!doctype html><title>请先登录无线网络</title>".as_bytes().to_vec(),
        upload_offset: None,
    }
}

/// What a server says that has too much to do.
///
/// # Errors
/// When it cannot be written.
pub fn overloaded() -> Result<Reply> {
    let problem = Problem { retry_after_s: Some(5), ..Problem::new(ProblemCode::Unavailable, Language::Zh) };
    Ok(Reply {
        status: 503,
        content_type: "application/problem+json".to_owned(),
        bytes: serde_json::to_vec(&problem)?,
        upload_offset: None,
    })
}
