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
pub fn is_out_of_contact(contact_ms: f64, now_ms: f64) -> bool {
    contact_ms > 0.0 && now_ms - contact_ms > OUT_OF_CONTACT_MS
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
        assert!(!is_out_of_contact(0.0, 1e13));
        assert!(!is_out_of_contact(1e12, 1e12 + 30.0 * day_ms));
        assert!(is_out_of_contact(1e12, 1e12 + 31.0 * day_ms));
        // A clock that was set back says nothing.
        assert!(!is_out_of_contact(1e12, 0.0));
    }

    #[test]
    fn a_clock_set_back_does_not_lock_for_ever() {
        assert_eq!(wait_left_s(0.0, 1_000.0), 0);
        assert_eq!(wait_left_s(61_000.0, 60_500.0), 1);
        assert_eq!(wait_left_s(1e15, 0.0), WAIT_S_MAX);
    }
}
