/** Rules as a table: what is sent, and what the endpoint must make of it. */
import { describe, expect, it } from "vitest";
import { type Role, SUBJECTS, type Talk, verdict } from "./subject.js";

export interface Rule {
  /** Section and rule, in our own words. */
  readonly name: string;
  /** Only for this role; for both where left out. */
  readonly role?: Role;
  /** What is sent after the connection has begun. */
  readonly send: (talk: Talk) => readonly Uint8Array[];
  /** See `verdict`; `%` stands for the number of the first stream. */
  readonly expected: string;
}

export function rules(title: string, list: readonly Rule[]): void {
  for (const subject of SUBJECTS) {
    describe(`${title}, as a ${subject.role}`, () => {
      for (const { name, role, send, expected } of list) {
        if (role !== undefined && role !== subject.role) continue;
        it(name, () => {
          const talk = subject.connect();
          talk.send(...send(talk));
          expect(verdict(talk)).toBe(expected.replace("%", "1"));
        });
      }
    });
  }
}
