//! What a PIN has to be, and how long to wait after a wrong one.

/// Digits of a PIN.
pub const PIN_DIGITS: usize = 6;

/// Wrong PINs in a row before an online login is needed.
pub const WRONG_PINS_MAX: u32 = 10;

/// The longest wait between two tries.
const WAIT_S_MAX: u32 = 600;

/// Without contact for so long, a PIN opens nothing any more.
const OUT_OF_CONTACT_MS: f64 = 30.0 * 24.0 * 3600.0 * 1000.0;

/// Whether the last contact was too long ago. Without a last contact there is
/// nothing to go by.
///
/// The phone's clock may have been wrong then by `contact_skew_ms` (server time
/// minus the phone's), and may have been put right since. So two times can have
/// passed: by a clock that is as wrong as it was, or by one that is right now.
/// The shorter of those that are possible counts, or a corrected clock would
/// lock out somebody who was online a minute ago.
pub fn is_out_of_contact(contact_ms: f64, contact_skew_ms: f64, now_ms: f64) -> bool {
    let as_wrong = now_ms - contact_ms;
    let right_now = as_wrong - contact_skew_ms;
    let passed = match (as_wrong >= 0.0, right_now >= 0.0) {
        (true, true) => as_wrong.min(right_now),
        (true, false) => as_wrong,
        (false, _) => right_now,
    };
    contact_ms > 0.0 && passed > OUT_OF_CONTACT_MS
}

/// Whether it is six digits.
pub fn is_six_digits(pin: &str) -> bool {
    pin.len() == PIN_DIGITS && pin.bytes().all(|byte| byte.is_ascii_digit())
}

/// Whether a stranger would try it first: one digit over and over, a row of
/// neighbours (123456, 987654), or a short pattern repeated (121212, 123123).
pub fn is_trivial(pin: &str) -> bool {
    let digits = pin.as_bytes();
    // ASCII digits are 0 to 9 in their lower half.
    let steps = |step: u8| digits.windows(2).all(|pair| (20 + (pair[1] & 15) - (pair[0] & 15)) % 10 == step);
    let repeats = |length: usize| digits.chunks(length).all(|chunk| digits.starts_with(chunk));
    let doubled = digits.chunks(2).all(|pair| pair.first() == pair.last())
        && digits.windows(3).all(|three| three[2].abs_diff(three[0]) == 1);
    steps(0) || steps(1) || steps(9) || repeats(2) || repeats(3) || doubled
}

/// Seconds to wait after the `wrong`th wrong PIN in a row.
pub fn wait_after_s(wrong: u32) -> u32 {
    match wrong {
        0..=2 => 0,
        3 => 5,
        4 => 15,
        5 => 30,
        6 => 60,
        7 => 120,
        8 => 300,
        _ => WAIT_S_MAX,
    }
}

/// Seconds left until a PIN is taken again. A clock that was set back cannot
/// make it longer than the longest wait.
pub fn wait_left_s(locked_until_ms: f64, now_ms: f64) -> u32 {
    let left = ((locked_until_ms - now_ms) / 1000.0).ceil();
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to 0..=600")]
    let seconds = left.clamp(0.0, f64::from(WAIT_S_MAX)) as u32;
    seconds
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pin_is_six_ascii_digits() {
        assert!(is_six_digits("204815"));
        for wrong in ["", "12345", "1234567", "12345a", "１２３４５６", " 12345", "二零四八一五"]
        {
            assert!(!is_six_digits(wrong), "{wrong}");
        }
    }

    #[test]
    fn what_a_stranger_tries_first_is_trivial() {
        let trivial = [
            "000000", "999999", "123456", "654321", "345678", "890123", "012345", "098765", "121212",
            "696969", "123123", "520520", "112233", "665544",
        ];
        for pin in trivial {
            assert!(is_trivial(pin), "{pin}");
        }
        for pin in ["204815", "135790", "112358", "100001", "198710", "123465", "336699"] {
            assert!(!is_trivial(pin), "{pin}");
        }
    }

    #[test]
    fn waits_grow_and_end() {
        let waits: Vec<u32> = (0..=WRONG_PINS_MAX).map(wait_after_s).collect();
        assert!(waits.is_sorted());
        assert_eq!(waits.first(), Some(&0));
        assert_eq!(wait_after_s(u32::MAX), WAIT_S_MAX);
    }

    #[test]
    fn a_month_without_contact_is_too_long() {
        let day_ms = 24.0 * 3600.0 * 1000.0;
        assert!(!is_out_of_contact(0.0, 0.0, 1e13));
        assert!(!is_out_of_contact(1e12, 0.0, 1e12 + 30.0 * day_ms));
        assert!(is_out_of_contact(1e12, 0.0, 1e12 + 31.0 * day_ms));
        // A clock that was set back says nothing.
        assert!(!is_out_of_contact(1e12, 0.0, 0.0));
    }

    #[test]
    fn a_clock_that_was_wrong_and_is_put_right_is_not_time_that_passed() {
        let day_ms = 24.0 * 3600.0 * 1000.0;
        let years_behind = 3.0 * 365.0;
        // Days that the clock was behind, days that passed since, and whether
        // it was put right in them.
        let cases = [
            (years_behind, 0.0, true, false),
            (years_behind, 31.0, true, true),
            (years_behind, 29.0, false, false),
            (years_behind, 31.0, false, true),
            (-40.0, 0.0, true, false),
            (-40.0, 31.0, true, true),
            (-40.0, 29.0, false, false),
            (-40.0, 31.0, false, true),
            // A clock that is a few days behind can be believed either way; the
            // shorter time counts.
            (10.0, 31.0, false, false),
            (10.0, 41.0, false, true),
        ];
        for (behind, passed, put_right, expected) in cases {
            let skew_ms = behind * day_ms;
            let contact_ms = 1e12 - skew_ms;
            let now_ms = if put_right { 1e12 } else { contact_ms } + passed * day_ms;
            assert_eq!(
                is_out_of_contact(contact_ms, skew_ms, now_ms),
                expected,
                "{behind} days behind, {passed} passed, put right: {put_right}"
            );
        }
    }

    #[test]
    fn a_clock_set_back_does_not_lock_for_ever() {
        assert_eq!(wait_left_s(0.0, 1_000.0), 0);
        assert_eq!(wait_left_s(61_000.0, 60_500.0), 1);
        assert_eq!(wait_left_s(1e15, 0.0), WAIT_S_MAX);
    }
}
