//! A `DynamoDB` table in memory, also for the tests of `status-site`.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::batch_get_item::BatchGetItemOutput;
use aws_sdk_dynamodb::operation::put_item::PutItemOutput;
use aws_sdk_dynamodb::operation::query::QueryOutput;
use aws_sdk_dynamodb::operation::update_item::UpdateItemOutput;
use aws_sdk_dynamodb::types::{AttributeValue, KeysAndAttributes};
use aws_smithy_mocks::{Rule, RuleMode, mock, mock_client};

pub(crate) type Item = HashMap<String, AttributeValue>;
pub(crate) type Items = Arc<Mutex<BTreeMap<(String, String), Item>>>;

/// A table in memory, for the requests of `run-table` and some of `notification-store`.
pub(crate) struct Fake {
    pub(crate) items: Items,
    rules: Vec<Rule>,
}

fn key(item: &Item) -> (String, String) {
    let text = |name: &str| item[name].as_s().unwrap().clone();
    (text("pk"), text("sk"))
}

impl Fake {
    pub(crate) fn new() -> Self {
        let items = Items::default();
        let rules = vec![updating(&items), putting(&items), querying(&items), getting(&items)];
        Self { items, rules }
    }

    /// The name of the table is `table`.
    pub(crate) fn client(&self) -> Client {
        let rules: Vec<&Rule> = self.rules.iter().collect();
        mock_client!(aws_sdk_dynamodb, RuleMode::MatchAny, rules)
    }
}

fn updating(items: &Items) -> Rule {
    let items = Arc::clone(items);
    mock!(Client::update_item).then_compute_output(move |request| {
        let mut items = items.lock().unwrap();
        let item = items.entry(key(request.key().unwrap())).or_default();
        item.extend(request.key().unwrap().clone());
        let values = request.expression_attribute_values().unwrap();
        let name = &request.expression_attribute_names().unwrap()["#run"];
        item.insert(name.clone(), values[":run"].clone());
        item.insert("expires_at".to_owned(), values[":expires"].clone());
        UpdateItemOutput::builder().build()
    })
}

fn putting(items: &Items) -> Rule {
    let items = Arc::clone(items);
    mock!(Client::put_item).then_compute_output(move |request| {
        let item = request.item().unwrap().clone();
        items.lock().unwrap().insert(key(&item), item);
        PutItemOutput::builder().build()
    })
}

/// Answers two items a page.
fn querying(items: &Items) -> Rule {
    let items = Arc::clone(items);
    mock!(Client::query).then_compute_output(move |request| {
        let values = request.expression_attribute_values().unwrap();
        let text = |name: &str| values.get(name).map(|value| value.as_s().unwrap().clone());
        let (first, last) = (text(":first").unwrap_or_default(), text(":last"));
        let after = request.exclusive_start_key().map(key);
        let items = items.lock().unwrap();
        let in_range = |(at, _): &(&(String, String), &Item)| {
            Some(&at.0) == text(":pk").as_ref()
                && first <= at.1
                && last.as_ref().is_none_or(|last| at.1 <= *last)
                && after.as_ref().is_none_or(|after| after < at)
        };
        let mut found: Vec<Item> =
            items.iter().filter(in_range).map(|(_, item)| item.clone()).collect();
        if request.scan_index_forward() == Some(false) {
            found.reverse();
        }
        let paged = last.is_some_and(|last| last.starts_with("runs#")) && 2 < found.len();
        found.truncate(if paged { 2 } else { found.len() });
        let next = found.last().filter(|_| paged).map(|item| {
            item.iter()
                .filter(|(name, _)| *name == "pk" || *name == "sk")
                .map(|(name, value)| (name.clone(), value.clone()))
                .collect()
        });
        QueryOutput::builder().set_items(Some(found)).set_last_evaluated_key(next).build()
    })
}

/// Answers one key of each request and leaves the others unprocessed.
fn getting(items: &Items) -> Rule {
    let items = Arc::clone(items);
    mock!(Client::batch_get_item).then_compute_output(move |request| {
        let keys = request.request_items().unwrap()["table"].keys();
        let items = items.lock().unwrap();
        let found = items.get(&key(&keys[0])).cloned().into_iter().collect();
        let left = KeysAndAttributes::builder().set_keys(Some(keys[1..].to_vec())).build().unwrap();
        let left = HashMap::from([("table".to_owned(), left)]);
        BatchGetItemOutput::builder()
            .responses("table", found)
            .set_unprocessed_keys((keys.len() > 1).then_some(left))
            .build()
    })
}
