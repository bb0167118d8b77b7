//! Keys and encryption, by WebCrypto.
//!
//! A random data key (AES-256-GCM) encrypts every value. It is kept wrapped by
//! a key that is made of the PIN (Argon2id, so that guessing is slow) and of a
//! device secret that cannot leave the browser (so that guessing has to happen
//! here), and once more for the server's key ([`doorstep_core::sealing`]), so
//! that a forgotten PIN costs nothing. In memory there is only a handle that
//! cannot be exported; the raw data key enters this module only when the server
//! has opened that copy.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use doorstep_core::ids::UserId;
use doorstep_core::sealing::{self, OpenedKey, Sealed, SealedKey, SealingKey};
use doorstep_core::store::StoreError;
use js_sys::{Array, Uint8Array};
use thiserror::Error;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::CryptoKey;

use super::stretch;
use crate::browser::{buffer_of, bytes_of, call_async, describe, get, global, object};

const IV_BYTES: usize = 12;
pub(super) const SALT_BYTES: usize = 16;

/// Goes into what is authenticated, so that a value of another version never
/// passes as one of this.
pub const SCHEMA_VERSION: u32 = 1;

/// What went wrong with a key.
#[derive(Clone, Debug, Error, Eq, PartialEq)]
pub enum CryptoError {
    /// The PIN does not open the envelope.
    #[error("the PIN is wrong")]
    WrongPin,
    /// The browser refused.
    #[error("the browser's cryptography failed: {0}")]
    Browser(String),
}

impl From<JsValue> for CryptoError {
    fn from(error: JsValue) -> Self {
        Self::Browser(describe(&error))
    }
}

/// The data key, wrapped. Safe to store.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Envelope {
    pub salt: Vec<u8>,
    /// Passes of Argon2id, as many as this phone does in about a second.
    pub passes: u32,
    pub iv: Vec<u8>,
    pub wrapped: Vec<u8>,
}

/// What identifies this installation for one user: handles that the browser
/// stores and never shows.
#[derive(Clone, Debug)]
pub struct DeviceKeys {
    /// ECDSA P-256, signs.
    pub signing: CryptoKey,
    /// The other half, as the server wants it.
    pub public_key: String,
    /// HMAC-SHA-256, part of every wrapping key.
    pub secret: CryptoKey,
}

fn subtle() -> JsValue {
    get(&global("crypto"), "subtle")
}

fn text(value: &str) -> JsValue {
    JsValue::from_str(value)
}

fn usages(names: &[&str]) -> JsValue {
    names.iter().map(|name| text(name)).collect::<Array>().into()
}

fn random<const LENGTH: usize>() -> Result<[u8; LENGTH], CryptoError> {
    let mut bytes = [0; LENGTH];
    getrandom::fill(&mut bytes).map_err(|error| CryptoError::Browser(error.to_string()))?;
    Ok(bytes)
}

fn aes_256() -> JsValue {
    object(&[("name", text("AES-GCM")), ("length", JsValue::from(256))]).into()
}

fn aes_gcm(iv: &[u8], authenticated: &str) -> JsValue {
    let members = [
        ("name", text("AES-GCM")),
        ("iv", Uint8Array::from(iv).into()),
        ("additionalData", Uint8Array::from(authenticated.as_bytes()).into()),
    ];
    object(&members).into()
}

impl DeviceKeys {
    /// New keys that cannot be exported.
    ///
    /// # Errors
    /// When the browser refuses.
    pub async fn generate() -> Result<Self, CryptoError> {
        let curve = object(&[("name", text("ECDSA")), ("namedCurve", text("P-256"))]).into();
        let pair =
            call_async(&subtle(), "generateKey", &[curve, JsValue::FALSE, usages(&["sign", "verify"])])
                .await?;
        let public = get(&pair, "publicKey");
        let point = call_async(&subtle(), "exportKey", &[text("raw"), public]).await?;
        let hmac = object(&[("name", text("HMAC")), ("hash", text("SHA-256"))]).into();
        let secret = call_async(&subtle(), "generateKey", &[hmac, JsValue::FALSE, usages(&["sign"])]).await?;
        Ok(Self {
            signing: get(&pair, "privateKey").dyn_into()?,
            public_key: URL_SAFE_NO_PAD.encode(bytes_of(&point)),
            secret: secret.dyn_into()?,
        })
    }

