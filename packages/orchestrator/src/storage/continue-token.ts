/**
 * The continue token of a list in pages: the version of the whole list, and the last key given,
 * below the list's own prefix. A token of another list can so never lead out of this one.
 */
import { badRequest } from "../api/api-status.js";

export interface ContinueToken {
  /** Undefined: of whatever is there by now, after the list's own version was compacted. */
  readonly version: number | undefined;
  /** A full key. */
  readonly after: string;
}

const FORM = "sagong/v2";

export function encodeContinue(prefix: string, { version, after }: ContinueToken): string {
  const token = { v: FORM, rv: version ?? -1, after: after.slice(prefix.length) };
  return Buffer.from(JSON.stringify(token)).toString("base64url");
}

/** Throws `ApiError` BadRequest where the text is no token of ours. */
export function decodeContinue(prefix: string, text: string): ContinueToken {
  try {
    const value: unknown = JSON.parse(Buffer.from(text, "base64url").toString("utf8"));
    if (isToken(value)) {
      const version = value.rv === -1 ? undefined : value.rv;
      return { version, after: `${prefix}${value.after}` };
    }
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  throw badRequest("continue key is not valid: it is not a token of this server");
}

function isToken(value: unknown): value is { readonly rv: number; readonly after: string } {
  if (typeof value !== "object" || value === null) return false;
  const { v, rv, after } = value as Readonly<Record<string, unknown>>; // Any object may be asked.
  return v === FORM && Number.isSafeInteger(rv) && Number(rv) >= -1 && typeof after === "string";
}
