/** What every component that works through the API server is given, and how it is stopped. */
import type { Clock, Logger, Random } from "@sagong/base";
import type { ObjectClient } from "../client/object-client.js";

export interface ComponentDependencies {
  readonly client: ObjectClient;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

export interface RunningComponent {
  close(): Promise<void>;
}