    /// The device's signature, r‖s, as base64url.
    ///
    /// # Errors
    /// When the browser refuses.
    pub async fn sign(&self, message: &str) -> Result<String, CryptoError> {
        let algorithm = object(&[("name", text("ECDSA")), ("hash", text("SHA-256"))]).into();
        let message = Uint8Array::from(message.as_bytes()).into();
        let signature =
            call_async(&subtle(), "sign", &[algorithm, self.signing.clone().into(), message]).await?;
        Ok(URL_SAFE_NO_PAD.encode(bytes_of(&signature)))
    }

    /// The key that wraps the data key: the PIN stretched, mixed with what
    /// only this device can compute.
    async fn wrapping_key(&self, pin: &str, salt: &[u8], passes: u32) -> Result<JsValue, CryptoError> {
        let mut material = stretch::stretch(pin, salt, passes).await?;
        let challenge = [b"doorstep-device-secret\n", salt].concat();
        let arguments =
            [text("HMAC"), self.secret.clone().into(), Uint8Array::from(challenge.as_slice()).into()];
        let of_device = call_async(&subtle(), "sign", &arguments).await?;
        material.extend(bytes_of(&of_device));

        let raw = Uint8Array::from(material.as_slice());
        material.fill(0);
        let arguments =
            [text("raw"), raw.clone().into(), text("HKDF"), JsValue::FALSE, usages(&["deriveKey"])];
        let base = call_async(&subtle(), "importKey", &arguments).await;
        raw.fill(0, 0, raw.length());
        let hkdf = object(&[
            ("name", text("HKDF")),
            ("hash", text("SHA-256")),
            ("salt", Uint8Array::from(salt).into()),
            ("info", Uint8Array::from(b"doorstep data key wrap 1".as_slice()).into()),
        ]);
        let wrap = aes_256();
        let arguments = [hkdf.into(), base?, wrap, JsValue::FALSE, usages(&["wrapKey", "unwrapKey"])];
        Ok(call_async(&subtle(), "deriveKey", &arguments).await?)
    }

    /// A new data key, wrapped by the PIN, and the copy for the server.
    ///
    /// # Errors
    /// When the browser refuses.
    pub async fn seal_new(
        &self,
        pin: &str,
        owner: UserId,
        server: &SealingKey,
    ) -> Result<(DataKey, Envelope, SealedKey), CryptoError> {
        let arguments = [aes_256(), JsValue::TRUE, usages(&["encrypt", "decrypt"])];
        let data_key = call_async(&subtle(), "generateKey", &arguments).await?;
        let sealed = seal_for_server(&data_key, owner, server).await?;
        let (data_key, envelope) = self.wrap(data_key, pin, owner).await?;
        Ok((data_key, envelope, sealed))
    }

    /// A data key that the server opened, wrapped by a new PIN.
    ///
    /// # Errors
    /// When the browser refuses, or it is no key.
    pub async fn wrap_opened(
        &self,
        opened: &OpenedKey,
        pin: &str,
        owner: UserId,
    ) -> Result<(DataKey, Envelope), CryptoError> {
        let raw = decoded(&opened.data_key)?;
        let arguments = [
            text("raw"),
            buffer_of(&raw),
            object(&[("name", text("AES-GCM"))]).into(),
            JsValue::TRUE,
            usages(&["encrypt", "decrypt"]),
        ];
        let data_key = call_async(&subtle(), "importKey", &arguments).await?;
        self.wrap(data_key, pin, owner).await
    }

    /// The envelope of the same data key under another PIN.
    ///
    /// # Errors
    /// [`CryptoError::WrongPin`], or when the browser refuses.
    pub async fn change_pin(
        &self,
        old_pin: &str,
        new_pin: &str,
        owner: UserId,
        envelope: &Envelope,
    ) -> Result<Envelope, CryptoError> {
        let data_key = self.unwrap(old_pin, owner, envelope, true).await?;
        let (_, envelope) = self.wrap(data_key.into(), new_pin, owner).await?;
        Ok(envelope)
    }

    /// Wraps an exportable handle, and gives one that cannot be exported.
    async fn wrap(
        &self,
        data_key: JsValue,
        pin: &str,
        owner: UserId,
    ) -> Result<(DataKey, Envelope), CryptoError> {
        let (salt, iv) = (random::<SALT_BYTES>()?, random::<IV_BYTES>()?);
        let passes = stretch::tuned_passes().await?;
        let wrapping = self.wrapping_key(pin, &salt, passes).await?;
        let arguments = [text("raw"), data_key, wrapping, aes_gcm(&iv, &wrap_label(owner))];
        let wrapped = bytes_of(&call_async(&subtle(), "wrapKey", &arguments).await?);
        let envelope = Envelope { salt: salt.to_vec(), passes, iv: iv.to_vec(), wrapped };
        // Opened again at once: an envelope that does not open is found now and
        // not tomorrow.
        let data_key = self.open(pin, owner, &envelope).await?;
        Ok((data_key, envelope))
    }

