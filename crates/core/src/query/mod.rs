//! Declared queries: what runs, how rows become samples, and who runs them. No driver here.

mod answer_budget;
mod columns;
mod derived;
mod distinct;
mod flatten;
mod histograms;
mod lane;
mod misuse;
mod other_counters;
pub mod parse;
mod question;
mod raw_metric;
mod reading_error;
mod rows;
mod samples;
mod schema;
mod series_budget;
mod shared_by_columns;
mod spec;
mod value_type;

pub use answer_budget::{AnswerBudget, LARGEST_ANSWER, MOST_COLUMNS, too_large};
pub use columns::{Columns, NumericColumns};
pub use distinct::{DistinctCount, count_distinct};
pub use flatten::{Field, Flatten, NumberPerRow};
pub use lane::{Answer, Answers, AnswersAll, Inbox, Lane, TakeAnswer, is_refusal, lane};
pub use misuse::{Misuse, QueryPart};
pub use other_counters::Values;
pub use question::{Language, LanguageFacts, Question, WantedAnswer};
pub use raw_metric::MetricSpec;
pub use reading_error::ReadingError;
pub use rows::{Cell, LONGEST_NAME, Rows};
pub use samples::{Reading, ResultSet};
pub use schema::schema;
pub use series_budget::{OTHER, SeriesBudget};
pub use spec::{Ask, Declared, DistinctPart, Exported, QuerySpec, catalogue};
pub use value_type::{MetricPart, UpperBound, ValueType};
