//! Panel layout: lines of 24 columns, left to right, filled and without overlap.

/// The width of a dashboard.
pub(super) const COLUMNS: u16 = 24;

/// The requested size of a panel.
#[derive(Clone, Copy, Debug)]
pub(super) struct Size {
    pub(super) width: u16,
    pub(super) height: u16,
    /// Whether it takes the remaining width of its line.
    pub(super) grows: bool,
}

/// The position of a panel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub(super) struct GridPlace {
    pub(super) h: u16,
    pub(super) w: u16,
    pub(super) x: u16,
    pub(super) y: u16,
}

/// Places panels starting at `top`, and returns where the next row starts. Panels of a line have the same height.
pub(super) fn place(sizes: &[Size], top: u16) -> (Vec<GridPlace>, u16) {
    let mut places = Vec::with_capacity(sizes.len());
    let (mut y, mut rest) = (top, sizes);
    while !rest.is_empty() {
        let (line, later) = rest.split_at(line_length(rest));
        let h = line.iter().map(|size| size.height).max().unwrap_or_default();
        let mut x = 0;
        for w in widths(line) {
            places.push(GridPlace { h, w, x, y });
            x += w;
        }
        y += h;
        rest = later;
    }
    (places, y)
}

/// How many of the panels fit into one line; at least one.
fn line_length(sizes: &[Size]) -> usize {
    let mut taken = 0;
    let fit = sizes.iter().take_while(|size| {
        taken += size.width;
        taken <= COLUMNS
    });
    fit.count().max(1)
}

/// The widths of a line's panels: remaining width goes to those that grow, or else to all.
fn widths(line: &[Size]) -> Vec<u16> {
    let any_grows = line.iter().any(|size| size.grows);
    let mut growing = line.iter().filter(|size| size.grows || !any_grows).count();
    let mut left = COLUMNS.saturating_sub(line.iter().map(|size| size.width).sum());
    let widths = line.iter().map(|size| {
        if any_grows && !size.grows {
            return size.width.min(COLUMNS);
        }
        let more = left / u16::try_from(growing).unwrap_or(1).max(1);
        left -= more;
        growing -= 1;
        (size.width + more).min(COLUMNS)
    });
    widths.collect()
}

#[cfg(test)]
mod tests {
    use super::{GridPlace, Size, place};

    fn fixed(width: u16, height: u16) -> Size {
        Size { width, height, grows: false }
    }

    #[test]
    fn a_line_is_filled_and_of_one_height() {
        let sizes = [fixed(4, 4), fixed(4, 4), Size { width: 8, height: 5, grows: true }];
        let (places, next) = place(&sizes, 1);
        assert_eq!(
            places,
            [
                GridPlace { h: 5, w: 4, x: 0, y: 1 },
                GridPlace { h: 5, w: 4, x: 4, y: 1 },
                GridPlace { h: 5, w: 16, x: 8, y: 1 }
            ]
        );
        assert_eq!(next, 6);
    }

    #[test]
    fn what_does_not_fit_starts_a_line() {
        let (places, next) = place(&[fixed(12, 8), fixed(8, 8), fixed(12, 6)], 0);
        let found: Vec<_> = places.iter().map(|place| (place.x, place.y, place.w)).collect();
        assert_eq!(found, [(0, 0, 14), (14, 0, 10), (0, 8, 24)]);
        assert_eq!(next, 14);
    }
}
