/** Whether an error carries this code, as Node's system errors do: ENOENT, EADDRINUSE, … */
export function hasCode(error: unknown, code: string): error is Error & { readonly code: string } {
  return error instanceof Error && "code" in error && error.code === code;
}
