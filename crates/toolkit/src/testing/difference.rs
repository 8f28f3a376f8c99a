//! Two pictures line by line, with what is missing and what is too much.

/// The lines of `wanted` and `found` in one text: `-` before those that only `wanted` has, `+`
/// before those that only `found` has.
pub(super) fn of(wanted: &str, found: &str) -> String {
    let (wanted, found): (Vec<&str>, Vec<&str>) = (wanted.lines().collect(), found.lines().collect());
    let common = lengths(&wanted, &found);
    let common = |i: usize, j: usize| common.get(i).and_then(|row| row.get(j)).copied().unwrap_or(0);
    let (mut i, mut j, mut text) = (0, 0, String::new());
    let mut say = |mark: &str, line: &str| {
        text.push_str(mark);
        text.push_str(line);
        text.push('\n');
    };
    loop {
        match (wanted.get(i), found.get(j)) {
            (Some(a), Some(b)) if a == b => {
                say("  ", a);
                (i, j) = (i + 1, j + 1);
            }
            (Some(a), b) if b.is_none() || common(i + 1, j) >= common(i, j + 1) => {
                say("- ", a);
                i += 1;
            }
            (_, Some(b)) => {
                say("+ ", b);
                j += 1;
            }
            _ => return text,
        }
    }
}

/// The length of the longest common subsequence of what follows each pair of lines.
fn lengths(wanted: &[&str], found: &[&str]) -> Vec<Vec<usize>> {
    let mut rows = vec![vec![0; found.len() + 1]];
    for a in wanted.iter().rev() {
        let below = rows.last().cloned().unwrap_or_default();
        let mut row = vec![0; found.len() + 1];
        for (j, b) in found.iter().enumerate().rev() {
            let at = |row: &[usize], j: usize| row.get(j).copied().unwrap_or(0);
            let longest = if a == b { at(&below, j + 1) + 1 } else { at(&below, j).max(at(&row, j + 1)) };
            if let Some(cell) = row.get_mut(j) {
                *cell = longest;
            }
        }
        rows.push(row);
    }
    rows.reverse();
    rows
}

#[cfg(test)]
mod tests {
    use super::of;

    #[test]
    fn marks_only_the_lines_that_differ() {
        assert_eq!(of("a\nb\nc", "a\nx\nc\nd"), "  a\n- b\n+ x\n  c\n+ d\n");
        assert_eq!(of("", "a"), "+ a\n");
        assert_eq!(of("a\nb", ""), "- a\n- b\n");
    }
}
