/**
 * Kubernetes' protobuf bodies: `k8s\0`, then a runtime.Unknown that names the kind and holds the
 * object's own message. Generic over the schema's field numbers; gives the same tree that the JSON
 * of the object would.
 */
import { decodeUtf8 } from "@sagong/base";
import { MessageDecodeError, Reader } from "@sagong/rpc/message";
import { badRequest } from "../api-status.js";
import type { FieldFacts, Schema, TypeFacts, TypeRef } from "../schema/schema.js";
import { encodeBase64 } from "./base64.js";
import { JsonSyntaxError, parseJson } from "./parse-json.js";
import { microTimeText, timeText } from "../meta/time-text.js";

export interface ProtobufBody {
  readonly apiVersion: string;
  readonly kind: string;
  readonly value: Readonly<Record<string, unknown>>;
}

const MAGIC = [0x6b, 0x38, 0x73, 0x00];
const MAX_DEPTH = 100;

/** Messages that the JSON form has dissolved into their parent, by name: field → number. */
const INLINED: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  LocalObjectReference: { name: 1 },
  ProbeHandler: { exec: 1, httpGet: 2, tcpSocket: 3, grpc: 4 },
  VolumeSource: {
    hostPath: 1,
    emptyDir: 2,
    gcePersistentDisk: 3,
    awsElasticBlockStore: 4,
    gitRepo: 5,
    secret: 6,
    nfs: 7,
    iscsi: 8,
    glusterfs: 9,
    persistentVolumeClaim: 10,
    rbd: 11,
    flexVolume: 12,
    cinder: 13,
    cephfs: 14,
    flocker: 15,
    downwardAPI: 16,
    fc: 17,
    azureFile: 18,
    configMap: 19,
    vsphereVolume: 20,
    quobyte: 21,
    azureDisk: 22,
    photonPersistentDisk: 23,
    portworxVolume: 24,
    scaleIO: 25,
    projected: 26,
    storageos: 27,
    csi: 28,
    ephemeral: 29,
    image: 30,
  },
};

/** Throws `ApiError` BadRequest naming kind and offset where the bytes are malformed. */
export function decodeProtobuf(schema: Schema, bytes: Uint8Array): ProtobufBody {
  if (!MAGIC.every((byte, i) => bytes[i] === byte)) {
    throw badRequest("the protobuf body does not begin with Kubernetes' prefix k8s\\0");
  }
  const envelope = readEnvelope(bytes.subarray(MAGIC.length));
  const { apiVersion, kind, raw } = envelope;
  const [group, version] = apiVersion.includes("/") ? apiVersion.split("/", 2) : ["", apiVersion];
  const typeName = schema.typeNameOf({ group: group ?? "", version: version ?? "", kind });
  if (typeName === undefined) {
    throw badRequest(`no kind "${kind}" is registered for version "${apiVersion}"`);
  }
  const reader = new Reader(raw);
  try {
    const value = new Decoder(schema, reader).message(typeName, raw.length);
    return { apiVersion, kind, value: { ...value, apiVersion, kind } };
  } catch (error) {
    if (!(error instanceof MessageDecodeError)) throw error;
    throw badRequest(
      `the protobuf body of ${kind} is malformed at offset ${reader.position} of ${raw.length}: ${error.message}`,
    );
  }
}

interface Envelope {
  readonly apiVersion: string;
  readonly kind: string;
  readonly raw: Uint8Array;
}

function readEnvelope(bytes: Uint8Array): Envelope {
  const reader = new Reader(bytes);
  let [apiVersion, kind] = ["", ""];
  let raw: Uint8Array = new Uint8Array(0);
  try {
    while (reader.position < bytes.length) {
      const tag = reader.tag();
      if (tag === 10) {
        const inner = new Reader(reader.bytes());
        while (inner.remaining > 0) {
          const field = inner.tag();
          if (field === 10) apiVersion = inner.string();
          else if (field === 18) kind = inner.string();
          else inner.skip(field);
        }
      } else if (tag === 18) raw = reader.bytes();
      else reader.skip(tag);
    }
  } catch (error) {
    if (!(error instanceof MessageDecodeError)) throw error;
    throw badRequest(
      `the protobuf envelope is malformed at offset ${reader.position}: ${error.message}`,
    );
  }
  return { apiVersion, kind, raw };
}

