/**
 * Objects as bytes in the store: msgpack behind a mark by default; JSON is recognised on reading,
 * so that a store written by others' tools can be opened.
 */
import { Packr } from "msgpackr";
import { ApiError } from "../api/api-status.js";
import type { KubeObject } from "../api/resource.js";

/** No JSON text and no Kubernetes protobuf begins so. */
const MARK = Buffer.from([0x00, 0x73, 0x67, 0x01]);
const OPEN_BRACE = 0x7b;

export class ObjectCodec {
  readonly #packr = new Packr({ useRecords: false, variableMapSize: true });

  encode(object: KubeObject): Uint8Array {
    return Buffer.concat([MARK, this.#packr.pack(object)]);
  }

  /** Throws `ApiError` StorageReadError where the bytes are of no known form. */
  decode(bytes: Uint8Array, key: string): KubeObject {
    const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
    if (buffer.subarray(0, MARK.length).equals(MARK)) {
      return this.#packr.unpack(buffer.subarray(MARK.length)) as KubeObject; // We wrote it.
    }
    if (buffer[0] === OPEN_BRACE) return JSON.parse(buffer.toString("utf8")) as KubeObject; // An object's JSON.
    throw new ApiError(
      "StorageReadError",
      `Cannot read ${key}: its value is neither msgpack nor JSON (Kubernetes protobuf in the store is not read yet)`,
    );
  }
}
