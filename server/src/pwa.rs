//! The app for phones, served from inside the program or from a folder.
//!
//! The build writes every file with `.br` and `.gz` siblings; what is sent is
//! the smallest that the browser takes. Files with a hash in their name never
//! change; the shell (`index.html`, `sw.js`, the manifest) is asked for again
//! each time. A path that is no file is a page of the app.

use std::borrow::Cow;
use std::path::{Component, Path, PathBuf};

use actix_web::http::Method;
use actix_web::http::header::{
    ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, ETAG, IF_NONE_MATCH, VARY,
};
use actix_web::{HttpRequest, HttpResponse};
use doorstep_core::hash::ContentHash;
use doorstep_core::problem::ProblemCode;

use crate::error::Result;

const SHELL: &str = "index.html";
const NEVER_CHANGES: &str = "public, max-age=31536000, immutable";
const ASK_AGAIN: &str = "no-cache";
/// Hashes in file names have at least so many digits.
const NAME_HASH_DIGITS_MIN: usize = 8;

const NOT_BUILT: &str = "<!doctype html><html lang=\"zh-CN\"><meta charset=\"utf-8\"><title>Doorstep</title>\
<h1>应用尚未构建</h1><p>服务器已在运行,但其中没有网页应用。请运行 <code>cargo xtask dist</code> 后重新启动。\
<h1 lang=\"en\">The app is not built</h1><p lang=\"en\">The server is running without the app inside. \
Run <code>cargo xtask dist</code> and start it again.</html>";

/// Where the app's files are.
#[derive(Clone, Debug)]
pub enum Pwa {
    /// There is none, and whoever asks for it is told how to build it.
    Nowhere,
    /// In the program: a file by its name.
    Inside(fn(&str) -> Option<Cow<'static, [u8]>>),
    Folder(PathBuf),
}

impl Pwa {
    fn file(&self, name: &str) -> Option<Cow<'static, [u8]>> {
        match self {
            Self::Nowhere => None,
            Self::Inside(file) => file(name),
            Self::Folder(folder) => {
                let inside = Path::new(name).components().all(|part| matches!(part, Component::Normal(_)));
                inside.then(|| std::fs::read(folder.join(name)).ok()).flatten().map(Cow::Owned)
            }
        }
    }
}

/// Answers with a file, or with the shell for a page of the app.
pub(crate) fn serve(request: &HttpRequest, pwa: &Pwa) -> Result<HttpResponse> {
    if request.method() != Method::GET && request.method() != Method::HEAD {
        return Err(ProblemCode::NotFound.into());
    }
    let path = request.path().trim_start_matches('/');
    let name = if path.is_empty() { SHELL } else { path };
    if let Some(answer) = file(request, pwa, name) {
        return Ok(answer);
    }
    if looks_like_a_file(name) && name != SHELL {
        return Err(ProblemCode::NotFound.into());
    }
    Ok(file(request, pwa, SHELL).unwrap_or_else(|| {
        HttpResponse::Ok()
            .insert_header((CONTENT_TYPE, "text/html; charset=utf-8"))
            .insert_header((CACHE_CONTROL, ASK_AGAIN))
            .body(NOT_BUILT)
    }))
}

fn file(request: &HttpRequest, pwa: &Pwa, name: &str) -> Option<HttpResponse> {
    // An empty one stands where the build of the app is not done yet.
    let plain = pwa.file(name).filter(|bytes| !bytes.is_empty())?;
    let (bytes, encoding) = [("br", "br"), ("gzip", "gz")]
        .into_iter()
        .filter(|(encoding, _)| accepts(request, encoding))
        .find_map(|(encoding, ending)| Some((pwa.file(&format!("{name}.{ending}"))?, Some(encoding))))
        .unwrap_or((plain, None));
    let tag = format!("\"{}\"", ContentHash::of(&bytes));
    let unchanged = request
        .headers()
        .get(IF_NONE_MATCH)
        .and_then(|tags| tags.to_str().ok())
        .is_some_and(|tags| tags.contains(&tag));
    let mut answer = if unchanged { HttpResponse::NotModified() } else { HttpResponse::Ok() };
    answer
        .insert_header((CONTENT_TYPE, content_type(name)))
        .insert_header((CACHE_CONTROL, if has_hash_in_name(name) { NEVER_CHANGES } else { ASK_AGAIN }))
        .insert_header((ETAG, tag))
        .insert_header((VARY, "accept-encoding"));
    if let Some(encoding) = encoding {
        answer.insert_header((CONTENT_ENCODING, encoding));
    }
    Some(if unchanged { answer.finish() } else { answer.body(bytes.into_owned()) })
}

/// Whether the browser takes an encoding: named, and not with `q=0`.
fn accepts(request: &HttpRequest, encoding: &str) -> bool {
    let Some(accepted) = request.headers().get(ACCEPT_ENCODING).and_then(|value| value.to_str().ok()) else {
        return false;
    };
    accepted.split(',').any(|part| {
        let (name, parameters) = part.split_once(';').unwrap_or((part, ""));
        let refused = matches!(parameters.trim().trim_start_matches("q="), "0" | "0.0" | "0.00" | "0.000");
        name.trim().eq_ignore_ascii_case(encoding) && !refused
    })
}

fn looks_like_a_file(name: &str) -> bool {
    name.rsplit('/').next().is_some_and(|last| last.contains('.'))
}

/// `app-1a2b3c4d5e6f.js`: a part of the name is hexadecimal digits, with a
/// figure among them so that it is no word.
fn has_hash_in_name(name: &str) -> bool {
    name.split(['/', '-', '_', '.']).any(|part| {
        part.len() >= NAME_HASH_DIGITS_MIN
            && part.bytes().all(|byte| byte.is_ascii_hexdigit())
            && part.bytes().any(|byte| byte.is_ascii_digit())
    })
}

fn content_type(name: &str) -> &'static str {
    match name.rsplit('.').next().unwrap_or_default() {
        "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "wasm" => "application/wasm",
        "json" | "map" => "application/json",
        "webmanifest" => "application/manifest+json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "webp" => "image/webp",
        "ico" => "image/vnd.microsoft.icon",
        "woff2" => "font/woff2",
        "txt" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_what_never_changes() {
        for name in ["app-1a2b3c4d.js", "assets/x.0123456789abcdef.css", "app_9f8e7d6c5b4a_bg.wasm"] {
            assert!(has_hash_in_name(name), "{name}");
        }
        for name in [
            "index.html",
            "sw.js",
            "manifest.webmanifest",
            "app-deadbeef.js",
            "icon-192.png",
            "20260101.js.txt/x",
        ] {
            assert_eq!(has_hash_in_name(name), name.starts_with("2026"), "{name}");
        }
    }

    #[test]
    fn nothing_outside_of_the_folder_is_read() {
        let pwa = Pwa::Folder(PathBuf::from("/etc/ssl"));
        assert!(pwa.file("../passwd").is_none());
        assert!(pwa.file("/etc/passwd").is_none());
    }
}
