/**
 * What entries look like, in logs and on the wire between members: batches of proposals
 * (core/proposals.ts). Another format is refused, by a log's identity and at a stream's beginning.
 * Before there was a number (0) an entry was one proposal; 1 was never used.
 */
export const ENTRY_FORMAT = 2;
