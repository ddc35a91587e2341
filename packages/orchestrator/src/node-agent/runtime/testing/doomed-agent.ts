/**
 * A program that does what an agent does with one container, and says at each step how far it is,
 * for a test that kills it there: `node doomed-agent.js ROOT POD_CIDR COMMAND...`
 */
import { join } from "node:path";
import { seededRandom, silentLogger } from "@sagong/base";
import { randomSeed, realClock } from "@sagong/base/real";
import { openProcessRuntime } from "../process-runtime.js";

const [rootDir = "", podCidr = "", ...command] = process.argv.slice(2);
const say = (step: string): void => void process.stdout.write(`${step}\n`);

const runtime = await openProcessRuntime(
  { rootDir, podCidr },
  { clock: realClock(), random: seededRandom(randomSeed()), logger: silentLogger },
);
const sandbox = await runtime.runPodSandbox({
  namespace: "default",
  name: "p",
  uid: "u",
  logDirectory: join(rootDir, "logs"),
});
say("sandbox");
const container = await runtime.createContainer(sandbox, {
  name: "c",
  attempt: 0,
  image: "none",
  command,
  args: [],
  workingDir: undefined,
  env: [{ name: "PATH", value: "/usr/bin:/bin" }],
  mounts: [],
  user: undefined,
  logPath: "c/0.log",
  annotations: {},
});
say("starting");
await runtime.startContainer(container);
say("started");
