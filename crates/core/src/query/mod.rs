//! Declared queries: what runs, how rows become samples, and who runs them. No driver here.

mod answer_budget;
mod columns;
mod distinct;
mod lane;
mod other_counters;
pub mod parse;
mod question;
mod rows;
mod samples;
mod series_budget;
mod spec;

pub use answer_budget::{AnswerBudget, LARGEST_ANSWER, MOST_COLUMNS, too_large};
pub use columns::Columns;
pub use distinct::{DistinctCount, count_distinct};
pub use lane::{Answer, Answers, Inbox, Lane, lane};
pub use other_counters::Values;
pub use question::{Language, LanguageFacts, Question};
pub use rows::{Cell, LONGEST_NAME, Rows};
pub use samples::{Reading, ReadingError, ResultSet};
pub use series_budget::{OTHER, SeriesBudget};
pub use spec::{Ask, Declared, DistinctPart, MetricSpec, QuerySpec, ValueType, catalogue};
