import { implement, type ServiceImplementation } from "@sagong/rpc";
import { AuthService } from "../gen/rpc.js";

/** etcdserverpb.Auth: not there yet, and every method says so by Unimplemented. */
export function createAuthService(): ServiceImplementation {
  return implement(AuthService, {});
}
