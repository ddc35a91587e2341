import { describe, expect, it } from "vitest";
import { commandAs, processUser } from "./process-user.js";
import type { ContainerUser } from "./runtime.js";

const PASSWD = "root:x:0:0:root:/root:/bin/sh\nwww-data:x:33:34:www:/var/www:/bin/false\n";
const asRoot = { ownUid: 0, ownGid: 0, passwd: PASSWD };
const asUser = { ownUid: 1000, ownGid: 1000, passwd: PASSWD };

const user = (uid?: number, gid?: number, nonRoot = false): ContainerUser => ({
  uid,
  gid,
  nonRoot,
});

describe("processUser()", () => {
  it.each<[string, ContainerUser | undefined, object | undefined]>([
    ["nothing asked for", undefined, undefined],
    ["root itself", user(0), undefined],
    ["a user with its primary group", user(33), { uid: 33, gid: 34 }],
    ["a user that has no entry", user(4711), { uid: 4711, gid: 4711 }],
    ["a user with another group", user(33, 5), { uid: 33, gid: 5 }],
    ["a group alone", user(undefined, 5), { uid: 0, gid: 5 }],
    ["a user where root is forbidden", user(33, undefined, true), { uid: 33, gid: 34 }],
  ])("of an agent that is root: %s", (_what, wanted, expected) => {
    expect(processUser(wanted, asRoot)).toEqual(expected);
  });

  it("refuses root where the spec forbids it, and says what to set", () => {
    expect(() => processUser(user(undefined, undefined, true), asRoot)).toThrow("set runAsUser");
    expect(processUser(user(undefined, undefined, true), asUser)).toBeUndefined();
  });

  it("refuses another user than the agent's own where that is not root", () => {
    expect(processUser(user(1000, 1000), asUser)).toBeUndefined();
    expect(() => processUser(user(33), asUser)).toThrow(
      "Cannot run container as user 33 and group 34: this node agent runs as user 1000, expected root",
    );
  });
});

describe("commandAs()", () => {
  it("leaves a command as it is where the user does not change", () => {
    expect(commandAs(undefined, ["a", "b"])).toEqual(["a", "b"]);
  });
});
