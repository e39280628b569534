//! The collections of a database and their fields, from samples that do not leave the server.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use platform_core::probe::{Problem, Reason};
use platform_core::query::{Columns, Lane, Language, Question, Rows};
use platform_core::survey::{
    ColumnPosition, ColumnType, MOST_VALUES, QueryCost, ScriptLanguage, SourceSurvey, SurveyedColumn,
    SurveyedTable, Surveyor, TableUse,
};
use serde_json::{Value, json};

use super::question::MongoQuestion;

/// Only this many collections are looked at.
const MOST_COLLECTIONS: usize = 200;

/// Which documents are looked at. Rare states and fields matter, so all of a small collection are: that is a matter of
/// milliseconds.
struct Sample {
    /// All, if there are not more.
    all_up_to: f64,
    /// Otherwise so many, at random.
    size: usize,
}

/// For the names and types of fields.
const OF_FIELDS: Sample = Sample { all_up_to: 1000.0, size: 100 };

/// For the values of a field.
const OF_VALUES: Sample = Sample { all_up_to: 50_000.0, size: 1000 };

impl Sample {
    /// The stage of a pipeline that takes them.
    fn stage(&self, documents: f64) -> Value {
        match documents <= self.all_up_to {
            true => json!({"$match": {}}),
            false => json!({"$sample": {"size": self.size}}),
        }
    }
}

/// Reading one document that is in memory, and one that has to come from a disk.
const DOCUMENT: Duration = Duration::from_micros(2);
const COLD_DOCUMENT: Duration = Duration::from_micros(20);

/// Surveys the database that a URL names.
#[derive(Debug)]
pub(super) struct MongoSurveyor {
    pub(super) database: String,
}

#[async_trait::async_trait]
impl Surveyor for MongoSurveyor {
    async fn tables(&self, lane: &Lane, timeout: Duration) -> Result<SourceSurvey, Problem> {
        let list = json!({
            "database": self.database,
            "command": {"listCollections": 1, "nameOnly": true, "cursor": {"batchSize": 10_000}},
            "each": "cursor.firstBatch",
        });
        let listed = rows(lane, list, timeout).await?;
        let mut names: Vec<_> = listed
            .rows
            .iter()
            .filter(|row| listed.text(row, "type") == "collection")
            .map(|row| listed.text(row, "name"))
            .filter(|name| !name.starts_with("system."))
            .collect();
        names.sort_unstable();
        let mut survey = SourceSurvey {
            not_looked_at: names.len().saturating_sub(MOST_COLLECTIONS),
            ..SourceSurvey::default()
        };
        for name in names.into_iter().take(MOST_COLLECTIONS) {
            match self.table(lane, &name, timeout).await {
                Ok(table) => survey.tables.push(table),
                Err(problem) if problem.reason == Reason::Permission => survey.unreadable += 1,
                Err(problem) => return Err(problem.context(&name)),
            }
        }
        survey.tables.sort_by(|one, other| other.rows.total_cmp(&one.rows));
        Ok(survey)
    }

    async fn values(
        &self,
        lane: &Lane,
        survey: &SourceSurvey,
        columns: &[ColumnPosition],
        timeout: Duration,
    ) -> Result<Vec<(ColumnPosition, Vec<String>)>, Problem> {
        let mut few = Vec::new();
        for position in columns {
            let table = &survey.tables[position.table];
            let field = &table.columns[position.column].written;
            let pipeline = json!([
                OF_VALUES.stage(table.rows),
                {"$group": {"_id": format!("${field}")}},
                {"$match": {"_id": {"$ne": null}}},
                {"$limit": MOST_VALUES + 1},
                {"$project": {"value": "$_id"}},
            ]);
            let values = self.aggregate(lane, &table.name, pipeline, timeout).await?;
            let mut values: Vec<_> = values.rows.iter().map(|row| values.text(row, "value")).collect();
            values.sort_unstable();
            if (1..=MOST_VALUES).contains(&values.len()) {
                few.push((*position, values));
            }
        }
        Ok(few)
    }

    /// Every document of the collection is read, unless a filter has an index: at most that.
    async fn cost(
        &self,
        _lane: &Lane,
        survey: &SourceSurvey,
        query: &Question,
        _timeout: Duration,
    ) -> Result<QueryCost, Problem> {
        let collection = query.value().get("collection").and_then(Value::as_str).unwrap_or_default();
        let table = survey.tables.iter().find(|table| table.name == collection);
        let documents = table.map_or(0.0, |table| table.rows);
        Ok(QueryCost { processor: DOCUMENT.mul_f64(documents), longest: COLD_DOCUMENT.mul_f64(documents) })
    }

    fn script_language(&self) -> ScriptLanguage {
        ScriptLanguage { extension: "js", comment: "//", run: "mongosh URL" }
    }

    fn role(&self, existing: &str, uses: &[TableUse], _queries: &[Question]) -> String {
        self.script_language().with_grants(existing, &self.grants(uses))
    }

    fn index(&self, table: &str, column: &str) -> String {
        let key = json!({column: 1});
        format!(
            "db.getSiblingDB({}).getCollection({}).createIndex({key});\n",
            json!(self.database),
            json!(table)
        )
    }
}

