const { App, Stack } = require("aws-cdk-lib");
const { Vigie } = require("./vigie.js");

const app = new App();
const stack = new Stack(app, "vigie-prod", { terminationProtection: true });
new Vigie(stack, "Vigie", {
  archive: app.node.getContext("archive"),
  parameters: { Environment: "prod", AlertEmail: "oncall@example.com" },
});
