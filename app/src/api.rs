//! The only module that speaks HTTP: one typed call for each address.
//!
//! * [`http`]: one request and what came back.
//! * [`tokens`]: access and refresh tokens, and the device's signature.

pub mod http;
pub mod tokens;

use std::rc::Rc;

use doorstep_core::api::{
    self as addresses, CaseDetail, DecisionAnswer, DecisionRequest, FileAddress, LoginAnswer, LoginRequest,
    Me, ParkedAnswer, QueueAnswer, SimilarAnswer, SubmissionDetail,
};
use doorstep_core::command::{
    COMMAND, CommandAnswer, CommandKind, CommandReport, CommandRequest, DEVICES, DeviceCommand, DeviceRecord,
    DevicesAnswer,
};
use doorstep_core::evidence::Notary;
use doorstep_core::ids::{CaseId, DeviceId, FormVersionId, MediaId, SubmissionId};
use doorstep_core::pack::FormFile;
use doorstep_core::phone::synchronise::{FilePart, FileRequest, Standing};
use doorstep_core::phone::{Failure, Reply};
use doorstep_core::sealing::{OpenedKey, SEALED_KEY, SEALED_PUSH, SealedKey, SealedPush, SealedPushAnswer};
use doorstep_core::sync::{PullAnswer, PullRequest, PushAnswer, PushRequest};
use doorstep_core::text::Language;
use serde::Serialize;
use serde::de::DeserializeOwned;

use http::{Method, Request, is_unauthorized};
use tokens::Tokens;

/// Logs in and registers the device.
///
/// # Errors
/// With the server's problem, or without a connection.
pub async fn log_in(request: &LoginRequest, language: Language) -> Result<LoginAnswer, Failure> {
    let request = Request::json(Method::Post, addresses::LOGIN, request)?;
    http::send(&request, None, language).await?.json()
}

/// Has the spare copy of a data key opened, right after a login.
///
/// # Errors
/// With the server's problem, or without a connection.
pub async fn open_sealed_key(
    access_token: &str,
    sealed: &SealedKey,
    language: Language,
) -> Result<OpenedKey, Failure> {
    let request = Request::json(Method::Post, SEALED_KEY, sealed)?;
    http::send(&request, Some(access_token), language).await?.json()
}

/// Sends what a locked phone has sealed.
///
/// # Errors
/// With the server's problem, or without a connection.
pub async fn push_sealed(push: &SealedPush, language: Language) -> Result<SealedPushAnswer, Failure> {
    let request = Request::json(Method::Post, SEALED_PUSH, push)?;
    http::send(&request, None, language).await?.json()
}

/// Sends a piece of a file that a locked phone has sealed.
///
/// # Errors
/// With the server's problem, or without a connection.
pub async fn upload_sealed(
    part: &FileRequest,
    piece: &[u8],
    push_token: &str,
    language: Language,
) -> Result<Standing, Failure> {
    let request = Request::part(part, piece, Rc::new(|_| ()));
    part.read(http::exchange(&request, Some(push_token), language).await?, language)
}

/// The server, for somebody who is logged in.
#[derive(Clone, Debug)]
pub struct Client {
    tokens: Rc<Tokens>,
}

impl Notary for Client {
    async fn sign(&self, text: &str) -> Option<String> {
        self.tokens.sign(text).await
    }
}

impl Client {
    /// With these tokens.
    pub fn new(tokens: Rc<Tokens>) -> Self {
        Self { tokens }
    }

    /// One request: with the access token; with a new one when that is over.
    async fn send(&self, request: &Request<'_>) -> Result<Reply, Failure> {
        let language = self.tokens.language();
        self.with_token(async |token| http::send(request, Some(token), language).await).await
    }

