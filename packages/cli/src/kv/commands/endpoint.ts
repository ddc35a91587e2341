/**
 * `sagong kv endpoint …`: each member asked by itself. Members that do not answer are named on
 * standard error, the others are shown all the same, and the exit code tells.
 */
import { RpcError, StatusCode } from "@sagong/rpc";
import { AlarmType, type StoreClient } from "@sagong/kv/client";
import { encodeUtf8 } from "@sagong/base";
import type { Command as Program } from "commander";
import { errorSentence } from "../error-sentence.js";
import { KV_EXIT, KvError } from "../kv-error.js";
import type { EndpointHash, EndpointHealth, EndpointStatus } from "../printers/results.js";
import type { Session, WithSession } from "../session.js";
import { integerFlag } from "../text/integer.js";
import { asGroup } from "./group.js";

interface EndpointFlags {
  readonly cluster?: true;
}

export function addEndpointCommands(program: Program, withSession: WithSession): void {
  const group = addClusterFlag(asGroup(program.command("endpoint"), "sagong kv endpoint"))
    .description("Members, each asked by itself.")
    .usage("<command>")
    .addHelpText("after", EXAMPLES);
  const add = (
    command: Program,
    run: (session: Session, endpoints: readonly string[], command: Program) => Promise<void>,
  ): void => {
    addClusterFlag(command)
      .usage("[flags]")
      .argument("[words...]")
      .addHelpText("after", EXAMPLES)
      .action((words: readonly string[], flags: EndpointFlags) =>
        withSession(async (session) => {
          if (words.length > 0) {
            const message = `endpoint ${command.name()} command does not accept argument`;
            throw new KvError(KV_EXIT.badArguments, message);
          }
          const isCluster = flags.cluster ?? group.opts<EndpointFlags>().cluster ?? false;
          await run(session, await endpointsOf(session, isCluster), command);
        }),
      );
  };
  const statusDescription =
    "Shows each member: endpoint, id, version, size, is leader, is learner, raft term, raft " +
    "index, applied index, errors.";
  add(group.command("status").description(statusDescription), status);
  add(program.command("status").description("The same as endpoint status."), status);
  add(
    group.command("health").description("Tells which members can serve: reads a key from each."),
    health,
  );
  add(
    group
      .command("hashkv")
      .description("Shows each member's hash of the keys and their history; it must be the same.")
      .option("--rev <revision>", "up to this revision; 0 is the latest", "0"),
    hashKv,
  );
}

function addClusterFlag(command: Program): Program {
  return command.option("--cluster", "ask all members of the cluster that --endpoints is of");
}

async function endpointsOf(session: Session, isCluster: boolean): Promise<readonly string[]> {
  if (!isCluster) return session.endpoints;
  const client = await session.client();
  const { members } = await client.memberList(session.callOptions);
  const urls = new Set(members.flatMap(({ clientUrls }) => clientUrls));
  return [...urls];
}

async function status(session: Session, endpoints: readonly string[]): Promise<void> {
  const print = session.printer("endpoint status");
  const { answers, lastError } = await askEach<EndpointStatus>(session, endpoints, {
    what: "status",
    ask: async (client, endpoint) => ({
      endpoint,
      status: await client.status(session.callOptions),
    }),
  });
  print(answers);
  if (lastError !== undefined) {
    throw new KvError(KV_EXIT.failure, lastError, { isPrinted: false });
  }
}

async function hashKv(
  session: Session,
  endpoints: readonly string[],
  command: Program,
): Promise<void> {
  const revision = integerFlag("rev", command.opts<{ readonly rev: string }>().rev);
  const print = session.printer("endpoint hashkv");
  const { answers, lastError } = await askEach<EndpointHash>(session, endpoints, {
    what: "hash",
    ask: async (client, endpoint) => ({
      endpoint,
      response: await client.hashKv({ revision }, session.callOptions),
    }),
  });
  print(answers);
  if (lastError !== undefined) throw new KvError(KV_EXIT.failure, lastError);
}

/** All at once; the answers in the order of `endpoints`, failures on standard error. */
async function askEach<T>(
  session: Session,
  endpoints: readonly string[],
  question: {
    readonly what: string;
    readonly ask: (client: StoreClient, endpoint: string) => Promise<T>;
  },
): Promise<{ readonly answers: readonly T[]; readonly lastError: string | undefined }> {
  const outcomes = await Promise.allSettled(
    endpoints.map(async (endpoint) => question.ask(await session.clientOf([endpoint]), endpoint)),
  );
  const answers: T[] = [];
  let lastError: string | undefined;
  for (const [i, outcome] of outcomes.entries()) {
    if (outcome.status === "fulfilled") {
      answers.push(outcome.value);
      continue;
    }
    lastError = errorSentence(outcome.reason);
    const subject = `the ${question.what} of endpoint ${endpoints[i] ?? ""}`;
    session.io.err(`Failed to get ${subject} (${lastError})\n`);
  }
  return { answers, lastError };
}

async function health(session: Session, endpoints: readonly string[]): Promise<void> {
  const print = session.printer("endpoint health");
  const healths = await Promise.all(endpoints.map((endpoint) => healthOf(session, endpoint)));
  if (session.format === "simple") {
    const unhealthy = healths.filter(({ isHealthy }) => !isHealthy);
    print(healths.filter(({ isHealthy }) => isHealthy));
    for (const { endpoint, error } of unhealthy) {
      session.io.err(`${endpoint} is unhealthy: failed to commit proposal: ${error}\n`);
    }
  } else {
    print(healths);
  }
  if (healths.some(({ isHealthy }) => !isHealthy)) {
    throw new KvError(KV_EXIT.failure, "unhealthy cluster");
  }
}

/** The key that etcdctl reads; that it need not exist is the point. */
const HEALTH_KEY = "health";

async function healthOf(session: Session, endpoint: string): Promise<EndpointHealth> {
  const startMs = session.clock.monotonicMs();
  const error = await unhealthiness(session, endpoint);
  const tookMs = session.clock.monotonicMs() - startMs;
  return { endpoint, isHealthy: error === "", tookMs, error };
}

/** Why the member cannot serve; "" where it can. */
async function unhealthiness(session: Session, endpoint: string): Promise<string> {
  const client = await session.clientOf([endpoint]);
  try {
    await client.range({ key: encodeUtf8(HEALTH_KEY) }, session.callOptions);
  } catch (error) {
    // Being denied the key takes a member that works.
    if (!(error instanceof RpcError) || error.code !== StatusCode.permissionDenied) {
      return errorSentence(error);
    }
  }
  try {
    const { alarms } = await client.alarms(session.callOptions);
    if (alarms.length === 0) return "";
    return `Active Alarm(s): ${alarms.map(({ alarm }) => `${alarmName(alarm)} `).join("")}`;
  } catch (error) {
    return `Unable to fetch the alarm list (${errorSentence(error)})`;
  }
}

function alarmName(alarm: number): string {
  if (alarm === AlarmType.NOSPACE) return "NOSPACE";
  return alarm === AlarmType.CORRUPT ? "CORRUPT" : "UNKNOWN";
}

const EXAMPLES = `
Examples:
  sagong kv endpoint status --cluster -w table
  sagong kv endpoint health --endpoints 127.0.0.1:2379,127.0.0.1:22379
  sagong kv endpoint hashkv --cluster`;
