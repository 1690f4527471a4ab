"""Lints a template as CloudFormation sees it, after SAM's transform: that of the project, or the file that is named.

The full lint is for one region; that every resource type exists is checked for all regions.

`sam validate --lint` and cfn-lint on the source file do not see the resources that the transform creates.

    .venv/sam/bin/python tests/emulator/lint_transformed.py [TEMPLATE]
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
from cfnlint.schema import PROVIDER_SCHEMA_MANAGER
from samtranslator.translator.managed_policy_translator import ManagedPolicyLoader
from samtranslator.translator.transform import transform

INFRA = pathlib.Path(__file__).resolve().parents[2] / "infra"


PACKAGED = {
    "CodeUri": "s3://bucket/key",
    "ContentUri": "s3://bucket/key",
    "Location": "https://bucket.s3.us-east-1.amazonaws.com/key",
}


def packaged(template):
    """Local paths replaced by addresses, as `sam package` does."""
    for resource in template["Resources"].values():
        if resource["Type"].startswith("AWS::Serverless::"):
            properties = resource["Properties"]
            local = {key for key in PACKAGED if isinstance(properties.get(key), str)}
            properties.update({key: PACKAGED[key] for key in local})
    return template


def main():
    os.environ.setdefault("AWS_DEFAULT_REGION", "us-east-1")
    path = sys.argv[1] if len(sys.argv) > 1 else str(INFRA / "template.yaml")
    template = packaged(json.loads(json.dumps(load(path), default=str)))
    # The policies are inline, so no managed policy is looked up.
    loader = ManagedPolicyLoader(boto3.client("iam", aws_access_key_id="x", aws_secret_access_key="x"))
    loader._policy_map = {}
    transformed = transform(template, {}, loader)
    size = len(json.dumps(transformed))
    count = len(transformed["Resources"])
    print(f"{count} resources, {size} bytes, {len(REGIONS)} regions")
    if count > 500 or size > 1_000_000:
        sys.exit("the transformed template exceeds the limits of CloudFormation")
    nested = [load(str(INFRA / name)) for name in ("self-monitoring.yaml", "dashboard.yaml", "alarms.yaml", "metric-stream.yaml")]
    types = {resource["Type"] for stack in [transformed, *nested] for resource in stack["Resources"].values()}
    missing = {
        (region, kind)
        for region in REGIONS
        for kind in types
        if kind not in PROVIDER_SCHEMA_MANAGER.get_resource_types(region)
    }
    for region, kind in sorted(missing):
        print(f"{kind} does not exist in {region}")
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "template.json"
        path.write_text(json.dumps(transformed))
        cfn_lint = pathlib.Path(sys.executable).with_name("cfn-lint")
        status = subprocess.run([cfn_lint, "--non-zero-exit-code", "error", path]).returncode
    if missing or status:
        sys.exit("errors in the transformed template")


main()
