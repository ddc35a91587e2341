import { describe, expect, it } from "vitest";
import { evaluatePath, renderTemplate } from "./eval-json-path.js";
import { JsonPathError, parseJsonPath, parseRelaxedPath } from "./parse-json-path.js";

const DOCUMENT = {
  kind: "List",
  items: [
    {
      metadata: { name: "a", labels: { "app.kubernetes.io/name": "web" } },
      spec: { replicas: 3, ports: [80, 81, 82] },
      status: { conditions: [{ type: "Ready", status: "True" }] },
    },
    {
      metadata: { name: "b" },
      spec: { replicas: 10, paused: true },
      status: { conditions: [{ type: "Ready", status: "False" }] },
    },
  ],
};

const render = (template: string): string => renderTemplate(parseJsonPath(template), DOCUMENT);

describe("renderTemplate()", () => {
  it.each([
    ["{.kind}", "List"],
    ["{$.kind} {@.kind}", "List List"],
    ["kind: {.kind}!", "kind: List!"],
    ["{.items[*].metadata.name}", "a b"],
    ["{.items[0].spec.ports}", "[80,81,82]"],
    ["{.items[0].spec.ports[1:]}", "81 82"],
    ["{.items[0].spec.ports[::2]}", "80 82"],
    ["{.items[0].spec.ports[0,2]}", "80 82"],
    ["{.items[-1].metadata.name}", "b"],
    ["{.items[-1:].metadata.name}", "b"],
    ["{.items[5].metadata.name}", ""],
    ["{.nothing.at.all}", ""],
    ["{..name}", "a b"],
    ["{.items[0]['metadata'].name}", "a"],
    ["{.items[0].metadata.labels.app\\.kubernetes\\.io/name}", "web"],
    ["{.items[0].metadata.labels['app.kubernetes.io/name']}", "web"],
    ["{.items[0].metadata['name','labels']}", 'a {"app.kubernetes.io/name":"web"}'],
    ['{.items[?(@.metadata.name=="b")].spec.replicas}', "10"],
    ["{.items[?(@.metadata.name!='b')].spec.replicas}", "3"],
    ["{.items[?(@.spec.replicas>3)].metadata.name}", "b"],
    ["{.items[?(@.spec.replicas<=3)].metadata.name}", "a"],
    ["{.items[?(@.spec.paused)].metadata.name}", "b"],
    ["{.items[?(@.spec.paused==true)].metadata.name}", "b"],
    ['{.items[*].status.conditions[?(@.type=="Ready")].status}', "True False"],
    ['{range .items[*]}{.metadata.name}{"\\t"}{.spec.replicas}{"\\n"}{end}', "a\t3\nb\t10\n"],
    ["{range .items[*]}[{range .spec.ports[*]}({.}){end}]{end}", "[(80)(81)(82)][]"],
    ["{range .items[*]}{$.kind} {end}", "List List "],
    ["no action", "no action"],
  ])("%s prints %j", (template, expected) => {
    expect(render(template)).toBe(expected);
  });
});

describe("parseJsonPath()", () => {
  it.each([
    ["{.a", "unclosed action"],
    ["{range .a}{.b}", "unclosed range"],
    ["{.a}{end}", "not in range, nothing to end"],
    ["{.a[}", "invalid array index"],
    ["{.a[0}", "unterminated array"],
    ["{.a[?(@.b==1]}", "unterminated filter"],
    ["{'a}", "unterminated quoted string"],
    ["{=}", "unrecognized character in action: ="],
    ["{.a[1:2:0]}", "greater than zero"],
  ])("refuses %s and names the fault", (template, fault) => {
    expect(() => parseJsonPath(template)).toThrow(JsonPathError);
    expect(() => parseJsonPath(template)).toThrow(fault);
  });
});

describe("parseRelaxedPath()", () => {
  it.each(["{.spec.replicas}", ".spec.replicas", "spec.replicas"])("reads %s", (text) => {
    expect(evaluatePath(parseRelaxedPath(text), DOCUMENT.items[0])).toEqual([3]);
  });

  it("refuses more than one path", () => {
    expect(() => parseRelaxedPath("{.a}{.b}")).toThrow("expected one path");
  });
});
