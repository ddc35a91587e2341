import { describe, expect, it } from "vitest";
import { CommandError } from "../session/errors.js";
import { type Manifest, parseManifests } from "./parse-manifests.js";

const parsed = (text: string): readonly Manifest[] =>
  parseManifests(text, "web.yaml").filter((one): one is Manifest => !(one instanceof CommandError));
const faults = (text: string): readonly string[] =>
  parseManifests(text, "web.yaml")
    .filter((one) => one instanceof CommandError)
    .map(({ message }) => message);

const MAP = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n";

describe("parseManifests()", () => {
  it("reads documents and passes over empty ones", () => {
    const found = parsed(`---\n# nothing\n---\n${MAP}---\n${MAP.replace("a}", "b}")}...\n`);
    expect(found.map(({ object }) => object.metadata.name)).toEqual(["a", "b"]);
    expect(parseManifests("", "x")).toEqual([]);
  });

  it("reads JSON, also with tabs", () => {
    const [found] = parsed(
      '{\n\t"apiVersion": "v1",\n\t"kind": "ConfigMap",\n\t"metadata": {"name": "j"}\n}\n',
    );
    expect(found?.object.metadata.name).toBe("j");
  });

  it("unfolds lists, typed ones and lists in lists", () => {
    const text = `apiVersion: v1\nkind: List\nitems:\n- ${MAP.replaceAll("\n", "\n  ")}\n- apiVersion: v1\n  kind: PodList\n  items: [{metadata: {name: p}}]\n`;
    expect(parsed(text).map(({ kind, object }) => `${kind}/${object.metadata.name}`)).toEqual([
      "ConfigMap/a",
      "Pod/p",
    ]);
  });

  it("reads scalars in the sense of YAML 1.1, but neither times nor sixties", () => {
    const [found] = parsed(
      `${MAP}data: {mode: 0644, hex: 0x10, yes: on, time: 2026-01-01T00:00:00Z, port: 22:22, text: "0644"}\n`,
    );
    expect(found?.object).toMatchObject({
      data: {
        mode: 420,
        hex: 16,
        true: true,
        time: "2026-01-01T00:00:00Z",
        port: "22:22",
        text: "0644",
      },
    });
  });

  it("merges with <<", () => {
    const [found] = parsed(`${MAP}x: &base {a: 1}\ndata:\n  <<: *base\n  b: 2\n`);
    expect(found?.object).toMatchObject({ data: { a: 1, b: 2 } });
  });

  it("names file, document and line of what YAML cannot be", () => {
    expect(faults("a: b: c\n")[0]).toMatch(/^cannot parse web.yaml: line 1, column 4: /);
    expect(faults(`${MAP}---\n\tx: 1\n`)[0]).toMatch(
      /^cannot parse web.yaml: document 2, line 5, column 1: Tabs are not allowed/,
    );
    expect(parsed(`${MAP}---\n\tx: 1\n`)).toHaveLength(1);
  });

  it("refuses a key that is there twice", () => {
    expect(faults("a: 1\na: 2\n")[0]).toContain("line 2, column 1: Map keys must be unique");
  });

  it.each([
    ["- a\n", "line 1: expected an object with apiVersion and kind"],
    ["apiVersion: v1\n", "line 1: kind not set"],
    ["\n\nkind: Pod\n", "line 3: apiVersion not set"],
    ["apiVersion: 1\nkind: Pod\n", "line 1: apiVersion is 1, expected a string"],
    ["apiVersion: v1\nkind: Pod\nmetadata: x\n", "line 1: metadata is not a mapping"],
    [
      "apiVersion: v1\nkind: Pod\nmetadata: {name: 1}\n",
      "line 1: metadata.name is 1, expected a string",
    ],
    [
      "apiVersion: v1\nkind: List\nitems: [1]\n",
      "line 1, items[0]: expected an object with apiVersion and kind",
    ],
  ])("refuses %j in words", (text, fault) => {
    expect(faults(text)).toEqual([`cannot use web.yaml: ${fault}`]);
  });

  it("refuses aliases that unfold without end", () => {
    const bomb = `${MAP}a: &a [1,1,1,1,1,1,1,1,1,1]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c,*c]\ne: [*d,*d,*d,*d,*d,*d,*d,*d,*d,*d]\n`;
    expect(faults(bomb)[0]).toContain("Excessive alias count");
  });
});