    async fn with_token<T>(&self, ask: impl AsyncFn(&str) -> Result<T, Failure>) -> Result<T, Failure> {
        let token = self.tokens.access().await?;
        match ask(&token).await {
            Err(failure) if is_unauthorized(&failure) => {
                let token = self.tokens.renewed(&token).await?;
                match ask(&token).await {
                    Err(failure) if is_unauthorized(&failure) => Err(self.tokens.over()),
                    done => done,
                }
            }
            done => done,
        }
    }

    async fn get<T: DeserializeOwned>(&self, address: &str) -> Result<T, Failure> {
        self.send(&Request::get(address)).await?.json()
    }

    async fn post<T: DeserializeOwned>(&self, address: &str, body: &impl Serialize) -> Result<T, Failure> {
        self.send(&Request::json(Method::Post, address, body)?).await?.json()
    }

    /// Who is logged in, as the server sees it now.
    ///
    /// # Errors
    /// With the server's problem, or without a connection.
    pub async fn me(&self) -> Result<Me, Failure> {
        self.get(addresses::ME).await
    }

    /// Ends this device's session.
    ///
    /// # Errors
    /// With the server's problem, or without a connection.
    pub async fn log_out(&self) -> Result<(), Failure> {
        self.send(&Request::empty(Method::Post, addresses::LOGOUT)).await.map(drop)
    }

    /// What is asked of this phone from afar.
    ///
    /// # Errors
    /// With the server's problem, or without a connection.
    pub async fn command(&self) -> Result<Option<DeviceCommand>, Failure> {
        Ok(self.get::<CommandAnswer>(COMMAND).await?.command)
    }

    /// Says what was heard or done of it.
    ///
    /// # Errors
    /// With the server's problem, or without a connection.
    pub async fn report(&self, report: &CommandReport) -> Result<(), Failure> {
        self.send(&Request::json(Method::Post, COMMAND, report)?).await.map(drop)
    }

    /// The phones of everybody whom the person manages.
    ///
    /// # Errors
    /// With the server's problem, or without a connection.
    pub async fn devices(&self) -> Result<Vec<DeviceRecord>, Failure> {
        Ok(self.get::<DevicesAnswer>(DEVICES).await?.devices)
    }

    /// Asks something of a phone; `None` takes back what was asked.
    ///
    /// # Errors
    /// With the server's problem, or without a connection.
    pub async fn ask_device(&self, id: DeviceId, kind: Option<CommandKind>) -> Result<DeviceRecord, Failure> {
        self.post(&format!("{DEVICES}/{id}/command"), &CommandRequest { kind }).await
    }

    /// Sends operations, compressed where the browser can.
    ///
    /// # Errors
    /// With the server's problem, or without a connection.
    pub async fn push(&self, push: &PushRequest) -> Result<PushAnswer, Failure> {
        let request = Request::json(Method::Post, addresses::SYNC, push)?.compressed().await;
        self.send(&request).await?.json()
    }

    /// Asks for a page of what changed.
    ///
    /// # Errors
    /// With the server's problem, or without a connection.
    pub async fn pull(&self, pull: &PullRequest) -> Result<PullAnswer, Failure> {
        let mut address = String::from(addresses::SYNC);
        let max = pull.max.map(|max| max.to_string());
        let members =
            [("cursor", pull.cursor.as_ref()), ("max", max.as_ref()), ("again", pull.again.as_ref())];
        let mut separator = '?';
        for (name, value) in members {
            if let Some(value) = value {
                address.push(separator);
                address.push_str(name);
                address.push('=');
                address.push_str(&String::from(js_sys::encode_uri_component(value)));
                separator = '&';
            }
        }
        self.get(&address).await
    }

    /// The bytes of a form bundle: their hash is checked, so they are kept as
    /// they came.
    ///
    /// # Errors
    /// With the server's problem, or without a connection.
    pub async fn form_bundle(&self, id: FormVersionId) -> Result<Vec<u8>, Failure> {
        let address = format!("{}/{id}", addresses::FORM_VERSIONS);
        let reply = self.send(&Request::get(&address)).await?;
        if reply.is_json() { Ok(reply.bytes) } else { Err(Failure::NoConnection) }
    }

