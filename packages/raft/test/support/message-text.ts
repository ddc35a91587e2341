/** Reads a line of text as the message that `describeMessage` would write so. */
import { describeMessage } from "../../src/core/describe.js";
import type { Message } from "../../src/core/message.js";
import type { Entry, NodeId } from "../../src/core/types.js";
import { entryOf } from "./scenario-member.js";

const HEAD = /^(\d+)→(\d+) ([a-z-]+) t(\d+) ?(.*)$/;

export function isMessageText(line: string): boolean {
  return HEAD.test(line);
}

/** Throws where the line, read and written again, is not the same. */
export function parseMessage(line: string, voters: readonly NodeId[]): Message {
  const [, from = "0", to = "0", kind = "", term = "0", rest = ""] = HEAD.exec(line) ?? [];
  const envelope = { from: BigInt(from), to: BigInt(to), term: Number(term) };
  const message = { ...envelope, ...bodyOf(kind, { rest, voters }) };
  if (describeMessage(message) !== line) {
    throw new Error(`Cannot read "${line}": it would be "${describeMessage(message)}"`);
  }
  return message;
}

type Body<M = Message> = M extends Message ? Omit<M, "from" | "to" | "term"> : never;

function bodyOf(
  kind: string,
  { rest, voters }: { readonly rest: string; readonly voters: readonly NodeId[] },
): Body {
  const place = (name: string): [index: number, term: number] => {
    const [, index, term] = new RegExp(`\\b${name}=(\\d+)@(\\d+)`).exec(rest) ?? [];
    return [Number(index), Number(term)];
  };
  const figure = (name: string): number => {
    const [, value] = new RegExp(`\\b${name}=(\\d+)(?!@)`).exec(rest) ?? [];
    return Number(value);
  };
  switch (kind) {
    case "append": {
      const [prevIndex, prevTerm] = place("prev");
      return { kind, prevIndex, prevTerm, commit: figure("commit"), entries: entriesOf(rest) };
    }
    case "append-response": {
      if (!rest.startsWith("rejected")) {
        const accepted = { rejected: false, hintIndex: 0, hintTerm: 0 };
        return { kind, index: figure("match"), ...accepted };
      }
      const [hintIndex, hintTerm] = place("hint");
      return { kind, index: figure("rejected"), rejected: true, hintIndex, hintTerm };
    }
    case "commit": {
      const [index, logTerm] = place("at");
      return { kind, index, logTerm, commit: figure("commit") };
    }
    case "heartbeat":
      return { kind, commit: figure("commit"), round: figure("round") };
    case "heartbeat-response":
      return { kind, round: figure("round"), idle: rest.endsWith(" idle") };
    case "vote":
    case "pre-vote": {
      const [lastIndex, lastTerm] = place("last");
      return { kind, lastIndex, lastTerm, transfer: rest.endsWith(" transfer") };
    }
    case "vote-response":
    case "pre-vote-response":
      return { kind, granted: rest === "granted" };
    case "snapshot": {
      const [index, term] = place("at");
      return { kind, metadata: { index, term, confState: { voters } } };
    }
    case "propose":
      return {
        kind,
        data: Array.from({ length: Number.parseInt(rest, 10) }, () => Uint8Array.of(0)),
      };
    case "read-index":
      return { kind, context: figure("context") };
    case "read-index-response":
      return { kind, context: figure("context"), index: figure("index") };
    case "timeout-now":
      return { kind };
    default:
      throw new Error(`Cannot read a message of kind "${kind}"`);
  }
}

function entriesOf(rest: string): Entry[] {
  const [, list = ""] = /\[(.*)\]$/.exec(rest) ?? [];
  return list
    .split(" ")
    .filter((one) => one !== "")
    .map((one) => {
      const [index, term] = one.split("@").map(Number);
      return entryOf(index ?? 0, term ?? 0);
    });
}