type Tree = Record<string, unknown>;

interface Known {
  readonly name: string;
  readonly facts: FieldFacts;
}

class Decoder {
  readonly #schema: Schema;
  readonly #reader: Reader;
  #depth = 0;

  constructor(schema: Schema, reader: Reader) {
    this.#schema = schema;
    this.#reader = reader;
  }

  message(typeName: string, end: number): Tree {
    const facts = this.#schema.typeOf(typeName);
    if (!facts?.fields) throw new MessageDecodeError(`type ${typeName} is no message`);
    if (++this.#depth > MAX_DEPTH)
      throw new MessageDecodeError(`messages nested more than ${MAX_DEPTH} deep`);
    const tree: Tree = {};
    this.#fields(tree, end, { byNumber: numbersOf(facts), inline: inlineOf(facts) });
    this.#depth--;
    return tree;
  }

  #fields(
    tree: Tree,
    end: number,
    {
      byNumber,
      inline,
    }: {
      byNumber: ReadonlyMap<number, Known>;
      inline: ReadonlyMap<number, ReadonlyMap<number, Known>>;
    },
  ): void {
    const reader = this.#reader;
    while (reader.position < end) {
      const tag = reader.tag();
      const known = byNumber.get(tag >>> 3);
      const nested = inline.get(tag >>> 3);
      if (known) this.#field(tree, known, tag);
      else if (nested && (tag & 7) === 2) {
        const inner = reader.uint32();
        this.#fields(tree, this.#bounded(inner, end), { byNumber: nested, inline: new Map() });
      } else reader.skip(tag);
    }
  }

  #field(tree: Tree, { name, facts }: Known, tag: number): void {
    const { type } = facts;
    if (typeof type === "string") {
      const value = this.#value(type, tag);
      // Go writes empty strings and zero times that its JSON leaves out.
      if (value !== undefined && (value !== "" || facts.required)) tree[name] = value;
    } else if (isListType(type)) {
      const list = (tree[name] as unknown[] | undefined) ?? []; // Only this branch sets it.
      tree[name] = list;
      if ((tag & 7) === 2 && isVarint(type[0])) {
        this.#reader.packed(() => list.push(this.#value(type[0], 0)));
      } else list.push(this.#value(type[0], tag));
    } else {
      const map = (tree[name] as Tree | undefined) ?? {}; // Only this branch sets it.
      tree[name] = map;
      const [key, value] = this.#mapEntry(type["*"]);
      if (key === "__proto__") throw new MessageDecodeError(`the key "__proto__" is not accepted`);
      map[key] = value;
    }
  }

