//! Links to consoles and documentation. They carry no credentials: the reader's own login decides.

use std::fmt::Write as _;

/// The page of the alarm with this ARN; `None` when it is not the ARN of an alarm.
#[must_use]
pub fn alarm(arn: &str) -> Option<String> {
    // arn:PARTITION:cloudwatch:REGION:ACCOUNT:alarm:NAME, and the name may hold colons.
    let parts: Vec<&str> = arn.splitn(7, ':').collect();
    let [_, partition, "cloudwatch", region, _, "alarm", name] = parts[..] else { return None };
    let console = console(partition, region);
    Some(format!("{console}/cloudwatch/home?region={region}#alarmsV2:alarm/{}", escaped(name)))
}

/// The region of an alarm's ARN.
#[must_use]
pub fn region_of(arn: &str) -> Option<&str> {
    let parts: Vec<&str> = arn.splitn(7, ':').collect();
    let [_, _, "cloudwatch", region, _, "alarm", _] = parts[..] else { return None };
    Some(region)
}

/// The page of the object `key` in `bucket`.
#[must_use]
pub fn object(bucket: &str, key: &str, region: &str) -> String {
    let console = console(partition(region), region);
    format!("{console}/s3/object/{bucket}?region={region}&prefix={}", escaped(key))
}

/// The page of the dashboard `name`.
#[must_use]
pub fn dashboard(name: &str, region: &str) -> String {
    let console = console(partition(region), region);
    format!("{console}/cloudwatch/home?region={region}#dashboards/dashboard/{}", escaped(name))
}

/// A page of Vigie's documentation.
#[must_use]
pub fn docs(page: &str) -> String {
    format!("{}/blob/main/docs/{page}", env!("CARGO_PKG_REPOSITORY"))
}

fn partition(region: &str) -> &'static str {
    match region {
        _ if region.starts_with("cn-") => "aws-cn",
        _ if region.starts_with("us-gov-") => "aws-us-gov",
        _ => "aws",
    }
}

fn console(partition: &str, region: &str) -> String {
    let domain = match partition {
        "aws-cn" => "amazonaws.cn",
        "aws-us-gov" => "amazonaws-us-gov.com",
        _ => "aws.amazon.com",
    };
    format!("https://{region}.console.{domain}")
}

/// Percent-encodes what a path or a fragment must not contain.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            let _ = write!(escaped, "%{byte:02X}");
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_open_the_console_of_the_region() {
        assert_eq!(
            alarm("arn:aws:cloudwatch:eu-west-1:123456789012:alarm:a b").as_deref(),
            Some(
                "https://eu-west-1.console.aws.amazon.com/cloudwatch/home?region=eu-west-1#alarmsV2:alarm/a%20b"
            )
        );
        assert_eq!(alarm("arn:aws:sns:eu-west-1:123456789012:topic"), None);
        assert_eq!(
            object("bucket", "reports/bot/1.html", "cn-north-1"),
            "https://cn-north-1.console.amazonaws.cn/s3/object/bucket?region=cn-north-1&prefix=reports/bot/1.html"
        );
        assert_eq!(
            dashboard("vigie-prod", "us-gov-east-1"),
            "https://us-gov-east-1.console.amazonaws-us-gov.com/cloudwatch/home?region=us-gov-east-1#dashboards/dashboard/vigie-prod"
        );
    }
}
