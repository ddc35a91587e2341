import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { findKubeconfig } from "./kubeconfig-path.js";

let home: string;
const config = (name: string): string =>
  JSON.stringify({
    "current-context": name,
    contexts: [{ name, context: { cluster: "c", user: "u" } }],
    clusters: [{ name: "c", cluster: { server: `https://${name}` } }],
    users: [{ name: "u", user: { token: "t" } }],
  });

beforeAll(() => {
  home = mkdtempSync(`${tmpdir()}/sagong-home-`);
  mkdirSync(`${home}/.kube`);
  for (const name of ["a", "b"]) writeFileSync(`${home}/${name}`, config(name));
  writeFileSync(`${home}/.kube/config`, config("home"));
});
afterAll(() => rmSync(home, { recursive: true }));

const serverOf = (choice: { kubeconfig?: string; context?: string; KUBECONFIG?: string }): string =>
  findKubeconfig({
    kubeconfig: choice.kubeconfig,
    context: choice.context,
    env: { HOME: home, KUBECONFIG: choice.KUBECONFIG },
  }).server;

describe("findKubeconfig()", () => {
  it("takes the flag before the environment before the home folder", () => {
    expect(serverOf({ kubeconfig: `${home}/a`, KUBECONFIG: `${home}/b` })).toBe("https://a");
    expect(serverOf({ KUBECONFIG: `${home}/b` })).toBe("https://b");
    expect(serverOf({})).toBe("https://home");
  });

  it("takes of several files the first that is there and has the context", () => {
    const KUBECONFIG = `${home}/none:${home}/a:${home}/b`;
    expect(serverOf({ KUBECONFIG })).toBe("https://a");
    expect(serverOf({ KUBECONFIG, context: "b" })).toBe("https://b");
  });

  it("names the file and the fault", () => {
    expect(() => serverOf({ KUBECONFIG: `${home}/none` })).toThrow(
      `Cannot use kubeconfig ${home}/none: ENOENT`,
    );
    expect(() => serverOf({ context: "x" })).toThrow(
      `Cannot use kubeconfig ${home}/.kube/config: contexts has no "x"`,
    );
    expect(() => findKubeconfig({ kubeconfig: undefined, context: undefined, env: {} })).toThrow(
      "Cannot find a kubeconfig: expected --kubeconfig",
    );
  });
});
