//! What the phone knows without a PIN: who uses it, their sealed keys, how often
//! a PIN was wrong, and what was wiped last. No personal data but the login
//! name, which the PIN screen shows.

use doorstep_core::ids::{CommandId, DeviceId, UserId};
use doorstep_core::sealing::SealedKey;
use doorstep_core::store::{Durability, StoreError};
use js_sys::Array;
use wasm_bindgen::{JsCast, JsValue};

use super::crypto::{DeviceKeys, Envelope};
use super::indexed_db::{IndexedDb, KEY, RowWrite};
use crate::browser::{buffer_of, bytes_of, get, object, set};

const NAME: &str = "doorstep-device";
const USERS: &str = "user";
const NOTICES: &str = "notice";

/// Something small that is remembered without a PIN.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Note {
    /// What was wiped last.
    Wiped,
    /// What was chosen for this phone.
    Choices,
}

impl Note {
    fn key(self) -> &'static str {
        match self {
            Self::Wiped => "wiped",
            Self::Choices => "choices",
        }
    }

    fn row(self, value: &[u8]) -> RowWrite {
        let row = object(&[(KEY, JsValue::from_str(self.key())), ("value", buffer_of(value))]);
        RowWrite::Put(NOTICES, row.into())
    }
}

/// One user of this phone.
#[derive(Clone, Debug)]
pub struct UserRow {
    pub user_id: UserId,
    pub login_name: String,
    pub device_id: DeviceId,
    pub keys: DeviceKeys,
    /// Gone when the phone had no contact for long; the sealed copy is left.
    pub envelope: Option<Envelope>,
    /// The copy of the data key that the server can open.
    pub sealed: Option<SealedKey>,
    /// Counts the user's databases here: a new one is begun when the old one's
    /// key is gone.
    pub generation: u32,
    pub wrong_pins: u32,
    /// Milliseconds since 1970 by the phone's clock; 0 for none.
    pub locked_until_ms: f64,
    /// The PIN alone does not open it: the person signed out.
    pub signed_out: bool,
    /// Another copy of the device was seen: the next login is a new device.
    pub forked: bool,
    /// An administrator has locked it: the PIN alone does not open it.
    pub barred: bool,
    /// The last command from afar that was obeyed.
    pub obeyed: Option<CommandId>,
    /// When it was last opened, as [`Self::locked_until_ms`].
    pub used_ms: f64,
    /// When the server last answered, likewise.
    pub contact_ms: f64,
    /// Server time minus the phone's, then.
    pub contact_skew_ms: f64,
    /// Databases whose PIN was forgotten: kept, in case it comes to mind.
    pub earlier: Vec<Earlier>,
}

/// A database of before a forgotten PIN.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Earlier {
    pub generation: u32,
    pub envelope: Envelope,
}

/// Rows of before the passes were tuned have two.
const PASSES_BEFORE: u32 = 2;

fn envelope_members(envelope: &Envelope) -> [(&'static str, JsValue); 4] {
    [
        ("salt", buffer_of(&envelope.salt)),
        ("passes", JsValue::from(envelope.passes)),
        ("iv", buffer_of(&envelope.iv)),
        ("wrapped", buffer_of(&envelope.wrapped)),
    ]
}

fn envelope_of(row: &JsValue) -> Option<Envelope> {
    let wrapped = get(row, "wrapped");
    if wrapped.is_undefined() {
        return None;
    }
    Some(Envelope {
        salt: bytes_of(&get(row, "salt")),
        passes: count_of(row, "passes").max(PASSES_BEFORE),
        iv: bytes_of(&get(row, "iv")),
        wrapped: bytes_of(&wrapped),
    })
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "small counts, written as such")]
fn count_of(row: &JsValue, name: &str) -> u32 {
    get(row, name).as_f64().unwrap_or_default() as u32
}

impl Earlier {
    fn to_row(&self) -> JsValue {
        let row = object(&envelope_members(&self.envelope));
        set(&row, "generation", &JsValue::from(self.generation));
        row.into()
    }

    fn from_row(row: &JsValue) -> Option<Self> {
        Some(Self { generation: count_of(row, "generation"), envelope: envelope_of(row)? })
    }
}

impl UserRow {
    /// The name of the user's database.
    pub fn database(&self) -> String {
        database_name(self.user_id, self.generation)
    }

    fn to_row(&self) -> JsValue {
        let row = object(&[
            (KEY, JsValue::from_str(&self.user_id.to_string())),
            ("login_name", JsValue::from_str(&self.login_name)),
            ("device_id", JsValue::from_str(&self.device_id.to_string())),
            ("signing", self.keys.signing.clone().into()),
            ("public_key", JsValue::from_str(&self.keys.public_key)),
            ("secret", self.keys.secret.clone().into()),
            ("generation", JsValue::from(self.generation)),
            ("wrong_pins", JsValue::from(self.wrong_pins)),
            ("locked_until_ms", JsValue::from(self.locked_until_ms)),
            ("signed_out", JsValue::from(self.signed_out)),
            ("forked", JsValue::from(self.forked)),
            ("barred", JsValue::from(self.barred)),
            ("used_ms", JsValue::from(self.used_ms)),
            ("contact_ms", JsValue::from(self.contact_ms)),
            ("contact_skew_ms", JsValue::from(self.contact_skew_ms)),
            ("earlier", self.earlier.iter().map(Earlier::to_row).collect::<Array>().into()),
        ]);
        for (name, value) in self.envelope.iter().flat_map(envelope_members) {
            set(&row, name, &value);
        }
        if let Some(obeyed) = self.obeyed {
            set(&row, "obeyed", &JsValue::from_str(&obeyed.to_string()));
        }
        if let Some(sealed) = self.sealed.as_ref().and_then(|sealed| doorstep_core::json::write(sealed).ok())
        {
            set(&row, "sealed", &buffer_of(&sealed));
        }
        row.into()
    }

