//! What the functions write into the table.

use std::time::Duration;

use anyhow::Context;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;

use super::Stack;

impl Stack<'_> {
    /// Whether a function has written the item of the marked message.
    pub(super) async fn is_recorded_within(
        &self,
        sort_key: &str,
        limit: Duration,
    ) -> anyhow::Result<bool> {
        let key = format!("test#{}", self.id);
        let found = self.until(limit, async || {
            let found = self.has_item(&key, sort_key).await?;
            Ok(found.then_some(()))
        });
        Ok(found.await?.is_some())
    }

    async fn has_item(&self, key: &str, sort_key: &str) -> anyhow::Result<bool> {
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
        Ok(answer.item().is_some())
    }
}
