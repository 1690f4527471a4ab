use serde_json::Value;

use crate::fixtures;

/// As an editor reads the file, without keys that have no value.
fn json(text: &str) -> Option<Value> {
    let options = serde_saphyr::options! { strict_booleans: true };
    let text = text.trim_end().strip_suffix("\n---").unwrap_or(text);
    serde_saphyr::from_str_with_options(text, options).ok().map(without_nulls)
}

fn without_nulls(value: Value) -> Value {
    match value {
        Value::Object(fields) => {
            let fields = fields.into_iter().filter(|(_, field)| !field.is_null());
            Value::Object(fields.map(|(name, field)| (name, without_nulls(field))).collect())
        }
        Value::Array(items) => Value::Array(items.into_iter().map(without_nulls).collect()),
        other => other,
    }
}

/// Mistakes that only the second pass finds: they concern several keys, or need a parser.
const BEYOND_A_SCHEMA: &[&str] = &[
    "alarm-looks-too-far-back.yaml",
    "bearer-and-authorization.yaml",
    "environment-not-listed.yaml",
    "environment-without-value.yaml",
    "files-too-large.yaml",
    "header-name.yaml",
    "input-template.yaml",
    "json-path.yaml",
    "json-schema.yaml",
    "locations-make-too-many-runs.yaml",
    "locations-that-cannot-agree.yaml",
    "objective-never-missed.yaml",
    "regex-escape.yaml",
    "regex-unclosed.yaml",
    "regex.yaml",
    "retry-leaves-no-time.yaml",
    "save-twice.yaml",
    "saved-part-in-target.yaml",
    "secret-in-conversation.yaml",
    "tag-binary.yaml",
    "tag.yaml",
    "template-aws-variable.yaml",
    "template-unclosed.yaml",
    "template-unknown.yaml",
    "timeout-too-long-for-lambda.yaml",
    "timeout-too-long.yaml",
    "timeout-too-short.yaml",
    "too-many-runs-for-any-interval.yaml",
    "too-many-runs.yaml",
    "url-with-credentials.yaml",
    "word-saved-later.yaml",
    "word-without-value.yaml",
];

#[test]
fn schema_accepts_good_and_rejects_bad_files() {
    let schema = jsonschema::validator_for(&probe_file::schema()).unwrap();
    for (file, text) in fixtures("good") {
        let value = json(&text).unwrap();
        let mistakes: Vec<String> =
            schema.iter_errors(&value).map(|error| error.to_string()).collect();
        assert_eq!(mistakes, Vec::<String>::new(), "{file}");
    }
    let accepted: Vec<String> = fixtures("bad")
        .into_iter()
        .filter(|(_, text)| json(text).is_some_and(|value| schema.is_valid(&value)))
        .map(|(file, _)| file)
        .collect();
    assert_eq!(accepted, BEYOND_A_SCHEMA);
}

#[test]
fn every_key_of_the_schema_is_described() {
    fn walk(schema: &Value, path: &str) {
        for (name, property) in schema["properties"].as_object().into_iter().flatten() {
            let path = format!("{path}.{name}");
            assert!(property["description"].is_string(), "{path}");
            walk(property, &path);
            walk(&property["items"], &path);
        }
    }
    walk(&probe_file::schema(), "");
}
