/** One line of text per message and entry, for golden files and logs. */
import type { Message } from "./message.js";
import type { Entry } from "./types.js";

export function describeMessage(message: Message): string {
  const head = `${message.from}→${message.to} ${message.kind} t${message.term}`;
  switch (message.kind) {
    case "append":
      return `${head} prev=${message.prevIndex}@${message.prevTerm} commit=${message.commit} [${message.entries.map(describeEntry).join(" ")}]`;
    case "append-response":
      return message.rejected
        ? `${head} rejected=${message.index} hint=${message.hintIndex}@${message.hintTerm}`
        : `${head} match=${message.index}`;
    case "commit":
      return `${head} at=${message.index}@${message.logTerm} commit=${message.commit}`;
    case "heartbeat":
      return `${head} commit=${message.commit} round=${message.round}`;
    case "heartbeat-response":
      return `${head} round=${message.round}${message.idle ? " idle" : ""}`;
    case "vote":
    case "pre-vote":
      return `${head} last=${message.lastIndex}@${message.lastTerm}${message.transfer ? " transfer" : ""}`;
    case "vote-response":
    case "pre-vote-response":
      return `${head} ${message.granted ? "granted" : "refused"}`;
    case "snapshot":
      return `${head} at=${message.metadata.index}@${message.metadata.term}`;
    case "propose":
      return `${head} ${message.data.length} entries`;
    case "read-index":
      return `${head} context=${message.context}`;
    case "read-index-response":
      return `${head} context=${message.context} index=${message.index}`;
    case "timeout-now":
      return head;
  }
}

export function describeEntry(entry: Entry): string {
  return `${entry.index}@${entry.term}`;
}