impl MongoSurveyor {
    /// The commands that allow the account what queries read.
    fn grants(&self, uses: &[TableUse]) -> String {
        let fields = uses.iter().map(|TableUse { table, columns, .. }| {
            let columns = columns.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
            format!("//   {table}: {columns}\n")
        });
        let privileges = uses.iter().map(|TableUse { table, .. }| {
            json!({"resource": {"db": self.database, "collection": table}, "actions": ["find"]})
        });
        let privileges = Value::from_iter(privileges);
        let role = json!(format!("platform_exporter_{}", self.database));
        format!(
            "{}// A role reads whole documents; platforms/hayon/role.js shows how views restrict that to fields.\n\
             {{\n  const role = {role};\n  const privileges = {privileges:#};\n  \
             if (admin.getRole(role) === null) {{\n    admin.createRole({{role, privileges, roles: []}});\n  \
             }} else {{\n    admin.grantPrivilegesToRole(role, privileges);\n  }}\n  \
             admin.grantRolesToUser(\"platform_exporter\", [{{role, \"db\": \"admin\"}}]);\n}}\n",
            fields.collect::<String>()
        )
    }

    /// What the server knows of a collection, with the fields and types of some documents. Their values stay there.
    async fn table(&self, lane: &Lane, name: &str, timeout: Duration) -> Result<SurveyedTable, Problem> {
        let count = self.aggregate(lane, name, json!([{"$collStats": {"count": {}}}]), timeout).await?;
        let documents = count.rows.first().map_or(0.0, |row| count.number(row, "count"));
        let sample = OF_FIELDS.stage(documents);
        let fields = self.fields(lane, name, &sample, "$$ROOT", timeout).await?;
        let mut columns: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for row in &fields.rows {
            columns.entry(fields.text(row, "field")).or_default().insert(fields.text(row, "type"));
        }
        let parents: Vec<_> = columns
            .iter()
            .filter(|(_, types)| types.contains("object"))
            .map(|(name, _)| name.clone())
            .collect();
        for parent in parents.into_iter().filter(|parent| is_plain(parent)) {
            let fields = self.fields(lane, name, &sample, &format!("${parent}"), timeout).await?;
            for row in &fields.rows {
                let path = format!("{parent}.{}", fields.text(row, "field"));
                columns.entry(path).or_default().insert(fields.text(row, "type"));
            }
        }
        let list = json!({
            "database": self.database,
            "command": {"listIndexes": name},
            "each": "cursor.firstBatch",
        });
        let indexes = rows(lane, list, timeout).await?;
        let indexed: Vec<_> = indexes.rows.iter().map(|row| indexes.text(row, "name")).collect();
        let columns = columns.into_iter().filter(|(name, _)| name.split('.').all(is_plain));
        let columns = columns.map(|(name, types)| SurveyedColumn {
            written: name.clone(),
            column_type: column_type(&types),
            as_time: None,
            is_indexed: indexed.iter().any(|index| index.starts_with(&format!("{name}_"))),
            is_key: name == "_id",
            defaults_to_now: false,
            declared: None,
            name,
        });
        Ok(SurveyedTable {
            schema: self.database.clone(),
            name: name.to_owned(),
            written: name.to_owned(),
            rows: documents,
            references: 0,
            has_row_security: false,
            columns: columns.collect(),
        })
    }

    /// The names and types of the fields of a document, in some documents.
    async fn fields(
        &self,
        lane: &Lane,
        collection: &str,
        sample: &Value,
        document: &str,
        timeout: Duration,
    ) -> Result<Rows, Problem> {
        let is_document = json!({"$eq": [{"$type": document}, "object"]});
        let pipeline = json!([
            sample,
            {"$project": {"field": {"$cond": [is_document, {"$objectToArray": document}, []]}}},
            {"$unwind": "$field"},
            {"$group": {"_id": {"field": "$field.k", "type": {"$type": "$field.v"}}}},
            {"$project": {"_id": 0, "field": "$_id.field", "type": "$_id.type"}},
        ]);
        self.aggregate(lane, collection, pipeline, timeout).await
    }

    async fn aggregate(
        &self,
        lane: &Lane,
        collection: &str,
        pipeline: Value,
        timeout: Duration,
    ) -> Result<Rows, Problem> {
        let query = json!({"database": self.database, "collection": collection, "pipeline": pipeline});
        rows(lane, query, timeout).await
    }
}

/// Whether a path can name the field.
fn is_plain(name: &str) -> bool {
    !name.is_empty() && !name.contains(['.', '$', '"'])
}

/// The type of a field whose values have these BSON types.
fn column_type(types: &BTreeSet<String>) -> ColumnType {
    let is_of = |known: &[&str]| {
        types.iter().all(|own| own == "null" || known.contains(&own.as_str()))
            && types.iter().any(|own| own != "null")
    };
    if is_of(&["date", "timestamp"]) {
        ColumnType::Time
    } else if is_of(&["int", "long", "double", "decimal"]) {
        ColumnType::Number
    } else if is_of(&["string"]) {
        ColumnType::Text
    } else if is_of(&["bool"]) {
        ColumnType::Bool
    } else {
        ColumnType::Other
    }
}

async fn rows(lane: &Lane, query: Value, timeout: Duration) -> Result<Rows, Problem> {
    lane.ask(&Question::new(MongoQuestion::KEY, query), &Columns::All, timeout).await
}
