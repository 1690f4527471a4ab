//! Differences between chunks since `sse_v2`: lists of `[action, path, value]`.

use serde_json::Value;

/// Maximum depth of a path; the JSON parser has the same limit for values.
const MAX_PATH: usize = 128;

/// All actions.
const ACTIONS: [&str; 4] = ["replace", "append", "add", "delete"];

/// A difference that cannot be applied.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DiffError {
    /// Not a list of `[action, path, value]`, or an unknown action.
    #[error("a chunk contains a malformed difference")]
    Malformed,
    /// The path does not exist, or its value has another type.
    #[error("a chunk contains a difference whose path does not exist in the value")]
    Outside,
}

/// Whether a value is a non-empty list of differences. No component has such a value.
#[must_use]
pub fn is_difference(value: &Value) -> bool {
    let is_one = |part: &Value| {
        part.as_array().is_some_and(|parts| match parts.as_slice() {
            [Value::String(action), Value::Array(_), _] => ACTIONS.contains(&action.as_str()),
            _ => false,
        })
    };
    value.as_array().is_some_and(|parts| !parts.is_empty() && parts.iter().all(is_one))
}

/// Applies differences in order. After an error, the value holds those before it.
pub fn apply(value: &mut Value, differences: Value) -> Result<(), DiffError> {
    let Value::Array(differences) = differences else { return Err(DiffError::Malformed) };
    for difference in differences {
        let Value::Array(parts) = difference else { return Err(DiffError::Malformed) };
        let mut parts = parts.into_iter();
        let (Some(Value::String(action)), Some(Value::Array(path)), new) =
            (parts.next(), parts.next(), parts.next())
        else {
            return Err(DiffError::Malformed);
        };
        if path.len() > MAX_PATH {
            return Err(DiffError::Malformed);
        }
        apply_one(value, &action, &path, new.unwrap_or(Value::Null))?;
    }
    Ok(())
}

fn apply_one(value: &mut Value, action: &str, path: &[Value], new: Value) -> Result<(), DiffError> {
    match action {
        "replace" => *follow(value, path)? = new,
        "append" => append(follow(value, path)?, new)?,
        "add" => {
            let (last, way) = path.split_last().ok_or(DiffError::Malformed)?;
            match (follow(value, way)?, last) {
                (Value::Array(items), at) => {
                    let at = index(at).filter(|&at| at <= items.len()).ok_or(DiffError::Outside)?;
                    items.insert(at, new);
                }
                (Value::Object(map), Value::String(key)) => {
                    map.insert(key.clone(), new);
                }
                _ => return Err(DiffError::Outside),
            }
        }
        "delete" => {
            let (last, way) = path.split_last().ok_or(DiffError::Malformed)?;
            match (follow(value, way)?, last) {
                (Value::Array(items), at) => {
                    let at = index(at).filter(|&at| at < items.len()).ok_or(DiffError::Outside)?;
                    items.remove(at);
                }
                (Value::Object(map), Value::String(key)) => {
                    map.remove(key).ok_or(DiffError::Outside)?;
                }
                _ => return Err(DiffError::Outside),
            }
        }
        _ => return Err(DiffError::Malformed),
    }
    Ok(())
}

fn append(target: &mut Value, new: Value) -> Result<(), DiffError> {
    match (target, new) {
        (Value::String(text), Value::String(new)) => text.push_str(&new),
        (Value::Array(items), Value::Array(new)) => items.extend(new),
        _ => return Err(DiffError::Outside),
    }
    Ok(())
}

fn follow<'a>(value: &'a mut Value, path: &[Value]) -> Result<&'a mut Value, DiffError> {
    path.iter().try_fold(value, |value, step| {
        match (value, step) {
            (Value::Array(items), at) => index(at).and_then(|at| items.get_mut(at)),
            (Value::Object(map), Value::String(key)) => map.get_mut(key),
            _ => None,
        }
        .ok_or(DiffError::Outside)
    })
}

fn index(step: &Value) -> Option<usize> {
    usize::try_from(step.as_u64()?).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    #[expect(clippy::needless_pass_by_value, reason = "arguments of test cases")]
    fn check(before: Value, differences: Value, expected: Result<Value, DiffError>) {
        let mut value = before;
        let outcome = apply(&mut value, differences);
        assert_eq!(outcome.map(|()| value), expected);
    }

    #[test]
    fn each_action_changes_the_value() {
        check(json!("a"), json!([]), Ok(json!("a")));
        check(json!("a"), json!([["append", [], "b"]]), Ok(json!("ab")));
        check(json!(null), json!([["replace", [], [1]]]), Ok(json!([1])));
        check(json!([1]), json!([["append", [], [2, 3]]]), Ok(json!([1, 2, 3])));
        check(json!([{"c": "a"}]), json!([["append", [0, "c"], "b"]]), Ok(json!([{"c": "ab"}])));
        check(json!([1, 3]), json!([["add", [1], 2]]), Ok(json!([1, 2, 3])));
        check(json!([1]), json!([["add", [1], 2]]), Ok(json!([1, 2])));
        check(json!({}), json!([["add", ["k"], 2]]), Ok(json!({"k": 2})));
        check(json!([1, 2]), json!([["delete", [0], null]]), Ok(json!([2])));
        check(json!({"k": 2}), json!([["delete", ["k"]]]), Ok(json!({})));
    }

    #[test]
    fn unknown_path_is_an_error() {
        for (before, difference) in [
            (json!([1]), json!(["replace", [1], 2])),
            (json!([1]), json!(["replace", [-1], 2])),
            (json!([1]), json!(["replace", [18_446_744_073_709_551_615_u64], 2])),
            (json!([1]), json!(["replace", ["0"], 2])),
            (json!([1]), json!(["add", [2], 2])),
            (json!([1]), json!(["delete", [1], null])),
            (json!({}), json!(["delete", ["k"], null])),
            (json!({}), json!(["append", ["k"], "x"])),
            (json!({}), json!(["add", [0], "x"])),
            (json!("a"), json!(["append", [0], "x"])),
            (json!("a"), json!(["append", [], ["x"]])),
            (json!(null), json!(["append", [], "x"])),
        ] {
            check(before, json!([difference]), Err(DiffError::Outside));
        }
    }

    #[test]
    fn malformed_difference_is_an_error() {
        for differences in [
            json!(null),
            json!("append"),
            json!([1]),
            json!([[]]),
            json!([["append"]]),
            json!([["append", 0, 1]]),
            json!([["add", [], 1]]),
            json!([["delete", [], 1]]),
            json!([["multiply", [], 1]]),
            json!([["replace", vec![0; 129], 1]]),
        ] {
            check(json!([1]), differences, Err(DiffError::Malformed));
        }
    }
}
