//! What is burned into a photo: where, when, of whom and by whom, so that the
//! picture alone says it, wherever it goes.

use doorstep_core::area::AreaLevel;
use doorstep_core::submission::{CaptureSource, Place};
use doorstep_core::text::Language;
use leptos::task::spawn_local;

use super::state::Kept;
use crate::camera::Moment;
use crate::clock::now;

impl Kept {
    /// Begins to look where the phone is, so that it is known when the picture
    /// is taken.
    pub fn look_around(&self) {
        let state = std::rc::Rc::clone(&self.0);
        spawn_local(async move {
            if let Some(place) = state.place_of_visit().await {
                state.place.replace(Some(place));
            }
        });
    }

    /// The moment of a picture, in the words of the page.
    pub async fn moment(&self, source: CaptureSource, language: Language) -> Moment {
        let at = now();
        // Where a picture of the gallery was taken is not where the phone is.
        let place = if source == CaptureSource::Gallery { None } else { self.0.place_of_visit().await };
        let mut village = String::new();
        let (mut form, mut worker) = (self.0.record.form_id.clone(), String::new());
        if let Ok(phone) = self.0.phone.phone_untracked() {
            worker.clone_from(&phone.owner().display_name);
            if let Ok(current) = phone.current_form(&self.0.record.form_id).await {
                current.title.get(language).clone_into(&mut form);
            }
            if let Ok(Some(case)) = phone.find_case(self.0.record.case_id).await
                && let Ok(areas) = phone.area_line(case.area_id).await
            {
                let near = areas.into_iter().filter(|area| area.level >= AreaLevel::Township);
                village = near.map(|area| area.name).collect::<Vec<_>>().join(" ");
            }
        }
        let time = at.format("%Y-%m-%d %H:%M:%S").to_string();
        let subject = &self.0.record.case_label;
        let lines = if source == CaptureSource::Gallery {
            lines_of_gallery(language, &time, subject, &form, &worker)
        } else {
            lines(language, &time, &village, place.as_ref(), subject, &form, &worker)
        };
        Moment { source, at, place, lines }
    }
}

fn lines(
    language: Language,
    time: &str,
    village: &str,
    place: Option<&Place>,
    subject: &str,
    form: &str,
    worker: &str,
) -> Vec<String> {
    let where_it_is = match (place, language) {
        (Some(place), _) => in_figures(language, place),
        (None, Language::Zh) => "未定位".to_owned(),
        (None, Language::En) => "no position".to_owned(),
    };
    vec![
        join([time, village]),
        where_it_is,
        join([subject, form]),
        format!("{}{worker}", if language == Language::Zh { "走访人 " } else { "Visited by " }),
    ]
}

fn lines_of_gallery(language: Language, time: &str, subject: &str, form: &str, worker: &str) -> Vec<String> {
    let chosen = match language {
        Language::Zh => format!("从相册选取 {time}"),
        Language::En => format!("Chosen from the gallery {time}"),
    };
    let by = if language == Language::Zh { "走访人 " } else { "Visited by " };
    vec![chosen, join([subject, form]), format!("{by}{worker}")]
}

fn in_figures(language: Language, place: &Place) -> String {
    let (latitude, longitude) = (place.latitude_degrees, place.longitude_degrees);
    let (north, east) = (latitude >= 0.0, longitude >= 0.0);
    let (latitude, longitude) = (latitude.abs(), longitude.abs());
    let accuracy = place.accuracy_m.round();
    match language {
        Language::Zh => format!(
            "{}{latitude:.5}° {}{longitude:.5}° ±{accuracy} 米",
            if north { "北纬" } else { "南纬" },
            if east { "东经" } else { "西经" },
        ),
        Language::En => format!(
            "{latitude:.5}° {} {longitude:.5}° {} ±{accuracy} m",
            if north { "N" } else { "S" },
            if east { "E" } else { "W" },
        ),
    }
}

fn join(parts: [&str; 2]) -> String {
    parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("  ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::DateTime;

    #[test]
    fn a_photo_says_where_when_whom_and_by_whom() {
        let place = Place {
            latitude_degrees: 34.123_456,
            longitude_degrees: -108.9,
            altitude_m: None,
            accuracy_m: 12.4,
            at: DateTime::UNIX_EPOCH.fixed_offset(),
        };
        let said = |language, place| {
            lines(language, "2026-11-23 09:30:00", "示例镇 示例村", place, "张三", "老人走访", "王示例")
        };
        assert_eq!(
            said(Language::Zh, Some(&place)),
            [
                "2026-11-23 09:30:00  示例镇 示例村",
                "北纬34.12346° 西经108.90000° ±12 米",
                "张三  老人走访",
                "走访人 王示例"
            ]
        );
        assert_eq!(said(Language::En, Some(&place))[1], "34.12346° N 108.90000° W ±12 m");
        assert_eq!(said(Language::Zh, None)[1], "未定位");
        let chosen = lines_of_gallery(Language::Zh, "2026-11-23 09:30:00", "张三", "老人走访", "王示例");
        assert_eq!(chosen[0], "从相册选取 2026-11-23 09:30:00");
    }
}
