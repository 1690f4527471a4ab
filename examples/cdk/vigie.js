// A construct that deploys a release archive of Vigie from a CDK app.
//
// It includes the template of the archive and replaces each local path with an asset.

const path = require("node:path");
const { Validations } = require("aws-cdk-lib");
const { Asset } = require("aws-cdk-lib/aws-s3-assets");
const { CfnApplication, CfnFunction, CfnLayerVersion } = require("aws-cdk-lib/aws-sam");
const { CfnInclude } = require("aws-cdk-lib/cloudformation-include");
const { Construct } = require("constructs");

// Warnings about the template that do not apply.
const ACKNOWLEDGED = {
  W1001: "both have the same condition",
  W1030: "a parameter that is empty by default is used only if it is set",
  W2509: "the name of a secret is not a secret",
  W8003: "the condition depends on the parameters of this app",
};

class Vigie extends Construct {
  /**
   * @param {Construct} scope the stack `vigie-ENVIRONMENT`: the `vigie` command finds an environment by this name
   * @param {string} id
   * @param {object} props
   * @param {string} props.archive the unpacked `vigie-VERSION-aws-ARCHITECTURE.tar.gz`
   * @param {Record<string, string>} props.parameters parameters of the template; `Environment` is required
   */
  constructor(scope, id, { archive, parameters }) {
    super(scope, id);
    this.infra = path.resolve(archive, "infra");
    this.template = new CfnInclude(this, "Template", {
      templateFile: path.join(this.infra, "template.yaml"),
      parameters,
    });
    this.template.node.findAll().forEach((resource) => this.#useAsset(resource));
    for (const [rule, reason] of Object.entries(ACKNOWLEDGED)) {
      Validations.of(scope).acknowledge({ id: `CloudFormation-Validate::${rule}`, reason });
    }
  }

  #useAsset(resource) {
    if (resource instanceof CfnFunction) {
      resource.codeUri = this.#object(resource, resource.codeUri);
    } else if (resource instanceof CfnLayerVersion) {
      resource.contentUri = this.#object(resource, resource.contentUri);
    } else if (resource instanceof CfnApplication) {
      // The location of a serverless application has to be a text, and the URL of an asset is an expression.
      const { httpUrl } = this.#asset(resource, resource.location);
      resource.addOverride("Type", "AWS::CloudFormation::Stack");
      resource.addDeletionOverride("Properties.Location");
      resource.addOverride("Properties.TemplateURL", httpUrl);
    }
  }

  #object(resource, file) {
    const { s3BucketName: bucket, s3ObjectKey: key } = this.#asset(resource, file);
    return { bucket, key };
  }

  #asset(resource, file) {
    return new Asset(resource, "Asset", { path: path.resolve(this.infra, file) });
  }
}

module.exports = { Vigie };
