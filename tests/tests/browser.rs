//! The stories in a real Chromium, with a gate between it and the server.
//!
//! They need the app in `app/dist` (`cargo xtask dist`) and a Chromium. One at
//! a time: two browsers and a server are enough for a small machine.

mod browser {
    mod afar;
    mod backups;
    mod bench;
    mod devices;
    mod dialogs;
    mod faults;
    mod form_media;
    mod forms;
    mod handset;
    mod layout;
    mod matrix;
    mod pictures;
    mod pins;
    mod privacy;
    mod renewed;
    mod restarts;
    mod sealed;
    mod shutter;
    mod stage;
    mod stories;
    mod uploads;
    mod viewing;
}
