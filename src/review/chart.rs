//! Charts as SVG: drawn without scripts, coloured by the page's style sheet, told in words as well.

use super::words;
use std::fmt::Write;

/// The drawing's size, in its own units.
const WIDTH: f64 = 680.0;
const HEIGHT: f64 = 240.0;
/// Room for the numbers at the left and below, for dots at the edges, and for the lines' names at their ends.
const LEFT: f64 = 48.0;
const BELOW: f64 = 32.0;
const EDGE: f64 = 14.0;
const NAMES: f64 = 112.0;
/// How far below the axis its numbers stand.
const TICKS: f64 = 24.0;
/// The height of a line of text.
const TEXT: f64 = 15.0;
/// More names than this would run out of the chart.
const MOST_NAMES: usize = 8;
/// The most characters of a name at a line's end.
const LONGEST_NAME: usize = 9;
/// More dots than this would touch: only the line is drawn.
const MOST_DOTS: usize = 60;
/// More numbers than this below the axis would touch.
const MOST_LABELS: usize = 16;

/// One line of a chart: values of 0 to 100, each with what is said of it.
pub struct Line {
    /// Its name, for those who hear the chart.
    pub name: String,
    /// The values in order, none where there is none, each with its tooltip.
    pub points: Vec<(Option<f64>, String)>,
}

