//! Uploads by tus 1.0.0, request by request.

use anyhow::{Context, Result};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use doorstep_core::api::FILES;
use doorstep_core::ids::MediaId;
use reqwest::header::CONTENT_TYPE;
use reqwest::{Method, RequestBuilder};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::caller::{Answer, Caller};

/// The content type of a piece.
pub const OFFSET_BYTES: &str = "application/offset+octet-stream";

/// Somebody who uploads one file.
#[derive(Clone, Debug)]
pub struct Uploader {
    pub caller: Caller,
    pub id: MediaId,
}

impl Uploader {
    /// `/files/{media id}`
    pub fn address(&self) -> String {
        format!("{FILES}/{}", self.id)
    }

    /// A request of tus, to add to.
    pub fn request(&self, method: Method) -> RequestBuilder {
        self.caller.request(method, &self.address()).header("tus-resumable", "1.0.0")
    }

    /// Creates the upload.
    ///
    /// # Errors
    /// When there is no whole answer.
    pub async fn create(&self, length: usize) -> Result<Answer> {
        self.caller.send(self.request(Method::POST).header("upload-length", length)).await
    }

    /// Creates the upload with its first bytes.
    ///
    /// # Errors
    /// When there is no whole answer.
    pub async fn create_with(&self, length: usize, bytes: &[u8]) -> Result<Answer> {
        let request = self.request(Method::POST).header("upload-length", length);
        self.caller.send(request.header(CONTENT_TYPE, OFFSET_BYTES).body(bytes.to_vec())).await
    }

    /// Sends the whole file in one request.
    ///
    /// # Errors
    /// When there is no whole answer.
    pub async fn send_whole(&self, bytes: &[u8]) -> Result<Answer> {
        self.create_with(bytes.len(), bytes).await
    }

    /// Asks how far it is.
    ///
    /// # Errors
    /// When there is no whole answer.
    pub async fn state(&self) -> Result<Answer> {
        self.caller.send(self.request(Method::HEAD)).await
    }

    /// How far it is.
    ///
    /// # Errors
    /// When it is not known.
    pub async fn offset(&self) -> Result<usize> {
        let state = self.state().await?;
        let offset = state.header("upload-offset").with_context(|| format!("{}", state.status))?;
        Ok(offset.parse()?)
    }

    /// A piece, to add to.
    pub fn piece(&self, offset: usize, bytes: &[u8]) -> RequestBuilder {
        self.request(Method::PATCH)
            .header("upload-offset", offset)
            .header(CONTENT_TYPE, OFFSET_BYTES)
            .body(bytes.to_vec())
    }

    /// Sends a piece with its sha-256.
    ///
    /// # Errors
    /// When there is no whole answer.
    pub async fn send(&self, offset: usize, bytes: &[u8]) -> Result<Answer> {
        let digest = ring::digest::digest(&ring::digest::SHA256, bytes);
        let checksum = format!("sha256 {}", STANDARD.encode(digest));
        self.caller.send(self.piece(offset, bytes).header("upload-checksum", checksum)).await
    }

    /// Sends the beginning of a piece that says it is `length` long, and
    /// leaves the connection as it is.
    ///
    /// # Errors
    /// When there is no connection.
    pub async fn half_send(&self, offset: usize, length: usize, bytes: &[u8]) -> Result<TcpStream> {
        let request = self.piece(offset, &[]).header("content-length", length).build()?;
        let url = request.url();
        let host = format!("{}:{}", url.host_str().context("a host")?, url.port().context("a port")?);
        let mut head = format!("PATCH {} HTTP/1.1\r\nhost: {host}\r\n", url.path());
        for (name, value) in request.headers() {
            head.push_str(&format!("{name}: {}\r\n", value.to_str()?));
        }
        head.push_str("\r\n");
        let mut connection = TcpStream::connect(&host).await?;
        connection.set_nodelay(true)?;
        connection.write_all(head.as_bytes()).await?;
        connection.write_all(bytes).await?;
        connection.flush().await?;
        Ok(connection)
    }
}
