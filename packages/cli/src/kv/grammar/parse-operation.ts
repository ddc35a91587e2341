/** One request of a transaction as etcdctl has it typed: `put key "a value"`, on a byte string. */
import { DeleteRangeRequest, PutRequest, RangeRequest, type RequestOp } from "@sagong/kv/client";
import { normalizeArguments } from "../arguments.js";
import { KV_EXIT, KvError } from "../kv-error.js";
import { createProgram, parseProgram } from "../program.js";
import { addDeleteFlags, type DeleteFlags, deleteRequest } from "../requests/delete-request.js";
import { addPutFlags, type PutFlags, putRequest } from "../requests/put-request.js";
import { addRangeFlags, type RangeFlags, rangeRequest } from "../requests/range-request.js";
import { byteStringText, fromByteString } from "../text/byte-string.js";
import { splitWords } from "./split-words.js";

/** Throws `KvError` where `line` is no get, put or del. */
export function parseOperation(line: string): RequestOp {
  const words = splitWords(line);
  if (words.length < 2) refuse(`invalid txn compare request: ${byteStringText(line)}`);
  let request: RequestOp["request"];
  const program = createProgram("txn", SILENT);
  addRangeFlags(program.command("get").argument("[words...]")).action(
    (operands: string[], flags: RangeFlags) => {
      const value = RangeRequest.create(rangeRequest(operands.map(fromByteString), flags));
      request = { kind: "requestRange", value };
    },
  );
  addPutFlags(program.command("put").argument("[words...]")).action(
    (operands: string[], flags: PutFlags) => {
      const value = PutRequest.create(putRequest(operands.map(fromByteString), flags));
      request = { kind: "requestPut", value };
    },
  );
  addDeleteFlags(program.command("del").argument("[words...]")).action(
    (operands: string[], flags: DeleteFlags) => {
      const value = DeleteRangeRequest.create(deleteRequest(operands.map(fromByteString), flags));
      request = { kind: "requestDeleteRange", value };
    },
  );
  try {
    parseProgram(program, normalizeArguments(words, {}));
  } catch (error) {
    // The words do not name a command or a flag; what they say together, the command judges.
    if (error instanceof KvError && error.exitCode !== KV_EXIT.failure) throw error;
    refuse(`invalid txn request: ${byteStringText(line)}`);
  }
  return request ? { request } : refuse(`invalid txn request: ${byteStringText(line)}`);
}

const SILENT = { out: (): void => {}, err: (): void => {}, columns: undefined };

function refuse(message: string): never {
  throw new KvError(KV_EXIT.invalidInput, message);
}