/// A chart of lines over a common axis; the first is solid, the others are dashed. `first` is the number of
/// the first point on the axis, called `axis`. Each line has its last value, and its name where there are
/// several, at its end.
pub fn lines(title: &str, axis: &str, first: usize, drawn: &[Line]) -> String {
    let longest = drawn.iter().map(|line| line.points.len()).max().unwrap_or(0);
    let right = WIDTH - NAMES;
    let x =
        |index: usize| LEFT + EDGE + (right - LEFT - 2.0 * EDGE) * index as f64 / (longest.max(2) - 1) as f64;
    let y = |value: f64| EDGE + (HEIGHT - BELOW - EDGE) * (1.0 - value.clamp(0.0, 100.0) / 100.0);
    let mut svg = opened(title, &described(drawn), WIDTH, HEIGHT);
    for value in [0.0, 25.0, 50.0, 75.0, 100.0] {
        let at = y(value);
        let _ = write!(svg, r#"<line class="grid" x1="{LEFT}" x2="{right}" y1="{at:.1}" y2="{at:.1}"/>"#);
        let _ = writeln!(
            svg,
            r#"<text x="{:.1}" y="{:.1}" text-anchor="end">{value}</text>"#,
            LEFT - 6.0,
            at + 4.0
        );
    }
    let step = longest.div_ceil(MOST_LABELS).max(1);
    for index in (0..longest).step_by(step) {
        let at = HEIGHT - BELOW + TICKS;
        let _ = write!(
            svg,
            r#"<text x="{:.1}" y="{at:.1}" text-anchor="middle">{}</text>"#,
            x(index),
            first + index
        );
    }
    let _ = writeln!(
        svg,
        r#"<text x="{:.1}" y="{:.1}" text-anchor="end">{}</text>"#,
        LEFT - 2.0,
        HEIGHT - BELOW + TICKS,
        escaped(axis)
    );
    svg.push_str(&names(drawn, x, y));
    // The first line is drawn last, on top.
    for (number, line) in drawn.iter().enumerate().rev() {
        let (stroke, dot) = if number == 0 { ("line", "dot") } else { ("other", "other-dot") };
        let places: Vec<(f64, f64, &str)> = line
            .points
            .iter()
            .enumerate()
            .filter_map(|(index, (value, tip))| Some((x(index), y((*value)?), tip.as_str())))
            .collect();
        let path: Vec<String> = places.iter().map(|(x, y, _)| format!("{x:.1},{y:.1}")).collect();
        let _ = writeln!(svg, r#"<polyline class="{stroke}" points="{}"/>"#, path.join(" "));
        if places.len() <= MOST_DOTS {
            for (x, y, tip) in places {
                let tip = escaped(tip);
                let _ = writeln!(
                    svg,
                    r#"<circle class="{dot}" cx="{x:.1}" cy="{y:.1}" r="5"><title>{tip}</title></circle>"#
                );
            }
        }
    }
    svg + "</svg>"
}

/// What stands at the lines' ends: the last value, and the name where there are several lines. Where two would
/// touch, the later one moves down; lines beyond [`MOST_NAMES`] go without.
fn names(drawn: &[Line], x: impl Fn(usize) -> f64, y: impl Fn(f64) -> f64) -> String {
    let mut svg = String::new();
    let mut taken: Vec<(f64, f64)> = Vec::new();
    for (number, line) in drawn.iter().enumerate().take(MOST_NAMES) {
        let last =
            line.points.iter().enumerate().rev().find_map(|(index, (value, _))| Some((index, (*value)?)));
        let Some((index, value)) = last else { continue };
        let name: String = line.name.chars().take(LONGEST_NAME).collect();
        let text = match drawn.len() {
            1 => words::points(value),
            _ => format!("{name} {value:.0}"),
        };
        let (left, mut base) = (x(index) + 9.0, y(value) + 4.0);
        // A little less than the height: what was just moved down must not touch for a rounding's sake.
        let touches = |base: f64, other: &(f64, f64)| {
            (other.0 - left).abs() < NAMES && (other.1 - base).abs() < TEXT - 0.5
        };
        while let Some(other) = taken.iter().find(|other| touches(base, other)) {
            base = other.1 + TEXT;
        }
        taken.push((left, base));
        let class = if number == 0 { "name" } else { "other-name" };
        let _ =
            writeln!(svg, r#"<text class="{class}" x="{left:.1}" y="{base:.1}">{}</text>"#, escaped(&text));
    }
    svg
}

/// A bar from 0 to 100.
pub fn bar(title: &str, value: f64) -> String {
    let (width, height) = (320.0, 14.0);
    let mut svg = opened(title, "", width, height).replace("<svg ", r#"<svg style="max-width:20rem" "#);
    let filled = (width - 2.0) * value.clamp(0.0, 100.0) / 100.0;
    let _ = write!(
        svg,
        r#"<rect class="track" x="0.5" y="0.5" width="{:.1}" height="{:.1}"/><rect class="bar" x="1" y="1" width="{filled:.1}" height="{:.1}"/></svg>"#,
        width - 1.0,
        height - 1.0,
        height - 2.0
    );
    svg
}

/// The tag, with what it shows in words.
fn opened(title: &str, described: &str, width: f64, height: f64) -> String {
    let label = if described.is_empty() { title.to_owned() } else { format!("{title}. {described}") };
    // One label, not a title and a description: every screen reader reads it, and it is no tooltip.
    format!(r#"<svg role="img" aria-label="{}" viewBox="0 0 {width} {height}">"#, escaped(&label))
}

/// The values in words, for those who don't see the chart.
fn described(drawn: &[Line]) -> String {
    let told = drawn.iter().map(|line| {
        let values: Vec<String> =
            line.points.iter().map(|(value, _)| value.map_or("none".to_owned(), words::points)).collect();
        format!("{}: {}", line.name, values.join(", "))
    });
    told.collect::<Vec<_>>().join(". ")
}

/// Text inside an element or an attribute in double quotes.
pub fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in crate::text::one_line(text).chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            c => safe.push(c),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_drawn_in_place_and_told_in_words() {
        let line = |name: &str, values: &[f64]| Line {
            name: name.to_owned(),
            points: values.iter().map(|value| (Some(*value), format!("<{value}>"))).collect(),
        };
        let svg = lines("Openness", "turn", 0, &[line("this talk", &[0.0, 100.0]), line("7:2", &[50.0])]);
        assert!(svg.contains(r#"aria-label="Openness. this talk: 0, 100. 7:2: 50""#), "{svg}");
        assert!(svg.contains(r#"points="62.0,208.0 554.0,14.0""#), "{svg}");
        assert!(svg.contains("&lt;100&gt;") && !svg.contains("<100>"));
        assert_eq!(svg.matches("<circle").count(), 3);
        assert!(svg.contains(">this talk 100</text>") && svg.contains(">7:2 50</text>"), "{svg}");
        let one = lines("Overall", "talk", 1, &[line("Overall", &[20.0, 47.25])]);
        assert!(one.contains(">47.3</text>") || one.contains(">47.2</text>"), "{one}");
    }

    #[test]
    fn names_do_not_touch() {
        let line = |name: &str| Line { name: name.to_owned(), points: vec![(Some(50.0), String::new())] };
        let svg = names(&[line("a"), line("b"), line("c")], |_| 0.0, |value| value);
        let at: Vec<f64> =
            svg.split("y=\"").skip(1).map(|rest| rest.split('"').next().unwrap().parse().unwrap()).collect();
        assert_eq!(at, [54.0, 54.0 + TEXT, 54.0 + 2.0 * TEXT]);
    }

    #[test]
    fn a_gap_is_left_out_and_a_long_line_has_no_dots() {
        let points: Vec<(Option<f64>, String)> =
            (0..200).map(|n| ((n != 5).then_some(50.0), String::new())).collect();
        let svg = lines("t", "a", 1, &[Line { name: "n".into(), points }]);
        assert!(!svg.contains("<circle") && svg.matches("text-anchor=\"middle\"").count() <= MOST_LABELS);
        assert_eq!(svg.split("points=\"").nth(1).unwrap().split('"').next().unwrap().split(' ').count(), 199);
    }
}