    /// The data key in an envelope.
    ///
    /// # Errors
    /// [`CryptoError::WrongPin`], or when the browser refuses.
    pub async fn open(&self, pin: &str, owner: UserId, envelope: &Envelope) -> Result<DataKey, CryptoError> {
        self.unwrap(pin, owner, envelope, false).await.map(DataKey)
    }

    async fn unwrap(
        &self,
        pin: &str,
        owner: UserId,
        envelope: &Envelope,
        exportable: bool,
    ) -> Result<CryptoKey, CryptoError> {
        let wrapping = self.wrapping_key(pin, &envelope.salt, envelope.passes).await?;
        let arguments = [
            text("raw"),
            buffer_of(&envelope.wrapped),
            wrapping,
            aes_gcm(&envelope.iv, &wrap_label(owner)),
            object(&[("name", text("AES-GCM"))]).into(),
            JsValue::from_bool(exportable),
            usages(&["encrypt", "decrypt"]),
        ];
        match call_async(&subtle(), "unwrapKey", &arguments).await {
            Ok(key) => Ok(key.dyn_into()?),
            Err(error) if crate::browser::error_name(&error) == "OperationError" => {
                Err(CryptoError::WrongPin)
            }
            Err(error) => Err(error.into()),
        }
    }
}

fn decoded(base64url: &str) -> Result<Vec<u8>, CryptoError> {
    URL_SAFE_NO_PAD.decode(base64url).map_err(|error| CryptoError::Browser(error.to_string()))
}

/// The data key, sealed as [`doorstep_core::sealing`] says.
async fn seal_for_server(
    data_key: &JsValue,
    owner: UserId,
    server: &SealingKey,
) -> Result<SealedKey, CryptoError> {
    let (point, wrapping) = key_for_server(server, sealing::INFO, "wrapKey").await?;
    let nonce = random::<{ sealing::NONCE_BYTES }>()?;
    let arguments = [text("raw"), data_key.clone(), wrapping, aes_gcm(&nonce, &sealing::label(owner))];
    let sealed = bytes_of(&call_async(&subtle(), "wrapKey", &arguments).await?);
    Ok(sealed_of(server, &point, &nonce, sealed))
}

/// Bytes, sealed as [`doorstep_core::sealing`] says.
pub(super) async fn seal(
    server: &SealingKey,
    info: &str,
    label: &str,
    bytes: &[u8],
) -> Result<Sealed, CryptoError> {
    let (point, key) = key_for_server(server, info, "encrypt").await?;
    let nonce = random::<{ sealing::NONCE_BYTES }>()?;
    let arguments = [aes_gcm(&nonce, label), key, Uint8Array::from(bytes).into()];
    let sealed = bytes_of(&call_async(&subtle(), "encrypt", &arguments).await?);
    Ok(sealed_of(server, &point, &nonce, sealed))
}

fn sealed_of(server: &SealingKey, point: &[u8], nonce: &[u8], sealed: Vec<u8>) -> Sealed {
    Sealed {
        key_id: server.id.clone(),
        ephemeral_public_key: URL_SAFE_NO_PAD.encode(point),
        nonce: URL_SAFE_NO_PAD.encode(nonce),
        sealed: URL_SAFE_NO_PAD.encode(sealed),
    }
}

/// A new public key, and the key that only it and the server's lead to.
async fn key_for_server(
    server: &SealingKey,
    info: &str,
    usage: &str,
) -> Result<(Vec<u8>, JsValue), CryptoError> {
    let curve = || -> JsValue { object(&[("name", text("ECDH")), ("namedCurve", text("P-256"))]).into() };
    let server_point = decoded(&server.public_key)?;
    let arguments = [text("raw"), buffer_of(&server_point), curve(), JsValue::FALSE, Array::new().into()];
    let server_key = call_async(&subtle(), "importKey", &arguments).await?;
    let pair =
        call_async(&subtle(), "generateKey", &[curve(), JsValue::FALSE, usages(&["deriveBits"])]).await?;
    let point = call_async(&subtle(), "exportKey", &[text("raw"), get(&pair, "publicKey")]).await?;
    let point = bytes_of(&point);

    let agreement = object(&[("name", text("ECDH")), ("public", server_key)]).into();
    let arguments = [agreement, get(&pair, "privateKey"), JsValue::from(256)];
    let shared = call_async(&subtle(), "deriveBits", &arguments).await?;
    let arguments = [text("raw"), shared, text("HKDF"), JsValue::FALSE, usages(&["deriveKey"])];
    let base = call_async(&subtle(), "importKey", &arguments).await?;
    let salt = [point.as_slice(), &server_point].concat();
    let hkdf = object(&[
        ("name", text("HKDF")),
        ("hash", text("SHA-256")),
        ("salt", Uint8Array::from(salt.as_slice()).into()),
        ("info", Uint8Array::from(info.as_bytes()).into()),
    ]);
    let arguments = [hkdf.into(), base, aes_256(), JsValue::FALSE, usages(&[usage])];
    Ok((point, call_async(&subtle(), "deriveKey", &arguments).await?))
}

