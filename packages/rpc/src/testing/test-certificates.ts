/** The certificates of tests; see the README beside them. */
import { readFileSync } from "node:fs";

export interface TestCertificate {
  readonly cert: string;
  readonly key: string;
}

/** `localhost` holds for localhost, 127.0.0.1 and ::1; `elsewhere` for elsewhere.example. */
export function testCertificate(name: "localhost" | "elsewhere"): TestCertificate {
  const read = (file: string): string =>
    readFileSync(new URL(`../../test/testdata/tls/${file}`, import.meta.url), "utf8");
  return { cert: read(`${name}.pem`), key: read(`${name}-key.pem`) };
}
