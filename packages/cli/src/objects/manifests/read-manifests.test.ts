import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readManifests } from "./read-manifests.js";

let folder: string;
const map = (name: string): string =>
  `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: ${name}}\n`;
const stdin = (text: string) => ({
  stdin: (async function* () {
    await Promise.resolve();
    for (const byte of new TextEncoder().encode(text)) yield Uint8Array.of(byte);
  })(),
});

beforeAll(() => {
  folder = mkdtempSync(`${tmpdir()}/sagong-manifests-`);
  mkdirSync(`${folder}/sub`);
  mkdirSync(`${folder}/empty`);
  writeFileSync(`${folder}/b.yaml`, map("b"));
  writeFileSync(
    `${folder}/a.json`,
    `{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a"}}`,
  );
  writeFileSync(`${folder}/note.txt`, "not a manifest");
  writeFileSync(`${folder}/sub/c.yml`, map("c"));
});
afterAll(() => rmSync(folder, { recursive: true }));

const names = async (files: readonly string[], recursive = false, text = "") => {
  const { manifests, errors } = await readManifests({ files, recursive }, stdin(text));
  return {
    names: manifests.map(({ object }) => object.metadata.name),
    errors: errors.map(({ message }) => message),
  };
};

describe("readManifests()", () => {
  it("reads a folder's manifests by file name, and the folders in it when asked", async () => {
    expect(await names([folder])).toEqual({ names: ["a", "b"], errors: [] });
    expect(await names([folder], true)).toEqual({ names: ["a", "b", "c"], errors: [] });
  });

  it("reads standard input, whole characters over parts", async () => {
    const { manifests } = await readManifests(
      { files: ["-"], recursive: false },
      stdin(`${map("s")}data: {k: 뗏목}\n`),
    );
    expect(manifests).toMatchObject([{ source: "STDIN", object: { data: { k: "뗏목" } } }]);
  });

  it("tells what is missing and reads the rest", async () => {
    const { names: found, errors } = await names([
      `${folder}/x.yaml`,
      `${folder}/b.yaml`,
      `${folder}/empty`,
    ]);
    expect(found).toEqual(["b"]);
    expect(errors).toEqual([
      `the path "${folder}/x.yaml" does not exist`,
      `error reading [${folder}/empty]: recognized file extensions are [.json .yaml .yml]`,
    ]);
  });

  it("says what to do with an address", async () => {
    const { errors } = await names(["https://example.com/x.yaml"]);
    expect(errors[0]).toContain("download it and pipe it to -f -");
  });
});
