import { describe, expect, it } from "vitest";
import { type ProgressStream, streamProgress } from "./progress.js";

function written(
  isTTY: boolean,
  columns: number,
): { text: string; readonly stream: ProgressStream } {
  const result = {
    text: "",
    stream: {
      isTTY,
      columns,
      write: (text: string) => {
        result.text += text;
      },
    },
  };
  return result;
}

describe("streamProgress()", () => {
  it("writes lines with their time", () => {
    const file = written(false, 80);
    const progress = streamProgress(file.stream, () => 1_234);
    progress.line("3 members serve");
    progress.status("process/kill-leader");
    expect(file.text).toBe("    1.2 s  3 members serve\n");
  });

  it("shows on a terminal what happens now, and takes it back", () => {
    const terminal = written(true, 20);
    const progress = streamProgress(terminal.stream, () => 0);
    progress.status("process/kill-leader");
    expect(terminal.text).toBe("\r\x1b[K    0.0 s  process/");
    progress.line("done");
    expect(terminal.text.endsWith("\r\x1b[K    0.0 s  done\n")).toBe(true);
  });

  it("shows it whole on a terminal that does not know its width", () => {
    const terminal = written(true, 0);
    streamProgress(terminal.stream, () => 0).status("process/kill-leader");
    expect(terminal.text).toBe("\r\x1b[K    0.0 s  process/kill-leader");
  });
});
