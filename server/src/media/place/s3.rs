//! A bucket of S3: set up from the `AWS_…` variables, the settings file and
//! the address, and tried.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use actix_web::http::Uri;
use object_store::aws::{AmazonS3, AmazonS3Builder, AmazonS3ConfigKey};
use object_store::client::{HttpClient, HttpConnector};
use object_store::path::Path as StoreKey;
use object_store::prefix::PrefixStore;
use object_store::{ClientConfigKey, ClientOptions, Error, ObjectStore, ObjectStoreExt, RetryConfig};

use super::{Bucket, PlaceError};
use crate::tls;

/// Whoever waits for an answer is a phone, and tries again by itself.
const RETRIES: usize = 3;
const RETRIES_WITHIN: Duration = Duration::from_secs(20);
const CONNECTED_WITHIN: Duration = Duration::from_secs(5);
/// The largest file, through a slow line.
const ANSWERS_WITHIN: Duration = Duration::from_secs(60);
/// Written and taken away when the server starts.
const TRIAL: &str = "trials/doorstep";

pub(super) async fn open(bucket: &Bucket) -> Result<Arc<dyn ObjectStore>, PlaceError> {
    tls::use_ring();
    let store = set_up(bucket)?;
    let store: Arc<dyn ObjectStore> = match bucket.prefix.as_str() {
        "" => Arc::new(store),
        prefix => Arc::new(PrefixStore::new(store, prefix)),
    };
    try_out(store.as_ref()).await.map_err(|error| refusal(bucket, error))?;
    Ok(store)
}

fn set_up(bucket: &Bucket) -> Result<AmazonS3, PlaceError> {
    let unusable =
        |cause: Error| PlaceError::Unusable { place: bucket.to_string(), cause: cause.to_string() };
    let retry = RetryConfig { max_retries: RETRIES, retry_timeout: RETRIES_WITHIN, ..RetryConfig::default() };
    let mut builder = AmazonS3Builder::from_env().with_retry(retry);
    for (name, value) in &bucket.settings {
        let key: AmazonS3ConfigKey = name.parse().map_err(|_| PlaceError::Setting(name.clone()))?;
        builder = builder.with_config(key, value);
    }
    builder = builder.with_bucket_name(&bucket.name);
    let said = |key: AmazonS3ConfigKey| builder.get_config_value(&key).filter(|value| !value.is_empty());
    let is_true = |key: AmazonS3ConfigKey| said(key).is_some_and(|value| value.eq_ignore_ascii_case("true"));
    let endpoint = said(AmazonS3ConfigKey::S3Endpoint).or_else(|| said(AmazonS3ConfigKey::Endpoint));
    if let Some(endpoint) = endpoint {
        // Elsewhere than at Amazon no other keys are to be had: better said
        // now than after a minute of asking for them.
        if said(AmazonS3ConfigKey::AccessKeyId).is_none() && !is_true(AmazonS3ConfigKey::SkipSignature) {
            return Err(PlaceError::NoKeys(endpoint));
        }
        if is_here(&endpoint) {
            builder = builder.with_allow_http(true).with_http_connector(Direct);
        } else if endpoint.starts_with("http://")
            && !is_true(AmazonS3ConfigKey::Client(ClientConfigKey::AllowHttp))
        {
            return Err(PlaceError::Plain(endpoint));
        }
    }
    builder.build().map_err(unusable)
}

/// Whether an endpoint is on this machine.
fn is_here(endpoint: &str) -> bool {
    let uri = endpoint.parse::<Uri>().ok();
    let host = uri.as_ref().and_then(Uri::host).unwrap_or_default();
    let address = host.trim_matches(['[', ']']).parse::<IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

/// To this machine, whatever proxy others are reached through.
#[derive(Debug)]
struct Direct;

impl HttpConnector for Direct {
    fn connect(&self, _: &ClientOptions) -> object_store::Result<HttpClient> {
        let client = reqwest::Client::builder()
            .no_proxy()
            .connect_timeout(CONNECTED_WITHIN)
            .timeout(ANSWERS_WITHIN)
            .build()
            .map_err(|cause| Error::Generic { store: "S3", source: Box::new(cause) })?;
        Ok(HttpClient::new(client))
    }
}

/// Everything that the server will ask of it; first what changes nothing.
async fn try_out(store: &dyn ObjectStore) -> Result<(), Error> {
    let trial = StoreKey::from(TRIAL);
    store.list_with_delimiter(Some(&StoreKey::from("trials"))).await?;
    store.put(&trial, "doorstep".into()).await?;
    store.get(&trial).await?.bytes().await?;
    store.delete(&trial).await
}

fn refusal(bucket: &Bucket, error: Error) -> PlaceError {
    let (place, cause) = (bucket.to_string(), innermost(&error));
    // Whoever lists gets the answer as it came.
    let says = |words: &str| cause.contains(words);
    match error {
        Error::NotFound { .. } => PlaceError::NoBucket { place },
        Error::PermissionDenied { .. } | Error::Unauthenticated { .. } => {
            PlaceError::Refused { place, cause }
        }
        _ if says("NoSuchBucket") => PlaceError::NoBucket { place },
        _ if says("403 Forbidden") || says("401 Unauthorized") => PlaceError::Refused { place, cause },
        _ => PlaceError::Unreachable { place, cause },
    }
}

/// The cause of the cause: what surrounds it names types and URLs.
fn innermost(error: &(dyn std::error::Error + 'static)) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}

#[cfg(test)]
mod tests {
    use super::super::{MediaPlace, S3Settings};
    use super::*;

    fn set_up_at(url: &str, settings: &[(&str, &str)]) -> Result<(), PlaceError> {
        tls::use_ring();
        let settings: S3Settings =
            settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        match MediaPlace::read(url, &settings)? {
            MediaPlace::S3(bucket) => set_up(&bucket).map(drop),
            MediaPlace::Folder(_) => Err(PlaceError::WithoutS3),
        }
    }

    #[test]
    fn what_is_wrong_is_said_before_anybody_is_asked() {
        let keys = [("access_key_id", "me"), ("secret_access_key", "hush")];
        assert!(set_up_at("s3://photos?endpoint=http://127.0.0.1:9000", &keys).is_ok());
        assert!(set_up_at("s3://photos?endpoint=http://[::1]:9000", &keys).is_ok());
        assert!(set_up_at("s3://photos?endpoint=http://localhost:9000", &keys).is_ok());
        assert!(set_up_at("s3://photos?endpoint=https://s3.example.org", &keys).is_ok());
        let plain = set_up_at("s3://photos?endpoint=http://s3.example.org", &keys);
        assert!(matches!(plain, Err(PlaceError::Plain(_))), "{plain:?}");
        assert!(set_up_at("s3://photos?endpoint=http://s3.example.org&allow_http=true", &keys).is_ok());
        let none = set_up_at("s3://photos?endpoint=https://s3.example.org", &[]);
        assert!(matches!(none, Err(PlaceError::NoKeys(_))), "{none:?}");
        let unknown = set_up_at("s3://photos?colour=blue", &keys);
        assert!(matches!(unknown, Err(PlaceError::Setting(name)) if name == "colour"));
    }
}
