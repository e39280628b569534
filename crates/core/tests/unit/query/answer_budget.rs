//! The memory of one answer.

use platform_core::probe::Reason;
use platform_core::query::{AnswerBudget, Cell};

/// A row costs its cells, the texts in them, and what the allocator needs for each.
#[test]
fn an_answer_may_use_64_mib_and_not_a_row_more() {
    let cells = |text: usize| vec![Cell::Null, Cell::Text("x".repeat(text))];
    let row = |text: usize| size_of::<Vec<Cell>>() + 16 + 2 * size_of::<Cell>() + text + 16;
    let mut budget = AnswerBudget::default();
    let mut left = 64 * 1024 * 1024;
    while left >= 2 * row(100_000) {
        budget.row(&cells(100_000), "ask for less").expect("there is room");
        left -= row(100_000);
    }
    let rest = left - row(0);
    budget.row(&cells(rest), "ask for less").expect("there is room for exactly this");
    let problem = budget.row(&[], "ask for less").expect_err("a row without cells takes memory as well");
    assert_eq!(problem.reason, Reason::Query);
    assert_eq!(problem.detail, "the answer is larger than 64 MiB: ask for less");
}
