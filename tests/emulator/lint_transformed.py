"""Lints the template as CloudFormation sees it, after SAM's transform, for every region.

`sam validate --lint` and cfn-lint on the source file do not see the resources that the transform creates.

    .venv/sam/bin/python tests/emulator/lint_transformed.py
"""

import json
import os
import pathlib
import subprocess
import sys
import tempfile

import boto3
from cfnlint.decode.cfn_yaml import load
from cfnlint.helpers import REGIONS
from samtranslator.translator.managed_policy_translator import ManagedPolicyLoader
from samtranslator.translator.transform import transform

# Regions without Lambda function URLs, which `MetricStreams=on` needs: docs/metric-streams.md.
WITHOUT_FUNCTION_URLS = "E3006"
INFRA = pathlib.Path(__file__).resolve().parents[2] / "infra"


def packaged(template):
    """Local paths replaced by addresses, as `sam package` does."""
    for resource in template["Resources"].values():
        properties = resource.get("Properties", {})
        if resource["Type"] == "AWS::Serverless::Function":
            properties["CodeUri"] = "s3://bucket/key"
        if resource["Type"] == "AWS::Serverless::Application":
            properties["Location"] = "https://bucket.s3.us-east-1.amazonaws.com/key"
    return template


def main():
    os.environ.setdefault("AWS_DEFAULT_REGION", "us-east-1")
    template = packaged(json.loads(json.dumps(load(str(INFRA / "template.yaml")), default=str)))
    # The policies are inline, so no managed policy is looked up.
    loader = ManagedPolicyLoader(boto3.client("iam", aws_access_key_id="x", aws_secret_access_key="x"))
    loader._policy_map = {}
    transformed = transform(template, {}, loader)
    size = len(json.dumps(transformed))
    count = len(transformed["Resources"])
    print(f"{count} resources, {size} bytes, {len(REGIONS)} regions")
    if count > 500 or size > 1_000_000:
        sys.exit("the transformed template exceeds the limits of CloudFormation")
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "template.json"
        path.write_text(json.dumps(transformed))
        files = [path, INFRA / "self-monitoring.yaml", INFRA / "dashboard.yaml"]
        cfn_lint = pathlib.Path(sys.executable).with_name("cfn-lint")
        command = [cfn_lint, "--format", "json", "--regions", *REGIONS, "--", *files]
        output = subprocess.run(command, capture_output=True, text=True).stdout
    wrong = [
        found
        for found in json.loads(output or "[]")
        if found["Level"] == "Error"
        and not (found["Rule"]["Id"] == WITHOUT_FUNCTION_URLS and "AWS::Lambda::Url" in found["Message"])
    ]
    for found in wrong:
        print(found["Rule"]["Id"], found["Message"], found["Location"]["Path"])
    if wrong:
        sys.exit(f"{len(wrong)} errors in the transformed template")


main()