fn wrap_label(owner: UserId) -> String {
    format!("doorstep|{owner}|{SCHEMA_VERSION}")
}

/// A handle to the key of a user's store.
#[derive(Clone, Debug)]
pub struct DataKey(CryptoKey);

impl DataKey {
    /// The key that the server opened, for reading what another phone wrote.
    ///
    /// # Errors
    /// When the browser refuses, or it is no key.
    pub async fn of_opened(opened: &OpenedKey) -> Result<Self, CryptoError> {
        Self::of_raw(&decoded(&opened.data_key)?, &["decrypt"]).await
    }

    async fn of_raw(raw: &[u8], uses: &[&str]) -> Result<Self, CryptoError> {
        let algorithm = object(&[("name", text("AES-GCM"))]).into();
        let arguments = [text("raw"), buffer_of(raw), algorithm, JsValue::FALSE, usages(uses)];
        Ok(Self(call_async(&subtle(), "importKey", &arguments).await?.dyn_into()?))
    }

    /// A random IV and the ciphertext, as one `ArrayBuffer`. `label` says what
    /// the value is and is authenticated with it.
    ///
    /// # Errors
    /// When the browser refuses.
    pub async fn encrypt(&self, label: &str, value: &[u8]) -> Result<JsValue, StoreError> {
        let failed = |error: &dyn std::fmt::Display| StoreError::Lost(error.to_string());
        let iv = random::<IV_BYTES>().map_err(|error| failed(&error))?;
        let arguments = [aes_gcm(&iv, label), self.0.clone().into(), Uint8Array::from(value).into()];
        let ciphertext = call_async(&subtle(), "encrypt", &arguments)
            .await
            .map_err(|error| StoreError::Lost(describe(&error)))?;
        let ciphertext = Uint8Array::new(&ciphertext);
        let length = u32::try_from(IV_BYTES).unwrap_or_default();
        let whole = Uint8Array::new_with_length(length + ciphertext.length());
        whole.set(&Uint8Array::from(iv.as_slice()), 0);
        whole.set(&ciphertext, length);
        Ok(whole.buffer().into())
    }

    /// What [`Self::encrypt`] encrypted under the same label.
    ///
    /// # Errors
    /// [`StoreError::Unreadable`] when it is anything else.
    pub async fn decrypt(&self, label: &str, stored: &JsValue) -> Result<Vec<u8>, StoreError> {
        let whole = Uint8Array::new(stored);
        let length = u32::try_from(IV_BYTES).unwrap_or_default();
        if whole.length() <= length {
            return Err(StoreError::Unreadable(label.to_owned()));
        }
        let iv = whole.subarray(0, length).to_vec();
        let ciphertext = whole.subarray(length, whole.length());
        let arguments = [aes_gcm(&iv, label), self.0.clone().into(), ciphertext.into()];
        match call_async(&subtle(), "decrypt", &arguments).await {
            Ok(plain) => Ok(bytes_of(&plain)),
            Err(_) => Err(StoreError::Unreadable(label.to_owned())),
        }
    }
}

/// The key of one file, for one use. It is kept encrypted with the data key.
#[derive(Clone)]
pub(super) struct FileKey(Vec<u8>);

impl FileKey {
    /// A new one.
    pub(super) fn generate() -> Result<Self, CryptoError> {
        Ok(Self(random::<{ sealing::DATA_KEY_BYTES }>()?.to_vec()))
    }

    /// One that was kept.
    pub(super) fn of(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// To be kept, or sealed.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// What encrypts the file, and opens it.
    pub(super) async fn handle(&self) -> Result<DataKey, CryptoError> {
        DataKey::of_raw(&self.0, &["encrypt", "decrypt"]).await
    }
}
