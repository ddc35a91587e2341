/** What the database holds cannot be what was written: the member must stop. */
export class DamagedDatabaseError extends Error {
  override readonly name: string = "DamagedDatabaseError";

  constructor(why: string, options?: ErrorOptions) {
    super(`Cannot read the database: ${why}`, options);
  }
}