    /// The bytes of a file beside the words of a form; their hash is checked.
    ///
    /// # Errors
    /// With the server's problem, or without a connection.
    pub async fn form_file(&self, id: FormVersionId, file: &FormFile) -> Result<Vec<u8>, Failure> {
        let address = format!("{}/{id}/files/{}", addresses::FORM_VERSIONS, file.sha256);
        Ok(self.send(&Request::get(&address).expecting(file.size_bytes)).await?.bytes)
    }

    /// Sends a piece of a file, or asks how much is there. `progress` hears
    /// what share of the piece has left, 0 to 100.
    ///
    /// # Errors
    /// With the server's problem, or without a connection.
    pub async fn upload(
        &self,
        part: &FilePart,
        piece: &[u8],
        progress: Rc<dyn Fn(u8)>,
    ) -> Result<Standing, Failure> {
        let language = self.tokens.language();
        let request = Request::part(&part.request(), piece, progress);
        self.with_token(async |token| {
            part.read(http::exchange(&request, Some(token), language).await?, language)
        })
        .await
    }

    /// An address from which the browser gets a file by itself.
    ///
    /// # Errors
    /// With the server's problem, or without a connection.
    pub async fn file_address(&self, id: MediaId) -> Result<FileAddress, Failure> {
        self.get(&format!("{}/{id}/address", addresses::FILES)).await
    }

    /// Photos of other submissions that look like one.
    ///
    /// # Errors
    /// With the server's problem, or without a connection.
    pub async fn similar(&self, id: MediaId) -> Result<SimilarAnswer, Failure> {
        self.get(&format!("{}/{id}/similar", addresses::FILES)).await
    }

    /// The bytes and type of a recording or another file.
    ///
    /// # Errors
    /// With the server's problem, or without a connection.
    pub async fn file(&self, id: MediaId) -> Result<(Vec<u8>, String), Failure> {
        let reply = self.send(&Request::get(&format!("{}/{id}", addresses::FILES))).await?;
        // A page instead of a file comes from somebody between.
        let is_file = ["audio/", "video/", "image/", "application/octet-stream"]
            .iter()
            .any(|kind| reply.content_type.starts_with(kind));
        if is_file { Ok((reply.bytes, reply.content_type)) } else { Err(Failure::NoConnection) }
    }

    /// What waits for the reviewer.
    ///
    /// # Errors
    /// With the server's problem, or without a connection.
    pub async fn queue(&self) -> Result<QueueAnswer, Failure> {
        self.get(addresses::QUEUE).await
    }

    /// One submission with everything a reviewer decides on.
    ///
    /// # Errors
    /// With the server's problem, or without a connection.
    pub async fn submission(&self, id: SubmissionId) -> Result<SubmissionDetail, Failure> {
        self.get(&format!("{}/{id}", addresses::SUBMISSIONS)).await
    }

    /// Decides on a submission.
    ///
    /// # Errors
    /// With the server's problem, or without a connection.
    pub async fn decide(
        &self,
        id: SubmissionId,
        decision: &DecisionRequest,
    ) -> Result<DecisionAnswer, Failure> {
        self.post(&format!("{}/{id}/decision", addresses::SUBMISSIONS), decision).await
    }

    /// A case of the ledger with its history.
    ///
    /// # Errors
    /// With the server's problem, or without a connection.
    pub async fn case(&self, id: CaseId) -> Result<CaseDetail, Failure> {
        self.get(&format!("{}/{id}", addresses::CASES)).await
    }

    /// Operations that wait for something.
    ///
    /// # Errors
    /// With the server's problem, or without a connection.
    pub async fn parked(&self) -> Result<ParkedAnswer, Failure> {
        self.get(addresses::PARKED_OPERATIONS).await
    }
}
