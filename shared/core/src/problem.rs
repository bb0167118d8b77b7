//! Every error a client can see: one line each, in both languages, with what
//! to do next. Sent as RFC 9457 problems.

use serde::{Deserialize, Serialize};

use crate::case::PropertyConflict;
use crate::text::{Language, LocalText};

macro_rules! problems {
    ($($name:ident, $code:literal, $status:literal, $zh:literal, $en:literal;)*) => {
        /// A stable code of a problem. Codes are added, never changed.
        #[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
        pub enum ProblemCode {
            $(#[doc = $en] #[serde(rename = $code)] $name,)*
        }

        impl ProblemCode {
            /// Every code.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// The stable word.
            pub fn code(self) -> &'static str {
                match self { $(Self::$name => $code,)* }
            }

            /// The HTTP status it is sent with.
            pub fn status(self) -> u16 {
                match self { $(Self::$name => $status,)* }
            }

            /// What happened and what to do next, for people.
            pub fn message(self) -> LocalText {
                match self { $(Self::$name => LocalText::new($zh, $en),)* }
            }
        }
    };
}

problems! {
    InvalidCredentials, "invalid_credentials", 401, "账号或密码不正确,请检查后重新输入。", "The login name or password is wrong. Check both and try again.";
    AccountLocked, "account_locked", 423, "密码多次输错,账号已暂时锁定。请稍后再试,或联系管理员。", "Too many wrong passwords: the account is locked for a while. Try again later or ask an administrator.";
    AccountDisabled, "account_disabled", 403, "账号已停用,请联系管理员。手机上未上传的记录不会丢失。", "The account is disabled. Ask an administrator. Unsent records on the phone are kept.";
    SessionExpired, "session_expired", 401, "登录已过期,请重新登录。未上传的记录仍在手机上。", "The login has expired. Log in again. Unsent records are still on the phone.";
    DeviceUnknown, "device_unknown", 401, "此设备未登记或已被撤销,请重新登录。", "This device is not registered or was revoked. Log in again.";
    LoginNotFresh, "login_not_fresh", 403, "为保护手机上的内容,这一步需要刚刚登录过。请重新输入账号和密码。", "To protect what is on the phone, this needs a login of just now. Enter the login name and password again.";
    SealedKeyUnknown, "sealed_key_unknown", 422, "服务器打不开这部手机的备用密钥(可能是别人的,或服务器换过密钥)。手机上加密的内容仍在,想起旧 PIN 码后可以找回。", "The server cannot open this phone's spare key: it is somebody else's, or the server's own key was changed. What is on the phone stays there, encrypted, and can be brought back with the old PIN.";
    DeviceTaken, "device_taken", 409, "此设备身份已由另一账号使用。请在应用中重新添加账号,以取得新的设备身份。", "This device identity belongs to another account. Add the account again in the app to take a new one.";
    NoPermission, "no_permission", 403, "您没有执行此操作的权限。如确有需要,请联系管理员。", "You are not allowed to do this. Ask an administrator if you need to.";
    NotFound, "not_found", 404, "没有找到,可能已被移走,或不在您的范围内。", "Not found. It may have moved, or lies outside your area.";
    CaseUnknown, "case_unknown", 404, "没有找到该对象,可能已转出您的片区。请同步后再试。", "This case is not known, or has moved out of your area. Sync and try again.";
    MethodNotAllowed, "method_not_allowed", 405, "此地址不支持这种操作。", "This address does not support that method.";
    InvalidRequest, "invalid_request", 400, "请求内容有误,请按提示修改后重试。", "The request is not valid. Correct what is named and try again.";
    TooLarge, "too_large", 413, "内容过大,请减小后重试。", "This is too large. Make it smaller and try again.";
    TooManyRequests, "too_many_requests", 429, "请求过于频繁,请稍候再试。", "Too many requests. Wait a little and try again.";
    AppTooOld, "app_too_old", 426, "应用版本过旧,请先更新再接收数据。已填写的内容可以照常上传。", "This version of the app is too old to receive data. Update it first. What you captured can still be sent.";
    OperationGap, "operation_gap", 409, "上传顺序有缺漏,手机将自动从缺漏处重传。", "Operations are missing before these. The phone sends again from the gap by itself.";
    DeviceForked, "device_forked", 409, "检测到同一设备身份被使用了两次。请重新登录,手机会更换身份并重传;未上传的记录仍在手机上。", "Two copies of this device are sending. Log in again: the phone then takes a new identity and sends again. Unsent records are still on the phone.";
    NotReviewable, "not_reviewable", 409, "该记录已处理过,请刷新查看最新状态。", "This submission was decided already. Refresh to see where it stands.";
    OwnSubmission, "own_submission", 403, "不能审核自己填写的记录,请由他人审核。", "You cannot review what you captured yourself. Somebody else has to.";
    CommentRequired, "comment_required", 400, "退回或不予通过时必须写明原因。", "Say why when you return or reject a submission.";
    MediaMissing, "media_missing", 409, "照片或签字尚未全部上传,暂不能通过。请等手机上传完成。", "Photos or signatures have not all arrived, so this cannot be approved yet. Wait until the phone has sent them.";
    MediaQuarantined, "media_quarantined", 409, "有照片或文件未通过安全检查,已隔离保存,不能查看,记录也暂不能通过。请退回重新拍摄。", "A photo or file did not pass the safety check. It is kept in quarantine and not shown, and the submission cannot be approved. Return it, so that it is taken again.";
    CaseMovedOn, "case_moved_on", 409, "台账在填写之后已有变化,请逐项确认以哪个为准。", "The ledger changed after this was captured. Decide field by field which value holds.";
    FormInvalid, "form_invalid", 409, "按表单规则复核时发现问题,不能通过,请退回更正。", "The answers break the form's rules, so this cannot be approved. Return it for correction.";
    MediaNotExpected, "media_not_expected", 404, "没有记录需要这个文件。请先上传记录,再上传照片。", "No submission expects this file. Send the submission first, then the photo.";
    MediaHashMismatch, "media_hash_mismatch", 422, "文件在传输中损坏(校验不一致),手机将自动重传。", "The file was damaged on its way (its hash differs). The phone sends it again by itself.";
    SealedFileUnreadable, "sealed_file_unreadable", 422, "服务器解不开这个加密的文件,没有保存。输入 PIN 码后,手机会自动重新上传。", "The server cannot open this sealed file and has kept nothing of it. Enter the PIN: the phone then sends it again by itself.";
    UploadUnknown, "upload_unknown", 404, "这个文件还没有开始上传,或上传已过期。手机会从头上传。", "No upload of this file is under way, or it has expired. The phone begins it again by itself.";
    UploadLengthDiffers, "upload_length_differs", 422, "文件大小与记录中写明的不一致,请重新提交记录。", "The file's length is not what the submission announced. Send the submission again.";
    UploadOffsetDiffers, "upload_offset_differs", 409, "续传位置与服务器已收到的不一致,手机将自动从正确的位置继续。", "The server has more or less of this file than was assumed. The phone goes on from the right place by itself.";
    UploadBusy, "upload_busy", 423, "这个文件正由另一个连接上传,请稍候再试。", "Another connection is sending this file. Try again in a moment.";
    UploadVersionUnknown, "upload_version_unknown", 412, "服务器只支持 tus 1.0.0 上传协议,请更新客户端。", "The server speaks version 1.0.0 of the tus protocol. Update the client.";
    UploadTypeWrong, "upload_type_wrong", 415, "上传内容的类型必须是 application/offset+octet-stream。", "The content type of an upload is application/offset+octet-stream. Correct it and try again.";
    UploadChecksumMismatch, "upload_checksum_mismatch", 460, "这一段在传输中损坏(校验不一致),已丢弃,手机将自动重传。", "This piece was damaged on its way (its checksum differs) and was dropped. The phone sends it again by itself.";
    UploadQuotaReached, "upload_quota_reached", 429, "今天上传的文件已达上限,手机会保留照片,明天自动继续;如需提高上限请联系管理员。", "This is as much as one person may upload in a day. The phone keeps the photos and goes on tomorrow; ask an administrator to raise the limit.";
    FileAddressOver, "file_address_over", 403, "文件的访问地址已过期或无效,请刷新后再试。", "The address of this file has run out or was altered. Refresh to get a new one.";
    RangeNotSatisfiable, "range_not_satisfiable", 416, "文件没有那么长,请从头读取。", "The file is shorter than the range that was asked for. Read it from its beginning.";
    MediaNotAnImage, "media_not_an_image", 415, "这不是可用的图片(仅支持 JPEG、PNG、WebP)。请重新拍摄。", "This is not a usable picture (JPEG, PNG or WebP). Take it again.";
    MediaTooManyPixels, "media_too_many_pixels", 413, "图片像素过大,服务器拒绝解码。请用应用内拍照重新拍摄。", "The picture has too many pixels to be decoded safely. Take it again with the app.";
    StorageFull, "storage_full", 507, "服务器存储写入失败,请联系管理员。手机会保留照片并稍后重传。", "The server could not store the file. Tell an administrator. The phone keeps the photo and tries again.";
    Unavailable, "unavailable", 503, "服务器暂时不可用,请稍后再试。手机上的内容不受影响。", "The server is not available for the moment. Try again later. Nothing on the phone is affected.";
    Internal, "internal", 500, "服务器内部错误,已记录。请稍后再试,或把编号告诉管理员。", "Something went wrong on the server and was logged. Try again later, or give an administrator the number.";
}

