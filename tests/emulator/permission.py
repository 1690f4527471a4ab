"""Forbids a Lambda function what one statement of its role allows, or allows it again.

    python permission.py FUNCTION SID forbid|allow
"""

import json
import sys

import boto3


def main():
    function, sid, wanted = sys.argv[1:]
    role = boto3.client("lambda").get_function_configuration(FunctionName=function)["Role"].rsplit("/", 1)[1]
    iam = boto3.client("iam")
    for name in iam.list_role_policies(RoleName=role)["PolicyNames"]:
        policy = iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
        found = [statement for statement in policy["Statement"] if statement.get("Sid") == sid]
        for statement in found:
            statement["Effect"] = "Allow" if wanted == "allow" else "Deny"
        if found:
            iam.put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=json.dumps(policy))
            return
    sys.exit(f"the role `{role}` has no statement `{sid}`")


if __name__ == "__main__":
    main()
