//! CHECK constraints that list the values of a column.

/// The values that a CHECK constraint of one column allows, as the server prints it:
/// `CHECK (((status)::text = ANY ((ARRAY['new'::character varying, 'paid'::character varying])::text[])))`.
pub(super) fn values_of_check(definition: &str) -> Option<Vec<String>> {
    let (_, rest) = definition.split_once("= ANY (")?;
    let (mut values, mut rest) = (Vec::new(), rest);
    while let Some((_, after)) = rest.split_once('\'') {
        let (value, after) = after.split_once('\'')?;
        // A value with a quote is written with two.
        if after.starts_with('\'') {
            return None;
        }
        values.push(value.to_owned());
        rest = after;
    }
    (!values.is_empty()).then_some(values)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_check_of_one_column_lists_its_values() {
        let of_varchar = "CHECK (((status)::text = ANY ((ARRAY['new'::character varying, 'paid'::character varying])::text[])))";
        assert_eq!(values_of_check(of_varchar), Some(vec!["new".to_owned(), "paid".to_owned()]));
        assert_eq!(values_of_check("CHECK ((amount > 0))"), None);
        assert_eq!(values_of_check("CHECK ((state = ANY (ARRAY['it''s'::text])))"), None);
    }
}