    fn from_row(row: &JsValue) -> Option<Self> {
        let word = |name| get(row, name).as_string();
        Some(Self {
            user_id: word(KEY)?.parse().ok()?,
            login_name: word("login_name")?,
            device_id: word("device_id")?.parse().ok()?,
            keys: DeviceKeys {
                signing: get(row, "signing").dyn_into().ok()?,
                public_key: word("public_key")?,
                secret: get(row, "secret").dyn_into().ok()?,
            },
            envelope: envelope_of(row),
            generation: count_of(row, "generation"),
            wrong_pins: count_of(row, "wrong_pins"),
            locked_until_ms: get(row, "locked_until_ms").as_f64().unwrap_or_default(),
            signed_out: get(row, "signed_out").is_truthy(),
            forked: get(row, "forked").is_truthy(),
            barred: get(row, "barred").is_truthy(),
            obeyed: word("obeyed").and_then(|id| id.parse().ok()),
            used_ms: get(row, "used_ms").as_f64().unwrap_or_default(),
            contact_ms: get(row, "contact_ms").as_f64().unwrap_or_default(),
            contact_skew_ms: get(row, "contact_skew_ms").as_f64().unwrap_or_default(),
            sealed: doorstep_core::json::read(&bytes_of(&get(row, "sealed"))).ok(),
            earlier: Array::from(&get(row, "earlier"))
                .iter()
                .filter_map(|row| Earlier::from_row(&row))
                .collect(),
        })
    }
}

/// The name of a user's database.
pub fn database_name(user: UserId, generation: u32) -> String {
    match generation {
        0 => format!("doorstep-{user}"),
        later => format!("doorstep-{user}-{later}"),
    }
}

/// The phone's own database.
#[derive(Debug)]
pub struct DeviceStore(IndexedDb);

impl DeviceStore {
    /// Opens it, or makes it.
    ///
    /// # Errors
    /// When the browser does not let us.
    pub async fn open() -> Result<Self, StoreError> {
        IndexedDb::open(NAME.to_owned(), &[USERS, NOTICES]).await.map(Self)
    }

    /// Everybody who uses this phone.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn users(&self) -> Result<Vec<UserRow>, StoreError> {
        Ok(self.0.scan(USERS, "").await?.iter().filter_map(UserRow::from_row).collect())
    }

    /// One user.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn user(&self, user: UserId) -> Result<Option<UserRow>, StoreError> {
        Ok(self.0.get(USERS, &user.to_string()).await?.as_ref().and_then(UserRow::from_row))
    }

    /// Writes a user, down to the disk.
    ///
    /// # Errors
    /// When it cannot be written.
    pub async fn save(&self, user: &UserRow) -> Result<(), StoreError> {
        self.0.write(&[RowWrite::Put(USERS, user.to_row())], Durability::Strict).await
    }

    /// What was noted.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn note(&self, note: Note) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.0.get(NOTICES, note.key()).await?.map(|row| bytes_of(&get(&row, "value"))))
    }

    /// Notes something, down to the disk.
    ///
    /// # Errors
    /// When it cannot be written.
    pub async fn put_note(&self, note: Note, value: &[u8]) -> Result<(), StoreError> {
        self.0.write(&[note.row(value)], Durability::Strict).await
    }

    /// It need not be remembered any longer.
    ///
    /// # Errors
    /// When it cannot be written.
    pub async fn drop_note(&self, note: Note) -> Result<(), StoreError> {
        self.0.write(&[RowWrite::Delete(NOTICES, note.key().to_owned())], Durability::Strict).await
    }

    /// Forgets a user and deletes their databases, which takes with it what was
    /// not sent. A notice of it is on the disk as soon as the user is gone from
    /// there, unless there is no room for it.
    ///
    /// # Errors
    /// When the browser does not let us.
    pub async fn forget(&self, user: &UserRow, notice: Option<&[u8]>) -> Result<(), StoreError> {
        let gone = RowWrite::Delete(USERS, user.user_id.to_string());
        let kept = notice.map(|notice| Note::Wiped.row(notice));
        let writes: Vec<RowWrite> = [gone.clone()].into_iter().chain(kept).collect();
        match self.0.write(&writes, Durability::Strict).await {
            Err(StoreError::Full) => self.0.write(&[gone], Durability::Strict).await?,
            done => done?,
        }
        for earlier in &user.earlier {
            IndexedDb::delete(&database_name(user.user_id, earlier.generation)).await?;
        }
        IndexedDb::delete(&user.database()).await
    }
}
