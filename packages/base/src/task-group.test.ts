import { expect, it } from "vitest";
import { TaskGroup } from "./task-group.js";

it("TaskGroup.settled() waits for tasks that tasks start, and reports failures by name", async () => {
  const failures: string[] = [];
  const seen: string[] = [];
  const group = new TaskGroup((error, name) => failures.push(`${name}: ${String(error)}`));
  group.run("first", async () => {
    await Promise.resolve();
    group.run("second", async () => {
      await Promise.resolve();
      seen.push("second");
      throw new Error("broken");
    });
  });
  await group.settled();
  expect(seen).toEqual(["second"]);
  expect(failures).toEqual(["second: Error: broken"]);
  expect(group.size).toBe(0);
});
