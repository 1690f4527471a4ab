//! Records of a metric stream reach Prometheus. The emulator has no metric stream, so the test puts the records into
//! Firehose, which invokes the deployed function.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use alarm_model::StateValue;
use anyhow::ensure;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use harness::environment::LocalEnvironment;
use serde_json::json;

pub(super) async fn reaches_prometheus(env: &LocalEnvironment) -> anyhow::Result<()> {
    let sent = SystemTime::now();
    let now = sent.duration_since(UNIX_EPOCH)?.as_secs();
    let point = |sum: f64| {
        json!({
            "metric_stream_name": "vigie-local", "account_id": "123456789012", "region": "us-east-1",
            "namespace": "AWS/ApplicationELB", "metric_name": "RequestCount",
            "dimensions": { "LoadBalancer": "app/chat/1" }, "timestamp": now / 60 * 60 * 1_000,
            "value": { "count": 4.0, "sum": sum, "max": 9.0, "min": 1.0 }, "unit": "Count",
        })
    };
    // The second record cannot be read; the third still arrives.
    let mut other = point(7.0);
    other["dimensions"] = json!({ "LoadBalancer": "app/other/2" });
    let records = [point(20.0).to_string(), "nonsense".to_owned(), other.to_string()];
    let records: Vec<_> =
        records.iter().map(|record| json!({ "Data": BASE64_STANDARD.encode(record) })).collect();
    let body = json!({ "DeliveryStreamName": "vigie-local-metrics", "Records": records });
    let answer = env.aws.call("firehose", "Firehose_20150804.PutRecordBatch", &body).await?;
    ensure!(answer["FailedPutCount"] == 0, "{answer}");

    for query in [
        r#"aws_applicationelb_request_count_sum{dimension_LoadBalancer="app/chat/1",region="us-east-1",environment="local"} == 20"#,
        r#"aws_applicationelb_request_count_average{dimension_LoadBalancer="app/chat/1"} == 5"#,
        r#"aws_applicationelb_request_count_sum{dimension_LoadBalancer="app/other/2"} == 7"#,
    ] {
        env.until(query, Duration::from_secs(60), async || {
            Ok(env.prometheus.query(query).await?.into_iter().next())
        })
        .await?;
    }
    // Its period has five minutes and may begin just before the record.
    let alarm = "vigie-local-ingest-rejected";
    env.changed(alarm, StateValue::Alarm, sent, Duration::from_secs(120)).await?;
    Ok(())
}
