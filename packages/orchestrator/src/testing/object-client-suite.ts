/**
 * What every `ObjectClient` does, as one suite: in-process, our gRPC service and Kubernetes REST
 * pass the same tests, so that a component does not care which one it has.
 */
import { afterAll, beforeAll, describe, it } from "vitest";
import { NAMESPACES } from "../api/resources.js";
import type { ObjectClient } from "../client/object-client.js";
import { createTests } from "./object-client/create-tests.js";
import { deleteTests, subresourceTests } from "./object-client/delete-tests.js";
import { listTests } from "./object-client/list-tests.js";
import type { DefineTest } from "./object-client/test-objects.js";
import { patchTests, updateTests } from "./object-client/update-tests.js";
import { watchEndTests, watchTests } from "./object-client/watch-tests.js";

export interface ObjectClientFixture {
  readonly client: ObjectClient;
  /** Makes the store forget how things were until now. */
  compact(): void;
  close(): Promise<void>;
}

/** One fixture for the suite; each test has a namespace of its own. */
export function objectClientSuite(name: string, open: () => Promise<ObjectClientFixture>): void {
  describe(name, () => {
    let fixture: ObjectClientFixture;
    let tests = 0;
    beforeAll(async () => {
      fixture = await open();
    });
    afterAll(() => fixture.close());

    const test: DefineTest = (title, body) => {
      it(title, async () => {
        const namespace = `test-${++tests}`;
        await fixture.client.create(NAMESPACES, { metadata: { name: namespace } });
        await body(fixture.client, namespace);
      });
    };
    createTests(test);
    updateTests(test);
    patchTests(test);
    deleteTests(test);
    subresourceTests(test);
    listTests(test, () => fixture.compact());
    watchTests(test);
    watchEndTests(test);
  });
}
