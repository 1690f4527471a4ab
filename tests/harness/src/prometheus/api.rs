//! Further requests to the API of Prometheus.

use std::time::Duration;

use anyhow::{Context, bail};
use serde_json::Value;

use super::Prometheus;

impl Prometheus {
    /// The data of any endpoint of the API, such as `rules`.
    pub async fn api(&self, path: &str, parameters: &[(&str, &str)]) -> anyhow::Result<Value> {
        let url = format!("{}/api/v1/{path}", self.url);
        let response = self.client.get(url).query(parameters).send().await?;
        if !response.status().is_success() {
            bail!("`{path}` was answered with {}", response.text().await?);
        }
        let mut answer: Value = response.json().await.with_context(|| path.to_owned())?;
        Ok(answer["data"].take())
    }

    /// Whether an instant query returns a number; `at` is in seconds since 1970.
    pub async fn holds(&self, query: &str, at: u64) -> anyhow::Result<bool> {
        let data = self.api("query", &[("query", query), ("time", &at.to_string())]).await?;
        let series = data["result"].as_array().into_iter().flatten();
        Ok(series.map(|one| &one["value"]).any(is_number))
    }

    /// Whether a range query returns at least one number.
    pub async fn graph(
        &self,
        query: &str,
        from: u64,
        to: u64,
        step: Duration,
    ) -> anyhow::Result<bool> {
        let (from, to, step) = (from.to_string(), to.to_string(), step.as_secs().to_string());
        let range = [("query", query), ("start", &from), ("end", &to), ("step", &step)];
        let data = self.api("query_range", &range).await?;
        let series = data["result"].as_array().into_iter().flatten();
        Ok(series.filter_map(|one| one["values"].as_array()).flatten().any(is_number))
    }

    /// The values that `label` has in the series of a selector.
    pub async fn label_values(&self, label: &str, selector: &str) -> anyhow::Result<Vec<String>> {
        let data = self.api(&format!("label/{label}/values"), &[("match[]", selector)]).await?;
        Ok(serde_json::from_value(data)?)
    }
}

/// Whether the value in a pair of time and value is a number.
fn is_number(sample: &Value) -> bool {
    sample[1].as_str().is_some_and(|value| value.parse().is_ok_and(|value: f64| !value.is_nan()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn nan_and_null_are_not_numbers() {
        assert!(is_number(&json!([1.0, "0"])) && is_number(&json!([1.0, "+Inf"])));
        assert!(!is_number(&json!([1.0, "NaN"])) && !is_number(&Value::Null));
    }
}
