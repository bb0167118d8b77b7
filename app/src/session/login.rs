//! Logging in: which device introduces itself, and what comes back.

use doorstep_core::api::{DeviceRegistration, LoginAnswer, LoginRequest};
use doorstep_core::ids::DeviceId;
use doorstep_core::phone::Failure;
use doorstep_core::problem::ProblemCode;
use doorstep_core::sealing::OpenedKey;
use doorstep_core::text::Language;

use super::SessionError;
use crate::browser::{get, global};
use crate::store::crypto::{CryptoError, DeviceKeys};
use crate::store::device::UserRow;
use crate::{api, clock};

/// How a phone introduces itself for one user.
#[derive(Clone, Debug)]
pub(super) struct Identity {
    pub device_id: DeviceId,
    pub keys: DeviceKeys,
}

/// A login that was granted and waits for the PIN.
#[derive(Clone, Debug)]
pub(super) struct Granted {
    pub answer: LoginAnswer,
    pub identity: Identity,
    /// The data key of before, which the server opened: a new PIN will do.
    pub opened: Option<OpenedKey>,
}

impl Identity {
    /// A phone that this account never used.
    async fn new() -> Result<Self, CryptoError> {
        Ok(Self { device_id: clock::new_id(), keys: DeviceKeys::generate().await? })
    }

    /// As the phone was known before.
    fn of(row: &UserRow) -> Self {
        Self { device_id: row.device_id, keys: row.keys.clone() }
    }

    /// A new device on the same phone. The secret stays: it is part of what
    /// opens the databases that are here.
    async fn renewed(row: &UserRow) -> Result<Self, CryptoError> {
        let new = Self::new().await?;
        Ok(Self { keys: DeviceKeys { secret: row.keys.secret.clone(), ..new.keys }, ..new })
    }
}

/// Logs in for a new PIN. What is here stays what it is where the server opens
/// the copy of its key; otherwise the login is that of a new device, whose
/// database begins anew.
pub(super) async fn log_in_for_new_pin(
    login_name: &str,
    password: &str,
    row: &UserRow,
    language: Language,
) -> Result<Granted, SessionError> {
    let Some(sealed) = &row.sealed else {
        return log_in(login_name, password, Some(row), true, language).await;
    };
    let mut granted = log_in(login_name, password, Some(row), false, language).await?;
    if granted.answer.me.user_id != row.user_id {
        return Ok(granted);
    }
    match api::open_sealed_key(&granted.answer.tokens.access_token, sealed, language).await {
        Ok(opened) => {
            granted.opened = Some(opened);
            Ok(granted)
        }
        Err(Failure::Problem(problem)) if problem.code == ProblemCode::SealedKeyUnknown => {
            log_in(login_name, password, Some(row), true, language).await
        }
        Err(failure) => Err(SessionError::Failed(failure)),
    }
}

/// Logs in with the device that this user has here, or with a new one when
/// there is none, when it may not be used any more, or when `anew`.
pub(super) async fn log_in(
    login_name: &str,
    password: &str,
    known: Option<&UserRow>,
    anew: bool,
    language: Language,
) -> Result<Granted, SessionError> {
    let Some(row) = known else {
        return ask(login_name, password, Identity::new().await?, language)
            .await
            .map_err(SessionError::Failed);
    };
    if !(anew || row.forked) {
        match ask(login_name, password, Identity::of(row), language).await {
            Err(Failure::Problem(problem))
                if matches!(problem.code, ProblemCode::DeviceUnknown | ProblemCode::DeviceTaken) => {}
            done => return done.map_err(SessionError::Failed),
        }
    }
    let identity = Identity::renewed(row).await?;
    ask(login_name, password, identity, language).await.map_err(SessionError::Failed)
}

async fn ask(
    login_name: &str,
    password: &str,
    identity: Identity,
    language: Language,
) -> Result<Granted, Failure> {
    let agent = get(&global("navigator"), "userAgent").as_string().unwrap_or_default();
    let request = LoginRequest {
        login_name: login_name.to_owned(),
        password: password.to_owned(),
        device: DeviceRegistration {
            device_id: identity.device_id,
            name: device_name(&agent),
            public_key: identity.keys.public_key.clone(),
        },
    };
    let answer = api::log_in(&request, language).await?;
    Ok(Granted { answer, identity, opened: None })
}

/// What a person would recognise: `Chrome 120, Android`.
fn device_name(user_agent: &str) -> String {
    const BROWSERS: [(&str, &str); 7] = [
        ("MicroMessenger/", "WeChat"),
        ("HuaweiBrowser/", "Huawei Browser"),
        ("Edg/", "Edge"),
        ("Firefox/", "Firefox"),
        ("Chrome/", "Chrome"),
        ("CriOS/", "Chrome"),
        ("Version/", "Safari"),
    ];
    const SYSTEMS: [(&str, &str); 7] = [
        ("HarmonyOS", "HarmonyOS"),
        ("Android", "Android"),
        ("iPhone", "iPhone"),
        ("iPad", "iPad"),
        ("Windows", "Windows"),
        ("Mac OS", "Mac"),
        ("Linux", "Linux"),
    ];
    let browser = BROWSERS.iter().find_map(|(mark, name)| {
        let (_, after) = user_agent.split_once(mark)?;
        let version: String = after.chars().take_while(char::is_ascii_digit).collect();
        Some(format!("{name} {version}"))
    });
    let system = SYSTEMS.iter().find(|(mark, _)| user_agent.contains(mark)).map(|(_, name)| *name);
    match (browser, system) {
        (Some(browser), Some(system)) => format!("{browser}, {system}"),
        (Some(browser), None) => browser,
        (None, Some(system)) => system.to_owned(),
        (None, None) => "browser".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_is_named_by_browser_and_system() {
        let pixel = "Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) \
                     Chrome/120.0.0.0 Mobile Safari/537.36";
        assert_eq!(device_name(pixel), "Chrome 120, Android");
        let iphone = "Mozilla/5.0 (iPhone; CPU iPhone OS 16_4 like Mac OS X) AppleWebKit/605.1.15 \
                      (KHTML, like Gecko) Version/16.4 Mobile/15E148 Safari/604.1";
        assert_eq!(device_name(iphone), "Safari 16, iPhone");
        assert_eq!(device_name("手机"), "browser");
    }
}
