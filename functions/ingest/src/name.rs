//! The metric and label names of YACE, so that existing dashboards and rules keep working.

/// `AWS/ApplicationELB`, `TargetResponseTime`, `Average` → `aws_applicationelb_target_response_time_average`.
pub(crate) fn metric(namespace: &str, metric: &str, statistic: &str) -> String {
    let namespace = snake(&namespace.to_lowercase());
    let namespace = namespace.strip_prefix('_').unwrap_or(&namespace);
    // Some services repeat their name in the name of the metric, such as `glue.driver.…`.
    let metric = snake(metric);
    let short = namespace
        .split('_')
        .fold(metric.as_str(), |metric, part| metric.strip_prefix(part).unwrap_or(metric));
    let short = short.strip_prefix('_').unwrap_or(short);
    let aws = if namespace.starts_with("aws") { "" } else { "aws_" };
    valid(&format!("{aws}{namespace}_{short}_{}", snake(statistic)))
}

/// `LoadBalancer` → `dimension_LoadBalancer`: the case is kept, as in YACE.
pub(crate) fn dimension(name: &str) -> String {
    let mut label = String::with_capacity(10 + name.len());
    label.push_str("dimension_");
    for char in name.chars() {
        if char == '%' {
            label.push_str("_percent");
        } else {
            label.push(char);
        }
    }
    valid(&label)
}

/// Lower case, with `_` instead of separators and before a capital letter after a small letter or digit.
fn snake(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    let mut previous = ' ';
    for char in text.chars() {
        match char {
            '%' => out.push_str("_percent"),
            ' ' | ',' | '\t' | '/' | '\\' | '.' | '-' | ':' | '=' | '@' | '<' | '>' | '(' | ')' => {
                out.push('_');
            }
            _ => {
                if char.is_uppercase() && (previous.is_lowercase() || previous.is_numeric()) {
                    out.push('_');
                }
                out.extend(char.to_lowercase());
            }
        }
        previous = char;
    }
    out
}

/// Replaces other characters by `_`. YACE drops such metrics.
fn valid(name: &str) -> String {
    name.chars().map(|char| if char.is_ascii_alphanumeric() { char } else { '_' }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics_have_the_names_of_yace() {
        let cases = [
            (
                ("AWS/ApplicationELB", "TargetResponseTime", "Average"),
                "aws_applicationelb_target_response_time_average",
            ),
            (
                ("AWS/ApplicationELB", "HTTPCode_Target_5XX_Count", "Sum"),
                "aws_applicationelb_httpcode_target_5_xx_count_sum",
            ),
            (("AWS/EC2", "CPUUtilization", "Maximum"), "aws_ec2_cpuutilization_maximum"),
            (("AWS/EC2", "NetworkIn", "p99.9"), "aws_ec2_network_in_p99_9"),
            (("AWS/Lambda", "Duration", "SampleCount"), "aws_lambda_duration_sample_count"),
            (
                ("ECS/ContainerInsights", "CpuUtilized", "Minimum"),
                "aws_ecs_containerinsights_cpu_utilized_minimum",
            ),
            (
                ("Glue", "glue.driver.aggregate.bytesRead", "Sum"),
                "aws_glue_driver_aggregate_bytes_read_sum",
            ),
            (
                ("/aws/sagemaker/TrainingJobs", "CPUUtilization", "Average"),
                "aws_sagemaker_trainingjobs_cpuutilization_average",
            ),
            (
                ("AWS/EC2", "DiskWriteOps", "TM(25%:75%)"),
                "aws_ec2_disk_write_ops_tm_25_percent_75_percent_",
            ),
            (("My App", "Prix €", "Sum"), "aws_my_app_prix___sum"),
        ];
        for ((namespace, name, statistic), expected) in cases {
            assert_eq!(metric(namespace, name, statistic), expected);
        }
    }

    #[test]
    fn dimensions_keep_their_case() {
        for (name, expected) in [
            ("LoadBalancer", "dimension_LoadBalancer"),
            ("aws:autoscaling", "dimension_aws_autoscaling"),
            ("Used %", "dimension_Used__percent"),
            ("Größe", "dimension_Gr__e"),
        ] {
            assert_eq!(dimension(name), expected);
        }
    }
}
