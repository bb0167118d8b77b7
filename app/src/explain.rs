//! What to tell a person when something did not work, in both languages: what
//! happened, and what to do next.

use doorstep_core::phone::backup::BackupError;
use doorstep_core::phone::{Failure, PhoneError};
use doorstep_core::problem::{Problem, ProblemCode};
use doorstep_core::store::StoreError;
use doorstep_core::text::LocalText;

/// An error that can be said to a person.
pub trait Explain {
    /// The sentence: `error.explain().get(language)`.
    fn explain(&self) -> LocalText;
}

impl Explain for Failure {
    fn explain(&self) -> LocalText {
        match self {
            Self::NoConnection => LocalText::new(
                "连不上服务器。内容都保存在手机上,有网络后会自动上传。",
                "The server cannot be reached. Everything is kept on the phone and is sent when there is a network.",
            ),
            Self::LoginNeeded => ProblemCode::SessionExpired.message(),
            Self::Problem(problem) => problem.explain(),
            Self::Store(error) => error.explain(),
        }
    }
}

impl Explain for Problem {
    fn explain(&self) -> LocalText {
        self.message.clone()
    }
}

impl Explain for StoreError {
    fn explain(&self) -> LocalText {
        match self {
            Self::Full => LocalText::new(
                "手机存储空间已满,刚才的内容没有存下。请先同步或清理手机空间,再试一次;也可以在“我的”里导出备份文件。之前保存的内容都在。",
                "The phone's storage is full, and the last entry was not saved. Sync or free some space, then try again; under “Me” you can save a backup file. What was saved before is safe.",
            ),
            Self::Locked => LocalText::new("已锁定,请输入 PIN 码。", "Locked. Enter the PIN."),
            Self::Lost(_) => LocalText::new(
                "浏览器关闭了本地数据库。请刷新页面,已保存的内容不会丢失。",
                "The browser closed the local database. Reload the page; what was saved is safe.",
            ),
            Self::Gone => LocalText::new(
                "浏览器清除了走访保存在这部手机上的全部数据,未上传的记录和草稿已不在手机上。请刷新页面后重新登录,并把情况告诉管理员;今后请把走访添加到主屏幕,并保持手机有剩余空间。",
                "The browser deleted everything that Doorstep kept on this phone; drafts and records that were not sent are no longer here. Reload the page, log in again, and tell an administrator. To prevent it, add Doorstep to the home screen and keep some space free.",
            ),
            Self::Unreadable(_) => LocalText::new(
                "有一条本地记录无法读取。请不要清除浏览器数据,并联系管理员。",
                "A record on this phone cannot be read. Do not clear the browser's data; ask an administrator.",
            ),
        }
    }
}

impl Explain for BackupError {
    fn explain(&self) -> LocalText {
        match self {
            Self::NoBackup => LocalText::new(
                "这不是走访的备份文件,或来自更新的版本。请选择以 .backup 结尾的文件,或先更新本应用。",
                "This is no backup file of Doorstep, or one of a newer version. Choose a file that ends in .backup, or update the app first.",
            ),
            Self::Damaged => LocalText::new(
                "备份文件不完整或被改动过,没有导入任何内容。请换一份拷贝再试。",
                "The backup file is not whole or was altered; nothing was brought in. Try another copy of it.",
            ),
            Self::OtherPerson => LocalText::new(
                "这份备份属于另一个账号。请用当时的账号登录后再导入。",
                "This backup belongs to another account. Log in as the person who saved it, then bring it in.",
            ),
        }
    }
}

impl Explain for PhoneError {
    fn explain(&self) -> LocalText {
        match self {
            Self::Store(error) => error.explain(),
            Self::CaseUnknown(_) => ProblemCode::CaseUnknown.message(),
            Self::FormUnknown(_) | Self::FormVersionUnknown(_) => LocalText::new(
                "表单还没有下载到手机。请联网同步后再试。",
                "The form is not on this phone yet. Go online, sync, and try again.",
            ),
            Self::DraftUnknown(_) => LocalText::new(
                "没有找到这份草稿,可能已经提交或已删除。请看“发件箱”。",
                "This draft is not here: it was finished or thrown away. Look in the outbox.",
            ),
            Self::NotReturned(_) => LocalText::new(
                "这条记录没有被退回,不需要更正。",
                "This record was not returned, so there is nothing to correct.",
            ),
            Self::MediaUnknown(_) => {
                LocalText::new("手机上没有这张照片。", "This photo is not on the phone.")
            }
            Self::FormBroken { .. } => LocalText::new(
                "表单有误,无法打开。请告诉管理员。",
                "The form has a mistake and does not open. Tell an administrator.",
            ),
            Self::Answer { .. } => {
                LocalText::new("这个回答没有存下,请再填一次。", "This answer was not taken. Enter it again.")
            }
            Self::Backup(error) => error.explain(),
            Self::Encoding(_) => LocalText::new(
                "保存失败,草稿仍在。请再试一次,或告诉管理员。",
                "Saving failed; the draft is still here. Try again or tell an administrator.",
            ),
        }
    }
}
