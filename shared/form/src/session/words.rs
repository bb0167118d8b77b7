//! The engine's own few words, for when the author of a form gave none.

use crate::view::ProblemKind;

/// Chinese for languages named so, English for all others.
pub(super) fn is_chinese(language: &str) -> bool {
    language.contains("(zh")
        || language.starts_with("zh")
        || language.contains("中文")
        || language.contains("汉语")
}

pub(super) fn problem(kind: ProblemKind, chinese: bool) -> &'static str {
    match (kind, chinese) {
        (ProblemKind::Required, true) => "此项必填",
        (ProblemKind::Required, false) => "This answer is required",
        (ProblemKind::Constraint, true) => "答案不符合要求",
        (ProblemKind::Constraint, false) => "This answer is not allowed",
        (ProblemKind::NotAChoice, true) => "所选项不在当前可选范围内,请重新选择",
        (ProblemKind::NotAChoice, false) => "This choice is no longer offered; choose again",
        (ProblemKind::Incomplete, true) => "选项没有全部排序,请重新排序",
        (ProblemKind::Incomplete, false) => "Not every choice is in the order; order them again",
        (ProblemKind::WrongType, true) => "格式不正确",
        (ProblemKind::WrongType, false) => "This is not written as it should be",
        (ProblemKind::NotStored, true) => "此答案已保存,但表单要据此填写的内容无法存入,请告知制表人",
        (ProblemKind::NotStored, false) => {
            "This answer is kept, but what the form fills in with it could not be stored; tell whoever made the form"
        }
        (ProblemKind::Failed, true) => "无法检查此项",
        (ProblemKind::Failed, false) => "This answer could not be checked",
    }
}

pub(super) fn confirmed(chinese: bool) -> &'static str {
    if chinese { "已确认" } else { "Confirmed" }
}

pub(super) fn list_separator(chinese: bool) -> &'static str {
    if chinese { "、" } else { ", " }
}
