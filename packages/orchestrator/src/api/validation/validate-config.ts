/** Config maps and secrets: keys, sizes, what a secret's type asks for, and what stays for ever. */
import { decodeUtf8 } from "@sagong/base";
import type { ConfigMap, Secret } from "../gen/core-v1.js";
import { base64ByteLength, decodeBase64 } from "../codec/base64.js";
import { equalTrees } from "../patch/json-tree.js";
import type { Faults } from "./faults.js";

const KEY = /^[-._a-zA-Z0-9]+$/;
const MAX_KEY_CHARACTERS = 253;
const MAX_BYTES = 1024 * 1024;

export function validateConfigMap({ data, binaryData }: ConfigMap, faults: Faults): void {
  let bytes = 0;
  for (const [field, map] of [
    ["data", data],
    ["binaryData", binaryData],
  ] as const) {
    for (const [key, value] of Object.entries(map ?? {})) {
      bytes += value.length;
      validateKey(field, key, faults);
    }
  }
  for (const key of Object.keys(data ?? {})) {
    if (binaryData && Object.hasOwn(binaryData, key))
      faults.invalid(`data[${key}]`, key, "duplicate of key present in binaryData");
  }
  if (bytes > MAX_BYTES) faults.tooLong("", MAX_BYTES);
}

export function validateConfigMapUpdate(now: ConfigMap, before: ConfigMap, faults: Faults): void {
  if (!before.immutable) return;
  if (!now.immutable) stays("immutable", faults);
  if (!equalTrees(now.data ?? {}, before.data ?? {})) stays("data", faults);
  if (!equalTrees(now.binaryData ?? {}, before.binaryData ?? {})) stays("binaryData", faults);
}

/** By type: the keys without which it is none. */
const REQUIRED_KEYS: ReadonlyMap<string, readonly string[]> = new Map([
  ["kubernetes.io/tls", ["tls.crt", "tls.key"]],
  ["kubernetes.io/ssh-auth", ["ssh-privatekey"]],
  ["kubernetes.io/dockerconfigjson", [".dockerconfigjson"]],
  ["kubernetes.io/dockercfg", [".dockercfg"]],
]);
/** Keys whose value is JSON. */
const JSON_KEYS: ReadonlyMap<string, string> = new Map([
  ["kubernetes.io/dockerconfigjson", ".dockerconfigjson"],
  ["kubernetes.io/dockercfg", ".dockercfg"],
]);
const ACCOUNT = "kubernetes.io/service-account.name";

export function validateSecret({ metadata, type = "", data = {} }: Secret, faults: Faults): void {
  let bytes = 0;
  for (const [key, value] of Object.entries(data)) {
    validateKey("data", key, faults);
    bytes += base64ByteLength(value);
  }
  if (bytes > MAX_BYTES) faults.tooLong("data", MAX_BYTES);
  for (const key of REQUIRED_KEYS.get(type) ?? []) {
    if (data[key] === undefined) faults.required(`data[${key}]`);
  }
  const json = JSON_KEYS.get(type);
  const text = json === undefined ? undefined : data[json];
  if (text !== undefined && !isJson(decodeBase64(text)))
    faults.invalid(`data[${json}]`, "<secret contents redacted>", "expected JSON");
  if (type === "kubernetes.io/basic-auth" && !("username" in data) && !("password" in data)) {
    faults.required("data[username]");
    faults.required("data[password]");
  }
  if (type === "kubernetes.io/service-account-token" && !metadata.annotations?.[ACCOUNT])
    faults.required(`metadata.annotations[${ACCOUNT}]`);
}

export function validateSecretUpdate(now: Secret, before: Secret, faults: Faults): void {
  if (now.type !== before.type) faults.invalid("type", now.type ?? "", "field is immutable");
  if (!before.immutable) return;
  if (!now.immutable) stays("immutable", faults);
  if (!equalTrees(now.data ?? {}, before.data ?? {})) stays("data", faults);
}

function stays(field: string, faults: Faults): void {
  faults.forbidden(field, "field is immutable when `immutable` is set");
}

function validateKey(field: string, key: string, faults: Faults): void {
  if (key.length > MAX_KEY_CHARACTERS) {
    const why = `must be no more than ${MAX_KEY_CHARACTERS} characters`;
    faults.invalid(`${field}[${key}]`, key, why);
  }
  if (KEY.test(key)) return;
  const why =
    "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')";
  faults.invalid(`${field}[${key}]`, key, why);
}

function isJson(bytes: Uint8Array): boolean {
  try {
    JSON.parse(decodeUtf8(bytes));
    return true;
  } catch {
    return false; // That is the answer.
  }
}
