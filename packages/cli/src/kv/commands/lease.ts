/** `sagong kv lease …`: times to live that keys can be attached to. */
import { delay } from "@sagong/base";
import type { LeaseKeepAliveResponse } from "@sagong/kv/client";
import type { Command as Program } from "commander";
import { errorSentence } from "../error-sentence.js";
import { KV_EXIT, KvError } from "../kv-error.js";
import type { Session, WithSession } from "../session.js";
import { hexId, leaseId, parseSafeInteger } from "../text/integer.js";
import { asGroup } from "./group.js";

/** Renewals in the life of a lease (clientv3's). */
const RENEWALS_PER_TTL = 3;

export function addLeaseCommands(program: Program, withSession: WithSession): void {
  const lease = asGroup(program.command("lease"), "sagong kv lease")
    .description("Leases: keys that are attached to one go when it ends.")
    .usage("<command>");
  lease
    .command("grant")
    .description("Makes a lease that lives for <ttl> seconds unless it is renewed.")
    .usage("<ttl>")
    .argument("[words...]")
    .action((words: readonly string[]) => withSession((session) => grant(session, words)));
  lease
    .command("revoke")
    .description("Ends a lease, and deletes its keys.")
    .usage("<lease id>")
    .argument("[words...]")
    .action((words: readonly string[]) => withSession((session) => revoke(session, words)));
  lease
    .command("timetolive")
    .description("Shows how long a lease still lives.")
    .usage("[flags] <lease id>")
    .option("--keys", "also the keys that are attached to it")
    .argument("[words...]")
    .action((words: readonly string[], { keys = false }: { keys?: boolean }) =>
      withSession((session) => timeToLive(session, words, { keys })),
    );
  lease
    .command("list")
    .description("Lists the leases that live.")
    .usage("")
    .argument("[words...]")
    .action((words: readonly string[]) => withSession((session) => list(session, words)));
  lease
    .command("keep-alive")
    .description("Renews a lease again and again, until it ends or the command is interrupted.")
    .usage("[flags] <lease id>")
    .option("--once", "renew it once")
    .argument("[words...]")
    .action((words: readonly string[], { once = false }: { once?: boolean }) =>
      withSession((session) => keepAlive(session, words, { once })),
    );
  for (const command of [lease, ...lease.commands]) command.addHelpText("after", EXAMPLES);
}

async function grant(session: Session, words: readonly string[]): Promise<void> {
  const [word] = words;
  if (word === undefined || words.length > 1) refuse("lease grant command needs TTL argument");
  const ttl = parseSafeInteger(word);
  if (ttl.kind === "error") refuse(`bad TTL (${ttl.error})`);
  const print = session.printer("lease grant");
  const client = await session.client();
  print(
    await naming("failed to grant lease", () =>
      client.leaseGrant({ ttl: ttl.value }, session.callOptions),
    ),
  );
}

async function revoke(session: Session, words: readonly string[]): Promise<void> {
  const id = oneLease(words, "lease revoke command needs 1 argument");
  const print = session.printer("lease revoke");
  const client = await session.client();
  const response = await naming("failed to revoke lease", () =>
    client.leaseRevoke(id, session.callOptions),
  );
  print({ id, response });
}

async function timeToLive(
  session: Session,
  words: readonly string[],
  { keys }: { readonly keys: boolean },
): Promise<void> {
  const id = oneLease(words, "lease timetolive command needs lease ID as argument");
  const print = session.printer("lease timetolive");
  const client = await session.client();
  const response = await client.leaseTimeToLive({ id, keys }, session.callOptions);
  print({ response, withKeys: keys });
}

async function list(session: Session, words: readonly string[]): Promise<void> {
  if (words.length > 0) refuse("lease list command does not accept argument");
  const print = session.printer("lease list");
  const client = await session.client();
  print(await client.leaseLeases(session.callOptions));
}

async function keepAlive(
  session: Session,
  words: readonly string[],
  { once }: { readonly once: boolean },
): Promise<void> {
  const id = oneLease(words, "lease keep-alive command needs lease ID as argument");
  const print = session.printer("lease keep-alive");
  const client = await session.client();
  const { signal } = session.io;
  for (;;) {
    let response: LeaseKeepAliveResponse;
    try {
      response = await client.leaseKeepAliveOnce(id, session.callOptions);
    } catch (error) {
      if (signal.aborted) return;
      throw new KvError(KV_EXIT.badConnection, errorSentence(error));
    }
    if (response.ttl <= 0) break;
    print(response);
    if (once) return;
    const isAborted = await delay(session.clock, (response.ttl * 1000) / RENEWALS_PER_TTL, signal)
      .then(() => false)
      .catch(() => true);
    if (isAborted) return;
  }
  if (once) {
    throw new KvError(KV_EXIT.badConnection, "etcdserver: requested lease not found");
  }
  if (session.format === "simple") session.write([`lease ${hexId(id)} expired or revoked.\n`]);
}

function oneLease(words: readonly string[], otherwise: string): bigint {
  const [word] = words;
  if (word === undefined || words.length > 1) refuse(otherwise);
  return leaseId(word, "lease ID arg");
}

/** Failures of `call` as `what (why)`. */
async function naming<T>(what: string, call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    throw new KvError(KV_EXIT.failure, `${what} (${errorSentence(error)})`);
  }
}

function refuse(message: string): never {
  throw new KvError(KV_EXIT.badArguments, message);
}

const EXAMPLES = `
Examples:
  sagong kv lease grant 60
  sagong kv put session alive --lease 32695410dcc0ca06
  sagong kv lease keep-alive 32695410dcc0ca06
  sagong kv lease timetolive 32695410dcc0ca06 --keys
  sagong kv lease revoke 32695410dcc0ca06`;
