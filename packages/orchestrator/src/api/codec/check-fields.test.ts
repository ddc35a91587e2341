import { describe, expect, it } from "vitest";
import { loadSchema } from "../../schema-facts.js";
import { checkFields, FieldTypeError } from "./check-fields.js";
import { parseJson } from "./parse-json.js";

const schema = loadSchema();
const DEPLOYMENT = "io.k8s.api.apps.v1.Deployment";
const CONFIG_MAP = "io.k8s.api.core.v1.ConfigMap";

function check(type: string, text: string): ReturnType<typeof checkFields> {
  return checkFields(schema, type, parseJson(text));
}

describe("checkFields()", () => {
  it("names unknown and duplicate fields in the order of the document", () => {
    // The body of Kubernetes' own test of field validation, shortened.
    const text = `{"spec":{"unknown1":"v","unknownDupe":"v","unknownDupe":"w","paused":true,
      "paused":false,"template":{"spec":{"containers":[{"name":"nginx","unknownNested":"v",
      "imagePullPolicy":"Always","imagePullPolicy":"Never"}]}}}}`;
    const { strictFaults, value } = check(DEPLOYMENT, text);
    expect(strictFaults).toEqual([
      'unknown field "spec.unknown1"',
      'unknown field "spec.unknownDupe"',
      'duplicate field "spec.paused"',
      'unknown field "spec.template.spec.containers[0].unknownNested"',
      'duplicate field "spec.template.spec.containers[0].imagePullPolicy"',
    ]);
    const container = { name: "nginx", imagePullPolicy: "Never" };
    expect(value).toEqual({
      spec: { paused: false, template: { spec: { containers: [container] } } },
    });
  });

  it("names duplicate keys of maps, and keeps the last", () => {
    const { strictFaults, value } = check(CONFIG_MAP, '{"data":{"a":"1","b":"2","a":"3"}}');
    expect(strictFaults).toEqual(['duplicate field "data.a"']);
    expect(value).toEqual({ data: { a: "3", b: "2" } });
  });

  it("takes no field from what every object of the language has", () => {
    const text = '{"constructor":{"a":1},"toString":1,"hasOwnProperty":[]}';
    expect(check(DEPLOYMENT, text)).toEqual({
      strictFaults: [
        'unknown field "constructor"',
        'unknown field "toString"',
        'unknown field "hasOwnProperty"',
      ],
      value: {},
    });
    expect(check(CONFIG_MAP, '{"data":{"constructor":"x"}}').value).toEqual({
      data: { constructor: "x" },
    });
  });

  it("null is a field that is not there", () => {
    expect(check(DEPLOYMENT, '{"spec":null,"metadata":{"labels":null}}')).toEqual({
      strictFaults: [],
      value: { metadata: {} },
    });
  });

  it.each([
    [
      '{"spec":{"replicas":"3"}}',
      "string into Go struct field DeploymentSpec.spec.replicas of type int32",
    ],
    [
      '{"spec":{"replicas":1.5}}',
      "number 1.5 into Go struct field DeploymentSpec.spec.replicas of type int32",
    ],
    [
      '{"spec":{"replicas":2147483648}}',
      "number 2147483648 into Go struct field DeploymentSpec.spec.replicas of type int32",
    ],
    [
      '{"spec":{"paused":"yes"}}',
      "string into Go struct field DeploymentSpec.spec.paused of type bool",
    ],
    ['{"metadata":[]}', "array into Go struct field Deployment.metadata of type struct"],
    [
      '{"metadata":{"labels":{"a":1}}}',
      "number 1 into Go struct field ObjectMeta.metadata.labels.a of type string",
    ],
    [
      '{"spec":{"template":{"spec":{"containers":{}}}}}',
      "object into Go struct field PodSpec.spec.template.spec.containers of type slice",
    ],
    [
      '{"spec":{"selector":{"matchLabels":"a=b"}}}',
      "string into Go struct field LabelSelector.spec.selector.matchLabels of type map",
    ],
  ])("refuses %s with field and types", (text, message) => {
    expect(() => check(DEPLOYMENT, text)).toThrow(
      new FieldTypeError(`json: cannot unmarshal ${message}`),
    );
  });

  it("refuses times and bytes that are none", () => {
    expect(() => check(DEPLOYMENT, '{"metadata":{"creationTimestamp":"yesterday"}}')).toThrow(
      'parsing time "yesterday" in metadata.creationTimestamp: expected RFC 3339',
    );
    expect(() => check("io.k8s.api.core.v1.Secret", '{"data":{"a":"%"}}')).toThrow(
      "illegal base64 data in data.a",
    );
  });
});
