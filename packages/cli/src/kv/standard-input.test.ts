import { decodeUtf8, encodeUtf8 } from "@sagong/base";
import { describe, expect, it } from "vitest";
import { StandardInput } from "./standard-input.js";

async function* chunks(...texts: string[]): AsyncGenerator<Uint8Array> {
  for (const text of texts) yield await Promise.resolve(encodeUtf8(text));
}

describe("StandardInput", () => {
  it("readLine() finds lines across chunks, and none without an end", async () => {
    const { signal } = new AbortController();
    const input = new StandardInput(chunks("a", "b\nc\n\nd", "", "e"), signal);
    expect(await input.readLine()).toBe("ab");
    expect(await input.readLine()).toBe("c");
    expect(await input.readLine()).toBe("");
    expect(await input.readLine()).toBeUndefined();
  });

  it("readAll() gives what lines left", async () => {
    const { signal } = new AbortController();
    const input = new StandardInput(chunks("a\nb", "c\n"), signal);
    await input.readLine();
    expect(decodeUtf8(await input.readAll())).toBe("bc\n");
  });

  it("readLine() ends when aborted", async () => {
    const stop = new AbortController();
    async function* never(): AsyncGenerator<Uint8Array> {
      await new Promise(() => {});
      yield new Uint8Array(0);
    }
    const line = new StandardInput(never(), stop.signal).readLine();
    stop.abort();
    await expect(line).rejects.toThrow("interrupted");
  });
});
