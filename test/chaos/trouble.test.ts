import { describe, expect, it } from "vitest";
import { CLOSING_MS, excuseOf, lastSentence, type MemberEnd, type Trouble } from "./trouble.js";

const WRITE_FAILED =
  "12:00 ERROR member stops itself\n" +
  "sagong store: stopped because Cannot write the raft log in /m1/log: EIO: i/o error, write\n";

const END: MemberEnd = {
  how: 1,
  output: WRITE_FAILED,
  launchedMs: 100,
  endedMs: 2_000,
  isOutOfMemory: false,
};

function failing(healedMs?: number): Trouble {
  return { cause: "its disk fails", healedMs };
}

describe("excuseOf()", () => {
  it("excuses a member that stops itself by what its disk does to it", () => {
    const trouble = failing();
    expect(excuseOf(END, [trouble])).toBe(trouble);
  });

  it("excuses the same where it closes behind the heal, and not for ever", () => {
    expect(excuseOf(END, [failing(1_000)])).toBeDefined();
    expect(excuseOf({ ...END, endedMs: 1_001 + CLOSING_MS }, [failing(1_000)])).toBeUndefined();
  });

  it("excuses no process that was started behind the heal", () => {
    expect(excuseOf(END, [failing(99)])).toBeUndefined();
  });

  it("excuses nothing where no fault gave the cause that is named", () => {
    expect(excuseOf(END, [])).toBeUndefined();
    expect(excuseOf(END, [{ cause: "its disk is full", healedMs: undefined }])).toBeUndefined();
  });

  it("excuses neither crashes nor exceptions that nobody caught", () => {
    expect(excuseOf({ ...END, how: "SIGABRT" }, [failing()])).toBeUndefined();
    expect(excuseOf({ ...END, how: 97 }, [failing()])).toBeUndefined();
    const output = "Error: EIO: i/o error, write\n    at file.js:1\n";
    expect(excuseOf({ ...END, output }, [failing()])).toBeUndefined();
  });

  it("excuses a SIGKILL where memory was short and the kernel says that it was for that", () => {
    const short: Trouble = { cause: "its memory is short", healedMs: undefined };
    const killed: MemberEnd = { ...END, how: "SIGKILL", output: "", isOutOfMemory: true };
    expect(excuseOf(killed, [failing(), short])).toBe(short);
    expect(excuseOf(killed, [failing()])).toBeUndefined();
    expect(excuseOf({ ...killed, isOutOfMemory: false }, [short])).toBeUndefined();
    expect(excuseOf({ ...killed, how: "SIGSEGV" }, [short])).toBeUndefined();
  });

  it("finds the trouble that is named among several", () => {
    const full: Trouble = { cause: "its disk is full", healedMs: undefined };
    const sentence = "Cannot open the database in /m1: IO error: 7.log: No space left on device";
    const end = { ...END, output: `sagong store: ${sentence}\n` };
    expect(excuseOf(end, [failing(), full])).toBe(full);
  });
});

describe("lastSentence()", () => {
  it("gives the last words of the member itself, whatever is said behind them", () => {
    const output = "sagong store: one\nsagong store: two\n(node:1) Warning: something\n";
    expect(lastSentence(output)).toBe("sagong store: two");
    expect(lastSentence("it was killed in the middle of a")).toBeUndefined();
  });
});
