/** The continue token of a list in pages: the revision of the whole list, and the last key given. */
import { badRequest } from "../api/api-status.js";

export interface ContinueToken {
  readonly version: number;
  readonly after: string;
}

export function encodeContinue(token: ContinueToken): string {
  return Buffer.from(
    JSON.stringify({ v: "sagong/v1", rv: token.version, after: token.after }),
  ).toString("base64url");
}

/** Throws `ApiError` BadRequest where the text is no token of ours. */
export function decodeContinue(text: string): ContinueToken {
  try {
    const value: unknown = JSON.parse(Buffer.from(text, "base64url").toString("utf8"));
    if (typeof value === "object" && value !== null && "rv" in value && "after" in value) {
      if (typeof value.rv === "number" && typeof value.after === "string")
        return { version: value.rv, after: value.after };
    }
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  throw badRequest("continue key is not valid: it is not a token of this server");
}
