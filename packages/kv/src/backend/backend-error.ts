/** The database cannot be opened, read or written; the member must stop. */
export class BackendError extends Error {
  override readonly name: string = "BackendError";
}
