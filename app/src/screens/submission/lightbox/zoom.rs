//! How much of a picture is seen, and which part: arithmetic without a
//! browser. Lengths are in pixels of the screen; points are measured from the
//! middle of the panel.

/// A picture at its whole size is 1; this is enough to see single pixels of a
/// photo on a phone.
pub(super) const SCALE_MAX: f64 = 8.0;
/// Of one press and of one turn of the wheel.
pub(super) const STEP: f64 = 1.5;
const SCALE_OF_DOUBLE_PRESS: f64 = 3.0;
/// Of one press of an arrow key.
pub(super) const NUDGE_PX: f64 = 60.0;

/// A point of the panel, from its middle.
pub(super) type Point = (f64, f64);

/// How a picture lies in its panel.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Zoom {
    pub(super) scale: f64,
    pub(super) x: f64,
    pub(super) y: f64,
}

impl Zoom {
    /// The whole picture.
    pub(super) const WHOLE: Self = Self { scale: 1.0, x: 0.0, y: 0.0 };

    pub(super) fn is_whole(self) -> bool {
        self.scale <= 1.0
    }

    /// In whole percent of the size at which all of it is seen.
    pub(super) fn percent(self) -> u32 {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "100 to 800")]
        let percent = (self.scale * 100.0).round() as u32;
        percent
    }

    /// Larger by `factor`; what is at `point` stays there. `room` is the size
    /// of the panel.
    pub(super) fn by(self, factor: f64, point: Point, room: Point) -> Self {
        let scale = (self.scale * factor).clamp(1.0, SCALE_MAX);
        let grown = scale / self.scale;
        let x = point.0 - (point.0 - self.x) * grown;
        let y = point.1 - (point.1 - self.y) * grown;
        Self { scale, x, y }.within(room)
    }

    /// The whole picture, or large around `point` where it was whole.
    pub(super) fn toggled(self, point: Point, room: Point) -> Self {
        if self.is_whole() { self.by(SCALE_OF_DOUBLE_PRESS, point, room) } else { Self::WHOLE }
    }

    /// Moved, as far as there is something to see.
    pub(super) fn moved(self, by: Point, room: Point) -> Self {
        Self { x: self.x + by.0, y: self.y + by.1, ..self }.within(room)
    }

    /// For the style of the picture.
    pub(super) fn transform(self) -> String {
        format!("translate({:.1}px, {:.1}px) scale({:.3})", self.x, self.y, self.scale)
    }

    fn within(self, (width, height): Point) -> Self {
        let (most_x, most_y) = (width * (self.scale - 1.0) / 2.0, height * (self.scale - 1.0) / 2.0);
        Self { x: self.x.clamp(-most_x, most_x), y: self.y.clamp(-most_y, most_y), ..self }
    }
}

/// Two fingers moved from `before` to `after`: the picture follows both.
pub(super) fn pinched(zoom: Zoom, before: [Point; 2], after: [Point; 2], room: Point) -> Zoom {
    let apart = |[one, other]: [Point; 2]| (one.0 - other.0).hypot(one.1 - other.1);
    let middle = |[one, other]: [Point; 2]| ((one.0 + other.0) / 2.0, (one.1 + other.1) / 2.0);
    let (from, to) = (middle(before), middle(after));
    // Fingers that touch have no direction.
    let factor = if apart(before) < 1.0 { 1.0 } else { apart(after) / apart(before) };
    zoom.moved((to.0 - from.0, to.1 - from.1), room).by(factor, to, room)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOM: Point = (400.0, 300.0);

    #[test]
    fn what_is_pressed_stays_where_it_is() {
        let zoom = Zoom::WHOLE.by(2.0, (100.0, -50.0), ROOM);
        assert_eq!(zoom, Zoom { scale: 2.0, x: -100.0, y: 50.0 });
        assert_eq!(zoom.by(0.5, (100.0, -50.0), ROOM), Zoom::WHOLE);
        assert_eq!(Zoom::WHOLE.by(2.0, (0.0, 0.0), ROOM).percent(), 200);
    }

    #[test]
    fn a_picture_is_never_lost_nor_too_small_nor_too_large() {
        let large = Zoom::WHOLE.by(100.0, (0.0, 0.0), ROOM);
        assert_eq!(large.scale, SCALE_MAX);
        let aside = large.moved((9_999.0, -9_999.0), ROOM);
        assert_eq!((aside.x, aside.y), (1400.0, -1050.0));
        assert_eq!(aside.by(0.001, (30.0, 30.0), ROOM), Zoom::WHOLE);
        assert_eq!(Zoom::WHOLE.moved((50.0, 50.0), ROOM), Zoom::WHOLE);
    }

    #[test]
    fn two_fingers_take_it_along() {
        let before = [(-50.0, 0.0), (50.0, 0.0)];
        let apart = pinched(Zoom::WHOLE, before, [(-100.0, 0.0), (100.0, 0.0)], ROOM);
        assert_eq!(apart, Zoom { scale: 2.0, x: 0.0, y: 0.0 });
        let moved = pinched(apart, before, [(-40.0, 20.0), (60.0, 20.0)], ROOM);
        assert_eq!(moved, Zoom { scale: 2.0, x: 10.0, y: 20.0 });
        assert_eq!(pinched(apart, [(0.0, 0.0); 2], before, ROOM).scale, 2.0);
    }

    #[test]
    fn a_double_press_goes_there_and_back() {
        let near = Zoom::WHOLE.toggled((10.0, 10.0), ROOM);
        assert!(!near.is_whole());
        assert_eq!(near.toggled((90.0, 0.0), ROOM), Zoom::WHOLE);
    }
}
