/**
 * OpenAPI v2 in gnostic's protobuf (openapi.v2.Document), the only form in which kubectl asks for
 * it. Holds the messages and fields that our own document uses; values that have no message (the
 * extensions) are written as YAML inside, of which JSON is a part.
 */
import { Writer } from "@sagong/rpc/message";
import type { Document } from "./type-documents.js";

/** Length-delimited, as all fields here but booleans. */
const LENGTH = 2;

type Write = (writer: Writer, field: number, value: unknown) => void;

/** Of one message: field number and form by JSON name, and the number of its extensions. */
interface Message {
  readonly fields: () => Readonly<Record<string, readonly [number, Write]>>;
  readonly extensions?: number;
}

export function encodeOpenApiV2(document: Document): Uint8Array {
  const writer = new Writer();
  writeFields(writer, DOCUMENT, document);
  return writer.finish();
}

const text: Write = (writer, field, value) => {
  writer.uint32((field << 3) | LENGTH);
  writer.string(String(value));
};

const flag: Write = (writer, field, value) => {
  writer.uint32(field << 3);
  writer.bool(value === true);
};

const texts: Write = (writer, field, value) => {
  for (const item of listOf(value)) text(writer, field, item);
};

function one(message: Message): Write {
  return (writer, field, value) =>
    nested(writer, field, () => writeFields(writer, message, treeOf(value)));
}

function many(write: Write): Write {
  return (writer, field, value) => {
    for (const item of listOf(value)) write(writer, field, item);
  };
}

/** A message whose only field, of this number, is `write`'s. */
function within(inner: number, write: Write): Write {
  return (writer, field, value) => nested(writer, field, () => write(writer, inner, value));
}

/** A JSON object as pairs of name and value, each field `inner` of one message. */
function named(inner: number, write: Write): Write {
  return (writer, field, value) =>
    nested(writer, field, () => {
      for (const [name, item] of Object.entries(treeOf(value))) {
        nested(writer, inner, () => {
          text(writer, 1, name);
          write(writer, 2, item);
        });
      }
    });
}

/** Bodies, query and path parameters are messages of their own. */
const parameter: Write = (writer, field, value) => {
  const where = treeOf(value)["in"];
  const write =
    where === "body"
      ? within(1, one(BODY_PARAMETER))
      : within(
          2,
          where === "path" ? within(4, one(PATH_PARAMETER)) : within(3, one(QUERY_PARAMETER)),
        );
  nested(writer, field, () => write(writer, 1, value));
};

const schema: Write = (writer, field, value) => one(SCHEMA)(writer, field, value);
const operation: Write = (writer, field, value) => one(OPERATION)(writer, field, value);

const DOCUMENT: Message = {
  fields: () => ({
    swagger: [1, text],
    info: [2, one({ fields: () => ({ title: [1, text], version: [2, text] }) })],
    paths: [8, named(2, one(PATH_ITEM))],
    definitions: [9, named(1, schema)],
  }),
};

const PATH_ITEM: Message = {
  fields: () => ({
    get: [2, operation],
    put: [3, operation],
    post: [4, operation],
    delete: [5, operation],
    patch: [8, operation],
    parameters: [9, many(parameter)],
  }),
};

const OPERATION: Message = {
  fields: () => ({
    produces: [6, texts],
    consumes: [7, texts],
    parameters: [8, many(parameter)],
    responses: [9, named(1, within(1, one(RESPONSE)))],
  }),
  extensions: 13,
};

const RESPONSE: Message = {
  fields: () => ({ description: [1, text], schema: [2, within(1, schema)] }),
};

const BODY_PARAMETER: Message = {
  fields: () => ({ name: [2, text], in: [3, text], required: [4, flag], schema: [5, schema] }),
};

const QUERY_PARAMETER: Message = {
  fields: () => ({ in: [2, text], name: [4, text], type: [6, text], uniqueItems: [20, flag] }),
};

const PATH_PARAMETER: Message = {
  fields: () => ({
    required: [1, flag],
    in: [2, text],
    name: [4, text],
    type: [5, text],
    uniqueItems: [19, flag],
  }),
};

const SCHEMA: Message = {
  fields: () => ({
    $ref: [1, text],
    format: [2, text],
    required: [19, texts],
    additionalProperties: [21, within(1, schema)],
    type: [22, within(1, text)],
    items: [23, within(1, schema)],
    properties: [25, named(1, schema)],
  }),
  extensions: 31,
};

/** Throws where a document has what no message here holds: it is our own, so that is a mistake. */
function writeFields(writer: Writer, message: Message, value: Document): void {
  const fields = message.fields();
  for (const [name, item] of Object.entries(value)) {
    const known = fields[name];
    if (known) known[1](writer, known[0], item);
    else if (message.extensions !== undefined && name.startsWith("x-"))
      extension(writer, message.extensions, { name, value: item });
    else throw new Error(`Cannot encode the field ${name}: expected one of OpenAPI v2's`);
  }
}

function extension(
  writer: Writer,
  field: number,
  { name, value }: { readonly name: string; readonly value: unknown },
): void {
  nested(writer, field, () => {
    text(writer, 1, name);
    nested(writer, 2, () => text(writer, 2, JSON.stringify(value)));
  });
}

function nested(writer: Writer, field: number, write: () => void): void {
  writer.uint32((field << 3) | LENGTH);
  writer.packed(write);
}

function treeOf(value: unknown): Document {
  return value as Document; // A part of our own document, at a place that holds an object.
}

function listOf(value: unknown): readonly unknown[] {
  return value as readonly unknown[]; // As above, one that holds a list.
}
