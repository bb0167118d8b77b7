//! The parameters of the log of the filling.

use super::parameters::truth;
use crate::form::Node;

const PLACE: [&str; 3] = ["location-priority", "location-min-interval", "location-max-age"];
const PRIORITIES: [&str; 4] = ["no-power", "low-power", "balanced", "high-accuracy"];

pub(super) fn apply(node: &mut Node) -> Result<(), String> {
    for name in ["track-changes", "identify-user"] {
        if let Some(value) = node.parameters.get(name) {
            truth(name, value)?;
        }
    }
    if let Some(value) = node.parameters.get("track-changes-reasons").filter(|value| *value != "on-form-edit")
    {
        return Err(format!("track-changes-reasons is on-form-edit, but \"{value}\" was found"));
    }
    let [priority, interval, age] = PLACE.map(|name| node.parameters.get(name));
    match (priority, interval, age) {
        (None, None, None) => {}
        (Some(priority), Some(interval), Some(age)) => {
            if !PRIORITIES.contains(&priority.as_str()) {
                return Err(format!(
                    "location-priority is one of {}, but \"{priority}\" was found",
                    PRIORITIES.join(", ")
                ));
            }
            let seconds = |name: &str, value: &str| {
                value
                    .parse::<u32>()
                    .map_err(|_| format!("{name} is a whole number of seconds, but \"{value}\" was found"))
            };
            if seconds("location-max-age", age)? < seconds("location-min-interval", interval)? {
                return Err("location-max-age is not less than location-min-interval".to_owned());
            }
        }
        _ => return Err(format!("the log records places only with all of {}", PLACE.join(", "))),
    }
    for (name, value) in &node.parameters {
        node.bind_attributes.insert(format!("odk:{name}"), value.clone());
    }
    Ok(())
}
