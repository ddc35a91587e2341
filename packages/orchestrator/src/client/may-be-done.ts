/** Whether a write that failed may have been done all the same. */
import { isApiError } from "../api/api-status.js";

/**
 * True where nobody said that it was refused: the connection broke, the time was over, the server
 * failed in the middle. A refusal by the API server (Conflict, NotFound, Forbidden, …) says that
 * nothing was done.
 */
export function mayBeDone(error: unknown): boolean {
  if (!isApiError(error)) return true;
  return isApiError(error, "ServiceUnavailable", "Timeout", "ServerTimeout", "InternalError");
}
