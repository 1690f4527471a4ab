//! What the functions write into the table.

use std::time::Duration;

use anyhow::Context;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;

use super::Stack;

/// The claim of the function `alerts` while it handles a minute.
const CLAIM: (&str, &str) = ("claim#sending", "claim");

impl Stack<'_> {
    /// Whether a function has written the item of the marked message.
    pub(super) async fn is_recorded_within(
        &self,
        sort_key: &str,
        limit: Duration,
    ) -> anyhow::Result<bool> {
        let key = format!("test#{}", self.id);
        let item = self.until(limit, async || self.item(&key, sort_key).await).await?;
        Ok(item.is_some())
    }

    /// Whether the function `alerts` has handled a minute since the check began.
    pub(super) async fn is_claimed_within(&self, limit: Duration) -> anyhow::Result<bool> {
        let started = self.started.as_millisecond();
        let claimed = self.until(limit, async || {
            let until = self.item(CLAIM.0, CLAIM.1).await?;
            let until: Option<i64> = until.and_then(|until| until.parse().ok());
            Ok(until.filter(|until| started <= *until))
        });
        Ok(claimed.await?.is_some())
    }

    /// The end of a claim, or an empty text for another item; `None` if there is no such item.
    async fn item(&self, key: &str, sort_key: &str) -> anyhow::Result<Option<String>> {
        let table = format!("vigie-{}", self.environment);
        let answer = Client::new(self.aws)
            .get_item()
            .table_name(&table)
            .key("pk", AttributeValue::S(key.to_owned()))
            .key("sk", AttributeValue::S(sort_key.to_owned()))
            .consistent_read(true)
            .send()
            .await
            .map_err(|error| anyhow::Error::new(error.into_service_error()))
            .with_context(|| format!("could not read the table `{table}`"))?;
        let until = |item: &std::collections::HashMap<String, AttributeValue>| {
            item.get("until_ms").and_then(|until| until.as_n().ok().cloned()).unwrap_or_default()
        };
        Ok(answer.item().map(until))
    }
}