/// One place in a request that is wrong.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct FieldProblem {
    /// A JSON pointer into the request (RFC 6901), or a form node path.
    pub pointer: String,
    pub detail: LocalText,
}

/// An RFC 9457 problem document, `application/problem+json`.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Problem {
    /// `urn:doorstep:problem:{code}`.
    #[serde(rename = "type")]
    pub type_uri: String,
    /// The message in the language that the client asked for.
    pub title: String,
    pub status: u16,
    pub code: ProblemCode,
    /// The message in both languages.
    pub message: LocalText,
    /// What is particular to this occurrence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// What to tell an administrator.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldProblem>,
    /// With `operation_gap`: the sequence number the server waits for; with
    /// `upload_offset_differs`: the offset.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expect: Option<u64>,
    /// With `account_locked`, `too_many_requests`, `unavailable`,
    /// `upload_busy`, `upload_quota_reached`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_s: Option<u64>,
    /// With `case_moved_on`: the case's version now, and what conflicts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub case_version: Option<u64>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub conflicts: Vec<PropertyConflict>,
}

impl Problem {
    /// The plain problem of a code, with its title in `language`.
    pub fn new(code: ProblemCode, language: Language) -> Self {
        let message = code.message();
        Self {
            type_uri: format!("urn:doorstep:problem:{}", code.code()),
            title: message.get(language).to_owned(),
            status: code.status(),
            code,
            message,
            detail: None,
            request_id: None,
            errors: Vec::new(),
            expect: None,
            retry_after_s: None,
            case_version: None,
            conflicts: Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_both_languages_and_reads_back() -> Result<(), serde_json::Error> {
        for code in ProblemCode::ALL {
            let message = code.message();
            assert!(!message.zh.is_empty() && !message.en.is_empty(), "{code:?}");
            assert!((400..600).contains(&code.status()), "{code:?}");
            let text = serde_json::to_string(&Problem::new(*code, Language::En))?;
            assert_eq!(serde_json::from_str::<Problem>(&text)?.code, *code);
            assert!(text.contains(code.code()));
        }
        Ok(())
    }
}
