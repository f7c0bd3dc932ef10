//! Tables, in Markdown that is aligned for a terminal too.

/// Text to the left, numbers to the right.
pub(crate) fn print(rows: &[Vec<String>]) {
    let columns = rows.first().map_or(0, Vec::len);
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max();
    let widths: Vec<usize> = (0..columns).map(|column| width(column).unwrap_or(0)).collect();
    for (number, row) in rows.iter().enumerate() {
        let mut line = String::new();
        for (column, (cell, width)) in row.iter().zip(&widths).enumerate() {
            line.push_str(&if column == 0 {
                format!("| {cell:<width$} ")
            } else {
                format!("| {cell:>width$} ")
            });
        }
        println!("{line}|");
        if number == 0 {
            let rule = |(column, width): (usize, &usize)| {
                let dashes = "-".repeat(width + 1);
                if column == 0 { format!("|{dashes}-") } else { format!("|{dashes}:") }
            };
            println!("{}|", widths.iter().enumerate().map(rule).collect::<String>());
        }
    }
}
