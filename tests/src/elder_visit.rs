//! What a grid worker answers in `pack/elder_visit.xlsx`.

/// An answer: the question's path, and the value as XForms writes it.
pub type Answer = (&'static str, &'static str);

/// The form.
pub const FORM: &str = "elder_visit";

/// The photo of the visit.
pub const PHOTO: &str = "/g_n/ph";
/// The worker signs here.
pub const WORKER_SIGNATURE: &str = "/g_sign/sig_w1";
/// The elder signs here.
pub const ELDER_SIGNATURE: &str = "/g_sign/sig_resp";

/// The elder was met at home and all is well. What the case knows (name,
/// category, address, the worker's name) is filled in already; photo and
/// signatures are files.
pub const ORDINARY: &[Answer] = &[
    ("/g_visit/met", "met"),
    ("/g_visit/gps", "34.12345 108.98765 400 8"),
    ("/g_visit/notice_ok", "OK"),
    ("/g_h/h_speak", "good"),
    ("/g_h/h_move", "fair"),
    ("/g_h/h_react", "good"),
    ("/g_h/h_ill", "bp"),
    ("/g_h/h_med", "1"),
    ("/g_h/h_mood", "good"),
    ("/g_e/e_pay", "1"),
    ("/g_e/e_kin", "month"),
    ("/g_e/e_kin_tel", "13800000000"),
    ("/g_e/e_abuse", "none"),
    ("/g_s/s_haz", "none"),
    ("/g_s/s_heat", "1"),
    ("/g_n/n_serv", "none"),
    ("/g_n/n_need", "none"),
    ("/g_n/done", "打扫卫生,聊天"),
    ("/g_sign/sign_how", "sign"),
    ("/g_sign/sign_by", "本人"),
];

/// Nobody opened, and nobody knows where the elder is: the highest alert.
pub const NOBODY_OPENED: &[Answer] = &[
    ("/g_visit/met", "noanswer"),
    ("/g_visit/unmet_note", "敲门无人应"),
    ("/g_visit/gps", "34.12345 108.98765 400 8"),
    ("/g_visit/notice_ok", "OK"),
    ("/g_un/un_steps", "knock call neighbor"),
    ("/g_un/un_found", "0"),
    ("/g_sign/sign_how", "refused"),
    ("/g_sign/sign_refuse", "无人在家,邻居见证"),
];
