import { Readable } from "node:stream";
import { describe, expect, it } from "vitest";
import { apiserverCommand } from "./commands/apiserver.js";
import { startCommand } from "./commands/start.js";
import { EXIT_OK, EXIT_USAGE, type Io } from "./terminal.js";

function capture(): { readonly io: Io; readonly text: () => string } {
  let text = "";
  const write = (part: string): void => {
    text += part;
  };
  const io: Io = {
    out: write,
    err: write,
    env: {},
    stdin: Readable.from([]),
    isTerminal: false,
    columns: undefined,
    signal: AbortSignal.abort(),
  };
  return { io, text: () => text };
}

describe("transportOption()", () => {
  it.each([startCommand, apiserverCommand])("refuses what is no transport: %s", async (command) => {
    const { io, text } = capture();
    expect(await command(["--experimental-transport=pigeon"], io)).toBe(EXIT_USAGE);
    expect(text()).toContain("Allowed choices are http2, grpc-js.");
  });

  it.each([startCommand, apiserverCommand])("stands in the help: %s", async (command) => {
    const { io, text } = capture();
    expect(await command(["--help"], io)).toBe(EXIT_OK);
    expect(text()).toMatch(/--experimental-transport <name>.*\n?.*"http2", "grpc-js"/);
  });
});