  #mapEntry(type: TypeRef): [string, unknown] {
    const end = this.#open();
    let key = "";
    let value: unknown = typeof type === "string" && type.startsWith("string") ? "" : undefined;
    while (this.#reader.position < end) {
      const tag = this.#reader.tag();
      if (tag === 10) key = this.#reader.string();
      else if (tag >>> 3 === 2) value = this.#value(type, tag);
      else this.#reader.skip(tag);
    }
    return [key, value];
  }

  #value(type: TypeRef, tag: number): unknown {
    const reader = this.#reader;
    if (typeof type !== "string") {
      // A list inside a map stands in a message of its own, as field 1 (authentication's extra).
      const end = this.#open();
      const items: unknown[] = [];
      const item = isListType(type) ? type[0] : "string";
      while (reader.position < end) {
        const inner = reader.tag();
        if (inner >>> 3 === 1) items.push(this.#value(item, inner));
        else reader.skip(inner);
      }
      return items;
    }
    const wireType = wireTypeOf(type);
    if ((tag & 7) !== wireType)
      throw new MessageDecodeError(`wire type ${tag & 7} for ${type}, expected ${wireType}`);
    switch (type) {
      case "string":
        return reader.string();
      case "string:byte":
        return encodeBase64(reader.bytes());
      case "boolean":
        return reader.bool();
      case "integer:int32":
      case "integer":
        return reader.int32();
      case "integer:int64":
        return reader.int64();
      case "number:double":
        return reader.double();
      default:
        return this.#named(type);
    }
  }

  #named(type: string): unknown {
    const short = type.slice(type.lastIndexOf(".") + 1);
    const end = this.#open();
    switch (short) {
      case "Quantity":
        return this.#scalars(end, "string")[1] ?? "0";
      case "IntOrString": {
        const fields = this.#scalars(end, "mixed");
        return fields[1] === 1 ? (fields[3] ?? "") : (fields[2] ?? 0);
      }
      case "Time":
      case "MicroTime": {
        const fields = this.#scalars(end, "number");
        if (fields[1] === undefined) return undefined;
        const at = new Date(Number(fields[1] ?? 0) * 1000 + Number(fields[2] ?? 0) / 1e6);
        if (Number.isNaN(at.getTime()))
          throw new MessageDecodeError(`${fields[1]} seconds are no time that can be written`);
        return short === "Time" ? timeText(at.getTime()) : microTimeText(at.getTime());
      }
      case "FieldsV1":
      case "RawExtension": {
        const fields = this.#scalars(end, "string");
        try {
          return parseJson(String(fields[1] ?? "null")).value;
        } catch (error) {
          if (!(error instanceof JsonSyntaxError)) throw error;
          throw new MessageDecodeError(`the JSON in ${short}: ${error.message}`);
        }
      }
      default:
        return this.message(type, end);
    }
  }

  /** The fields of a small message by number. */
  #scalars(end: number, kind: "string" | "number" | "mixed"): Record<number, string | number> {
    const fields: Record<number, string | number> = {};
    while (this.#reader.position < end) {
      const tag = this.#reader.tag();
      if ((tag & 7) === 0 && kind !== "string") fields[tag >>> 3] = this.#reader.int64();
      else if ((tag & 7) === 2 && kind !== "number")
        fields[tag >>> 3] = decodeUtf8(this.#reader.bytes());
      else this.#reader.skip(tag);
    }
    return fields;
  }

  #open(): number {
    const length = this.#reader.uint32();
    return this.#bounded(length, this.#reader.position + this.#reader.remaining);
  }

  #bounded(length: number, end: number): number {
    const own = this.#reader.position + length;
    if (own > end)
      throw new MessageDecodeError(`a field of ${length} bytes passes its message's end`);
    return own;
  }
}

function numbersOf(facts: TypeFacts): Map<number, Known> {
  const numbers = new Map<number, Known>();
  for (const [name, field] of Object.entries(facts.fields ?? {})) {
    if (field.proto !== undefined) numbers.set(field.proto, { name, facts: field });
  }
  return numbers;
}

function inlineOf(facts: TypeFacts): Map<number, Map<number, Known>> {
  const inline = new Map<number, Map<number, Known>>();
  for (const { proto, type } of Object.values(facts.protoInline ?? {})) {
    const numbers = new Map<number, Known>();
    for (const [name, number] of Object.entries(INLINED[type] ?? {})) {
      const field = facts.fields?.[name];
      if (field) numbers.set(number, { name, facts: field });
    }
    if (numbers.size > 0) inline.set(proto, numbers);
  }
  return inline;
}

/** Protobuf's: 0 a varint, 1 eight bytes, 2 a length and as many bytes. */
function wireTypeOf(type: string): number {
  if (isVarint(type)) return 0;
  return type === "number:double" ? 1 : 2;
}

function isVarint(type: TypeRef): boolean {
  return typeof type === "string" && (type.startsWith("integer") || type === "boolean");
}

function isListType(type: TypeRef): type is readonly [TypeRef] {
  return Array.isArray(type);
}
